"""Reads what ``ipset save`` writes: ``create NAME TYPE …`` and ``add NAME ELEMENT …`` lines, as named sets."""

from __future__ import annotations

from dataclasses import replace

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.datatypes import DATATYPES, NS_PER_SECOND
from pcapaudit.rules.iptables.values import number, parse_address, parse_mark, parse_port, protocol
from pcapaudit.rules.iptables.words import Line, Option
from pcapaudit.rules.model import Element, NamedSet
from pcapaudit.rules.nft.cursor import MAX_DIAGNOSTICS, SyntaxProblem, did_you_mean

__all__ = ["read_ipsets"]

#: Kind of set → its parts; ``port`` stands for a protocol and a port.
_KINDS = {
    "hash:ip": ("ip",),
    "hash:net": ("ip",),
    "bitmap:ip": ("ip",),
    "bitmap:port": ("bare-port",),
    "hash:ip,port": ("ip", "port"),
    "hash:net,port": ("ip", "port"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "ip"),
    "hash:net,net": ("ip", "ip"),
    "hash:net,port,net": ("ip", "port", "ip"),
    "hash:ip,mark": ("ip", "mark"),
    "hash:net,iface": ("ip", "iface"),
    "hash:mac": ("mac",),
    "hash:ip,mac": ("ip", "mac"),
    "bitmap:ip,mac": ("ip", "mac"),
}
_WITH_VALUE = frozenset({"family", "hashsize", "maxelem", "timeout", "netmask", "bitmask", "range", "bucketsize", "initval", "markmask"})
Part = tuple[int, int]


def read_ipsets(text: str, path: str) -> tuple[dict[str, NamedSet], list[Diagnostic]]:
    """Sets by name, and complaints."""
    sets: dict[str, _Set] = {}
    problems: list[Diagnostic] = []
    for count, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        line = Line(path, count, raw)
        try:
            line.split()
            command = line.take("create or add")
            if command in ("create", "-N"):
                _create(line, sets)
            elif command in ("add", "-A"):
                _add(line, sets)
            elif command not in ("COMMIT", "flush", "destroy"):
                raise line.problem(f'found "{command}", expected create or add', did_you_mean(command, ("create", "add")), 0)
        except SyntaxProblem as problem:
            problems.append(problem.diagnostic)
        if len(problems) >= MAX_DIAGNOSTICS:
            break
    return {name: each.freeze() for name, each in sets.items()}, problems


class _Set:
    """A set while it is read."""

    def __init__(self, known: NamedSet, parts: tuple[str, ...], l3: int) -> None:
        self.known = known
        self.parts = parts
        self.l3 = l3
        self.elements: list[Element] = []

    def freeze(self) -> NamedSet:
        """The set as a value."""
        ranged = any(first != last for each in self.elements for first, last in each.parts)
        flags = ("interval",) if ranged else ()
        timed = self.known.timeout_ns is not None or any(each.timeout_ns for each in self.elements)
        return replace(self.known, elements=tuple(self.elements), flags=(*flags, "timeout") if timed else flags, auto_merge=ranged)


def _create(line: Line, sets: dict[str, _Set]) -> None:
    place = line.place()
    name = line.take("a name")
    at = line.index
    kind = line.take("a type")
    if kind not in _KINDS:
        raise line.problem(f'sets of type "{kind}" are not supported', did_you_mean(kind, _KINDS) or f"one of: {', '.join(_KINDS)}", at)
    options: dict[str, str] = {}
    while not line.at_end:
        word = line.take("an option")
        options[word] = line.take("its value") if word in _WITH_VALUE else ""
    l3 = 6 if options.get("family") == "inet6" else 4
    address = "ipv4_addr" if l3 == 4 else "ipv6_addr"
    types: list[str] = []
    for part in _KINDS[kind]:
        types += {
            "ip": [address],
            "port": ["inet_proto", "inet_service"],
            "bare-port": ["inet_service"],
            "mark": ["mark"],
            "iface": ["ifname"],
            "mac": ["ether_addr"],
        }[part]
    timeout = int(options["timeout"]) * NS_PER_SECOND if options.get("timeout", "0") != "0" else None
    sets[name] = _Set(NamedSet(name, tuple(types), timeout_ns=timeout, place=place), _KINDS[kind], l3)


def _add(line: Line, sets: dict[str, _Set]) -> None:
    at = line.index
    name = line.take("a name")
    known = sets.get(name)
    if known is None:
        raise line.problem(f"no set is called {name} yet", did_you_mean(name, sets) or "create it first", at)
    start = line.index
    option = Option("add", (line.take("an element"),), False, line, start)
    texts = option.value.split(",")
    if len(texts) != len(known.parts):
        raise option.problem(f'"{option.value}" has {len(texts)} of {len(known.parts)} parts')
    parts: list[Part] = []
    for text, part in zip(texts, known.parts, strict=True):
        parts += _part(option, text, part, known.l3)
    timeout = None
    while not line.at_end:
        word = line.take("an option")
        if word == "nomatch":
            raise line.problem("elements with nomatch are not supported", "list what remains without them", line.index - 1)
        if word == "timeout":
            timeout = number(option, line.take("seconds"), 1 << 32) * NS_PER_SECOND or None
        elif word in ("comment", "packets", "bytes", "skbmark", "skbprio", "skbqueue"):
            line.take("its value")
    known.elements.append(Element(tuple(parts), timeout_ns=timeout))


def _part(option: Option, text: str, part: str, l3: int) -> list[Part]:
    if part == "ip":
        first, dash, last = text.partition("-")
        address, mask = parse_address(option, first, l3)
        if dash:
            return [(address, parse_address(option, last, l3)[0])]
        bits = 32 if l3 == 4 else 128
        return [(address, address if mask is None else address | (mask ^ ((1 << bits) - 1)))]
    if part == "port":
        name, colon, ports = text.partition(":")
        proto = protocol(option, name) if colon else 6
        return [(proto, proto), _ports(option, ports if colon else text)]
    if part == "bare-port":
        return [_ports(option, text.rpartition(":")[2])]
    if part == "mark":
        return [(parse_mark(option, text)[0],) * 2]
    datatype = DATATYPES["ether_addr" if part == "mac" else "ifname"]
    value = datatype.parse(text.lower() if part == "mac" else text.removeprefix("physdev:"))
    if value is None:
        raise option.problem(f'"{text}" is no {datatype.name}', f"for example {datatype.example}")
    return [(value, value)]


def _ports(option: Option, text: str) -> Part:
    first, dash, last = text.partition("-")
    return parse_port(option, first), parse_port(option, last if dash else first)
