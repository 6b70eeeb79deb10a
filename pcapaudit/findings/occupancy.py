"""How many entries there are at a time, from when each began and ended, in constant space."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Occupancy"]

#: Bins kept; when there would be more, they become twice as wide.
MOST_BINS = 128
_SECOND = 1_000_000_000


class Occupancy:
    """Entries by time, known at the ends of bins of a second or more. Entries may be added in any order."""

    __slots__ = ("_changes", "width_ns")

    def __init__(self) -> None:
        self.width_ns = _SECOND
        #: Number of the bin → entries that began in it, less those that ended.
        self._changes: dict[int, int] = {}

    def add(self, begin_ns: Any, end_ns: Any) -> None:
        """Times at which entries began, and at which entries ended (arrays of ns since 1970); those that stay have no end."""
        for times, sign in ((begin_ns, 1), (end_ns, -1)):
            if not len(times):
                continue
            self._widen(int(times.min()), int(times.max()))
            bins = times // self.width_ns
            low = int(bins.min())
            sums = np.bincount((bins - low).astype(np.intp))
            for place in np.flatnonzero(sums).tolist():
                self._changes[low + place] = self._changes.get(low + place, 0) + sign * int(sums[place])

    def course(self) -> tuple[list[int], list[int]]:
        """Times (ns) at which bins end, and the entries there are then."""
        numbers = sorted(self._changes)
        entries = np.cumsum([self._changes[number] for number in numbers]).tolist() if numbers else []
        return [(number + 1) * self.width_ns for number in numbers], entries

    def at(self, time_ns: int) -> int:
        """Entries at the end of the bin before or at a time."""
        times, entries = self.course()
        place = int(np.searchsorted(times, time_ns, "right"))
        return entries[place - 1] if place else 0

    def peak(self) -> tuple[int, int]:
        """Most entries, and when."""
        times, entries = self.course()
        if not entries:
            return 0, 0
        place = int(np.argmax(entries))
        return entries[place], times[place]

    def evidence(self, most: int = 60) -> dict[str, Any]:
        """Entries over time, ready for JSON: at most so many points, evenly picked from the bins in which something changed."""
        times, entries = self.course()
        step = -(-len(times) // most) if times else 1
        start = times[0] if times else 0
        return {"seconds": [(time - start) // _SECOND for time in times[::step]], "entries": entries[::step]}

    def _widen(self, low: int, high: int) -> None:
        if self._changes:
            low, high = min(low, min(self._changes) * self.width_ns), max(high, max(self._changes) * self.width_ns)
        while high // self.width_ns - low // self.width_ns >= MOST_BINS:
            self.width_ns *= 2
            merged: dict[int, int] = {}
            for number, change in self._changes.items():
                merged[number // 2] = merged.get(number // 2, 0) + change
            self._changes = merged
