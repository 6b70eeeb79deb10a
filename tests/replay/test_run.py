"""Runs: consumers are served in order, totals are right, engines share a source."""

from scenes import ACCEPT_ALL, DROP_ALL, START_NS, Collector, context_for, replay, udp

from pcapaudit.replay.run import Engine, Source, Totals, run

A, B = "10.0.0.1:40000", "192.0.2.1:53"


def test_totals():
    """Frames, time span, flows, high water."""
    result = replay([(5, udp(A, B)), (2, udp(B, A)), (9, udp("10.0.0.2:1", B))])
    assert result.totals == Totals(3, START_NS + 2_000_000_000, START_NS + 9_000_000_000, 2, 2, START_NS + 9_000_000_000)
    assert result.ended


def test_nothing():
    """An empty capture."""
    assert replay([]).totals == Totals(0, 0, 0, 0, 0, 0)


def test_progress_is_called_after_every_batch():
    """Five frames in batches of two."""
    calls = []
    run(context_for([(n, udp(A, B)) for n in range(5)], rows=2), [], progress=lambda: calls.append(1))
    assert len(calls) == 3


def test_seed_makes_no_difference():
    """The key of the hash decides nothing."""
    packets = [(n, udp(f"10.0.0.{n % 5}:1", B)) for n in range(100)]
    one, other = replay(packets, seed=1), replay(packets, seed=2)
    assert one.rows == other.rows
    assert [bytes(flow) for flow in one.flows] == [bytes(flow) for flow in other.flows]


def test_two_engines_share_a_source():
    """Each has its own state: what one refuses the other knows."""
    accepting, dropping = context_for([(0, udp(A, B)), (1, udp(B, A))], ACCEPT_ALL), context_for([], DROP_ALL)
    source = Source(accepting.stream, "ignore")
    engines = [(Engine(each, source), Collector()) for each in (accepting, dropping)]
    while source.read():
        for engine, collector in engines:
            engine.judge([collector])
    for engine, collector in engines:
        engine.finish([collector])
    assert [[row.state for row in collector.rows] for _, collector in engines] == [["new", "established"], ["new", "new"]]
