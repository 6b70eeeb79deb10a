"""Occurrences over time in constant space."""

from __future__ import annotations

import numpy as np

from pcapaudit.findings.rates import MOST_BINS, Rates

SECOND = 1_000_000_000


def rates(*seconds):
    """One occurrence at each of these times."""
    made = Rates()
    for at in seconds:
        made.add(np.array([int(at * SECOND)]))
    return made


def test_bins_of_a_second():
    """With the gaps between; the peak is the fullest."""
    assert rates(10.1, 10.9, 12.0).evidence() == {"seconds_a_bin": 1, "counts": [2, 0, 1], "peak_per_second": 2.0}
    assert Rates().evidence() == {"seconds_a_bin": 1, "counts": [], "peak_per_second": 0.0}


def test_order_does_not_matter():
    """Flows end in another order than they began."""
    times = [0.5, 700.2, 3.3, 90000.0, 4.1]
    assert rates(*times).evidence() == rates(*reversed(times)).evidence()
    whole = Rates()
    whole.add(np.array([int(at * SECOND) for at in times]))
    assert whole.evidence() == rates(*times).evidence()


def test_width_doubles_and_nothing_is_lost():
    """However long the capture."""
    made = rates(*range(0, 100_000, 7))
    evidence = made.evidence()
    assert len(evidence["counts"]) <= MOST_BINS
    assert sum(evidence["counts"]) == len(range(0, 100_000, 7))
    assert evidence["seconds_a_bin"] == 2048


def test_counts_of_their_own():
    """As many occurrences as is said."""
    made = Rates()
    made.add(np.array([SECOND, 2 * SECOND]), np.array([5, 7]))
    assert made.evidence()["counts"] == [5, 7]
    assert made.peak == 7


def test_times_before_1970():
    """A capture may say so."""
    assert rates(-5, -3).evidence()["counts"] == [1, 0, 1]


def test_spread_over_a_life():
    """Evenly over the seconds that a flow lasted; a moment is one of them."""
    made = Rates()
    made.spread(np.array([10, 12]) * SECOND, np.array([13, 12]) * SECOND, np.array([8, 5]))
    assert made.evidence() == {"seconds_a_bin": 1, "counts": [2, 2, 7, 2], "peak_per_second": 7.0}
    made.spread(np.array([0]), np.array([100_000]) * SECOND, np.array([50]))
    evidence = made.evidence()
    assert len(evidence["counts"]) <= MOST_BINS
    assert abs(sum(evidence["counts"]) - 63) <= MOST_BINS / 2
    made.spread(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert made.evidence() == evidence
