"""What a topology says of the firewall's routes, for rules that ask (``fib``, ``-m rpfilter``, ``-m addrtype``).

The routes are

- those that ``own`` implies: each own address is local; given with a length, 192.168.0.1/24, its network is connected and has a broadcast
  address, as ``ip address add`` makes them; 127.0.0.0/8 and ::1 are local always;
- the prefixes of the zones: packets to them leave by the zone's interface;
- those of the key ``routes``, in the words of ``ip route``: a list of lines, or the command's output. Same destination as a zone's prefix:
  the line counts. A version of IP that lines are given for is complete: what no route holds, there is no way to.

Own addresses belong to the interface of the zone that holds them. Routing is by destination alone; what ``ip rule`` does for marks, sources
and other tables is not described, so that a test of a marked packet with ``. mark`` is unknown.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.topology import Network, RouteLine, Topology
from pcapaudit.rules import compile_ruleset, ops
from pcapaudit.rules.compile import Program
from pcapaudit.rules.machine import LOOPBACK, InterfaceFacts, Machine, Route
from pcapaudit.rules.model import Ruleset

__all__ = ["machine_of", "parse_routes", "program_for"]

_KINDS = {
    "unicast": ops.FIB_UNICAST,
    "local": ops.FIB_LOCAL,
    "broadcast": ops.FIB_BROADCAST,
    "anycast": ops.FIB_ANYCAST,
    "multicast": ops.FIB_MULTICAST,
    "blackhole": ops.FIB_BLACKHOLE,
    "unreachable": ops.FIB_UNREACHABLE,
    "prohibit": ops.FIB_PROHIBIT,
}
_TABLES = {"main", "local", "default", "253", "254", "255"}
#: Words of ``ip route`` that stand alone; all others have a value.
_FLAGS = {"onlink", "linkdown", "dead", "pervasive", "offload", "trap", "rt_offload", "notify", "linkup"}
_EXAMPLE = '"default via 203.0.113.1 dev eth0" or "blackhole 10.0.0.0/8"'
_LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


# Reading ----------------------------------------------------------------------------------------------------------------------------


def parse_routes(text: str, interfaces: Sequence[str], where: str) -> list[RouteLine]:
    """Routes from lines of ``ip route`` and ``ip -6 route``. Raises ConfigError, which begins with ``where`` and quotes the line."""
    found: list[RouteLine] = []
    for line in _joined(text):
        option = f"{where}: {line}"
        words = line.split()
        kind = _KINDS.get(words[0], ops.FIB_UNICAST)
        if words[0] in _KINDS:
            words = words[1:]
        if not words or words[0] in ("throw", "nat"):
            raise ConfigError(f"{option}: cannot be evaluated; write routes of the table main, such as {_EXAMPLE}")
        values = _values(words[1:], option)
        vias = [each for key, each in values if key in ("via", "inet", "inet6")]
        network = _destination(words[0], vias, dict(values), option)
        devices = tuple(dict.fromkeys(each for key, each in values if key == "dev" and each not in ("lo", "*")))
        _check(kind, devices, dict(values), interfaces, option)
        metric = dict(values).get("metric", "0" if network.version == 4 else "1024")
        if not metric.isdigit():
            raise ConfigError(f"{option}: metric {metric} is not a number")
        found.append(RouteLine(network, kind, devices, bool(vias), int(metric), ("proto", "kernel") in values))
    return found


def _joined(text: str) -> Iterator[str]:
    """Lines, with those of further next hops joined to the route's."""
    route = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[:1].isspace() and line.split()[0] == "nexthop":
            route += " " + line.strip()
            continue
        if route:
            yield route
        route = line.strip()
    if route:
        yield route


