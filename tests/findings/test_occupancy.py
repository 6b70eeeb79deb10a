"""Entries over time in constant space."""

from __future__ import annotations

import numpy as np

from pcapaudit.findings.occupancy import MOST_BINS, Occupancy

SECOND = 1_000_000_000


def occupancy(*spans):
    """Entries from one second to another."""
    made = Occupancy()
    for begin, end in spans:
        made.add(np.array([int(begin * SECOND)]), np.array([int(end * SECOND)]))
    return made


def test_course_and_peak():
    """At the ends of the bins in which something changed."""
    made = occupancy((10.5, 20.1), (11.2, 13.5), (11.9, 30.0))
    assert made.course() == ([11 * SECOND, 12 * SECOND, 14 * SECOND, 21 * SECOND, 31 * SECOND], [1, 3, 2, 1, 0])
    assert made.peak() == (3, 12 * SECOND)
    assert [made.at(second * SECOND) for second in (5, 11, 12, 13, 15, 40)] == [0, 1, 3, 3, 2, 0]
    assert made.evidence() == {"seconds": [0, 1, 3, 10, 20], "entries": [1, 3, 2, 1, 0]}


def test_order_does_not_matter():
    """Flows end in another order than they began."""
    spans = [(k * 7 % 100, 200 + k * 13 % 5000) for k in range(60)]
    assert occupancy(*spans).course() == occupancy(*reversed(spans)).course()


def test_memory_is_bounded():
    """A year of entries: wider bins, the sum is still zero at the end."""
    made = occupancy(*((k * 100_000, k * 100_000 + 50) for k in range(300)))
    times, entries = made.course()
    assert len(times) <= MOST_BINS
    assert entries[-1] == 0
    assert made.width_ns > SECOND
    assert len(made.evidence(10)["entries"]) <= 10


def test_nothing():
    """No entry at all."""
    made = Occupancy()
    assert (made.course(), made.peak(), made.at(5)) == (([], []), (0, 0), 0)
