"""ICMP and ICMPv6 messages for strangers: quoted packets, neighbour discovery, redirects. The outer checksum is the caller's."""

from __future__ import annotations

from pcapaudit.core import consts
from pcapaudit.regress.prefix_map import MacMap, PrefixMap
from pcapaudit.regress.sums import change, empty

__all__ = ["IcmpScrubber"]

#: Errors that quote a packet behind eight bytes, by IP version.
_QUOTING = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
#: Queries whose identifier and sequence number are kept, and the rest emptied.
_ECHOES = {4: (0, 8, 13, 14, 15, 16, 17, 18), 6: (128, 129)}
#: Neighbour discovery (RFC 4861): type → bytes before the options, and whether a target address stands at 8 (a redirect: a second at 24).
_DISCOVERY = {133: (8, ()), 134: (16, ()), 135: (24, (8,)), 136: (24, (8,)), 137: (40, (8, 24))}
#: Multicast listeners (RFC 2710): a group stands at 8.
_LISTENERS = (130, 131, 132)
_REDIRECT = 5
_CHECKSUMS = {consts.PROTO_ICMP: 2, consts.PROTO_TCP: 16, consts.PROTO_UDP: 6, consts.PROTO_ICMPV6: 2, consts.PROTO_DCCP: 6}


class IcmpScrubber:
    """Replaces the addresses of messages."""

    def __init__(self, addresses: PrefixMap, macs: MacMap) -> None:
        self._addresses = addresses
        self._macs = macs

    def scrub(self, data: bytearray, at: int, end: int, l3: int) -> None:
        """Change the message that begins at ``at`` and ends at ``end``, inside an IP packet of version ``l3``."""
        if at >= end:
            return
        kind = data[at]
        if kind in _QUOTING[l3]:
            if l3 == 4 and kind == _REDIRECT:
                self._replace(data, at + 4, 4, end)
            self._quote(data, at + 8, end, l3)
        elif kind in _ECHOES[l3]:
            empty(data, min(at + 8, end), end)
        elif l3 == 6 and kind in _DISCOVERY:
            self._discovery(data, at, end, kind)
        elif l3 == 6 and kind in _LISTENERS:
            self._replace(data, at + 8, 16, end)
            empty(data, min(at + 24, end), end)
        else:
            empty(data, min(at + 8, end), end)

    def _quote(self, data: bytearray, at: int, end: int, l3: int) -> None:
        """A quoted packet: addresses and checksums as outside, its payload and what is attached to it (RFC 4884) emptied."""
        size, first, second, width = (20, 12, 16, 4) if l3 == 4 else (40, 8, 24, 16)
        if at + size > end:
            empty(data, min(at, end), end)
            return
        before = bytes(data[at : at + size])
        self._replace(data, at + first, width, end)
        self._replace(data, at + second, width, end)
        after = bytes(data[at : at + size])
        if l3 == 4:
            change(data, at + 10, before, after, end)
        proto = before[9] if l3 == 4 else before[6]
        l4 = at + ((before[0] & 15) * 4 if l3 == 4 else 40)
        if l4 > end:
            return
        if proto in _CHECKSUMS and proto != consts.PROTO_ICMP and not self._is_later(before, l3):
            field = l4 + _CHECKSUMS[proto]
            if proto != consts.PROTO_UDP or bytes(data[field : field + 2]) != b"\0\0":
                change(data, field, before[first : second + width], after[first : second + width], end)
        empty(data, min(l4 + self._header(data, l4, end, proto), end), end)

    @staticmethod
    def _is_later(header: bytes, l3: int) -> bool:
        """Whether the quoted packet is a later fragment, which has no transport header."""
        return l3 == 4 and bool(int.from_bytes(header[6:8], "big") & 0x1FFF)

    @staticmethod
    def _header(data: bytearray, at: int, end: int, proto: int) -> int:
        """Bytes of a quoted transport header that are kept."""
        if proto == consts.PROTO_TCP:
            return (data[at + 12] >> 4) * 4 if at + 13 <= end else 20
        return 8

    def _discovery(self, data: bytearray, at: int, end: int, kind: int) -> None:
        size, places = _DISCOVERY[kind]
        for place in places:
            self._replace(data, at + place, 16, end)
        option = at + size
        while option + 2 <= end and data[option + 1]:
            stop = min(option + data[option + 1] * 8, end)
            self._option(data, option, stop)
            option = stop
        empty(data, min(option, end), end)

    def _option(self, data: bytearray, at: int, stop: int) -> None:
        """An option of neighbour discovery: link-layer address, prefix, redirected packet, MTU; of others only the header is left."""
        kind = data[at]
        if kind in (1, 2) and stop - at == 8:
            data[at + 2 : at + 8] = self._macs.map(bytes(data[at + 2 : at + 8]))
        elif kind == 3:
            self._replace(data, at + 16, 16, stop)
        elif kind == 4:
            self._quote(data, at + 8, stop, 6)
        elif kind != 5:
            empty(data, min(at + 2, stop), stop)

    def _replace(self, data: bytearray, at: int, size: int, end: int) -> None:
        if at + size <= end:
            data[at : at + size] = self._addresses.map(int.from_bytes(data[at : at + size], "big"), size * 8).to_bytes(size, "big")
