"""ICMP errors that fit no connection."""

from __future__ import annotations

from packets import found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.icmp_error_unknown_flow import MAX_SENDERS, IcmpErrorUnknownFlow

ERROR = {
    "proto": consts.PROTO_ICMP,
    "icmp_type": 3,
    "ct_state": consts.CT_INVALID,
    "reason": consts.REASON_ICMP_QUOTE_UNKNOWN,
    "verdict": consts.VERDICT_DROP,
    "tcp_flags": 0,
}


def test_faults_are_told_apart():
    """Unknown, mismatch and short are three findings."""
    rows = [{**ERROR, "reason": reason} for reason in (67, 67, 68, 66)]
    violations = found(IcmpErrorUnknownFlow, packets(*rows))
    assert [each.count for each in violations] == [2, 1, 1]
    assert violations[0].message == (
        "198.51.100.7 sent 2 ICMP errors about a packet of no known connection, the first to 192.168.10.20; refused."
    )


def test_many_senders_are_one_finding():
    """With a limit on those remembered."""
    rows = [{**ERROR, "src": f"198.51.{100 + i // 250}.{i % 250}"} for i in range(MAX_SENDERS + 20)]
    violation = only(found(IcmpErrorUnknownFlow, *(packets(*rows[i : i + 50], first_frame=i + 1) for i in range(0, len(rows), 50))))
    assert violation.message.startswith(f"{MAX_SENDERS} hosts sent {MAX_SENDERS} ICMP errors about")
    assert violation.evidence["not_told_apart"] == 20


def test_related_errors_are_fine():
    """An error about a known connection."""
    assert not found(IcmpErrorUnknownFlow, packets({**ERROR, "ct_state": consts.CT_RELATED, "reason": 0}))
