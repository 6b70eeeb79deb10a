"""Routes of a topology, from prefixes, own addresses and lines of ``ip route``."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.routing import machine_of, parse_routes, program_for
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.topology_file import read_topology
from pcapaudit.rules import ops, parse_ruleset
from pcapaudit.rules.machine import rows

INTERFACES = ("eth0", "eth1")


def route_of(topology, address):
    """What is known of the stretch that an address lies in."""
    wanted = ip_address(address)
    starts, found = rows(machine_of(topology), wanted.version)
    return next(row for start, row in reversed(list(zip(starts, found, strict=True))) if start <= int(wanted))


@pytest.mark.parametrize(
    ("line", "network", "kind", "devices", "via"),
    [
        ("default via 203.0.113.1 dev eth0", "0.0.0.0/0", ops.FIB_UNICAST, ("eth0",), True),
        ("default via fe80::1 dev eth0 proto ra metric 1024 pref medium", "::/0", ops.FIB_UNICAST, ("eth0",), True),
        ("default dev eth1 metric 1024 pref medium", "::/0", ops.FIB_UNICAST, ("eth1",), False),
        ("default dev eth1 scope link", "0.0.0.0/0", ops.FIB_UNICAST, ("eth1",), False),
        ("10.0.0.0/8 via inet6 fe80::1 dev eth1 onlink", "10.0.0.0/8", ops.FIB_UNICAST, ("eth1",), True),
        ("192.0.2.1 dev eth1", "192.0.2.1/32", ops.FIB_UNICAST, ("eth1",), False),
        ("local 192.0.2.1 dev eth1 table local proto kernel scope host src 192.0.2.1", "192.0.2.1/32", ops.FIB_LOCAL, ("eth1",), False),
        ("unreachable fc00::/7 dev lo metric 1024 error -113 pref medium", "fc00::/7", ops.FIB_UNREACHABLE, (), False),
        (
            "10.9.0.0/16\n\tnexthop via 10.0.0.1 dev eth0 weight 1\n\tnexthop via 10.0.0.2 dev eth1 weight 1",
            *("10.9.0.0/16", 1, INTERFACES, True),
        ),
    ],
)
def test_lines_of_ip_route(line, network, kind, devices, via):
    """As the program prints them."""
    (found,) = parse_routes(f"# routes\n\n{line}\n", INTERFACES, "r")
    assert (str(found.network), found.kind, found.devices, found.via) == (network, kind, devices, via)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("somewhere dev eth0", "r: somewhere dev eth0: somewhere is not a network; write it as ip route prints it"),
        ("default via 10.0.0.1", "r: default via 10.0.0.1: by which interface? write dev and one of eth0, eth1"),
        ("default dev eth7", "r: default dev eth7: no zone has the interface eth7; give it one ([zones.eth7]), or leave the line away"),
        ("default dev", "r: default dev: dev wants a value"),
        ("10.0.0.0/8 dev eth0 table 100", "r: 10.0.0.0/8 dev eth0 table 100: table 100: which packets use another table"),
        ("throw 10.0.0.0/8", "r: throw 10.0.0.0/8: cannot be evaluated"),
        ("blackhole", "r: blackhole: cannot be evaluated"),
        ("default dev eth0 metric low", "r: default dev eth0 metric low: metric low is not a number"),
    ],
)
def test_mistakes_quote_the_line(line, complaint):
    """What was found, what was expected."""
    with pytest.raises(ConfigError) as caught:
        parse_routes(line, INTERFACES, "r")
    assert str(caught.value).startswith(complaint)


def test_prefixes_are_routes():
    """Without lines; what no prefix holds is not known."""
    topology = Topology.from_options(zone=["lan=eth1:10.0.0.0/8", "wan=eth0:192.0.2.0/24"])
    assert (route_of(topology, "10.1.1.1").devices, route_of(topology, "192.0.2.1").devices) == ((0,), (1,))
    assert route_of(topology, "8.8.8.8").kind == ops.FIB_VAGUE
    assert route_of(topology, "127.0.0.1").kind == ops.FIB_LOCAL


def test_assumed_zones_are_no_routes():
    """Their interfaces are the tool's own; own addresses are told all the same."""
    topology = Topology.from_options(own=["10.0.0.1/24"])
    assert route_of(topology, "10.9.0.1").kind == ops.FIB_VAGUE
    assert (route_of(topology, "10.0.0.1").kind, route_of(topology, "10.0.0.255").kind) == (ops.FIB_LOCAL, ops.FIB_BROADCAST)
    assert machine_of(topology).known == {4}


def test_lines_are_the_whole_of_their_version():
    """The smallest metric wins; IPv6 shares out among equals; without a route there is no way."""
    text = """routes = ["10.0.0.0/8 dev eth1 metric 20", "10.0.0.0/8 dev eth0 metric 10", "fd00::/8 dev eth0", "fd00::/8 dev eth1"]
    [zones.eth0]\nprefixes = ["any"]\n[zones.eth1]\n"""
    topology = read_topology(text, "t")
    assert route_of(topology, "10.0.0.1").devices == (0,)
    assert route_of(topology, "fd00::1").devices == (0, 1)
    assert (route_of(topology, "8.8.8.8").kind, route_of(topology, "2001:db8::1").kind) == (ops.FIB_NOTHING, ops.FIB_NOTHING)


def test_first_addresses_of_ipv6_networks():
    """Anycast where the network is connected, a host's where a router is in between; zones do not say which."""
    text = """own = ["2001:db8::7/64"]\n[zones.a]\nprefixes = ["2001:db8:5::/48", "any"]\n"""
    topology = read_topology(text, "t")
    assert (route_of(topology, "2001:db8::").kind, route_of(topology, "2001:db8:5::").kind) == (ops.FIB_ANYCAST, ops.FIB_VAGUE)
    routed = read_topology("routes = ['default via fe80::1 dev a', '2001:db8:5::/48 via fe80::2 dev a']\n[zones.a]\n", "t")
    assert (route_of(routed, "2001:db8:5::").kind, route_of(routed, "::").kind) == (ops.FIB_UNICAST, ops.FIB_UNSPEC)


def test_connected_networks_have_a_broadcast_address():
    """Lines that the kernel made for an own address say so."""
    text = "routes = ['192.0.2.0/25 dev a proto kernel scope link src 192.0.2.1', '10.0.0.0/24 via 192.0.2.9 dev a']\n[zones.a]\n"
    topology = read_topology(text, "t")
    assert (route_of(topology, "192.0.2.127").kind, route_of(topology, "10.0.0.255").kind) == (ops.FIB_BROADCAST, ops.FIB_UNICAST)


@pytest.mark.parametrize(("key", "noted"), [("", True), ("vlans = [5]", False), ("macs = ['02:00:00:00:00:01']", False)])
def test_reverse_path_tests_want_to_know_the_link(key, noted):
    """Where only sources tell by which interface packets come in, none is on the wrong side."""
    text = "table inet t {\nchain c {\ntype filter hook prerouting priority 0;\nfib saddr . iif oif missing drop\n}\n}\n"
    program = program_for(parse_ruleset(text, "f.nft"), read_topology(f"[zones.a]\nprefixes = ['any']\n{key}\n", "t"))
    assert any("(f.nft:4)" in note and "told by their sources alone" in note for note in program.notes) is noted
