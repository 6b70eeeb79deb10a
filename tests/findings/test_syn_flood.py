"""Connections that nobody completes."""

from __future__ import annotations

import pytest
from packets import flow_rows
from sample_run import START_NS, context

from pcapaudit.core import consts
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.syn_flood import SynFlood
from pcapaudit.findings.violation import Severity

SYN = {"dport": 80, "tcp_flags": (consts.TCP_SYN, consts.TCP_SYN | consts.TCP_ACK), "packets": (1, 1), "accepted": 2}
REFUSED = {**SYN, "tcp_flags": (consts.TCP_SYN, 0), "packets": (1, 0), "accepted": 0, "blocked": 1, "dropped": 1, "rule": 2}
DONE = {**SYN, "tcp_flags": (consts.TCP_SYN | consts.TCP_ACK, consts.TCP_SYN | consts.TCP_ACK)}


def flood(count, row=SYN, sources=100, step_ns=1_000_000):
    """So many connections from so many sources."""
    return [
        {
            **row,
            "flow": i + 1,
            "src": f"203.0.113.{i % sources}",
            "first_frame": i + 1,
            "last_frame": i + 1,
            "first_ns": START_NS + i * step_ns,
        }
        for i in range(count)
    ]


def judged(*rows):
    """The violations, and what was flooded."""
    scene = Scene(context())
    detector = SynFlood(scene)
    detector.on_flows(flow_rows(*rows))
    detector.on_end()
    return detector.violations(), scene.flooded


def test_flood():
    """Numbers, rate, sources."""
    (violation,), flooded = judged(*flood(200), DONE)
    assert violation.message == (
        "192.168.10.20:80: 200 of 201 connections were opened and never completed, from 100 sources in 0.199 s; "
        "0 were refused, 200 answered."
    )
    assert (violation.severity, violation.count, violation.first_frame, violation.last_frame) == (Severity.MEDIUM, 200, 1, 200)
    assert violation.evidence["half_open_per_second"] == 200
    assert flooded == {"192.168.10.20"}


def test_refused_flood():
    """It reaches nobody, at any rate."""
    (violation,), _ = judged(*flood(3000, REFUSED, step_ns=1000))
    assert violation.severity == Severity.MEDIUM
    assert violation.message.endswith("; all were refused.")
    assert judged(*flood(3000, step_ns=1000))[0][0].severity == Severity.HIGH


@pytest.mark.parametrize("row", [SYN, REFUSED], ids=["answered", "refused"])
def test_few_sources_at_a_high_rate(row):
    """No client tries again a hundred times a second."""
    (violation,), flooded = judged(*flood(200, row, sources=1))
    assert "200 of 200 connections were opened and never completed, from 1 source in 0.199 s" in violation.message
    assert (violation.evidence["half_open_per_second"], flooded) == (200, {"192.168.10.20"})


OTHERS = {
    "few": flood(49),
    "a client that tries again": flood(200, sources=1, step_ns=20_000_000),
    "a port where nobody listens": flood(
        200, {**SYN, "tcp_flags": (consts.TCP_SYN, consts.TCP_RST | consts.TCP_ACK)}, sources=5, step_ns=1_000_000
    ),
    "slow": flood(200, step_ns=1_000_000_000),
    "completed": [*flood(100), *[DONE] * 50],
    "other ports": [{**row, "dport": 1000 + row["flow"]} for row in flood(200)],
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_flood(rows):
    """Each condition for itself."""
    assert judged(*rows) == ([], set())
