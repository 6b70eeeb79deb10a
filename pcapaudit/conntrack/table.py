"""The connection table: rows of fixed size in one block of memory, and an index that finds a row by its tuple. Compiled.

Rows are described in ``layout.py``. The index is open addressing with linear probing. A slot holds a row's number (24 bits), four bits of
its hash, and how far it is from the slot that the hash names (four bits, the highest value standing for all beyond): so almost
every wrong row is passed by, and gaps are closed, without a row being touched. Both directions of a connection have the same
hash (``hashing.py``), and the row itself tells which of the two a packet is.

The memory is reserved for the largest table and taken from the machine only as rows are used. Rows that leave go to a free list and
are used again first. Row 0 means "none".
"""

from __future__ import annotations

import mmap
from contextlib import suppress

import cython

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        KIND_FREE,
        Q_DST_HI,
        Q_DST_LO,
        Q_SRC_HI,
        Q_SRC_LO,
        ROW_QUADS,
        ROW_WORDS,
        SIDE_FLAGS,
        SIDE_WORDS,
        W_HASH,
        W_PORTS,
        W_PROTO,
        W_SIDE,
        W_STATUS,
    )
    from pcapaudit.core.consts import DIR_NONE, DIR_ORIGINAL, DIR_REPLY

    ROW_MASK = 0xFFFFFF
    # Distances from here on are not written in a slot.
    FAR = 15

__all__ = ["MAX_ROWS", "Table", "reserve"]

#: Rows that a slot of the index can name; row 0 is none.
MAX_ROWS = (1 << 24) - 1
#: Linux's MAP_NORESERVE, which the mmap module names from Python 3.13 on.
_MAP_NORESERVE = 0x4000
_FIRST_SLOTS = 1 << 14
_HUGE_PAGE = 1 << 21


def reserve(size: int) -> mmap.mmap:
    """Zeroed memory of ``size`` bytes, of which the machine gives only what is written to: in huge pages, where it has them to give.

    Rows are met in any order, and with pages of 4 KiB most look-ups of a large table would begin with a walk through the page tables.
    """
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
    if size >= _HUGE_PAGE:
        # Advice that a kernel without huge pages refuses.
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


