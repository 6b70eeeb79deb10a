"""Types of values in rules: how wide they are, how their text becomes a number, and how the number becomes text again.

Every value is one unsigned integer, written as the bits stand on the wire from left to right (an IPv4 address is 32 bits, an
interface name 128: 16 bytes, padded with zeroes). Prefixes, ranges and wildcards are intervals of such integers. So one way of
comparing serves all types, and an interval set works for addresses, ports and interface names alike.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pcapaudit.rules import tables

__all__ = ["DATATYPES", "NS_PER_SECOND", "Datatype", "format_duration", "parse_duration"]

NS_PER_SECOND = 1_000_000_000
#: Types whose numbers say more than the names do.
_PRINTED_AS_NUMBERS = frozenset({"inet_service"})
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
#: More digits than any number of ours has; int() refuses some thousands of them with an exception.
_MAX_DIGITS = 40
_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]{1,40}")
_MAC = re.compile(r"(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Datatype:
    """One type of value."""

    #: Name as in ``type NAME`` of a set.
    name: str
    #: Width in bits.
    bits: int
    #: ``integer``, ``ipv4``, ``ipv6``, ``mac``, ``ifname``, ``duration``, ``clock``, ``date``, ``account`` or ``text``.
    form: str = "integer"
    #: name → number
    symbols: Mapping[str, int] = field(default_factory=dict)
    #: A comma list of values is one mask, as in ``ct state established,related``.
    is_mask: bool = False
    #: Numbers are printed in hexadecimal.
    is_hex: bool = False
    #: What a value looks like, for messages.
    example: str = ""
    #: number → the name that is printed for it
    names: Mapping[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        printed = {} if self.name in _PRINTED_AS_NUMBERS else self.symbols
        object.__setattr__(self, "names", {number: name for name, number in reversed(list(printed.items()))})

    def parse(self, text: str) -> int | None:
        """The number that ``text`` stands for, or None when it is no value of this type."""
        number = self.symbols.get(text)
        if number is None:
            number = _PARSERS[self.form](text)
        return number if number is None or 0 <= number < 1 << self.bits else None

    def format(self, number: int) -> str:
        """``number`` as the ruleset language writes it."""
        if self.form != "integer":
            return _FORMATTERS[self.form](number)
        if self.is_mask:
            return self._format_mask(number)
        name = self.names.get(number)
        return name if name is not None else f"0x{number:08x}" if self.is_hex else str(number)

    def _format_mask(self, number: int) -> str:
        names = [name for name, bit in self.symbols.items() if number & bit]
        known = sum(bit for bit in self.symbols.values() if number & bit)
        return ",".join(names) if names and known == number else f"0x{number:x}"


def parse_duration(text: str) -> int | None:
    """``1d2h3m4s5ms`` or a plain number of seconds, in ns; None when it is neither."""
    if len(text) > _MAX_DIGITS:
        return None
    if text.isdecimal():
        return int(text) * NS_PER_SECOND
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return None
    weeks, days, hours, minutes, seconds, millis = (int(part or 0) for part in found.groups())
    return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 * NS_PER_SECOND + seconds * NS_PER_SECOND + millis * 1_000_000


def format_duration(ns: int) -> str:
    """A duration as nft prints it, ``0s`` for none."""
    millis = ns // 1_000_000
    seconds, millis = divmod(millis, 1000)
    parts = []
    for unit, size in _UNITS.items():
        if unit != "w" and seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    if millis:
        parts.append(f"{millis}ms")
    return "".join(parts) or "0s"


def _parse_integer(text: str) -> int | None:
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _MAX_DIGITS else None


_OCTETS = {str(number): number for number in range(256)}


def _parse_ipv4(text: str) -> int | None:
    """Four decimal numbers. Looked up because block lists hold a million of them, and ``ipaddress`` takes 4 µs for each."""
    try:
        first, second, third, fourth = text.split(".")
        return _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (ValueError, KeyError):
        return None


def _parse_ipv6(text: str) -> int | None:
    try:
        return int(ipaddress.IPv6Address(text))
    except ValueError:
        return None


def _parse_mac(text: str) -> int | None:
    if not _MAC.fullmatch(text):
        return None
    return int("".join(byte.zfill(2) for byte in text.split(":")), 16)


def _parse_ifname(text: str) -> int | None:
    raw = text.encode()
    return int.from_bytes(raw.ljust(16, b"\0"), "big") if 0 < len(raw) < 16 else None


def _format_ifname(number: int) -> str:
    return '"' + number.to_bytes(16, "big").rstrip(b"\0").decode(errors="replace") + '"'


def _format_mac(number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))


def _format_text(number: int) -> str:
    return _format_ifname(number)


def _parse_account(text: str) -> int | None:
    """A user or group: its number, or its name as text in the upper bytes (32 characters at most), since no capture knows accounts."""
    number = _parse_integer(text)
    if number is not None:
        return number if number < 1 << 32 else None
    raw = text.encode()
    return int.from_bytes(raw.ljust(32, b"\0"), "big") if 0 < len(raw) <= 32 else None


def _format_account(number: int) -> str:
    return str(number) if number < 1 << 32 else '"' + number.to_bytes(32, "big").rstrip(b"\0").decode(errors="replace") + '"'


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")


def _parse_clock(text: str) -> int | None:
    """``17:30`` or ``17:30:15``, in seconds since midnight; a plain number is taken as it is."""
    number = _parse_integer(text)
    if number is not None:
        return number
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 24 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def _format_clock(number: int) -> str:
    text = f"{number // 3600:02}:{number // 60 % 60:02}"
    return f'"{text}:{number % 60:02}"' if number % 60 else f'"{text}"'


def _parse_date(text: str) -> int | None:
    """``2026-06-01 12:00:00`` (UTC), in ns since 1970; a plain number counts seconds."""
    number = _parse_integer(text)
    if number is not None:
        return number * NS_PER_SECOND
    found = _DATE.fullmatch(text)
    clock = _parse_clock(found[4]) if found and found[4] else 0
    if found is None or clock is None:
        return None
    try:
        day = datetime.date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH
    except ValueError:
        return None
    return (day * 86400 + clock) * NS_PER_SECOND if day >= 0 else None


def _format_date(number: int) -> str:
    day, seconds = divmod(number // NS_PER_SECOND, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f'"{datetime.date.fromordinal(day + _EPOCH)} {clock}"'


_EPOCH = datetime.date(1970, 1, 1).toordinal()
_PARSERS = {
    "account": _parse_account,
    "clock": _parse_clock,
    "date": _parse_date,
    "integer": _parse_integer,
    "ipv4": _parse_ipv4,
    "ipv6": _parse_ipv6,
    "mac": _parse_mac,
    "ifname": _parse_ifname,
    "duration": parse_duration,
    "text": _parse_ifname,
}
_FORMATTERS = {
    "account": _format_account,
    "clock": _format_clock,
    "date": _format_date,
    "ipv4": lambda number: str(ipaddress.IPv4Address(number)),
    "ipv6": lambda number: str(ipaddress.IPv6Address(number)),
    "mac": _format_mac,
    "ifname": _format_ifname,
    "duration": format_duration,
    "text": _format_text,
}
_BOOLEAN = {"exists": 1, "missing": 0, "true": 1, "false": 0}

DATATYPES: dict[str, Datatype] = {
    each.name: each
    for each in (
        Datatype("ipv4_addr", 32, "ipv4", example="192.0.2.1 or 192.0.2.0/24"),
        Datatype("ipv6_addr", 128, "ipv6", example="2001:db8::1 or 2001:db8::/32"),
        Datatype("ether_addr", 48, "mac", example="00:00:5e:00:53:01"),
        Datatype("inet_service", 16, symbols=tables.SERVICES, example="a port from 0 to 65535, or the name of a service"),
        Datatype("inet_proto", 8, symbols=tables.PROTOCOLS, example="tcp, udp, icmp, icmpv6 or a number up to 255"),
        Datatype("ether_type", 16, symbols=tables.ETHER_TYPES, is_hex=True, example="ip, ip6, arp or a number"),
        Datatype("nf_proto", 8, symbols=tables.NF_PROTOCOLS, example="ipv4 or ipv6"),
        Datatype("ifname", 128, "ifname", example='"eth0" or "ppp*", at most 15 characters'),
        Datatype("iface_index", 128, "ifname", example='"eth0"'),
        Datatype("iface_type", 16, symbols=tables.IFACE_TYPES, example="ether, loopback, ppp"),
        Datatype("ct_state", 32, symbols=tables.CT_STATES, is_mask=True, example="new, established, related, invalid, untracked"),
        Datatype("ct_status", 32, symbols=tables.CT_STATUS, is_mask=True, example="assured, seen-reply, dnat, snat, confirmed, expected"),
        Datatype("ct_dir", 8, symbols=tables.CT_DIRECTIONS, example="original or reply"),
        Datatype("ct_label", 128, example="a number below 128"),
        Datatype("icmp_type", 8, symbols=tables.ICMP_TYPES, example="echo-request, destination-unreachable, time-exceeded"),
        Datatype("icmp_code", 8, symbols=tables.ICMP_CODES, example="port-unreachable, frag-needed"),
        Datatype("icmpv6_type", 8, symbols=tables.ICMPV6_TYPES, example="echo-request, packet-too-big, nd-neighbor-solicit"),
        Datatype("icmpv6_code", 8, symbols=tables.ICMPV6_CODES, example="no-route, port-unreachable"),
        Datatype("icmpx_code", 8, symbols=tables.ICMPX_CODES, example="port-unreachable, admin-prohibited"),
        Datatype("tcp_flag", 8, symbols=tables.TCP_FLAGS, is_mask=True, example="fin, syn, rst, psh, ack, urg, ecn, cwr"),
        Datatype("mark", 32, is_hex=True, example="0x1"),
        Datatype("realm", 32, is_hex=True, example="0x1"),
        Datatype("classid", 32, is_hex=True, example="0x10001"),
        Datatype("dscp", 6, symbols=tables.DSCP, is_hex=True, example="cs1, af21, ef or a number below 64"),
        Datatype("ecn", 2, symbols=tables.ECN, example="not-ect, ect0, ect1, ce"),
        Datatype("pkt_type", 8, symbols=tables.PACKET_TYPES, example="unicast, broadcast, multicast, other"),
        Datatype("fib_addrtype", 32, symbols=tables.FIB_TYPES, example="local, unicast, broadcast, multicast"),
        Datatype("boolean", 8, symbols=_BOOLEAN, example="exists or missing"),
        Datatype("day", 8, symbols=tables.DAYS, example="Monday"),
        Datatype("hour", 32, "clock", example='"17:30"'),
        Datatype("time", 64, "duration", example="1h30m"),
        Datatype("date", 64, "date", example='"2026-06-01 12:00:00"'),
        Datatype("uid", 256, "account", example="a user's name or number"),
        Datatype("gid", 256, "account", example="a group's name or number"),
        Datatype("igmp_type", 8, symbols=tables.IGMP_TYPES, example="membership-query, leave-group"),
        Datatype("arp_op", 16, symbols=tables.ARP_OPERATIONS, example="request or reply"),
        Datatype("devgroup", 32, symbols={"default": 0}, example="a number, or default"),
        Datatype("integer", 128, example="a number"),
        Datatype("string", 128, "text", example='"text"'),
    )
}
