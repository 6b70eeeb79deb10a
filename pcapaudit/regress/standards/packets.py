"""Packets that are made up to try a ruleset: whole IP packets as bytes, of every protocol that the standards speak of.

Checksums are left away where nobody looks at them (the bench ignores them); ICMP over IPv4 has a right one or, if asked for, a wrong one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from pcapaudit.core import consts

__all__ = [
    "HIP",
    "SHIM6",
    "Address",
    "Header",
    "dccp",
    "fragments",
    "icmp_error",
    "icmp_query",
    "packet",
    "sctp",
    "tcp",
    "transport",
    "udp",
    "udplite",
]

Address = IPv4Address | IPv6Address

#: Protocol numbers that the engine has no name for: Host Identity Protocol, Shim6.
HIP = 139
SHIM6 = 140
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_VERSION_TAG = {True: 0x1001, False: 0x2002}


@dataclass(frozen=True, slots=True)
class Header:
    """An IPv6 extension header, or what stands in its place: its protocol number and its bytes behind the first (the next header)."""

    proto: int
    rest: bytes = field(default=bytes(7))


def packet(source: Address, target: Address, proto: int, body: bytes, headers: tuple[Header, ...] = (), *, options: bytes = b"") -> bytes:
    """An IP packet. ``headers``: what stands between; ``options``: of IPv4, in whole words."""
    for header in reversed(headers):
        body, proto = bytes((proto,)) + header.rest + body, header.proto
    if source.version == 4:
        words = 5 + len(options) // 4
        head = (
            struct.pack("!BBHHHBBH", 0x40 | words, 0, 4 * words + len(body), 1, 0, 64, proto, 0) + source.packed + target.packed + options
        )
        return head[:10] + _sum(head).to_bytes(2) + head[12:] + body
    return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + source.packed + target.packed + body


def fragments(whole: bytes, size: int) -> tuple[bytes, bytes]:
    """An IPv4 packet without options, or an IPv6 packet without extension headers, in two: ``size`` bytes of payload, and the rest."""
    if whole[0] >> 4 == 4:
        parts = []
        for start, stop in ((0, size), (size, len(whole) - 20)):
            more = 0x2000 if stop < len(whole) - 20 else 0
            head = (
                whole[:2]
                + (20 + stop - start).to_bytes(2)
                + whole[4:6]
                + (more | start // 8).to_bytes(2)
                + whole[8:10]
                + bytes(2)
                + whole[12:20]
            )
            parts.append(head[:10] + _sum(head).to_bytes(2) + head[12:] + whole[20 + start : 20 + stop])
        return parts[0], parts[1]
    body, proto = whole[40:], whole[6]
    found = []
    for start, stop in ((0, size), (size, len(body))):
        place = start | (1 if stop < len(body) else 0)
        part = struct.pack("!BBHI", proto, 0, place, 77) + body[start:stop]
        found.append(whole[:4] + len(part).to_bytes(2) + bytes((consts.PROTO_FRAGMENT,)) + whole[7:40] + part)
    return found[0], found[1]


def udp(ports: tuple[int, int], payload: bytes = b"") -> bytes:
    """A datagram without a checksum."""
    return struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload


def udplite(ports: tuple[int, int], payload: bytes = b"") -> bytes:
    """A datagram of which everything is covered, by a checksum that nobody looks at: without one it would be invalid."""
    return struct.pack("!HHHH", *ports, 0, 0x1234) + payload


def tcp(ports: tuple[int, int], flags: int, numbers: tuple[int, int], payload: bytes = b"", window: int = 65535) -> bytes:
    """A segment without options; ``numbers``: its own and the acknowledged one."""
    return struct.pack("!HHIIBBHHH", *ports, *numbers, 0x50, flags, window, 0, 0) + payload


def icmp_query(version: int, ident: int, *, answer: bool = False) -> bytes:
    """An echo request or reply."""
    kind = {(4, False): 8, (4, True): 0, (6, False): 128, (6, True): 129}[(version, answer)]
    return _icmp(bytes((kind, 0)), ident.to_bytes(2) + bytes(2))


def icmp_error(kind: tuple[int, int], quoted: bytes, *, wrong_checksum: bool = False) -> bytes:
    """An ICMP error of a type and code, about a packet."""
    made = _icmp(bytes(kind), bytes(4) + quoted[:128])
    return made[:2] + (int.from_bytes(made[2:4]) ^ 0x5555).to_bytes(2) + made[4:] if wrong_checksum else made


def _icmp(kind: bytes, rest: bytes) -> bytes:
    return kind + _sum(kind + bytes(2) + rest).to_bytes(2) + rest


def sctp(ports: tuple[int, int], chunk: str, *, is_reply: bool) -> bytes:
    """A packet with one chunk: ``init``, ``init-ack``, ``cookie-echo``, ``cookie-ack`` or ``data``."""
    kinds = {"init": 1, "init-ack": 2, "cookie-echo": 10, "cookie-ack": 11, "data": 0}
    opening = struct.pack("!IIHHI", _VERSION_TAG[not is_reply], 65535, 1, 1, 1)
    bodies = {
        "init": opening,
        "init-ack": opening,
        "cookie-echo": b"cook",
        "cookie-ack": b"",
        "data": struct.pack("!IHHI", 1, 0, 0, 0) + b"data",
    }
    body = bodies[chunk]
    tag = 0 if chunk == "init" else _VERSION_TAG[is_reply]
    return struct.pack("!HHII", *ports, tag, 0) + struct.pack("!BBH", kinds[chunk], 3 if chunk == "data" else 0, 4 + len(body)) + body


def dccp(ports: tuple[int, int], kind: str, numbers: tuple[int, int]) -> bytes:
    """A packet with extended sequence numbers: ``request``, ``response``, ``ack`` or ``dataack``."""
    code = {"request": 0, "response": 1, "ack": 3, "dataack": 4}[kind]
    acknowledged = b"" if kind == "request" else numbers[1].to_bytes(8)
    service = b"\0\0\0\1" if kind in ("request", "response") else b""
    words = (16 + len(acknowledged) + len(service)) // 4
    head = struct.pack("!HHBBHBB", *ports, words, 0, 0, code << 1 | 1, 0)
    return head + numbers[0].to_bytes(6) + acknowledged + service + (b"data" if kind == "dataack" else b"")


def transport(proto: int, ports: tuple[int, int], payload: bytes = b"data") -> bytes:
    """What a packet of a protocol without handshake holds; of one with, what opens a connection."""
    if proto == consts.PROTO_UDP:
        return udp(ports, payload)
    if proto == consts.PROTO_UDPLITE:
        return udplite(ports, payload)
    if proto == consts.PROTO_TCP:
        return tcp(ports, SYN, (1000, 0))
    if proto == consts.PROTO_SCTP:
        return sctp(ports, "init", is_reply=False)
    if proto == consts.PROTO_DCCP:
        return dccp(ports, "request", (1000, 0))
    if proto == consts.PROTO_ICMP:
        return icmp_query(4, ports[0])
    if proto == consts.PROTO_ICMPV6:
        return icmp_query(6, ports[0])
    if proto == consts.PROTO_ESP:
        return struct.pack("!II", ports[0] << 16 | ports[1], 1) + bytes(16)
    if proto in (consts.PROTO_MOBILITY, HIP, SHIM6):
        # Next header, length in units of eight bytes beyond the first, type, reserved, checksum.
        return struct.pack("!BBBBHH", consts.PROTO_NONE, 0, 5, 0, 0, 1)
    return bytes(8)


def _sum(data: bytes) -> int:
    """The Internet checksum."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
