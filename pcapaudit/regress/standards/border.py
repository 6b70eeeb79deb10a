"""Trials at the border: packets that must not cross it because of their addresses or headers, and services that it must not offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any

from pcapaudit.core import consts
from pcapaudit.regress.standards.bench import Bench, Ends, NotTried, World
from pcapaudit.regress.standards.packets import Address, Header, packet, tcp, transport, udp
from pcapaudit.regress.standards.probes import Probe
from pcapaudit.regress.standards.talks import PROTOCOLS, ends_for
from pcapaudit.regress.standards.tried import Tried

__all__ = ["BORDER_PROBES"]

_UDP = consts.PROTO_UDP
_SYN = 2
#: RFC 5156, RFC 3879: what RFC 6092 REC-3 names, an address of each.
_FORBIDDEN = {
    "site-local": IPv6Address("fec0::77"),
    "IPv4-mapped": IPv6Address("::ffff:10.7.7.7"),
    "IPv4-compatible": IPv6Address("::10.7.7.7"),
    "documentation": IPv6Address("2001:db8::77"),
    "ORCHID": IPv6Address("2001:10::77"),
}
#: Scopes up to organization-local; those of one interface and one link cross no router that there is.
_SCOPES = {"admin-local": IPv6Address("ff04::77"), "site-local": IPv6Address("ff05::77"), "organization-local": IPv6Address("ff08::77")}


#: What is sent, its bytes, and the zones by which it comes and leaves.
_Case = tuple[str, bytes, tuple[int | None, int | None]]


def _zone(world: World, *, inside: bool) -> int:
    """Number of the first zone of a side. Raises NotTried."""
    found = [number for number, zone in enumerate(world.context.topology.zones) if zone.inside is inside]
    if not found:
        raise NotTried(f"no zone is {'inside' if inside else 'outside'}")
    return found[0]


def _way(world: World, *, out: bool) -> tuple[int, int]:
    """Out of a zone inside into one outside, or the other way. Raises NotTried."""
    return _zone(world, inside=out), _zone(world, inside=not out)


def _crossing(world: World, packets: Iterator[_Case]) -> Tried:
    """Whether all of the packets are kept out."""
    passed: list[str] = []
    refused: list[str] = []
    for name, data, way in packets:
        bench = Bench(world)
        trace = bench.send(data, way=way)
        (passed if bench.accepted(trace) else refused).append(f"{name}: {bench.told(trace)}")
    if passed:
        return Tried(
            False,
            f"let through: {'; '.join(passed)}"
            + (f" ({len(refused)} other{'s are' if len(refused) > 1 else ' is'} not)" if refused else ""),
        )
    return Tried(True, f"kept out: {'; '.join(refused[:2])}" + (f" and {len(refused) - 2} more" if len(refused) > 2 else ""))


def _datagram(source: Address, target: Address, headers: tuple[Header, ...] = ()) -> bytes:
    return packet(source, target, _UDP, udp((40077, 40078), b"data"), headers)


def _multicast_source(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets that claim to come from a multicast group."""
    ends, group = ends_for(world, 6), IPv6Address("ff0e::77")

    def wanted() -> Iterator[_Case]:
        yield "out", _datagram(group, ends.outside), _way(world, out=True)
        yield "in", _datagram(group, ends.inside), _way(world, out=False)

    return _crossing(world, wanted())


def _multicast_scope(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets to groups whose scope ends at the border; judged as forwarded, which a multicast router would do."""
    ends = ends_for(world, 6)
    way = _way(world, out=True)
    return _crossing(world, ((f"{name} scope, out", _datagram(ends.inside, group), way) for name, group in _SCOPES.items()))


def _forbidden(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets from and to addresses that the Internet never carries."""
    ends, out, back = ends_for(world, 6), _way(world, out=True), _way(world, out=False)

    def wanted() -> Iterator[_Case]:
        for name, address in _FORBIDDEN.items():
            yield f"from {name}, in", _datagram(address, ends.inside), back
            yield f"to {name}, out", _datagram(ends.inside, address), out

    return _crossing(world, wanted())


def _routing_header(world: World, _given: Mapping[str, Any]) -> Tried:
    """Source routes of type 0."""
    ends = ends_for(world, 6)
    route = Header(consts.PROTO_ROUTING, bytes((2, 0, 1)) + bytes(4) + ends.router.packed)
    return _crossing(
        world,
        iter(
            (
                ("in", _datagram(ends.outside, ends.inside, (route,)), (None, None)),
                ("out", _datagram(ends.inside, ends.outside, (route,)), (None, None)),
            )
        ),
    )


def _foreign_source(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets that leave with a source that is not of the inside."""
    ends = ends_for(world, 6)
    return _crossing(world, iter((("out", _datagram(ends.outside2, ends.outside), _way(world, out=True)),)))


def _inside_source(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets that come from outside with a source of the inside."""
    ends = ends_for(world, 6)
    return _crossing(world, iter((("in", _datagram(ends.inside2, ends.inside), _way(world, out=False)),)))


def _unique_local(world: World, _given: Mapping[str, Any]) -> Tried:
    """Packets from and to unique local addresses across the border."""
    ends, local = ends_for(world, 6), IPv6Address("fd99::77")

    def wanted() -> Iterator[_Case]:
        yield "from one, in", _datagram(local, ends.inside), _way(world, out=False)
        yield "to one, out", _datagram(ends.inside, local), _way(world, out=True)
        yield "from one, out", _datagram(local, ends.outside), _way(world, out=True)

    return _crossing(world, wanted())


def _own_service(world: World, given: Mapping[str, Any]) -> Tried:
    """New connections from outside to ports of the firewall itself."""
    version = int(given.get("ip", 6))
    ends = ends_for(world, version)
    own = _own(ends, version)
    proto = PROTOCOLS[given["proto"]]

    def wanted() -> Iterator[_Case]:
        for port in given["ports"]:
            body = tcp((40077, port), _SYN, (1000, 0)) if proto == consts.PROTO_TCP else transport(proto, (40077, port))
            yield f"{given['proto']} {port}", packet(ends.outside, own, proto, body), (_zone(world, inside=False), None)

    return _crossing(world, wanted())


def _own(ends: Ends, version: int) -> Address:
    if ends.own is None:
        raise NotTried(f"no IPv{version} address of the firewall itself is known: give --own ADDRESS")
    return ends.own


BORDER_PROBES: dict[str, Probe] = {
    "multicast-source": _multicast_source,
    "multicast-scope": _multicast_scope,
    "forbidden": _forbidden,
    "routing-header": _routing_header,
    "foreign-source": _foreign_source,
    "inside-source": _inside_source,
    "unique-local": _unique_local,
    "own-service": _own_service,
}
