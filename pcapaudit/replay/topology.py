"""Where the firewall stands: zones of addresses behind interfaces, the firewall's own addresses, and which of it was assumed.

A capture says which addresses talk; a ruleset asks for interfaces and hooks. The topology joins them:

- An address belongs to the zone with the **longest prefix** that holds it; a packet enters by the interface of its source's zone and
  leaves by that of its destination's. An address that no prefix holds has an unknown interface.
- A packet from an own address passes the hooks output and postrouting, one to an own address prerouting and input, any other
  prerouting, forward and postrouting; ``vantage`` has the details (multicast, broadcast).
- A zone is **inside** (may open connections, is not what findings call "outside") when
  1. its name or its interface is ``inside`` or ``lan``, or
  2. one of its prefixes, other than ``any``, overlaps a ``--local`` network.
  A ``--local`` network that overlaps no such prefix is put into the zone ``inside``, interface ``inside``.
- **Without zones** there are two: ``inside`` with the ``--local`` networks, or else PRIVATE, and ``outside`` with the rest. Their
  interfaces have the same names, and are the tool's invention: ``assumed`` says so, and what depends on another interface is undecidable.
- A topology file (``topology_file``) may also tell zones by what a frame shows of its link: VLAN, capture interface, MAC addresses;
  and routes (``routing``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface, ip_network

from pcapaudit.core.errors import ConfigError

__all__ = [
    "ANY",
    "CT_ZONES",
    "INSIDE_NAMES",
    "MAX_ZONES",
    "PATHS",
    "PRIVATE",
    "Network",
    "RouteLine",
    "Topology",
    "Zone",
    "check_ct_zone",
    "check_interface",
    "check_overlaps",
    "check_path",
    "parse_connected",
    "parse_network",
    "parse_own",
    "parse_prefixes",
]

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: What ``any`` means.
ANY: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))

#: Taken as inside when nothing is said: addresses that the global routing system never carries, and with which no stranger can come.
#: Not among them: 100.64.0.0/10 (RFC 6598), which an ISP gives to the outer side of its customers' routers, so that it is outside for
#: nearly every firewall that sees it; overlay networks that use it want ``--local 100.64.0.0/10``.
PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # RFC 1122 3.2.1.3: "this host on this network", a host that asks for its address
        "10.0.0.0/8",  # RFC 1918
        "127.0.0.0/8",  # RFC 1122: loopback
        "169.254.0.0/16",  # RFC 3927: link-local
        "172.16.0.0/12",  # RFC 1918
        "192.168.0.0/16",  # RFC 1918
        "::/128",  # RFC 4291 2.5.2: a host that checks whether its address is free
        "::1/128",  # RFC 4291: loopback
        "fc00::/7",  # RFC 4193: unique local
        "fe80::/10",  # RFC 4291: link-local
    )
)

#: Values of ``--path``.
PATHS = ("auto", "forward", "input", "output")

#: Values of ``--ct-zone``: what numbers the conntrack zone of a frame. The innermost VLAN tag's id, the outermost one's, or the capture
#: interface (the first one is 1); frames without a tag are in zone 0, and with ``none`` all are, as in Linux.
CT_ZONES = ("none", "vlan", "outer-vlan", "interface")

#: More zones than this are refused: the columns have sixteen bits, some of which the tables of ``vantage`` need.
MAX_ZONES = 4096

#: Names that make a zone inside.
INSIDE_NAMES = frozenset({"inside", "lan"})

#: Linux: IFNAMSIZ is 16, the closing zero included.
_MAX_INTERFACE_BYTES = 15


@dataclass(frozen=True, slots=True)
class Zone:
    """Networks behind one interface of the firewall."""

    #: Name that reports use.
    name: str
    #: Interface name that rules use.
    iface: str
    #: Networks of both families, in the order given.
    prefixes: tuple[Network, ...]
    #: Whether it is on the protected side.
    inside: bool
    #: VLAN ids of the frames on its link.
    vlans: tuple[int, ...] = ()
    #: Names that captures give to the interface on its link.
    recorded_as: tuple[str, ...] = ()
    #: MAC addresses of its hosts and routers.
    macs: tuple[int, ...] = ()
    #: Number and group of the interface, as ``ip link`` shows them; None: not said.
    index: int | None = None
    group: int | None = None
    #: Type of the interface, an ARPHRD_ number; None: not said.
    type: int | None = None


@dataclass(frozen=True, slots=True)
class RouteLine:
    """One route as a person gave it."""

    network: Network
    #: FIB_ number.
    kind: int
    #: Interfaces by name; none for routes that lead nowhere.
    devices: tuple[str, ...]
    #: There is a router in between.
    via: bool
    #: The smaller goes first.
    metric: int
    #: The kernel made it for an own address.
    connected: bool


@dataclass(frozen=True, slots=True)
class Topology:
    """Zones, own addresses, and the way that packets take. ``from_options`` checks what it is given; the constructor does not."""

    #: By index, as in the columns iif and oif.
    zones: tuple[Zone, ...]
    #: The firewall's own addresses.
    own: tuple[Network, ...] = ()
    #: Broadcast addresses of the networks that own addresses were given with, and these networks.
    broadcasts: tuple[IPv4Address, ...] = ()
    connected: tuple[Network, ...] = ()
    #: Name of the bridge whose ports the zones' interfaces are; empty where there is none.
    bridge: str = ""
    #: Routes as ``ip route`` prints them (see ``routing``).
    routes: tuple[RouteLine, ...] = ()
    #: One of PATHS; other than ``auto``, the way of every packet.
    path: str = "auto"
    #: One of CT_ZONES.
    ct_zone: str = "none"
    #: Name of the zone on whose link the capture was made, where that is said: it tells which side of NAT frames show. Empty: not said.
    captured: str = ""
    #: How that is known, where nobody said it.
    captured_evidence: str = ""
    #: Where the capture was made, as its first frames tell (see ``inference``): ``host``, ``router``, ``unknown`` if they do not; empty
    #: where nobody asked. With ``unknown`` nobody knows which hooks packets pass.
    place: str = ""
    #: How that is known, or why it is not.
    evidence: str = ""
    #: The interface that all packets pass has this name, whatever zone their addresses are in.
    named: bool = False
    #: No zone was given: the interface names are the tool's own.
    assumed: bool = False
    #: Nobody said what is inside: the private ranges are taken.
    assumed_inside: bool = False

    @classmethod
    def from_options(cls, zone: Sequence[str] = (), local: Sequence[str] = (), own: Sequence[str] = (), path: str = "auto") -> Topology:
        """From ``--zone NAME=IFACE:CIDR[,CIDR…]``, ``--local CIDR``, ``--own ADDRESS[/LENGTH]`` and ``--path``. Raises ConfigError."""
        check_path(path, f"--path {path}")
        locals_ = tuple(parse_network(text, f"--local {text}", "10.0.0.0/8") for text in local)
        zones = _assumed_zones(locals_) if not zone else _given_zones(zone, locals_)
        check_overlaps(zones)
        owned, broadcasts = parse_own(own, "--own")
        return cls(
            zones=zones,
            own=owned,
            broadcasts=broadcasts,
            connected=parse_connected(own),
            path=path,
            assumed=not zone,
            assumed_inside=not zone and not local,
        )

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Interface names by zone index."""
        return tuple(zone.iface for zone in self.zones)


