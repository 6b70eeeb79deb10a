"""Traces in phases."""

from __future__ import annotations

from rich.console import Console
from scenes import ip, tcp, udp
from traced import trace_with

from pcapaudit.report.phases import SHOWN_MISSES, phases_of, render_phases
from pcapaudit.report.trace import trace_record

A, B = "10.0.0.1:40000", "192.0.2.1:80"
SYN = (0, tcp(A, B, "S", 7))


def record(packets, rules):
    """The record of the last packet."""
    traces, context = trace_with(packets, rules)
    return trace_record(traces[0], context)


def chain(*rules, policy="accept", head="type filter hook forward priority 0"):
    """A table with a forward chain."""
    return f"table inet t {{ chain c {{ {head}; policy {policy};\n" + "\n".join(rules) + "\n} }"


def short(phases):
    """Type and result of each."""
    return [(each.type, each.result) for each in phases]


def test_phases_of_an_accepted_packet():
    """Arrival, conntrack, the chains, the result."""
    phases = phases_of(record([SYN], chain("tcp dport 80 accept")))
    assert short(phases) == [("ARRIVAL", "ALLOW"), ("CONNTRACK", "ALLOW"), ("FORWARD", "ALLOW"), ("RESULT", "ALLOW")]
    assert phases[2].config == phases[3].config == "test.nft:2  tcp dport 80 accept"


def test_chain_before_conntrack_comes_before_it():
    """As in the kernel."""
    text = chain(head="type filter hook prerouting priority raw") + chain("drop").replace("table inet t", "table inet u")
    assert [each.type for each in phases_of(record([SYN], text))] == ["ARRIVAL", "PREROUTING", "CONNTRACK", "FORWARD", "RESULT"]


def test_policy_decides():
    """Its place is named."""
    phases = phases_of(record([SYN], chain("tcp dport 22 accept", policy="drop")))
    assert (phases[2].result, phases[2].config) == ("DROP", "test.nft:1  policy drop")
    assert [line.plain for line in phases[2].details] == ["· test.nft:2  tcp dport 22 accept", "    tcp dport 22: found 80"]


def test_undecided_packet_says_so():
    """With the rule that hangs on it."""
    details = [line.plain for line in phases_of(record([SYN], chain("meta skuid 0 drop")))[-1].details]
    assert details == ["undecided: test.nft:2 asks for what the capture does not hold, and could change this"]


def test_many_rules_that_do_not_match_are_counted():
    """Unless all are wanted."""
    rules = chain(*(f"tcp dport {port} drop" for port in range(100, 120)), "tcp dport 80 accept")
    made = record([SYN], rules)
    lines = [line.plain for line in phases_of(made)[2].details]
    assert f"  … {20 - SHOWN_MISSES} more rules did not match (--all)" in lines
    assert len(lines) == 2 * SHOWN_MISSES + 2
    assert len(phases_of(made, everything=True)[2].details) == 41


def test_nat_chain_that_is_not_asked():
    """It says why."""
    phase = phases_of(record([(0, udp(A, B)), (1, udp(A, B))], chain("masquerade", head="type nat hook postrouting priority srcnat")))[2]
    assert (phase.type, phase.result, phase.details[0].plain) == (
        "POSTROUTING",
        "PASS",
        "not asked: nat chains see the first packet of a connection only",
    )


def test_packet_that_no_rule_sees():
    """Invalid for conntrack, or skipped: the reason stands there."""
    phases = phases_of(record([(0, ip("10.0.0.1", "192.0.2.1", 6, b"short"))], chain()))
    assert phases[1].result == "INVALID"
    assert phases[1].details[0].plain.startswith("short-header: ")


def test_rendered_phases_are_numbered():
    """Plain text, the same bytes each time."""
    console = Console(width=100, record=True, file=None, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        render_phases(record([SYN], chain("accept")), console)
    lines = captured.get().splitlines()
    assert lines[0] == "Frame 1  2023-11-14 22:13:20.000000 UTC  10.0.0.1:40000 > 192.0.2.1:80/tcp"
    assert [line.split()[:3] for line in lines if line[:3].strip().isdigit()] == [
        ["1", "ARRIVAL", "ALLOW"],
        ["2", "CONNTRACK", "ALLOW"],
        ["3", "FORWARD", "ALLOW"],
        ["4", "RESULT", "ALLOW"],
    ]


def test_arrival_tells_how_the_place_is_known():
    """Inferred from the first frames, or not known; nothing where somebody said it."""
    made = record([SYN], chain("accept"))
    said = {
        place: [str(each) for each in phases_of({**made, "vantage": {**made["vantage"], "place": place, "evidence": "why"}})[0].details]
        for place in ("host", "unknown", None)
    }
    assert "where it was captured is inferred: why" in said["host"]
    assert "not known where this was captured: why" in said["unknown"]
    assert not any("why" in each for each in said[None])
