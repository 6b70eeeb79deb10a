"""Paths opened from both sides, told from questions and answers."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, flow_rows, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.udp_hole_punch import MAX_PATHS, UdpHolePunch
from pcapaudit.findings.violation import Severity

HOST, PEER, SERVER = "192.168.10.20", "203.0.113.130", "203.0.113.10"
UDP = {"proto": consts.PROTO_UDP, "tcp_flags": 0, "ct_status": 0}
OUT = {**UDP, "src": HOST, "dst": PEER, "sport": 40500, "dport": 40600, "iif": LAN, "oif": WAN, "ct_state": consts.CT_NEW}
BACK = {**UDP, "src": PEER, "dst": HOST, "sport": 40600, "dport": 40500}
ASK = {**OUT, "dst": SERVER, "dport": 3478}
ANSWER = {**BACK, "src": SERVER, "sport": 3478}
FLOW = {
    "flow": 7,
    "proto": consts.PROTO_UDP,
    "src": HOST,
    "dst": PEER,
    "sport": 40500,
    "dport": 40600,
    "packets": (5, 4),
    "first_frame": 10,
    "last_frame": 30,
    "end": consts.END_TIMEOUT,
}
LATE = {"first_ns": 1_700_000_100_000_000_000}
REQUEST = bytes.fromhex("000100002112a442") + bytes(12)
RESPONSE = bytes.fromhex("010100002112a442") + bytes(12)
#: How a third host may write 203.0.113.130:40600.
NAMES = {
    "text": b"peer 203.0.113.130 40600\n",
    "bytes": b"x" + bytes([203, 0, 113, 130]) + (40600).to_bytes(2, "big"),
    "STUN": RESPONSE
    + b"\x00\x20\x00\x08\x00\x01"
    + (40600 ^ 0x2112).to_bytes(2, "big")
    + bytes([203 ^ 0x21, 0x12, 113 ^ 0xA4, 130 ^ 0x42]),
}


def test_crossed():
    """The peer's knocks were refused, then the inside opened the way."""
    flow = {**FLOW, **LATE, "blocked_before": 2, "first_blocked_frame": 4}
    violation = only(found(UdpHolePunch, packets(OUT), flows=flow_rows(flow)))
    assert (violation.severity, violation.flow, violation.first_frame, violation.last_frame) == (Severity.LOW, 7, 10, 30)
    assert violation.message == (
        "192.168.10.20:40500 and 203.0.113.130:40600 opened a path through the firewall, crossed: 2 datagrams from the peer had been "
        "refused before the first one from inside. 5 packets out and 4 in used it."
    )


def test_crossed_at_the_start_of_the_capture_is_doubtful():
    """The path may have been open before."""
    violation = only(found(UdpHolePunch, packets(OUT), flows=flow_rows({**FLOW, "blocked_before": 2, "first_blocked_frame": 4})))
    assert violation.severity == Severity.INFO
    assert "(the capture may have begun in the middle of it)" in violation.message


def test_late_packets_of_a_known_path_are_no_knocks():
    """A server goes on after the entry has timed out, and the client registers again."""
    before = {**FLOW, "flow": 2, "first_frame": 1, "last_frame": 3}
    again = {**FLOW, **LATE, "blocked_before": 2, "first_blocked_frame": 4}
    assert not found(UdpHolePunch, packets(OUT), flows=flow_rows(before, again))


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_introduced(text):
    """A third host named the peer to the socket that then turned to it."""
    batch = packets(ASK, {**ANSWER, "payload": text}, {**OUT, "payload": b"knock"}, {**BACK, "payload": b"question"})
    violation = only(found(UdpHolePunch, batch, flows=flow_rows(FLOW)))
    assert (violation.evidence["order"], violation.evidence["introduced_by"]) == ("outbound-first", "203.0.113.10:3478")
    assert "203.0.113.10:3478 had named the peer to this socket in frame 2" in violation.message


def test_both_asked():
    """Connectivity checks of ICE from both ends."""
    batch = packets({**OUT, "payload": REQUEST}, {**BACK, "payload": REQUEST}, {**BACK, "payload": RESPONSE})
    violation = only(found(UdpHolePunch, batch, flows=flow_rows(FLOW)))
    assert (violation.evidence["both_sent_stun_requests"], violation.severity) == (True, Severity.LOW)


LOOKALIKES = {
    "a client with high ports": packets({**OUT, "payload": b"hello"}, {**BACK, "payload": b"hello"}),
    "a STUN server": packets({**OUT, "payload": REQUEST}, {**BACK, "payload": RESPONSE}),
    "another peer was named": packets(ASK, {**ANSWER, "payload": b"peer 203.0.113.131"}, OUT, BACK),
    "another socket was told": packets({**ASK, "sport": 40501}, {**ANSWER, "dport": 40501, "payload": NAMES["text"]}, OUT, BACK),
    "a node of a table": packets(ASK, {**ANSWER, "payload": b"d1:rd2:id20:" + NAMES["bytes"]}, OUT, BACK),
}


