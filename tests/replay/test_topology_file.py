"""A topology file says what options cannot, and its mistakes are named by file and key."""

from __future__ import annotations

import pytest

from pcapaudit.core.errors import ConfigError
from pcapaudit.replay import topology_file
from pcapaudit.replay.topology import ANY
from pcapaudit.replay.topology_file import read_topology


def example():
    """The example in the module's docstring."""
    lines = topology_file.__doc__.split("::", 1)[1].split("Everything is optional")[0].splitlines()
    return "\n".join(line.strip() for line in lines)


def test_example_of_the_docstring():
    """Every key that the documentation shows is read."""
    made = read_topology(example(), "site.toml")
    lan, guests, wan = made.zones
    assert (lan.name, lan.iface, lan.inside, [str(each) for each in lan.prefixes]) == ("lan", "eth1", True, ["192.168.0.0/16", "fd00::/8"])
    assert (guests.iface, guests.inside, guests.vlans, guests.recorded_as) == ("eth1.30", False, (30,), ("eth1.30",))
    assert guests.macs == (0x020000003001,)
    assert [str(each) for each in (*made.own, *made.broadcasts)] == ["192.168.0.1/32", "203.0.113.7/32", "192.168.0.255"]
    assert made.ct_zone == "vlan"
    assert (made.path, made.assumed, made.assumed_inside, made.interfaces) == ("auto", False, False, ("eth1", "eth1.30", "ppp0"))
    assert [(zone.index, zone.group, zone.type) for zone in made.zones] == [(3, 1, 1), (None, 0, None), (None, 0, None)]
    assert wan.prefixes == ANY
    assert [(str(line.network), line.devices) for line in made.routes] == [("0.0.0.0/0", ("ppp0",)), ("10.0.0.0/8", ())]
    for key in (*topology_file._KEYS, *topology_file._ZONE_KEYS):
        assert key in example()


def test_defaults_of_a_zone():
    """The name is the interface, and tells whether the zone is inside; any is both families."""
    made = read_topology('[zones.wan]\nprefixes = ["any"]\n[zones.lan]\n[zones.x]\ninterface = "inside"\n[zones.y]\ninside = true\n', "t")
    assert [(zone.iface, zone.inside) for zone in made.zones] == [("wan", False), ("lan", True), ("inside", True), ("y", True)]
    assert made.zones[0].prefixes == ANY


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('ct-zone = "vlans"\n[zones.lan]\n', "site.toml: ct-zone: vlans: no such way to number conntrack zones; possible are none, vlan"),
        ("zones = [", "site.toml: not a TOML file: "),
        ("", "site.toml: no zone; a topology needs one at least, for example [zones.lan]"),
        ("zones = 1", "site.toml: zones = 1; expected a table: [zones.lan]"),
        ("[zones]\nlan = 1", "site.toml: zones.lan: 1 is not a table; write [zones.lan]"),
        ("onw = []\n[zones.a]", "site.toml: unknown key onw; did you mean own?"),
        ("color = 1\n[zones.a]", "site.toml: unknown key color; possible are own, path, ct-zone, captured, routes, bridge, zones"),
        ("own = '1.2.3.4'\n[zones.a]", "site.toml: own = '1.2.3.4'; expected a list of texts in quotes"),
        ("own = [1]\n[zones.a]", "site.toml: own: 1 is not a text; put it into quotes"),
        ("own = ['router']\n[zones.a]", "site.toml: own: router: not an address"),
        ("path = 'up'\n[zones.a]", "site.toml: path: up: no such way; possible are auto"),
        ("[zones.a]\nprefix = []", "site.toml: zones.a: unknown key prefix; did you mean prefixes?"),
        ("[zones.a]\nprefixes = ['10.0.0.0/33']", "site.toml: zones.a.prefixes: 10.0.0.0/33 is not an address or a network"),
        ("[zones.a]\ninside = 1", "site.toml: zones.a: inside = 1; expected true or false"),
        ("[zones.a]\ninterface = 'a b'", "site.toml: zones.a.interface: a b cannot name an interface"),
        ("[zones.a]\ninterface = ''", "site.toml: zones.a.interface: nothing cannot name an interface"),
        ("[zones.a]\nvlans = [4095]", "site.toml: zones.a.vlans: 4095 is not a VLAN id; expected numbers from 0 to 4094"),
        ("bridge = 'a b'\n[zones.a]", "site.toml: bridge: a b cannot name an interface"),
        ("bridge = 'br0'\nown = ['10.0.0.1']\n[zones.a]", "site.toml: bridge: packets that a bridge passes on are for nobody of its own"),
        ("[zones.a]\ntype = 'token'", "site.toml: zones.a.type: token is no type of interfaces; possible are ether, ppp"),
        ("[zones.a]\ngroup = -1", "site.toml: zones.a.group: -1 is no such number; expected 0 to 4294967295"),
        ("[zones.a]\nindex = 'eth0'", "site.toml: zones.a: index = 'eth0'; expected a number"),
        ("routes = ['default dev eth9']\n[zones.a]", "site.toml: routes: default dev eth9: no zone has the interface eth9; give it one"),
        ("routes = 5\n[zones.a]", "site.toml: routes = 5; expected a list of texts in quotes"),
        ("[zones.a]\nvlans = [true]", "site.toml: zones.a.vlans: True is not a VLAN id"),
        ("[zones.a]\nmacs = ['02:00']", "site.toml: zones.a.macs: 02:00 is not an Ethernet address; write it as"),
        ("[zones.a]\nvlans = [3]\n[zones.b]\nvlans = [3]", "site.toml: vlans: 3 is in zones a and b; give it to one of them"),
        (
            "[zones.a]\nmacs = ['02-00-00-00-00-01']\n[zones.b]\nmacs = ['02:00:00:00:00:01']",
            "site.toml: macs: 02:00:00:00:00:01 is in zones a and b",
        ),
        (
            "[zones.a]\ncapture-interfaces = ['eth0']\n[zones.b]\ncapture-interfaces = ['eth0']",
            "site.toml: capture-interfaces: eth0 is in zones a and b",
        ),
        ("[zones.a]\nprefixes = ['any']\n[zones.b]\nprefixes = ['::/0']", "site.toml: ::/0 is in zones a and b"),
        ("\n".join(f"[zones.z{k}]" for k in range(4097)), "site.toml: zones: 4097 zones; at most 4096 are possible"),
    ],
)
def test_mistake_is_named_by_file_and_key(text, complaint):
    """What was given, what is possible, what to do."""
    with pytest.raises(ConfigError) as caught:
        read_topology(text, "site.toml")
    assert str(caught.value).startswith(complaint)


def test_captured_names_a_zone():
    """The one on whose link the capture was made; another name is an error that lists them."""
    zones = "[zones.lan]\nprefixes = ['10.0.0.0/8']\n[zones.wan]\nprefixes = ['any']\n"
    assert read_topology("captured = 'wan'\n" + zones, "t.toml").captured == "wan"
    assert read_topology(zones, "t.toml").captured == ""
    with pytest.raises(ConfigError, match=r"t.toml: captured: no zone is called wann; expected one of lan, wan"):
        read_topology("captured = 'wann'\n" + zones, "t.toml")
