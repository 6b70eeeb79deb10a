"""The loop over packets: conntrack, rules, conntrack again, accounts. Compiled; no Python object is touched in it, and no lock is held.

Packets are handled in groups; while one group is judged, the memory that the next ones need is on its way. Groups are counted through
the whole stream, so that it makes no difference how the stream is cut into batches.
"""

from __future__ import annotations

from typing import Any

import cython

from pcapaudit.conntrack.table import reserve
from pcapaudit.conntrack.tracker import Tracker
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.replay.flows import FlowTable
from pcapaudit.replay.translation import Translations
from pcapaudit.rules.emitter import helper_names

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        HELPER_SHIFT,
        OUTCOME_SHIFT,
        Q_EXPIRES,
        ROW_QUADS,
        ROW_UNSURE,
        ROW_WORDS,
        SIDE_FLAGS,
        SIDE_WORDS,
        STATUS_SHOWN,
        TO_DROP,
        TO_RULES,
        TO_RULES_AGAIN,
        TO_SKIP,
        W_FLOW,
        W_MARK,
        W_PARENT,
        W_PROTO,
        W_SIDE,
        W_STATUS,
    )
    from pcapaudit.conntrack.rows import expires_at, words_at
    from pcapaudit.core.consts import (
        BATCH_FRAMES,
        CT_INVALID,
        CT_NONE,
        CT_UNTRACKED,
        DIR_NONE,
        DIR_ORIGINAL,
        DIR_REPLY,
        END_CLOSED,
        END_RESET,
        GROUP_PACKETS,
        HELPER_H245,
        HELPER_Q931,
        HOOK_INPUT,
        HOOK_NONE,
        HOOK_POSTROUTING,
        HOOK_PREROUTING,
        PATH_INPUT,
        PROTO_TCP,
        PROTO_UDP,
        REASON_CLASH,
        REASON_FRAGMENT_DROPPED,
        REASON_FRAGMENT_QUEUED,
        REASON_HELPER,
        REASON_ICMP_QUOTE_SHORT,
        REASON_NONE,
        STATUS_CONFIRMED,
        STATUS_EXPECTED,
        STATUS_HELPER,
        VERDICT_ACCEPT,
        VERDICT_DROP,
        VERDICT_SKIP,
    )

    # More than the flows that may end within one group: of its packets, of the ring of blocked records, and by the reaper.
    GROUP_ENDS = 512
    # As in reassembly.py.
    QUEUED = 0
    ALONE = 2
    WHOLE = 3

__all__ = ["Loop"]

#: What the columns of a packet hold of which nothing was said.
_UNSAID = (("ct_state", CT_NONE), ("direction", DIR_NONE), ("reason", REASON_NONE), ("bound_low", 0), ("bound_high", 0), ("seen", 0))

_LONG_AGO = cython.declare(cython.longlong, -0x4000000000000000)
_FAR_AHEAD = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)


