"""The record of what other time-outs would have done."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.idle import TIMERS, Point, TimerUse
from pcapaudit.regress.timeouts import GRIDS, LEAST, Proof, grid_of, keepalive_seconds, needed_ns, shortest_ns, timeouts_record

NS = 1_000_000_000
CURRENT = {name: seconds * NS for name, seconds in DEFAULT_TIMEOUTS.items()}


def use(name="udp.stream", reply=150.5, broken=1, current=120):
    """A timer that ran."""
    points = tuple(Point(seconds * NS, broken if seconds <= reply else 0, 0, 5, seconds * NS) for seconds in sorted({60, current, 151}))
    return TimerUse(name, current * NS, 3, int(reply * NS), 0, points)


def test_every_timer_has_a_grid():
    """With what is set in it, once, ascending; given ones take the place of the usual ones."""
    assert set(GRIDS) == set(TIMERS)
    grid = grid_of(CURRENT, {"udp.stream": [90 * NS, 45 * NS]})
    assert grid["udp.stream"] == [45 * NS, 90 * NS, 120 * NS]
    assert all(times == sorted(set(times)) and CURRENT[name] in times for name, times in grid.items())


def test_unknown_timer_is_explained():
    """With those that there are."""
    with pytest.raises(ConfigError, match=r"--grid udp: expected one of tcp\.established, "):
        grid_of(CURRENT, {"udp": [1]})


@pytest.mark.parametrize(("silence", "needed"), [(0, 0), (0.2, 1), (150, 151), (150.5, 151)])
def test_what_is_needed_outlasts_the_silence(silence, needed):
    """In whole seconds; a time-out as long as the silence is too short."""
    assert needed_ns(use(reply=silence)) == needed * NS


def test_keepalives_come_before_the_time_out():
    """Every 119 s for 120; never less than a second apart."""
    assert keepalive_seconds(use()) == 119
    assert keepalive_seconds(use(current=1)) == 1


def test_nothing_shorter_than_standards_ask_for_is_named():
    """Whatever a capture needs."""
    assert shortest_ns(use("tcp.established", reply=3)) == LEAST["tcp.established"] * NS
    assert shortest_ns(use("generic", reply=3)) == 4 * NS


def test_record_recommends_what_keeps_all():
    """Where something breaks; else what is set stays."""
    stream = SimpleNamespace(files=[SimpleNamespace(path="a.pcap")], warnings=["cut off"])
    record = timeouts_record([use(), use("udp.unreplied", reply=5, broken=0, current=30)], stream, (Proof(1, 4), Proof(0, 0)), 30)
    first, second = record["timers"]
    assert (first["broken"], first["needed_ns"], first["recommended_ns"], first["keepalive_s"]) == (1, 151 * NS, 151 * NS, 119)
    assert (second["broken"], second["recommended_ns"], second["shortest_without_harm_ns"]) == (0, 30 * NS, 120 * NS)
    assert [point["timeout_ns"] for point in first["points"]] == [60 * NS, 120 * NS, 151 * NS]
    assert record["as_set"] == {"cut": 1, "refused": 4}
    assert record["with_recommended"] == {"cut": 0, "refused": 0}
    assert record["capture"] == {"files": ["a.pcap"], "frames": 30, "warnings": ["cut off"]}
    assert timeouts_record([], stream, (Proof(0, 0), None), 0)["with_recommended"] is None
