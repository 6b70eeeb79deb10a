"""Rows of the table as values."""

from __future__ import annotations

import pytest
from scenes import icmp, tcp, udp
from traced import trace

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.entry import read_entry
from pcapaudit.conntrack.table import Table
from pcapaudit.core import consts

A, B = "10.0.0.1:40000", "192.0.2.1:80"
SYN = (0, tcp(A, B, "S", 100, win=1000))
SYNACK = (0.1, tcp(B, A, "S.", 500, 101, win=2000))
ACK = (0.2, tcp(A, B, ".", 101, 501, win=3000))


def test_free_row_holds_no_entry():
    """Whatever it held before."""
    assert read_entry(Table(4).memory, 1, 0, ConntrackConfig()) is None


def test_tcp_entry_has_both_sides():
    """After the handshake, with the numbers of the segments."""
    entry = trace([SYN, SYNACK, ACK]).after
    assert (entry.state, entry.status, entry.flow) == ("established", ("seen_reply", "assured", "confirmed"), 1)
    original, reply = entry.sides
    assert (original.end, original.maxend, original.maxwin, original.maxack) == (101, 2101, 3000, 501)
    assert (reply.end, reply.maxend, reply.maxwin, reply.maxack) == (501, 3501, 2000, 101)
    assert (entry.source, entry.destination, entry.ports) == (0x0A000001, 0xC0000201, (40000, 80))


def test_side_that_acknowledged_nothing_has_no_maxack():
    """0 would be a sequence number like any other."""
    assert trace([SYN]).after.sides[0].maxack is None


@pytest.mark.parametrize(
    ("packets", "timer", "seconds"),
    [
        ([SYN], "tcp.syn_sent", 120),
        ([SYN, SYNACK], "tcp.syn_recv", 60),
        ([SYN, SYNACK, ACK], "tcp.established", 432000),
        ([SYN, SYNACK, ACK, (1, tcp(A, B, "P.", 101, 501, data=10))], "tcp.unacknowledged", 300),
        ([SYN, SYNACK, ACK, *[(n, tcp(A, B, ".", 101, 501, win=3000)) for n in range(1, 5)]], "tcp.max_retrans", 300),
        ([SYN, SYNACK, ACK, (1, tcp(A, B, ".", 101, 501, win=0))], "tcp.max_retrans", 300),
        ([SYN, SYNACK, ACK, (1, tcp(A, B, "F.", 101, 501))], "tcp.fin_wait", 120),
        ([SYN, SYNACK, ACK, (1, tcp(A, B, "R", 105))], "tcp.unacknowledged", 300),
        ([(0, tcp(A, B, ".", 101, 501))], "tcp.unacknowledged", 300),
        ([(0, udp(A, B))], "udp.unreplied", 30),
        ([(0, udp(A, B)), (1, udp(B, A))], "udp.unreplied", 30),
        ([(0, udp(A, B)), (1, udp(B, A)), (3, udp(A, B))], "udp.stream", 120),
        ([(0, icmp("10.0.0.1", "192.0.2.1", 8))], "icmp", 30),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_timer_is_the_one_that_was_set(packets, timer, seconds):
    """The packet set it, so all of it is left."""
    entry = trace(packets).after
    assert (entry.timer, entry.timer_ns, entry.left_ns) == (timer, seconds * 10**9, seconds * 10**9)


def test_expired_entry_has_less_than_nothing_left():
    """It stands in the table until somebody looks for it."""
    found = trace([(0, udp(A, B)), (40, udp(A, B))])
    assert (found.before.left_ns, found.after.left_ns) == (-10 * 10**9, 30 * 10**9)


def test_mark_and_protocol():
    """Set by a rule; UDP has no sides."""
    rules = "table inet t { chain c { type filter hook forward priority 0; policy accept; ct mark set 9 } }"
    entry = trace([(0, udp(A, B))], rules).after
    assert (entry.mark, entry.proto, entry.l3, entry.state, entry.sides) == (9, consts.PROTO_UDP, 4, "", ())
