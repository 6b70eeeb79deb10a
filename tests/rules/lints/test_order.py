"""Lints about the order of rules: those that are there, their look-alikes, and that none is ever wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import packets, rulesets
from rules_bench import Bench

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints.order import order_lints
from pcapaudit.rules.model import Place


def lints(rules, family="inet", more=""):
    """(line of the rule, code) of the lints of one chain; its first rule is line 1."""
    text = f"table {family} t {{ {more}\nchain c {{ type filter hook input priority 0;\n{rules}\n}}\n}}\n"
    return [(each.place.line - 2, each.code) for each in order_lints(parse_ruleset(text))]


FOUND = [
    ("drop\ntcp dport 22 accept", [(2, "unreachable-rule")]),
    ("counter drop\nlog\naccept", [(2, "unreachable-rule")]),
    ("reject\ntcp dport 22 accept", [(2, "unreachable-rule")]),
    ("goto other\naccept", [(2, "unreachable-rule")]),
    ("jump ends\naccept", [(2, "unreachable-rule")]),
    ("meta nfproto { ipv4, ipv6 } drop\naccept", [(2, "unreachable-rule")]),
    ("ip saddr 10.0.0.0/8 accept\ntcp dport 22 ip saddr 10.1.2.3 drop", [(2, "shadowed-rule")]),
    ("tcp dport vmap { 22 : accept, 23 : jump other }\ntcp dport 22 drop", [(2, "shadowed-rule")]),
    ("tcp dport { 1, 2, 3 } return\ntcp dport 2-3 accept", [(2, "shadowed-rule")]),
    ("meta l4proto tcp reject with tcp reset\ntcp dport 22 accept", [(2, "shadowed-rule")]),
    ("tcp dport 22 queue\ntcp dport 22 ct state new drop", [(2, "shadowed-rule")]),
    ("tcp dport 22 accept\ntcp dport 22 counter accept", [(2, "duplicate-rule")]),
    ("ip saddr 10.0.0.1 tcp dport 22 accept\ntcp dport 23 drop\nip saddr 10.0.0.1 tcp dport 22 accept", [(3, "duplicate-rule")]),
    ("ct state invalid,new accept", [(1, "invalid-accepted")]),
    ("ct state { invalid } accept\nct state invalid drop", [(1, "invalid-accepted"), (2, "shadowed-rule")]),
    ("ct state != new accept", [(1, "invalid-accepted")]),
    ("ip6 nexthdr icmpv6 accept", [(1, "nexthdr-misses-extensions")]),
    ("ip6 nexthdr { tcp, udp } th dport 53 accept", [(1, "nexthdr-misses-extensions")]),
]
ALIKE = [
    "tcp dport 22 accept\ndrop",
    "tcp dport 22 accept\ntcp dport 23 accept",
    "limit rate 1/second accept\naccept",
    "jump other\naccept",
    "jump returns\naccept",
    "log\ncounter\naccept",
    "reject with icmp type host-prohibited\naccept",
    "meta nfproto ipv4 drop\naccept",
    "ip saddr 10.1.2.3 drop\nip saddr 10.0.0.0/8 accept",
    "tcp dport 22 jump other\ntcp dport 22 accept",
    "tcp dport 22 limit rate 1/second accept\ntcp dport 22 limit rate 1/second accept",
    "tcp dport vmap { 22 : jump other }\ntcp dport 22 drop",
    "tcp dport @s accept\ntcp dport 22 drop",
    "meta mark 1 accept\nmeta mark set 1\nmeta mark 1 drop",
    "ct state invalid drop\nct state != new accept",
    "ct state established,related accept",
    "ct state != invalid accept",
    "ct state invalid log",
    "ip6 nexthdr hopopt drop",
    "meta l4proto ipv6-icmp accept",
    "ip6 nexthdr != tcp drop",
]
MORE = (
    "set s { type inet_service; elements = { 22 }; } chain other { counter; } chain ends { tcp dport 1 accept; drop; } "
    "chain returns { tcp dport 1 return; drop; }"
)


@pytest.mark.parametrize(("rules", "found"), FOUND)
def test_found(rules, found):
    """By rule and code."""
    assert lints(rules, more=MORE) == found


@pytest.mark.parametrize("rules", ALIKE)
def test_look_alikes_are_left_alone(rules):
    """No false alarm."""
    assert lints(rules, more=MORE) == []


def test_message_names_the_other_rule():
    """Its line and text, and how many stand behind."""
    text = "table inet t {\nchain c {\ntype filter hook input priority 0;\ndrop\naccept\nlog\naccept\n}\n}\n"
    (found,) = order_lints(parse_ruleset(text))
    assert found.message == "never reached, like the 2 behind it: line 4 ends chain c for every packet"
    assert (found.place.line, found.other.line, found.identity) == (5, 4, "accept")


def test_long_chains_are_done_in_time():
    """A block list of ten thousand, each compared with those that can cover it alone."""
    rules = "\n".join(f"ip saddr 10.{n >> 8}.{n & 255}.{n % 7} drop" for n in range(10_000))
    assert lints(f"{rules}\nip saddr 10.0.0.0 drop\nip saddr 10.0.5.5 tcp dport 1 accept") == [
        (10_001, "duplicate-rule"),
        (10_002, "shadowed-rule"),
    ]


def placed(ruleset):
    """The ruleset with a line of its own for each rule."""
    lines = count(1)

    def chain(each):
        return replace(each, rules=tuple(replace(rule, place=Place("x", next(lines), 1)) for rule in each.rules))

    return replace(ruleset, tables=tuple(replace(table, chains=tuple(chain(each) for each in table.chains)) for table in ruleset.tables))


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(rulesets(), st.lists(packets(unknown=False), min_size=1, max_size=8))
def test_never_wrong(ruleset, stream):
    """No packet ever gets to the end of a rule of which a lint says that it does nothing."""
    ruleset = placed(ruleset)
    idle = {lint.place.line for lint in order_lints(ruleset) if lint.code in ("unreachable-rule", "shadowed-rule", "duplicate-rule")}
    bench = Bench(ruleset, assumed=False)
    for packet in stream:
        bench.judge(packet)
    met = {rule.line for rule in bench.program.rules[1:] if bench.evaluator.rule_packets[rule.id]}
    assert not met & idle
