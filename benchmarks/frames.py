"""Frames from arrays of header fields: Ethernet, VLAN, IPv4 or IPv6, TCP, UDP or ICMP, with right checksums, as pcap records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ACK", "FIN", "SYN", "Fields", "file_header", "records"]

Array = Any

FIN, SYN, ACK = 0x01, 0x02, 0x10
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
# MSS 1460, SACK permitted, time stamps, no-operation, window scale 7; and no-operation twice, time stamps.
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 00000001 00000000 01 030307")
OPTIONS = bytes.fromhex("0101 080a 00000002 00000001")
RECORD = 16


@dataclass(slots=True)
class Fields:
    """Header fields, one array element a packet."""

    ts_ns: Array
    #: True for IPv6, for a VLAN tag.
    v6: Array
    vlan: Array
    #: TCP, UDP or ICMP (which stands for ICMPv6 too).
    proto: Array
    #: True when the flow's opener sends it.
    from_client: Array
    #: Numbers from which the addresses are made.
    client: Array
    server: Array
    #: Ports as on the wire.
    sport: Array
    dport: Array
    #: Payload bytes.
    payload: Array
    #: ICMP identifier, and position in the flow (its sequence number is half of it).
    identifier: Array
    position: Array
    #: TCP only.
    seq: Array = None
    ack: Array = None
    flags: Array = None


def file_header(snaplen: int) -> bytes:
    """Header of a little-endian pcap file with microseconds, Ethernet."""
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1)


def records(fields: Fields, snaplen: int) -> bytes:
    """The pcap records of some packets, in their order."""
    rows = _Rows(len(fields.ts_ns), snaplen)
    syn = (fields.proto == TCP) & (fields.flags & SYN != 0)
    for v6 in (False, True):
        for vlan in (False, True):
            base = (fields.v6 == v6) & (fields.vlan == vlan)
            for kind, options in ((fields.proto == TCP) & syn, SYN_OPTIONS), ((fields.proto == TCP) & ~syn, OPTIONS):
                _write(rows, fields, np.flatnonzero(base & kind), _Layout(v6, vlan, TCP, options))
            _write(rows, fields, np.flatnonzero(base & (fields.proto == UDP)), _Layout(v6, vlan, UDP))
            _write(rows, fields, np.flatnonzero(base & (fields.proto == ICMP)), _Layout(v6, vlan, ICMP))
    return rows.joined(fields.ts_ns)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Packets whose headers lie alike."""

    v6: bool
    vlan: bool
    proto: int
    options: bytes = b""

    @property
    def l3(self) -> int:
        return 18 if self.vlan else 14

    @property
    def l4(self) -> int:
        return self.l3 + (40 if self.v6 else 20)

    @property
    def header(self) -> int:
        """Bytes of all headers."""
        return self.l4 + (20 + len(self.options) if self.proto == TCP else 8)