@pytest.mark.parametrize("batch", LOOKALIKES.values(), ids=LOOKALIKES)
def test_questions_and_answers(batch):
    """A client's first packet and an answer are not a punch."""
    assert not found(UdpHolePunch, batch, flows=flow_rows(FLOW))


OTHERS = {
    "unanswered": {"packets": (5, 0)},
    "never open": {"blocked": 1},
    "a service": {"dport": 443},
    "telephony": {"sport": 5060, "dport": 5060},
    "opened from outside": {"iif": WAN, "oif": LAN},
    "tcp": {"proto": consts.PROTO_TCP},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_other_flows(changes):
    """Refused packets before a flow of another sort."""
    assert not found(
        UdpHolePunch, packets(OUT), flows=flow_rows({**FLOW, **LATE, "blocked_before": 2, "first_blocked_frame": 4, **changes})
    )


def test_answers_from_another_port_are_no_knocks():
    """TFTP: the server answers from a port of its own."""
    asked = {**FLOW, "flow": 1, "dport": 69, "packets": (1, 0)}
    assert not found(UdpHolePunch, packets(OUT), flows=flow_rows({**FLOW, **LATE, "blocked_before": 2, "first_blocked_frame": 4}, asked))


def test_many_paths_become_one_finding():
    """A telephone system's calls."""
    flows = [{**FLOW, **LATE, "sport": 2000 + i, "blocked_before": 1, "first_blocked_frame": 4, "first_frame": 9 + i} for i in range(1100)]
    violation = only(found(UdpHolePunch, packets(OUT), flows=flow_rows(*flows)))
    assert violation.evidence["paths"] == 1100
    assert violation.count == MAX_PATHS
    assert violation.message.startswith("1100 paths through the firewall were opened from both sides (1024 crossed), by 192.168.10.20; ")


def test_refused_knocks_are_explained():
    """They are not reported as unsolicited."""
    from sample_run import context

    from pcapaudit.findings.scene import Scene

    scene = Scene(context())
    detector = UdpHolePunch(scene)
    detector.on_flows(flow_rows({**FLOW, "blocked_before": 2, "first_blocked_frame": 4}))
    detector.on_end()
    detector.violations()
    assert scene.explained[PEER, HOST] == 2


def test_many_ports_tried_are_a_method():
    """Port prediction from one socket, birthday probing from many; the scan that it looks like is none."""
    from crowd_flows import judged, many

    from pcapaudit.findings.port_scan import PortScan

    crossed = {**FLOW, **LATE, "blocked_before": 2, "first_blocked_frame": 4, "flow": 900}
    silent = {**FLOW, "packets": (1, 0)}
    for field, method in (("dport", "port prediction over 31 ports"), ("sport", "birthday probing from 31 ports")):
        tries = many(30, silent, first=20, **{field: lambda i: 50000 + i})
        tries.append({**silent, "flow": 60, "first_frame": 60})
        (violation,), scene = judged(UdpHolePunch, *tries, crossed)
        assert violation.evidence["method"] == method
        scan = PortScan(scene)
        scan.on_flows(flow_rows(*tries))
        assert list(scan.violations()) == []


def test_keepalives_and_filtering():
    """Small packets for minutes; what more open filters would have done with the first datagram."""
    second = 1_000_000_000
    flow = {**FLOW, **LATE, "blocked_before": 1, "first_blocked_frame": 4, "bytes": (200, 160), "max_gap_ns": 20 * second}
    flow["last_ns"] = flow["first_ns"] + 90 * second
    violation = only(found(UdpHolePunch, packets(OUT), flows=flow_rows(flow)))
    assert violation.message.endswith("5 packets out and 4 in used it, kept open by small packets at most 20 s apart.")
    assert not violation.evidence["first_datagram_let_in"]["address-and-port-dependent"]
    busy = {**flow, "bytes": (5000, 4000)}
    assert only(found(UdpHolePunch, packets(OUT), flows=flow_rows(busy))).evidence["kept_alive_every_seconds"] is None


def test_stun_is_read():
    """What the first check says of itself."""
    batch = packets({**OUT, "payload": REQUEST}, {**BACK, "payload": REQUEST}, {**BACK, "payload": RESPONSE})
    violation = only(found(UdpHolePunch, batch, flows=flow_rows(FLOW)))
    assert violation.evidence["stun"] == {"method": 1, "class": "request"}
