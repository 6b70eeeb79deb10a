"""Counting by cause in bounded memory: every collection of a detector has a limit and says when it is reached."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np

__all__ = ["Distinct", "Groups", "Pool", "split"]

Key = TypeVar("Key", bound=Hashable)
Group = TypeVar("Group")


class Groups(Generic[Key, Group]):
    """A dictionary that makes its values and stops growing at a limit."""

    def __init__(self, limit: int, make: Callable[[], Group]) -> None:
        self.limit = limit
        self._make = make
        self._found: dict[Key, Group] = {}
        #: Occurrences that found no room.
        self.missed = 0

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def get(self, key: Key) -> Group | None:
        """The group of a key, if there is one."""
        return self._found.get(key)

    def at(self, key: Key, occurrences: int = 1) -> Group | None:
        """The group of a key, made when there is room; None counts the occurrences as missed."""
        group = self._found.get(key)
        if group is None:
            if len(self._found) >= self.limit:
                self.missed += occurrences
                return None
            group = self._found[key] = self._make()
        return group

    def drop(self, key: Key) -> None:
        """Forget a group."""
        self._found.pop(key, None)

    def items(self) -> Iterable[tuple[Key, Group]]:
        """Keys and groups in the order of their first sight."""
        return self._found.items()


class Pool:
    """How many values all ``Distinct`` of a detector may keep together."""

    def __init__(self, values: int) -> None:
        self.left = values


class Distinct:
    """Different values, counted exactly up to a limit of their own and that of their pool; beyond, ``text`` says "more than"."""

    __slots__ = ("_limit", "_pool", "full", "values")

    def __init__(self, pool: Pool, limit: int = 4096) -> None:
        self._pool = pool
        self._limit = limit
        self.values: set[Any] = set()
        #: Whether values were left out.
        self.full = False

    def __len__(self) -> int:
        return len(self.values)

    def update(self, values: Any) -> None:
        """Add values (an array or any sequence of hashable ones)."""
        if self.full:
            return
        fresh = set(values.tolist() if isinstance(values, np.ndarray) else values) - self.values
        room = max(0, min(self._limit - len(self.values), self._pool.left))
        if len(fresh) > room:
            self.full = True
            fresh = set(sorted(fresh)[:room])
        self.values |= fresh
        self._pool.left -= len(fresh)

    @property
    def text(self) -> str:
        """How many, for people."""
        return f"more than {len(self.values)}" if self.full else str(len(self.values))


def split(keys: Any, most: int = 256) -> tuple[list[Any], Any]:
    """Positions by key: a list of arrays, one a key, in the order in which keys first occur; and the positions of all other keys.

    ``keys`` is a one-dimensional array. At most ``most`` keys get an array of their own, those with the most positions, so that a batch
    of thousands of keys, a flood, costs no more than one of a few.
    """
    if len(keys) == 0:
        return [], np.zeros(0, np.intp)
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.append(starts, len(keys)))
    rest = np.zeros(0, np.intp)
    if len(starts) > most:
        ranked = np.lexsort((order[starts], -lengths))
        rest = np.sort(order[~np.isin(np.repeat(np.arange(len(starts)), lengths), ranked[:most])])
        starts, lengths = starts[ranked[:most]], lengths[ranked[:most]]
    parts = [order[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]
    return sorted(parts, key=lambda part: int(part[0])), rest
