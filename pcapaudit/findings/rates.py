"""How many a second, over time, in constant space: bins that become twice as wide when there would be too many."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Rates"]

#: Bins kept.
MOST_BINS = 60
_SECOND = 1_000_000_000


class Rates:
    """Occurrences by time. Times may come in any order."""

    __slots__ = ("_bins", "width_ns")

    def __init__(self) -> None:
        self.width_ns = _SECOND
        #: Number of the bin (time over width) → occurrences.
        self._bins: dict[int, int] = {}

    def add(self, times_ns: Any, counts: Any = None) -> None:
        """Add occurrences at times (ns since 1970), one each or as many as ``counts`` says."""
        if not len(times_ns):
            return
        low, high = int(times_ns.min()), int(times_ns.max())
        self._widen(low, high)
        first = low // self.width_ns
        places = times_ns // self.width_ns - first
        sums = np.bincount(places.astype(np.intp), counts)
        for place in np.flatnonzero(sums).tolist():
            self._bins[first + place] = self._bins.get(first + place, 0) + int(sums[place])

    @property
    def peak(self) -> float:
        """Most a second in any bin."""
        return max(self._bins.values(), default=0) * _SECOND / self.width_ns

    def evidence(self) -> dict[str, Any]:
        """The whole course, ready for JSON: occurrences bin by bin, from the first to the last."""
        if not self._bins:
            return {"seconds_a_bin": 1, "counts": [], "peak_per_second": 0.0}
        numbers = range(min(self._bins), max(self._bins) + 1)
        counts = [self._bins.get(number, 0) for number in numbers]
        return {"seconds_a_bin": self.width_ns // _SECOND, "counts": counts, "peak_per_second": round(self.peak, 1)}

    def _widen(self, low: int, high: int) -> None:
        """Double the width until all bins are few enough."""
        if self._bins:
            low = min(low, min(self._bins) * self.width_ns)
            high = max(high, max(self._bins) * self.width_ns)
        while high // self.width_ns - low // self.width_ns >= MOST_BINS:
            self.width_ns *= 2
            merged: dict[int, int] = {}
            for number, count in self._bins.items():
                merged[number // 2] = merged.get(number // 2, 0) + count
            self._bins = merged
