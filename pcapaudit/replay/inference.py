"""Says where a capture was made, by a look at its first frames, for those who gave no topology: on a host, on a router, or nobody knows.

Only what the frames show counts, and each conclusion goes with its evidence. In this order:

1. **Direction**: nearly every frame says whether it came in or went out (flags of pcapng, packet type of ``tcpdump -i any``). Addresses
   that frames go out from or come in for, and never come in from or go out for, are the firewall's own. Without traffic between others
   it is a host, with it a router.
2. **Ethernet addresses**: one of them stands in every unicast frame, both ways. If it has one address of a version of IP (of IPv6: one
   network's), and what stands opposite has more, or is several, it is a host's own capture. If several addresses lie behind it, and several
   hosts stand opposite, it is a router's, whose own addresses are those that it answers ARP for.
3. **Addresses**, where there is no Ethernet header (tunnels): one address stands in every packet, opposite several others: a host.

Many addresses behind both of two Ethernet addresses make two routers: each forwards. Two hosts that talk, or frames of many hosts, tell
nothing: either could be the firewall, or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.topology import Network, Topology, check_interface
from pcapaudit.rules.model import Ruleset

__all__ = ["FRAMES", "Inferred", "Sightings", "has_nat", "infer", "link_of", "matters", "placed"]

#: Frames that are looked at.
FRAMES = 2000
#: Frames that say something, without which nothing is concluded.
_LEAST = 4
#: Own IPv6 addresses of a host: it has temporary ones.
_MOST_V6 = 8
_ETHERNET = 1

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Inferred:
    """What the first frames tell."""

    #: ``host``, ``router``, or empty: nothing can be told.
    place: str
    #: The firewall's own addresses.
    own: tuple[Address, ...]
    #: How that is known, or why nothing is, in a sentence.
    evidence: str
    #: Name that the file gives to the only interface; empty where there are several or none has a name.
    interface: str = ""


@dataclass(slots=True)
class Sightings:
    """What was seen of frames, one entry each: the columns that conclusions are drawn from."""

    #: Ethernet addresses as numbers; -1 without an Ethernet header.
    src_mac: list[int]
    dst_mac: list[int]
    src: list[Address]
    dst: list[Address]
    #: 1 came in, 2 went out, 0 not told.
    ways: list[int]
    #: Ethernet address → IPv4 addresses that it answers ARP for.
    answers: dict[int, set[Address]]
    #: Frames that were looked at.
    frames: int = 0

    @classmethod
    def empty(cls) -> Sightings:
        """Nothing seen yet."""
        return cls([], [], [], [], [], {})

    def add(self, batch: PacketBatch, rows: int) -> None:
        """Look at the first ``rows`` frames of a decoded batch. Frames for groups, and addresses that are nobody's, tell nothing."""
        for each in zip(*(batch.arrays[name][:rows].tolist() for name in _COLUMNS), strict=True):
            self._add(batch, each)
        self.frames += rows

    def _add(self, batch: PacketBatch, frame: tuple[int, ...]) -> None:
        linktype, offset, caplen, ethertype, l3, flags, *addresses = frame
        source = target = -1
        if linktype == _ETHERNET and caplen >= 14:
            both = _number(batch, offset, 12)
            target, source = both >> 48, both & 0xFFFFFFFFFFFF
            if ethertype == 0x0806 and caplen >= 42:
                self._add_arp(batch, offset + 14)
            if target >> 40 & 1:
                return
        if not l3:
            return
        one, other = _address(l3, *addresses[:2]), _address(l3, *addresses[2:])
        if _is_nobody(one) or _is_nobody(other):
            return
        self.src_mac.append(source)
        self.dst_mac.append(target)
        self.src.append(one)
        self.dst.append(other)
        self.ways.append(1 if flags & consts.FRAME_INBOUND else 2 if flags & consts.FRAME_OUTBOUND else 0)

    def _add_arp(self, batch: PacketBatch, at: int) -> None:
        """An ARP message of Ethernet and IPv4: who sends it has the address that it names."""
        if _number(batch, at, 6) == 0x000108000604 and (address := _number(batch, at + 14, 4)):
            self.answers.setdefault(_number(batch, at + 8, 6), set()).add(IPv4Address(address))


_COLUMNS = ("linktype", "offset", "caplen", "ethertype", "l3", "frame_flags", "src_hi", "src_lo", "dst_hi", "dst_lo")


def _number(batch: PacketBatch, at: int, size: int) -> int:
    return int.from_bytes(batch.buffer[at : at + size].tobytes(), "big")


@lru_cache(maxsize=2 * FRAMES)
def _address(version: int, high: int, low: int) -> Address:
    return IPv4Address(low) if version == 4 else IPv6Address(high << 64 | low)


