"""Which interfaces a match means: names, numbers, groups."""

from __future__ import annotations

import pytest
from random_rules import Packet
from rules_bench import Bench, forward

from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.interfaces import name_number, wildcard
from pcapaudit.rules.machine import InterfaceFacts, Machine

NAMES = ("inside", "outside", "7")
FACTS = Machine(facts=(InterfaceFacts(index=3, group=1, kind=1), InterfaceFacts(index=4, group=0), InterfaceFacts(index=5)))


def test_names_and_wildcards():
    """Sixteen bytes, padded."""
    assert name_number("lo") == int.from_bytes(b"lo".ljust(16, b"\0"), "big")
    first, last = wildcard("wg*")
    assert first <= name_number("wg0") <= last
    assert wildcard("lo") == (name_number("lo"), name_number("lo"))


def test_foreign_interfaces_are_noted():
    """Names that the assumed zones do not have."""
    program = compile_ruleset(parse_ruleset(forward('iifname "eth7" drop'), "f.nft"), ("inside",))
    note = 'interface "eth7" (f.nft:4) is not one of the assumed interfaces: what depends on it is undecidable'
    assert note in program.notes


@pytest.mark.parametrize(
    ("rule", "packet", "outcome"),
    [
        ("iif 3 accept", Packet(iif="inside"), ("accept", True)),
        ("iif 3 accept", Packet(iif="outside"), ("drop", True)),
        ("meta iif != 3 accept", Packet(iif="outside"), ("accept", True)),
        ("oif 4 accept", Packet(oif="outside"), ("accept", True)),
        # An interface may be called so.
        ("iif 7 accept", Packet(iif="7"), ("accept", True)),
        ("iif 7 accept", Packet(iif="inside"), ("drop", True)),
        # Names are names.
        ('iifname "3" accept', Packet(iif="inside"), ("drop", True)),
        ("iif 3 accept", Packet(iif=None), ("drop", False)),
        ("iifgroup 1 accept", Packet(iif="inside"), ("accept", True)),
        ("iifgroup default accept", Packet(iif="outside"), ("accept", True)),
        ("iifgroup != 1 accept", Packet(iif="outside"), ("accept", True)),
        ("iifgroup { 0-1, 9 } accept", Packet(iif="inside"), ("accept", True)),
        ("oifgroup 1 accept", Packet(oif="outside"), ("drop", True)),
        ("iifgroup 1 accept", Packet(iif="7"), ("drop", False)),
        ("iiftype ether accept", Packet(iif="inside"), ("accept", True)),
        ("iiftype ppp accept", Packet(iif="inside"), ("drop", True)),
        ("oiftype ether accept", Packet(oif="outside"), ("drop", False)),
        # What is compared with parts of a concatenation is not known.
        ("iifgroup . tcp dport { 1 . 80 } accept", Packet(iif="inside"), ("drop", False)),
    ],
)
def test_numbers_and_groups(rule, packet, outcome):
    """What the topology says of an interface; what it does not say is open."""
    assert Bench(forward(rule), NAMES, assumed=False, machine=FACTS).judge(packet) == outcome


@pytest.mark.parametrize(
    ("rule", "wanted"), [("iif 5 drop", "index = NUMBER"), ("oifgroup 2 drop", "group = NUMBER"), ("iiftype ppp drop", 'type = "ether"')]
)
def test_what_nobody_said_is_noted(rule, wanted):
    """With the rule's place, and what to do."""
    program = compile_ruleset(parse_ruleset(forward(rule), "f.nft"), ("inside",), assumed=False)
    assert any("f.nft:4" in note and wanted in note and note.endswith("undecidable") for note in program.notes)
