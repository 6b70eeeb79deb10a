"""Answers without a question, and questions with great answers."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many
from packets import LAN, WAN

from pcapaudit.core import consts
from pcapaudit.findings.reflection_amplification import ReflectionAmplification
from pcapaudit.findings.violation import Severity

SERVERS = {"src": lambda i: f"203.0.113.{i % 60}"}
ANSWER = {
    "proto": consts.PROTO_UDP,
    "dst": "192.168.10.20",
    "sport": 123,
    "dport": 40000,
    "packets": (2, 0),
    "bytes": (936, 0),
    "iif": WAN,
    "oif": LAN,
}
REFUSED = {**ANSWER, "blocked": 1, "rule": 2}
QUESTION = {
    "proto": consts.PROTO_UDP,
    "src": "198.51.100.66",
    "dst": "192.168.10.53",
    "sport": 4444,
    "dport": 53,
    "packets": (5, 5),
    "bytes": (300, 15000),
    "iif": WAN,
    "oif": LAN,
}
SYN_ACK = {
    "dst": "192.168.10.20",
    "sport": 443,
    "dport": 999,
    "packets": (2, 0),
    "bytes": (88, 0),
    "iif": WAN,
    "oif": LAN,
    "blocked": 1,
    "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK, 0),
}


def test_victim():
    """By service; worse where it got in."""
    (violation,), scene = judged(ReflectionAmplification, *many(100, ANSWER, **SERVERS))
    assert violation.message == (
        "200 frames of ntp answers that 192.168.10.20 had not asked for, of 468 bytes on average, came from 60 servers in 0.099 s; "
        "0 of 100 flows refused."
    )
    assert (violation.severity, scene.reflected) == (Severity.HIGH, {"192.168.10.20"})
    (violation,), _ = judged(ReflectionAmplification, *many(100, REFUSED, **SERVERS))
    assert (violation.severity, violation.rule) == (Severity.MEDIUM, 2)


def test_syn_acks():
    """Reflection over TCP."""
    (violation,), _ = judged(ReflectionAmplification, *many(100, SYN_ACK, **SERVERS))
    assert violation.evidence["kind"] == "syn-ack"


def test_reflector():
    """A server of ours in the name of another."""
    (violation,), _ = judged(ReflectionAmplification, *many(30, QUESTION, sport=lambda i: 5000 + i))
    assert violation.message == (
        "192.168.10.53:53 (dns) answered 150 questions in the name of 198.51.100.66 with 50 times their bytes in 0.029 s."
    )
    assert (violation.severity, violation.evidence["ratio"]) == (Severity.HIGH, 50.0)


OTHERS = {
    "few": many(40, ANSWER, **SERVERS),
    "few servers, slow": many(100, {**ANSWER, "src": "203.0.113.1"}, step_ns=1_000_000_000),
    "asked": many(100, {**ANSWER, "packets": (2, 2)}, **SERVERS),
    "between servers": many(100, {**ANSWER, "dport": 123}, **SERVERS),
    "another service": many(100, {**ANSWER, "sport": 443}, **SERVERS),
    "to a group": many(100, {**ANSWER, "dst": "239.1.1.1"}, **SERVERS),
    "small answers": many(30, {**QUESTION, "bytes": (300, 900)}, sport=lambda i: 5000 + i),
    "from inside": many(30, {**QUESTION, "iif": LAN, "oif": WAN}, sport=lambda i: 5000 + i),
    "many who ask": many(60, QUESTION, src=lambda i: f"198.51.100.{i}"),
    "one server's SYN-ACKs": many(100, {**SYN_ACK, "src": "203.0.113.1"}),
    "connections seen from one side": many(100, {**SYN_ACK, "packets": (20, 0), "tcp_flags": (0x1B, 0)}, **SERVERS),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_reflection(rows):
    """Each condition for itself."""
    assert judged(ReflectionAmplification, *rows)[0] == []
