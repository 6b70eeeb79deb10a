"""The log that coverage is made from."""

from __future__ import annotations

from array import array

import numpy as np

from pcapaudit.rules.ops import MAX_PARTS
from pcapaudit.rules.reached import ReachedLog


def test_rows_become_times_and_flows():
    """A batch is settled before the next one uses the rows again."""
    log = ReachedLog(True)
    log.reach(1, 7)
    log.settle(np.array([10, 11]), np.array([4, 5]))
    log.reach(0, 8)
    log.settle(np.array([20, 21]), np.array([6, 7]))
    assert [each.tolist() for each in log.take()[:3]] == [[7, 8], [11, 20], [5, 6]]
    assert [len(each) for each in log.take()] == [0, 0, 0, 0]


def test_it_grows():
    """A packet can pass many rules."""
    log = ReachedLog(True)
    parts = memoryview(array("Q", range(2 * MAX_PARTS)))
    for each in range(10_000):
        log.reach(each % 7, each)
        log.look(each, 3, parts, 2)
    log.settle(np.arange(7), np.arange(7))
    slots, _, _, looked = log.take()
    assert slots.tolist() == list(range(10_000))
    assert looked[:, 0].tolist() == [3] * 10_000
    assert looked[0, 1:5].tolist() == [0, 1, 2, 3]
    assert not looked[:, 5:].any()


def test_a_look_up_counts_once_for_a_packet():
    """The slots of a verdict map share the matches in front of it."""
    log = ReachedLog(True)
    parts = memoryview(array("Q", [0, 9] + [0] * (2 * MAX_PARTS - 2)))
    for packet in (1, 1, 2):
        log.look(packet, 0, parts, 1)
    assert len(log.take()[3]) == 2


def test_move():
    """A datagram is judged in a row of its own, and belongs to the frame that made it whole."""
    log = ReachedLog(True)
    parts = memoryview(array("Q", bytes(16 * MAX_PARTS)))
    log.reach(0, 1)
    log.reach(2, 1)
    log.look(2, 0, parts, 1)
    log.move(2, 1)
    log.look(2, 0, parts, 1)
    log.settle(np.array([10, 11, 12]), np.array([1, 2, 3]))
    slots, times, _, looked = log.take()
    assert (slots.tolist(), times.tolist(), len(looked)) == ([1, 1], [10, 11], 2)


def test_off():
    """A run that nobody covers writes nothing."""
    assert not ReachedLog().on
