"""The trace of a frame; ``test_trace_captures.py`` holds every frame of every capture against the engine."""

from __future__ import annotations

from scenes import ACCEPT_ALL, DROP_ALL, Collector, context_for, fragments, icmp, tcp, udp
from traced import trace, trace_with

from pcapaudit.core import consts
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.trace import Tracer

A, B = "10.0.0.1:40000", "192.0.2.1:80"
SYN = (0, tcp(A, B, "S", 100, win=1000))
SYNACK = (0.1, tcp(B, A, "S.", 500, 101, win=2000))
ACK = (0.2, tcp(A, B, ".", 101, 501, win=3000))


def test_first_packet_has_nothing_before_it():
    """It makes the entry."""
    found = trace([SYN])
    assert (found.before, found.after.state, found.window) == (None, "syn_sent", None)


def test_refused_packet_leaves_nothing():
    """The entry was never confirmed."""
    found = trace([SYN], DROP_ALL)
    assert (found.before, found.after, found.verdict["verdict"]) == (None, None, consts.VERDICT_DROP)


def test_segment_beyond_the_window():
    """The bound that failed, and what Linux logs."""
    found = trace([SYN, SYNACK, ACK, (0.3, tcp(B, A, ".", 90000, 101, data=10))])
    assert found.window.failed == "I"
    assert found.log == "SEQ is over upper bound 3502 (over the window of the receiver)"
    assert found.before == found.after or found.before.words == found.after.words


def test_reset_ends_the_entry():
    """There is one before it, and none afterwards."""
    found = trace([SYN, (0.1, tcp(B, A, "R.", 0, 101))])
    assert (found.before.state, found.after) == ("syn_sent", None)


def test_icmp_error_is_about_what_it_quotes():
    """The connection is the quoted packet's."""
    found = trace([(0, udp(A, B)), (1, icmp("198.51.100.9", "10.0.0.1", 3, 3, data=udp(A, B)))])
    assert (found.quotes, found.before.flow, found.after.flow) == (True, 1, 1)


def test_icmp_error_to_another_host():
    """The addresses that differ, as Linux logs them."""
    found = trace([(0, udp(A, B)), (1, icmp("198.51.100.9", "10.0.0.7", 3, 3, data=udp(A, B)))])
    assert found.log == "outer daddr 10.0.0.7 != inner 10.0.0.1"


def test_fragment_is_told_with_its_datagram():
    """Each part shows the whole and its way through the rules, and which frame completed it; what is not wanted is not told."""
    parts = fragments(udp(A, B, b"x" * 64), 32, 48)
    packets = [(0, parts[1]), (1, udp(A, B)), (2, fragments(udp(A, B, b"x" * 64), 32, ident=8)[0]), (3, parts[0]), (4, parts[2])]
    for rows in (1, 5):
        tracer = Tracer([1, 3, 5])
        run(context_for(packets, rows=rows), [], 1, None, tracer)
        first, waits, last = tracer.traces
        assert [(each.frame, each.packet["ts_ns"] % 10**9, each.whole_at) for each in (first, last)] == [(1, 0, 5), (5, 0, 5)]
        assert [each.packet["ts_ns"] // 10**9 % 10 for each in (first, last)] == [0, 4]
        assert (waits.reassembled, waits.steps, waits.whole_at) == (False, (), 0)
        for each in (first, last):
            assert (each.reassembled, each.packet["payload_len"], len(each.steps)) == (True, 64, 1)
        assert first.verdict == last.verdict


def test_frames_come_in_order_whatever_they_were_named_in():
    """Each once, through several batches; those beyond the end never come."""
    packets = [(n, udp(A, B)) for n in range(9)]
    tracer = Tracer([8, 2, 2, 5, 99])
    run(context_for(packets, rows=2), [], 1, None, tracer)
    assert [each.frame for each in tracer.traces] == [2, 5, 8]


def test_time_that_runs_backwards_does_not_turn_the_clock():
    """``now`` is that of the engine."""
    traces, _ = trace_with([(5, udp(A, B)), (1, udp(A, B))], ACCEPT_ALL, 2)
    assert traces[0].now - traces[0].packet["ts_ns"] == 4 * 10**9


def test_columns_of_a_trace_are_the_same_in_every_run():
    """Neither the hash key nor the place in a buffer is part of it."""
    packets = [SYN, SYNACK, ACK]
    found = []
    for seed, rows in ((1, 1), (99, 3)):
        tracer = Tracer([1, 2, 3])
        run(context_for(packets, rows=rows), [Collector()], seed, None, tracer)
        found.append([(each.packet, each.verdict, each.steps, each.window) for each in tracer.traces])
    assert found[0] == found[1]


def test_reply_to_a_translated_connection():
    """It comes to the firewall's own address, and its connection is found by what NAT made of it."""
    rules = """table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "outside" snat to 203.0.113.9 } }
        table inet t { chain c { type filter hook forward priority 0; policy accept; } }"""
    packets = [(0, udp(A, B)), (1, udp(B, "203.0.113.9:40000"))]
    found = trace(packets, rules, topology=Topology.from_options(zone=["in=inside:10.0.0.0/8", "out=outside:any"], own=["203.0.113.9"]))
    assert (found.before.flow, found.verdict["direction"]) == (1, consts.DIR_REPLY)
