"""The bench: who talks, and one packet after the other."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from scenes import udp
from standards_world import OUT, WITH, topology, world

from pcapaudit.regress.standards.bench import Bench, NotTried, ends_of
from pcapaudit.replay.topology import Topology

LAN, PEER = "10.0.0.9:4000", "198.51.100.7:53"


def test_ends_come_from_the_capture_first():
    """Hosts that talked, on their sides; then the zones' first addresses and the open Internet."""
    ends = ends_of(topology(), 4, [ip_address("10.9.9.9"), ip_address("8.8.8.8")], [ip_address("198.51.100.7")])
    assert (str(ends.inside), str(ends.inside2)) == ("10.9.9.9", "10.0.0.10")
    assert str(ends.outside) == "198.51.100.7"
    assert len({ends.outside, ends.outside2, ends.router}) == 3


def test_own_address_is_the_outer_one():
    """Strangers know no other."""
    assert [str(ends_of(topology(), version).own) for version in (4, 6)] == ["203.0.113.1", "2a00:1::1"]


def test_assumed_topology_has_hosts():
    """Private addresses are inside, the rest is outside."""
    ends = ends_of(Topology.from_options(), 6)
    assert ends.inside.is_private
    assert ends.own is None


def test_no_zone_inside_is_said():
    """There is nobody to try with."""
    with pytest.raises(NotTried, match="no zone inside has IPv4 addresses"):
        ends_of(Topology.from_options(zone=["a=a:any"]), 4)


def test_packets_meet_one_another():
    """A packet out opens what the next one comes in by; time goes on in between."""
    bench = Bench(world())
    assert bench.accepted(bench.send(udp(LAN, PEER)))
    answer = bench.send(udp(PEER, LAN))
    assert bench.told(answer) == "accept (established) by test.nft:3"
    late = bench.send(udp(PEER, LAN), 400.0)
    assert bench.told(late) == "drop (new) by the policy at test.nft:1"


def test_packet_comes_by_another_zone():
    """Whatever its source is."""
    bench = Bench(world(OUT.replace('iifname "lan"', 'iifname "wan"')))
    assert bench.accepted(bench.send(udp(LAN, PEER), way=(1, 0)))
    assert not bench.accepted(bench.send(udp("10.0.0.8:1", PEER), way=(0, 1)))


def test_undecidable_is_no_answer():
    """What hangs on something that no packet holds."""
    bench = Bench(world(WITH("meta skuid 1000 accept")))
    with pytest.raises(NotTried, match=r"undecidable: it depends on what test\.nft:2 asks for"):
        bench.accepted(bench.send(udp(PEER, LAN)))
