"""Sets of numbers as intervals, against sets of numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.rules import ops
from pcapaudit.rules.intervals import compare_bounds, interval_test, merge

LOW = (1 << 64) - 1


def pairs(bits):
    """Lists of intervals of small numbers."""
    number = st.integers(0, (1 << bits) - 1)
    return st.lists(st.tuples(number, number).map(lambda pair: (min(pair), max(pair))), max_size=30)


def numbers(intervals):
    return {value for first, last in intervals for value in range(first, last + 1)}


def held(test, words, value):
    """What the evaluator would answer, written anew."""
    if test == ops.TEST_EQUAL:
        return value == words[0] << 64 | words[1]
    if test == ops.TEST_RANGE:
        return words[0] << 64 | words[1] <= value <= words[2] << 64 | words[3]
    if test in (ops.TEST_BITS8, ops.TEST_BITS16):
        return bool(words[value >> 6] >> (value & 63) & 1)
    count, bounds = words[0], words[1:]
    if test == ops.TEST_SEARCH64:
        return any(bounds[2 * i] <= value <= bounds[2 * i + 1] for i in range(count))
    wide = [bounds[i] << 64 | bounds[i + 1] for i in range(0, len(bounds), 2)]
    return any(wide[2 * i] <= value <= wide[2 * i + 1] for i in range(count))


@given(pairs(8))
def test_merge_keeps_the_numbers(intervals):
    """Sorted, and with a gap between neighbours."""
    merged = merge(intervals)
    assert numbers(merged) == numbers(intervals)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(merged))


@pytest.mark.parametrize(
    ("intervals", "merged"),
    [
        ([], []),
        ([(5, 5)], [(5, 5)]),
        ([(6, 9), (1, 5)], [(1, 9)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
        ([(1, 3), (5, 6)], [(1, 3), (5, 6)]),
    ],
)
def test_merge_cases(intervals, merged):
    """Adjacent ones become one, a gap of one number stays."""
    assert merge(intervals) == merged


@pytest.mark.parametrize(
    ("op", "found"),
    [("==", [(3, 5)]), ("!=", [(3, 5)]), ("any", [(3, 5)]), ("<", [(0, 2)]), ("<=", [(0, 5)]), (">", [(6, 15)]), (">=", [(3, 15)])],
)
def test_compare_bounds(op, found):
    """Of four bits; != is the same set, turned over by the test."""
    assert compare_bounds(op, 3, 5, 4) == found


def test_compare_bounds_of_the_ends_is_empty():
    """Nothing is below the least number, or above the largest."""
    assert compare_bounds("<", 0, 0, 4) == []
    assert compare_bounds(">", 15, 15, 4) == []


@pytest.mark.parametrize(
    ("intervals", "bits", "test"),
    [
        ([(7, 7)], 128, ops.TEST_EQUAL),
        ([(7, 9)], 16, ops.TEST_RANGE),
        ([(1, 1), (5, 9)], 8, ops.TEST_BITS8),
        ([(1, 1), (5, 9)], 16, ops.TEST_SEARCH64),
        ([(2 * i, 2 * i) for i in range(17)], 16, ops.TEST_BITS16),
        ([(1, 1), (5, 9)], 32, ops.TEST_SEARCH64),
        ([(1, 1), (5, 9)], 128, ops.TEST_SEARCH128),
        ([], 8, ops.TEST_BITS8),
        ([], 128, ops.TEST_SEARCH128),
    ],
)
def test_cheapest_test(intervals, bits, test):
    """One comparison for one interval, bitmaps for few values, searches for the rest."""
    found, words = interval_test(intervals, bits)
    assert found == test
    assert all(0 <= word <= LOW for word in words)


@given(st.sampled_from([8, 16, 64, 128]).flatmap(lambda bits: st.tuples(st.just(bits), pairs(bits), st.integers(0, (1 << bits) - 1))))
def test_every_test_holds_for_the_set_only(case):
    """The words mean the set that they were made of; asked at its bounds, beside them and elsewhere."""
    bits, intervals, elsewhere = case
    merged = merge(intervals)
    test, words = interval_test(merged, bits)
    asked = {elsewhere, *(each + step for pair in merged for each in pair for step in (-1, 0, 1))}
    for value in asked:
        if 0 <= value < 1 << bits:
            assert held(test, words, value) == any(first <= value <= last for first, last in merged)
