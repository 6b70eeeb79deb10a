"""Conversations on the bench: a flow from inside to outside, opened as its protocol does, of which the packets that follow are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcapaudit.core import consts, vocab
from pcapaudit.regress.standards.bench import Bench, Ends, NotTried, World
from pcapaudit.regress.standards.packets import ACK, HIP, SHIM6, SYN, dccp, icmp_query, packet, sctp, tcp, transport

if TYPE_CHECKING:
    from pcapaudit.regress.standards.packets import Address
    from pcapaudit.replay.trace import FrameTrace

__all__ = ["PROTOCOLS", "Talk", "ends_for", "open_talk", "proto_name"]

#: Names of protocols, as the requirements' tables have them.
PROTOCOLS = {
    "udp": consts.PROTO_UDP,
    "tcp": consts.PROTO_TCP,
    "udplite": consts.PROTO_UDPLITE,
    "sctp": consts.PROTO_SCTP,
    "dccp": consts.PROTO_DCCP,
    "esp": consts.PROTO_ESP,
    "ah": consts.PROTO_AH,
    "hip": HIP,
    "mobility": consts.PROTO_MOBILITY,
    "shim6": SHIM6,
    "gre": consts.PROTO_GRE,
    #: Nothing that conntrack knows: a number for experiments (RFC 3692).
    "generic": 253,
}
_NAMES = {number: name for name, number in PROTOCOLS.items()}
_PORTED = frozenset({consts.PROTO_UDP, consts.PROTO_TCP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP})
#: Services that are tried where the capture shows none of a protocol, the first that the rules let out is taken.
_USUAL = {consts.PROTO_UDP: (40001, 443, 53, 123, 500, 3478), consts.PROTO_TCP: (40001, 443, 80, 22, 25)}
_SPORT = 40000


def proto_name(proto: int) -> str:
    """``udp``, ``esp``, ``icmpv6`` …"""
    return _NAMES.get(proto) or vocab.PROTOCOLS.get(proto, str(proto))


def ends_for(world: World, version: int) -> Ends:
    """The hosts of a version. Raises NotTried."""
    found = world.ends.get(version)
    if found is None:
        raise NotTried(f"no hosts with IPv{version} addresses on both sides of the firewall")
    return found


class Talk:
    """A flow from inside to outside. ``first`` is its first packet as bytes, ``ports`` its ports (or ICMP's identifier)."""

    def __init__(self, bench: Bench, proto: int, ends: tuple[Address, Address], ports: tuple[int, int]) -> None:
        self.bench = bench
        self.proto = proto
        self.inside, self.outside = ends
        self.ports = ports
        self.version = self.inside.version
        self.first = self._bytes(transport(proto, ports), back=False)

    def __str__(self) -> str:
        """``udp 10.0.0.5:40000 > 192.0.2.1:53``."""
        if self.proto not in _PORTED:
            return f"{proto_name(self.proto)} {self.inside} > {self.outside}"
        ends = [
            f"[{end}]:{port}" if end.version == 6 else f"{end}:{port}"
            for end, port in zip((self.inside, self.outside), self.ports, strict=True)
        ]
        return f"{proto_name(self.proto)} {' > '.join(ends)}"

    def open(self) -> FrameTrace:
        """Send the first packet. Raises NotTried when it is undecidable."""
        trace = self.bench.send(self.first)
        self.bench.accepted(trace)
        return trace

    def rest(self) -> list[bytes]:
        """What both sides send until the flow is open, the first packet aside: answers and, where there is one, a handshake."""
        turned = (self.ports[1], self.ports[0])
        if self.proto == consts.PROTO_TCP:
            return [
                self._bytes(tcp(turned, SYN | ACK, (5000, 1001)), back=True),
                self._bytes(tcp(self.ports, ACK, (1001, 5001)), back=False),
                self._bytes(tcp(turned, ACK, (5001, 1001), b"data"), back=True),
                self._bytes(tcp(self.ports, ACK, (1001, 5005), b"data"), back=False),
                self._bytes(tcp(turned, ACK, (5005, 1005)), back=True),
            ]
        if self.proto == consts.PROTO_SCTP:
            return [
                self._bytes(sctp(turned, "init-ack", is_reply=True), back=True),
                self._bytes(sctp(self.ports, "cookie-echo", is_reply=False), back=False),
                self._bytes(sctp(turned, "cookie-ack", is_reply=True), back=True),
                self._bytes(sctp(self.ports, "data", is_reply=False), back=False),
            ]
        if self.proto == consts.PROTO_DCCP:
            return [
                self._bytes(dccp(turned, "response", (9000, 1000)), back=True),
                self._bytes(dccp(self.ports, "ack", (1001, 9000)), back=False),
                self._bytes(dccp(turned, "dataack", (9001, 1001)), back=True),
            ]
        return [self.answer(), self.first, self.answer()]

    def answer(self) -> bytes:
        """A packet from outside as it comes without any handshake."""
        if self.proto in (consts.PROTO_ICMP, consts.PROTO_ICMPV6):
            return self._bytes(icmp_query(self.version, self.ports[0], answer=True), back=True)
        return self._bytes(transport(self.proto, (self.ports[1], self.ports[0])), back=True)

    def last(self) -> bytes:
        """A packet from outside that belongs to the open flow."""
        return self.rest()[-2 if self.proto == consts.PROTO_SCTP else -1]

    def establish(self) -> list[FrameTrace]:
        """Open the flow and let it talk. Raises NotTried when a packet is undecidable."""
        traces = [self.open()]
        for data in self.rest():
            trace = self.bench.send(data)
            self.bench.accepted(trace)
            traces.append(trace)
        return traces

    def _bytes(self, body: bytes, *, back: bool) -> bytes:
        ends = (self.outside, self.inside) if back else (self.inside, self.outside)
        return packet(*ends, self.proto, body)


def open_talk(world: World, proto: int, version: int, *, checksum: str = "ignore") -> Talk:
    """A talk whose first packet the ruleset lets out, not sent yet.

    Raises NotTried when the ruleset lets none of what is tried out; remembers which did.
    """
    ends = ends_for(world, version)
    key = ("talk", proto, version)
    if key not in world.known:
        world.known[key] = _chosen(world, proto, version, ends)
    found = world.known[key]
    if isinstance(found, NotTried):
        raise found
    inside, outside, ports = found
    return Talk(Bench(world, checksum), proto, (inside, outside), ports)


def _chosen(world: World, proto: int, version: int, ends: Ends) -> tuple[Address, Address, tuple[int, int]] | NotTried:
    """Who talks to whom: what the capture shows first."""
    wanted = [(source, target, (sport, dport)) for source, target, sport, dport in world.services.get((proto, version), [])]
    wanted += [(ends.inside, ends.outside, (_SPORT, port)) for port in _USUAL.get(proto, (40001,))]
    refused = None
    for inside, outside, ports in wanted:
        talk = Talk(Bench(world), proto, (inside, outside), ports)
        try:
            trace = talk.open()
        except NotTried as why:
            refused = refused or why
            continue
        if talk.bench.accepted(trace):
            return inside, outside, ports
        refused = refused or NotTried(f"the rules let no such flow out: {talk}: {talk.bench.told(trace)}")
    return refused or NotTried("nothing to try")
