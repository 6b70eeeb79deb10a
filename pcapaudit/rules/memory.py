"""What a program remembers from packet to packet: limits, quotas, sets, lists of addresses, counts of connections. Compiled.

The evaluator hands the instructions over that ask it; the answer is as of a match, or DROPPED where the kernel drops the packet then and
there.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch
from pcapaudit.rules.compile import Program
from pcapaudit.rules.counts import ConnectionCounts
from pcapaudit.rules.dynamic import DynamicSets
from pcapaudit.rules.limits import Limits
from pcapaudit.rules.matching import Matcher
from pcapaudit.rules.recent import RecentLists
from pcapaudit.rules.view import View

if not cython.compiled:
    from pcapaudit.rules.ops import (
        HIDE_DESTINATION,
        HIDE_SOURCE,
        NO,
        OP_ALIVE,
        OP_COUNT,
        OP_FADE,
        OP_LOOKUP,
        OP_QUOTA,
        OP_RECENT,
        OP_UPDATE,
        UNKNOWN,
        YES,
    )

__all__ = ["Memory"]


class Memory:
    """The memory of one run of a program."""

    def __init__(self, program: Program, batch: PacketBatch, matcher: Matcher) -> None:
        self.batch = batch
        self.matcher = matcher
        self.view: View = matcher.view
        self.limits = Limits(program)
        self.counts = ConnectionCounts(program, batch)
        self.dynamic = DynamicSets(program, self.counts)
        self.recent = RecentLists(program, batch)
        #: When the elements end that the ruleset lists with a lifetime (ns; before the start: how long they live; 0: for ever).
        lifetimes: Any = np.array([*program.lifetimes, 0], np.int64)
        self.lifetimes = memoryview(lifetimes)
        #: The first packet came.
        self.started = 0
        #: What the last instruction answered that slots of one rule share.
        self.answer = 0

    def start(self, now):
        """The ruleset is loaded when the first packet comes."""
        self.started = 1
        self.dynamic.start(now)
        index = 0
        stop = len(self.lifetimes)
        while index < stop:
            if self.lifetimes[index]:
                self.lifetimes[index] += now
            index += 1
        return 0

    def take(self, i, now, pc, is_main):
        """Answer of the LIMIT at ``pc``."""
        self.answer = self.limits.take(now, self.matcher.code[pc + 1], self.batch.ip_len[i], is_main)
        return self.answer

    def act(self, i, now, pc, is_main):
        """Answer of any other instruction of this kind."""
        op = self.matcher.code[pc]
        where = self.matcher.code[pc + 1]
        if op == OP_LOOKUP:
            return self.dynamic.holds(self.matcher, pc, i, now, is_main)
        if op == OP_ALIVE:
            return NO if self.lifetimes[where] and self.lifetimes[where] <= now else YES
        if op == OP_FADE:
            return self._fade(pc, now)
        if op == OP_UPDATE:
            self.answer = self.dynamic.write(self.matcher, where, i, now, is_main)
        elif op == OP_QUOTA:
            self.answer = self.limits.use(where, self.batch.ip_len[i], is_main)
        elif op == OP_RECENT:
            if self.view.hidden & (HIDE_SOURCE | HIDE_DESTINATION):
                self.recent.match(i, now, where, 0)
                self.answer = UNKNOWN
            else:
                self.answer = self.recent.match(i, now, where, is_main)
        elif op == OP_COUNT:
            with cython.gil:
                self.answer = self.counts.judge(i, now, where, is_main)
        return self.answer

    def _fade(self, pc, now):
        """Whether an element that lives holds the parts: the boxes tell which, the word before them whether the answer is turned."""
        found = self.matcher.look_up(pc, 1)
        if found == UNKNOWN or self.matcher.parts_known(self.matcher.code[pc + 1]) == NO:
            return found
        if found == YES:
            where = self.matcher.value_lo
            if self.lifetimes[where] and self.lifetimes[where] <= now:
                found = NO
        return 1 - found if self.matcher.pool[self.matcher.code[pc + 3] - 1] else found
