"""The little language in which packets are made up: ``in lan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn``.

    in lan out wan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn      interfaces or zones; addresses, ports, TCP flags
    input udp 192.0.2.1:53 > 10.0.0.1:4000 length 120         the way: forward, input or output; length of the IP packet
    icmp 10.0.0.5 > 192.0.2.1 type echo-request code 0        types by name or number; icmpv6 too
    tcp 10.0.0.5:4000 > 192.0.2.1:443 ack ct established      what conntrack is to have said, in place of what it says
    udp 10.0.0.5:4000 > 192.0.2.1:53; after 40s udp 192.0.2.1:53 > 10.0.0.5:4000
                                                              several packets: a conversation

A packet's words stand in any order but for ``SOURCE > DESTINATION``. Sequence numbers that are not given follow the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from pcapaudit.conntrack.config import parse_duration_ns
from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import ConfigError, SelectorError
from pcapaudit.rules.datatypes import DATATYPES

__all__ = ["EXAMPLE", "PacketText", "parse_packets"]

EXAMPLE = "in lan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn"
#: Packets of one text.
MAX_PACKETS = 1000
_TOKEN = re.compile(r";|>|[^\s;>]+")
_PROTOCOLS = {
    "tcp": consts.PROTO_TCP,
    "udp": consts.PROTO_UDP,
    "udplite": consts.PROTO_UDPLITE,
    "sctp": consts.PROTO_SCTP,
    "icmp": consts.PROTO_ICMP,
    "icmpv6": consts.PROTO_ICMPV6,
    "gre": consts.PROTO_GRE,
    "esp": consts.PROTO_ESP,
}
_WITH_PORTS = frozenset({consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP})
_ICMP = frozenset({consts.PROTO_ICMP, consts.PROTO_ICMPV6})
_FLAGS = {name: 1 << bit for bit, name in enumerate(("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"))}
_PATHS = {"forward": consts.PATH_FORWARD, "input": consts.PATH_INPUT, "output": consts.PATH_OUTPUT}
_STATES = {name: number for number, name in vocab.CT_STATES.items() if name}
_LEAST = {4: 20, 6: 40}
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class PacketText:
    """One packet as it was asked for."""

    #: Its part of the text.
    text: str
    proto: int
    source: IPv4Address | IPv6Address
    target: IPv4Address | IPv6Address
    #: 0 where the protocol has none.
    sport: int = 0
    dport: int = 0
    #: TCP_ bits; None for a SYN, or what the conversation is at.
    flags: int | None = None
    #: Sequence and acknowledgement number; None for what follows.
    seq: int | None = None
    ack: int | None = None
    #: ICMP type, code and identifier.
    icmp_type: int = 0
    icmp_code: int = 0
    icmp_id: int = 1
    #: Interfaces or zones by which it comes and goes; empty for what the topology says.
    come_by: str = ""
    leave_by: str = ""
    #: PATH_, or None for what the topology says.
    path: int | None = None
    #: CT_ that conntrack is to have said; None for what it says.
    ct_state: int | None = None
    #: Mark of the packet.
    mark: int = 0
    #: Length of the IP packet; 0 for headers alone.
    length: int = 0
    ttl: int = 64
    #: Time since the packet before, ns.
    after_ns: int = _NS_PER_MS


def parse_packets(text: str) -> list[PacketText]:
    """The packets of a text. Raises SelectorError, which shows the place."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [(match[0], match.start() + 1) for match in _TOKEN.finditer(text)]
        self._at = 0

    def parse(self) -> list[PacketText]:
        found: list[PacketText] = []
        while self._at < len(self._tokens):
            if self._word() == ";":
                self._at += 1
                continue
            if len(found) == MAX_PACKETS:
                self._fail(f"more than {MAX_PACKETS} packets")
            found.append(self._packet())
        if not found:
            raise SelectorError(self._text, 1, 1, f"an empty text: expected a packet, such as {EXAMPLE!r}")
        return found

    def _packet(self) -> PacketText:
        first = self._at
        values: dict[str, object] = {}
        while self._word() not in ("", ";"):
            word = self._word()
            if word in _WORDS:
                self._at += 1
                _WORDS[word](self, values)
            elif word in _PROTOCOLS:
                values["proto"] = _PROTOCOLS[word]
                self._at += 1
            elif word in _PATHS:
                values["path"] = _PATHS[word]
                self._at += 1
            elif all(part in _FLAGS for part in word.replace("-", ",").split(",")):
                self._take_flags(values)
            elif self._word(1) == ">":
                self._tuple(values)
            else:
                self._fail(f"expected a protocol, SOURCE > DESTINATION, TCP flags or one of {', '.join(_WORDS)}, {', '.join(_PATHS)}")
        return self._made(values, first)

    def _made(self, values: dict[str, object], first: int) -> PacketText:
        """Check what belongs together."""
        last = self._at
        self._at = first
        if "source" not in values:
            self._fail(f"this packet has no SOURCE > DESTINATION: expected one such as {EXAMPLE!r}")
        if "proto" not in values:
            self._fail(f"this packet has no protocol: expected one of {', '.join(_PROTOCOLS)}")
        begin, end = self._tokens[first][1] - 1, self._tokens[last - 1][1] - 1 + len(self._tokens[last - 1][0])
        made = PacketText(self._text[begin:end], **values)  # type: ignore[arg-type]  # every word put in its own kind
        version = made.source.version
        if made.target.version != version:
            self._fail("source and destination are of different IP versions")
        if made.proto in _ICMP and version != (4 if made.proto == consts.PROTO_ICMP else 6):
            self._fail(f"icmp is of IPv4 and icmpv6 of IPv6, and these addresses are IPv{version}")
        if made.proto in _WITH_PORTS and not (made.sport and made.dport):
            self._fail("ports are missing: expected SOURCE:PORT > DESTINATION:PORT")
        if made.proto not in _WITH_PORTS and (made.sport or made.dport):
            self._fail("this protocol has no ports")
        if made.flags is not None and made.proto != consts.PROTO_TCP:
            self._fail("only tcp has flags")
        if made.proto in _ICMP and "icmp_type" not in values:
            made = replace(made, icmp_type=8 if version == 4 else 128)
        if made.length and not _LEAST[version] <= made.length <= 65535:
            self._fail(f"length {made.length}: expected {_LEAST[version]} to 65535, the length of the IP packet")
        self._at = last
        return made

    # Words ------------------------------------------------------------------------------------------------------------------------

    def _tuple(self, values: dict[str, object]) -> None:
        values["source"], sport = self._endpoint()
        self._at += 2
        if self._word() in ("", ";", ">"):
            self._at -= 1
            self._fail("expected a destination behind '>'")
        values["target"], dport = self._endpoint()
        self._at += 1
        values |= {"sport": sport, "dport": dport}

    def _endpoint(self) -> tuple[IPv4Address | IPv6Address, int]:
        """ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT."""
        word = self._word()
        found = re.fullmatch(r"\[([^\]]*)\](?::(.*))?|([^:]*):([^:]*)|(.*)", word)
        address, port = (found[1] or found[3] or found[5] or "", found[2] or found[4] or "") if found else (word, "")
        try:
            made = ip_address(address)
        except ValueError:
            self._fail(f"{address!r} is no address")
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            self._fail(f"{port!r} is no port: expected 1 to 65535")
        return made, int(port or 0)

    def _take_flags(self, values: dict[str, object]) -> None:
        values["flags"] = sum(_FLAGS[each] for each in dict.fromkeys(self._word().replace("-", ",").split(",")))
        self._at += 1

    def _name(self, field: str) -> Callable[[dict[str, object]], None]:
        def take(values: dict[str, object]) -> None:
            if self._word() in ("", ";", ">"):
                self._fail("expected the name of an interface or zone")
            values[field] = self._word()
            self._at += 1

        return take

    def number(self, values: dict[str, object], field: str, most: int) -> None:
        """A number up to ``most``, decimal or hexadecimal."""
        word = self._word()
        if not re.fullmatch(r"\d{1,10}|0x[0-9a-fA-F]{1,8}", word) or int(word, 0 if word.startswith("0x") else 10) > most:
            self._fail(f"expected a number from 0 to {most}")
        values[field] = int(word, 0 if word.startswith("0x") else 10)
        self._at += 1

    def name(self, values: dict[str, object], field: str) -> None:
        """The name of an interface or zone."""
        self._name(field)(values)

    def flags(self, values: dict[str, object], _field: str) -> None:
        """Names of TCP flags."""
        if not all(part in _FLAGS for part in self._word().replace("-", ",").split(",")):
            self._fail(f"expected TCP flags such as syn,ack: {', '.join(_FLAGS)}")
        self._take_flags(values)

    def state(self, values: dict[str, object], field: str) -> None:
        """A ct state."""
        if self._word() not in _STATES:
            self._fail(f"expected a ct state: {', '.join(_STATES)}")
        values[field] = _STATES[self._word()]
        self._at += 1

    def icmp_type(self, values: dict[str, object], field: str) -> None:
        """A number, or a name as rules write it."""
        kind = "icmpv6_type" if values.get("proto") == consts.PROTO_ICMPV6 else "icmp_type"
        number = DATATYPES[kind].parse(self._word())
        if number is None:
            self._fail("expected an ICMP type, by number or by name: echo-request, destination-unreachable …")
        values[field] = number
        self._at += 1

    def duration(self, values: dict[str, object], field: str) -> None:
        """A time."""
        try:
            values[field] = parse_duration_ns(self._word(), "after")
        except ConfigError as error:
            self._fail(str(error))
        self._at += 1

    def _word(self, ahead: int = 0) -> str:
        return self._tokens[self._at + ahead][0] if self._at + ahead < len(self._tokens) else ""

    def _fail(self, message: str) -> None:
        if self._at < len(self._tokens):
            word, column = self._tokens[self._at]
            raise SelectorError(self._text, column, len(word), f"{message}, found {word!r}" if message.startswith("expected") else message)
        raise SelectorError(self._text, len(self._text) + 1, 1, f"{message}, found the end")


_WORDS: dict[str, Callable[[_Parser, dict[str, object]], None]] = {
    "in": lambda parser, values: parser.name(values, "come_by"),
    "out": lambda parser, values: parser.name(values, "leave_by"),
    "flags": lambda parser, values: parser.flags(values, "flags"),
    "seq": lambda parser, values: parser.number(values, "seq", 0xFFFFFFFF),
    "acked": lambda parser, values: parser.number(values, "ack", 0xFFFFFFFF),
    "type": lambda parser, values: parser.icmp_type(values, "icmp_type"),
    "code": lambda parser, values: parser.number(values, "icmp_code", 255),
    "id": lambda parser, values: parser.number(values, "icmp_id", 0xFFFF),
    "ct": lambda parser, values: parser.state(values, "ct_state"),
    "mark": lambda parser, values: parser.number(values, "mark", 0xFFFFFFFF),
    "length": lambda parser, values: parser.number(values, "length", 65535),
    "ttl": lambda parser, values: parser.number(values, "ttl", 255),
    "after": lambda parser, values: parser.duration(values, "after_ns"),
}
