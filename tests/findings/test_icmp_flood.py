"""Pings at a rate that matters."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many
from sample_run import START_NS

from pcapaudit.core import consts
from pcapaudit.findings.icmp_flood import IcmpFlood

PING = {"proto": consts.PROTO_ICMP, "icmp_type": 8, "dst": "192.168.10.20", "packets": (1000, 1000), "bytes": (84_000, 84_000)}


def lasting(seconds, **changes):
    """One ping of so many seconds."""
    return many(1, {**PING, **changes, "last_ns": START_NS + seconds * 1_000_000_000})


def test_flood_ping():
    """Answered or not."""
    (violation,), scene = judged(IcmpFlood, *lasting(2))
    assert violation.message == "192.168.10.20: 1000 ICMP queries in 2 s from 1 source, 500 a second; 0 of 1 flows were refused."
    assert (violation.evidence["replies"], scene.flooded) == (1000, {"192.168.10.20"})


def test_smurf():
    """Forged sources, one packet each."""
    rows = many(2000, {**PING, "packets": (1, 1)}, step_ns=100_000, src=lambda i: f"{1 + i % 200}.2.{i >> 8}.{i & 255}")
    (violation,), _ = judged(IcmpFlood, *rows)
    assert violation.evidence["looks_forged"]


OTHERS = {
    "a ping a second": lasting(1000),
    "few": lasting(1, packets=(400, 400)),
    "udp": lasting(2, proto=consts.PROTO_UDP),
    "to a group": lasting(2, dst="224.0.0.1"),
    "to many hosts": many(1000, {**PING, "packets": (1, 1)}, step_ns=1000, dst=lambda i: f"10.0.{i >> 7}.{i & 127}"),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_flood(rows):
    """Each condition for itself."""
    assert judged(IcmpFlood, *rows)[0] == []
