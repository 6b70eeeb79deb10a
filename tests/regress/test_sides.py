"""An engine as a side of a comparison."""

import numpy as np
from comparing import conversation, sides
from scenes import DROP_ALL, INSIDE_OUT


def test_columns_are_those_of_the_batch():
    """Cut to the batch's rows; what decided is a rule or, behind the rules, a policy."""
    source, (old, new) = sides(conversation(), INSIDE_OUT, DROP_ALL)
    source.read()
    old.judge()
    new.judge()
    columns = old.columns(old.verdicts, 8)
    assert {len(array) for array in columns.values()} == {8}
    assert [old.deciders[number].text for number in columns["decided_by"][:2]] == [
        'meta iifname "inside" ct state new accept',
        "ct state established,related accept",
    ]
    assert {new.deciders[number].text for number in new.columns(new.verdicts, 8)["decided_by"]} == {"policy drop"}


def test_ended_flows_are_told(monkeypatch):
    """A SYN on the closed connection ends its flow; the engine hands flows out in portions."""
    monkeypatch.setattr("pcapaudit.replay.run._FLOWS_AT_ONCE", 1)
    source, (old, _) = sides(conversation() + conversation(at=5), INSIDE_OUT, DROP_ALL, rows=8)
    ended = []
    while source.read():
        ended.append(old.judge())
    assert ended == [[], [1]]
    assert old.finish().flows == 2


def test_frame_without_ip_is_decided_by_nobody():
    """Number of the policy of chain 0."""
    source, (old, _) = sides([(0, b"\x00" * 20)], INSIDE_OUT, DROP_ALL)
    source.read()
    old.judge()
    numbers = old.columns(old.verdicts, 1)["decided_by"]
    assert np.all(numbers == 3)
    assert old.deciders[3].at == ""
