"""Frames for strangers: addresses replaced, payloads emptied, checksums as right or as wrong as they were.

What conntrack and rules look at stays: lengths, flags, ports, sequence numbers, options, types, times. Addresses become what a
``PrefixMap`` makes of them wherever they stand (IP headers and options, ARP, neighbour discovery, packets quoted by errors), MAC addresses
what a ``MacMap`` does. Payloads, and every protocol that is not known here, become zeroes.

A checksum takes part in the change and stays as right or wrong as it was (RFC 1624). Payloads are emptied so that their sum remains, in
their first two bytes: so a fragment needs nothing of the others, and a checksum over bytes that the capture cut off stays right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pcapaudit.capture.write import Frame, frame_of
from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError
from pcapaudit.regress.anonymize_icmp import IcmpScrubber
from pcapaudit.regress.prefix_map import MacMap, PrefixMap
from pcapaudit.regress.sums import change, empty, ones_sum
from pcapaudit.wire.checksum import crc_table

__all__ = ["LINK_ADDRESSES", "Anonymizer"]

#: LINKTYPE_ → where MAC addresses stand in the frame; link types without any have an empty tuple. Others cannot be anonymised.
LINK_ADDRESSES: dict[int, tuple[int, ...]] = {
    0: (), 1: (0, 6), 9: (), 12: (), 14: (), 50: (), 51: (), 101: (), 104: (), 108: (), 109: (), 113: (6,), 228: (), 229: (), 276: (12,),
}  # fmt: skip
#: LINKTYPE_ → bytes of its header; Ethernet has VLAN tags besides. And their ethertypes.
_HEADERS = {0: 4, 9: 4, 12: 0, 50: 4, 51: 8, 104: 4, 108: 4, 113: 16, 276: 20}
_TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
#: Transport protocol → where its checksum stands; with the pseudo-header but for ICMP.
_CHECKSUMS = {
    consts.PROTO_ICMP: 2, consts.PROTO_TCP: 16, consts.PROTO_UDP: 6, consts.PROTO_ICMPV6: 2, consts.PROTO_DCCP: 6, consts.PROTO_UDPLITE: 6,
}  # fmt: skip
_ARP = 0x0806
#: IPv4 options that hold addresses behind a pointer (RFC 791): record route, loose and strict source route.
_ROUTES = (7, 131, 137)
_SCTP_ADDRESSES = {5: 4, 6: 16}


class Anonymizer:
    """Makes the substitutes of frames. The same key gives the same substitutes."""

    def __init__(self, addresses: PrefixMap, macs: MacMap, *, keep_payload: bool = False) -> None:
        self._addresses = addresses
        self._macs = macs
        self._keep_payload = keep_payload
        self._icmp = IcmpScrubber(addresses, macs)
        self._crc = crc_table()

    def frame(self, batch: PacketBatch, i: int) -> Frame:
        """The substitute of row ``i`` of a decoded batch. Raises CaptureError for a link type that is not known here."""
        given = frame_of(batch, i)
        row = {name: int(batch.arrays[name][i]) for name in _COLUMNS}
        if row["linktype"] not in LINK_ADDRESSES:
            raise CaptureError(
                f"frame {batch.first_frame + i}",
                None,
                f"link type {row['linktype']}, in which addresses may stand anywhere",
                f"one of {', '.join(map(str, LINK_ADDRESSES))}",
                "Convert the capture to Ethernet first (editcap -T), or leave it out.",
            )
        data = bytearray(given.data)
        base = row["offset"]
        self._link(data, row["linktype"])
        start = row["l3_off"] - base if row["l3_off"] else min(len(data), _behind_link(data, row["linktype"]))
        if row["l3"] == 0:
            self._not_ip(data, start, row["ethertype"])
        else:
            end = row["end_off"] - base
            self._ip(data, start, end, row)
            data[end:] = bytes(len(data) - end)
        return Frame(given.ts_ns, bytes(data), given.origlen, given.interface, given.flags)

    def _link(self, data: bytearray, linktype: int) -> None:
        for at in LINK_ADDRESSES[linktype]:
            if len(data) >= at + 6:
                data[at : at + 6] = self._macs.map(bytes(data[at : at + 6]))

    def _not_ip(self, data: bytearray, start: int, ethertype: int) -> None:
        """ARP keeps its form; of anything else nothing is left."""
        head = data[start : start + 8]
        if ethertype == _ARP and head[:6] == b"\x00\x01\x08\x00\x06\x04":
            for at in (start + 8, start + 18):
                if len(data) >= at + 6:
                    data[at : at + 6] = self._macs.map(bytes(data[at : at + 6]))
            for at in (start + 14, start + 24):
                self._replace(data, at, 4, len(data))
            data[start + 28 :] = bytes(max(0, len(data) - start - 28))
        else:
            data[start:] = bytes(len(data) - start)

    def _ip(self, data: bytearray, start: int, end: int, row: dict[str, int]) -> None:
        """The IP header, and what follows it."""
        before = bytes(data[start:end])
        if row["l3"] == 4:
            for at in self._places4(data, start, end):
                self._replace(data, at, 4, end)
            header = start + min((data[start] & 15) * 4, end - start)
            if row["ip_csum"] != consts.CSUM_OFFLOADED:
                change(data, start + 10, before[: header - start], bytes(data[start:header]), end)
            addresses = slice(12, 20)
        else:
            for at in self._places6(data, start, end, row):
                self._replace(data, at, 16, end)
            addresses = slice(8, 40)
        pseudo = (before[addresses], bytes(data[start:end])[addresses])
        l4 = row["l4_off"] - row["offset"] if row["l4_off"] else 0
        if l4:
            self._transport(data, l4, end, row, pseudo)
        else:
            self._later(data, start, end, row)

    def _places4(self, data: bytearray, start: int, end: int) -> Iterable[int]:
        """Where addresses stand in an IPv4 header."""
        yield from (start + 12, start + 16)
        at, stop = start + 20, min(start + (data[start] & 15) * 4, end)
        while at + 1 < stop and data[at]:
            size = 1 if data[at] == 1 else data[at + 1]
            if data[at] in _ROUTES:
                yield from range(at + 3, min(at + size, stop) - 3, 4)
            if size < 1 or (size < 2 and data[at] != 1):
                return
            at += size

    def _places6(self, data: bytearray, start: int, end: int, row: dict[str, int]) -> Iterable[int]:
        """Where addresses stand in an IPv6 header and its routing headers."""
        yield from (start + 8, start + 24)
        proto, at = data[start + 6], start + 40
        stop = row["l4_off"] - row["offset"] if row["l4_off"] else end
        while proto in (consts.PROTO_HOPOPT, consts.PROTO_ROUTING, consts.PROTO_FRAGMENT, consts.PROTO_DSTOPTS) and at + 8 <= stop:
            size = 8 if proto == consts.PROTO_FRAGMENT else (data[at + 1] + 1) * 8
            if proto == consts.PROTO_ROUTING and data[at + 2] in (0, 2, 4):
                yield from range(at + 8, min(at + size, stop) - 15, 16)
            proto, at = data[at], at + size

    def _later(self, data: bytearray, start: int, end: int, row: dict[str, int]) -> None:
        """A later fragment, or a header chain that cannot be followed: all behind the headers is payload."""
        size = max(20, (data[start] & 15) * 4) if row["l3"] == 4 else 40
        if row["l3"] == 6 and row["frag"]:
            size = max(40, row["ip_len"] - row["l4_len"])
        if not self._keep_payload:
            empty(data, min(start + size, end), end)

    def _transport(self, data: bytearray, at: int, end: int, row: dict[str, int], pseudo: tuple[bytes, bytes]) -> None:
        """The transport header and its payload, with the checksum."""
        proto = row["proto"]
        before = bytes(data[at:end])
        if proto in (consts.PROTO_ICMP, consts.PROTO_ICMPV6):
            self._icmp.scrub(data, at, end, row["l3"])
        elif proto == consts.PROTO_SCTP:
            self._sctp(data, at, end, row["l4_csum"])
            return
        elif proto in _CHECKSUMS and row["payload_off"]:
            payload = row["payload_off"] - row["offset"]
            if proto == consts.PROTO_TCP:
                self._tcp_options(data, at + 20, min(payload, end))
            covered = self._covered(data, at, end) if proto == consts.PROTO_UDPLITE else end
            if not self._keep_payload:
                empty(data, min(payload, end), max(min(payload, end), covered))
                empty(data, max(payload, covered), end)
        elif proto not in _CHECKSUMS:
            empty(data, min(at + _kept_bytes(data, at, end, proto), end), end)
            return
        field = at + _CHECKSUMS[proto]
        if proto != consts.PROTO_ICMP:
            old, new = pseudo
        else:
            old = new = b""
        if row["l4_csum"] == consts.CSUM_OFFLOADED:
            # The field holds the sum of the pseudo-header alone, not complemented.
            if field + 2 <= end:
                value = ones_sum(struct.pack(">H", int.from_bytes(data[field : field + 2], "big")), new, _complement(old))
                data[field : field + 2] = value.to_bytes(2, "big")
            return
        if proto == consts.PROTO_UDP and data[field : field + 2] == b"\0\0":
            return
        change(data, field, before + bytes(len(before) % 2) + old, bytes(data[at:end]) + bytes(len(before) % 2) + new, end)
        if proto == consts.PROTO_UDP and data[field : field + 2] == b"\0\0":
            data[field : field + 2] = b"\xff\xff"

    def _tcp_options(self, data: bytearray, at: int, stop: int) -> None:
        """Addresses that a host tells of itself (RFC 8684, section 3.4.1: ADD_ADDR of Multipath TCP)."""
        while at + 1 < stop and data[at]:
            size = 1 if data[at] == 1 else data[at + 1]
            if data[at] == 30 and size >= 8 and data[at + 2] >> 4 == 3:
                self._replace(data, at + 4, 16 if size >= 20 else 4, min(at + size, stop))
            if size == 0:
                return
            at += size

    @staticmethod
    def _covered(data: bytearray, at: int, end: int) -> int:
        """End of what the checksum of UDP-Lite covers."""
        cover = int.from_bytes(data[at + 4 : at + 6], "big")
        return end if cover == 0 else min(at + max(cover, 8), end)

    def _sctp(self, data: bytearray, at: int, end: int, checksum: int) -> None:
        """Chunks keep their headers; addresses in INIT are replaced, user data and everything else is emptied; a right CRC stays right."""
        chunk = at + 12
        while chunk + 4 <= end:
            kind, size = data[chunk], max(4, int.from_bytes(data[chunk + 2 : chunk + 4], "big"))
            stop = min(chunk + size, end)
            if kind in (1, 2):
                self._sctp_parameters(data, chunk + 20, stop)
            elif kind == 0:
                data[min(chunk + 16, stop) : stop] = bytes(max(0, stop - chunk - 16))
            elif kind not in (3, 6, 7, 8, 11, 14):
                data[min(chunk + 4, stop) : stop] = bytes(max(0, stop - chunk - 4))
            chunk += size + -size % 4
        if checksum == consts.CSUM_GOOD and at + 12 <= end:
            data[at + 8 : at + 12] = bytes(4)
            crc = 0xFFFFFFFF
            for byte in data[at:end]:
                crc = crc >> 8 ^ self._crc[(crc ^ byte) & 0xFF]
            data[at + 8 : at + 12] = (crc ^ 0xFFFFFFFF).to_bytes(4, "little")

    def _sctp_parameters(self, data: bytearray, at: int, stop: int) -> None:
        """Parameters of INIT and INIT ACK (RFC 9260, section 3.3.2); of those that hold no address only the header is left."""
        while at + 4 <= stop:
            kind, size = struct.unpack(">HH", data[at : at + 4])
            size = max(size, 4)
            if kind in _SCTP_ADDRESSES:
                self._replace(data, at + 4, _SCTP_ADDRESSES[kind], stop)
            else:
                data[at + 4 : min(at + size, stop)] = bytes(max(0, min(at + size, stop) - at - 4))
            at += size + -size % 4

    def _replace(self, data: bytearray, at: int, size: int, end: int) -> None:
        """Put the substitute in the place of an address, if the capture holds all of it."""
        if at + size <= end:
            address = int.from_bytes(data[at : at + size], "big")
            data[at : at + size] = self._addresses.map(address, size * 8).to_bytes(size, "big")


#: What is needed to know of a row.
_COLUMNS = (
    "offset",
    "linktype",
    "ethertype",
    "l3",
    "proto",
    "l3_off",
    "l4_off",
    "payload_off",
    "end_off",
    "ip_len",
    "l4_len",
    "frag",
    "ip_csum",
    "l4_csum",
)


def _kept_bytes(data: bytearray, at: int, end: int, proto: int) -> int:
    """Bytes of a transport header whose payload is not known: GRE's (RFC 2784, RFC 2637), the eight of ESP, none of others."""
    if proto == consts.PROTO_GRE and at + 2 <= end:
        flags = int.from_bytes(data[at : at + 2], "big")
        return 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000, 0x0080 if flags & 7 == 1 else 0))
    return 8 if proto == 50 else 0


def _behind_link(data: bytearray, linktype: int) -> int:
    """Where the link layer header of a frame without IP ends: behind the ethertype, and VLAN tags."""
    if linktype != 1:
        return _HEADERS.get(linktype, 0)
    at = 12
    while data[at : at + 2] in _TAGS:
        at += 4
    return at + 2


def _complement(data: bytes) -> bytes:
    return bytes(~each & 0xFF for each in data)
