"""Options become zones, and what makes no sense is refused with what to do."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.topology import ANY, PRIVATE, Topology


def zones(*texts, local=()):
    """Zones as {name: (iface, prefixes, inside)}."""
    made = Topology.from_options(texts, local)
    return {zone.name: (zone.iface, [str(prefix) for prefix in zone.prefixes], zone.inside) for zone in made.zones}


def test_without_options_private_ranges_are_inside():
    """Everything is assumed, and says so."""
    made = Topology.from_options()
    inside, outside = made.zones
    assert (inside.name, inside.iface, inside.prefixes, inside.inside) == ("inside", "inside", PRIVATE, True)
    assert (outside.name, outside.iface, outside.prefixes, outside.inside) == ("outside", "outside", ANY, False)
    assert made.interfaces == ("inside", "outside")
    assert (made.assumed, made.assumed_inside, made.own, made.path) == (True, True, (), "auto")


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.1.2.3", True),
        ("172.15.255.255", False),
        ("172.31.255.255", True),
        ("192.168.0.1", True),
        ("169.254.1.1", True),
        ("127.0.0.1", True),
        ("0.0.0.0", True),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("fd00::1", True),
        ("fe80::1", True),
        ("::1", True),
        ("2001:db8::1", False),
        ("ff02::1", False),
    ],
)
def test_private_ranges(address, private):
    """The carrier's shared range and the documentation ranges are not among them."""
    assert any(ip_address(address) in prefix for prefix in PRIVATE) is private


def test_local_networks_replace_the_private_ranges():
    """Interfaces are still the tool's own, what is inside is not."""
    made = Topology.from_options(local=("198.51.100.7/24", "2001:db8::/32"))
    assert made.zones[0].prefixes == (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32"))
    assert (made.assumed, made.assumed_inside) == (True, False)


def test_local_any_leaves_nothing_outside():
    """A whole family may be inside."""
    made = Topology.from_options(local=("0.0.0.0/0",))
    assert made.zones[1].prefixes == (ip_network("::/0"),)


def test_zone_merges_and_splits_at_the_first_colon():
    """A zone named twice has the prefixes of both; IPv6 prefixes keep their colons."""
    found = zones("office=eth1:10.0.0.0/8,fd00::/8", "wan=eth0:any", "office=eth1: 192.168.1.7/24")
    assert found == {
        "office": ("eth1", ["10.0.0.0/8", "fd00::/8", "192.168.1.0/24"], False),
        "wan": ("eth0", ["0.0.0.0/0", "::/0"], False),
    }
    made = Topology.from_options(("wan=eth0:any", "lan=eth1:10.0.0.0/8"))
    assert (made.assumed, made.assumed_inside, made.interfaces) == (False, False, ("eth0", "eth1"))


@pytest.mark.parametrize(
    ("texts", "local", "inside"),
    [
        (["lan=eth1:10.0.0.0/8", "wan=eth0:any"], [], {"lan"}),
        (["office=lan:10.0.0.0/8", "wan=eth0:any"], [], {"office"}),
        (["a=inside:10.0.0.0/8", "inside=eth1:10.1.0.0/16"], [], {"a", "inside"}),
        (["a=eth1:10.0.0.0/8", "b=eth2:10.1.0.0/16", "wan=eth0:any"], ["10.1.2.0/24"], {"a", "b"}),
        (["a=eth1:10.0.0.0/24", "b=eth2:10.1.0.0/24", "wan=eth0:any"], ["10.1.0.0/16"], {"b"}),
        (["a=eth1:10.0.0.0/24", "wan=eth0:any"], ["192.168.0.0/16"], {"inside"}),
        (["a=eth1:10.0.0.0/24", "wan=eth0:any"], [], set()),
        (["a=eth1:fd00::/8", "wan=eth0:any"], ["10.0.0.0/8", "fd00:1::/32"], {"a", "inside"}),
    ],
)
def test_what_makes_a_zone_inside(texts, local, inside):
    """Its name, its interface, or a local network; never ``any`` because a local network lies in it."""
    assert {name for name, (_, _, is_inside) in zones(*texts, local=local).items() if is_inside} == inside


def test_local_network_of_no_zone_gets_one():
    """The interface is named as the zone."""
    assert zones("wan=eth0:any", local=["192.168.0.0/16"])["inside"] == ("inside", ["192.168.0.0/16"], True)


def test_own_address_with_its_network():
    """As ``ip address`` prints it: the address is own, its network's broadcast is known. Without host bits, the whole block is own."""
    made = Topology.from_options(own=("192.168.0.1/24", "203.0.113.8/29", "2001:db8::1/64", "192.0.2.1", "192.168.0.1", "10.0.0.1/31"))
    own = ("192.168.0.1/32", "203.0.113.8/29", "2001:db8::1/128", "192.0.2.1/32", "10.0.0.1/32")
    assert tuple(map(str, made.own)) == own
    assert tuple(map(str, made.broadcasts)) == ("192.168.0.255",)


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"zone": ["lan"]}, ["--zone lan: expected NAME=IFACE:CIDR", "for example"]),
        ({"zone": ["lan=eth0"]}, ["--zone lan=eth0: expected NAME=IFACE:CIDR"]),
        ({"zone": ["=eth0:any"]}, ["expected NAME=IFACE:CIDR"]),
        ({"zone": ["lan=:any"]}, ["expected NAME=IFACE:CIDR"]),
        ({"zone": ["lan=eth0:"]}, ["expected NAME=IFACE:CIDR"]),
        ({"zone": ["lan=eth0:10.0.0.0/8,"]}, ["nothing is not an address or a network", "10.0.0.0/8 or any"]),
        ({"zone": ["lan=eth0:10.0.0.0/33"]}, ["--zone lan=eth0:10.0.0.0/33: 10.0.0.0/33 is not"]),
        ({"zone": ["lan=an-interface-nam:any"]}, ["cannot name an interface", "15 bytes"]),
        ({"zone": ["lan=eth 0:any"]}, ["cannot name an interface"]),
        ({"zone": ["lan=eth0:10.0.0.0/8", "lan=eth1:10.1.0.0/16"]}, ["zone lan has interface eth0 already"]),
        ({"zone": ["lan=eth0:10.0.0.1/8", "b=eth1:10.0.0.0/8"]}, ["10.0.0.0/8 is in zones lan and b", "the longest wins"]),
        ({"local": ["office"]}, ["--local office: office is not an address or a network", "10.0.0.0/8"]),
        ({"own": ["router"]}, ["--own router: not an address", "192.168.0.1/24"]),
        ({"path": "prerouting"}, ["--path prerouting: no such way", "auto, forward, input, output"]),
        ({"zone": [f"z{k}=eth{k}:10.0.{k >> 8}.{k & 255}" for k in range(4097)]}, ["4097 zones; at most 4096"]),
    ],
)
def test_nonsense_is_refused(options, texts):
    """The text names what was given, what is possible, what to do."""
    with pytest.raises(ConfigError) as caught:
        Topology.from_options(**options)
    for text in texts:
        assert text in str(caught.value)
