"""The packet that an ICMP or ICMPv6 error quotes, read as Linux's conntrack reads it. Compiled.

The quoted IP header is taken for what the outer one is, IPv4 or IPv6; its version, length and checksum are not looked at. Of the
transport header, ports need four bytes, an ICMP identifier and a GRE call id eight, other protocols none. A quoted later fragment has no
ports, and an ICMP message that is no query (an error about an error) belongs to no connection: both are *unknown*.

Bytes that the packet itself does not have are told apart from those that the capture cut off.
"""

from __future__ import annotations

import cython

if not cython.compiled:
    from pcapaudit.core.bytes import be16, be32, be64
    from pcapaudit.core.consts import (
        PROTO_AH,
        PROTO_DCCP,
        PROTO_DSTOPTS,
        PROTO_FRAGMENT,
        PROTO_GRE,
        PROTO_HOPOPT,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_NONE,
        PROTO_ROUTING,
        PROTO_SCTP,
        PROTO_TCP,
        PROTO_UDP,
        PROTO_UDPLITE,
        REASON_ICMP_QUOTE_SHORT,
        REASON_ICMP_QUOTE_UNKNOWN,
        REASON_NONE,
        REASON_TRUNCATED,
    )

__all__ = ["Quote", "read_quote"]


class Quote:
    """What ``read_quote`` found; attributes as the columns of the same names."""

    def __init__(self) -> None:
        self.l3 = 0
        #: Transport protocol behind the quoted IPv6 extension headers.
        self.proto = 0
        self.src_hi = 0
        self.src_lo = 0
        self.dst_hi = 0
        self.dst_lo = 0
        #: Ports; the identifier of a quoted ICMP message is ``sport``, the call id of quoted PPTP ``dport``.
        self.sport = 0
        self.dport = 0
        self.icmp_type = 0
        self.icmp_code = 0
        self.frag = 0
        #: TCP sequence number, where ``has_seq``.
        self.seq = 0
        #: Whether ports (or identifier) could be read; false too for protocols without.
        self.has_ports = False
        self.has_seq = False
        # End of the outer packet in the capture, and on the wire.
        self._end = 0
        self._stop = 0

    def _clear(self):
        """Nothing found yet."""
        self.proto = 0
        self.src_hi = 0
        self.src_lo = 0
        self.dst_hi = 0
        self.dst_lo = 0
        self.sport = 0
        self.dport = 0
        self.icmp_type = 0
        self.icmp_code = 0
        self.frag = 0
        self.seq = 0
        self.has_ports = False
        self.has_seq = False

    def _missing(self, reach):
        """REASON_ for bytes up to ``reach`` that are not there, REASON_NONE if they are."""
        if reach > self._stop:
            return REASON_ICMP_QUOTE_SHORT
        return REASON_TRUNCATED if reach > self._end else REASON_NONE

    def find(self, b, i, at):
        """Read the quote of row ``i``, which begins at ``at``; returns as ``read_quote`` does."""
        self._clear()
        self.l3 = b.l3[i]
        self._end = b.end_off[i]
        self._stop = b.l3_off[i] + b.ip_len[i]
        if b.l3[i] == 4:
            return self._ip4(b, at)
        if b.l3[i] == 6:
            return self._ip6(b, at)
        return REASON_ICMP_QUOTE_SHORT

    def _ip4(self, b, at):
        """A quoted IPv4 header and what follows it."""
        if self._missing(at + 20):
            return self._missing(at + 20)
        self.proto = b.data[at + 9]
        self.src_lo = be32(b, at + 12)
        self.dst_lo = be32(b, at + 16)
        self.frag = (be16(b, at + 6) & 0x1FFF) | (be16(b, at + 6) & 0x2000) << 2
        if self.frag & 0x1FFF:
            return REASON_ICMP_QUOTE_UNKNOWN
        at += (b.data[at] & 15) << 2
        if at > self._stop:
            return REASON_ICMP_QUOTE_SHORT
        return self._transport(b, at)

    def _ip6(self, b, at):
        """A quoted IPv6 header, its extension headers and what follows them."""
        if self._missing(at + 40):
            return self._missing(at + 40)
        proto = b.data[at + 6]
        self.src_hi = be64(b, at + 8)
        self.src_lo = be64(b, at + 16)
        self.dst_hi = be64(b, at + 24)
        self.dst_lo = be64(b, at + 32)
        l4 = at + 40
        self.proto = proto
        while proto in (PROTO_HOPOPT, PROTO_ROUTING, PROTO_FRAGMENT, PROTO_AH, PROTO_DSTOPTS):
            size = 4 if proto == PROTO_FRAGMENT else 2
            if self._missing(l4 + size):
                return self._missing(l4 + size)
            size = (b.data[l4 + 1] + 1) * 8
            if proto == PROTO_AH:
                size = (b.data[l4 + 1] + 2) * 4
            elif proto == PROTO_FRAGMENT:
                size = 8
                field = be16(b, l4 + 2)
                self.frag = field >> 3 | (field & 1) << 15
            proto = b.data[l4]
            self.proto = proto
            if self.frag & 0x1FFF:
                return REASON_ICMP_QUOTE_UNKNOWN
            l4 += size
        if proto == PROTO_NONE:
            return REASON_ICMP_QUOTE_SHORT
        return self._transport(b, l4)

    def _transport(self, b, at):
        """What makes the quoted packet's tuple."""
        if self.proto in (PROTO_ICMP, PROTO_ICMPV6):
            return self._icmp(b, at)
        if self.proto == PROTO_GRE:
            return self._gre(b, at)
        if self.proto in (PROTO_TCP, PROTO_UDP, PROTO_UDPLITE, PROTO_SCTP, PROTO_DCCP):
            if self._missing(at + 4):
                return self._missing(at + 4)
            self.sport = be16(b, at)
            self.dport = be16(b, at + 2)
            self.has_ports = True
            if self.proto == PROTO_TCP and not self._missing(at + 8):
                self.seq = be32(b, at + 4)
                self.has_seq = True
        return REASON_NONE

    def _icmp(self, b, at):
        """A quoted ICMP message: queries only have a reply, and so a connection."""
        if self._missing(at + 8):
            return self._missing(at + 8)
        self.icmp_type = b.data[at]
        self.icmp_code = b.data[at + 1]
        self.sport = be16(b, at + 4)
        self.has_ports = True
        if self.proto == PROTO_ICMP:
            return REASON_NONE if self.icmp_type in (0, 8, 13, 14, 15, 16, 17, 18) else REASON_ICMP_QUOTE_UNKNOWN
        return REASON_NONE if self.icmp_type in (128, 129, 139, 140) else REASON_ICMP_QUOTE_UNKNOWN

    def _gre(self, b, at):
        """A quoted GRE header: the call id of PPTP (version 1); version 0, or one that is cut short, is tracked without keys."""
        if at + 4 <= self._stop and at + 4 > self._end:
            return REASON_TRUNCATED
        if at + 4 > self._stop or be16(b, at) & 7 != 1:
            return REASON_NONE
        if self._missing(at + 8):
            return REASON_TRUNCATED if at + 8 <= self._stop else REASON_NONE
        if be16(b, at + 2) != 0x880B:
            return REASON_ICMP_QUOTE_UNKNOWN
        self.dport = be16(b, at + 6)
        self.has_ports = True
        return REASON_NONE


def read_quote(batch, i, quote):
    """Read the packet that row ``i``, an ICMP or ICMPv6 error (or ICMPv6 redirect), quotes.

    Returns REASON_NONE when ``quote`` holds a tuple; REASON_ICMP_QUOTE_SHORT when the packet quotes too little, REASON_TRUNCATED when the
    capture cut the quote off, REASON_ICMP_QUOTE_UNKNOWN when what is quoted can belong to no connection.
    """
    if batch.l4_off[i] == 0:
        return REASON_ICMP_QUOTE_SHORT
    at = batch.l4_off[i] + 8
    if batch.proto[i] == PROTO_ICMPV6 and batch.icmp_type[i] == 137:
        # Redirect: target and destination, then the option "redirected header", whose packet begins behind eight bytes.
        at += 32 + 8
    return quote.find(batch, i, at)
