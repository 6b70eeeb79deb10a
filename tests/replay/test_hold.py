"""Batches that wait for fragments: every frame of a datagram says the same in the end, however the stream is cut."""

import numpy as np
import pytest
from datagrams import split4, split6
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import DROP_ALL, INSIDE_OUT, Collector, context_for, icmp, replay, tcp, udp

from pcapaudit.core import consts
from pcapaudit.replay import hold
from pcapaudit.replay.hold import Hold
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.trace import Tracer

A, B = "10.0.0.1:1000", "192.0.2.1:53"
LONG = udp(A, B, bytes(range(200)))
OTHER = udp("10.0.0.9:9", "192.0.2.9:9")


def said(run):
    """Verdict and reason of each row."""
    return [(row.said, row.why) for row in run.rows]


@pytest.fixture
def small(monkeypatch):
    """Ten frames, or 2000 bytes, are held back at most."""
    monkeypatch.setattr(hold, "MOST_FRAGMENT_FRAMES", 10)
    monkeypatch.setattr(hold, "MOST_FRAGMENT_BYTES", 2000)


@pytest.mark.parametrize("rows", [1, 2, 3, 4096])
@pytest.mark.parametrize("rules", [INSIDE_OUT, DROP_ALL])
def test_all_frames_of_a_datagram_say_the_same(rules, rows):
    """Also with other packets, and another datagram, between them: all columns but that of the table row are those of the datagram."""
    one, two, three = split4(LONG, 80, 80)
    (first, last) = split6(udp("[fd00::1]:5", "[2001:db8::1]:6", bytes(200)), 96)
    run = replay([(0, two), (0, OTHER), (1, last), (1, one), (2, first), (3, three), (4, OTHER)], rules, rows=rows)
    for frames in ((0, 3, 5), (2, 4)):
        values = [vars(run.rows[frame]) | {"anomalies": (), "row": 0} for frame in frames]
        assert all(each == values[0] for each in values)
        assert values[0]["flow"] and values[0]["state"] == "new"
    assert [row.datagram for row in run.rows] == [1, 0, 3, 1, 3, 1, 0]


def test_flows_come_behind_their_batches(monkeypatch):
    """A flow that ends while batches are held back is told behind the rows that belong to it."""
    monkeypatch.setattr("pcapaudit.replay.run._FLOWS_AT_ONCE", 1)
    seen = []

    class Order(Collector):
        def on_batch(self, batch, verdicts):
            seen.extend(("row", int(flow)) for flow in verdicts.arrays["flow"][: batch.count])

        def on_flows(self, flows):
            seen.extend(("end", int(flow["flow"])) for flow in flows)

    one, two = split4(LONG, 96)
    reset = tcp("10.0.0.2:2", "192.0.2.2:80", "R", 1)
    packets = [(0, tcp("10.0.0.2:2", "192.0.2.2:80", "S")), (1, one), (2, reset), *((n, OTHER) for n in range(20, 28)), (29, two)]
    context = context_for(packets, rows=2)
    source = Source(context.stream, "ignore")
    engine = Engine(context, source, 1)
    while source.read():
        engine.judge([Order()])
    assert seen.index(("end", 1)) > max(n for n, each in enumerate(seen) if each == ("row", 1))
    assert len([each for each in seen if each[0] == "row"]) == len(packets)
    assert ("row", 3) in seen[1:3]


def test_thrown_away_together():
    """An overlap throws away what waits, and all of it says so; what comes then begins anew and still waits at the end."""
    one, _, three = split4(LONG, 80, 80)
    odd = split4(LONG, 72, 80)[1]
    run = replay([(0, one), (1, odd), (2, three)], rows=1)
    assert said(run) == [("drop", "fragment-dropped")] * 2 + [("skip", "fragment-queued")]
    assert "fragment-overlap" in run.rows[1].anomalies


@pytest.mark.parametrize(("split", "most", "packet"), [(split4, 30, LONG), (split6, 60, udp("[fd00::1]:5", "[2001:db8::1]:6", bytes(200)))])
def test_time_is_over(split, most, packet):
    """At the first frame at which the time-out is over, also one that is no fragment; before that it may still become whole."""
    one, two = split(packet, 96)
    for rows in (1, 4096):
        late = replay([(0, one), (most, OTHER), (most + 1, two)], rows=rows)
        assert said(late)[::2] == [("drop", "fragment-timeout"), ("skip", "fragment-queued")]
        assert "fragment-timeout" in late.rows[0].anomalies
        assert said(replay([(0, one), (most - 0.1, two)], rows=rows)) == [("accept", "")] * 2
        assert said(replay([(0, one), (most - 0.1, OTHER)], rows=rows))[0] == ("skip", "fragment-queued")


@pytest.mark.parametrize("rows", [1, 3, 4096])
def test_datagram_that_stays_open(small, rows):
    """Behind so many frames nobody waits: the row says so, and the column ``datagram`` links it to the one with the verdict."""
    one, two, three = split4(LONG, 80, 80)
    run = replay([(0, one), *[(1, icmp("10.0.0.1", "192.0.2.1", 8))] * 9, (1, two), (2, three)], rows=rows)
    assert [run.rows[n].why for n in (0, 10, 11)] == ["fragment-open", "", ""]
    assert [run.rows[n].datagram for n in (0, 10, 11)] == [1, 1, 1]
    whole = replay([(0, one), *[(1, icmp("10.0.0.1", "192.0.2.1", 8))] * 8, (1, two), (2, three)], rows=rows)
    assert [whole.rows[n].why for n in (0, 9, 10)] == [""] * 3
    large = udp("10.0.0.7:7", "192.0.2.7:7", bytes(900))
    assert replay([(0, one), (0, large), (1, two), (1, three)], rows=rows).rows[0].why == ""
    assert replay([(0, one), *[(0, large)] * 2, (1, two), (1, three)], rows=rows).rows[0].why == "fragment-open"


