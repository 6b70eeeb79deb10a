"""Turns the engine's copies of ended flows into rows of FLOW_DTYPE, some thousands at once. Compiled.

Most fields are bits of a word, moved as the table says; what needs more than that is made row by row behind it.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pcapaudit.conntrack import layout as conn
from pcapaudit.core.columns import FLOW_DTYPE
from pcapaudit.replay import flow_layout as flow

# flow_rows.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.conntrack.layout import KIND_BLOCKED, W_PORTS, W_PROTO, W_STATUS
    from pcapaudit.core.consts import PROTO_ICMP, PROTO_ICMPV6
    from pcapaudit.replay.flow_layout import (
        HISTORY_LETTERS,
        IFACE_LIMIT,
        OUT_FLOW,
        OUT_QUADS,
        Q_FIRST_FRAME,
        Q_HISTORY,
        W_BLOCKED_COUNT,
        W_BLOCKED_FRAME,
        W_DROPPED,
        W_LAST_FRAME,
        W_PACKETS,
        W_REJECTED,
        W_WAY,
    )

    # Rows that are filled together, so that both copies of them stay in the nearest cache; numbers that make a move.
    BLOCK, MOVE = 64, 5
    (DPORT, ICMP_TYPE, ICMP_CODE, IIF, OIF, LAST_FRAME, ACCEPTED, FIRST_BLOCKED_FRAME, BLOCKED, HISTORY) = range(10)

__all__ = ["Unpacker", "flow_rows"]

_M32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)

#: Letters by HISTORY_ number, of the original side and (from 16 on) of the reply side; number 0 ends the history.
_LETTERS = b"\0SHADFRCTW\0\0\0\0\0\0\0shadfrctw\0\0\0\0\0\0"
#: Fields that are more than bits of a word, in the order of their constants.
_MADE = ("dport", "icmp_type", "icmp_code", "iif", "oif", "last_frame", "accepted", "first_blocked_frame", "blocked", "history")

_WORD, _QUAD = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def _of_flow(word: int) -> int:
    """A word of the flow's row as one of the copy."""
    return 2 * flow.OUT_FLOW + word


#: (field, 64-bit word).
_QUADS: tuple[tuple[str, int], ...] = (
    ("src_hi", conn.Q_SRC_HI),
    ("src_lo", conn.Q_SRC_LO),
    ("dst_hi", conn.Q_DST_HI),
    ("dst_lo", conn.Q_DST_LO),
    ("end", flow.OUT_WHY),
    ("end_ns", flow.OUT_WHEN),
    ("first_frame", flow.OUT_FLOW + flow.Q_FIRST_FRAME),
    ("first_ns", flow.OUT_FLOW + flow.Q_FIRST_NS),
    ("last_ns", flow.OUT_FLOW + flow.Q_LAST_NS),
    ("first_reply_ns", flow.OUT_FLOW + flow.Q_FIRST_REPLY_NS),
    ("max_gap_ns", flow.OUT_FLOW + flow.Q_MAX_GAP_NS),
)
#: (field, 32-bit word, shift, mask).
_WORDS: tuple[tuple[str, int, int, int], ...] = (
    ("proto", conn.W_PROTO, 0, 0xFF),
    ("l3", conn.W_PROTO, 8, 0xFF),
    ("zone", conn.W_PROTO, 16, 0xFFFF),
    ("sport", conn.W_PORTS, 0, 0xFFFF),
    ("flow", conn.W_FLOW, 0, _WORD),
    ("parent", conn.W_PARENT, 0, _WORD),
    ("status", conn.W_STATUS, 0, conn.STATUS_SHOWN),
    ("tcp_state", conn.W_STATUS, 16, 15),
    ("helper", conn.W_STATUS, conn.HELPER_SHIFT, 15),
    ("reason", _of_flow(flow.W_REASON), 0, 0xFF),
    ("ttl", _of_flow(flow.W_REASON), 8, 0xFF),
    ("vlan", _of_flow(flow.W_REASON), 16, 0xFFFF),
    ("dropped", _of_flow(flow.W_DROPPED), 0, _WORD),
    ("rejected", _of_flow(flow.W_REJECTED), 0, _WORD),
    ("undecided", _of_flow(flow.W_UNDECIDED), 0, _WORD),
    ("invalid", _of_flow(flow.W_INVALID), 0, _WORD),
    ("rule", _of_flow(flow.W_RULE), 0, _WORD),
    ("blocked_before", _of_flow(flow.W_BLOCKED_COUNT), 0, _WORD),
)


def flow_rows(taken: Any) -> Any:
    """Rows of FLOW_DTYPE from a (count, OUT_QUADS) array of uint64, as ``FlowTable.take`` gives it."""
    rows = np.zeros(len(taken), FLOW_DTYPE)
    if len(taken):
        _UNPACKER.fill(rows, taken)
    return rows


