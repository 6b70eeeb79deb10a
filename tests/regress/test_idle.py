"""Silences of connections, and what time-outs make of them, held against replays with those time-outs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import INSIDE_OUT, context_for, icmp, replay, tcp, udp

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, ConntrackConfig
from pcapaudit.regress.idle import TIMERS, Idle, stretched
from pcapaudit.replay.run import run

NS = 1_000_000_000
CURRENT = {name: seconds * NS for name, seconds in DEFAULT_TIMEOUTS.items()}
GRID = {name: sorted({5 * NS, 20 * NS, 60 * NS, 100 * NS, 500 * NS, CURRENT[name]}) for name in TIMERS}


def used(packets, config=None):
    """What silences say of each timer, by name."""
    context = context_for(packets, INSIDE_OUT)
    idle = Idle(CURRENT, GRID)
    run(replace(context, conntrack=stretched(config or ConntrackConfig(checksum=0))), [idle], 1)
    return {use.name: use for use in idle.uses()}


def at(use, seconds):
    """The point of a time-out."""
    return next(point for point in use.points if point.timeout_ns == seconds * NS)


def talk(*times, port=5000):
    """Datagrams at these times: '>' from inside, '<' from outside."""
    inside, outside = f"10.0.0.1:{port}", "192.0.2.1:53"
    return [(time, udp(inside, outside) if way == ">" else udp(outside, inside)) for way, time in times]


def test_late_reply_breaks_a_late_request_does_not():
    """Both after 30 s of silence; the exchange has not become a stream."""
    reply = used(talk((">", 0), ("<", 30)))["udp.unreplied"]
    assert (at(reply, 20).broken, at(reply, 20).reopened, at(reply, 60).broken) == (1, 0, 0)
    assert (reply.longest_reply_ns, reply.longest_original_ns) == (30 * NS, 0)
    request = used(talk((">", 0), (">", 30)))["udp.unreplied"]
    assert (at(request, 20).broken, at(request, 20).reopened, at(request, 60).reopened) == (0, 1, 0)


def test_silence_counts_under_the_timer_that_ran():
    """A stream after two seconds (RFC 4787: and its timer is another)."""
    uses = used(talk((">", 0), ("<", 1), (">", 3), ("<", 93)))
    assert uses["udp.unreplied"].longest_reply_ns == NS
    assert uses["udp.stream"].longest_reply_ns == 90 * NS
    assert (at(uses["udp.stream"], 60).broken, at(uses["udp.stream"], 100).broken) == (1, 0)


def test_entry_at_its_time_out_is_gone():
    """As in the engine: exactly 20 s later is too late."""
    packets = talk((">", 0), ("<", 20))
    assert at(used(packets)["udp.unreplied"], 20).broken == 1
    assert [row.said for row in replay(packets, INSIDE_OUT, config=ConntrackConfig().with_timeout("udp.unreplied", "20")).rows] == [
        "accept",
        "drop",
    ]


def test_idle_time_is_cut_at_the_time_out():
    """Ten seconds of silence, and then the time-out itself."""
    use = used(talk((">", 0), ("<", 10)))["udp.unreplied"]
    assert at(use, 5).idle_ns == 10 * NS
    assert at(use, 60).idle_ns == (10 + 60) * NS


@pytest.mark.parametrize("rows", [1, 4096])
def test_time_stamps_that_go_back_make_no_time(rows):
    """The clock stands still meanwhile, also from one batch to the next."""
    packets = talk((">", 100), ("<", 101), (">", 50), ("<", 51), (">", 110))
    context = context_for(packets, INSIDE_OUT, rows=rows)
    idle = Idle(CURRENT, GRID)
    run(replace(context, conntrack=stretched(ConntrackConfig(checksum=0))), [idle], 1)
    uses = {use.name: use for use in idle.uses()}
    assert at(uses["udp.unreplied"], 5).idle_ns + at(uses["udp.stream"], 5).idle_ns == (1 + 5 + 5) * NS


def test_most_entries_grow_with_the_time_out():
    """A question every ten seconds, none answered."""
    packets = [(10 * k, udp(f"10.0.0.1:{6000 + k}", "192.0.2.1:53")) for k in range(20)]
    use = used(packets)["udp.unreplied"]
    assert [at(use, seconds).most_entries for seconds in (5, 20, 60, 500)] == [1, 3, 7, 20]


def test_packets_of_one_connection_are_one_entry():
    """However many come in an instant."""
    use = used([(k / 1000, packet) for k, (_, packet) in enumerate(talk(*[(">", 0)] * 50))])["udp.unreplied"]
    assert at(use, 60).most_entries == 1


def test_closed_connection_is_no_idle_entry():
    """A RST ends it; its silence is not the established timer's."""
    client, server = "10.0.0.1:40000", "192.0.2.1:443"
    packets = [
        (0, tcp(client, server, "S", 0)),
        (1, tcp(server, client, "SA", 0, 1)),
        (2, tcp(client, server, "A", 1, 1)),
        (3, tcp(client, server, "RA", 1, 1)),
        (900, udp("10.0.0.1:1", "192.0.2.1:2")),
    ]
    use = used(packets)["tcp.established"]
    assert at(use, 500).idle_ns == NS
    assert (use.connections, use.longest_reply_ns) == (1, 0)


def test_error_ends_no_silence():
    """An ICMP error about a connection refreshes nothing."""
    first, (_, answer) = talk((">", 0), ("<", 40))
    quoted = first[1][:28]
    packets = [first, (20, icmp("192.0.2.254", "10.0.0.1", 3, 4, data=quoted)), (40, answer)]
    assert used(packets)["udp.unreplied"].longest_reply_ns == 40 * NS


def test_parts_of_the_time_may_be_of_any_length():
    """A capture of a month, and one of an instant."""
    month = used([(0, udp("10.0.0.1:1", "192.0.2.1:2")), (30 * 86400, udp("10.0.0.1:3", "192.0.2.1:4"))])["udp.unreplied"]
    assert at(month, 500).most_entries in (1, 2)
    assert used([(0, udp("10.0.0.1:1", "192.0.2.1:2"))])["udp.unreplied"].points


@pytest.mark.parametrize("timeout", [5, 20, 60, 100])
@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0.1, 40)), min_size=1, max_size=12))
def test_property_replay_agrees(timeout, steps):
    """A replay with the time-out refuses a packet just where silences say that it breaks something."""
    now, packets = 0.0, [(0.0, udp(f"10.0.0.1:{7000 + port}", "192.0.2.1:53")) for port in range(4)]
    for port, out, pause in steps:
        now += pause
        packets += talk((">" if out else "<", round(now, 6)), port=7000 + port)
    config = ConntrackConfig(checksum=0)
    names = ("udp.unreplied", "udp.stream")
    context = context_for(packets, INSIDE_OUT)
    same = {**GRID, **{name: [timeout * NS] for name in names}}
    idle = Idle({**CURRENT, **dict.fromkeys(names, timeout * NS)}, same)
    run(replace(context, conntrack=stretched(config)), [idle], 1)
    predicted = sum(use.points[0].broken for use in idle.uses() if use.name in names)
    for name in names:
        config = config.with_timeout(name, str(timeout))
    refused = [row for row in replay(packets, INSIDE_OUT, config=config).rows if row.said == "drop"]
    assert bool(refused) == bool(predicted)
