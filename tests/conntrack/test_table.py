"""The table as a whole: what was confirmed is found in both directions, what ended is not, over growth and removal.

Its methods are C functions when compiled, so it is driven through the engine; ``table`` itself shows its size.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import context_for, replay, udp

from pcapaudit.conntrack.table import Table
from pcapaudit.replay.run import Engine, Source


def test_memory_is_reserved_not_taken():
    """A table for sixteen million rows costs little before it is used."""
    table = Table()
    assert table.capacity == (1 << 24) - 1
    assert table.slots * 4 <= 1 << 20


def test_index_grows_with_the_table():
    """At most seven tenths of the slots are taken."""
    context = context_for([(0, udp(f"10.0.{n >> 8}.{n & 255}:1000", "192.0.2.1:53")) for n in range(30_000)])
    source = Source(context.stream, "ignore")
    engine = Engine(context, source)
    while source.read():
        engine.judge(())
    assert engine.tracker.live == 30_000
    assert engine.tracker.table.entered * 10 <= engine.tracker.table.slots * 7


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_every_reply_finds_its_connection(seed):
    """Whatever the key of the hash."""
    ends = [(f"10.0.0.{n % 200}:{1000 + n}", f"192.0.2.{n % 7}:{53 + n % 3}") for n in range(600)]
    run = replay([(0, udp(a, b)) for a, b in ends] + [(1, udp(b, a)) for a, b in ends], seed=seed)
    assert {row.state for row in run.rows[:600]} == {"new"}
    assert {row.way for row in run.rows[600:]} == {"reply"}
    assert [row.flow for row in run.rows[600:]] == list(range(1, 601))


class UdpModel:
    """What UDP tracking promises, with a dictionary in place of the table."""

    def __init__(self):
        self.entries = {}

    def packet(self, host, outward, now):
        """The ct state of a packet of a host's one exchange."""
        entry = self.entries.get(host)
        if entry is None or entry["until"] <= now:
            self.entries[host] = {"until": now + 30, "side": outward, "opened": now, "replied": False}
            return "new"
        # What the entry was before the packet decides the time-out.
        stream = entry["replied"] and now > entry["opened"] + 2
        entry["until"] = now + (120 if stream else 30)
        entry["replied"] |= outward != entry["side"]
        return "established" if entry["replied"] else "new"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 5), st.booleans()), min_size=1, max_size=80))
def test_like_a_dictionary(steps):
    """Few hosts, with pauses around the time-outs."""
    model, packets, expected, now = UdpModel(), [], [], 0
    for pause, host, outward in steps:
        now += pause
        pair = (f"10.0.0.{host}:5000", "192.0.2.1:53")
        packets.append((now, udp(*(pair if outward else pair[::-1]))))
        expected.append(model.packet(host, outward, now))
    assert [row.state for row in replay(packets).rows] == expected
