"""IP packets made byte by byte, with right checksums unless told otherwise: what a kernel must be shown.

Addresses are text; the version of the source is that of the packet. ``bad``: a wrong transport checksum.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

__all__ = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "fragments", "icmp", "ip", "sack", "sctp", "tcp", "udp", "write_pcap"]  # noqa: RUF022

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
NOP = b"\1"
_TCP, _UDP, _ICMP, _ICMPV6, _FRAGMENT, _SCTP = 6, 17, 1, 58, 44, 132
_LINKTYPE_RAW = 101


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    if len(data) & 1:
        data += b"\0"
    return ~_fold(int.from_bytes(data, "big")) & 0xFFFF


def _fold(number: int) -> int:
    """A number of any length as the sum of its 16-bit words, carries added in: what is left of it modulo 0xFFFF."""
    return number % 0xFFFF or (0xFFFF if number else 0)


@lru_cache(4096)
def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip(src: str, dst: str, proto: int, payload: bytes, **more: int) -> bytes:
    """A packet. ``ttl``, ``ident``, ``frag`` (flags and offset field), ``tos``."""
    if ":" in src:
        head = struct.pack("!IHBB", 6 << 28 | more.get("tos", 0) << 20, len(payload), proto, more.get("ttl", 64))
        return head + _packed(src) + _packed(dst) + payload
    fields = (0x45, more.get("tos", 0), 20 + len(payload), more.get("ident", 1), more.get("frag", 0), more.get("ttl", 64), proto, 0)
    head = struct.pack("!BBHHHBBH", *fields) + _packed(src) + _packed(dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def _summed(src: str, dst: str, proto: int, segment: bytes, at: int, *, bad: bool = False) -> bytes:
    """A transport segment with its checksum at offset ``at`` filled in."""
    pseudo = _packed(src) + _packed(dst) + struct.pack("!II", len(segment), proto)
    total = checksum(pseudo + segment) ^ (0x5555 if bad else 0)
    return segment[:at] + struct.pack("!H", total) + segment[at + 2 :]


def tcp(src: tuple[str, int], dst: tuple[str, int], flags: int, seq: int, ack: int = 0, **more) -> bytes:
    """A segment. ``win``, ``data`` (bytes), ``options`` (bytes, padded here), ``bad``, and what ``ip`` takes."""
    options, data = more.pop("options", b""), more.pop("data", b"")
    options += NOP * (-len(options) % 4)
    fields = (src[1], dst[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) // 4 << 4, flags, more.pop("win", 65535), 0, 0)
    segment = struct.pack("!HHIIBBHHH", *fields) + options + data
    return ip(src[0], dst[0], _TCP, _summed(src[0], dst[0], _TCP, segment, 16, bad=more.pop("bad", False)), **more)


def sack(*blocks: tuple[int, int]) -> bytes:
    """The SACK option."""
    edges = b"".join(struct.pack("!II", left & 0xFFFFFFFF, right & 0xFFFFFFFF) for left, right in blocks)
    return NOP + NOP + bytes([5, 2 + len(edges)]) + edges


def udp(src: tuple[str, int], dst: tuple[str, int], data: bytes = b"x", **more) -> bytes:
    """A datagram. ``bad``, ``length`` (what the header says), and what ``ip`` takes."""
    segment = struct.pack("!HHHH", src[1], dst[1], more.pop("length", 8 + len(data)), 0) + data
    return ip(src[0], dst[0], _UDP, _summed(src[0], dst[0], _UDP, segment, 6, bad=more.pop("bad", False)), **more)


def icmp(src: str, dst: str, kind: int, code: int = 0, **more) -> bytes:
    """A message. ``rest`` (the four bytes behind the checksum), ``data``, ``bad``, and what ``ip`` takes."""
    message = struct.pack("!BBH", kind, code, 0) + more.pop("rest", bytes(4)) + more.pop("data", b"")
    bad = more.pop("bad", False)
    if ":" in src:
        return ip(src, dst, _ICMPV6, _summed(src, dst, _ICMPV6, message, 2, bad=bad), **more)
    total = checksum(message) ^ (0x5555 if bad else 0)
    return ip(src, dst, _ICMP, message[:2] + struct.pack("!H", total) + message[4:], **more)


def echo(src: str, dst: str, ident: int, *, reply: bool = False, **more) -> bytes:
    """An echo request or reply."""
    kinds = (129, 128) if ":" in src else (0, 8)
    return icmp(src, dst, kinds[0] if reply else kinds[1], rest=struct.pack("!HH", ident, 1), data=b"ping", **more)


def sctp(src: tuple[str, int], dst: tuple[str, int], tag: int, chunks: Iterable[tuple[int, bytes, int]]) -> bytes:
    """An SCTP packet of chunks (type, body, flags)."""
    parts = b""
    for kind, body, flags in chunks:
        parts += struct.pack("!BBH", kind, flags, 4 + len(body)) + body + bytes(-len(body) % 4)
    packet = struct.pack("!HHII", src[1], dst[1], tag, 0) + parts
    return ip(src[0], dst[0], _SCTP, packet[:8] + struct.pack("<I", _crc32c(packet)) + packet[12:])


def _crc32c(data: bytes) -> int:
    total = 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82F63B78 if total & 1 else 0)
    return total ^ 0xFFFFFFFF


def fragments(packet: bytes, sizes: Iterable[int], ident: int) -> list[bytes]:
    """The packet's payload in pieces of these sizes (multiples of 8) and one more of what is left."""
    six = packet[0] >> 4 == 6
    head = 40 if six else (packet[0] & 15) * 4
    src, dst = (socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, part) for part in _ends(packet))
    proto, payload, at, made = packet[6] if six else packet[9], packet[head:], 0, []
    for size in [*sizes, len(payload)]:
        piece = payload[at : at + size]
        if piece:
            made.append(fragment((src, dst, proto, ident), at, piece, more=at + size < len(payload)))
        at += size
    return made


def fragment(of: tuple[str, str, int, int], at: int, piece: bytes, *, more: bool) -> bytes:
    """One fragment of a datagram (source, destination, protocol, identification): the bytes from offset ``at`` on."""
    src, dst, proto, ident = of
    if ":" in src:
        return ip(src, dst, _FRAGMENT, struct.pack("!BBHI", proto, 0, at | more, ident) + piece)
    return ip(src, dst, proto, piece, ident=ident & 0xFFFF, frag=at >> 3 | more << 13)


def _ends(packet: bytes) -> tuple[bytes, bytes]:
    return (packet[8:24], packet[24:40]) if packet[0] >> 4 == 6 else (packet[12:16], packet[16:20])


def write_pcap(path: Path, packets: Iterable[tuple[int, bytes]]) -> None:
    """Write packets (milliseconds, bytes); time begins in November 2023."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_RAW)]
    for now, packet in packets:
        records.append(struct.pack("<IIII", 1_700_000_000 + now // 1000, now % 1000 * 1000, len(packet), len(packet)) + packet)
    path.write_bytes(b"".join(records))
