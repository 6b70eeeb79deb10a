"""The lists of addresses of ``-m recent``, as the kernel's xt_recent keeps them. Compiled.

A list holds a hundred addresses; when one more comes, the one that was written to least recently goes. Of each address it holds the last
times of writing, in a ring of 32, or of the next power of two above the highest hit count that a rule asks for.

Words of an entry: in use, upper and lower half of the address, TTL, place in the ring, times in the ring, when it was last written to (a
counter), then the ring.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch
from pcapaudit.rules.compile import Program

if not cython.compiled:
    from pcapaudit.rules.ops import (
        NO,
        RECENT_ACTION,
        RECENT_BY_SOURCE,
        RECENT_ENTRIES,
        RECENT_HEAD,
        RECENT_HITS,
        RECENT_INVERTED,
        RECENT_LIST,
        RECENT_MASK,
        RECENT_NS,
        RECENT_REMOVE,
        RECENT_SET,
        RECENT_TTL,
        RECENT_UPDATE,
        UNKNOWN,
        YES,
    )

__all__ = ["RecentLists"]


class RecentLists:
    """The lists of a program while it runs."""

    def __init__(self, program: Program, batch: PacketBatch) -> None:
        self.batch = batch
        self.rules = memoryview(np.array([*program.recent_rules, 0], np.uint64))
        rings = program.recent_rings
        starts: Any = np.zeros(len(rings) + 1, np.uint64)
        for number, ring in enumerate(rings):
            starts[number + 1] = starts[number] + RECENT_ENTRIES * (RECENT_HEAD + ring)
        self.starts = memoryview(starts)
        self.rings = memoryview(np.array([*rings, 0], np.uint64))
        self.entries = memoryview(np.zeros(int(starts[-1]) + 1, np.uint64))
        self.tainted = memoryview(np.zeros(len(rings) + 1, np.uint8))
        self.written = 0

    def match(self, i, now, at, is_main):
        """Answer of a rule's ``-m recent``; writes to the list as it says."""
        number = self.rules[at + RECENT_LIST]
        if not is_main:
            self.tainted[number] = 1
            return UNKNOWN
        by_source = self.rules[at + RECENT_BY_SOURCE]
        hi = (self.batch.src_hi[i] if by_source else self.batch.dst_hi[i]) & self.rules[at + RECENT_MASK]
        lo = (self.batch.src_lo[i] if by_source else self.batch.dst_lo[i]) & self.rules[at + RECENT_MASK + 1]
        action = self.rules[at + RECENT_ACTION]
        entry = self._find(number, hi, lo, self.batch.ttl[i] if self.rules[at + RECENT_TTL] else 0)
        found = NO
        if entry:
            found = self._hit(at, entry, now) if action not in (RECENT_SET, RECENT_REMOVE) else YES
            if action == RECENT_REMOVE:
                self.entries[entry - 1] = 0
        elif action == RECENT_SET:
            entry = self._make(number, hi, lo)
            found = YES
        answer = 1 - found if self.rules[at + RECENT_INVERTED] else found
        if entry and (action == RECENT_SET or (action == RECENT_UPDATE and answer)):
            self._write(number, entry, now, self.batch.ttl[i])
        return UNKNOWN if self.tainted[number] else answer

    def _find(self, number, hi, lo, ttl):
        """Where the address's entry stands, plus 1; 0 for none."""
        size = RECENT_HEAD + self.rings[number]
        entry = self.starts[number]
        stop = self.starts[number + 1]
        while entry < stop:
            if (
                self.entries[entry]
                and self.entries[entry + 1] == hi
                and self.entries[entry + 2] == lo
                and (ttl == 0 or self.entries[entry + 3] == 0 or self.entries[entry + 3] == ttl)
            ):
                return entry + 1
            entry += size
        return 0

    def _make(self, number, hi, lo):
        """An entry for an address: a free one, or that which was written to least recently."""
        size = RECENT_HEAD + self.rings[number]
        entry = self.starts[number]
        stop = self.starts[number + 1]
        oldest = entry
        while entry < stop:
            if not self.entries[entry]:
                oldest = entry
                break
            if self.entries[entry + 6] < self.entries[oldest + 6]:
                oldest = entry
            entry += size
        self.entries[oldest] = 1
        self.entries[oldest + 1] = hi
        self.entries[oldest + 2] = lo
        self.entries[oldest + 4] = 0
        self.entries[oldest + 5] = 0
        return oldest + 1

    def _hit(self, at, place, now):
        """Whether as many times as the rule asks for are recent enough; one, and of any age, if it asks for nothing."""
        entry = place - 1
        wanted = self.rules[at + RECENT_HITS]
        span = self.rules[at + RECENT_NS]
        hits = 0
        index = 0
        while index < self.entries[entry + 5]:
            if span == 0 or self.entries[entry + RECENT_HEAD + index] + span >= now:
                hits += 1
                if hits >= wanted:
                    return YES
            index += 1
        return NO

    def _write(self, number, place, now, ttl):
        """Note the time."""
        entry = place - 1
        index = self.entries[entry + 4]
        if index >= self.rings[number]:
            index = 0
        self.entries[entry + RECENT_HEAD + index] = now
        index += 1
        self.entries[entry + 4] = index
        self.entries[entry + 5] = max(self.entries[entry + 5], index)
        self.entries[entry + 3] = ttl
        self.written += 1
        self.entries[entry + 6] = self.written
