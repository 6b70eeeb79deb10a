"""Delta debugging (Zeller and Hildebrandt 2002, "ddmin"): the shortest list that still shows something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["minimise"]

Item = TypeVar("Item")


def minimise(items: Sequence[Item], shows: Callable[[list[Item]], bool]) -> list[Item]:
    """A part of ``items``, in order, for which ``shows`` is true and of which nothing can be left out. ``items`` must show it."""
    current, parts = list(items), 2
    while len(current) > 1:
        size = -(-len(current) // parts)
        for start in range(0, len(current), size):
            rest = current[:start] + current[start + size :]
            if rest and shows(rest):
                current, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(current), 2 * parts)
    return current
