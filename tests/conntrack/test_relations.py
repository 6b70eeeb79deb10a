"""The tables that tell that a packet is no helper's business; what they let through, tests/replay/test_related.py has."""

import pytest
from scenes import ACCEPT_ALL, context_for, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.replay.run import Engine, Source


class Calls:
    """Stands in the helpers' place and notes who was called back."""

    def __init__(self, related):
        self.related, self.arrived, self.read_rows = related, [], []
        self.announcers = related.announcers

    def arrive(self, i, row, now):
        """A new connection that is worth a look."""
        self.arrived.append(i)
        return self.related.arrive(i, row, now)

    def read(self, i, row, now):
        """A packet of a connection with a helper."""
        self.read_rows.append(i)
        return self.related.read(i, row, now)

    def forget(self, row, when):
        """A connection with a helper ended."""
        self.related.forget(row, when)


def called(packets, config):
    """The rows of packets for which Python was called back, and the engine."""
    context = context_for([(k * 0.01, packet) for k, packet in enumerate(packets)], ACCEPT_ALL, config=config)
    source = Source(context.stream, context.checksum)
    engine = Engine(context, source, 1)
    calls = None
    if engine.related is not None:
        calls = engine.tracker.relations.related = Calls(engine.related)
    while source.read():
        engine.judge([])
    return calls, engine


def test_nothing_is_watched_without_helpers():
    """No object for helpers is made at all."""
    calls, engine = called([tcp("10.0.0.1:1", "192.0.2.1:21", "S")], ConntrackConfig())
    assert calls is None
    assert not engine.tracker.relations.watching


@pytest.mark.parametrize(
    ("packet", "read"),
    [
        (tcp("10.0.0.1:1", "192.0.2.1:21", "SP", data=4), [0]),
        # Without payload a helper has nothing to read.
        (tcp("10.0.0.1:1", "192.0.2.1:21", "S"), []),
        (tcp("10.0.0.1:1", "192.0.2.1:22", "SP", data=4), []),
        (tcp("10.0.0.1:21", "192.0.2.1:1", "SP", data=4), []),
        (udp("10.0.0.1:1", "192.0.2.1:21"), []),
        (tcp("[fd00::1]:1", "[2001:db8::1]:21", "SP", data=4), [0]),
    ],
)
def test_only_packets_of_its_port_reach_a_helper(packet, read):
    """By protocol and destination port of the first packet, IP version included."""
    calls, _ = called([packet], ConntrackConfig(helper=1))
    assert (calls.read_rows, calls.arrived) == (read, [])


def test_new_connections_are_looked_at_only_at_expected_ports():
    """While something is pending."""
    _, engine = called([tcp("10.0.0.1:1", "192.0.2.1:21", "SP", data=4)], ConntrackConfig(helper=1))
    relations, ports = engine.tracker.relations, engine.related.expectations.ports
    assert (relations.expecting, relations.blind, sum(ports)) == (0, 0, 0)