def test_held_memory_is_bounded(small, monkeypatch):
    """Whoever keeps datagrams open for ever holds back as many frames as there may be, and no more."""
    most = 0
    plain = Hold._release

    def release(self):
        nonlocal most
        most = max(most, sum(int(kept.batch.count) for kept in self._kept))
        return plain(self)

    monkeypatch.setattr(Hold, "_release", release)
    monkeypatch.setattr(hold._Kept, "has_room", lambda self, batch: self.batch.count + batch.count <= 6)
    opening = [udp(f"10.0.{n >> 8}.{n & 255}:1", B, bytes(100)) for n in range(400)]
    packets = [(n / 1000, part) for n, whole in enumerate(opening) for part in split4(whole, 48)[:1]]
    run = replay(packets, rows=3)
    assert len(run.rows) == 400
    assert most <= 10 + 6 + 3
    assert [row.why for row in run.rows] == ["fragment-open"] * 389 + ["fragment-queued"] * 11


def test_bytes_of_held_batches_are_where_the_columns_say():
    """Payloads are read by those who take the batches, and must be those of their frames."""
    found = []

    class Payloads(Collector):
        def on_batch(self, batch, verdicts):
            for i in range(batch.count):
                start, end = (int(batch.arrays[name][i]) for name in ("payload_off", "end_off"))
                at, size = (int(batch.arrays[name][i]) for name in ("offset", "caplen"))
                found.append((bytes(batch.buffer[start:end]) if start else b"", bytes(batch.buffer[at : at + size])))

    one, two = split4(LONG, 96)
    packets = [(0, one), *((1, udp(f"10.0.0.{n}:1", B, b"%d" % n)) for n in range(1, 30)), (2, two)]
    for rows in (1, 2, 7):
        found.clear()
        context = context_for(packets, rows=rows)
        source = Source(context.stream, "ignore")
        engine = Engine(context, source, 1)
        while source.read():
            engine.judge([Payloads()])
        engine.finish([])
        assert [each[1] for each in found] == [packet for _, packet in packets]
        assert [each[0] for each in found[1:-1]] == [b"%d" % n for n in range(1, 30)]


def test_nothing_is_copied_without_fragments():
    """The engine's own arrays are handed out."""
    context = context_for([(n, OTHER) for n in range(4)], rows=2)
    source = Source(context.stream, "ignore")
    engine = Engine(context, source, 1)
    while source.read():
        (judged,) = engine.decide()
        assert judged.batch is source.batch
        assert judged.verdicts == (engine.verdicts,)


def test_row_that_is_gone():
    """There is none for a frame before what is held back."""
    context = context_for([(n, OTHER) for n in range(4)], rows=2)
    source = Source(context.stream, "ignore")
    engine = Engine(context, source, 1)
    held = Hold(source.batch, [(engine.verdicts, engine.reassembly)])
    while source.read():
        assert list(held.take())
    assert held.row(0, 1) is None
    assert held.row(0, 4)[2] == 1


def test_trace_is_told():
    """What the row of a fragment says in the end is what its trace says."""
    one, _, three = split4(LONG, 80, 80)
    odd = split4(LONG, 72, 80)[1]
    tracer = Tracer([1, 3])
    context = context_for([(0, one), (1, odd), (2, three), (40, OTHER)], rows=1)
    source = Source(context.stream, "ignore")
    engine = Engine(context, source, 1, tracer)
    while source.read():
        engine.judge([])
    reasons = [consts.REASON_FRAGMENT_DROPPED, consts.REASON_FRAGMENT_TIMEOUT]
    assert [each.verdict["reason"] for each in tracer.traces] == reasons
    assert [each.verdict["verdict"] for each in tracer.traces] == [consts.VERDICT_DROP] * 2


DATAGRAMS = [
    *(split4(udp(f"10.0.0.{n}:1", B, bytes(120)), 48, 48) for n in range(3)),
    split6(udp("[fd00::1]:5", "[2001:db8::1]:6", bytes(120)), 48, 48),
    split4(tcp("10.0.0.7:7", "192.0.2.7:80", "S", 9, data=40), 8),
]
ODD = [split4(udp("10.0.0.1:1", B, bytes(120)), 40, 48)[1], split6(udp("[fd00::1]:5", "[2001:db8::1]:6", bytes(120)), 40, 48)[1], OTHER]
PARTS = [*(part for parts in DATAGRAMS for part in parts), *ODD]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(range(len(PARTS))), st.sampled_from([0, 0.1, 1, 29, 31, 61])), min_size=1, max_size=40),
    st.integers(1, 7),
    st.sampled_from([3, 1000]),
)
def test_batches_make_no_difference(steps, rows, most):
    """Fragments of all kinds in any order at any pace, whole, late, overlapping, repeated; with room for few and for many."""
    at, packets = 0, []
    for part, pause in steps:
        at += pause
        packets.append((at, PARTS[part]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hold, "MOST_FRAGMENT_FRAMES", most)
        whole, cut = replay(packets, INSIDE_OUT), replay(packets, INSIDE_OUT, rows=rows)
    assert whole.rows == cut.rows
    assert np.array_equal(np.array(whole.flows), np.array(cut.flows))
    if most > len(packets):
        one_verdict(whole.rows)


def one_verdict(rows):
    """The parts of a datagram say the same, but for the last of one that was thrown away."""
    for datagram in {row.datagram for row in rows} - {0}:
        assert len({(row.said, row.why, row.state, row.flow, row.rule, row.timeout_ns) for row in rows if row.datagram == datagram}) == 1
