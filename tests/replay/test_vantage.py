"""Packets get the interfaces and the way that a router with these addresses would give them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_topologies import ADDRESSES, expected_code, topologies

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay.segments import GROUP, NOWHERE, OWN, ZONE_BITS
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.topology_file import read_topology
from pcapaudit.replay.vantage import Vantage

BATCH = PacketBatch()
UNKNOWN, NONE = consts.IFACE_UNKNOWN, consts.IFACE_NONE
PATHS = {"forward": consts.PATH_FORWARD, "input": consts.PATH_INPUT, "output": consts.PATH_OUTPUT}
NAMES = {number: name for name, number in PATHS.items()} | {consts.PATH_UNKNOWN: "unknown"}


def fill(row, src, dst):
    """Write two addresses of one family into a row; None for a frame without IP."""
    BATCH.arrays["l3"][row] = src.version if src else 0
    for side, address in (("src", src), ("dst", dst)):
        number = int(address) if address else 0
        BATCH.arrays[f"{side}_hi"][row] = number >> 64
        BATCH.arrays[f"{side}_lo"][row] = number & 0xFFFFFFFFFFFFFFFF
    for name in ("iif", "oif", "path", "zone"):
        BATCH.arrays[name][row] = 99


def placed(topology, *pairs):
    """(iif, oif, path) of packets between these addresses."""
    for row, (src, dst) in enumerate(pairs):
        fill(row, src, dst)
    BATCH.count = len(pairs)
    Vantage(topology, BATCH).place()
    return [answer(row) for row in range(len(pairs))]


def answer(row):
    """What a row says."""
    assert BATCH.arrays["zone"][row] == 0
    return (int(BATCH.arrays["iif"][row]), int(BATCH.arrays["oif"][row]), NAMES[int(BATCH.arrays["path"][row])])


def expected(topology, src, dst):
    """The same from a plain look at all prefixes."""
    source, destination = expected_code(topology, src), expected_code(topology, dst)
    path = topology.path
    if path == "auto":
        path = "output" if source & OWN else "input" if destination & (OWN | GROUP) else "forward"
    into, out = (UNKNOWN if code & ZONE_BITS == NOWHERE else code & ZONE_BITS for code in (source, destination))
    return (NONE if path == "output" else into, NONE if path == "input" else out, path)


@given(topologies(), st.lists(st.tuples(ADDRESSES, ADDRESSES), min_size=1, max_size=20))
def test_place_equals_longest_prefix_match(topology, pairs):
    """Any zones, own addresses and ways; any addresses."""
    parsed = [(ip_address(src), ip_address(dst)) for src, dst in pairs]
    same_family = [pair for pair in parsed if pair[0].version == pair[1].version]
    assert placed(topology, *same_family) == [expected(topology, *pair) for pair in same_family]


@pytest.mark.parametrize(
    ("src", "dst", "way"),
    [
        ("10.0.0.5", "192.0.2.1", (0, 1, "forward")),
        ("192.0.2.1", "10.0.0.5", (1, 0, "forward")),
        ("10.0.0.5", "10.0.0.6", (0, 0, "forward")),
        ("192.0.2.1", "10.0.0.1", (1, NONE, "input")),
        ("10.0.0.1", "192.0.2.1", (NONE, 1, "output")),
        ("10.0.0.1", "10.0.0.1", (NONE, 0, "output")),
        ("10.0.0.1", "224.0.0.251", (NONE, 1, "output")),
        ("10.0.0.5", "224.0.0.251", (0, NONE, "input")),
        ("0.0.0.0", "255.255.255.255", (0, NONE, "input")),
        ("10.0.0.5", "10.0.0.255", (0, NONE, "input")),
        ("10.0.0.5", "10.0.1.255", (0, 0, "forward")),
        ("100.64.0.1", "255.255.255.254", (1, 1, "forward")),
        ("fe80::1", "ff02::fb", (0, NONE, "input")),
        ("fd00::1", "2001:db8::1", (0, 1, "forward")),
        ("2001:db8::1", "fd00::1", (1, 0, "forward")),
    ],
)
def test_ways_in_the_assumed_topology(src, dst, way):
    """Private ranges inside, the firewall at 10.0.0.1/24."""
    assert placed(Topology.from_options(own=["10.0.0.1/24"]), (ip_address(src), ip_address(dst))) == [way]


def test_address_of_no_zone_has_an_unknown_interface():
    """Nothing is guessed."""
    topology = Topology.from_options(["lan=eth1:10.0.0.0/8"])
    pairs = [("10.0.0.1", "192.0.2.1"), ("192.0.2.1", "10.0.0.1"), ("2001:db8::1", "::1")]
    found = placed(topology, *((ip_address(src), ip_address(dst)) for src, dst in pairs))
    assert found == [(0, UNKNOWN, "forward"), (UNKNOWN, 0, "forward"), (UNKNOWN, UNKNOWN, "forward")]


@pytest.mark.parametrize(("path", "way"), [("forward", (0, 1)), ("input", (0, NONE)), ("output", (NONE, 1))])
def test_forced_path_wins_over_own_and_group(path, way):
    """--path is for those who know better."""
    topology = Topology.from_options(own=["10.0.0.1", "192.0.2.1"], path=path)
    for destination in ("192.0.2.1", "224.0.0.1"):
        assert placed(topology, (ip_address("10.0.0.1"), ip_address(destination))) == [(*way, path)]


@pytest.mark.parametrize("path", ["auto", "input"])
def test_frame_without_ip_passes_no_hook(path):
    """Whatever addresses its columns hold."""
    assert placed(Topology.from_options(path=path), (None, None)) == [(UNKNOWN, UNKNOWN, "unknown")]


def test_place_row_fills_the_scratch_row():
    """A reassembled datagram is placed alone."""
    fill(consts.BATCH_FRAMES, ip_address("10.0.0.5"), ip_address("192.0.2.1"))
    Vantage(Topology.from_options(), BATCH).place_row(consts.BATCH_FRAMES)
    assert answer(consts.BATCH_FRAMES) == (0, 1, "forward")


LINKS = """
own = ["10.0.0.1/24", "10.0.30.1/24", "192.0.2.1"]
[zones.lan]
prefixes = ["10.0.0.0/24"]
macs = ["02:00:00:00:00:0a"]
[zones.guests]
prefixes = ["10.0.30.0/24"]
vlans = [30]
[zones.dmz]
capture-interfaces = ["eth2"]
[zones.wan]
prefixes = ["any"]
"""
LAN, GUESTS, DMZ, WAN = range(4)
LAN_MAC, OTHER_MAC = bytes.fromhex("02000000000a"), bytes.fromhex("020000000001")


def place_on_link(src, dst, flags=0, vlan=consts.VLAN_NONE, if_id=0, macs=(OTHER_MAC, OTHER_MAC)):
    """(iif, oif, path) of one Ethernet frame, which lies behind 100 other bytes; ``macs`` are destination and source."""
    fill(0, ip_address(src), ip_address(dst))
    values = {"frame_flags": flags, "vlan": vlan, "if_id": if_id, "linktype": 1, "offset": 100, "caplen": 60}
    for name, value in values.items():
        BATCH.arrays[name][0] = value
    BATCH.buffer[100:112] = list(b"".join(macs))
    BATCH.count = 1
    Vantage(read_topology(LINKS, "t"), BATCH, [SimpleNamespace(name="eth0"), SimpleNamespace(name="eth2")]).place()
    return answer(0)


IN, OUT = consts.FRAME_INBOUND, consts.FRAME_OUTBOUND


@pytest.mark.parametrize(
    ("frame", "way"),
    [
        ({"src": "10.0.30.5", "dst": "198.51.100.1", "vlan": 30}, (GUESTS, WAN, "forward")),
        ({"src": "198.51.100.1", "dst": "10.0.30.5", "vlan": 30}, (WAN, GUESTS, "forward")),
        # A source that does not live there: it came in by the link all the same.
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "vlan": 30}, (GUESTS, WAN, "forward")),
        ({"src": "198.51.100.1", "dst": "10.0.30.5", "vlan": 30, "flags": IN}, (GUESTS, GUESTS, "forward")),
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "vlan": 30, "flags": OUT}, (LAN, GUESTS, "forward")),
        ({"src": "10.0.0.5", "dst": "10.0.30.1", "vlan": 30}, (GUESTS, NONE, "input")),
        ({"src": "10.0.30.1", "dst": "10.0.0.5", "vlan": 30}, (NONE, GUESTS, "output")),
        ({"src": "10.0.0.5", "dst": "224.0.0.1", "vlan": 30}, (GUESTS, NONE, "input")),
        # A tag that no zone has, and the capture interface.
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "vlan": 31}, (LAN, WAN, "forward")),
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "vlan": 31, "if_id": 1}, (DMZ, WAN, "forward")),
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "vlan": 30, "if_id": 1}, (GUESTS, WAN, "forward")),
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "if_id": 1, "flags": OUT}, (LAN, DMZ, "forward")),
        ({"src": "10.0.0.5", "dst": "198.51.100.1", "if_id": 7}, (LAN, WAN, "forward")),
        # Ethernet addresses.
        ({"src": "172.16.0.1", "dst": "198.51.100.1", "macs": (OTHER_MAC, LAN_MAC)}, (LAN, WAN, "forward")),
        ({"src": "198.51.100.1", "dst": "172.16.0.1", "macs": (LAN_MAC, OTHER_MAC)}, (WAN, LAN, "forward")),
        ({"src": "192.0.2.1", "dst": "172.16.0.1", "macs": (LAN_MAC, OTHER_MAC)}, (NONE, LAN, "output")),
        ({"src": "172.16.0.1", "dst": "192.0.2.1", "macs": (OTHER_MAC, LAN_MAC)}, (LAN, NONE, "input")),
    ],
)
def test_what_a_frame_shows_of_its_link_wins(frame, way):
    """VLAN, then capture interface, then Ethernet addresses."""
    assert place_on_link(**frame) == way


def test_interfaces_that_come_later_are_looked_up():
    """A pcapng file may describe an interface between two batches."""
    fill(0, ip_address("10.0.0.5"), ip_address("198.51.100.1"))
    for name, value in {"frame_flags": 0, "vlan": consts.VLAN_NONE, "if_id": 0, "linktype": 101}.items():
        BATCH.arrays[name][0] = value
    BATCH.count, interfaces = 1, []
    vantage = Vantage(read_topology(LINKS, "t"), BATCH, interfaces)
    vantage.place()
    assert answer(0) == (LAN, WAN, "forward")
    interfaces.append(SimpleNamespace(name="eth2"))
    vantage.place()
    assert answer(0) == (DMZ, WAN, "forward")


def zoned(ct_zone, *frames):
    """Conntrack zones of Ethernet frames given as (tags outermost first, capture interface)."""
    used = 0
    for row, (tags, if_id) in enumerate(frames):
        fill(row, ip_address("10.0.0.1"), ip_address("192.0.2.1"))
        data = (
            bytes(12)
            + b"".join(bytes([0x81 if n else 0x88, 0 if n else 0xA8]) + tag.to_bytes(2, "big") for n, tag in enumerate(tags))
            + b"\x08\0"
        )
        BATCH.buffer[used : used + len(data)] = bytearray(data)
        for name, value in {"offset": used, "caplen": len(data), "linktype": 1, "if_id": if_id}.items():
            BATCH.arrays[name][row] = value
        BATCH.arrays["vlan"][row] = tags[0] & 0xFFF if tags else consts.VLAN_NONE
        used += len(data)
    BATCH.count = len(frames)
    Vantage(replace(Topology.from_options(), ct_zone=ct_zone), BATCH).place()
    return BATCH.arrays["zone"][: len(frames)].tolist()


@pytest.mark.parametrize(
    ("ct_zone", "zones"),
    [("none", [0, 0, 0, 0]), ("vlan", [0, 30, 101, 102]), ("outer-vlan", [0, 30, 300, 300]), ("interface", [1, 1, 2, 8])],
)
def test_conntrack_zone(ct_zone, zones):
    """By the innermost tag, the outermost, the capture interface; priority bits are no part of a VLAN id; without a tag it is 0."""
    assert zoned(ct_zone, ((), 0), ((0xE01E,), 0), ((300, 101), 1), ((300, 102), 7)) == zones
    assert zoned("vlan", ((300, 101), 0)) == [101]


def test_conntrack_zone_of_a_cut_frame():
    """A tag that the capture cut off is not read: what the decoder knows holds."""
    zoned("vlan", ((300, 101), 0))
    BATCH.arrays["caplen"][0] = 17
    vantage = Vantage(replace(Topology.from_options(), ct_zone="vlan"), BATCH)
    vantage.place()
    assert BATCH.arrays["zone"][0] == 300


def test_link_local_is_not_forwarded():
    """A neighbour's answer on the link: a router that sees it takes it in, or is not meant."""
    pairs = [
        (ip_address("fe80::1"), ip_address("fe80::2")),
        (ip_address("fd00::1"), ip_address("fe80::2")),
        (ip_address("fd00::1"), ip_address("2001:db8::1")),
    ]
    assert [path for _, _, path in placed(Topology.from_options(), *pairs)] == ["input", "input", "forward"]