@lru_cache(maxsize=2 * FRAMES)
def _is_nobody(address: Address) -> bool:
    """Whether it can be no host's own: unspecified, a group's, everybody's."""
    return address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255")


# Where it matters -------------------------------------------------------------------------------------------------------------------


def matters(ruleset: Ruleset) -> bool:
    """Whether a packet's verdict depends on whether it is for the firewall, from it, or goes through."""
    return any(chain.base and chain.base.hook in ("input", "output") for table in ruleset.tables for chain in table.chains)


def has_nat(ruleset: Ruleset) -> bool:
    """Whether nat chains translate."""
    return any(chain.base and chain.base.type == "nat" and not table.dormant for table in ruleset.tables for chain in table.chains)


def link_of(seen: Sightings, topology: Topology) -> tuple[str, str]:
    """Zone on whose link the frames were captured, and the evidence; both empty where it may be several, or nothing tells.

    Behind NAT it matters which side of a packet frames show. A zone whose networks are told is the link if each packet has an end there;
    the zone of the rest if each packet has an own address at one end and nobody of the other zones at the other.
    """
    if len(seen.src) < _LEAST:
        return "", ""
    nets = {zone.name: [each for each in zone.prefixes if each.prefixlen] for zone in topology.zones}
    ends = Counter((source, target) for source, target in zip(seen.src, seen.dst, strict=True))
    holding = {address: _zone_of(address, nets) for address in {*seen.src, *seen.dst}}
    own = {address for address in holding if any(address.version == net.version and address in net for net in topology.own)}
    links = [name for name in nets if name and all(name in (holding[one], holding[other]) for one, other in ends)]
    if len(links) == 1:
        return links[0], f"each of the first {len(seen.src)} packets has an end in zone {links[0]}"
    rest = [name for name, prefixes in nets.items() if not prefixes]
    strangers = {address for address in holding if address not in own}
    if len(rest) == 1 and own and all(not holding[each] for each in strangers) and all(one in own or other in own for one, other in ends):
        return rest[
            0
        ], f"each of the first {len(seen.src)} packets has an own address at one end, and nobody of another zone than {rest[0]}"
    return "", ""


def _zone_of(address: Address, nets: Mapping[str, Sequence[Network]]) -> str:
    """Name of the zone that holds an address in one of its networks, the longest one; empty for the rest."""
    held = [(net.prefixlen, name) for name, each in nets.items() for net in each if net.version == address.version and address in net]
    return max(held)[1] if held else ""


def placed(topology: Topology, found: Inferred) -> Topology:
    """The topology with what was found out."""
    own = tuple(ip_network(each) for each in found.own)
    zones = topology.zones
    if found.interface:
        zones = tuple(replace(zone, iface=found.interface) for zone in zones)
    return replace(topology, zones=zones, own=own, place=found.place or "unknown", evidence=found.evidence, named=bool(found.interface))


# Conclusions ------------------------------------------------------------------------------------------------------------------------


def infer(seen: Sightings, interfaces: Sequence[Any] = ()) -> Inferred:
    """What the frames tell; ``interfaces`` are those of the stream so far."""
    names = {each.name for each in interfaces}
    name = names.pop() if len(names) == 1 else ""
    if not _is_interface(name):
        name = ""
    if len(seen.src) < _LEAST:
        return Inferred("", (), f"only {len(seen.src)} of the first {seen.frames} frames {_hold(len(seen.src))} an IP packet for one host")
    found = _by_direction(seen) or _by_loopback(seen) or _by_mac(seen) or _by_address(seen)
    return Inferred(found.place, found.own, found.evidence, name if found.place == "host" else "")


def _is_interface(name: str) -> bool:
    """Whether Linux has interfaces with such a name; ``any`` is all of them."""
    try:
        check_interface(name, "")
    except ConfigError:
        return False
    return name != "any"


def _hold(count: int) -> str:
    return "holds" if count == 1 else "hold"


def _by_direction(seen: Sightings) -> Inferred | None:
    """By frames that say whether they came in or went out; None unless nearly all do."""
    told = sum(way != 0 for way in seen.ways)
    if told * 10 < 9 * len(seen.ways):
        return None
    sides: dict[tuple[int, str], set[Address]] = {}
    for source, target, way in zip(seen.src, seen.dst, seen.ways, strict=True):
        sides.setdefault((way, "src"), set()).add(source)
        sides.setdefault((way, "dst"), set()).add(target)
    went, came = sides.get((2, "src"), set()), sides.get((1, "dst"), set())
    others = sides.get((1, "src"), set()) | sides.get((2, "dst"), set())
    own = (went | came) - others
    if not own:
        return Inferred("", (), "frames say whether they came in or went out, but no address is only on this side") if told else None
    through = sum(
        (way == 2 and source not in own) or (way == 1 and target not in own)
        for source, target, way in zip(seen.src, seen.dst, seen.ways, strict=True)
    )
    said = f"{told} of {len(seen.ways)} frames say whether they came in or went out"
    if through:
        return Inferred("router", _sorted(own), f"{said}; {through} of them are between others: a router's capture")
    return Inferred("host", _sorted(own), f"{said}, all from or for {_listed(own)}: this host's own capture")


