"""What comes after the end of a connection."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, found, only, packets

from pcapaudit.core import consts
from pcapaudit.core.consts import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN
from pcapaudit.findings.packet_after_close import MAX_FLOWS, PacketAfterClose
from pcapaudit.findings.violation import Severity

ENDS = {"sport": 443, "dport": 50000, "flow": 3, "tcp_state": consts.TCPS_TIME_WAIT}
SERVER = {**ENDS, "direction": consts.DIR_REPLY, "tcp_flags": TCP_ACK, "seq": 1000, "ack": 501}
FIN = {
    **ENDS,
    "tcp_flags": TCP_FIN | TCP_ACK,
    "tcp_state": consts.TCPS_LAST_ACK,
    "seq": 999,
    "ack": 501,
    "direction": consts.DIR_REPLY,
    "at": 0.9,
}
CLIENT = {
    **ENDS,
    "src": "192.168.10.20",
    "dst": "198.51.100.7",
    "sport": 50000,
    "dport": 443,
    "iif": LAN,
    "oif": WAN,
    "tcp_flags": TCP_ACK,
    "seq": 501,
    "ack": 1000,
    "direction": consts.DIR_ORIGINAL,
}
FIN_OF_CLIENT = {**CLIENT, "tcp_flags": TCP_FIN | TCP_ACK, "tcp_state": consts.TCPS_FIN_WAIT, "seq": 500, "at": 0.8}
#: The last acknowledgement of an orderly close: the server's data ends at 1000, the client's at 501, FINs included.
LAST_ACK = {**CLIENT, "at": 1}
RESET = {**CLIENT, "at": 1, "tcp_flags": TCP_RST | TCP_ACK, "tcp_state": consts.TCPS_CLOSE}
GONE = {
    "ct_state": consts.CT_INVALID,
    "reason": consts.REASON_TCP_NOT_OPENING,
    "ct_status": 0,
    "tcp_state": 0,
    "verdict": consts.VERDICT_DROP,
    "flow": 9,
}
CASES = [
    ("data again", LAST_ACK, {**SERVER, "at": 2, "seq": 899, "payload_len": 100}, "late-retransmission"),
    ("data beyond the FIN", LAST_ACK, {**SERVER, "at": 2, "payload_len": 10}, "new-data"),
    ("last FIN again", LAST_ACK, {**SERVER, "at": 2, "seq": 999, "tcp_flags": TCP_FIN | TCP_ACK}, None),
    ("last ACK again", LAST_ACK, {**LAST_ACK, "at": 2}, None),
    ("FIN without an entry", LAST_ACK, {**SERVER, **GONE, "at": 130, "seq": 999, "tcp_flags": TCP_FIN | TCP_ACK}, "stale-fin"),
    ("ACK without an entry", LAST_ACK, {**SERVER, **GONE, "at": 130}, "old-ack"),
    ("FIN of another number", LAST_ACK, {**SERVER, "at": 2, "seq": 5999, "tcp_flags": TCP_FIN | TCP_ACK}, "stale-fin"),
    (
        "out of the closed window",
        LAST_ACK,
        {**SERVER, **GONE, "at": 2, "flow": 3, "reason": 34, "seq": 90000, "payload_len": 9},
        "new-data",
    ),
    ("RST", LAST_ACK, {**SERVER, "at": 2, "tcp_flags": TCP_RST, "tcp_state": consts.TCPS_CLOSE}, "stale-rst"),
    ("data on the way during a reset", RESET, {**SERVER, "at": 1.1, "payload_len": 1000}, "in-flight"),
    ("RST after RST", RESET, {**RESET, "at": 1.2}, None),
    ("data long after a reset", RESET, {**SERVER, "at": 8, "payload_len": 100}, "new-data"),
    ("data by who reset", RESET, {**CLIENT, "at": 1.1, "payload_len": 100, "tcp_state": consts.TCPS_CLOSE}, "new-data"),
    ("data after the entry went", RESET, {**SERVER, **GONE, "at": 20, "payload_len": 100}, "new-data"),
    (
        "picked up after the entry went",
        RESET,
        {**SERVER, "at": 20, "ct_state": 1, "tcp_state": 3, "flow": 8, "payload_len": 100},
        "new-data",
    ),
    ("much later", RESET, {**SERVER, **GONE, "at": 500, "payload_len": 100}, None),
    ("a new connection", LAST_ACK, {**CLIENT, "at": 2, "tcp_flags": TCP_SYN, "flow": 4, "ct_state": 1, "tcp_state": 1}, None),
    ("end of the next connection", LAST_ACK, {**LAST_ACK, "at": 9, "flow": 4}, None),
    ("of another connection", LAST_ACK, {**SERVER, **GONE, "at": 2, "dport": 50001, "payload_len": 5}, None),
]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
@pytest.mark.parametrize(("end", "late", "kind"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_kind(end, late, kind, together):
    """An end, and one packet after it."""
    fins = [FIN_OF_CLIENT, FIN] if end is LAST_ACK else []
    batches = [packets(*fins, end, late)] if together else [packets(*fins, end), packets(late, first_frame=len(fins) + 2)]
    violations = found(PacketAfterClose, *batches)
    if kind is None:
        assert not violations
    else:
        violation = only(violations)
        assert (violation.evidence["kind"], violation.flow, violation.first_frame, violation.count) == (kind, 3, len(fins) + 2, 1)


def test_data_of_a_side_that_has_not_ended_is_not_late():
    """A FIN sent twice and its acknowledgement close the connection for Linux, not for the other side."""
    late = {**SERVER, "at": 2, "payload_len": 10}
    assert not found(PacketAfterClose, packets(FIN_OF_CLIENT, LAST_ACK, late))
    assert only(found(PacketAfterClose, packets(FIN_OF_CLIENT, LAST_ACK, {**late, **GONE}))).evidence["kind"] == "new-data"


def test_message_names_the_end():
    """Who, what, how late, after what."""
    rows = [{**SERVER, **GONE, "at": 20 + i, "payload_len": 100, "rule": 1} for i in range(2)]
    violation = only(found(PacketAfterClose, packets(RESET, *rows)))
    assert violation.message == (
        "198.51.100.7:443 sent 192.168.10.20:50000 new data, 19 s after the connection had ended with RST in frame 1: 2 packets, "
        "200 bytes, refused."
    )
    assert (violation.severity, violation.last_frame, violation.rule) == (Severity.MEDIUM, 3, 1)
    assert violation.evidence["latest_seconds_after"] == pytest.approx(20)


def test_live_packets_of_a_reused_tuple_are_not_late():
    """INVALID packets of a live entry belong to that entry."""
    live = {**SERVER, "flow": 4, "at": 5, "ct_state": consts.CT_INVALID, "reason": consts.REASON_TCP_SEQ_OVER, "payload_len": 10}
    assert not found(PacketAfterClose, packets(LAST_ACK, live))


def test_many_connections_become_one_finding():
    """As after a reboot of a load balancer."""
    ends = [{**RESET, "sport": 20000 + i, "flow": i + 1} for i in range(MAX_FLOWS + 5)]
    late = [{**SERVER, **GONE, "dport": 20000 + i, "at": 9, "payload_len": 10} for i in range(MAX_FLOWS + 5)]
    batches = [packets(*(ends + late)[i : i + 500], first_frame=i + 1) for i in range(0, 2 * len(ends), 500)]
    violation = only(found(PacketAfterClose, *batches))
    assert violation.evidence["connections"] > 1900
    assert violation.evidence["connections"] + violation.evidence["not_told_apart"] <= MAX_FLOWS + 5
    assert " connections carry new data after their end: " in violation.message
