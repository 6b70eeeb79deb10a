"""Where a capture was made, from its first frames: each conclusion with its evidence, none without."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from scenes import icmp, udp
from wire_rows import RAW, fill

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay.inference import Inferred, Sightings, has_nat, infer, link_of, matters, placed
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import parse_ruleset
from pcapaudit.wire.decode import Decoder

ETHERNET = 1
A, B, C, R = 0x02000000000A, 0x02000000000B, 0x02000000000C, 0x0200000000FE
IN, OUT = consts.FRAME_INBOUND, consts.FRAME_OUTBOUND


def ethernet(source, target, packet):
    """A frame between Ethernet addresses."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return target.to_bytes(6, "big") + source.to_bytes(6, "big") + struct.pack("!H", kind) + packet


def arp(mac, address):
    """An ARP request, to all."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac.to_bytes(6, "big") + bytes(map(int, address.split("."))) + bytes(10)
    return b"\xff" * 6 + mac.to_bytes(6, "big") + b"\x08\x06" + body


def told(frames, *, linktype=ETHERNET, ways=(), interfaces=()):
    """What the frames tell."""
    batch, seen = PacketBatch(), Sightings.empty()
    fill(batch, frames, linktype=linktype)
    Decoder(batch).decode()
    batch.arrays["frame_flags"][: len(frames)] = ways or 0
    seen.add(batch, len(frames))
    return infer(seen, [SimpleNamespace(name=each) for each in interfaces])


def talk(mac, address, others, count=2):
    """A host that talks with others: frames both ways."""
    found = []
    for other_mac, other in others:
        found += [
            ethernet(mac, other_mac, udp(f"{address}:1", f"{other}:2")),
            ethernet(other_mac, mac, udp(f"{other}:2", f"{address}:1")),
        ] * count
    return found


def outcome(found):
    return found.place, [str(each) for each in found.own]


def test_host_behind_a_router():
    """Everything comes from the router's Ethernet address, from many addresses; the host has one."""
    found = told(talk(A, "192.168.1.5", [(R, "8.8.8.8"), (R, "9.9.9.9")]), interfaces=["eth0"])
    assert outcome(found) == ("host", ["192.168.1.5"])
    assert found.evidence == "02:00:00:00:00:0a stands in all 8 frames and has 192.168.1.5 alone: a host's own capture"
    assert found.interface == "eth0"


def test_host_among_neighbours_and_with_two_versions():
    """Several stand opposite; IPv6 addresses of one network and a link-local one are its own, too. What is for a group tells nothing."""
    frames = talk(A, "192.168.1.5", [(B, "192.168.1.6"), (C, "192.168.1.7")])
    for mine in ("2001:db8::5", "2001:db8::17", "fe80::5"):
        frames.append(ethernet(A, B, udp(f"[{mine}]:1", "[2001:db8::6]:2")))
    frames += [
        ethernet(B, 0x01005E000001, udp("192.168.1.6:1", "224.0.0.1:2")),
        ethernet(C, 0xFFFFFFFFFFFF, udp("192.168.1.7:1", "192.168.1.255:2")),
    ]
    assert outcome(told(frames)) == ("host", ["192.168.1.5", "2001:db8::5", "2001:db8::17", "fe80::5"])


def test_router_by_what_lies_behind_it():
    """Two hosts talk with the world through one Ethernet address, which answers ARP for its own."""
    frames = talk(R, "8.8.8.8", [(A, "192.168.1.5")]) + talk(R, "9.9.9.9", [(B, "192.168.1.6")])
    found = told([*frames, arp(R, "192.168.1.1"), arp(A, "192.168.1.5")])
    assert outcome(found) == ("router", ["192.168.1.1"])
    assert "2 addresses behind it, and answers ARP for 192.168.1.1: a router's capture" in found.evidence
    assert outcome(told(frames)) == ("router", [])


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (talk(A, "10.0.0.1", [(B, "10.0.0.2")]), "two hosts, each with its own address"),
        (talk(A, "10.0.0.1", [(B, "10.0.0.2")]) + talk(C, "10.0.0.3", [(R, "10.0.0.4")]), "no Ethernet address stands in every frame"),
        (talk(A, "10.0.0.1", [(B, "10.0.0.2")], 1), "only 2 of the first 2 frames hold an IP packet for one host"),
        ([arp(A, "10.0.0.1")] * 9, "only 0 of the first 9 frames hold"),
        ([], "only 0 of the first 0 frames"),
    ],
)
def test_nothing_can_be_told(frames, reason):
    """And the reason is."""
    found = told(frames)
    assert outcome(found) == ("", [])
    assert found.evidence.startswith(reason)


def test_two_routers_forward():
    """Whichever is the firewall."""
    found = told(talk(A, "8.8.8.8", [(B, "10.0.0.2")]) + talk(A, "9.9.9.9", [(B, "10.0.0.3")]))
    assert outcome(found) == ("router", [])
    assert "whichever is the firewall forwards" in found.evidence


