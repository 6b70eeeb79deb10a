"""Packets outside the window, by connection and check, with their numbers."""

from __future__ import annotations

import pytest
from packets import flow_rows, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.tcp_out_of_window import MAX_FLOWS, TcpOutOfWindow
from pcapaudit.findings.violation import Severity

OVER = {
    "sport": 443,
    "dport": 50000,
    "flow": 3,
    "direction": consts.DIR_REPLY,
    "reason": consts.REASON_TCP_SEQ_OVER,
    "ct_state": consts.CT_INVALID,
    "verdict": consts.VERDICT_DROP,
    "rule": 2,
    "bound_low": 100,
    "bound_high": 5000,
    "seen": 505000,
    "payload_len": 20,
}


def test_seq_over_has_its_numbers():
    """Who, what, which bound, how far, what became of it."""
    flows = flow_rows({"flow": 3, "last_frame": 40, "end": consts.END_CLOSED}, {"flow": 4})
    violation = only(found(TcpOutOfWindow, packets({"flow": 3}, OVER, {**OVER, "seen": 505020}), flows=flows))
    assert (violation.code, violation.severity, violation.flow, violation.count) == ("tcp-out-of-window", Severity.MEDIUM, 3, 2)
    assert (violation.first_frame, violation.last_frame, violation.rule) == (2, 3, 2)
    assert violation.message == (
        "198.51.100.7:443 sent 192.168.10.20:50000 data beyond the receiver's window: 505000 where 100 to 5000 is acceptable, at most "
        "500020 off; refused; the connection went on until frame 40 and ended: closed."
    )
    assert violation.evidence["check"] == "tcp-seq-over"
    assert [violation.evidence[name] for name in ("bound_low", "bound_high", "seen", "off_by")] == [100, 5000, 505000, 500020]


@pytest.mark.parametrize(
    ("reason", "numbers", "off_by", "severity"),
    [
        (consts.REASON_TCP_SEQ_OVER, (10, 100, 150), 50, Severity.MEDIUM),
        (consts.REASON_TCP_SEQ_UNDER, (10, 100, 0xFFFFFFFB), 15, Severity.INFO),
        (consts.REASON_TCP_ACK_OVER, (0xFFFFFF00, 0xFFFFFFF0, 0x10), 0x20, Severity.LOW),
        (consts.REASON_TCP_ACK_UNDER, (10, 100, 9), 1, Severity.INFO),
        (consts.REASON_TCP_RST_SEQ, (1000, 9000, 400), 600, Severity.MEDIUM),
        (consts.REASON_TCP_OVERSHOT, (10, 100, 101), 1, Severity.INFO),
    ],
)
def test_every_check_measures_its_bound(reason, numbers, off_by, severity):
    """Distances are those of sequence numbers, over the wrap too."""
    low, high, seen = numbers
    violation = only(found(TcpOutOfWindow, packets({**OVER, "reason": reason, "bound_low": low, "bound_high": high, "seen": seen})))
    assert (violation.evidence["off_by"], violation.severity) == (off_by, severity)
    assert violation.source
    assert violation.advice


def test_accepted_packets_are_called_so():
    """What conntrack ignores goes on to the receiver."""
    under = {**OVER, "reason": consts.REASON_TCP_ACK_UNDER, "verdict": consts.VERDICT_ACCEPT}
    violation = only(found(TcpOutOfWindow, packets(under), flows=flow_rows({"flow": 3, "last_frame": 1, "end": consts.END_EOF})))
    assert "; let through; nothing more came, and the connection was alive when the capture ended." in violation.message


def test_directions_are_told_apart():
    """Both sides of a connection may be off."""
    back = {**OVER, "direction": consts.DIR_ORIGINAL, "src": "192.168.10.20", "dst": "198.51.100.7"}
    assert len(found(TcpOutOfWindow, packets(OVER, back, OVER), packets(back, first_frame=4))) == 2


def test_many_flows_become_one_finding():
    """More than three connections with one trouble are one cause, also beyond what is remembered."""
    rows = [{**OVER, "flow": flow + 1, "seen": 5001 + flow} for flow in range(MAX_FLOWS + 10)]
    batches = [packets(*rows[first : first + 100], first_frame=first + 1) for first in range(0, len(rows), 100)]
    violation = only(found(TcpOutOfWindow, *batches))
    assert violation.message.startswith(
        f"{MAX_FLOWS} connections carry data beyond the receiver's window, for example 198.51.100.7:443 to "
    )
    assert violation.evidence["not_told_apart"] == 10
    assert violation.count == MAX_FLOWS


def test_other_reasons_do_not_count():
    """A rule's or a policy's drop is no matter of windows."""
    assert not found(TcpOutOfWindow, packets({"reason": consts.REASON_POLICY, "verdict": consts.VERDICT_DROP}, {"reason": 255}))


def test_many_acknowledgements_of_unseen_data_weigh_more():
    """One is a frame that the capture lacks."""
    row = {**OVER, "reason": consts.REASON_TCP_ACK_OVER}
    assert only(found(TcpOutOfWindow, packets(row, row))).severity == Severity.LOW
    assert only(found(TcpOutOfWindow, packets(row, row, row))).severity == Severity.MEDIUM
