"""The packets of one flow, in bounded memory."""

from __future__ import annotations

import pytest
from scenes import context_for, fragments, icmp, replay, tcp, udp

from pcapaudit.core.errors import SelectorError
from pcapaudit.replay.run import run
from pcapaudit.replay.story import MOST_PAIRS, Story, selector_of

A, B, C = "10.0.0.1:40000", "192.0.2.1:53", "10.0.0.2:40000"


def story(packets, wanted, most=None):
    """The story of packets [(seconds, IP bytes)]."""
    context = context_for(packets)
    found = Story(wanted, context.program, most)
    run(context, [found], 1)
    return found


def frames(found):
    """Numbers of the kept frames."""
    return [each.frame for each in found.head], [each.frame for each in found.tail]


def test_flow_by_number():
    """Its packets, and the ICMP errors about it."""
    packets = [(0, udp(A, B)), (1, udp(C, B)), (2, udp(B, A)), (3, icmp("198.51.100.1", "10.0.0.1", 3, 3, data=udp(A, B)))]
    found = story(packets, 1)
    assert frames(found) == ([1, 3, 4], [])
    assert [int(row["flow"]) for row in found.ended] == [1]


def test_flow_by_endpoints_holds_what_came_later():
    """Both directions, over a time-out that made it two flows."""
    found = story([(0, udp(A, B)), (1, udp(C, B)), (2, udp(B, A)), (300, udp(B, A))], selector_of("10.0.0.1:40000 > 192.0.2.1:53/udp"))
    assert frames(found)[0] == [1, 3, 4]
    assert [int(row["flow"]) for row in found.ended] == [1, 3]
    assert len(found.pairs) == 1


@pytest.mark.parametrize("most", [2, 3, 4])
def test_middle_is_counted(most):
    """The first and the last ones are kept."""
    found = story([(n, udp(A, B)) for n in range(10)], 1, most)
    head, tail = frames(found)
    assert (head, tail) == (list(range(1, most // 2 + 1)), list(range(11 - (most - most // 2), 11)))
    assert (found.count, found.left_out) == (10, 10 - most)


def test_pairs_are_few():
    """However many a selector meets."""
    found = story([(n / 100, udp(f"10.0.1.{n}:1000", B)) for n in range(50)], "* <> *:53")
    assert len(found.pairs) == MOST_PAIRS


def test_what_is_no_selector():
    """Both kinds of arrows stay what they are."""
    assert selector_of("a <> b") == "a <> b"
    with pytest.raises(SelectorError):
        story([(0, udp(A, B))], "nonsense")


def test_refused_packets_belong_to_their_flow():
    """The blocked record's number finds them."""
    packets = [(n, tcp("192.0.2.9:1", "10.0.0.1:22", "S", 1)) for n in range(3)]
    rows = replay(packets, "table inet t { chain c { type filter hook forward priority 0; policy drop; } }").rows
    assert {row.flow for row in rows} == {1}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_fragments_belong_to_the_story(order):
    """Those without ports too, and they are no endpoints of their own."""
    parts = fragments(udp(B, A, bytes(100)), 48)
    packets = [(0, udp(A, B)), *((1, parts[n]) for n in order), (2, udp(C, B))]
    found = story(packets, selector_of("10.0.0.1:40000 > 192.0.2.1:53/udp"))
    assert frames(found)[0] == [1, 2, 3]
    assert len(found.pairs) == 1
