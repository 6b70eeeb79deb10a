"""One direction only."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, flow_rows, found, only
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.asymmetric_capture import AsymmetricCapture
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

HALF = {
    "flow": 3,
    "sport": 443,
    "dport": 5000,
    "iif": WAN,
    "oif": LAN,
    "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK | consts.TCP_PSH, 0),
    "packets": (9, 0),
    "dropped": 9,
    "first_frame": 4,
    "last_frame": 40,
}
WHOLE = {**HALF, "packets": (9, 9), "dropped": 0}


def test_one_direction():
    """With the ways, and the refused packets."""
    violation = only(
        found(AsymmetricCapture, flows=flow_rows(HALF, {**HALF, "iif": LAN, "oif": WAN, "first_frame": 2, "dropped": 0}, WHOLE))
    )
    assert violation.message == (
        "2 of 3 TCP connections show one direction only (1 only inbound, 1 only outbound), for example 198.51.100.7:443 to "
        "192.168.10.20:5000; 9 packets of them refused."
    )
    assert (violation.severity, violation.first_frame, violation.last_frame, violation.count) == (Severity.LOW, 2, 40, 2)


OTHERS = {
    "a few among many": [HALF, *[WHOLE] * 5],
    "too short": [{**HALF, "packets": (3, 0)}],
    "a SYN again and again": [{**HALF, "tcp_flags": (consts.TCP_SYN, 0)}],
    "udp": [{**HALF, "proto": consts.PROTO_UDP}],
    "answers to a forged SYN": [{**HALF, "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK, 0), "bytes": (9 * 44, 0)}],
    "and the RSTs behind them": [{**HALF, "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK | consts.TCP_RST, 0), "bytes": (9 * 44, 0)}],
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_not_the_capture(rows):
    """Other reasons for silence."""
    assert not found(AsymmetricCapture, flows=flow_rows(*rows))


def test_data_without_push():
    """A transfer whose segments carry no PSH is no backscatter."""
    assert found(AsymmetricCapture, flows=flow_rows({**HALF, "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK, 0), "bytes": (9 * 1000, 0)}))


def test_what_comes_after_a_time_out():
    """One side does not know that the entry is gone."""
    scene = Scene(context())
    scene.continued.add(3)
    detector = AsymmetricCapture(scene)
    detector.on_flows(flow_rows(HALF))
    assert not detector.violations()
