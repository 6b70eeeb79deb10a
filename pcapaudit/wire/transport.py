"""Transport layer: TCP, UDP, UDP-Lite, ICMP, ICMPv6, SCTP, DCCP and GRE headers to columns. Compiled.

``at`` is where the header starts, ``end`` the end of the captured IP packet; the row already holds ``proto``, addresses, ``frag``,
``l4_off`` and ``l4_len`` (the length on the wire). A field is read when its own bytes are captured, and is 0 otherwise; a header that
the capture cuts off is ``l4-truncated``, one that the packet itself cuts off is ``l4-length`` (or ``fragment-tiny`` in a first
fragment). ``payload_len`` counts wire bytes behind the header, whether captured or not; where the header's length is not known (cut off
before it says), its least length is taken. ``payload_off`` is 0 when the capture ends before the payload.
"""

from __future__ import annotations

import cython

from pcapaudit.wire.checksum import Summer

if not cython.compiled:
    from pcapaudit.core.bytes import be16, be32
    from pcapaudit.core.consts import (
        ANOM_FRAGMENT_TINY,
        ANOM_L4_CHECKSUM,
        ANOM_L4_CHECKSUM_OFFLOADED,
        ANOM_L4_LENGTH,
        ANOM_L4_TRUNCATED,
        ANOM_PAYLOAD_TRUNCATED,
        ANOM_PORT_ZERO,
        ANOM_SAME_ENDPOINTS,
        ANOM_TCP_HEADER_LEN,
        ANOM_TCP_OPTIONS_BAD,
        ANOM_TUNNEL,
        CSUM_ABSENT,
        CSUM_BAD,
        CSUM_OFFLOADED,
        CSUM_UNCHECKED,
        FRAG_PART,
        OPT_BAD,
        OPT_MSS,
        OPT_OTHER,
        OPT_SACK,
        OPT_SACK_PERM,
        OPT_TIMESTAMP,
        OPT_WSCALE,
        PROTO_DCCP,
        PROTO_GRE,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_IPIP,
        PROTO_IPV6,
        PROTO_SCTP,
        PROTO_TCP,
        PROTO_UDP,
        PROTO_UDPLITE,
    )

__all__ = ["TransportReader"]

_ONE = cython.declare(cython.ulonglong, 1)
_LOW = cython.declare(cython.uint, 0xFFFFFFFF)
_HALF = cython.declare(cython.uint, 0x80000000)


