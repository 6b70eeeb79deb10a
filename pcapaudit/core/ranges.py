"""Nested ranges of numbers laid flat: which of them covers a number most closely, as with the longest prefix of an address."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["flatten"]


def flatten(ranges: Iterable[tuple[int, int, int]], bits: int, otherwise: int) -> list[tuple[int, int]]:
    """(first number, code) of every stretch below 2^``bits``, ascending from 0: the code of the shortest range that covers it.

    ``ranges`` are (first, last, code), any two of them nested or apart; of equal ones the one with the largest code wins. ``otherwise``
    is the code of what no range covers.
    """
    found: list[tuple[int, int]] = [(0, otherwise)]
    covering: list[tuple[int, int]] = []  # (last, code), from the longest range to the shortest

    def close(before: int) -> None:
        while covering and covering[-1][0] < before:
            last, _ = covering.pop()
            found.append((last + 1, covering[-1][1] if covering else otherwise))

    for first, negative_last, code in sorted((first, -last, code) for first, last, code in ranges):
        close(first)
        found.append((first, code))
        covering.append((-negative_last, code))
    end = 1 << bits
    close(end)
    # Where several ranges begin at the same number, the one appended last holds.
    return [(start, code) for start, code in sorted(dict(found).items()) if start < end]
