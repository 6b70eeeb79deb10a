"""From a frame to the bytes that a kernel takes, and to the tuple by which it finds the entry.

The kernel judges what arrives, the capture holds what the recorder saw: a checksum left to the network card is finished here, a length left
to segmentation offload filled in, and what the snaplen cut off the payload replaced by zeroes. Whatever else is odd stays as it is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pcapaudit.core import consts
from pcapaudit.kernel.observe import Tuple
from pcapaudit.wire.quote import Quote, read_quote

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch

__all__ = ["Tuples", "addresses", "is_multicast", "packet_of"]

_LONGEST = 65535
_FRAGMENT_OFFSET = 0x1FFF
#: Datagrams whose first fragment is remembered.
_FRAGMENTED = 4096
_PORTS = {consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP}
#: Types that have an entry of their own (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c).
_QUERIES = {consts.PROTO_ICMP: {0, 8, 13, 14, 15, 16, 17, 18}, consts.PROTO_ICMPV6: {128, 129, 139, 140}}
#: Where the checksum stands in the transport header.
_CHECKSUM_AT = {consts.PROTO_TCP: 16, consts.PROTO_UDP: 6, consts.PROTO_ICMP: 2, consts.PROTO_ICMPV6: 2}


def packet_of(batch: PacketBatch, i: int) -> bytes | None:
    """The IP packet of row ``i`` as it was on the wire; None when the capture does not hold enough of it."""
    rows = batch.arrays
    start, end, size = int(rows["l3_off"][i]), int(rows["end_off"][i]), int(rows["ip_len"][i])
    if not rows["l3"][i] or size > _LONGEST or end <= start:
        return None
    packet = bytearray(batch.buffer[start:end])
    missing = size - len(packet)
    if missing > 0:
        if not rows["payload_off"][i] or rows["frag"][i]:
            return None
        packet += bytes(missing)
    if int(rows["anomalies"][i]) >> consts.ANOM_IP_LEN_ZERO & 1:
        _fill_length(packet, int(rows["l3"][i]))
    if rows["l3"][i] == 4 and rows["ip_csum"][i] == consts.CSUM_OFFLOADED:
        _finish_header(packet)
    finish = rows["l4_csum"][i] == consts.CSUM_OFFLOADED or (missing > 0 and rows["l4_csum"][i] != consts.CSUM_ABSENT)
    if finish:
        at = int(rows["l4_off"][i]) - start
        if int(rows["proto"][i]) not in _CHECKSUM_AT:
            return None
        _finish_transport(packet, at, int(rows["proto"][i]), b"".join(addresses(batch, i)))
    return bytes(packet)


def addresses(batch: PacketBatch, i: int) -> tuple[bytes, bytes]:
    """Source and destination, packed."""
    rows, version = batch.arrays, int(batch.arrays["l3"][i])
    source = _packed(version, int(rows["src_hi"][i]), int(rows["src_lo"][i]))
    return source, _packed(version, int(rows["dst_hi"][i]), int(rows["dst_lo"][i]))


def is_multicast(address: bytes) -> bool:
    """Whether a packed address is that of a group."""
    return address[0] >> 4 == 14 if len(address) == 4 else address[0] == 0xFF


class Tuples:
    """Tells the tuples of a batch's packets: of an ICMP error that of the packet it quotes, of a fragment that of its first one."""

    def __init__(self, batch: PacketBatch) -> None:
        self._batch = batch
        self._quote = Quote()
        #: (addresses, protocol, identification) → what the first fragment says.
        self._first: dict[tuple[bytes, bytes, int, int], Tuple | None] = {}

    def of(self, i: int) -> Tuple | None:
        """The tuple of row ``i``; None where it cannot be told, or the protocol has no ports."""
        rows = self._batch.arrays
        if not rows["frag"][i]:
            return self._own(i)
        source, target = addresses(self._batch, i)
        key = (source, target, int(rows["proto"][i]), int(rows["ip_id"][i]))
        if not rows["frag"][i] & _FRAGMENT_OFFSET:
            if len(self._first) >= _FRAGMENTED:
                self._first.clear()
            self._first[key] = self._own(i)
        return self._first.get(key)

    def _own(self, i: int) -> Tuple | None:
        """From its own headers."""
        rows = self._batch.arrays
        proto = int(rows["proto"][i])
        if not rows["l4_off"][i]:
            return None
        source, target = addresses(self._batch, i)
        sport, dport = int(rows["sport"][i]), int(rows["dport"][i])
        if proto in _QUERIES and int(rows["icmp_type"][i]) not in _QUERIES[proto]:
            return self._quoted(i)
        if proto in _QUERIES:
            dport = int(rows["icmp_type"][i]) * 256 + int(rows["icmp_code"][i])
        return Tuple(int(rows["l3"][i]), proto, source, target, sport, dport) if proto in _PORTS or proto in _QUERIES else None

    def _quoted(self, i: int) -> Tuple | None:
        """From the packet that it quotes."""
        quote = self._quote
        if read_quote(self._batch, i, quote) != consts.REASON_NONE:
            return None
        if quote.proto not in _PORTS and quote.proto not in _QUERIES:
            return None
        dport = quote.icmp_type * 256 + quote.icmp_code if quote.proto in _QUERIES else quote.dport
        source, target = _packed(quote.l3, quote.src_hi, quote.src_lo), _packed(quote.l3, quote.dst_hi, quote.dst_lo)
        return Tuple(quote.l3, quote.proto, source, target, quote.sport, dport)


def _packed(version: int, high: int, low: int) -> bytes:
    return struct.pack("!I", low & 0xFFFFFFFF) if version == 4 else struct.pack("!QQ", high, low)


def _fill_length(packet: bytearray, version: int) -> None:
    if version == 4:
        struct.pack_into("!H", packet, 2, len(packet))
        _finish_header(packet)
    else:
        struct.pack_into("!H", packet, 4, len(packet) - 40)


def _finish_header(packet: bytearray) -> None:
    size = (packet[0] & 15) * 4
    struct.pack_into("!H", packet, 10, 0)
    struct.pack_into("!H", packet, 10, _sum(packet[:size]))


def _finish_transport(packet: bytearray, at: int, proto: int, ends: bytes) -> None:
    """RFC 1071 over pseudo header (none for ICMP) and segment."""
    field = at + _CHECKSUM_AT[proto]
    struct.pack_into("!H", packet, field, 0)
    length = len(packet) - at
    pseudo = b"" if proto == consts.PROTO_ICMP else ends + struct.pack("!II", length, proto)
    found = _sum(pseudo + packet[at:])
    struct.pack_into("!H", packet, field, found or (0xFFFF if proto == consts.PROTO_UDP else 0))


def _sum(data: bytes | bytearray) -> int:
    padded = bytes(data) + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
