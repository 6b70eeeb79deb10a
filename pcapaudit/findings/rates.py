"""How many a second, over time, in constant space: bins that become twice as wide when there would be too many."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Rates"]

#: Bins kept.
MOST_BINS = 60
_SECOND = 1_000_000_000
#: What sums of fractions leave behind where nothing is.
_LEAST = 1e-6


class Rates:
    """Occurrences by time. Times may come in any order."""

    __slots__ = ("_bins", "width_ns")

    def __init__(self) -> None:
        self.width_ns = _SECOND
        #: Number of the bin (time over width) → occurrences; fractions of one where they were spread.
        self._bins: dict[int, float] = {}

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

    def spread(self, begin_ns: Any, end_ns: Any, counts: Any) -> None:
        """Add occurrences that came evenly between two times (arrays; ends are no earlier than beginnings), so many each."""
        if not len(begin_ns):
            return
        low, high = int(begin_ns.min()), int(end_ns.max())
        self._widen(low, high)
        origin = low // self.width_ns
        first, last = ((times // self.width_ns - origin).astype(np.intp) for times in (begin_ns, end_ns))
        each = counts / (last - first + 1)
        size = int(last.max()) + 2
        sums = np.cumsum(np.bincount(first, each, size) - np.bincount(last + 1, each, size))
        for place in np.flatnonzero(sums > _LEAST).tolist():
            self._bins[origin + place] = self._bins.get(origin + place, 0) + float(sums[place])

    @property
    def peak(self) -> float:
        """Most a second in any bin."""
        return max(self._bins.values(), default=0) * _SECOND / self.width_ns

    def evidence(self) -> dict[str, Any]:
        """The whole course, ready for JSON: occurrences bin by bin, from the first to the last."""
        if not self._bins:
            return {"seconds_a_bin": 1, "counts": [], "peak_per_second": 0.0}
        numbers = range(min(self._bins), max(self._bins) + 1)
        counts = [round(self._bins.get(number, 0)) for number in numbers]
        return {"seconds_a_bin": self.width_ns // _SECOND, "counts": counts, "peak_per_second": round(self.peak, 1)}

    def _widen(self, low: int, high: int) -> None:
        """Double the width until all bins are few enough."""
        if self._bins:
            low = min(low, min(self._bins) * self.width_ns)
            high = max(high, max(self._bins) * self.width_ns)
        while high // self.width_ns - low // self.width_ns >= MOST_BINS:
            self.width_ns *= 2
            merged: dict[int, float] = {}
            for number, count in self._bins.items():
                merged[number // 2] = merged.get(number // 2, 0) + count
            self._bins = merged
