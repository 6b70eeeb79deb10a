"""Nested ranges laid flat."""

from __future__ import annotations

from pcapaudit.core.ranges import flatten


def test_flatten_nothing():
    """All of it is what no range covers."""
    assert flatten([], 8, 7) == [(0, 7)]


def test_flatten_nested():
    """The shortest range that covers a number decides, and what it interrupts goes on behind it."""
    assert flatten([(0, 255, 1), (16, 31, 2), (20, 20, 3)], 8, 0) == [(0, 1), (16, 2), (20, 3), (21, 2), (32, 1)]


def test_flatten_same_beginning_and_end():
    """Ranges that begin or end together."""
    assert flatten([(0, 127, 1), (0, 15, 2), (112, 127, 3)], 8, 0) == [(0, 2), (16, 1), (112, 3), (128, 0)]


def test_flatten_equal_ranges():
    """The larger code wins, whatever the order."""
    assert flatten([(8, 15, 5), (8, 15, 4)], 8, 0) == flatten([(8, 15, 4), (8, 15, 5)], 8, 0) == [(0, 0), (8, 5), (16, 0)]


def test_flatten_up_to_the_end():
    """No stretch begins behind the largest number."""
    assert flatten([(128, 255, 1)], 8, 0) == [(0, 0), (128, 1)]
