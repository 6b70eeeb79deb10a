"""Flows that outlive their entry."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, flow_rows, found, only
from sample_run import START_NS, context

from pcapaudit.core import consts
from pcapaudit.findings.flow_cut_by_timeout import FlowCutByTimeout
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

S = 1_000_000_000
ENDS = {"src": "192.168.10.20", "dst": "198.51.100.7", "sport": 5000, "dport": 5060, "proto": consts.PROTO_UDP}
BACK = {"src": "198.51.100.7", "dst": "192.168.10.20", "sport": 5060, "dport": 5000, "proto": consts.PROTO_UDP, "iif": WAN, "oif": LAN}
FIRST = {
    **ENDS,
    "flow": 1,
    "packets": (2, 2),
    "last_frame": 4,
    "last_ns": START_NS + 10 * S,
    "end_ns": START_NS + 130 * S,
    "end": consts.END_TIMEOUT,
}
LATE = {
    **BACK,
    "flow": 2,
    "packets": (3, 0),
    "first_frame": 5,
    "last_frame": 7,
    "first_ns": START_NS + 160 * S,
    "end": consts.END_BLOCKED,
    "blocked": 1,
    "dropped": 3,
}
TCP = {"proto": consts.PROTO_TCP, "tcp_state": consts.TCPS_ESTABLISHED, "tcp_flags": (consts.TCP_ACK, 0)}


def test_refused_after_silence():
    """Timer, lateness, what would have helped; the refused packets are explained."""
    scene = Scene(context())
    detector = FlowCutByTimeout(scene)
    detector.on_flows(flow_rows(FIRST))
    detector.on_flows(flow_rows(LATE))
    violation = only(detector.violations())
    assert violation.message == (
        "198.51.100.7:5060 went on talking to 192.168.10.20:5000 (udp) after 2 min 30 s of silence, 30 s after its entry had timed out "
        "(udp.stream, 2 min); 3 of 3 packets after that were refused."
    )
    assert violation.advice == "A keepalive more often than every 2 min, or a time-out above 2 min 30 s, keeps it; --timeout tries one."
    assert (violation.severity, violation.flow, violation.first_frame, violation.last_frame) == (Severity.MEDIUM, 1, 5, 7)
    assert scene.explained["198.51.100.7", "192.168.10.20"] == 3


def test_both_flows_may_end_together():
    """At the end of a capture."""
    assert found(FlowCutByTimeout, flows=flow_rows(FIRST, LATE))


def test_a_late_answer():
    """It came when the question was forgotten."""
    assert found(FlowCutByTimeout, flows=flow_rows({**FIRST, "packets": (2, 0)}, LATE))


def test_cut_again_and_again():
    """All of it may end together, as at the end of a capture."""
    again = {**FIRST, "flow": 3, "first_frame": 8, "last_frame": 9, "last_ns": START_NS + 200 * S, "end_ns": START_NS + 320 * S}
    once_more = {**LATE, "flow": 4, "first_frame": 10, "first_ns": START_NS + 400 * S}
    cuts = found(FlowCutByTimeout, flows=flow_rows(FIRST, again, LATE, once_more))
    assert [each.first_frame for each in cuts] == [5, 10]


def test_tcp_picked_up():
    """The inside goes on, and Linux takes it up in the middle."""
    again = {**ENDS, **TCP, "flow": 2, "packets": (3, 2), "first_frame": 5, "first_ns": START_NS + 160 * S, "accepted": 5}
    violation = only(found(FlowCutByTimeout, flows=flow_rows({**FIRST, **TCP}, again)))
    assert violation.message.endswith("; the connection was picked up again.")
    assert violation.severity == Severity.INFO


OTHERS = {
    "opened again from inside": (FIRST, {**LATE, "blocked": 0, "dropped": 0, "accepted": 3}),
    "asked again": ({**FIRST, "packets": (2, 0)}, {**LATE, **ENDS}),
    "closed": ({**FIRST, "end": consts.END_CLOSED}, LATE),
    "another port": (FIRST, {**LATE, "dport": 5001}),
    "before": (FIRST, {**LATE, "first_ns": START_NS}),
    "months later": (FIRST, {**LATE, "first_ns": START_NS + 100 * 86400 * S}),
    "a new connection": ({**FIRST, **TCP}, {**LATE, **TCP, "tcp_flags": (consts.TCP_SYN, 0)}),
    "half closed": ({**FIRST, **TCP, "tcp_state": consts.TCPS_FIN_WAIT}, {**LATE, **TCP}),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_not_cut(rows):
    """What comes later is something else."""
    assert not found(FlowCutByTimeout, flows=flow_rows(*rows))


def test_many_flows_are_one_finding():
    """A pool of connections."""
    rows = [{**each, "flow": each["flow"] * 100 + i, "sport": 5000 + i, "dport": 7} for i in range(8) for each in (FIRST, {**LATE, **ENDS})]
    violation = only(found(FlowCutByTimeout, flows=flow_rows(*rows)))
    assert violation.count == 8
    assert "8 udp flows went on after their entries had timed out" in violation.message
    assert "24 packets were refused" in violation.message
