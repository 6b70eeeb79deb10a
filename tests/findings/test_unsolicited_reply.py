"""Answers without a question."""

from __future__ import annotations

import dpkt
from packets import LAN, WAN, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.unsolicited_reply import UnsolicitedReply
from pcapaudit.findings.violation import Severity

HOST, SERVER, FORGER = "192.168.10.20", "198.51.100.53", "203.0.113.66"
UDP = {"proto": consts.PROTO_UDP, "tcp_flags": 0, "ct_state": consts.CT_NEW, "ct_status": 0}
ASK = {**UDP, "src": HOST, "dst": SERVER, "sport": 40000, "dport": 53, "iif": LAN, "oif": WAN, "at": 1}
REFUSED = {**UDP, "verdict": consts.VERDICT_DROP, "dst": HOST, "sport": 53, "dport": 40000, "at": 1.1}
MESSAGE = bytes(dpkt.dns.DNS(id=1, qr=1, qd=[dpkt.dns.DNS.Q(name="www.example.com")]))


def test_answer_of_another_server():
    """To the very socket that waits."""
    violation = only(found(UnsolicitedReply, packets(ASK, {**REFUSED, "src": FORGER, "payload": MESSAGE})))
    assert violation.message == (
        "203.0.113.66 sent 192.168.10.20:40000 DNS answers to a socket that had asked another server "
        "for www.example.com: 1 packet, refused."
    )
    assert (violation.severity, violation.first_frame, violation.evidence["kind"]) == (Severity.HIGH, 2, "dns-wrong-server")


def test_answer_to_another_port():
    """Of the server that was asked."""
    violation = only(found(UnsolicitedReply, packets(ASK), packets({**REFUSED, "src": SERVER, "dport": 40001}, first_frame=2)))
    assert (violation.severity, violation.evidence["kind"]) == (Severity.MEDIUM, "dns-wrong-port")


def test_late_and_unrelated_answers():
    """Nobody waits: they are unsolicited, not forged; nor is one that came before the question."""
    for answer in (
        {**REFUSED, "src": FORGER, "at": 60},
        {**REFUSED, "src": SERVER, "at": 60},
        {**REFUSED, "src": FORGER, "dport": 40009},
        {**REFUSED, "src": FORGER, "at": 0.5},
        {**REFUSED, "src": SERVER},
    ):
        assert not found(UnsolicitedReply, packets(ASK, answer))


def test_accepted_answers():
    """A ruleset that lets them in."""
    syn_ack = {"ct_state": consts.CT_INVALID, "tcp_flags": consts.TCP_SYN | consts.TCP_ACK, "reason": consts.REASON_TCP_NOT_OPENING}
    echo = {**UDP, "proto": consts.PROTO_ICMP, "ct_state": consts.CT_INVALID, "reason": consts.REASON_ICMP_NO_REQUEST}
    violations = found(UnsolicitedReply, packets(syn_ack, echo))
    assert [each.evidence["kind"] for each in violations] == ["syn-ack", "echo-reply"]
    refused = {"verdict": consts.VERDICT_DROP}
    assert not found(UnsolicitedReply, packets({**syn_ack, **refused}, {**echo, **refused}))


def test_many_forgers():
    """Three are shown, the rest counted."""
    rows = [{**REFUSED, "src": f"203.0.113.{i}", "payload": b"no name"} for i in range(1, 9)]
    violations = found(UnsolicitedReply, packets(ASK, *rows))
    assert len(violations) == 3
    assert violations[0].message.endswith(" 5 more senders did the same.")
