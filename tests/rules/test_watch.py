"""The way through a ruleset, step by step."""

from __future__ import annotations

import pytest
from scenes import tcp, udp
from traced import trace, trace_with

from pcapaudit.rules.steps import ChainStep, Outcome, RuleStep, WayStep

A, B = "10.0.0.1:40000", "192.0.2.1:80"
SYN = (0, tcp(A, B, "S", 1))


def table(*lines):
    """An inet table."""
    return "table inet t {\n" + "\n".join(lines) + "\n}\n"


def chain(*rules, policy="accept"):
    """Its forward chain."""
    return "\n".join(["chain c { type filter hook forward priority 0; policy " + policy + ";", *rules, "}"])


def told(steps):
    """Steps in short."""
    found = []
    for step in steps:
        if isinstance(step, ChainStep):
            found.append(f"{step.hook} {step.outcome}")
        elif isinstance(step, WayStep):
            found.append(f"back from {step.chain.split()[-1]}")
        else:
            found.append(f"{'  ' * step.depth}{step.outcome} {step.text}" + (f" -> {step.verdict}" if step.verdict else ""))
    return found


def rules_of(steps):
    """Steps of rules."""
    return [step for step in steps if isinstance(step, RuleStep)]


def test_jump_and_return():
    """The rules passed over on the way are there, and those behind a return are not."""
    text = table(
        "chain sub {",
        "udp dport 53 drop",
        "tcp dport 80 return",
        "tcp dport 81 drop",
        "}",
        chain("jump sub", "tcp dport 80 drop", "accept"),
    )
    assert told(trace([SYN], text).steps) == [
        "forward ended",
        "matched jump sub -> jump sub",
        "  not-matched udp dport 53 drop",
        "  matched tcp dport 80 return -> return",
        "back from sub",
        "matched tcp dport 80 drop -> drop",
    ]


def test_chain_that_ends_without_a_verdict_goes_back():
    """Its last rules are told as not matched."""
    text = table("chain sub {", "tcp dport 80 counter", "tcp dport 81 drop", "}", chain("jump sub", "tcp dport 82 drop"))
    assert told(trace([SYN], text).steps) == [
        "forward policy",
        "matched jump sub -> jump sub",
        "  matched tcp dport 80 counter",
        "  not-matched tcp dport 81 drop",
        "back from sub",
        "not-matched tcp dport 82 drop",
    ]


def test_goto_does_not_come_back():
    """The policy follows, and the rules behind the goto are not looked at."""
    text = table("chain sub {", "tcp dport 81 drop", "}", chain("goto sub", "accept", policy="drop"))
    assert told(trace([SYN], text).steps) == [
        "forward policy",
        "matched goto sub -> goto sub",
        "  not-matched tcp dport 81 drop",
        "back from sub",
    ]


def test_verdict_map_is_one_step():
    """Whatever the number of its elements; the one that holds tells."""
    text = table(chain("tcp dport vmap { 22 : drop, 80 : accept, 443 : drop }"))
    (step,) = rules_of(trace([SYN], text).steps)
    assert (step.outcome, step.verdict) == (Outcome.MATCHED, "accept")
    missed = table(chain("tcp dport vmap { 22 : drop, 443 : drop }"))
    (step,) = rules_of(trace([SYN], missed).steps)
    assert (step.outcome, step.seen.value, step.seen.expression) == (Outcome.NOT_MATCHED, "80", "tcp dport vmap { 22 : drop, 443 : drop }")


@pytest.mark.parametrize(
    ("rule", "expression", "value"),
    [
        ("tcp dport 22 drop", "tcp dport 22", "80"),
        ("tcp dport 80 ip saddr 10.0.0.9 drop", "ip saddr 10.0.0.9", "10.0.0.1"),
        ("ct state established drop", "ct state established", "new"),
        ('iifname "outside" drop', 'meta iifname "outside"', '"inside"'),
        ("tcp flags & (fin|syn|rst|ack) == ack drop", "tcp flags & 0x17 == ack", "syn"),
        ("ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 } drop", None, "10.0.0.1 . 80"),
        ("meta mark 5 drop", None, "0x00000000"),
        ("udp dport 80 drop", None, ""),
        ("ip6 saddr ::1 drop", None, ""),
    ],
)
def test_rule_that_does_not_match_says_on_what(rule, expression, value):
    """The first expression that fails, and the packet's value; none where the packet has no such field."""
    (step,) = rules_of(trace([SYN], table(chain(rule))).steps)
    assert step.outcome == Outcome.NOT_MATCHED
    assert expression is None or step.seen.expression == expression
    assert (step.seen.value or "") == value
    assert value or step.seen.why


def test_statements_in_front_of_the_failure_were_run():
    """A counter counts although the limit behind it ends the rule."""
    text = table(chain("counter limit rate 1/day burst 1 packets accept", policy="drop"))
    traces, _ = trace_with([SYN, (1, tcp(A, "192.0.2.2:80", "S", 1))], text, 1, 2)
    first, second = (rules_of(each.steps)[0] for each in traces)
    assert (first.outcome, second.outcome) == (Outcome.MATCHED, Outcome.NOT_MATCHED)
    assert (second.ran, second.seen.why) == (("counter",), "the rate is not within this limit")


def test_unknown_match_sends_other_worlds_on():
    """The main world goes on behind the rule; what only other worlds meet is marked so."""
    text = table("chain sub {", "tcp dport 80 drop", "}", chain("meta skuid 0 jump sub", "tcp dport 80 accept"))
    steps = rules_of(trace([SYN], text).steps)
    assert [(str(step.outcome), str(step.world), step.text) for step in steps] == [
        ("unknown", "other", "meta skuid 0 jump sub"),
        ("matched", "other", "tcp dport 80 drop"),
        ("matched", "main", "tcp dport 80 accept"),
    ]
    assert (steps[0].seen.expression, steps[0].seen.why) == ("meta skuid 0", "the capture does not tell")


def test_nat_chain_is_asked_once_a_connection():
    """The second packet passes it by."""
    nat = "chain n { type nat hook postrouting priority srcnat; policy accept;\nmasquerade\n}"
    traces, _ = trace_with([(0, udp(A, B)), (1, udp(A, B))], table(nat), 1, 2)
    assert [[str(step.outcome) for step in each.steps if isinstance(step, ChainStep)] for each in traces] == [["ended"], ["not-asked"]]


def test_chains_before_conntrack_are_marked():
    """They stand first."""
    raw = "chain r { type filter hook prerouting priority raw; policy accept;\n}"
    chains = [step for step in trace([SYN], table(raw, chain())).steps if isinstance(step, ChainStep)]
    assert [(step.hook, step.raw, step.priority) for step in chains] == [("prerouting", True, -300), ("forward", False, 0)]


def test_watching_costs_no_token():
    """A limit, a set and a quota are where they were."""
    text = table(
        "set s { type ipv4_addr; flags dynamic; size 10; }",
        chain("add @s { ip saddr limit rate 1/day burst 3 packets } accept", "limit rate 1/day burst 2 packets accept", policy="drop"),
    )
    packets = [(n, tcp(A, B, "S", 1)) for n in range(8)]
    traces, _ = trace_with(packets, text, *range(1, 9))
    alone = [trace_with(packets, text, frame)[0][0] for frame in range(1, 9)]
    assert [each.verdict for each in traces] == [each.verdict for each in alone]
    assert [each.verdict["verdict"] for each in traces] == [1, 1, 1, 1, 1, 2, 2, 2]
