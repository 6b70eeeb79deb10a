"""Frames to columns: the loop over a batch, IPv4 and IPv6. Compiled.

``Decoder.decode`` fills every column of ``core.columns.PACKET_COLUMNS`` marked *wire* in every row, and adds the anomalies it meets to
those already in the row. It looks and reports: what a host does with a bad header is for conntrack to say.

Lengths on the wire (``ip_len``, ``l4_len``, ``payload_len``) come from headers; what the capture holds ends at ``end_off``. The two
never mix:

- ``l3``: 4 or 6 when a version and a whole fixed header (20 or 40 bytes) are captured; else 0, and then all other columns are 0 too,
  but for ``ethertype``, ``vlan`` and ``l3_off`` (where the header starts, or would). Anomalies say why: ``ip-truncated`` (the capture
  ends there), ``ip-len-over-frame`` (so does the frame), ``ip-version``.
- ``end_off``: the smaller of the packet's end (padding and trailers cut off) and the captured frame's end.
- ``l4_off``: set for whole packets and first fragments when the headers before it can be read and are captured; then ``l3_off`` <
  ``l4_off`` <= ``end_off``, and fewer bytes than a header, even none, may follow up to ``end_off``: readers check. 0 for later
  fragments, after an IPv6 header chain that cannot be followed (``ip6-ext-bad``, ``ip6-ext-limit``) or that the capture cuts off
  (``ip-truncated``; ``proto`` is then the last header's number that is known), for IPv6 *no next header*, and where an IPv4 header
  length cannot be (``ip-header-len``).
- ``l4_len``: ``ip_len`` less the headers before; in a later fragment, all bytes of the fragment; 0 where the chain cannot be followed.
- A length of 0 is what segmentation offload leaves: the frame's length stands in (``ip-len-zero``), for IPv6 with TCP or UDP at once behind
  the fixed header. A jumbogram (RFC 2675) has the length that its option tells.

``ip_csum`` is checked in every mode; in mode ``auto`` a field of 0 that should not be is CSUM_OFFLOADED: the card was to fill it in.
"""

from __future__ import annotations

import cython

from pcapaudit.core.columns import PacketBatch
from pcapaudit.wire.link import LinkReader
from pcapaudit.wire.transport import TransportReader

if not cython.compiled:
    from pcapaudit.core.bytes import be16, be32, be64
    from pcapaudit.core.consts import (
        ANOM_FRAGMENT,
        ANOM_FRAGMENT_TINY,
        ANOM_IP6_EXT_BAD,
        ANOM_IP6_EXT_LIMIT,
        ANOM_IP_CHECKSUM,
        ANOM_IP_HEADER_LEN,
        ANOM_IP_LEN_OVER_FRAME,
        ANOM_IP_LEN_ZERO,
        ANOM_IP_OPTIONS,
        ANOM_IP_OPTIONS_BAD,
        ANOM_IP_RESERVED_FLAG,
        ANOM_IP_TRUNCATED,
        ANOM_IP_VERSION,
        ANOM_PAYLOAD_TRUNCATED,
        CSUM_BAD,
        CSUM_GOOD,
        CSUM_OFFLOADED,
        CSUM_UNCHECKED,
        FRAG_ATOMIC,
        FRAG_PART,
        PROTO_AH,
        PROTO_DSTOPTS,
        PROTO_FRAGMENT,
        PROTO_HOPOPT,
        PROTO_NONE,
        PROTO_ROUTING,
        PROTO_TCP,
        PROTO_UDP,
        VLAN_NONE,
    )
    from pcapaudit.wire.checksum import fold, sum16
    from pcapaudit.wire.layers import LAYER_IPV4, LAYER_IPV6

__all__ = ["MAX_EXTENSION_HEADERS", "Decoder"]

#: IPv6 extension headers that are followed. Linux follows any number; more than 182 do not fit into a packet of 1500 bytes.
MAX_EXTENSION_HEADERS = 255

_ONE = cython.declare(cython.ulonglong, 1)
_EXTENSION_LIMIT = cython.declare(cython.uint, MAX_EXTENSION_HEADERS)


