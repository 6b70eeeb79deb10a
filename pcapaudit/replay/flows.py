"""Accounts for flows: what was counted about each connection and each blocked flow, in rows beside those of the connection table. Compiled.

A row is written when its flow is first seen, changed by every packet, and copied out with the connection's row when that ends. The
copies wait in a block of fixed size until somebody takes them.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython
import numpy as np

from pcapaudit.conntrack.table import reserve
from pcapaudit.conntrack.tracker import Tracker

if not cython.compiled:
    from pcapaudit.conntrack.layout import ROW_QUADS, ROW_WORDS, W_FLOW
    from pcapaudit.core.consts import (
        ANOM_RETRANSMISSION,
        CSUM_BAD,
        CT_INVALID,
        DIR_REPLY,
        PROTO_TCP,
        TCP_ACK,
        TCP_FIN,
        TCP_RST,
        TCP_SYN,
        VERDICT_DROP,
        VERDICT_REJECT,
        VERDICT_SKIP,
    )
    from pcapaudit.replay.flow_layout import (
        FLOW_QUADS,
        FLOW_WORDS,
        HISTORY_ACK,
        HISTORY_CHECKSUM,
        HISTORY_DATA,
        HISTORY_FIN,
        HISTORY_LETTERS,
        HISTORY_RETRANSMISSION,
        HISTORY_RST,
        HISTORY_SYN,
        HISTORY_SYNACK,
        HISTORY_WINDOW,
        IFACE_LIMIT,
        OUT_CONNECTION,
        OUT_FLOW,
        OUT_QUADS,
        OUT_ROWS,
        OUT_WHEN,
        OUT_WHY,
        Q_BYTES,
        Q_FIRST_FRAME,
        Q_FIRST_NS,
        Q_FIRST_REPLY_NS,
        Q_HISTORY,
        Q_LAST_NS,
        Q_MAX_GAP_NS,
        W_BLOCKED_COUNT,
        W_BLOCKED_FRAME,
        W_DROPPED,
        W_INVALID,
        W_LAST_FRAME,
        W_PACKETS,
        W_REASON,
        W_REJECTED,
        W_RULE,
        W_UNDECIDED,
        W_WAY,
    )

    def prefetch(_address: object) -> None:
        """Compiled, it is the processor's hint; uncompiled, nobody calls it."""


__all__ = ["FlowTable"]

_SATURATED = cython.declare(cython.uint, 0xFFFFFFFF)
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


