"""Remembering outcomes changes none: the proof that what is kept depends on nothing but its key."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import INTERFACES, packets, rulesets
from reference_rules import Packet
from rules_bench import Bench, forward

from pcapaudit.core import consts

QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
NEW = Packet(ct_state=consts.CT_NEW)
STANDING = Packet(ct_state=consts.CT_ESTABLISHED, confirmed=True)


def said(bench, packet):
    """All that the evaluator says of a packet."""
    return bench.judge(packet), bench.rule, bench.chain, bench.cause, bench.hook, bench.reason


def same_with_and_without(ruleset, stream, *, assumed=True):
    """Compare an evaluator that remembers with one that forgets before every packet; returns the one that remembers."""
    remembering, forgetful = Bench(ruleset, assumed=assumed), Bench(ruleset, assumed=assumed)
    for packet in stream:
        forgetful.evaluator.outcomes.forget()
        assert said(remembering, packet) == said(forgetful, packet), packet
    for name in ("rule_packets", "rule_bytes"):
        assert list(getattr(remembering.evaluator, name)) == list(getattr(forgetful.evaluator, name))
    return remembering


@st.composite
def streams(draw):
    """Few different packets, often, some in two connections' states: what is remembered is asked for again."""
    few = draw(st.lists(packets(), min_size=1, max_size=4))
    confirmed = [Packet(**{**vars(each), "confirmed": True}) for each in few]
    order = draw(st.lists(st.sampled_from([*few, *confirmed]), min_size=2, max_size=16))
    return [Packet(**{**vars(each), "now": 10**18 + at * 10**8, "length": 40 + at}) for at, each in enumerate(order)]


@QUICK
@given(rulesets(with_limits=True), streams(), st.booleans())
def test_memory_changes_no_result(ruleset, stream, assumed):
    """Verdicts, rules, causes, reasons, counters: all as without memory, whatever the rules look at."""
    same_with_and_without(ruleset, stream, assumed=assumed)


def test_standing_connections_are_answered_from_memory():
    """A rule that asks for the ct state alone: the outcome that is written down is the next packet's (here a forged one)."""
    bench = Bench(forward("ct state established accept\nip saddr 10.0.0.1 accept"))
    assert bench.judge(STANDING) == ("accept", True)
    memory = bench.evaluator.outcomes
    forged = memory.keep(1 << 63, consts.VERDICT_DROP, 2, 1)
    memory.remember(*place_and_key(bench, STANDING), forged)
    assert bench.judge(STANDING) == ("drop", True)
    memory.forget()
    assert bench.judge(STANDING) == ("accept", True)