def _moves() -> list[tuple[int, int, int, int, int]]:
    """What is moved: from which 64-bit word, shift, mask, to which byte of a row, how many bytes."""
    fields = FLOW_DTYPE.fields
    assert fields is not None  # noqa: S101 (it has some)
    moves = [(quad, 0, _QUAD, fields[name][1], fields[name][0].itemsize) for name, quad in _QUADS]
    moves += [(word // 2, shift + 32 * (word & 1), mask, fields[name][1], fields[name][0].itemsize) for name, word, shift, mask in _WORDS]
    for side in (0, 1):
        word, quad = _of_flow(flow.W_PACKETS) + side, flow.OUT_FLOW + flow.Q_BYTES + side
        moves.append((word // 2, 32 * (word & 1), _WORD, fields["packets"][1] + 8 * side, 8))
        moves.append((quad, 0, _QUAD, fields["bytes"][1] + 8 * side, 8))
        word = _of_flow(flow.W_WAY)
        moves.append((word // 2, 32 * (word & 1) + 16 + 8 * side, 0xFF, fields["tcp_flags"][1] + side, 1))
    return moves


class Unpacker:
    """Fills rows of FLOW_DTYPE."""

    def __init__(self) -> None:
        moves = _moves()
        fields = FLOW_DTYPE.fields
        assert fields is not None  # noqa: S101 (it has some)
        self._moves = memoryview(np.array(moves, np.uint64).ravel())
        self._move_count = len(moves)
        self._places = memoryview(np.array([fields[name][1] for name in _MADE], np.uint32))
        self._letters = memoryview(bytearray(_LETTERS))
        self._size = FLOW_DTYPE.itemsize

    def fill(self, rows: Any, taken: Any) -> None:
        """Fill rows, which are zero, from what was taken; there is at least one."""
        flat = np.ascontiguousarray(taken).ravel()
        self._quads = memoryview(flat)
        self._words = memoryview(flat.view(np.uint32))
        self._b = memoryview(rows.view(np.uint8))
        self._h = memoryview(rows.view(np.uint16))
        self._w = memoryview(rows.view(np.uint32))
        self._q = memoryview(rows.view(np.uint64))
        self._pass(len(taken))
        # Nothing of a run stays behind.
        none = np.zeros(0, np.uint64)
        self._quads = self._q = memoryview(none)
        self._words = self._w = memoryview(none.view(np.uint32))
        self._b = memoryview(none.view(np.uint8))
        self._h = memoryview(none.view(np.uint16))

    def _pass(self, count):
        """The loop: block by block, and in a block move by move."""
        with cython.nogil:
            start = 0
            while start < count:
                stop = start + BLOCK if start + BLOCK < count else count
                for move in range(self._move_count):
                    self._move(move * MOVE, start, stop)
                for i in range(start, stop):
                    self._make(i)
                start = stop

    def _move(self, move, start, stop):
        """One field of some rows."""
        quad = self._moves[move]
        shift = self._moves[move + 1]
        mask = self._moves[move + 2]
        place = self._moves[move + 3]
        width = self._moves[move + 4]
        size = self._size
        quads, q, w, h, b = self._quads, self._q, self._w, self._h, self._b
        for i in range(start, stop):
            value = quads[i * OUT_QUADS + quad] >> shift & mask
            if width == 8:
                q[(i * size + place) >> 3] = value
            elif width == 4:
                w[(i * size + place) >> 2] = value & _M32
            elif width == 2:
                h[(i * size + place) >> 1] = value & 0xFFFF
            else:
                b[i * size + place] = value & 0xFF

    def _make(self, i):
        """The fields of a row that are more than bits of a word."""
        to = i * self._size
        word = 2 * i * OUT_QUADS
        proto = self._words[word + W_PROTO] & 0xFF
        ports = self._words[word + W_PORTS]
        if proto in (PROTO_ICMP, PROTO_ICMPV6):
            self._b[to + self._places[ICMP_TYPE]] = ports >> 16 & 0xFF
            self._b[to + self._places[ICMP_CODE]] = ports >> 24
        else:
            self._h[(to + self._places[DPORT]) >> 1] = ports >> 16
        self._b[to + self._places[BLOCKED]] = 1 if self._words[word + W_STATUS] >> 24 == KIND_BLOCKED else 0
        word += 2 * OUT_FLOW
        way = self._words[word + W_WAY]
        self._h[(to + self._places[IIF]) >> 1] = _interface(way & 0xFF)
        self._h[(to + self._places[OIF]) >> 1] = _interface(way >> 8 & 0xFF)
        # The last frame is known by its lower 32 bits.
        first = self._quads[i * OUT_QUADS + OUT_FLOW + Q_FIRST_FRAME]
        self._q[(to + self._places[LAST_FRAME]) >> 3] = first + ((self._words[word + W_LAST_FRAME] - first) & _M32)
        if self._words[word + W_BLOCKED_COUNT]:
            self._q[(to + self._places[FIRST_BLOCKED_FRAME]) >> 3] = first - self._words[word + W_BLOCKED_FRAME]
        accepted = self._words[word + W_PACKETS] + self._words[word + W_PACKETS + 1]
        accepted -= self._words[word + W_DROPPED] + self._words[word + W_REJECTED]
        self._w[(to + self._places[ACCEPTED]) >> 2] = accepted & _M32
        history = self._quads[i * OUT_QUADS + OUT_FLOW + Q_HISTORY]
        for k in range(HISTORY_LETTERS):
            self._b[to + self._places[HISTORY] + k] = self._letters[history >> 5 * k & 31]


def _interface(number):
    """The index of an interface; the last numbers that a row can hold stand for none and unknown."""
    return number if number < IFACE_LIMIT else number | 0xFF00


_UNPACKER = Unpacker()
