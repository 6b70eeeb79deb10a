"""One row of the connection table at a time: its words, by their places in ``layout.py``.

A view of the row, uncompiled. ``rows.pxd`` holds the same functions for the compiled modules, where a row is a pointer: whoever works on
a row then does not look for it again with every word. A row stays where it is while the table lives.
"""

from __future__ import annotations

from typing import Any

from pcapaudit.conntrack.layout import Q_EXPIRES, ROW_WORDS, SIDE_WORDS, W_SIDE

__all__ = ["expires_at", "set_expires", "side_at", "words_at"]


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


def _times(words: memoryview) -> memoryview:
    """A row as signed numbers of 64 bits."""
    return words.cast("B").cast("q")
