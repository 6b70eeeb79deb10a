"""Sets, maps and named objects."""

from __future__ import annotations

import pytest

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.nft.printer import format_ruleset


def table(body):
    """A table of the text."""
    return parse_ruleset(f"table inet t {{\n{body}\n}}\n")


BODIES = [
    "set s {\ntype ipv4_addr\nflags interval\nauto-merge\nelements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9 }\n}",
    "set s {\ntypeof ip saddr . tcp dport\nelements = { 10.0.0.1 . 80 }\n}",
    "set s {\ntype ipv4_addr\nsize 100\nflags dynamic,timeout\ntimeout 1h\nlimit rate 5/second burst 5 packets\n}",
    "map m {\ntype inet_service : verdict\nelements = { 80 : accept, 81 : drop }\n}",
    "map m {\ntype ipv4_addr : ipv4_addr . inet_service\nelements = { 10.0.0.1 : 10.0.0.2 . 80 }\n}",
    'map m {\ntype ipv4_addr : limit\nelements = { 10.0.0.1 : "l" }\n}\nlimit l {\nrate 1/second\n}',
    "map m {\ntypeof ip saddr : meta mark\nelements = { 10.0.0.1 : 0x5 }\n}",
    "quota q {\nover 5 mbytes\n}",
    'ct helper h {\ntype "ftp" protocol tcp;\nl3proto inet\n}',
    "flowtable f {\nhook ingress priority 0\ndevices = { eth0, eth1 }\n}",
    "synproxy p {\nmss 1460\nwscale 7\ntimestamp sack-perm\n}",
]


@pytest.mark.parametrize("body", BODIES)
def test_block_is_printed_and_read_again(body):
    """As the same value."""
    found = table(body)
    assert parse_ruleset(format_ruleset(found)) == found


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("set s {\n}", "has no type"),
        ("set s {\ntype ipv4_adr\n}", 'did you mean "ipv4_addr"'),
        ("set s {\ntype ipv4_addr\nelements = { 10.0.0.0/8 }\n}", "single values only"),
        ("set s {\ntype ipv4_addr\nflags intervall\n}", 'did you mean "interval"'),
        ("limit l {\n}", "is empty"),
    ],
)
def test_wrong_blocks_are_told(body, message):
    """With the next step."""
    with pytest.raises(RulesetError, match=message):
        table(body)