class TransportReader:
    """Reads the transport header of one row at a time."""

    def __init__(self, checksum: str) -> None:
        self.summer = Summer(checksum)
        self.anomalies = 0

    def read(self, b, i, at, end):
        """Fill the transport columns of row ``i``; returns the mask of what was met."""
        self.anomalies = 0
        b.l4_csum[i] = CSUM_UNCHECKED
        if b.proto[i] == PROTO_TCP:
            b.icmp_type[i] = 0
            b.icmp_code[i] = 0
            self._tcp(b, i, at, end)
            return self.anomalies
        self.clear_tcp(b, i)
        if b.proto[i] == PROTO_ICMP or b.proto[i] == PROTO_ICMPV6:
            self._icmp(b, i, at, end)
            return self.anomalies
        b.icmp_type[i] = 0
        b.icmp_code[i] = 0
        if b.proto[i] == PROTO_UDP:
            self._udp(b, i, at, end)
        elif b.proto[i] == PROTO_UDPLITE:
            self._udplite(b, i, at, end)
        elif b.proto[i] == PROTO_SCTP:
            self._sctp(b, i, at, end)
        elif b.proto[i] == PROTO_DCCP:
            self._dccp(b, i, at, end)
        elif b.proto[i] == PROTO_GRE:
            self._gre(b, i, at, end)
        else:
            b.sport[i] = 0
            b.dport[i] = 0
            self._payload(b, i, at, end, 0)
            if b.proto[i] == PROTO_IPIP or b.proto[i] == PROTO_IPV6:
                self.anomalies |= _ONE << ANOM_TUNNEL
        return self.anomalies

    def clear_tcp(self, b, i):
        """Zeroes in the columns that only TCP fills."""
        b.tcp_flags[i] = 0
        b.tcp_opts[i] = 0
        b.seq[i] = 0
        b.ack[i] = 0
        b.win_raw[i] = 0
        b.wscale[i] = 0
        b.mss[i] = 0
        b.sack_max[i] = 0

    def clear(self, b, i):
        """Zeroes in all transport columns but the lengths: there is no header."""
        self.clear_tcp(b, i)
        b.l4_off[i] = 0
        b.payload_off[i] = 0
        b.sport[i] = 0
        b.dport[i] = 0
        b.icmp_type[i] = 0
        b.icmp_code[i] = 0
        b.l4_csum[i] = CSUM_UNCHECKED

    def _ports(self, b, i, at, have):
        """The two ports that most headers begin with."""
        sport = be16(b, at) if have >= 2 else 0
        dport = be16(b, at + 2) if have >= 4 else 0
        b.sport[i] = sport
        b.dport[i] = dport
        if have >= 4:
            if sport == dport and b.src_lo[i] == b.dst_lo[i] and b.src_hi[i] == b.dst_hi[i]:
                self.anomalies |= _ONE << ANOM_SAME_ENDPOINTS
            if sport == 0 or dport == 0:
                self.anomalies |= _ONE << ANOM_PORT_ZERO

    def _short(self, b, i, header, have):
        """Note a header of ``header`` bytes that the packet or the capture, ``have`` bytes, cuts off."""
        if header > b.l4_len[i]:
            self.anomalies |= _ONE << (ANOM_FRAGMENT_TINY if b.frag[i] & FRAG_PART else ANOM_L4_LENGTH)
        if have < header and have < b.l4_len[i]:
            self.anomalies |= _ONE << ANOM_L4_TRUNCATED

    def _payload(self, b, i, at, end, header):
        """Place and length of what follows a header of ``header`` bytes."""
        l4_len = b.l4_len[i]
        if header > l4_len:
            b.payload_off[i] = 0
            b.payload_len[i] = 0
            self._short(b, i, header, end - at)
        elif at + header > end:
            b.payload_off[i] = 0
            b.payload_len[i] = l4_len - header
            self._short(b, i, header, end - at)
        else:
            b.payload_off[i] = at + header
            b.payload_len[i] = l4_len - header
            if end - at < l4_len:
                self.anomalies |= _ONE << ANOM_PAYLOAD_TRUNCATED

    def _whole(self, b, i, have):
        """Whether all of an unfragmented datagram is captured, so that its checksum can be checked."""
        return have == b.l4_len[i] and b.frag[i] & FRAG_PART == 0

    def _checked(self, b, i, found):
        """Write down a checksum's CSUM_."""
        b.l4_csum[i] = found
        if found == CSUM_BAD:
            self.anomalies |= _ONE << ANOM_L4_CHECKSUM
        elif found == CSUM_OFFLOADED:
            self.anomalies |= _ONE << ANOM_L4_CHECKSUM_OFFLOADED

    def _tcp(self, b, i, at, end):
        """TCP, RFC 9293."""
        have = end - at
        self._ports(b, i, at, have)
        b.wscale[i] = 0
        b.mss[i] = 0
        if have < 20:
            self._tcp_part(b, i, at, have)
            return
        b.seq[i] = be32(b, at + 4)
        ack = be32(b, at + 8)
        b.ack[i] = ack
        b.sack_max[i] = ack
        word = be32(b, at + 12)
        b.tcp_flags[i] = word >> 16 & 0xFF
        b.win_raw[i] = word & 0xFFFF
        header = (word >> 28) << 2
        l4_len = b.l4_len[i]
        if header < 20 or header > l4_len:
            b.tcp_opts[i] = 0
            self.anomalies |= _ONE << (ANOM_FRAGMENT_TINY if b.frag[i] & FRAG_PART and header >= 20 else ANOM_TCP_HEADER_LEN)
            b.payload_off[i] = 0
            b.payload_len[i] = 0
        else:
            self._payload(b, i, at, end, header)
            if header == 20:
                b.tcp_opts[i] = 0
            elif header == 32 and have >= 32 and be32(b, at + 20) == 0x0101080A:
                b.tcp_opts[i] = OPT_TIMESTAMP
            else:
                self._options(b, i, at + 20, at + header, end)
        if have == l4_len and b.frag[i] & FRAG_PART == 0:
            self._checked(b, i, self.summer.internet(b, i, at + 16, PROTO_TCP, l4_len))

    def _tcp_part(self, b, i, at, have):
        """A TCP header of which fewer than 20 bytes are captured."""
        b.seq[i] = be32(b, at + 4) if have >= 8 else 0
        b.ack[i] = be32(b, at + 8) if have >= 12 else 0
        b.sack_max[i] = b.ack[i]
        b.tcp_flags[i] = b.data[at + 13] if have >= 14 else 0
        b.win_raw[i] = be16(b, at + 14) if have >= 16 else 0
        b.tcp_opts[i] = 0
        header = b.data[at + 12] >> 4 << 2 if have >= 13 else 20
        if header < 20:
            self.anomalies |= _ONE << ANOM_TCP_HEADER_LEN
            header = 20
        self._payload(b, i, at, at + have, header)

    def _options(self, b, i, at, stop, end):
        """TCP options from ``at`` to ``stop``, as Linux reads them: what follows a list that makes no sense is not read.

        Options that lie beyond ``end`` are not captured, and not read.
        """
        seen = 0
        while at < stop and at < end:
            kind = b.data[at]
            if kind == 0:
                break
            if kind == 1:
                at += 1
                continue
            if at + 1 >= end and end < stop:
                break
            size = b.data[at + 1] if at + 1 < stop else 0
            if size < 2 or at + size > stop:
                seen |= OPT_BAD
                break
            if at + size > end:
                break
            seen |= self._option(b, i, at, kind, size)
            at += size
        b.tcp_opts[i] = seen
        if seen & OPT_BAD:
            self.anomalies |= _ONE << ANOM_TCP_OPTIONS_BAD

    def _option(self, b, i, at, kind, size):
        """One TCP option of ``size`` bytes; returns its OPT_. A known kind with another kind's size counts as any unknown one."""
        if kind == 2 and size == 4:
            b.mss[i] = be16(b, at + 2)
            return OPT_MSS
        if kind == 3 and size == 3:
            b.wscale[i] = b.data[at + 2]
            return OPT_WSCALE
        if kind == 4 and size == 2:
            return OPT_SACK_PERM
        if kind == 8 and size == 10:
            return OPT_TIMESTAMP
        if kind == 5 and size >= 10 and (size - 2) % 8 == 0:
            # Right edges: later than the best so far when at most half the circle ahead (Linux; RFC 1982 leaves exactly half undefined).
            best = b.sack_max[i]
            stop = at + size
            at += 6
            while at < stop:
                edge = be32(b, at)
                if 0 < (edge - best & _LOW) <= _HALF:
                    best = edge
                at += 8
            b.sack_max[i] = best
            return OPT_SACK
        return OPT_OTHER

    def _udp(self, b, i, at, end):
        """UDP, RFC 768. Linux sums all that the IP packet holds, also behind the UDP length; so does this."""
        have = end - at
        l4_len = b.l4_len[i]
        self._ports(b, i, at, have)
        self._payload(b, i, at, end, 8)
        if have < 8:
            return
        claimed = be16(b, at + 4)
        if b.frag[i] & FRAG_PART == 0:
            if 8 <= claimed <= l4_len:
                b.payload_len[i] = claimed - 8
            elif claimed != 0 or l4_len <= 0xFFFF:
                self.anomalies |= _ONE << ANOM_L4_LENGTH
        if be16(b, at + 6) == 0:
            b.l4_csum[i] = CSUM_ABSENT
            if b.l3[i] == 6:
                self.anomalies |= _ONE << ANOM_L4_CHECKSUM
        elif self._whole(b, i, have):
            self._checked(b, i, self.summer.internet(b, i, at + 6, PROTO_UDP, l4_len))

    def _udplite(self, b, i, at, end):
        """UDP-Lite, RFC 3828: the checksum covers as many bytes as the header says, 0 for all, and may not be absent."""
        have = end - at
        l4_len = b.l4_len[i]
        self._ports(b, i, at, have)
        self._payload(b, i, at, end, 8)
        if have < 8:
            return
        claimed = be16(b, at + 4)
        if claimed == 0:
            claimed = l4_len
        if b.frag[i] & FRAG_PART == 0 and (claimed < 8 or claimed > l4_len):
            self.anomalies |= _ONE << ANOM_L4_LENGTH
        elif be16(b, at + 6) == 0:
            b.l4_csum[i] = CSUM_ABSENT
            self.anomalies |= _ONE << ANOM_L4_CHECKSUM
        elif b.frag[i] & FRAG_PART == 0 and have >= claimed:
            self._checked(b, i, self.summer.internet(b, i, at + 6, PROTO_UDPLITE, claimed))

    def _icmp(self, b, i, at, end):
        """ICMP and ICMPv6; the identifier of a query (echo, time stamp, information, address mask, node information) is its source port."""
        have = end - at
        kind = b.data[at] if have >= 1 else 0
        b.icmp_type[i] = kind
        b.icmp_code[i] = b.data[at + 1] if have >= 2 else 0
        b.sport[i] = 0
        b.dport[i] = 0
        if have >= 6:
            if b.proto[i] == PROTO_ICMP:
                if kind in (0, 8, 13, 14, 15, 16, 17, 18):
                    b.sport[i] = be16(b, at + 4)
            elif kind in (128, 129, 139, 140):
                b.sport[i] = be16(b, at + 4)
        self._payload(b, i, at, end, 8)
        if have >= 8 and self._whole(b, i, have):
            self._checked(b, i, self.summer.internet(b, i, at + 2, PROTO_ICMPV6 if b.proto[i] == PROTO_ICMPV6 else 0, have))

    def _sctp(self, b, i, at, end):
        """SCTP, RFC 9260: the common header."""
        have = end - at
        self._ports(b, i, at, have)
        self._payload(b, i, at, end, 12)
        if have >= 12 and self._whole(b, i, have):
            self._checked(b, i, self.summer.sctp(b, i, at, end))

    def _dccp(self, b, i, at, end):
        """DCCP, RFC 4340: ports, and the header's length; the checksum covers all, or the header and some words behind it."""
        have = end - at
        self._ports(b, i, at, have)
        header = b.data[at + 4] << 2 if have >= 5 else 12
        if header < 12:
            header = 12
            self.anomalies |= _ONE << ANOM_L4_LENGTH
        self._payload(b, i, at, end, header)
        if have < 12 or b.frag[i] & FRAG_PART:
            return
        cover = b.data[at + 5] & 15
        cover = header + (cover - 1) * 4 if cover and header + (cover - 1) * 4 < b.l4_len[i] else b.l4_len[i]
        if have >= cover:
            self._checked(b, i, self.summer.internet(b, i, at + 6, PROTO_DCCP, cover))

    def _gre(self, b, i, at, end):
        """GRE: of version 1 (PPTP, RFC 2637) the call id is the destination, as Linux has it; version 0 (RFC 2784, 2890) has no ports."""
        have = end - at
        b.sport[i] = 0
        b.dport[i] = 0
        flags = be16(b, at) if have >= 2 else 0
        # Checksum or routing, key, sequence number: four bytes each; an acknowledgement in version 1.
        header = 4 + ((flags >> 13 & 1) + (flags >> 12 & 1)) * 4
        if flags & 0xC000:
            header += 4
        if flags & 7 == 1:
            header += (flags >> 7 & 1) * 4
            if have >= 8 and be16(b, at + 2) == 0x880B:
                b.dport[i] = be16(b, at + 6)
        elif have >= 4 and be16(b, at + 2) in (0x0800, 0x86DD):
            self.anomalies |= _ONE << ANOM_TUNNEL
        self._payload(b, i, at, end, header)