class Table:
    """Rows and index. ``key_…`` hold the tuple that ``find`` looks for; the caller fills them."""

    def __init__(self, rows: int = MAX_ROWS) -> None:
        self.capacity = min(rows, MAX_ROWS)
        self.memory = reserve((self.capacity + 1) * 4 * ROW_WORDS)
        view = memoryview(self.memory)
        self.w = view.cast("I")
        self.q = view.cast("Q")
        self.t = view.cast("q")
        #: Highest row ever used, and first row of the free list.
        self.top = 0
        self.free = 0
        #: Rows in the index.
        self.entered = 0
        #: 0: nothing is guessed, every packet's row is searched for (slower, with the same results).
        self.guesses = 1
        self.slots = _FIRST_SLOTS
        self.index = memoryview(reserve(4 * self.slots)).cast("I")
        self.key_src_hi = 0
        self.key_src_lo = 0
        self.key_dst_hi = 0
        self.key_dst_lo = 0
        #: Ports word of the packet's tuple, and of its inverse.
        self.key_ports = 0
        self.key_inverse = 0
        self.key_proto = 0
        self.key_hash = 0

    # Rows -------------------------------------------------------------------------------------------------------------------------

    def take(self):
        """A row that nobody uses, not cleared; 0 when the table is full."""
        row = self.free
        if row:
            self.free = self.w[row * ROW_WORDS + W_PORTS]
            return row
        if self.top == self.capacity:
            return 0
        self.top += 1
        return self.top

    def release(self, row):
        """Give a row back; it must not be in the index."""
        self.w[row * ROW_WORDS + W_STATUS] = KIND_FREE
        self.w[row * ROW_WORDS + W_PORTS] = self.free
        self.free = row

    def write_key(self, row):
        """The looked-up tuple becomes the row's original tuple."""
        quad = row * ROW_QUADS
        word = row * ROW_WORDS
        self.q[quad + Q_SRC_HI] = self.key_src_hi
        self.q[quad + Q_SRC_LO] = self.key_src_lo
        self.q[quad + Q_DST_HI] = self.key_dst_hi
        self.q[quad + Q_DST_LO] = self.key_dst_lo
        self.w[word + W_PORTS] = self.key_ports
        self.w[word + W_PROTO] = self.key_proto
        self.w[word + W_HASH] = self.key_hash
        # No outcome of the rules is known of it.
        self.w[word + W_SIDE + SIDE_FLAGS] = 0
        self.w[word + W_SIDE + SIDE_WORDS + SIDE_FLAGS] = 0

    def direction_of(self, row):
        """How the looked-up tuple lies to the row's: DIR_ORIGINAL, DIR_REPLY, or DIR_NONE if it is another tuple."""
        quad = row * ROW_QUADS
        word = row * ROW_WORDS
        if self.w[word + W_PROTO] != self.key_proto:
            return DIR_NONE
        if (
            self.w[word + W_PORTS] == self.key_ports
            and self.q[quad + Q_SRC_LO] == self.key_src_lo
            and self.q[quad + Q_DST_LO] == self.key_dst_lo
            and self.q[quad + Q_SRC_HI] == self.key_src_hi
            and self.q[quad + Q_DST_HI] == self.key_dst_hi
        ):
            return DIR_ORIGINAL
        if (
            self.w[word + W_PORTS] == self.key_inverse
            and self.q[quad + Q_SRC_LO] == self.key_dst_lo
            and self.q[quad + Q_DST_LO] == self.key_src_lo
            and self.q[quad + Q_SRC_HI] == self.key_dst_hi
            and self.q[quad + Q_DST_HI] == self.key_src_hi
        ):
            return DIR_REPLY
        return DIR_NONE

    # Index ------------------------------------------------------------------------------------------------------------------------

    def guess(self, b, v, first, stop):
        """The rows that some packets will likely need, into ``v.row``."""
        i = first
        while i < stop:
            v.row[i] = self.probable(b.hash[i]) if self.guesses else 0
            i += 1

    def probable(self, number):
        """The row that a look-up of a hash would look at first, 0 if none: to fetch it ahead of time."""
        mask = self.slots - 1
        slot = number & mask
        tag = number >> 28
        found = self.index[slot]
        while found and found >> 24 != tag:
            slot = (slot + 1) & mask
            if tag < FAR << 4:
                tag += 1 << 4
            found = self.index[slot]
        return found & ROW_MASK

    def find_from(self, slot):
        """The next slot from ``slot`` on whose row has the looked-up tuple in either direction; ``slots`` if there is none.

        A search begins at the slot that the hash names (``key_hash & (slots - 1)``).
        """
        mask = self.slots - 1
        away = (slot - self.key_hash) & mask
        tag = self.key_hash >> 28 | (away if away < FAR else FAR) << 4
        while True:
            found = self.index[slot]
            if found == 0:
                return self.slots
            if found >> 24 == tag and self.direction_of(found & ROW_MASK) != DIR_NONE:
                return slot
            slot = (slot + 1) & mask
            if tag < FAR << 4:
                tag += 1 << 4

    def enter(self, row):
        """Put a row into the index."""
        number = self.w[row * ROW_WORDS + W_HASH]
        mask = self.slots - 1
        slot = number & mask
        away = 0
        while self.index[slot]:
            slot = (slot + 1) & mask
            away += 1
        self.index[slot] = row | (number >> 28) << 24 | (away if away < FAR else FAR) << 28
        self.entered += 1

    def remove(self, row):
        """Take a row out of the index, and close the gap so that every other row is still found."""
        mask = self.slots - 1
        slot = self.w[row * ROW_WORDS + W_HASH] & mask
        while self.index[slot] & ROW_MASK != row:
            slot = (slot + 1) & mask
        gap = slot
        while True:
            slot = (slot + 1) & mask
            found = self.index[slot]
            if found == 0:
                break
            away = found >> 28
            if away == FAR:
                away = (slot - self.w[(found & ROW_MASK) * ROW_WORDS + W_HASH]) & mask
            nearer = (slot - gap) & mask
            # A row may fill the gap unless its first slot lies behind the gap.
            if away >= nearer:
                away -= nearer
                self.index[gap] = found ^ (found >> 28) << 28 | (away if away < FAR else FAR) << 28
                gap = slot
        self.index[gap] = 0
        self.entered -= 1

    def ensure(self, more: cython.uint) -> None:
        """Make room in the index for ``more`` rows, which are then entered without the interpreter."""
        wanted: cython.ulonglong = self.entered + more
        slots: cython.ulonglong = self.slots
        if wanted * 10 <= slots * 7:
            return
        while wanted * 10 > slots * 7:
            slots *= 2
        old = self.index
        self.slots = slots
        self.index = memoryview(reserve(4 * slots)).cast("I")
        self.entered = 0
        self._enter_all(old)

    def _enter_all(self, old):
        """Enter the rows of an earlier index."""
        i = 0
        count = len(old)
        while i < count:
            if old[i]:
                self.enter(old[i] & ROW_MASK)
            i += 1
