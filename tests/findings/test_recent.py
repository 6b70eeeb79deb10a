"""A memory of five-tuples that does not grow."""

from __future__ import annotations

import numpy as np
from packets import flow_rows, packets
from sample_run import context

from pcapaudit.findings.recent import Recent, tuple_keys
from pcapaudit.findings.scene import Scene


def test_keys_are_those_of_both_directions():
    """The same key there and back, from the other end; another port is another key."""
    there = {"src": "10.0.0.1", "dst": "10.0.0.2", "sport": 1000, "dport": 2000}
    back = {"src": "10.0.0.2", "dst": "10.0.0.1", "sport": 2000, "dport": 1000}
    crossed = {"src": "10.0.0.1", "dst": "10.0.0.2", "sport": 2000, "dport": 1000}
    view = Scene(context()).view(*packets(there, back, crossed))
    keys, sides = tuple_keys(view, np.arange(3))
    assert keys[0] == keys[1] != keys[2]
    assert sides[0] != sides[1]
    flow_key, flow_side = tuple_keys(flow_rows({**there, "proto": 6}), np.arange(1))
    assert (flow_key[0], flow_side[0]) == (keys[0], sides[0])


def test_places_are_overwritten():
    """The newer of two keys in one place wins."""
    recent = Recent(4, [("frame", "u8")])
    keys = np.array([1 << 60 | 1, 1 << 60 | 3, 2 << 60], np.uint64)
    recent.put(keys[:1], frame=np.array([7]))
    assert recent.find(keys)[1].tolist() == [True, False, False]
    recent.put(keys[1:], frame=np.array([8, 9]))
    places, known = recent.find(keys)
    assert known.tolist() == [False, True, True]
    assert recent.places["frame"][places].tolist() == [8, 8, 9]