def _values(words: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Pairs of a word and its value; ``via inet6 fe80::1`` has three words."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == "nexthop" or word in _FLAGS:
            at += 1
            continue
        if at + 1 == len(words):
            raise ConfigError(f"{option}: {word} wants a value; write it as ip route prints it, such as {_EXAMPLE}")
        value = words[at + 1]
        if word == "via" and value in ("inet", "inet6"):
            at += 1
            value = words[at + 1] if at + 1 < len(words) else value
        if word == "metrics":
            value = words[at + 1]
        found.append((word, value))
        at += 2
    return found


def _destination(text: str, vias: Sequence[str], values: Mapping[str, str], option: str) -> Network:
    """The network of a route. The default one is of the router's version of IP; without a router, ``pref`` stands in lines of IPv6 only."""
    if text == "default":
        return ip_network("::/0" if (vias and ":" in vias[0]) or (not vias and "pref" in values) else "0.0.0.0/0")
    try:
        return ip_interface(text).network
    except ValueError:
        raise ConfigError(f"{option}: {text} is not a network; write it as ip route prints it, such as {_EXAMPLE}") from None


def _check(kind: int, devices: Sequence[str], values: Mapping[str, str], interfaces: Sequence[str], option: str) -> None:
    table = values.get("table", "main")
    if table not in _TABLES:
        raise ConfigError(f"{option}: table {table}: which packets use another table than main is not described here; leave the line away")
    unknown = [each for each in devices if each not in interfaces]
    if unknown:
        raise ConfigError(f"{option}: no zone has the interface {unknown[0]}; give it one ([zones.{unknown[0]}]), or leave the line away")
    if not devices and kind == ops.FIB_UNICAST:
        raise ConfigError(f"{option}: by which interface? write dev and one of {', '.join(interfaces)}")


# Routes of a topology ---------------------------------------------------------------------------------------------------------------


def program_for(ruleset: Ruleset, topology: Topology, *, covered: bool = False) -> Program:
    """The ruleset compiled for the firewall that a topology describes; ``covered`` as ``compile_ruleset`` has it."""
    return compile_ruleset(ruleset, topology.interfaces, topology.assumed and not topology.named, machine_of(topology), covered=covered)


def machine_of(topology: Topology) -> Machine:
    """What rules can ask of the firewall."""
    lines = _best(topology.routes)
    complete = frozenset(line.network.version for line in lines)
    routes = [
        *_base_addresses(topology, lines),
        *(_of_prefixes(topology, complete) if not topology.assumed else ()),
        *_of_own(topology),
        *(_of_line(topology, line) for line in lines),
    ]
    return Machine(
        # Of several that say something of the same addresses the last one counts.
        routes=tuple({(each.version, each.first, each.last): each for each in routes}.values()),
        complete=complete,
        known=frozenset(version for version in (4, 6) if not topology.assumed or any(own.version == version for own in topology.own)),
        facts=tuple(InterfaceFacts(zone.index, zone.group, zone.type) for zone in topology.zones),
        follows_source=not any(zone.vlans or zone.recorded_as or zone.macs for zone in topology.zones),
        bridge=topology.bridge,
        forced=topology.path in ("input", "output"),
    )


def _best(lines: Iterable[RouteLine]) -> list[RouteLine]:
    """Of the lines with one destination that with the smallest metric; IPv6 shares packets out among those with the same."""
    found: dict[Network, RouteLine] = {}
    for line in sorted(lines, key=lambda each: each.metric):
        best = found.setdefault(line.network, line)
        if best.metric == line.metric and line.network.version == 6:
            found[line.network] = replace(best, devices=tuple(dict.fromkeys((*best.devices, *line.devices))))
    return list(found.values())


def _of_prefixes(topology: Topology, complete: Container[int]) -> Iterator[Route]:
    for index, zone in enumerate(topology.zones):
        for prefix in zone.prefixes:
            if prefix.version not in complete:
                yield _route(prefix, ops.FIB_UNICAST, (index,), vague=True)


def _of_own(topology: Topology) -> Iterator[Route]:
    """Connected networks and their broadcast addresses, then own addresses, which win."""
    for network in _LOOPBACK:
        yield _route(network, ops.FIB_LOCAL, (LOOPBACK,))
    yield _route(ip_network("127.255.255.255"), ops.FIB_BROADCAST, (LOOPBACK,))
    for network in topology.connected:
        devices = _devices_of(topology, network)
        yield _route(network, ops.FIB_UNICAST, devices)
        if isinstance(network, IPv4Network) and network.prefixlen < 31:
            yield _route(ip_network(network.broadcast_address), ops.FIB_BROADCAST, devices)
    for own in topology.own:
        yield _route(own, ops.FIB_LOCAL, _devices_of(topology, own))


def _of_line(topology: Topology, line: RouteLine) -> Route:
    return _route(line.network, line.kind, tuple(topology.interfaces.index(name) for name in line.devices))


def _base_addresses(topology: Topology, lines: Sequence[RouteLine]) -> Iterator[Route]:
    """Last addresses of connected IPv4 networks that lines tell of, and first addresses of IPv6 networks.

    The first address of a network without a router in between is anycast (RFC 4291, 2.6.1); whether a router is in between, zones do
    not say.
    """
    for line in lines:
        if isinstance(line.network, IPv4Network) and line.connected and line.network.prefixlen < 31:
            yield replace(_of_line(topology, line), first=int(line.network[-1]), last=int(line.network[-1]), kind=ops.FIB_BROADCAST)
    kinds = {prefix: ops.FIB_VAGUE for zone in topology.zones for prefix in zone.prefixes}
    kinds |= dict.fromkeys(topology.connected, ops.FIB_ANYCAST)
    kinds |= {line.network: ops.FIB_ANYCAST for line in lines if line.kind == ops.FIB_UNICAST}
    for line in lines:
        if line.via:
            kinds[line.network] = ops.FIB_UNICAST if line.network.prefixlen else ops.FIB_UNSPEC
    first: dict[Network, Route] = {}
    for network in sorted(kinds, key=lambda each: each.prefixlen):
        if isinstance(network, IPv6Network) and network.prefixlen < 127:
            base = ip_network(network.network_address)
            first[base] = _route(base, kinds[network], _devices_of(topology, network), vague=True)
    yield from first.values()


def _devices_of(topology: Topology, network: Network) -> tuple[int, ...]:
    """The interface of the zone whose longest prefix holds a network. A link-local address may be that of any."""
    if network.is_link_local and network.version == 6:
        return ()
    held = [
        (prefix.prefixlen, index)
        for index, zone in enumerate(topology.zones)
        for prefix in zone.prefixes
        if prefix.version == network.version and network.network_address in prefix and prefix.prefixlen <= network.prefixlen
    ]
    return (max(held)[1],) if held and not topology.assumed else ()


def _route(network: Network, kind: int, devices: tuple[int, ...], *, vague: bool = False) -> Route:
    return Route(network.version, int(network.network_address), int(network.broadcast_address), kind, devices, vague)
