"""The matches of iptables that look at the packet or its connection: what their options are, and what they become in the model.

A match becomes alternatives, each a tuple of statements: almost always one; several where the model has no "or" (``--ports`` looks at
both ports). Alternatives exclude each other, so that a rule may be written once for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.iptables.names import ADDRESS_TYPES, CT_STATES, CT_STATUS, ICMP6_NAMES, ICMP_NAMES
from pcapaudit.rules.iptables.values import (
    address_match,
    any_bit,
    compare,
    flag_bits,
    interval,
    is_in,
    number,
    one_of,
    parse_address,
    parse_mark,
    parse_ports,
    protocol,
)
from pcapaudit.rules.iptables.words import Option
from pcapaudit.rules.model import ConnCount, Element, Key, Match, Opaque, Place, SetLiteral, Statement
from pcapaudit.rules.nft.cursor import did_you_mean
from pcapaudit.rules.selectors import SELECTORS, exists, free_selector
from pcapaudit.rules.tables import TCP_FLAGS

__all__ = ["MATCHES", "MatchKind", "Module", "opaque"]

Alternatives = list[tuple[Statement, ...]]

_MULTICAST6 = (0xFF << 120, (1 << 128) - 1)
#: Type of addresses → IPv6 addresses that are so whatever the routes.
_PLACES6 = {
    ADDRESS_TYPES["UNSPEC"]: (0, 0),
    ADDRESS_TYPES["UNICAST"]: (1, _MULTICAST6[0] - 1),
    ADDRESS_TYPES["MULTICAST"]: _MULTICAST6,
}


@dataclass(frozen=True, slots=True)
class Module:
    """A match as it stands in a rule: its options, and what it must know of the rule."""

    #: Its name, as behind ``-m``.
    name: str
    #: 4 or 6.
    l3: int
    #: Name of the table and of the chain.
    table: str
    chain: str
    #: Protocol of ``-p``, or None.
    proto: int | None
    #: Options in order.
    options: tuple[Option, ...]

    def get(self, name: str) -> Option | None:
        """An option, if it is there."""
        return next((each for each in self.options if each.name == name), None)


@dataclass(frozen=True, slots=True)
class MatchKind:
    """What a match takes."""

    #: Option → number of values.
    options: Mapping[str, int]
    #: Makes the statements.
    build: Callable[[Module], Alternatives]


def _each(build: Callable[[Module, Option], Statement | None]) -> Callable[[Module], Alternatives]:
    """A match whose options stand for themselves: one statement each."""

    def all_of(module: Module) -> Alternatives:
        return [tuple(found for each in module.options if (found := build(module, each)) is not None)]

    return all_of


def opaque(module: Module, *, refused: str = "") -> Alternatives:
    """A match whose answer the capture does not hold."""
    place = module.options[0].place if module.options else None
    words = [f"{'! ' if each.negated else ''}{' '.join((each.name, *each.values))}" for each in module.options]
    name = f"-m {module.name}"
    found = Opaque(refused, " ".join([name, *words]) if not refused else name)
    return [(replace(found, place=place) if place is not None else found,)]


# Transport -------------------------------------------------------------------------------------------------------------------------


def _ports(module: Module, option: Option) -> Statement:
    side = "sport" if option.name in ("--sport", "--source-port") else "dport"
    return compare(f"{module.name} {side}", parse_ports(option, option.value), option)


def _tcp(module: Module, option: Option) -> Statement:
    if option.name == "--tcp-flags":
        every = {**{name.upper(): bit for name, bit in TCP_FLAGS.items()}, "ECE": 64, "ALL": 0x3F, "NONE": 0}
        mask, value = (flag_bits(option, text, every) for text in option.values)
        return compare("tcp flags", [(value, value)], option, mask)
    if option.name == "--syn":
        return compare("tcp flags", [(2, 2)], option, 0x17)
    if option.name == "--tcp-option":
        kind = number(option, option.value, 255)
        names = {2: "maxseg", 3: "window", 4: "sack-perm", 5: "sack", 8: "timestamp"}
        return is_in(exists("tcpopt", f"tcp option {names.get(kind, kind)}"), 1, option)
    return _ports(module, option)


_PORT_OPTIONS = {"--sport": 1, "--source-port": 1, "--dport": 1, "--destination-port": 1}


def _icmp(module: Module, option: Option) -> Statement | None:
    name, known = ("icmp", ICMP_NAMES) if module.name == "icmp" else ("icmpv6", ICMP6_NAMES)
    text = option.value
    if text in ("any", "255") and name == "icmp":
        return None
    if text in known:
        kind, code = known[text]
    else:
        first, slash, last = text.partition("/")
        if not first.isdecimal():
            raise option.problem(f'"{text}" is no {name} type', did_you_mean(text, known) or "write TYPE or TYPE/CODE")
        kind, code = number(option, first, 255), number(option, last, 255) if slash else None
    if code is None:
        return is_in(f"{name} type", kind, option)
    # Type and code together are the header's first 16 bits; negated, one of them differs.
    selector = SELECTORS[f"{name} type"]
    return compare(replace(selector, text="@th,0,16", type_name="integer", bits=16), [(kind << 8 | code,) * 2], option)


def _multiport(module: Module) -> Alternatives:
    header = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}.get(module.proto or 0, "th")
    option = module.options[0]
    bounds = parse_ports(option, option.value, many=True)
    if option.name in ("--sports", "--source-ports"):
        return [(compare(f"{header} sport", bounds, option),)]
    if option.name in ("--dports", "--destination-ports"):
        return [(compare(f"{header} dport", bounds, option),)]
    source, destination = compare(f"{header} sport", bounds, option), compare(f"{header} dport", bounds, option)
    if option.negated:
        return [(source, destination)]
    return [(source,), (replace(source, op="!="), destination)]


# Connection ------------------------------------------------------------------------------------------------------------------------


def _state(_: Module, option: Option) -> Statement:
    return _state_match(option, flag_bits(option, option.value.upper(), CT_STATES))


def _state_match(option: Option, bits: int) -> Match:
    if not option.negated:
        return any_bit("ct state", bits, option)
    return compare("ct state", [(bit, bit) for bit in CT_STATES.values() if bit & bits], option)


def _conntrack(module: Module) -> Alternatives:
    found: list[Statement] = []
    either: Alternatives = []
    for option in module.options:
        if option.name == "--ctstate":
            names = option.value.upper().split(",")
            status = sum(CT_STATUS[name] for name in names if name in ("SNAT", "DNAT"))
            plain = ",".join(name for name in names if name not in ("SNAT", "DNAT"))
            bits = flag_bits(option, plain, CT_STATES) if plain else 0
            if status and bits and not option.negated:
                state = _state_match(option, bits)
                others = compare("ct state", [(bit, bit) for bit in CT_STATES.values() if bit & bits], replace(option, negated=True))
                either = [(state,), (others, any_bit("ct status", status, option))]
                continue
            found += [_state_match(option, bits)] if bits else []
            found += [any_bit("ct status", status, option)] if status else []
        else:
            found.append(_conntrack_option(module, option))
    return [(*found, *each) for each in either] if either else [tuple(found)]


def _conntrack_option(module: Module, option: Option) -> Statement:
    family = "ip" if module.l3 == 4 else "ip6"
    addresses = {"--ctorigsrc": "original", "--ctorigdst": "original", "--ctreplsrc": "reply", "--ctrepldst": "reply"}
    if option.name in addresses:
        side = "saddr" if option.name.endswith("src") else "daddr"
        match = address_match(f"ct {addresses[option.name]} {family} {side}", option, option.value, module.l3)
        return match if match is not None else compare("meta nfproto", [(2, 10)], option)
    if option.name.endswith("port"):
        side = "original" if "orig" in option.name else "reply"
        return compare(f"ct {side} proto-{'src' if 'srcport' in option.name else 'dst'}", parse_ports(option, option.value), option)
    if option.name == "--ctproto":
        return is_in("ct protocol", protocol(option, option.value), option)
    if option.name == "--ctstatus":
        bits = flag_bits(option, option.value.upper(), {**CT_STATUS, "NONE": 0})
        return any_bit("ct status", bits, option) if bits else is_in("ct status", 0, option)
    if option.name == "--ctdir":
        return is_in("ct direction", ("ORIGINAL", "REPLY").index(one_of(option, option.value.upper(), ("ORIGINAL", "REPLY"))), option)
    seconds = interval(option, option.value, 0xFFFFFFFF)
    return compare("ct expiration", [(seconds[0] * 10**9, seconds[1] * 10**9)], option)


# Addresses, interfaces, marks --------------------------------------------------------------------------------------------------------


def _iprange(module: Module, option: Option) -> Statement:
    family = "ip" if module.l3 == 4 else "ip6"
    first, dash, last = option.value.partition("-")
    low, _ = parse_address(option, first, module.l3)
    high, _ = parse_address(option, last if dash else first, module.l3)
    if high < low:
        raise option.problem("the range ends before it begins", "write the smaller address first")
    return compare(f"{family} {'saddr' if option.name == '--src-range' else 'daddr'}", [(low, high)], option)


def _addrtype(module: Module) -> Alternatives:
    near = ""
    for each in module.options:
        near = {"--limit-iface-in": " . iif", "--limit-iface-out": " . oif"}.get(each.name, near)
    found: Alternatives = [()]
    for option in module.options:
        if option.name in ("--src-type", "--dst-type"):
            side = "saddr" if option.name == "--src-type" else "daddr"
            types = {ADDRESS_TYPES[one_of(option, name, tuple(ADDRESS_TYPES))] for name in option.value.upper().split(",")}
            either = [(_types(option, side, near, types),)] if module.l3 == 4 else _types6(option, side, near, types)
            found = [(*first, *second) for first in found for second in either]
    return found


def _types(option: Option, side: str, near: str, types: set[int]) -> Match:
    return compare(free_selector(f"fib {side}{near} type", "fib_addrtype", "fib"), [(each, each) for each in sorted(types)], option)


def _types6(option: Option, side: str, near: str, types: set[int]) -> Alternatives:
    """Of IPv6 addresses the kernel asks otherwise: all of unicast, multicast and unspecified that are named must hold, by the address
    alone, and one of local, anycast and unreachable, by the route.
    """
    plain = replace(option, negated=False)
    parts = [compare(f"ip6 {side}", [_PLACES6[each]], plain) for each in sorted(types) if each in _PLACES6]
    routes = types & {ADDRESS_TYPES["LOCAL"], ADDRESS_TYPES["ANYCAST"], ADDRESS_TYPES["UNREACHABLE"]}
    if ADDRESS_TYPES["UNREACHABLE"] in routes:
        routes |= {ADDRESS_TYPES["BLACKHOLE"], ADDRESS_TYPES["PROHIBIT"]}
    if routes:
        parts.append(_types(plain, side, near, routes))
    if not option.negated:
        return [tuple(parts)]
    return [(*parts[:number], replace(each, op="!=")) for number, each in enumerate(parts)]


def _mac(_: Module, option: Option) -> Statement:
    address = DATATYPES["ether_addr"].parse(option.value.lower())
    if address is None:
        raise option.problem(f'"{option.value}" is no MAC address', "write six bytes: 00:00:5e:00:53:01")
    return is_in("ether saddr", address, option)


def _pkttype(_: Module, option: Option) -> Statement:
    known = ("unicast", "broadcast", "multicast", "other", "host")
    kind = {"unicast": 0, "host": 0, "broadcast": 1, "multicast": 2, "other": 3}[one_of(option, option.value, known)]
    return is_in("meta pkttype", kind, option)


def _mark(module: Module, option: Option) -> Statement:
    value, mask = parse_mark(option, option.value)
    return compare("meta mark" if module.name == "mark" else "ct mark", [(value, value)], option, None if mask == 0xFFFFFFFF else mask)


def _hops(module: Module, option: Option) -> Statement:
    selector = "ip ttl" if module.name == "ttl" else "ip6 hoplimit"
    value = number(option, option.value, 255)
    if option.name.endswith("-lt"):
        return compare(selector, [(0, value - 1)], option) if value else compare(selector, [(1, 0)][:0], option)
    return compare(selector, [(value + 1, 255)] if option.name.endswith("-gt") else [(value, value)], option)


def _dscp(module: Module, option: Option) -> Statement:
    family = "ip" if module.l3 == 4 else "ip6"
    classes = DATATYPES["dscp"]
    value = classes.parse(option.value.lower())
    if value is None:
        raise option.problem(f'"{option.value}" is no DSCP class', f"one of: {', '.join(classes.symbols)}")
    return is_in(f"{family} dscp", value, option)


def _owner(_: Module, option: Option) -> Statement:
    if option.name == "--socket-exists":
        return Opaque("", "-m owner --socket-exists", option.place)
    selector = "meta skuid" if option.name == "--uid-owner" else "meta skgid"
    first, dash, last = option.value.partition("-")
    parsed = [DATATYPES["uid"].parse(text) for text in ((first, last) if dash and first.isdecimal() else (option.value,))]
    if None in parsed:
        raise option.problem(f'"{option.value}" is no account')
    bounds = [each for each in parsed if each is not None]
    return compare(selector, [(bounds[0], bounds[-1])], option)


def _rpfilter(module: Module) -> Alternatives:
    """A way back to the source, by the interface that the packet came in by; or, if that may be, the source is the firewall's own: with
    IPv4 at that interface, with IPv6 at any.
    """
    inverted = module.get("--invert") is not None
    mark = " . mark" if module.get("--validmark") else ""
    near = "" if module.get("--loose") else " . iif"
    place = module.options[0].place if module.options else Place()
    found = Match((Key(exists("rpfilter", f"fib saddr{mark}{near} oif")),), "==", _one(0 if inverted else 1), place)
    if not module.get("--accept-local"):
        return [(found,)]
    own = free_selector(f"fib saddr{near if module.l3 == 4 else ''} type", "fib_addrtype", "fib")
    local = Match((Key(own),), "!=" if inverted else "==", _one(ADDRESS_TYPES["LOCAL"]), place)
    return [(found, local)] if inverted else [(found,), (local,)]


def _one(value: int) -> SetLiteral:
    return SetLiteral((Element(((value, value),)),))


def _time(module: Module) -> Alternatives:
    found: list[Statement] = []
    clock = DATATYPES["hour"]
    start, stop = module.get("--timestart"), module.get("--timestop")
    if start or stop:
        option = start or stop
        assert option is not None  # noqa: S101 (one of them is there)
        first = clock.parse(start.value) if start else 0
        last = clock.parse(stop.value) if stop else 86399
        if first is None or last is None:
            raise option.problem("this is no time of day", "write HH:MM or HH:MM:SS")
        bounds = [(first, last)] if first <= last else [(0, last), (first, 86399)]
        found.append(compare("meta hour", bounds, replace(option, negated=False)))
    days = module.get("--weekdays")
    if days:
        names = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
        numbers = [
            int(name) % 7 if name.isdecimal() else names.index(one_of(days, name[:3].title(), names)) for name in days.value.split(",")
        ]
        found.append(compare("meta day", [(each, each) for each in numbers], days))
    for name, at_start in (("--datestart", True), ("--datestop", False)):
        option = module.get(name)
        if option:
            moment = DATATYPES["date"].parse(option.value.replace("T", " "))
            if moment is None:
                raise option.problem("this is no date", "write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS")
            found.append(compare("meta time", [(moment, (1 << 64) - 1) if at_start else (0, moment)], option))
    return [tuple(found)]


def _tcpmss(module: Module) -> Alternatives:
    """A segment without the option is one whose size is not between the two."""
    option = module.options[0]
    selector = replace(free_selector("tcp option maxseg size", "integer", "tcpopt", (0, 6)), bits=16)
    size = compare(selector, [interval(option, option.value, 65535)], option)
    if not option.negated:
        return [(size,)]
    return [(is_in(exists("tcpopt", "tcp option maxseg"), 0, replace(option, negated=False)),), (size,)]


def _helper(_: Module, option: Option) -> Statement:
    text = DATATYPES["string"].parse(option.value)
    if text is None:
        raise option.problem(f'"{option.value}" is no name of a helper')
    if option.negated:
        # Of a connection without a helper it is true, and nftables' words are not.
        return Opaque("", f"-m helper ! --helper {option.value}", option.place)
    return is_in("ct helper", text, option)


def _routing(module: Module) -> Alternatives:
    kind = module.get("--rt-type")
    if kind is None or len(module.options) > 1:
        return opaque(module)
    return [(compare(free_selector("rt type", "integer", "exthdr", (6, None)), [interval(kind, kind.value, 255)], kind),)]


def _refused(module: Module) -> Alternatives:
    option = module.options[0]
    raise option.line.problem(f"-m {module.name} looks into payloads in a way that is not supported", "remove the rule", option.index)


def _connlimit(module: Module) -> Alternatives:
    above, upto = module.get("--connlimit-above"), module.get("--connlimit-upto")
    option = above or upto
    if option is None:
        raise module.options[0].problem("connlimit needs --connlimit-above or --connlimit-upto")
    over = (above is not None) != option.negated
    bits = 32 if module.l3 == 4 else 128
    length = module.get("--connlimit-mask")
    mask = (1 << bits) - 1
    if length is not None:
        mask = _prefix_mask(length, module.l3) if not length.value.isdecimal() else _leading(number(length, length.value, bits), bits)
    by_source = module.get("--connlimit-daddr") is None
    return [(ConnCount(number(option, option.value, 0xFFFFFFFF), over, module.l3, mask, by_source, option.place),)]


def _connbytes(module: Module) -> Alternatives:
    count, way, mode = (module.get(name) for name in ("--connbytes", "--connbytes-dir", "--connbytes-mode"))
    if count is None or way is None or mode is None:
        raise module.options[0].problem("connbytes needs --connbytes, --connbytes-dir and --connbytes-mode")
    side = {"both": "ct", "original": "ct original", "reply": "ct reply"}[one_of(way, way.value, ("both", "original", "reply"))]
    field = one_of(mode, mode.value, ("bytes", "packets", "avgpkt"))
    return [(compare(f"{side} {field}", [interval(count, count.value, (1 << 64) - 1)], count),)]


def _security(module: Module) -> Alternatives:
    """The SPI of ``esp`` and ``ah``."""
    spi = module.get("--espspi") or module.get("--ahspi")
    if spi is None or len(module.options) > 1:
        return opaque(module)
    return [(compare(f"{module.name} spi", [interval(spi, spi.value, 0xFFFFFFFF)], spi),)]


def _leading(count: int, bits: int) -> int:
    """So many of the upper bits."""
    return (1 << bits) - (1 << (bits - count))


def _prefix_mask(option: Option, l3: int) -> int:
    """A netmask that is written as an address."""
    return parse_address(option, option.value, l3)[0]


_UNKNOWN = {
    "physdev": {"--physdev-in": 1, "--physdev-out": 1, "--physdev-is-in": 0, "--physdev-is-out": 0, "--physdev-is-bridged": 0},
    "policy": {
        **dict.fromkeys(("--dir", "--pol", "--reqid", "--spi", "--proto", "--mode", "--tunnel-src", "--tunnel-dst"), 1),
        **dict.fromkeys(("--strict", "--next"), 0),
    },
    "statistic": {"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1},
    "connlabel": {"--label": 1, "--set": 0},
    "cpu": {"--cpu": 1},
    "cgroup": {"--path": 1, "--cgroup": 1},
    "cluster": {"--cluster-total-nodes": 1, "--cluster-local-node": 1, "--cluster-local-nodemask": 1, "--cluster-hash-seed": 1},
    "devgroup": {"--src-group": 1, "--dst-group": 1},
    "socket": {"--transparent": 0, "--nowildcard": 0, "--restore-skmark": 0},
    "realm": {"--realm": 1},
    "osf": {"--genre": 1, "--ttl": 1, "--log": 1},
    "ecn": {"--ecn-tcp-cwr": 0, "--ecn-tcp-ece": 0, "--ecn-ip-ect": 1},
    "frag": {"--fragid": 1, "--fraglen": 1, "--fragres": 0, "--fragfirst": 0, "--fragmore": 0, "--fraglast": 0},
    "hbh": {"--hbh-len": 1, "--hbh-opts": 1},
    "dst": {"--dst-len": 1, "--dst-opts": 1},
    "mh": {"--mh-type": 1},
    "ipv6header": {"--header": 1, "--soft": 0},
    "eui64": {},
    "tos": {"--tos": 1},
    "ipvs": {"--ipvs": 0, "--vproto": 1, "--vaddr": 1, "--vport": 1, "--vdir": 1, "--vmethod": 1, "--vportctl": 1},
    "nfacct": {"--nfacct-name": 1},
    "rateest": {},
}

MATCHES: dict[str, MatchKind] = {
    "tcp": MatchKind({**_PORT_OPTIONS, "--tcp-flags": 2, "--syn": 0, "--tcp-option": 1}, _each(_tcp)),
    **{name: MatchKind(_PORT_OPTIONS, _each(_ports)) for name in ("udp", "udplite")},
    **{
        name: MatchKind({**_PORT_OPTIONS, "--chunk-types": 2, "--dccp-types": 1, "--dccp-option": 1}, _each(_ports))
        for name in ("sctp", "dccp")
    },
    "icmp": MatchKind({"--icmp-type": 1}, _each(_icmp)),
    "icmp6": MatchKind({"--icmpv6-type": 1}, _each(_icmp)),
    "multiport": MatchKind(
        dict.fromkeys(("--sports", "--source-ports", "--dports", "--destination-ports", "--ports", "--port"), 1), _multiport
    ),
    "state": MatchKind({"--state": 1}, _each(_state)),
    "conntrack": MatchKind(
        dict.fromkeys(
            (
                *("--ctstate", "--ctproto", "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst", "--ctorigsrcport"),
                *("--ctorigdstport", "--ctreplsrcport", "--ctrepldstport", "--ctstatus", "--ctexpire", "--ctdir"),
            ),
            1,
        ),
        _conntrack,
    ),
    "iprange": MatchKind({"--src-range": 1, "--dst-range": 1}, _each(_iprange)),
    "addrtype": MatchKind({"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0}, _addrtype),
    "mac": MatchKind({"--mac-source": 1}, _each(_mac)),
    "pkttype": MatchKind({"--pkt-type": 1}, _each(_pkttype)),
    "mark": MatchKind({"--mark": 1}, _each(_mark)),
    "connmark": MatchKind({"--mark": 1}, _each(_mark)),
    "length": MatchKind({"--length": 1}, _each(lambda _, option: compare("meta length", [interval(option, option.value, 65535)], option))),
    "ttl": MatchKind({"--ttl-eq": 1, "--ttl-lt": 1, "--ttl-gt": 1, "--ttl": 1}, _each(_hops)),
    "hl": MatchKind({"--hl-eq": 1, "--hl-lt": 1, "--hl-gt": 1, "--hl": 1}, _each(_hops)),
    "dscp": MatchKind({"--dscp": 1, "--dscp-class": 1}, _each(_dscp)),
    "owner": MatchKind({"--uid-owner": 1, "--gid-owner": 1, "--socket-exists": 0, "--suppl-groups": 0}, _each(_owner)),
    "rpfilter": MatchKind({"--loose": 0, "--validmark": 0, "--accept-local": 0, "--invert": 0}, _rpfilter),
    "time": MatchKind(
        {
            **dict.fromkeys(("--timestart", "--timestop", "--weekdays", "--monthdays", "--datestart", "--datestop"), 1),
            **dict.fromkeys(("--kerneltz", "--contiguous", "--utc", "--localtz"), 0),
        },
        _time,
    ),
    "tcpmss": MatchKind({"--mss": 1}, _tcpmss),
    "helper": MatchKind({"--helper": 1}, _each(_helper)),
    "rt": MatchKind(
        {"--rt-type": 1, "--rt-segsleft": 1, "--rt-len": 1, "--rt-0-res": 0, "--rt-0-addrs": 1, "--rt-0-not-strict": 0}, _routing
    ),
    "connbytes": MatchKind({"--connbytes": 1, "--connbytes-dir": 1, "--connbytes-mode": 1}, _connbytes),
    "esp": MatchKind({"--espspi": 1}, _security),
    "ah": MatchKind({"--ahspi": 1, "--ahlen": 1, "--ahres": 0}, _security),
    "connlimit": MatchKind(
        {"--connlimit-above": 1, "--connlimit-upto": 1, "--connlimit-mask": 1, "--connlimit-saddr": 0, "--connlimit-daddr": 0}, _connlimit
    ),
    "string": MatchKind({**dict.fromkeys(("--algo", "--from", "--to", "--string", "--hex-string"), 1), "--icase": 0}, _refused),
    "u32": MatchKind({"--u32": 1}, _refused),
    "bpf": MatchKind({"--bytecode": 1, "--object-pinned": 1}, _refused),
    **{name: MatchKind(options, opaque) for name, options in _UNKNOWN.items()},
}