def test_received_from_an_own_address():
    """The file says that it came in: somebody else uses the address."""
    topology = Topology.from_options(zone=["lan=eth1:10.0.0.0/8", "wan=eth0:any"], own=["10.0.0.1"])
    for flags, wanted in (
        (consts.FRAME_INBOUND, (0, 1, "forward")),
        (consts.FRAME_OUTBOUND, (NONE, 1, "output")),
        (0, (NONE, 1, "output")),
    ):
        BATCH.arrays["frame_flags"][0] = flags
        assert placed(topology, (ip_address("10.0.0.1"), ip_address("192.0.2.1"))) == [wanted]
    BATCH.arrays["frame_flags"][0] = 0


def test_way_is_open_where_the_first_frames_did_not_tell():
    """Between addresses of which nobody knows whose they are; what is for a group is taken in."""
    topology = replace(Topology.from_options(), place="unknown")
    found = placed(topology, (ip_address("10.0.0.5"), ip_address("8.8.8.8")), (ip_address("10.0.0.5"), ip_address("224.0.0.1")))
    assert [path for _, _, path in found] == ["unknown", "input"]


def test_bridge_forwards_everything():
    """What is for a group leaves by every port: no one knows by which."""
    topology = replace(Topology.from_options(zone=["one=p1:10.0.0.1/32", "two=p2:any"]), bridge="br0")
    pairs = [("10.0.0.1", "10.0.0.2"), ("10.0.0.1", "255.255.255.255"), ("10.0.0.1", "224.0.0.1")]
    found = placed(topology, *((ip_address(one), ip_address(other)) for one, other in pairs))
    assert found == [(0, 1, "forward"), (0, UNKNOWN, "forward"), (0, UNKNOWN, "forward")]
