"""One row of the connection table at a time: its words, by their places in ``layout.py``.

A view of the row, uncompiled. ``rows.pxd`` holds the same functions for the compiled modules, where a row is a pointer: whoever works on
a row then does not look for it again with every word. A row stays where it is while the table lives.
"""

from __future__ import annotations

from typing import Any

from pcapaudit.conntrack.layout import Q_DST_HI, Q_DST_LO, Q_EXPIRES, Q_SRC_HI, Q_SRC_LO, ROW_WORDS, SIDE_WORDS, W_PORTS, W_SIDE
from pcapaudit.core.consts import DIR_NONE, DIR_ORIGINAL, DIR_REPLY

__all__ = ["direction_in", "expires_at", "quad_at", "set_expires", "side_at", "words_at"]


def words_at(table: Any, row: int) -> memoryview:
    """The words of a row."""
    view: memoryview = table.w[row * ROW_WORDS : (row + 1) * ROW_WORDS]
    return view


def side_at(words: memoryview, direction: int) -> memoryview:
    """The words (``SIDE_``) of one side of a row."""
    start = W_SIDE + SIDE_WORDS * direction
    return words[start : start + SIDE_WORDS]


def expires_at(words: memoryview) -> int:
    """When the row's entry expires, ns since 1970."""
    return _times(words)[Q_EXPIRES]


def set_expires(words: memoryview, when: int) -> None:
    """Say when the row's entry expires, ns since 1970."""
    _times(words)[Q_EXPIRES] = when


def quad_at(words: memoryview, place: int) -> int:
    """A number of 64 bits in a row, by its place (``Q_``)."""
    number: int = words.cast("B").cast("Q")[place]
    return number


def direction_in(words: memoryview, b: Any, i: int) -> int:
    """DIR_ of packet ``i``, which has ports, by the addresses and ports of a row; the caller compares what else belongs to a tuple."""
    source, destination = (b.src_hi[i], b.src_lo[i], b.sport[i]), (b.dst_hi[i], b.dst_lo[i], b.dport[i])
    first = quad_at(words, Q_SRC_HI), quad_at(words, Q_SRC_LO), words[W_PORTS] & 0xFFFF
    second = quad_at(words, Q_DST_HI), quad_at(words, Q_DST_LO), words[W_PORTS] >> 16
    if (first, second) == (source, destination):
        return DIR_ORIGINAL
    return DIR_REPLY if (first, second) == (destination, source) else DIR_NONE


def _times(words: memoryview) -> memoryview:
    """A row as signed numbers of 64 bits."""
    return words.cast("B").cast("q")
