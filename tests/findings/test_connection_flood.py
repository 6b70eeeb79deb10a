"""Completed connections that ask for nothing."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many

from pcapaudit.core import consts
from pcapaudit.findings.connection_flood import ConnectionFlood

DONE = consts.TCP_SYN | consts.TCP_ACK
FIN = DONE | consts.TCP_FIN
ROW = {"dst": "192.168.10.20", "dport": 80, "packets": (4, 3), "bytes": (200, 150), "tcp_flags": (FIN, FIN)}
HELD = {**ROW, "tcp_flags": (DONE, DONE)}
SOURCES = {"src": lambda i: f"203.0.113.{i % 50}"}


def test_flood():
    """Many a second, closed at once."""
    (violation,), _ = judged(ConnectionFlood, *many(1000, ROW, step_ns=1_000_000, **SOURCES))
    assert violation.message == (
        "192.168.10.20:80: 1000 of 1000 connections were completed, asked for next to nothing and were closed again, from 50 sources in "
        "0.999 s."
    )
    assert violation.evidence["kind"] == "closed-again"


def test_held_open():
    """Slowloris needs no rate."""
    (violation,), _ = judged(ConnectionFlood, *many(300, HELD, step_ns=1_000_000_000, **SOURCES))
    assert (violation.evidence["kind"], violation.count) == ("held-open", 300)


OTHERS = {
    "few": many(400, ROW, step_ns=1_000_000, **SOURCES),
    "slow": many(1000, ROW, step_ns=100_000_000, **SOURCES),
    "requests": many(1000, {**ROW, "bytes": (900, 9000)}, step_ns=1_000_000, **SOURCES),
    "some requests among them": [
        *many(600, ROW, step_ns=1_000_000, **SOURCES),
        *many(200, {**ROW, "bytes": (900, 9000)}, step_ns=1_000_000, **SOURCES),
    ],
    "half-open": many(1000, {**ROW, "tcp_flags": (consts.TCP_SYN, DONE)}, step_ns=1_000_000, **SOURCES),
    "few held": many(150, HELD, **SOURCES),
    "many servers": many(1000, ROW, step_ns=1_000_000, dst=lambda i: f"10.0.{i >> 7}.{i & 127}"),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_flood(rows):
    """Each condition for itself."""
    assert judged(ConnectionFlood, *rows)[0] == []
