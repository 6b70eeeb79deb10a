"""The four bounds of the window check; ``tests/replay/test_trace_captures.py`` holds them against the engine."""

from __future__ import annotations

import pytest

from pcapaudit.conntrack import layout
from pcapaudit.conntrack.window import Segment, judge_window
from pcapaudit.core import consts

ACK, SYN, RST = consts.TCP_ACK, consts.TCP_SYN, consts.TCP_RST


def row(original, reply, state=consts.TCPS_ESTABLISHED):
    """A row with two sides: (end, maxend, maxwin, flags)."""
    words = [0] * layout.ROW_WORDS
    words[layout.W_STATUS] = state << 16
    for number, (end, maxend, maxwin, flags) in enumerate((original, reply)):
        at = layout.W_SIDE + number * layout.SIDE_WORDS
        words[at : at + 5] = [end, maxend, maxwin, 0, flags]
    return words


#: 1000 sent and acknowledged each way, windows of 5000.
LIVE = row((1000, 6000, 5000, 0), (2000, 7000, 5000, 0))


def judge(seq, length=0, ack=2000, words=LIVE, **more):
    """A segment of the original side."""
    segment = Segment(more.get("flags", ACK), seq, ack, more.get("sack", ack), seq + length & 0xFFFFFFFF, more.get("win", 5000))
    return judge_window(words, 0, segment, liberal=more.get("liberal", False))


@pytest.mark.parametrize(
    ("seq", "length", "ack", "failed"),
    [
        (1000, 100, 2000, ""),
        (6000, 100, 2000, ""),
        (6001, 100, 2000, "I"),
        (0xFFFFF060, 0, 2000, ""),
        (0xFFFFF05F, 0, 2000, "II"),
        (1000, 0, 2001, "III"),
        (1000, 0, 2000 - 66000 & 0xFFFFFFFF, ""),
        (1000, 0, 1999 - 66000 & 0xFFFFFFFF, "IV"),
        (6001, 0, 2001, "I"),
        (0xFFFFF05F, 0, 2001, "III"),
    ],
)
def test_each_bound_just_inside_and_just_outside(seq, length, ack, failed):
    """Of several that fail, the one that is looked at first is named: I, III, II, IV."""
    window = judge(seq, length, ack)
    assert window.failed == failed
    assert len(window.bounds) == 4


def test_bounds_carry_their_numbers():
    """Value, relation and limit."""
    first = judge(6001).bounds[0]
    assert (first.name, first.value, first.relation, first.limit, first.holds) == ("I", 6001, "<=", 6000, False)


@pytest.mark.parametrize("flags", [0, layout.SIDE_SACK_PERM])
def test_sack_counts_where_the_receiver_offered_it(flags):
    """Else the acknowledgement alone does."""
    window = judge(1000, ack=1500, sack=2100, words=row((1000, 6000, 5000, 0), (2000, 7000, 5000, flags)))
    assert window.failed == ("III" if flags else "")


def test_liberal_lets_it_pass():
    """By the switch, or because the connection was picked up in the middle; the bounds are shown all the same."""
    assert judge(9999, liberal=True).failed == ""
    assert "be_liberal" in judge(9999, liberal=True).remark
    picked = judge(9999, words=row((1000, 6000, 5000, layout.SIDE_LIBERAL), (2000, 7000, 5000, 0)))
    assert (picked.failed, picked.bounds[0].holds) == ("", False)
    assert "picked up" in picked.remark


def test_first_sight_of_a_side_is_judged_by_itself():
    """Its own segment says how far it may go; a SYN without ACK has nothing to be held against."""
    fresh = row((0, 0, 0, 0), (2000, 2000, 5000, 0), consts.TCPS_SYN_SENT)
    assert judge(7777, words=fresh).failed == ""
    alone = judge(7777, words=fresh, flags=SYN)
    assert (alone.bounds, "SYN from each side" in alone.remark) == ((), True)


def test_reset_without_ack_is_taken_as_if_it_were_right():
    """Broken stacks leave the acknowledgement 0."""
    assert judge(1000, ack=0, flags=RST).failed == ""
    assert judge(1000, ack=0, flags=RST | ACK).failed == ""
