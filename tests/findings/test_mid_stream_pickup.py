"""Connections without a beginning."""

from __future__ import annotations

import pytest
from packets import flow_rows, found, only, packets
from sample_run import START_NS, context

from pcapaudit.core import consts
from pcapaudit.findings.mid_stream_pickup import MidStreamPickup
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

PICKED = {"flow": 3, "sport": 443, "dport": 5000, "tcp_flags": (consts.TCP_ACK, 0), "accepted": 4, "packets": (4, 0), "first_frame": 7}
LATER = {**PICKED, "flow": 4, "first_ns": START_NS + 100_000_000_000, "first_frame": 9, "packets": (2, 2)}
BEGIN = packets({"at": 0})


def test_at_the_start():
    """They were there before."""
    violation = only(found(MidStreamPickup, BEGIN, flows=flow_rows({**PICKED, "flow": 5, "first_frame": 8}, PICKED)))
    assert (violation.severity, violation.flow, violation.first_frame, violation.last_frame) == (Severity.INFO, 3, 7, 8)
    assert violation.message == (
        "2 connections taken up in the middle: they were there before the capture began; the first 198.51.100.7:443 to 192.168.10.20:5000."
    )
    assert violation.evidence["one_way"] == 2


def test_later():
    """A lost entry, or another path."""
    violations = found(MidStreamPickup, BEGIN, flows=flow_rows(PICKED, LATER))
    assert [(each.evidence["kind"], each.severity) for each in violations] == [("capture-start", Severity.INFO), ("later", Severity.LOW)]


OTHERS = {
    "with a SYN": {"tcp_flags": (consts.TCP_SYN, 0)},
    "never open": {"blocked": 1},
    "the SYN was refused": {"blocked_before": 2},
    "udp": {"proto": consts.PROTO_UDP},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_other_flows(changes):
    """They begin otherwise, or their beginning is known."""
    assert not found(MidStreamPickup, BEGIN, flows=flow_rows({**PICKED, **changes}))


def test_continued_flows_are_explained():
    """By the time-out that cut them."""
    scene = Scene(context())
    scene.continued.add(3)
    detector = MidStreamPickup(scene)
    detector.on_flows(flow_rows(PICKED))
    assert not detector.violations()