class Loop:
    """Judges batches. One object a run: it keeps the clock."""

    def __init__(self, tracker: Tracker, translations: Translations, flows: FlowTable, take_fragment: Any, observed: bool) -> None:
        evaluator = translations.evaluator
        self.tracker = tracker
        self.relations = tracker.relations
        self.evaluator = evaluator
        self.outcomes = evaluator.outcomes
        self.flows = flows
        #: Reassembly.take: fragments are rare, and handled in Python.
        self.take_fragment = take_fragment
        self.observed = observed
        self.uses_ct_mark = evaluator.program.uses_ct_mark
        self.uses_ct_account = evaluator.program.uses_ct_account
        self.uses_ct_helper = evaluator.program.uses_ct_helper
        #: Names of helpers as the rules compare them: two numbers each.
        self.helper_names = memoryview(helper_names())
        #: Packets and bytes of each connection by direction, four numbers a row, where rules ask for them.
        self.counts = memoryview(reserve((tracker.table.capacity + 1) * 32 if self.uses_ct_account else 32)).cast("Q")
        #: By rule id: whether it rejects with a TCP reset.
        self.resets = memoryview(evaluator.program.resets)
        #: What translates connections; without NAT in the rules nobody asks it.
        self.translations = translations
        self.translates = bool(evaluator.program.nat_l3)
        #: Rows remember what the rules said: nothing is brought along for these to ask for that changes from packet to packet.
        self.remembers = not (self.uses_ct_mark or self.uses_ct_account or self.uses_ct_helper or self.translates)
        #: A whole packet whose row remembers that the rules let it through needs nothing but to be counted.
        self.straight = self.remembers and not (evaluator.has_raw or self.relations.watching)
        #: The clock: the latest time stamp so far. The earliest.
        self.now = _LONG_AGO
        self.earliest = _FAR_AHEAD
        #: Where ``finish`` goes on; row 0 after the last.
        self.left = 1
        #: Row of the batch in front of which it stops for now.
        self.stop = 0
        # Rows of the batch up to which memory was asked for: of the index, and of the rows that it names.
        self.touched = 0
        self.fetched = 0

    def run(self, b: PacketBatch, v: VerdictBatch, start: cython.uint, stop: cython.uint) -> int:
        """Judge the rows ``start`` to ``stop`` - 1 of a batch. Returns ``stop``, or where to go on when ended flows were taken."""
        i: cython.uint = start
        self.stop = stop
        for name, value in _UNSAID:
            v.arrays[name][start:stop] = value
        self.tracker.ensure(b.count)
        self.touched = start
        self.fetched = start
        with cython.nogil:
            while i < self.stop and not self.flows.full(GROUP_ENDS):
                i = self._group(b, v, i)
        return i

    def _group(self, b, v, first):
        """One group, or what the batch holds of it. Returns the row behind it."""
        stop = first + GROUP_PACKETS - (b.first_frame + first - 1) % GROUP_PACKETS
        last = stop
        stop = min(stop, self.stop)
        self._look_ahead(b, v, stop)
        i = first
        while i < stop:
            self.now = max(self.now, b.ts_ns[i])
            self.earliest = min(self.earliest, b.ts_ns[i])
            self.flows.frame = b.first_frame + i
            if b.frag[i] and self.tracker.fit(b, i):
                self._fragment(b, v, i)
            else:
                self._packet(b, v, i)
            i += 1
        if stop == last:
            self.tracker.reap(self.now)
            self.flows.settle()
        return stop

    def _look_ahead(self, b, v, stop):
        """Ask for memory early enough: the index two groups ahead, the table rows one group."""
        far = min(stop + 2 * GROUP_PACKETS, b.count)
        if far > self.touched:
            self.tracker.touch(b, self.touched, far)
            self.touched = far
        near = min(stop + GROUP_PACKETS, b.count)
        if near > self.fetched:
            self.tracker.fetch(b, v, self.fetched, near)
            self.flows.fetch(v, self.fetched, near)
            self.fetched = near

    def _fragment(self, b, v, i):
        """A fragment: it waits, is refused, goes on alone, or makes a datagram whole, which is then judged in its place."""
        with cython.gil:
            answer = self.take_fragment(i, self.now)
        if answer == ALONE:
            return self._packet(b, v, i)
        if answer == WHOLE:
            self.tracker.touch(b, BATCH_FRAMES, BATCH_FRAMES + 1)
            v.row[BATCH_FRAMES] = 0
            self.tracker.clear(v, BATCH_FRAMES)
            self._packet(b, v, BATCH_FRAMES)
            b.anomalies[i] |= b.anomalies[BATCH_FRAMES]
            self._copy(v, i)
            if self.evaluator.reached.on:
                self.evaluator.reached.move(BATCH_FRAMES, i)
            return 0
        self.tracker.begin()
        self._not_judged(v, i, VERDICT_SKIP if answer == QUEUED else VERDICT_DROP)
        v.reason[i] = REASON_FRAGMENT_QUEUED if answer == QUEUED else REASON_FRAGMENT_DROPPED
        self._write(v, i, 0)
        return 0

    def _copy(self, v, i):
        """What was said of the datagram in the scratch row is said of the frame that made it whole."""
        v.verdict[i] = v.verdict[BATCH_FRAMES]
        v.decided[i] = v.decided[BATCH_FRAMES]
        v.rule[i] = v.rule[BATCH_FRAMES]
        v.chain[i] = v.chain[BATCH_FRAMES]
        v.cause[i] = v.cause[BATCH_FRAMES]
        v.hook[i] = v.hook[BATCH_FRAMES]
        v.reason[i] = v.reason[BATCH_FRAMES]
        v.ct_state[i] = v.ct_state[BATCH_FRAMES]
        v.direction[i] = v.direction[BATCH_FRAMES]
        v.ct_status[i] = v.ct_status[BATCH_FRAMES]
        v.tcp_state[i] = v.tcp_state[BATCH_FRAMES]
        v.timeout_ns[i] = v.timeout_ns[BATCH_FRAMES]
        v.row[i] = v.row[BATCH_FRAMES]
        v.flow[i] = v.flow[BATCH_FRAMES]
        v.parent[i] = v.parent[BATCH_FRAMES]
        v.bound_low[i] = v.bound_low[BATCH_FRAMES]
        v.bound_high[i] = v.bound_high[BATCH_FRAMES]
        v.seen[i] = v.seen[BATCH_FRAMES]

    def _packet(self, b, v, i):
        """One packet, all the way."""
        self.tracker.begin()
        accepted = 0
        way = TO_DROP
        untracked = 0
        again = 0
        # Before conntrack the kernel has reassembled; what it would not look at meets no rule there either.
        early = self.evaluator.has_raw and self.tracker.fit(b, i)
        if not early or self.evaluator.evaluate_raw(i, self.now) == VERDICT_ACCEPT:
            untracked = early and self.evaluator.notrack
            if untracked:
                way = TO_RULES
                v.ct_state[i] = CT_UNTRACKED
            else:
                if self.relations.watching:
                    self.relations.template = self.evaluator.template if early else 0
                if early and self.evaluator.matcher.ct_zone_set:
                    self.tracker.touch(b, i, i + 1)
                way = self.tracker.track(b, v, i, self.now)
                again = way == TO_RULES_AGAIN
                if again:
                    if self.straight and self._again(b, v, i):
                        return 0
                    way = TO_RULES
                if self.translates and way == TO_RULES:
                    way = self.translations.meet(b, v, i, self.now)
            if way == TO_RULES:
                accepted = self._judge(b, v, i, again) or self.observed
                if not accepted and self.resets[v.rule[i]] and self.tracker.row and not self.tracker.fresh and not self.tracker.quoted:
                    self.tracker.tcp.close_by_reset(b, i, self.tracker.row, self.now)
                elif accepted and self.relations.watching:
                    accepted = self._help(b, v, i) or self.observed
                if accepted and self.translates and self.translations.changed:
                    accepted = self._fits(v, i) or self.observed
            else:
                self._not_judged(v, i, VERDICT_DROP if way == TO_DROP else VERDICT_SKIP)
        if way != TO_SKIP and not untracked:
            if self.tracker.fresh or not accepted:
                self.tracker.commit(b, i, self.now, accepted)
            if self.translates and self.translations.changed:
                with cython.gil:
                    self.translations.confirm(i, self.now)
            if not v.decided[i] and self.tracker.row and not self.observed:
                self._doubt()
        self._account(b, v, i)
        if self.tracker.ended_count:
            self.flows.settle()
        return 0

    def _again(self, b, v, i):
        """A whole packet of a standing connection: count it, and be done, if its row remembers that the rules let it through."""
        row = self.tracker.row
        if row == 0 or not self.evaluator.remembers or self.evaluator.matcher.watched:
            return 0
        word = row * ROW_WORDS
        at = word + W_SIDE + SIDE_FLAGS + (SIDE_WORDS if v.direction[i] == DIR_REPLY else 0)
        number = self.tracker.table.w[at] >> OUTCOME_SHIFT
        status = self.tracker.table.w[word + W_STATUS] & (STATUS_CONFIRMED | ROW_UNSURE)
        if number == 0 or not self.outcomes.accepts(i, number, status):
            return 0
        self.flows.count(b, v, i, row, v.direction[i], self.now)
        self._write(v, i, row)
        if self.tracker.last:
            self.tracker.end(row, END_CLOSED if b.proto[i] == PROTO_UDP else END_RESET, self.now)
            self.flows.settle()
        return 1

    def _doubt(self):
        """The packet was undecidable: so is whether the connection that it opens, or was refused to open, is there."""
        word = self.tracker.row * ROW_WORDS
        if self.tracker.row == self.tracker.blocked:
            self.tracker.table.w[word + W_MARK] = 1
        elif self.tracker.fresh:
            self.tracker.table.w[word + W_STATUS] |= ROW_UNSURE

    def _was_in_doubt(self):
        """Whether an undecidable packet was refused, which else had opened the connection that the packet at hand has not."""
        if self.tracker.row and not self.tracker.fresh:
            return 0
        return self.tracker.table.w[self.tracker.blocked * ROW_WORDS + W_MARK]

    def _help(self, b, v, i):
        """The connection's helper reads what the rules accepted, before the connection is confirmed. Returns whether it lets it through."""
        row = self.tracker.row
        if row == 0 or not self.tracker.table.w[row * ROW_WORDS + W_STATUS] & STATUS_HELPER:
            return 1
        if self.tracker.quoted:
            if v.direction[i] == DIR_ORIGINAL:
                with cython.gil:
                    self.relations.related.read_error(row, self.now)
            return 1
        if b.proto[i] == PROTO_TCP and b.payload_len[i] == 0 and not self._counts_empty(row):
            return 1
        with cython.gil:
            dropped = self.relations.related.read(i, row, self.now)
        if dropped:
            self._not_judged(v, i, VERDICT_DROP)
            v.hook[i] = HOOK_INPUT if b.path[i] == PATH_INPUT else HOOK_POSTROUTING
            v.reason[i] = REASON_HELPER
        return not dropped

    def _counts_empty(self, row):
        """Whether the connection's helper takes notice of a segment without payload: only H.323's do, of frames that come in pieces."""
        number = self.tracker.table.w[row * ROW_WORDS + W_STATUS] >> HELPER_SHIFT & 15
        return number in (HELPER_Q931, HELPER_H245)

    def _fits(self, v, i):
        """Whether a translated connection can be confirmed; a packet whose connection cannot is dropped."""
        with cython.gil:
            clashes = self.translations.clashes(i)
        if not clashes:
            return 1
        self._not_judged(v, i, VERDICT_DROP)
        v.hook[i] = HOOK_POSTROUTING
        v.reason[i] = REASON_ICMP_QUOTE_SHORT if self.tracker.quoted else REASON_CLASH
        return 0

    def _bring_helper(self, row):
        """Tell the rules which helper announced the connection in ``row``: none, if it was not expected."""
        number = 0
        status = self.tracker.table.w[row * ROW_WORDS + W_STATUS]
        if row and status & STATUS_EXPECTED:
            number = status >> HELPER_SHIFT & 15
            if status & STATUS_HELPER:
                with cython.gil:
                    number = self.relations.related.announcers[row]
        self.evaluator.matcher.helper[0] = self.helper_names[2 * number]
        self.evaluator.matcher.helper[1] = self.helper_names[2 * number + 1]

    def _judge(self, b, v, i, again):
        """The rules. Of a whole packet of a connection that an earlier one made (``again``) the row may remember what they say."""
        if not (again and self.remembers and self.evaluator.remembers) or self.tracker.row == 0:
            return self._ask(b, v, i)
        word = self.tracker.row * ROW_WORDS
        at = word + W_SIDE + SIDE_FLAGS + (SIDE_WORDS if v.direction[i] == DIR_REPLY else 0)
        number = self.tracker.table.w[at] >> OUTCOME_SHIFT
        if number and (not self.evaluator.has_raw or self.evaluator.settled()) and not self.evaluator.matcher.watched:
            verdict = self.outcomes.recall(i, number, self.tracker.table.w[word + W_STATUS] & (STATUS_CONFIRMED | ROW_UNSURE))
            if verdict:
                return verdict == VERDICT_ACCEPT
        accepted = self._ask(b, v, i)
        if self.evaluator.kept != number:
            self.tracker.table.w[at] ^= (self.evaluator.kept ^ number) << OUTCOME_SHIFT
        return accepted

    def _ask(self, b, v, i):
        """The rules, with what they may ask of the packet's connection: its status so far, and its mark, which they may set."""
        word = self.tracker.row * ROW_WORDS
        v.ct_status[i] = self.tracker.table.w[word + W_STATUS] & STATUS_SHOWN
        self.evaluator.matcher.state_unsure = self.relations.unsure
        if self.tracker.table.w[word + W_STATUS] & ROW_UNSURE or (self.tracker.blocked and self._was_in_doubt()):
            self.evaluator.matcher.in_doubt = 2
            self.evaluator.view.ways |= 1 << b.path[i]
        if self.uses_ct_account:
            self._bring_account(b, v, i)
        if self.uses_ct_helper:
            self._bring_helper(self.tracker.row)
        if self.uses_ct_mark:
            self.evaluator.matcher.ct_mark = self.tracker.table.w[word + W_MARK]
            self.evaluator.matcher.ct_mark_known = 1
        accepted = self.evaluator.evaluate(i, self.now) == VERDICT_ACCEPT
        if self.uses_ct_mark and self.tracker.row and self.evaluator.matcher.ct_mark_set:
            self.tracker.table.w[word + W_MARK] = self.evaluator.matcher.ct_mark
        if self.relations.watching and self.tracker.fresh and self.evaluator.helper:
            self.relations.assign(b, i, self.tracker.row, self.evaluator.helper)
        return accepted

    def _bring_account(self, b, v, i):
        """What the packet's connection carried. What conntrack calls invalid or ignores, and ICMP errors about it, are not counted."""
        row = self.tracker.row
        self.evaluator.matcher.ct_expires = self.tracker.table.t[row * ROW_QUADS + Q_EXPIRES]
        at = row * 4
        if self.tracker.fresh:
            self.counts[at] = self.counts[at + 1] = self.counts[at + 2] = self.counts[at + 3] = 0
        # Of what changes nothing in its connection, an old segment for example, conntrack gives a reason.
        if row and not self.tracker.quoted and v.reason[i] == REASON_NONE and v.ct_state[i] != CT_INVALID:
            side = 1 if v.direction[i] == DIR_REPLY else 0
            self.counts[at + side] += 1
            self.counts[at + 2 + side] += b.ip_len[i]
        self.evaluator.matcher.ct_packets[0] = self.counts[at]
        self.evaluator.matcher.ct_packets[1] = self.counts[at + 1]
        self.evaluator.matcher.ct_bytes[0] = self.counts[at + 2]
        self.evaluator.matcher.ct_bytes[1] = self.counts[at + 3]

    def _account(self, b, v, i):
        """Attribute the packet to its flow."""
        row = self.tracker.row
        direction = v.direction[i]
        if row == 0:
            row = self.tracker.known
            if row:
                direction = self.tracker.aliases.direction(row)
        elif row == self.tracker.blocked:
            direction = self.tracker.blocked_direction
        if row and not self.tracker.quoted:
            if self.tracker.fresh:
                self.flows.start(b, v, i, row, self.now)
            self.flows.count(b, v, i, row, direction, self.now)
            if i == BATCH_FRAMES:
                self.flows.count_others(v, i, row, direction)
        self._write(v, i, row)
        if self.tracker.last:
            self.tracker.end(row, END_CLOSED if b.proto[i] == PROTO_UDP else END_RESET, self.now)

    def _not_judged(self, v, i, verdict):
        """A packet that never reaches a rule."""
        v.verdict[i] = verdict
        v.decided[i] = 1
        v.rule[i] = 0
        v.chain[i] = 0
        v.cause[i] = 0
        v.hook[i] = HOOK_PREROUTING if verdict == VERDICT_DROP else HOOK_NONE

    def _write(self, v, i, row):
        """What became of the packet's entry. Row 0, which stands for none, is all zeroes."""
        w = words_at(self.tracker.table, row)
        v.row[i] = row
        v.flow[i] = w[W_FLOW]
        v.parent[i] = w[W_PARENT]
        if row == 0 or row != self.tracker.row or row == self.tracker.blocked or self.tracker.last:
            # Attributed to a flow at most, but not a packet of the connection; or the connection ended with it.
            v.ct_status[i] = 0
            v.tcp_state[i] = 0
            v.timeout_ns[i] = 0
            return
        v.ct_status[i] = w[W_STATUS] & STATUS_SHOWN
        # An ICMP error tells nothing of the protocol that it quotes; its state would be read as TCP's.
        quoted = self.tracker.quoted and w[W_PROTO] & 0xFF != PROTO_TCP
        v.tcp_state[i] = 0 if quoted else w[W_STATUS] >> 16 & 15
        v.timeout_ns[i] = expires_at(w) - self.now

    def finish(self) -> bool:
        """End what is left in the table. Returns False while there is more: take the ended flows and call again."""
        with cython.nogil:
            while self.left and not self.flows.full(GROUP_ENDS * 2):
                self.left = self.tracker.finish_some(self.left, self.now)
                self.flows.settle()
        return self.left == 0