class Decoder:
    """Decodes one batch, again and again. ``checksum``: a value of ``checksum.MODES``."""

    def __init__(self, batch: PacketBatch, checksum: str = "auto") -> None:
        self.batch = batch
        self.link = LinkReader()
        self.transport = TransportReader(checksum)
        self.auto = checksum == "auto"
        #: End of the row's frame on the wire, as a position in data, and what was met in the row.
        self.wire_end = 0
        self.anomalies = 0

    def decode(self):
        """Fill the wire columns of rows 0 to ``batch.count`` - 1."""
        for i in range(self.batch.count):
            self._row(self.batch, i)

    def decode_row(self, i):
        """Fill the wire columns of one row from its capture columns (``offset``, ``caplen``, ``origlen``, ``linktype``, ``frame_flags``).

        For a reassembled datagram in row BATCH_FRAMES: LINKTYPE 101 (raw IP), ``offset`` where its bytes lie, ``anomalies`` cleared.
        """
        self._row(self.batch, i)

    def _row(self, b, i):
        """One row."""
        at = b.offset[i]
        size = b.caplen[i]
        end = at + size
        end = min(end, b.data.shape[0])
        self.wire_end = at + (b.origlen[i] if b.origlen[i] > size else size)
        self.anomalies = 0
        if b.linktype[i] == 1 and end - at >= 14 and be16(b, at + 12) == 0x0800:
            b.ethertype[i] = 0x0800
            b.vlan[i] = VLAN_NONE
            self._ip4(b, i, at + 14, end)
        else:
            kind = self.link.read(b, i, at, end)
            b.ethertype[i] = self.link.ethertype
            b.vlan[i] = self.link.vlan
            self.anomalies = self.link.anomalies
            if kind == LAYER_IPV4:
                self._ip4(b, i, self.link.at, end)
            elif kind == LAYER_IPV6:
                self._ip6(b, i, self.link.at, end)
            else:
                self._no_ip(b, i, 0, end)
        if self.anomalies:
            b.anomalies[i] |= self.anomalies

    def _no_ip(self, b, i, at, end):
        """A frame without an IP header that can be read."""
        b.l3[i] = 0
        b.proto[i] = 0
        b.l3_off[i] = at
        b.end_off[i] = end
        b.ip_len[i] = 0
        b.l4_len[i] = 0
        b.payload_len[i] = 0
        b.src_hi[i] = 0
        b.src_lo[i] = 0
        b.dst_hi[i] = 0
        b.dst_lo[i] = 0
        b.ttl[i] = 0
        b.tos[i] = 0
        b.ip_id[i] = 0
        b.frag[i] = 0
        b.ip_csum[i] = CSUM_UNCHECKED
        self.transport.clear(b, i)

    def _ip4(self, b, i, at, end):
        """IPv4, RFC 791."""
        if end - at < 20:
            self._cut(at + 20, self.wire_end)
            self._no_ip(b, i, at, end)
            return
        word0 = be32(b, at)
        if word0 >> 28 != 4:
            self.anomalies |= _ONE << ANOM_IP_VERSION
            self._no_ip(b, i, at, end)
            return
        word1 = be32(b, at + 4)
        word2 = be32(b, at + 8)
        src = be32(b, at + 12)
        dst = be32(b, at + 16)
        b.l3[i] = 4
        b.l3_off[i] = at
        b.src_hi[i] = 0
        b.src_lo[i] = src
        b.dst_hi[i] = 0
        b.dst_lo[i] = dst
        b.tos[i] = word0 >> 16 & 0xFF
        b.ip_id[i] = word1 >> 16
        b.ttl[i] = word2 >> 24
        b.proto[i] = word2 >> 16 & 0xFF
        fragment = (word1 & 0x1FFF) | (word1 & 0x2000) << 2
        b.frag[i] = fragment
        if word1 & 0xBFFF:
            self.anomalies |= _ONE << (ANOM_FRAGMENT if fragment else ANOM_IP_RESERVED_FLAG)
            if word1 & 0x8000:
                self.anomalies |= _ONE << ANOM_IP_RESERVED_FLAG
        header = (word0 >> 24 & 15) << 2
        ip_len = word0 & 0xFFFF
        if ip_len == 0:
            ip_len = self.wire_end - at
            self.anomalies |= _ONE << ANOM_IP_LEN_ZERO
        if at + ip_len < end:
            end = at + ip_len
        elif at + ip_len > self.wire_end:
            self.anomalies |= _ONE << ANOM_IP_LEN_OVER_FRAME
        b.ip_len[i] = ip_len
        b.end_off[i] = end
        if header < 20 or header > ip_len:
            self.anomalies |= _ONE << ANOM_IP_HEADER_LEN
            b.ip_csum[i] = CSUM_UNCHECKED
            b.l4_len[i] = 0
            b.payload_len[i] = 0
            self.transport.clear(b, i)
            return
        total = word0
        total = total + word1 + word2 + src + dst
        b.ip_csum[i] = self._ip4_rest(b, at + header, end, total, header) if header > 20 else self._judged(total, word2 & 0xFFFF)
        b.l4_len[i] = ip_len - header
        self._transport(b, i, at + header, end)

    def _judged(self, total, field):
        """CSUM_ of an IPv4 header from the sum of its words."""
        if fold(total) == 0xFFFF:
            return CSUM_GOOD
        if self.auto and field == 0:
            return CSUM_OFFLOADED
        self.anomalies |= _ONE << ANOM_IP_CHECKSUM
        return CSUM_BAD

    def _ip4_rest(self, b, stop, end, total, header):
        """IPv4 options up to ``stop``, where ``header`` bytes end; returns CSUM_ of the header, whose first 20 bytes make ``total``."""
        self.anomalies |= _ONE << ANOM_IP_OPTIONS
        if stop > end:
            return CSUM_UNCHECKED
        at = stop - header + 20
        while at < stop:
            size = 1
            if b.data[at] == 0:
                break
            if b.data[at] != 1:
                size = b.data[at + 1] if at + 1 < stop else 0
                if size < 2 or at + size > stop:
                    self.anomalies |= _ONE << ANOM_IP_OPTIONS_BAD
                    break
            at += size
        return self._judged(total + sum16(b, stop - header + 20, stop), be16(b, stop - header + 10))

    def _ip6(self, b, i, at, end):
        """IPv6, RFC 8200."""
        if end - at < 40:
            self._cut(at + 40, self.wire_end)
            self._no_ip(b, i, at, end)
            return
        word = be32(b, at)
        if word >> 28 != 6:
            self.anomalies |= _ONE << ANOM_IP_VERSION
            self._no_ip(b, i, at, end)
            return
        b.l3[i] = 6
        b.l3_off[i] = at
        b.tos[i] = word >> 20 & 0xFF
        b.ttl[i] = b.data[at + 7]
        b.src_hi[i] = be64(b, at + 8)
        b.src_lo[i] = be64(b, at + 16)
        b.dst_hi[i] = be64(b, at + 24)
        b.dst_lo[i] = be64(b, at + 32)
        b.ip_csum[i] = CSUM_UNCHECKED
        ip_len = be16(b, at + 4) + 40
        if ip_len == 40:
            ip_len = self._ip6_length(b, at, end)
        if at + ip_len < end:
            end = at + ip_len
        elif at + ip_len > self.wire_end:
            self.anomalies |= _ONE << ANOM_IP_LEN_OVER_FRAME
        b.ip_len[i] = ip_len
        b.end_off[i] = end
        l4 = at + 40
        b.proto[i] = b.data[at + 6]
        b.ip_id[i] = 0
        b.frag[i] = 0
        if b.data[at + 6] != PROTO_TCP and b.data[at + 6] != PROTO_UDP:
            l4 = self._skip(b, i, l4, at + ip_len)
        if l4 == 0:
            b.l4_len[i] = 0
            b.payload_len[i] = 0
            self.transport.clear(b, i)
            return
        b.l4_len[i] = at + ip_len - l4
        self._transport(b, i, l4, end)

    def _ip6_length(self, b, at, end):
        """Length of an IPv6 packet whose payload length is 0: a jumbogram, a segment left to offload, or nothing behind the header."""
        if b.data[at + 6] == PROTO_HOPOPT:
            return 40 + self._jumbo(b, at + 40, end)
        if b.data[at + 6] in (PROTO_TCP, PROTO_UDP) and self.wire_end > at + 40:
            self.anomalies |= _ONE << ANOM_IP_LEN_ZERO
            return self.wire_end - at
        return 40

    def _jumbo(self, b, at, end):
        """Length that the jumbo payload option of the hop-by-hop header at ``at`` tells, 0 without one."""
        if at + 8 > end:
            return 0
        stop = at + (b.data[at + 1] + 1) * 8
        stop = min(stop, end)
        at += 2
        while at + 2 <= stop:
            if b.data[at] == 0:
                at += 1
                continue
            if b.data[at] == 0xC2 and b.data[at + 1] == 4 and at + 6 <= stop:
                return be32(b, at + 2)
            at += b.data[at + 1] + 2
        return 0

    def _skip(self, b, i, at, stop):
        """Follow IPv6 extension headers from ``at`` on as Linux does (ESP and Mobility are protocols); ``stop``: end on the wire.

        Returns where the transport header or, in a later fragment, the fragment's bytes start; 0 when it cannot be told. Sets ``proto``,
        and ``frag`` and ``ip_id`` from a fragment header.
        """
        proto = b.proto[i]
        count = 0
        while proto in (PROTO_HOPOPT, PROTO_ROUTING, PROTO_FRAGMENT, PROTO_AH, PROTO_DSTOPTS):
            if at + 8 > b.end_off[i]:
                self._cut_chain(b, i, at + 8, stop)
                return 0
            if count == _EXTENSION_LIMIT:
                self.anomalies |= _ONE << ANOM_IP6_EXT_LIMIT
                return 0
            count += 1
            size = (b.data[at + 1] + 1) * 8
            if proto == PROTO_AH:
                size = (b.data[at + 1] + 2) * 4
            elif proto == PROTO_FRAGMENT:
                size = 8
                field = be16(b, at + 2)
                b.frag[i] = field >> 3 | (field & 1) << 15 if field & 0xFFF9 else FRAG_ATOMIC
                b.ip_id[i] = be32(b, at + 4)
                if field & 0xFFF9:
                    self.anomalies |= _ONE << ANOM_FRAGMENT
            proto = b.data[at]
            b.proto[i] = proto
            at += size
            if b.frag[i] & 0x1FFF:
                return at
        if proto == PROTO_NONE:
            return 0
        if at > b.end_off[i]:
            self._cut_chain(b, i, at, stop)
            return 0
        return at

    def _cut(self, reach, stop):
        """Note that the capture ends before ``reach``: because the frame does, on the wire at ``stop``, or because it was cut off."""
        self.anomalies |= _ONE << (ANOM_IP_LEN_OVER_FRAME if reach > stop else ANOM_IP_TRUNCATED)

    def _cut_chain(self, b, i, reach, stop):
        """Note that an extension header does not fit into the packet, which ends at ``stop`` on the wire, or into the capture."""
        if reach <= stop:
            self._cut(reach, self.wire_end)
            return
        self.anomalies |= _ONE << ANOM_IP6_EXT_BAD
        if b.frag[i] & FRAG_PART:
            self.anomalies |= _ONE << ANOM_FRAGMENT_TINY

    def _transport(self, b, i, l4, end):
        """What stands behind the IP headers."""
        if l4 > end:
            self._cut(l4, self.wire_end)
            b.payload_len[i] = 0
            self.transport.clear(b, i)
        elif b.frag[i] & 0x1FFF:
            b.payload_len[i] = b.l4_len[i]
            self.transport.clear(b, i)
        else:
            b.l4_off[i] = l4
            self.anomalies |= self.transport.read(b, i, l4, end)
            if end == self.wire_end:
                self.anomalies &= ~(_ONE << ANOM_PAYLOAD_TRUNCATED)
