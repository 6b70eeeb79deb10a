"""UDP that nobody answers, at a rate that matters."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many
from sample_run import START_NS

from pcapaudit.core import consts
from pcapaudit.findings.udp_flood import UdpFlood
from pcapaudit.findings.violation import Severity

ROW = {"proto": consts.PROTO_UDP, "dst": "192.168.10.20", "sport": 4000, "dport": 80, "packets": (1, 0), "bytes": (100, 0)}
SOURCES = {"src": lambda i: f"203.{i >> 8}.1.{i & 255}"}


def test_flood():
    """Packets, rate, sources."""
    (violation,), scene = judged(UdpFlood, *many(3000, ROW, step_ns=300_000, **SOURCES))
    assert violation.message == (
        "192.168.10.20, port 80: 3000 UDP packets in 0.9 s from 3000 sources, 3000 a second; 0 of 3000 flows were refused."
    )
    assert (violation.severity, violation.count, violation.evidence["bytes"]) == (Severity.MEDIUM, 3000, 300_000)
    assert scene.flooded == {"192.168.10.20"}


def test_flood_in_one_flow():
    """One five-tuple with many packets."""
    (violation,), _ = judged(UdpFlood, *many(1, {**ROW, "packets": (50_000, 0), "bytes": (5_000_000, 0)}))
    assert (violation.severity, violation.count, violation.evidence["flows"]) == (Severity.HIGH, 50_000, 1)


def test_broadcasts():
    """DHCP discovers by the thousand, one five-tuple: nobody needs that."""
    (violation,), _ = judged(UdpFlood, *many(1, {**ROW, "dst": "255.255.255.255", "dport": 67, "packets": (10_000, 0)}))
    assert violation.message == (
        "255.255.255.255, port 67: 10000 UDP packets in 0 s from 1 source, 10000 a second; 0 of 1 flows were refused."
    )


def test_rates_over_time():
    """Of packets, each flow's spread over its life, and of new flows."""
    last_ns = START_NS + 9_000_000_000
    (violation,), _ = judged(UdpFlood, *many(1, {**ROW, "packets": (50_000, 0), "last_ns": last_ns}))
    assert violation.evidence["packet_rates"] == {"seconds_a_bin": 1, "counts": [5000] * 10, "peak_per_second": 5000.0}
    assert violation.evidence["new_flows"]["counts"] == [1]


def test_refused_flood_is_milder():
    """It reached nobody."""
    (violation,), _ = judged(UdpFlood, *many(1, {**ROW, "packets": (50_000, 0), "blocked": 1, "rule": 3}))
    assert (violation.severity, violation.rule) == (Severity.MEDIUM, 3)
    assert violation.message.endswith("; all flows were refused.")


def test_a_million_ports_are_not_all_kept():
    """Beyond the limit it says so, and the count goes on."""
    rows = many(30_000, ROW, step_ns=1000, dport=lambda i: 1 + i % 60_000)
    (violation,), _ = judged(UdpFlood, *rows)
    assert violation.count == 30_000
    assert violation.evidence["more_ports"]


OTHERS = {
    "few": many(900, ROW, step_ns=1000, **SOURCES),
    "slow": many(3000, ROW, step_ns=10_000_000, **SOURCES),
    "answered": many(3000, {**ROW, "packets": (1, 1)}, step_ns=1000, **SOURCES),
    "a call": many(1, {**ROW, "packets": (9000, 9000)}),
    "to a group": many(3000, {**ROW, "dst": "239.1.1.1"}, step_ns=1000),
    "a few broadcasts": many(900, {**ROW, "dst": "255.255.255.255"}, step_ns=1000),
    "answers of a reflector": many(3000, {**ROW, "sport": 123}, step_ns=1000, **SOURCES),
    "many hosts": many(3000, ROW, step_ns=1000, dst=lambda i: f"192.168.{i >> 7}.{i & 127}"),
    "tcp": many(3000, {**ROW, "proto": consts.PROTO_TCP}, step_ns=1000, **SOURCES),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_flood(rows):
    """Each condition for itself."""
    assert judged(UdpFlood, *rows)[0] == []