def _assumed_zones(local: tuple[Network, ...]) -> tuple[Zone, ...]:
    rest = tuple(prefix for prefix in ANY if prefix not in local)
    return (Zone("inside", "inside", _unique(local or PRIVATE), inside=True), Zone("outside", "outside", rest, inside=False))


def _given_zones(texts: Sequence[str], local: Sequence[Network]) -> tuple[Zone, ...]:
    """The zones in the order of their first mention, and one for the local networks that none of them holds."""
    given: dict[str, tuple[str, list[Network]]] = {}
    for text in texts:
        name, iface, prefixes = _zone(text)
        known = given.setdefault(name, (iface, []))
        if known[0] != iface:
            raise ConfigError(
                f"--zone {text}: zone {name} has interface {known[0]} already; a zone has one interface: use another zone name"
            )
        known[1].extend(prefixes)
    named = [each for each, (iface, _) in given.items() if not INSIDE_NAMES.isdisjoint((each, iface))]
    homeless = [net for net in local if not any(_overlap(net, prefix) for _, prefixes in given.values() for prefix in prefixes)]
    if homeless:
        given.setdefault("inside", ("inside", []))[1].extend(homeless)
    if len(given) > MAX_ZONES:
        raise ConfigError(f"--zone: {len(given)} zones; at most {MAX_ZONES} are possible")
    return tuple(
        Zone(name, iface, _unique(prefixes), name in named or any(_overlap(net, each) for net in local for each in prefixes))
        for name, (iface, prefixes) in given.items()
    )