def test_place_goes_into_the_topology():
    """Own addresses, and the interface's name for both zones; without a conclusion the place is unknown."""
    host = placed(Topology.from_options(), Inferred("host", (ip_address("10.0.0.1"),), "seen", "eth0"))
    assert ([str(own) for own in host.own], host.interfaces, host.place, host.named) == (["10.0.0.1/32"], ("eth0", "eth0"), "host", True)
    assert host.assumed
    nowhere = placed(Topology.from_options(), Inferred("", (), "why"))
    assert (nowhere.place, nowhere.evidence, nowhere.own, nowhere.named) == ("unknown", "why", (), False)


@pytest.mark.parametrize(("hook", "wanted"), [("input", True), ("output", True), ("forward", False), ("prerouting", False)])
def test_place_matters_where_a_chain_stands_at_the_firewalls_ends(hook, wanted):
    """Rules at forward alone judge everything as forwarded."""
    assert matters(parse_ruleset(f"table inet t {{\nchain c {{\ntype filter hook {hook} priority 0;\n}}\n}}\n")) is wanted


def test_direction_tells_a_host():
    """Whatever the Ethernet addresses."""
    frames = talk(A, "10.0.0.1", [(B, "10.0.0.2")], 1) * 2
    assert outcome(told(frames, ways=[OUT, IN] * 2)) == ("host", ["10.0.0.1"])
    assert outcome(told(frames, ways=[IN, OUT] * 2)) == ("host", ["10.0.0.2"])


def test_direction_tells_a_router():
    """Each packet comes in and goes out; some are for the router itself."""
    through, mine = udp("10.0.0.5:1", "8.8.8.8:2"), udp("10.0.0.5:1", "10.0.0.1:53")
    found = told([through, through, mine, udp("10.0.0.1:53", "10.0.0.5:1")], linktype=RAW, ways=[IN, OUT, IN, OUT])
    assert outcome(found) == ("router", ["10.0.0.1"])
    assert "2 of them are between others" in found.evidence
    assert outcome(told([through] * 4, linktype=RAW, ways=[IN, OUT] * 2)) == ("", [])


def test_tunnel_shows_addresses_alone():
    """One of them in every packet, opposite several."""
    pairs = [udp("10.0.0.1:1", "8.8.8.8:2"), udp("9.9.9.9:1", "10.0.0.1:2")] * 2
    assert outcome(told(pairs, linktype=RAW)) == ("host", ["10.0.0.1"])
    assert outcome(told([udp("10.0.0.1:1", "8.8.8.8:2")] * 4, linktype=RAW)) == ("", [])
    assert outcome(told([*pairs, udp("1.1.1.1:1", "2.2.2.2:2")], linktype=RAW)) == ("", [])


def test_loopback_never_left():
    """Both ends are own."""
    assert outcome(told([icmp("127.0.0.1", "127.0.0.1", 8)] * 4, linktype=RAW)) == ("host", ["127.0.0.1"])


def test_interface_is_known_where_there_is_one():
    """With a name, on a host."""
    frames = talk(A, "192.168.1.5", [(R, "8.8.8.8"), (R, "9.9.9.9")])
    assert told(frames, interfaces=["eth0", "eth1"]).interface == ""
    assert told(frames).interface == ""
    assert told(talk(A, "10.0.0.1", [(B, "10.0.0.2")]), interfaces=["eth0"]).interface == ""


ZONES = Topology.from_options(zone=["lan=eth1:10.0.0.0/8", "dmz=eth2:10.9.0.0/16", "wan=eth0:any"], own=["10.0.0.1", "192.0.2.1"])


@pytest.mark.parametrize(
    ("pairs", "zone"),
    [
        ([("10.0.0.5", "8.8.8.8"), ("8.8.8.8", "10.0.0.5"), ("10.0.0.5", "10.0.0.1"), ("10.9.0.1", "10.0.0.5")], "lan"),
        ([("10.9.0.5", "8.8.8.8")] * 4, "dmz"),
        ([("192.0.2.1", "8.8.8.8"), ("9.9.9.9", "192.0.2.1")] * 2, "wan"),
        # Both sides, too few, nobody's own address, somebody of another zone.
        ([("10.0.0.5", "8.8.8.8"), ("192.0.2.1", "8.8.8.8")] * 2, ""),
        ([("10.0.0.5", "8.8.8.8")] * 3, ""),
        ([("9.9.9.9", "8.8.8.8")] * 4, ""),
        ([("192.0.2.1", "8.8.8.8"), ("8.8.8.8", "10.9.0.9")] * 2, ""),
        # Either of two links.
        ([("10.0.0.5", "10.9.0.5")] * 4, ""),
    ],
)
def test_link_by_the_zones_of_both_ends(pairs, zone):
    """Behind NAT it matters."""
    batch, seen = PacketBatch(), Sightings.empty()
    fill(batch, [udp(f"{one}:1", f"{other}:2") for one, other in pairs], linktype=RAW)
    Decoder(batch).decode()
    seen.add(batch, len(pairs))
    found, evidence = link_of(seen, ZONES)
    assert (found, bool(evidence)) == (zone, bool(zone))


@pytest.mark.parametrize(("kind", "wanted"), [("nat", True), ("filter", False)])
def test_nat_chains_translate(kind, wanted):
    """Those of type nat."""
    assert has_nat(parse_ruleset(f"table ip t {{\nchain c {{\ntype {kind} hook postrouting priority 0;\n}}\n}}\n")) is wanted
