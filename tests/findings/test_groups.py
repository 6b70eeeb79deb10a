"""Counting by cause in bounded memory."""

from __future__ import annotations

import numpy as np

from pcapaudit.findings.groups import Distinct, Groups, Pool, Quota, split


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


def test_quota_is_by_frame_not_by_batch():
    """So many of each 4096 frames; the rest is counted."""
    quota = Quota(2)
    assert [quota.allows(frame) for frame in (1, 5, 4095, 4096, 5000, 8191, 8192)] == [True, True, False, True, True, False, True]
    assert quota.missed == 2


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
    """Positions of each key."""
    parts, rest = split(np.array([7, 3, 7, 9, 3], np.uint64))
    assert ([at.tolist() for at in parts], rest.tolist()) == ([[0, 2], [1, 4], [3]], [])
    assert split(np.zeros(0, np.uint64))[0] == []


def test_split_keeps_the_largest_of_many():
    """The rest is one array, in order."""
    parts, rest = split(np.array([1, 2, 3, 3, 4, 2, 2, 5], np.uint64), most=2)
    assert ([at.tolist() for at in parts], rest.tolist()) == ([[1, 5, 6], [2, 3]], [0, 4, 7])
