"""The loop over packets: conntrack, rules, conntrack again, accounts. Compiled; no Python object is touched in it, and no lock is held.

Packets are handled in groups whose table rows are fetched together. Groups are counted through the whole stream, so that it makes no
difference how the stream is cut into batches.
"""

from __future__ import annotations

import cython

from pcapaudit.conntrack.tracker import Tracker
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.replay.flows import FlowTable
from pcapaudit.rules.evaluate import Evaluator

if not cython.compiled:
    from pcapaudit.conntrack.layout import Q_EXPIRES, ROW_QUADS, ROW_WORDS, TO_DROP, TO_RULES, TO_SKIP, W_FLOW, W_STATUS
    from pcapaudit.core.consts import (
        END_RESET,
        GROUP_PACKETS,
        HOOK_NONE,
        HOOK_PREROUTING,
        VERDICT_ACCEPT,
        VERDICT_DROP,
        VERDICT_SKIP,
    )

    # More than the flows that may end within one group: of its packets, of the ring of blocked records, and by the reaper.
    GROUP_ENDS = 512

__all__ = ["Loop"]

_LONG_AGO = cython.declare(cython.longlong, -0x4000000000000000)


class Loop:
    """Judges batches. One object a run: it keeps the clock."""

    def __init__(self, tracker: Tracker, evaluator: Evaluator, flows: FlowTable, observed: bool) -> None:
        self.tracker = tracker
        self.evaluator = evaluator
        self.flows = flows
        self.observed = observed
        #: The clock: the latest time stamp so far.
        self.now = _LONG_AGO
        #: Where ``finish`` goes on; row 0 after the last.
        self.left = 1

    def run(self, b: PacketBatch, v: VerdictBatch, start: cython.uint) -> int:
        """Judge the packets of a batch from row ``start`` on. Returns the count, or where to go on when ended flows were taken."""
        i: cython.uint = start
        self.tracker.ensure(b.count)
        with cython.nogil:
            while i < b.count and not self.flows.full(GROUP_ENDS):
                i = self._group(b, v, i)
        return i

    def _group(self, b, v, first):
        """One group, or what the batch holds of it. Returns the row behind it."""
        stop = first + GROUP_PACKETS - (b.first_frame + first - 1) % GROUP_PACKETS
        last = stop
        stop = min(stop, b.count)
        self.tracker.touch(b, v, first, stop)
        self.flows.touch(v, first, stop)
        i = first
        while i < stop:
            self.now = max(self.now, b.ts_ns[i])
            self._packet(b, v, i)
            i += 1
        if stop == last:
            self.tracker.reap(self.now)
            self.flows.settle()
        return stop

    def _packet(self, b, v, i):
        """One packet, all the way."""
        self.tracker.clear(v, i)
        accepted = 0
        way = TO_DROP
        # Before conntrack the kernel has reassembled; what it would not look at meets no rule there either.
        if not self.evaluator.has_raw or not self.tracker.fit(b, i) or self.evaluator.evaluate_raw(i, self.now) == VERDICT_ACCEPT:
            way = self.tracker.track(b, v, i, self.now)
            if way == TO_RULES:
                accepted = self.evaluator.evaluate(i, self.now) == VERDICT_ACCEPT or self.observed
            else:
                self._not_judged(v, i, VERDICT_DROP if way == TO_DROP else VERDICT_SKIP)
        if way != TO_SKIP:
            self.tracker.commit(b, i, self.now, accepted)
        self._account(b, v, i)
        if self.tracker.ended_count:
            self.flows.settle()
        return 0

    def _account(self, b, v, i):
        """Attribute the packet to its flow."""
        row = self.tracker.row
        direction = v.direction[i]
        if row == 0:
            row = self.tracker.known
            if row:
                direction = self.tracker.table.direction_of(row)
        elif row == self.tracker.blocked:
            direction = self.tracker.blocked_direction
        if row and not self.tracker.quoted:
            if self.tracker.fresh:
                self.flows.start(b, v, i, row, self.now)
            self.flows.count(b, v, i, row, direction, self.now)
        self._write(v, i, row)
        if self.tracker.last:
            self.tracker.end(row, END_RESET, self.now)

    def _not_judged(self, v, i, verdict):
        """A packet that never reaches a rule."""
        v.verdict[i] = verdict
        v.decided[i] = 1
        v.rule[i] = 0
        v.chain[i] = 0
        v.cause[i] = 0
        v.hook[i] = HOOK_PREROUTING if verdict == VERDICT_DROP else HOOK_NONE

    def _write(self, v, i, row):
        """What became of the packet's entry."""
        v.row[i] = row
        if row == 0:
            v.flow[i] = 0
            v.ct_status[i] = 0
            v.tcp_state[i] = 0
            v.timeout_ns[i] = 0
            return
        v.flow[i] = self.tracker.table.w[row * ROW_WORDS + W_FLOW]
        if row != self.tracker.row or row == self.tracker.blocked or self.tracker.last:
            # Attributed to the flow, but not a packet of the connection; or the connection ended with it.
            v.ct_status[i] = 0
            v.tcp_state[i] = 0
            v.timeout_ns[i] = 0
            return
        status = self.tracker.table.w[row * ROW_WORDS + W_STATUS]
        v.ct_status[i] = status & 0xFFFF
        v.tcp_state[i] = status >> 16 & 15
        v.timeout_ns[i] = self.tracker.table.t[row * ROW_QUADS + Q_EXPIRES] - self.now

    def finish(self) -> bool:
        """End what is left in the table. Returns False while there is more: take the ended flows and call again."""
        with cython.nogil:
            while self.left and not self.flows.full(GROUP_ENDS * 2):
                self.left = self.tracker.finish_some(self.left, self.now)
                self.flows.settle()
        return self.left == 0
