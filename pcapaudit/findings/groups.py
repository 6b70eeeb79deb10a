"""Counting by cause in bounded memory: every collection of a detector has a limit and says when it is reached."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np

__all__ = ["Distinct", "Groups", "Pool", "Quota", "split"]

_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)

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

    def values(self) -> Iterable[Group]:
        """Groups in the order of their first sight."""
        return self._found.values()

    def items(self) -> Iterable[tuple[Key, Group]]:
        """Keys and groups in the order of their first sight."""
        return self._found.items()


class Quota:
    """So many of every 4096 frames, wherever batches end: what one packet may cost is bounded, and it is the same packets every time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._block = -1
        self._taken = 0
        #: Those for whom there was no room.
        self.missed = 0

    def allows(self, frame: int) -> bool:
        """Whether a packet of this frame is looked at; frames ascend."""
        if frame >> 12 != self._block:
            self._block, self._taken = frame >> 12, 0
        self._taken += 1
        if self._taken > self._most:
            self.missed += 1
            return False
        return True


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


def split(keys: Any, most: int = 256, few: int | None = None) -> tuple[list[Any], Any]:
    """Positions by key: a list of arrays, each of one key, in the order of their first positions; and the positions of all other keys.

    ``keys`` is a one-dimensional uint64 array; now and then a key comes in more than one array, because sorting sixteen bits of a hash
    is ten times as fast as sorting keys. When there are more than ``most`` keys, only ``few`` of them (default: ``most``), those with the
    most positions, get an array of their own: a batch of thousands of keys, a flood, costs no more than an ordinary one.
    """
    if len(keys) == 0:
        return [], np.zeros(0, np.intp)
    order = np.argsort((keys * _MIX >> _SHIFT).astype(np.uint16), kind="stable")
    ordered = keys[order]
    starts = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))
    lengths = np.diff(starts, append=len(keys))
    is_many = len(starts) > most
    if is_many:
        kept = _longest(lengths, order[starts], most if few is None else few)
        starts, lengths = starts[kept], lengths[kept]
    parts = [order[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]
    parts.sort(key=lambda part: int(part[0]))
    if not is_many:
        return parts, np.zeros(0, np.intp)
    is_left = np.ones(len(keys), np.bool_)
    for part in parts:
        is_left[part] = False
    return parts, np.flatnonzero(is_left)


def _longest(lengths: Any, firsts: Any, count: int) -> Any:
    """Numbers of the ``count`` longest parts; of two as long the one with the earlier first position. There are more parts than that."""
    rank = (np.int64(1 << 32) - lengths << np.int64(31)) + firsts
    return np.argpartition(rank, count)[:count]
