"""Keys, seen through look-ups: which packets belong together and which do not."""

import pytest
from scenes import icmp, replay, udp

A, B = "10.0.0.1", "192.0.2.1"


@pytest.mark.parametrize(("query", "answer"), [(8, 0), (13, 14), (15, 16), (17, 18)])
def test_icmp_answers_by_type(query, answer):
    """Each query has its own answer."""
    run = replay([(0, icmp(A, B, query)), (1, icmp(B, A, answer)), (2, icmp(B, A, query))])
    assert [(row.state, row.flow) for row in run.rows] == [("new", 1), ("established", 1), ("new", 2)]


@pytest.mark.parametrize(("query", "answer"), [(128, 129), (139, 140)])
def test_icmpv6_answers_by_type(query, answer):
    """Echo and node information."""
    run = replay([(0, icmp("fd00::1", "2001:db8::1", query)), (1, icmp("2001:db8::1", "fd00::1", answer))])
    assert [row.flow for row in run.rows] == [1, 1]


def test_icmp_identifier_and_code_count():
    """Another identifier, or another code, is another connection."""
    run = replay([(0, icmp(A, B, 8, ident=1)), (1, icmp(B, A, 0, ident=2)), (2, icmp(B, A, 0, 1, ident=1))])
    assert [row.state for row in run.rows] == ["new", "invalid", "invalid"]


def test_quoted_ping_is_found():
    """An error about an echo request belongs to that ping; one about an echo reply to it, too."""
    ping, pong = icmp(A, B, 8, ident=5), icmp(B, A, 0, ident=5)
    run = replay([(0, ping), (1, pong), (2, icmp("198.51.100.1", A, 11, data=ping)), (3, icmp("198.51.100.1", B, 11, data=pong))])
    assert [(row.state, row.way, row.flow) for row in run.rows[2:]] == [("related", "reply", 1), ("related", "original", 1)]


def test_same_endpoints_on_both_sides():
    """A packet from a socket to itself: original and reply are one."""
    run = replay([(0, udp(f"{A}:7", f"{A}:7")), (1, udp(f"{A}:7", f"{A}:7"))])
    assert [(row.state, row.way) for row in run.rows] == [("new", "original")] * 2