def place_and_key(bench, packet):
    """Where the evaluator looks for a packet's outcome: found by its formula, held against ``Evaluator._key``'s bits."""
    path, six = packet.path, packet.l3 == 6
    key = 8 | path << 1 | six
    for value, bits in (
        (packet.confirmed, 1),
        (packet.ct_state, 3),
        (bench.program.filters.protocol_class[packet.proto + (256 if six else 0)], 9),
        (INTERFACES.index(packet.iif), 12),
        (INTERFACES.index(packet.oif), 12),
        (0, 17),
    ):
        key = key << bits | value
    return ((key * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 54) * 8, key


def test_outcomes_are_kept_once_and_never_changed():
    """The same outcome has the same number; every part of it tells it from others; without room there is no number."""
    memory = Bench(forward("accept")).evaluator.outcomes
    first = memory.keep(1 << 63, 1, 2, 3)
    assert first and memory.keep(1 << 63, 1, 2, 3) == first
    others = [
        memory.keep(1 << 63 | 1, 1, 2, 3),
        memory.keep(1 << 63, 2, 2, 3),
        memory.keep(1 << 63, 1, 3, 3),
        memory.keep(1 << 63, 1, 2, 4),
    ]
    assert len({first, *others}) == 5
    numbers = [memory.keep(1 << 63, 1, rule, 1) for rule in range(10, 20_000)]
    given = [number for number in numbers if number]
    assert 0 in numbers and len(set(given)) == len(given) and first not in given
    assert memory.keep(1 << 63, 1, 2, 3) == first


CASES = [
    ("ip saddr 10.0.0.9 drop\nct state established accept", True),
    ("ip saddr 10.0.0.1 tcp dport 22 drop\naccept", True),
    ('iifname "inside" ip daddr { 192.0.2.1, 192.0.2.7 } ct direction original counter accept', True),
    ("ip saddr . tcp dport { 10.0.0.9 . 22 } drop\naccept", True),
    ("tcp flags syn drop\naccept", False),
    ("ip saddr 10.0.0.9 ip length 40 drop\naccept", True),
    ("ip saddr 10.0.0.1 ip length 40 drop\naccept", False),
    ("ip saddr 10.0.0.9 limit rate 1/second drop\naccept", True),
    ("ip saddr 10.0.0.1 limit rate over 1/second drop\naccept", False),
    ("ip ttl 1 drop\naccept", False),
    ("meta mark 7 drop\naccept", False),
    ("ip saddr 10.0.0.1 meta mark set 7 accept", False),
    ('meta hour "08:00"-"09:00" drop\naccept', False),
    ("ct status assured drop\naccept", False),
    ("ct expiration 10s drop\naccept", False),
    ("meta skuid 0 drop\naccept", False),
    ("udp dport 53 drop\naccept", True),
    ("counter\n" * 5 + "ip saddr 10.0.0.1 accept", False),
]


@pytest.mark.parametrize(("rules", "kept"), CASES, ids=[rules.replace("\n", "; ")[:60] for rules, _ in CASES])
def test_outcome_is_kept_where_nothing_but_tuple_and_way_was_asked_for(rules, kept):
    """What an established packet's walk met; how a rule goes on that stopped at a steady match does not matter."""
    bench = Bench(forward(rules))
    bench.judge(STANDING)
    assert bool(bench.evaluator.kept) == kept


def test_a_rule_that_looked_is_not_remembered():
    """Two packets of one class and two addresses, by turns."""
    ruleset = forward("ip saddr 10.0.0.1 accept")
    stream = [NEW, Packet(src=0x0A000002), NEW, Packet(src=0x0A000002)]
    bench = same_with_and_without(ruleset, stream)
    assert [bench.judge(packet)[0] for packet in stream] == ["accept", "drop", "accept", "drop"]


def test_nat_chains_are_asked_until_the_connection_is_confirmed():
    """The same classes before and after: the nat chain counts the first packet and no other."""
    text = forward("counter accept") + "table ip n { chain p { type nat hook prerouting priority -100; counter accept; } }\n"
    first = Packet(ct_state=consts.CT_NEW)
    later = Packet(ct_state=consts.CT_NEW, confirmed=True)
    bench = same_with_and_without(text, [first, later, later, first])
    assert list(bench.evaluator.rule_packets)[1:] == [4, 2]
    # One class of protocols, but nat chains see no ICMP error.
    related = Packet(ct_state=consts.CT_RELATED)
    error = Packet(ct_state=consts.CT_RELATED, proto=1, icmp_type=3)
    bench = same_with_and_without(text, [related, error, related, error])
    assert list(bench.evaluator.rule_packets)[1:] == [4, 2]


def test_five_counters_are_too_many():
    """What does not fit is walked again, and counted."""
    rules = "counter\n" * 5 + "accept"
    bench = same_with_and_without(forward(rules), [NEW] * 3)
    assert list(bench.evaluator.rule_packets)[1:] == [3] * 6


def test_more_interfaces_than_a_key_can_name():
    """Twelve bits name an interface, "none" and "unknown" included; more interfaces are evaluated without memory."""
    many = tuple(f"if{number}" for number in range(4094))
    bench = Bench(forward('iifname "if7" accept\nct state established accept'), many)
    packet = Packet(iif="if7", oif="if9", ct_state=consts.CT_ESTABLISHED)
    assert [bench.judge(packet), bench.judge(packet)] == [("accept", True)] * 2


def test_remembered_outcome_chooses_no_helper():
    """What the packet before was given is not this packet's."""
    text = 'table ip t {\nct helper f { type "ftp" protocol tcp; }\nchain c {\ntype filter hook forward priority 0;\n'
    bench = Bench(text + 'ct state established accept\ntcp dport 21 ct helper set "f" accept\n}\n}\n')
    bench.judge(STANDING)
    bench.judge(Packet(dport=21, ct_state=consts.CT_NEW))
    assert bench.evaluator.helper != 0
    bench.judge(STANDING)
    assert bench.evaluator.helper == 0
