"""Entries that sit idle long after their connection is over."""

from __future__ import annotations

import pytest
from crowd_flows import judged, many
from sample_run import START_NS

from pcapaudit.core import consts
from pcapaudit.findings.timeout_too_long import TimeoutTooLong

SECOND = 1_000_000_000
ROW = {
    "packets": (9, 9),
    "tcp_state": consts.TCPS_ESTABLISHED,
    "end": consts.END_TIMEOUT,
    "max_gap_ns": 40 * SECOND,
    "end_ns": START_NS + 432_000 * SECOND,
    "dst": "198.51.100.7",
    "src": "192.168.10.20",
    "sport": 4000,
    "dport": 22,
}


def test_idle_entries():
    """How many, how long, and what would have been enough."""
    (violation,), _ = judged(TimeoutTooLong, *many(8, ROW))
    assert violation.message == (
        "8 of 8 tcp entries sat idle, 5 days on average and 5 days at most (192.168.10.20:4000 to 198.51.100.7:22); the longest pause "
        "that any of them survived was 40 s."
    )
    assert violation.advice.startswith("tcp.established of 7440 s would have kept every connection")
    assert violation.evidence["bytes_held"] == 2400


def test_longest_pause_sets_what_is_enough():
    """Twice of it."""
    (violation,), _ = judged(TimeoutTooLong, *many(8, ROW), *many(1, {**ROW, "max_gap_ns": 20_000 * SECOND}))
    assert violation.evidence["enough_seconds"] == 40_000


def test_udp():
    """With its own timer."""
    (violation,), _ = judged(TimeoutTooLong, *many(8, {**ROW, "proto": consts.PROTO_UDP, "tcp_state": 0}))
    assert (violation.evidence["timer"], violation.evidence["enough_seconds"]) == ("udp.stream", 120)


OTHERS = {
    "few": many(4, ROW),
    "closed": many(8, {**ROW, "tcp_state": consts.TCPS_TIME_WAIT}),
    "a short capture": many(8, {**ROW, "end_ns": START_NS + 1800 * SECOND}),
    "long pauses are usual here": many(8, {**ROW, "max_gap_ns": 100_000 * SECOND}),
    "never answered": many(8, {**ROW, "packets": (9, 0)}),
    "refused": many(8, {**ROW, "blocked": 1}),
    "icmp": many(8, {**ROW, "proto": consts.PROTO_ICMP}),
}


@pytest.mark.parametrize("rows", OTHERS.values(), ids=OTHERS)
def test_no_finding(rows):
    """Each condition for itself."""
    assert judged(TimeoutTooLong, *rows)[0] == []
