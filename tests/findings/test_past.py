"""The last frames before a batch are there, with their payload, however the frames are cut into batches."""

from __future__ import annotations

import numpy as np
import pytest
from packets import packets
from sample_run import context

from pcapaudit.findings.past import FRAMES, PAYLOAD_BYTES, Past
from pcapaudit.findings.scene import Scene, sides_of


def row(number):
    """A packet with a payload of its own; every third has none."""
    return {"seq": number, "ttl": number % 200, **({} if number % 3 == 0 else {"payload": b"payload %d" % number})}


def stretch_of(sizes):
    """The stretch of the last of batches of these sizes; packets are numbered from 1."""
    scene = Scene(context())
    first = 1
    for size in sizes:
        batch = packets(*[row(first + i) for i in range(size)], first_frame=first)
        last = scene.view(*batch).stretch
        if first + size - 1 < sum(sizes):
            scene.past.keep(*batch)
        first += size
    return last


@pytest.mark.parametrize(
    "sizes", [[5], [2, 3], [1, 1, 1, 1, 1], [FRAMES, 5], [FRAMES + 20, 5], [250, 250, 250, 5], [3, FRAMES - 1, 2]], ids=str
)
def test_rows_and_payloads(sizes):
    """Newest last; at most FRAMES of the past; each with its own bytes."""
    total, past = sum(sizes), min(FRAMES, sum(sizes[:-1]))
    stretch = stretch_of(sizes)
    numbers = list(range(total - sizes[-1] - past + 1, total + 1))
    assert stretch.shift == past
    assert stretch["seq"].tolist() == numbers
    assert [stretch.frame(at) for at in range(len(numbers))] == numbers
    assert [stretch.payload(at) for at in range(len(numbers))] == [row(number).get("payload", b"") for number in numbers]


def test_before_is_a_window_of_frames():
    """The same one whatever the batches are."""
    stretch = stretch_of([FRAMES, FRAMES])
    assert stretch.before(FRAMES + 10) == slice(10, FRAMES + 10)
    assert stretch.before(3) == slice(0, 3)


def test_long_payloads_are_kept_in_part():
    """And what lies in the batch is looked at no further, so that batches make no difference."""
    scene = Scene(context())
    long = {"payload": bytes(range(256)) * 8}
    batch = packets(long)
    whole = scene.view(*batch).stretch.payload(0)
    scene.past.keep(*batch)
    assert scene.view(*packets({}, first_frame=2)).stretch.payload(0) == whole == long["payload"][:PAYLOAD_BYTES]


def test_sides_are_those_of_the_scene():
    """In the past and in the batch."""
    scene = Scene(context())
    both = [{"src": "10.0.0.1", "dst": "10.0.0.2"}, {"src": "10.0.0.2", "dst": "10.0.0.1"}, {"src": "2001:db8::2", "dst": "2001:db8::1"}]
    same = {"src": "10.0.0.1", "dst": "10.0.0.1", "sport": 5, "dport": 4}
    batch = packets(*both, same)
    expected = sides_of(scene.view(*batch), np.arange(4)).tolist()
    scene.past.keep(*batch)
    stretch = scene.view(*packets(*both, same, first_frame=5)).stretch
    rows = np.arange(8)
    assert stretch.of_side(rows, 1).tolist() == [at for at in range(8) if expected[at % 4] == 1]
    assert stretch.of_side(rows, 0).tolist() == [at for at in range(8) if expected[at % 4] == 0]


def test_frames_that_do_not_follow_have_no_past():
    """Frames were left out."""
    scene = Scene(context())
    scene.past.keep(*packets({}, {}))
    assert scene.view(*packets({}, first_frame=9)).stretch.shift == 0


def test_memory_does_not_grow():
    """However long the capture."""
    scene = Scene(context())
    for first in range(1, 4000, 400):
        scene.past.keep(*packets(*[{"payload": b"x" * 100}] * 400, first_frame=first))
    assert scene.past.count == FRAMES
    assert len(scene.past.data) == FRAMES * PAYLOAD_BYTES


def test_nothing():
    """No frames, no past."""
    past = Past()
    past.keep(*packets())
    assert past.count == 0
