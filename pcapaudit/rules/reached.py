"""A log of the rules that packets reached, and of what they looked up in sets: what coverage is made from. Compiled.

The evaluator writes it for the main world, where a run is *covered* (``compile_ruleset``); any other run has a log that is off, and pays
one test for each rule that matches. Packets are written by their row in the batch. ``settle`` puts their time and flow in place of the
row at the end of the batch, because a flow's number is not known before its first packet was judged.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython
import numpy as np

if not cython.compiled:
    from pcapaudit.rules.ops import MAX_PARTS

    #: Words of a look-up: row of the packet, number of the tally, then hi and lo of each part of the key.
    LOOKED_WORDS = 2 + 2 * MAX_PARTS

__all__ = ["ReachedLog"]

_FIRST_SIZE = 1 << 12


class ReachedLog:
    """What one evaluator wrote since the last ``take``."""

    def __init__(self, on: bool = False) -> None:
        self.on = on
        #: Rows of packets and the slots that they reached, side by side.
        self.rows = memoryview(array("I", bytes(4 * _FIRST_SIZE if on else 4)))
        self.slots = memoryview(array("I", bytes(4 * _FIRST_SIZE if on else 4)))
        self.room = len(self.rows)
        self.reached_count = 0
        self.looked = memoryview(array("Q", bytes(8 * LOOKED_WORDS)))
        self.looked_room = LOOKED_WORDS
        self.looked_count = 0
        self._settled: list[tuple[Any, Any, Any]] = []

    def reach(self, i, slot):
        """Packet ``i`` fulfilled all matches of the rule, or of the element of its verdict map, in ``slot``."""
        if self.reached_count == self.room:
            with cython.gil:
                self.rows = _longer(self.rows, "I")
                self.slots = _longer(self.slots, "I")
                self.room = len(self.rows)
        self.rows[self.reached_count] = i
        self.slots[self.reached_count] = slot
        self.reached_count += 1

    def look(self, i, tally, parts, count):
        """Packet ``i`` asks a set whether it holds a key of ``count`` parts."""
        at = self.looked_count * LOOKED_WORDS
        if at == self.looked_room:
            with cython.gil:
                self.looked = _longer(self.looked, "Q")
                self.looked_room = len(self.looked)
        self.looked[at] = i
        self.looked[at + 1] = tally
        part = 0
        while part < 2 * count:
            self.looked[at + 2 + part] = parts[part]
            part += 1
        self.looked_count += 1

    def move(self, start, i):
        """What was just written of row ``start`` is packet ``i``'s."""
        at = self.reached_count
        while at and self.rows[at - 1] == start:
            at -= 1
            self.rows[at] = i
        at = self.looked_count
        while at and self.looked[(at - 1) * LOOKED_WORDS] == start:
            at -= 1
            self.looked[at * LOOKED_WORDS] = i

    def settle(self, times: Any, flows: Any) -> None:
        """The batch is over: note the time (ns) and flow of each packet that reached a slot."""
        rows = np.frombuffer(self.rows, np.uint32)[: self.reached_count]
        slots = np.frombuffer(self.slots, np.uint32)[: self.reached_count].copy()
        self._settled.append((slots, times[rows], flows[rows]))
        self.reached_count = 0

    def take(self) -> tuple[Any, Any, Any, Any]:
        """Slots reached with the packets' times and flows, and the look-ups: tally and key, once for each packet. The log is empty then."""
        looked = np.frombuffer(self.looked, np.uint64)[: self.looked_count * LOOKED_WORDS].reshape(-1, LOOKED_WORDS)
        found = np.unique(looked, axis=0)[:, 1:] if len(looked) else looked[:, 1:].copy()
        columns = [np.concatenate(each) for each in zip(*self._settled, strict=True)] if self._settled else [np.zeros(0, np.int64)] * 3
        self._settled = []
        self.looked_count = 0
        return columns[0], columns[1], columns[2], found


def _longer(words: Any, kind: str) -> Any:
    """The same array with room for twice as many."""
    return memoryview(array(kind, bytes(words) * 2))