class FlowTable:
    """Flow rows of a tracker's connections. ``seen`` counts flows; ``taken`` says how many ended ones wait."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.memory = reserve((tracker.table.capacity + 1) * 4 * FLOW_WORDS)
        view = memoryview(self.memory)
        self.w = view.cast("I")
        self.q = view.cast("Q")
        self.t = view.cast("q")
        #: Flows seen, blocked ones too.
        self.seen = 0
        self.waiting = 0
        self.out = memoryview(array("Q", bytes(8 * OUT_QUADS * OUT_ROWS)))
        #: Number of the frame at hand.
        self.frame = 0
        #: Of a datagram that came in fragments: frames besides the one at hand, and what they add to the datagram's bytes.
        self.others = 0
        self.more_bytes = 0

    def fetch(self, v, first, stop):
        """Ask for the memory of the flow rows that belong to the rows in ``v.row``, as far as every packet changes it."""
        i = first
        while i < stop:
            word = v.row[i] * FLOW_WORDS
            if cython.compiled:
                prefetch(cython.address(self.w[word]))
                prefetch(cython.address(self.w[word + W_WAY]))
            i += 1

    def full(self, more):
        """Whether ``more`` flows could not end without somebody taking what waits."""
        return self.waiting + more > OUT_ROWS

    # Counting ---------------------------------------------------------------------------------------------------------------------

    def start(self, b, v, i, row, now):
        """The first packet of a flow."""
        self.seen += 1
        word = row * FLOW_WORDS
        quad = row * FLOW_QUADS
        self.tracker.table.w[row * ROW_WORDS + W_FLOW] = self.seen
        at = quad
        while at < quad + FLOW_QUADS:
            self.q[at] = 0
            at += 1
        self.q[quad + Q_FIRST_FRAME] = self.frame
        self.t[quad + Q_FIRST_NS] = now
        self.t[quad + Q_LAST_NS] = now
        self.w[word + W_RULE] = v.rule[i]
        self.w[word + W_REASON] = b.ttl[i] << 8 | b.vlan[i] << 16
        into = b.iif[i] if b.iif[i] < IFACE_LIMIT else b.iif[i] & 0xFF
        out = b.oif[i] if b.oif[i] < IFACE_LIMIT else b.oif[i] & 0xFF
        self.w[word + W_WAY] = into | out << 8
        if self.tracker.blocked and self.tracker.blocked != row:
            self._inherit(word, quad)

    def _inherit(self, word, quad):
        """The same endpoints were refused before this flow was let through: note since when and how often."""
        old = self.tracker.blocked
        frames = self.q[quad + Q_FIRST_FRAME] - self.q[old * FLOW_QUADS + Q_FIRST_FRAME]
        self.w[word + W_BLOCKED_FRAME] = frames if frames < _SATURATED else _SATURATED
        self.w[word + W_BLOCKED_COUNT] = self.w[old * FLOW_WORDS + W_PACKETS] + self.w[old * FLOW_WORDS + W_PACKETS + 1]

    def count(self, b, v, i, row, direction, now):
        """A packet of a flow, its first one too; ``direction`` as it lies to the flow's first packet."""
        word = row * FLOW_WORDS
        quad = row * FLOW_QUADS
        side = 1 if direction == DIR_REPLY else 0
        gap = now - self.t[quad + Q_LAST_NS]
        self.t[quad + Q_MAX_GAP_NS] = max(self.t[quad + Q_MAX_GAP_NS], gap)
        self.t[quad + Q_LAST_NS] = now
        self.q[quad + Q_BYTES + side] += b.ip_len[i]
        if self.w[word + W_PACKETS + side] < _SATURATED:
            self.w[word + W_PACKETS + side] += 1
        if side and self.w[word + W_PACKETS + 1] == 1:
            self.t[quad + Q_FIRST_REPLY_NS] = now
        self.w[word + W_LAST_FRAME] = self.frame & _SATURATED
        if v.verdict[i] != 1 or not v.decided[i] or v.ct_state[i] == CT_INVALID:
            self._count_rare(v, i, word)
        if b.proto[i] == PROTO_TCP:
            self._history_tcp(b, i, word, quad, side)
        elif not self.q[quad + Q_HISTORY] >> (62 + side) & 1:
            self.q[quad + Q_HISTORY] |= self._flag(62 + side)
            self._letter(quad, HISTORY_DATA, side)

    def count_others(self, v, i, row, direction):
        """The other frames of a datagram that was just counted: what is true of it is true of each."""
        word = row * FLOW_WORDS
        side = 1 if direction == DIR_REPLY else 0
        self.q[row * FLOW_QUADS + Q_BYTES + side] += self.more_bytes
        self.w[word + W_PACKETS + side] += self.others
        if v.verdict[i] == VERDICT_DROP:
            self.w[word + W_DROPPED] += self.others
        elif v.verdict[i] == VERDICT_REJECT:
            self.w[word + W_REJECTED] += self.others
        if not v.decided[i] and v.verdict[i] != VERDICT_SKIP:
            self.w[word + W_UNDECIDED] += self.others
        if v.ct_state[i] == CT_INVALID:
            self.w[word + W_INVALID] += self.others

    def _count_rare(self, v, i, word):
        """What most packets are not: refused, undecided, invalid."""
        if v.verdict[i] != 1 and self.w[word + W_REASON] & 0xFF == 0:
            self.w[word + W_REASON] |= v.reason[i]
        if v.verdict[i] == VERDICT_DROP:
            self.w[word + W_DROPPED] += 1
        elif v.verdict[i] == VERDICT_REJECT:
            self.w[word + W_REJECTED] += 1
        if not v.decided[i] and v.verdict[i] != VERDICT_SKIP:
            self.w[word + W_UNDECIDED] += 1
        if v.ct_state[i] == CT_INVALID:
            self.w[word + W_INVALID] += 1

    def _flag(self, bit):
        """A 64-bit number with one bit set."""
        one = 1
        return one << bit

    def _history_tcp(self, b, i, word, quad, side):
        """The letters of a TCP packet; each stands once for each side."""
        flags = b.tcp_flags[i]
        shift = 16 + 8 * side
        seen = self.w[word + W_WAY] >> shift & 0xFF
        if flags & (TCP_SYN | TCP_FIN | TCP_RST):
            if flags & TCP_SYN and not (seen & TCP_SYN and not flags & ~seen & TCP_ACK):
                self._letter(quad, HISTORY_SYNACK if flags & TCP_ACK else HISTORY_SYN, side)
            if flags & TCP_FIN and not seen & TCP_FIN:
                self._letter(quad, HISTORY_FIN, side)
            if flags & TCP_RST and not seen & TCP_RST:
                self._letter(quad, HISTORY_RST, side)
        elif b.payload_len[i] == 0 and not self.q[quad + Q_HISTORY] >> (60 + side) & 1:
            self.q[quad + Q_HISTORY] |= self._flag(60 + side)
            self._letter(quad, HISTORY_ACK, side)
        if b.payload_len[i] and not self.q[quad + Q_HISTORY] >> (62 + side) & 1:
            self.q[quad + Q_HISTORY] |= self._flag(62 + side)
            self._letter(quad, HISTORY_DATA, side)
        if b.anomalies[i] >> ANOM_RETRANSMISSION & 1:
            self._letter_once(quad, HISTORY_RETRANSMISSION, side)
        if b.l4_csum[i] == CSUM_BAD:
            self._letter_once(quad, HISTORY_CHECKSUM, side)
        if b.win_raw[i] == 0 and not flags & TCP_RST:
            self._letter_once(quad, HISTORY_WINDOW, side)
        if flags & ~seen:
            self.w[word + W_WAY] |= flags << shift

    def _letter(self, quad, letter, side):
        """Append a letter, while there is room."""
        history = self.q[quad + Q_HISTORY]
        place = 0
        while place < 5 * HISTORY_LETTERS and history >> place & 31:
            place += 5
        if place < 5 * HISTORY_LETTERS:
            code = letter | side << 4
            self.q[quad + Q_HISTORY] = history | code << place

    def _letter_once(self, quad, letter, side):
        """Append a letter unless the side has it."""
        history = self.q[quad + Q_HISTORY]
        code = letter | side << 4
        place = 0
        while place < 5 * HISTORY_LETTERS and history >> place & 31:
            if history >> place & 31 == code:
                return
            place += 5
        self._letter(quad, letter, side)

    # Ending -----------------------------------------------------------------------------------------------------------------------

    def settle(self):
        """Copy out the flows of connections that ended, and give their rows back. There must be room (``full``)."""
        i = 0
        if cython.compiled:
            # Most ended by time: nobody has looked at them for long.
            while i < self.tracker.ended_count:
                at = self.tracker.ended[3 * i] * FLOW_WORDS
                prefetch(cython.address(self.w[at]))
                prefetch(cython.address(self.w[at + W_WAY]))
                i += 1
            i = 0
        while i < self.tracker.ended_count:
            row = self.tracker.ended[3 * i]
            at = self.waiting * OUT_QUADS
            quad = 0
            while quad < ROW_QUADS:
                self.out[at + OUT_CONNECTION + quad] = self.tracker.table.q[row * ROW_QUADS + quad]
                quad += 1
            quad = 0
            while quad < FLOW_QUADS:
                self.out[at + OUT_FLOW + quad] = self.q[row * FLOW_QUADS + quad]
                quad += 1
            self.out[at + OUT_WHY] = self.tracker.ended[3 * i + 1]
            self._put_time(at + OUT_WHEN, self.tracker.ended[3 * i + 2])
            self.waiting += 1
            self.tracker.recycle(row)
            i += 1
        self.tracker.ended_count = 0

    def _put_time(self, at, when):
        """A time may lie before 1970."""
        self.out[at] = when & _M64

    def take(self) -> Any:
        """The flows that ended since the last call, as a (count, OUT_QUADS) array of uint64; a copy."""
        count: cython.uint = self.waiting
        self.waiting = 0
        return np.array(self.out[: count * OUT_QUADS], dtype=np.uint64).reshape(count, OUT_QUADS)
