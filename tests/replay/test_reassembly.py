"""Fragments through the whole engine: one verdict for the datagram."""

import pytest
from datagrams import split4, split6
from scenes import DROP_ALL, INSIDE_OUT, ip, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig

A, B = "10.0.0.1", "192.0.2.1"


@pytest.mark.parametrize(("split", "ends"), [(split4, (f"{A}:1000", f"{B}:53")), (split6, ("[fd00::1]:1000", "[2001:db8::1]:53"))])
def test_one_verdict_for_the_datagram(split, ends):
    """The fragments wait; the last one missing is judged as the whole packet, whatever the order."""
    parts = split(udp(*ends, data=bytes(100)), 40, 40)
    for order in ((0, 1, 2), (2, 0, 1), (2, 1, 0)):
        run = replay([(n, parts[index]) for n, index in enumerate(order)] + [(5, udp(*ends[::-1]))], INSIDE_OUT)
        assert [(row.said, row.state, row.flow) for row in run.rows] == [("accept", "new", 1)] * 3 + [("accept", "established", 1)]
        assert [row.datagram for row in run.rows] == [1, 1, 1, 0]
        assert run.flows[0]["packets"].tolist() == [3, 1]
        assert run.flows[0]["bytes"].tolist()[0] == sum(map(len, parts))
        assert run.flows[0]["first_frame"] == 3


@pytest.mark.parametrize("rules", [DROP_ALL, DROP_ALL.replace("policy drop", "policy accept; reject"), INSIDE_OUT])
def test_refusal_counts_every_frame(rules):
    """A refused datagram is as many refused packets as it has frames; so is an invalid one."""
    parts = split4(tcp(f"{B}:80", f"{A}:1000", ".", 1, 1, data=200), 40, 80)
    (flow,) = replay([(n, part) for n, part in enumerate(parts)], rules).flows
    assert (int(flow["dropped"]) + int(flow["rejected"]), flow["packets"].tolist()) == (3, [3, 0])


def test_part_of_a_datagram_is_marked_across_batches():
    """Whatever the batches; what is no part of it is not: a duplicate, another packet, a datagram of its own."""
    parts = split4(udp(f"{A}:1000", f"{B}:53", data=bytes(100)), 40, 40)
    packets = [udp(f"{A}:1000", f"{B}:53"), parts[2], parts[2], parts[0], udp(f"{A}:1000", f"{B}:53"), parts[1], parts[0]]
    for rows in (1, 2, 3, 100):
        run = replay([(n, packet) for n, packet in enumerate(packets)], rows=rows)
        assert [row.datagram for row in run.rows] == [0, 2, 0, 2, 0, 2, 7]
        assert run.flows[0]["packets"].tolist() == [5, 0]


def test_end_of_a_connection_counts_every_frame():
    """The frames of a datagram with which its flow ends."""
    config = ConntrackConfig(udp_close_on_reply=1)
    parts = split4(udp(f"{B}:53", f"{A}:1000", data=bytes(100)), 40)
    run = replay(
        [(0, udp(f"{A}:1000", f"{B}:53")), *((n, part) for n, part in enumerate(parts, 1)), (9, udp(f"{A}:1000", f"{B}:53"))], config=config
    )
    assert [flow["packets"].tolist() for flow in run.flows] == [[1, 2], [1, 0]]


def test_atomic_fragment_belongs_to_its_datagram():
    """Alone it is whole (RFC 6946 would have it so always); Linux refuses it where other fragments of its identification wait."""
    packet = udp("[fd00::1]:1000", "[2001:db8::1]:53", data=bytes(100))
    atomic = split6(packet, ident=9)[0]
    assert replay([(0, atomic)]).rows[0].state == "new"
    rows = replay([(0, split6(udp("[fd00::1]:1000", "[2001:db8::1]:53", data=bytes(300)), 160, ident=9)[0]), (1, atomic)]).rows
    assert [row.why for row in rows] == ["fragment-queued", "fragment-dropped"]


def test_tcp_header_in_two_fragments():
    """Eight bytes of a SYN, then the rest: tracked as the SYN it is."""
    run = replay([(n, part) for n, part in enumerate(split4(tcp(f"{A}:1", f"{B}:80", "S", 5), 8))])
    assert (run.rows[1].state, run.rows[1].tcp) == ("new", "syn_sent")


def test_refused_datagram_is_one_blocked_flow():
    """Its frames are accounted for by the whole packet."""
    run = replay([(n, part) for n, part in enumerate(split4(udp(f"{A}:1", f"{B}:2", bytes(100)), 48))], DROP_ALL)
    assert [row.said for row in run.rows] == ["drop", "drop"]
    assert run.flows[0]["blocked"] == 1


def test_overlap():
    """The datagram is thrown away, and the anomaly says why."""
    first, _, last = split4(udp(f"{A}:1", f"{B}:2", bytes(100)), 40, 40)
    odd = split4(udp(f"{A}:1", f"{B}:2", bytes(100)), 32, 40)[1]
    run = replay([(0, first), (1, odd), (2, last)])
    assert [row.why for row in run.rows] == ["fragment-dropped", "fragment-dropped", "fragment-queued"]
    assert "fragment-overlap" in run.rows[1].anomalies
    assert run.totals.flows == 0


def test_first_fragment_without_its_header():
    """IPv6 leaves a first fragment alone that lacks transport header bytes; it is invalid."""
    parts = split6(tcp("[fd00::1]:1", "[2001:db8::1]:80", "S"), 8)
    run = replay([(n, part) for n, part in enumerate(parts)])
    assert (run.rows[0].state, run.rows[0].said) == ("invalid", "accept")


def test_time_out_and_new_beginning():
    """After thirty seconds the rest comes too late."""
    one, two = split4(udp(f"{A}:1", f"{B}:2", bytes(100)), 48)
    assert [row.why for row in replay([(0, one), (30, two)]).rows] == ["fragment-timeout", "fragment-queued"]
    assert replay([(0, one), (29.9, two)]).rows[1].state == "new"


def test_batches_make_no_difference():
    """Fragments of one datagram in different batches."""
    packets = [(n, part) for n, part in enumerate(split4(udp(f"{A}:1", f"{B}:2", bytes(900)), *[80] * 11))]
    assert replay(packets).rows == replay(packets, rows=1).rows


def test_repeated_fragment_is_refused():
    """It is no part of the datagram: Linux throws it away, and goes on waiting."""
    for split, ends in ((split4, (f"{A}:1", f"{B}:2")), (split6, ("[fd00::1]:1", "[2001:db8::1]:2"))):
        one, two = split(udp(*ends, data=bytes(100)), 48)
        run = replay([(0, one), (1, one), (2, two)])
        assert [(row.said, row.datagram) for row in run.rows] == [("accept", 1), ("drop", 0), ("accept", 1)]


def test_no_next_header():
    """An IPv6 packet that says it carries nothing belongs to no connection."""
    (row,) = replay([(0, ip("fd00::1", "2001:db8::1", 59, b""))]).rows
    assert (row.state, row.why) == ("invalid", "not-trackable")