class _Rows:
    """Room for one record a row, as long as the longest."""

    def __init__(self, count: int, snaplen: int) -> None:
        self.snaplen = snaplen
        self.bytes = np.zeros((count, RECORD + min(snaplen, 1536)), np.uint8)
        self.caplen = np.zeros(count, np.uint32)
        self.wirelen = np.zeros(count, np.uint32)

    def joined(self, ts_ns: Array) -> bytes:
        """All records, each cut to its captured length."""
        micros = ts_ns // 1000
        head = np.stack([micros // 1_000_000, micros % 1_000_000, self.caplen, self.wirelen], axis=1).astype("<u4")
        self.bytes[:, :RECORD] = head.view(np.uint8)
        held = np.arange(self.bytes.shape[1]) < (RECORD + self.caplen)[:, None]
        return bytes(self.bytes[held])


def _write(rows: _Rows, fields: Fields, index: Array, layout: _Layout) -> None:
    """Fill the rows ``index``, all of one layout."""
    if not len(index):
        return
    head = np.zeros((len(index), layout.header), np.uint8)
    payload = fields.payload[index]
    _link(head, layout)
    l4_len = layout.header - layout.l4 + payload
    _network(head, fields, index, layout, l4_len)
    if layout.proto == TCP:
        _tcp(head, fields, index, layout)
    elif layout.proto == UDP:
        _put(head, layout.l4, fields.sport[index], ">u2")
        _put(head, layout.l4 + 2, fields.dport[index], ">u2")
        _put(head, layout.l4 + 4, l4_len, ">u2")
    else:
        _icmp(head, fields, index, layout)
    _checksum_l4(head, layout, l4_len)
    held = min(layout.header, rows.snaplen)
    rows.bytes[index, RECORD : RECORD + held] = head[:, :held]
    rows.wirelen[index] = layout.header + payload
    rows.caplen[index] = np.minimum(layout.header + payload, rows.snaplen)


def _put(rows: Array, offset: int, values: Array, dtype: str) -> None:
    wide = np.ascontiguousarray(np.broadcast_to(values, len(rows))).astype(dtype)
    rows[:, offset : offset + wide.itemsize] = wide.view(np.uint8).reshape(len(rows), -1)


def _link(rows: Array, layout: _Layout) -> None:
    rows[:, 0:12] = np.frombuffer(bytes.fromhex("02000000000102000000ffff"), np.uint8)
    ethertype = 0x86DD if layout.v6 else 0x0800
    if layout.vlan:
        _put(rows, 12, 0x8100, ">u2")
        _put(rows, 14, 100, ">u2")
    _put(rows, layout.l3 - 2, ethertype, ">u2")


def _network(rows: Array, fields: Fields, index: Array, layout: _Layout, l4_len: Array) -> None:
    out = fields.from_client[index]
    client, server, at = fields.client[index], fields.server[index], layout.l3
    if layout.v6:
        _put(rows, at, 0x60000000, ">u4")
        _put(rows, at + 4, l4_len, ">u2")
        rows[:, at + 6] = ICMPV6 if layout.proto == ICMP else layout.proto
        rows[:, at + 7] = 64
        inside, outside = np.uint64(0xFD00_0000_0000_0000), np.uint64(0x2001_0DB8_0000_0000)
        _put(rows, at + 8, np.where(out, inside, outside), ">u8")
        _put(rows, at + 16, np.where(out, client, server), ">u8")
        _put(rows, at + 24, np.where(out, outside, inside), ">u8")
        _put(rows, at + 32, np.where(out, server, client), ">u8")
        return
    inside, outside = np.uint64(0x0A00_0000) + client, np.uint64(0xC633_0000) + server
    _put(rows, at, 0x4500, ">u2")
    _put(rows, at + 2, 20 + l4_len, ">u2")
    _put(rows, at + 6, 0x4000, ">u2")
    rows[:, at + 8] = 64
    rows[:, at + 9] = layout.proto
    _put(rows, at + 12, np.where(out, inside, outside), ">u4")
    _put(rows, at + 16, np.where(out, outside, inside), ">u4")
    _put(rows, at + 10, _fold(_word_sum(rows[:, at : at + 20])), ">u2")


def _tcp(rows: Array, fields: Fields, index: Array, layout: _Layout) -> None:
    at = layout.l4
    _put(rows, at, fields.sport[index], ">u2")
    _put(rows, at + 2, fields.dport[index], ">u2")
    _put(rows, at + 4, fields.seq[index], ">u4")
    _put(rows, at + 8, fields.ack[index], ">u4")
    rows[:, at + 12] = (20 + len(layout.options)) // 4 << 4
    rows[:, at + 13] = fields.flags[index]
    _put(rows, at + 14, 64_240 if layout.options == SYN_OPTIONS else 502, ">u2")
    rows[:, at + 20 : at + 20 + len(layout.options)] = np.frombuffer(layout.options, np.uint8)


def _icmp(rows: Array, fields: Fields, index: Array, layout: _Layout) -> None:
    request, reply = (128, 129) if layout.v6 else (8, 0)
    rows[:, layout.l4] = np.where(fields.from_client[index], request, reply)
    _put(rows, layout.l4 + 4, fields.identifier[index], ">u2")
    _put(rows, layout.l4 + 6, fields.position[index] // 2, ">u2")


def _checksum_l4(rows: Array, layout: _Layout, l4_len: Array) -> None:
    """The transport checksum; zero payload adds nothing to it."""
    total = _word_sum(rows[:, layout.l4 :])
    if layout.proto != ICMP or layout.v6:
        addresses = rows[:, layout.l3 + 8 : layout.l3 + 40] if layout.v6 else rows[:, layout.l3 + 12 : layout.l3 + 20]
        number = ICMPV6 if layout.proto == ICMP else layout.proto
        total = total + _word_sum(addresses) + l4_len + number
    offset = {TCP: 16, UDP: 6, ICMP: 2}[layout.proto]
    sums = _fold(total)
    _put(rows, layout.l4 + offset, np.where((sums == 0) & (layout.proto == UDP), 0xFFFF, sums), ">u2")


def _word_sum(rows: Array) -> Array:
    return np.ascontiguousarray(rows).view(">u2").sum(axis=1, dtype=np.int64)


def _fold(total: Array) -> Array:
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
