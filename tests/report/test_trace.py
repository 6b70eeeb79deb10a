"""Traces as records."""

from __future__ import annotations

import json

from scenes import fragments, icmp, tcp, udp
from traced import trace_with

from pcapaudit.report.trace import TRACE_VERSION, flow_text, trace_document, trace_record

A, B = "10.0.0.1:40000", "192.0.2.1:80"
RULES = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    tcp dport 22 accept
    meta skuid 0 accept
    tcp dport 80 counter accept } }"""


def record(packets, rules=RULES):
    """The record of the last packet."""
    traces, context = trace_with(packets, rules)
    return trace_record(traces[0], context)


def test_record_of_a_syn():
    """Packet, vantage, conntrack, rules and verdict."""
    found = record([(0, tcp(A, B, "S", 7, win=100))])
    assert (found["frame"], found["time"], found["file"]) == (1, "2023-11-14T22:13:20.000000000Z", None)
    assert found["packet"]["text"] == "10.0.0.1:40000 > 192.0.2.1:80/tcp"
    assert found["packet"]["tcp"] == {"flags": "S", "seq": 7, "ack": 0, "window": 100, "payload": 0, "window_scale": None}
    assert found["vantage"] == {
        "path": "forward",
        "iif": "inside",
        "oif": "outside",
        "from_zone": "inside",
        "to_zone": "outside",
        "assumed": True,
        "place": None,
        "evidence": None,
    }
    ct = found["conntrack"]
    assert (ct["ct_state"], ct["direction"], ct["flow"], ct["before"]) == ("new", "original", 1, None)
    assert (ct["after"]["state"], ct["after"]["original"], ct["after"]["left_ns"]) == ("syn_sent", found["packet"]["text"], 120 * 10**9)
    assert [(step["kind"], step.get("outcome")) for step in found["rules"]] == [
        ("chain", "ended"),
        ("rule", "not-matched"),
        ("rule", "unknown"),
        ("rule", "matched"),
    ]
    assert found["rules"][1]["seen"] == "80"
    assert found["rules"][3]["ran"] == ["counter", "accept"]
    verdict = found["verdict"]
    assert (verdict["verdict"], verdict["decided"], verdict["at"], verdict["text"]) == (
        "accept",
        True,
        "test.nft:4",
        "tcp dport 80 counter accept",
    )


def test_record_of_what_is_undecided():
    """The rule that hangs on what the capture does not hold."""
    verdict = record([(0, udp(A, B))])["verdict"]
    assert (verdict["verdict"], verdict["decided"], verdict["cause_at"], verdict["text"]) == ("drop", False, "test.nft:3", "policy drop")


def test_window_of_a_segment():
    """Each bound with its numbers."""
    handshake = [(0, tcp(A, B, "S", 100)), (0.1, tcp(B, A, "S.", 500, 101)), (0.2, tcp(A, B, ".", 101, 501))]
    window = record([*handshake, (0.3, tcp(A, B, ".", 101, 9999))])["conntrack"]["window"]
    assert window["failed"] == "III"
    assert [(each["bound"], each["holds"]) for each in window["bounds"]] == [("I", True), ("II", True), ("III", False), ("IV", True)]


def test_icmp_and_fragments():
    """What other protocols have in place of ports."""
    found = record([(0, icmp("10.0.0.1", "192.0.2.1", 8, ident=5))])["packet"]
    assert (found["text"], found["icmp"]) == ("10.0.0.1 > 192.0.2.1/icmp", {"type": 8, "code": 0, "id": 5})
    part = fragments(udp(A, B, b"x" * 64), 32)[0]
    assert record([(0, part)])["packet"]["fragment"]


def test_flow_text_of_no_ip():
    """There is nothing to name."""
    assert flow_text({"l3": 0}) == "not IP"


def test_document_is_json_with_a_version():
    """``trace.json``."""
    traces, context = trace_with([(0, udp(A, B))])
    document = json.loads(json.dumps(trace_document(traces, context)))
    assert (document["schema_version"], len(document["traces"])) == (TRACE_VERSION, 1)