def _by_loopback(seen: Sightings) -> Inferred | None:
    """Packets that never left the host."""
    if all(source.is_loopback and target.is_loopback for source, target in zip(seen.src, seen.dst, strict=True)):
        return Inferred("host", _sorted({*seen.src, *seen.dst}), "every packet is between loopback addresses: it never left this host")
    return None


def _by_mac(seen: Sightings) -> Inferred | None:
    """By the Ethernet address that stands in every frame; None without Ethernet headers."""
    if any(mac < 0 for mac in seen.src_mac):
        return None
    pairs = list(zip(seen.src_mac, seen.dst_mac, strict=True))
    sending, receiving = Counter(seen.src_mac), Counter(seen.dst_mac)
    everywhere = [mac for mac in sending if sending[mac] + receiving[mac] == len(pairs) + sum(one == other == mac for one, other in pairs)]
    everywhere = [mac for mac in everywhere if sending[mac] and receiving[mac]]
    if not everywhere:
        return Inferred("", (), "no Ethernet address stands in every frame: the traffic of several hosts, seen from outside")
    behind = {mac: _behind(seen, mac) for mac in {*sending, *receiving}}
    hosts = [mac for mac in everywhere if _is_one(behind[mac])]
    if len(hosts) == 2:
        return Inferred("", (), "two hosts, each with its own address, and nobody else: either could be the firewall")
    if hosts:
        own = behind[hosts[0]]
        rest = {each for mac in behind if mac != hosts[0] for each in behind[mac]}
        if len(rest) > len(own) or len(behind) > 2:
            return Inferred(
                "host",
                _sorted(own),
                f"{_mac(hosts[0])} stands in all {len(pairs)} frames and has {_listed(own)} alone: a host's own capture",
            )
        return Inferred("", (), "two hosts, and nobody else: either could be the firewall")
    if len(everywhere) == 1 and len(behind) > 2:
        mac = everywhere[0]
        own = seen.answers.get(mac, set())
        told = f", and answers ARP for {_listed(own)}" if own else "; which addresses are its own, no ARP tells"
        return Inferred(
            "router",
            _sorted(own),
            f"{_mac(mac)} stands in all {len(pairs)} frames, with {len(behind[mac])} addresses behind it{told}: a router's capture",
        )
    said = "two Ethernet addresses, each with many addresses behind it: whichever is the firewall forwards what passes"
    return Inferred("router", (), f"{said}; which addresses are its own, nothing tells")


def _by_address(seen: Sightings) -> Inferred:
    """By the address that stands in every packet."""
    pairs = [{source, target} for source, target in zip(seen.src, seen.dst, strict=True)]
    common = set.intersection(*pairs)
    others = set.union(*pairs) - common
    if len(common) == 1 and len(others) > 1:
        return Inferred(
            "host",
            _sorted(common),
            f"{_listed(common)} stands in all {len(pairs)} packets, opposite {len(others)} others: a host's own capture",
        )
    if len(others) <= 1:
        return Inferred("", (), "two addresses, and no Ethernet header: either could be the firewall's")
    return Inferred("", (), "no address stands in every packet, and there are no Ethernet headers")


def _behind(seen: Sightings, mac: int) -> set[Address]:
    """Addresses that frames of an Ethernet address come from, or that frames to it are for."""
    sources = {address for address, one in zip(seen.src, seen.src_mac, strict=True) if one == mac}
    return sources | {address for address, one in zip(seen.dst, seen.dst_mac, strict=True) if one == mac}


def _is_one(addresses: Iterable[Address]) -> bool:
    """Whether they can be one host's: one of IPv4, and of IPv6 those of one network, link-local ones aside."""
    four = [each for each in addresses if each.version == 4]
    networks = {int(each) >> 64 for each in addresses if each.version == 6 and not each.is_link_local}
    return len(four) <= 1 and len(networks) <= 1 and sum(each.version == 6 for each in addresses) <= _MOST_V6


def _sorted(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(addresses, key=lambda each: (each.version, int(each))))


def _listed(addresses: Iterable[Address]) -> str:
    names = [str(each) for each in _sorted(addresses)]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _mac(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")
