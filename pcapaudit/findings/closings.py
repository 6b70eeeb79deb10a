"""How TCP connections ended, in constant space: what ``packet-after-close`` holds late packets against. Compiled.

A direct-mapped memory of five-tuples, the newer of two in one place wins: a hostile capture can make it forget, not grow. Nearly every
packet that it is shown is the last of a connection and is only written down; what comes after one is handed back.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch

# closings.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.core.consts import BATCH_FRAMES, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCPS_TIME_WAIT

    PLACES, FIN_PLACES = 0x10000, 0x10000
    # From a key to its place; words of a place, and what is in them.
    SHIFT, WORDS = 48, 5
    TIME, FRAME, MINE, THEIRS = 1, 2, 3, 4
    # Rows whose places are touched together.
    AHEAD = 16

__all__ = ["Closings", "End"]

_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_M32 = cython.declare(cython.uint, 0xFFFFFFFF)
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended."""

    #: Flow number.
    flow: int
    #: Frame of the last packet.
    frame: int
    #: Its time.
    ts_ns: int
    #: Which of the two ends sent it: 0 or 1, by address.
    side: int
    #: Its direction.
    direction: int
    #: Whether it was a RST.
    reset: bool
    #: Whether it acknowledged something, so that ``theirs`` means something.
    known: bool
    #: Sequence number behind it.
    mine: int
    #: What it acknowledged.
    theirs: int


class Closings:
    """Ends of connections by five-tuple, and the sequence numbers behind their FINs by flow."""

    def __init__(self) -> None:
        #: An end in one place after the other, a line of the cache or two each: key; time; frame; flow and ``mine``; ``theirs`` and bits.
        #: Bit 0: side; bit 1: direction; bit 2: reset; bit 3: known.
        self._ends = _zeros("Q", PLACES * WORDS)
        #: By the lower bits of a flow's number, for either direction: the number, and the sequence number behind the FIN.
        self._fins = _zeros("Q", 2 * FIN_PLACES)
        #: Rows after an end, and their sides.
        self.late = np.zeros(BATCH_FRAMES, np.int64)
        self._late = memoryview(self.late)
        self.sides = np.zeros(BATCH_FRAMES, np.uint8)
        self._sides = memoryview(self.sides)
        self._key = 0
        self._touched = 0

    def read(self, batch: PacketBatch, verdicts: VerdictBatch, rows: tuple[Any, Any], claimed: Any) -> tuple[Any, Any]:
        """Take the rows of a batch that carry a FIN of a live connection, and those of closed ones (both ascending int64 arrays).

        Of the latter, those ``claimed`` (a mask over the batch) are passed over.

        Returns those of closed ones that come after an end, with the side that sent each (0 or 1); good until the next call.
        """
        fins, closed = rows
        count: cython.uint = self._pass(batch, verdicts, memoryview(fins), memoryview(closed), memoryview(claimed.view(np.uint8)))
        return self.late[:count], self.sides[:count]

    def put(self, batch: PacketBatch, verdicts: VerdictBatch, row: cython.uint) -> None:
        """Write a row down as the end of its connection, over what is known of the five-tuple, if the connection is closed by it."""
        self._put(batch, verdicts, row, self._side(batch, row))

    def end(self, batch: PacketBatch, row: cython.uint) -> End | None:
        """The end that is known of a row's five-tuple."""
        self._side(batch, row)
        at: cython.uint = (self._key >> SHIFT) * WORDS
        if self._ends[at] != self._key:
            return None
        bits: cython.uint = self._ends[at + THEIRS] >> 32
        return End(
            flow=self._ends[at + MINE] & _M32,
            frame=self._ends[at + FRAME],
            ts_ns=_signed(self._ends[at + TIME]),
            side=bits & 1,
            direction=bits >> 1 & 1,
            reset=bool(bits & 4),
            known=bool(bits & 8),
            mine=self._ends[at + MINE] >> 32,
            theirs=self._ends[at + THEIRS] & _M32,
        )

    def fin_end(self, flow: cython.uint, direction: cython.uint) -> int | None:
        """The sequence number behind the FIN of a flow's side, if it is known."""
        word: cython.ulonglong = self._fins[direction * FIN_PLACES + flow % FIN_PLACES]
        return word >> 32 if word & _M32 == flow else None

    def _pass(self, b, v, fins, closed, claimed):
        """The loop: how many rows are late."""
        found = 0
        for k in range(len(fins)):
            i = fins[k]
            at = (v.direction[i] & 1) * FIN_PLACES + v.flow[i] % FIN_PLACES
            behind = (b.seq[i] + b.payload_len[i] + 1) & _M32
            self._fins[at] = v.flow[i] | behind << 32
        touched = 0
        for k in range(len(closed)):
            # The places of the next rows are looked at together: each is a miss of the cache, and they need not wait for one another.
            if k % AHEAD == 0:
                for each in range(k, k + AHEAD if k + AHEAD < len(closed) else len(closed)):
                    self._side(b, closed[each])
                    touched ^= self._ends[(self._key >> SHIFT) * WORDS] & _M64
            i = closed[k]
            if claimed[i]:
                continue
            side = self._side(b, i)
            if self._ends[(self._key >> SHIFT) * WORDS] == self._key:
                self._late[found] = i
                self._sides[found] = side
                found += 1
            else:
                self._put(b, v, i, side)
        self._touched = touched
        return found

    def _side(self, b, i):
        """Find the key of a row's unordered five-tuple, never 0; returns which of its ends sent it.

        The connection table's hash, and a few bits of the addresses, so that tuples with one hash differ.
        """
        source = b.src_lo[i]
        target = b.dst_lo[i]
        ports = b.sport[i] ^ b.dport[i]
        ends = (((source ^ target) + (ports << 40)) & _M64) * _MIX & _M64
        key = b.hash[i]
        self._key = ((key << 32 & _M64) | ends >> 32) * _MIX & _M64 | 1
        return 1 if source > target or (source == target and b.sport[i] > b.dport[i]) else 0

    def _put(self, b, v, i, side):
        """Write down an end; ``_key`` is its key."""
        if v.tcp_state[i] < TCPS_TIME_WAIT:
            return
        flags = b.tcp_flags[i]
        at = (self._key >> SHIFT) * WORDS
        mine = (b.seq[i] + b.payload_len[i] + (1 if flags & TCP_FIN else 0) + (1 if flags & TCP_SYN else 0)) & _M32
        bits = side | (v.direction[i] & 1) << 1 | (4 if flags & TCP_RST else 0) | (8 if flags & TCP_ACK else 0)
        self._ends[at] = self._key
        self._ends[at + TIME] = b.ts_ns[i] & _M64
        self._ends[at + FRAME] = b.first_frame + i
        self._ends[at + MINE] = v.flow[i] | mine << 32
        self._ends[at + THEIRS] = b.ack[i] | bits << 32


def _signed(word: int) -> int:
    """A word as a time: before 1970 it is negative."""
    return word - (1 << 64) if word >> 63 else word


def _zeros(code: str, count: int) -> memoryview:
    return memoryview(array(code, [0]) * count)
