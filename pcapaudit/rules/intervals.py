"""Sets of numbers as sorted intervals, and the cheapest test for a set."""

from __future__ import annotations

from collections.abc import Iterable

from pcapaudit.rules import ops

__all__ = ["compare_bounds", "interval_test", "merge"]

Interval = tuple[int, int]
_LOW = (1 << 64) - 1
#: Up to so many intervals a search costs less than the cache lines of a bitmap of 8 KiB.
_SMALL = 16


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted, disjoint, and with a gap between neighbours: the same numbers in the fewest intervals."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def compare_bounds(op: str, first: int, last: int, bits: int) -> list[Interval]:
    """The numbers that stand in relation ``op`` to an interval: for ``<`` those below it, and so on."""
    top = (1 << bits) - 1
    found = {"<": (0, first - 1), "<=": (0, last), ">": (last + 1, top), ">=": (first, top)}.get(op, (first, last))
    return [found] if found[0] <= found[1] else []


def interval_test(intervals: list[Interval], bits: int) -> tuple[int, list[int]]:
    """(TEST_ number, words for the pool) for a merged list of intervals of numbers ``bits`` wide."""
    if len(intervals) == 1:
        first, last = intervals[0]
        if first == last:
            return ops.TEST_EQUAL, [first >> 64, first & _LOW]
        return ops.TEST_RANGE, [first >> 64, first & _LOW, last >> 64, last & _LOW]
    if bits <= 8:
        return ops.TEST_BITS8, _bitmap(intervals, 4)
    if bits <= 16 and len(intervals) > _SMALL:
        return ops.TEST_BITS16, _bitmap(intervals, 1024)
    if bits <= 64:
        return ops.TEST_SEARCH64, [len(intervals), *(bound for pair in intervals for bound in pair)]
    words = [len(intervals)]
    for first, last in intervals:
        words.extend((first >> 64, first & _LOW, last >> 64, last & _LOW))
    return ops.TEST_SEARCH128, words


def _bitmap(intervals: Iterable[Interval], words: int) -> list[int]:
    bits = 0
    for first, last in intervals:
        bits |= (1 << (last + 1)) - (1 << first)
    return [bits >> (64 * index) & _LOW for index in range(words)]
