"""Counting by cause in bounded memory."""

from __future__ import annotations

import numpy as np

from pcapaudit.findings.groups import Distinct, Groups, Pool, split


def test_groups_stop_at_their_limit():
    """What finds no room is counted."""
    groups = Groups(2, list)
    groups.at("a").append(1)
    groups.at("b").append(2)
    assert groups.at("c", 7) is None
    groups.at("a").append(3)
    assert (dict(groups.items()), groups.missed, len(groups)) == ({"a": [1, 3], "b": [2]}, 7, 2)
    groups.drop("a")
    assert "a" not in groups
    assert groups.get("b") == [2]


def test_distinct_says_when_it_is_full():
    """A limit of its own, and one for all."""
    pool = Pool(5)
    first, second = Distinct(pool, 3), Distinct(pool, 3)
    first.update(np.array([4, 2, 2]))
    assert (first.text, first.full) == ("2", False)
    first.update([9, 8, 7])
    assert (first.text, sorted(first.values)) == ("more than 3", [2, 4, 7])
    second.update([1, 2, 3])
    assert (second.text, pool.left) == ("more than 2", 0)


def test_split_keeps_the_order_of_first_sight():
    """Keys with their positions."""
    keys = np.array([7, 3, 7, 9, 3], np.uint64)
    assert [(key, at.tolist()) for key, at in split(keys)] == [(7, [0, 2]), (3, [1, 4]), (9, [3])]
    assert list(split(keys[:0])) == []
