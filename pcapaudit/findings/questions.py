"""DNS questions that wait for their answer, in constant space: what ``unsolicited-reply`` holds answers against. Compiled.

Direct-mapped memories of the sockets that asked and of the pairs of a host and the server it asked; the newer of two in one place wins: a
hostile capture can make them forget, not grow. A packet costs the same whatever was there before.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch

# questions.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.core.consts import BATCH_FRAMES, PATH_INPUT, VERDICT_DROP

    PORT_DNS = 53
    # Places; from a key to its place; words of a socket (key, server, time) and of a pair (key, time).
    PLACES, SHIFT, SOCKET, PAIR = 0x4000, 50, 3, 2
    # WRONG_SERVER and WRONG_PORT.
    ELSEWHERE, OTHER_PORT = 0, 1

__all__ = ["WAIT_NS", "WRONG_PORT", "WRONG_SERVER", "Questions"]

#: A resolver waits no longer than this for an answer.
WAIT_NS = 10_000_000_000
#: What an answer that nobody asked for may be: from a server that the socket did not ask, or to a socket that did not ask this server.
WRONG_SERVER = 0
WRONG_PORT = 1

_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_WAIT = cython.declare(cython.ulonglong, WAIT_NS)


class Questions:
    """Who asked whom, and when. ``inside``: mask by interface index of what lies inside."""

    def __init__(self, inside: Any) -> None:
        self._sockets = memoryview(array("Q", [0]) * (PLACES * SOCKET))
        self._pairs = memoryview(array("Q", [0]) * (PLACES * PAIR))
        self._inside = memoryview(inside.view(np.uint8))
        #: Rows of answers that nobody asked for, and what each is.
        self.odd = np.zeros(BATCH_FRAMES, np.int64)
        self.kinds = np.zeros(BATCH_FRAMES, np.uint8)
        self._odd = memoryview(self.odd)
        self._kinds = memoryview(self.kinds)

    def read(self, batch: PacketBatch, verdicts: VerdictBatch, rows: Any, claimed: Any) -> tuple[Any, Any]:
        """Take the rows of a batch that are DNS of no connection (ascending int64) and not ``claimed`` (a mask over the batch).

        Returns those that are answers to a question that was not asked so, while one waits for its answer: rows, and WRONG_ of each;
        good until the next call.
        """
        count: cython.uint = self._pass(batch, verdicts, memoryview(rows), memoryview(claimed.view(np.uint8)))
        return self.odd[:count], self.kinds[:count]

    def _pass(self, b, v, rows, claimed):
        """The loop: questions that were let through are noted, answers that go inside are judged."""
        found = 0
        for k in range(len(rows)):
            i = rows[k]
            if claimed[i]:
                continue
            if b.dport[i] == PORT_DNS and v.verdict[i] < VERDICT_DROP:
                self._note(b, i)
            if b.sport[i] == PORT_DNS and (self._inside[b.oif[i]] or b.path[i] == PATH_INPUT):
                kind = self._judge(b, i)
                if kind >= 0:
                    self._odd[found] = i
                    self._kinds[found] = kind
                    found += 1
        return found

    def _note(self, b, i):
        """A question: its socket asks this server, and its host does."""
        asker = b.src_hi[i] ^ b.src_lo[i]
        server = b.dst_hi[i] ^ b.dst_lo[i]
        key = _key(asker, b.sport[i])
        at = (key >> SHIFT) * SOCKET
        self._sockets[at] = key
        self._sockets[at + 1] = server
        self._sockets[at + 2] = b.ts_ns[i] & _M64
        key = _key(asker, server)
        at = (key >> SHIFT) * PAIR
        self._pairs[at] = key
        self._pairs[at + 1] = b.ts_ns[i] & _M64

    def _judge(self, b, i):
        """WRONG_ of an answer, -1 for one that is as it should be, or that nobody waits for."""
        asker = b.dst_hi[i] ^ b.dst_lo[i]
        server = b.src_hi[i] ^ b.src_lo[i]
        key = _key(asker, b.dport[i])
        at = (key >> SHIFT) * SOCKET
        if self._sockets[at] == key and (b.ts_ns[i] - self._sockets[at + 2]) & _M64 <= _WAIT:
            return ELSEWHERE if self._sockets[at + 1] != server else -1
        key = _key(asker, server)
        at = (key >> SHIFT) * PAIR
        if self._pairs[at] == key and (b.ts_ns[i] - self._pairs[at + 1]) & _M64 <= _WAIT:
            return OTHER_PORT
        return -1


def _key(address, value):
    """A key of an address and something else, never 0."""
    mixed = address * _MIX & _M64
    return (mixed ^ value) * _MIX & _M64 | 1