def _zone(text: str) -> tuple[str, str, list[Network]]:
    """Name, interface and prefixes of one ``--zone``. The interface ends at the first colon: IPv6 prefixes hold more of them."""
    name, equals, rest = text.partition("=")
    iface, colon, prefixes = rest.partition(":")
    if not (equals and colon and name.strip() and iface.strip() and prefixes.strip()):
        raise ConfigError(f"--zone {text}: expected NAME=IFACE:CIDR[,CIDR...], for example --zone lan=eth1:10.0.0.0/8,fd00::/8")
    iface = iface.strip()
    check_interface(iface, f"--zone {text}")
    found = parse_prefixes(prefixes.split(","), f"--zone {text}")
    return name.strip(), iface, found


def check_interface(iface: str, option: str) -> None:
    """Raise ConfigError unless Linux would take the name."""
    if not iface or len(iface.encode()) > _MAX_INTERFACE_BYTES or "/" in iface or any(char.isspace() for char in iface):
        raise ConfigError(
            f"{option}: {iface or 'nothing'} cannot name an interface; Linux takes {_MAX_INTERFACE_BYTES} bytes without space or slash"
        )


def parse_prefixes(texts: Iterable[str], option: str) -> list[Network]:
    """Networks, or ``any`` for those of both families. Raises ConfigError, which names ``option``."""
    found: list[Network] = []
    for each in texts:
        found.extend(ANY if each.strip() == "any" else [parse_network(each, option, "10.0.0.0/8 or any")])
    return found


def parse_network(text: str, option: str, example: str) -> Network:
    """A network; bits behind its prefix length are cleared, as nft and ip do."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(f"{option}: {text.strip() or 'nothing'} is not an address or a network; write for example {example}") from None


def parse_own(texts: Sequence[str], option: str) -> tuple[tuple[Network, ...], tuple[IPv4Address, ...]]:
    """Own addresses or blocks of them, and the broadcast addresses of their networks. Raises ConfigError, which names ``option``.

    ADDRESS/LENGTH as ``ip address`` prints it means the address, and tells its network's broadcast address.
    """
    own: list[Network] = []
    broadcasts: list[IPv4Address] = []
    for text in texts:
        try:
            given = ip_interface(text.strip())
        except ValueError:
            raise ConfigError(f"{option} {text}: not an address; write for example 192.0.2.1 or 192.168.0.1/24") from None
        network = given.network
        is_block = given.ip == network.network_address or network.prefixlen == network.max_prefixlen
        own.append(network if is_block else ip_network(given.ip))
        if not is_block and isinstance(network, IPv4Network) and network.prefixlen < 31:
            broadcasts.append(network.broadcast_address)
    return _unique(own), tuple(dict.fromkeys(broadcasts))


def parse_connected(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks of own addresses that were given with a length (see ``parse_own``, which finds their mistakes)."""
    given = [ip_interface(text.strip()) for text in texts]
    return _unique(each.network for each in given if each.ip != each.network.network_address and each.network.num_addresses > 1)


def check_path(path: str, option: str) -> None:
    """Raise ConfigError unless it is one of PATHS."""
    if path not in PATHS:
        raise ConfigError(f"{option}: no such way; possible are {', '.join(PATHS)}")


def check_ct_zone(text: str, option: str) -> None:
    """Raise ConfigError unless it is one of CT_ZONES."""
    if text not in CT_ZONES:
        raise ConfigError(f"{option}: no such way to number conntrack zones; possible are {', '.join(CT_ZONES)}")


def _overlap(net: Network, prefix: Network) -> bool:
    """Whether two networks share an address, ``any`` aside."""
    return prefix.prefixlen > 0 and net.version == prefix.version and net.overlaps(prefix)


def _unique(prefixes: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(prefixes))


def check_overlaps(zones: Sequence[Zone]) -> None:
    """The same prefix in two zones leaves the address without a zone; a longer one inside a shorter one is what prefixes are for."""
    owner: dict[Network, str] = {}
    for zone in zones:
        for prefix in zone.prefixes:
            other = owner.setdefault(prefix, zone.name)
            if other != zone.name:
                raise ConfigError(
                    f"{prefix} is in zones {other} and {zone.name}; give it to one of them (where prefixes overlap, the longest wins)"
                )
