"""Link layer: from the first byte of a frame to its IP header, one header a step. Compiled.

``read`` returns LAYER_IPV4 or LAYER_IPV6 with ``at`` on the header, or LAYER_END for a frame that holds no IP packet; ``ethertype``,
``vlan`` and ``anomalies`` (a mask) say what was met. A method per header reads it at ``at``, moves ``at`` behind it and returns the next
layer. Nothing is read beyond ``end``, the end of the captured frame.
"""

from __future__ import annotations

import cython

from pcapaudit.wire.linktypes import first_layers

if not cython.compiled:
    from pcapaudit.core.bytes import be16, be32
    from pcapaudit.core.consts import (
        ANOM_IP_VERSION,
        ANOM_LAYER_LIMIT,
        ANOM_LINK_MALFORMED,
        ANOM_LINK_TRUNCATED,
        ANOM_UNKNOWN_LINKTYPE,
        FRAME_INBOUND,
        FRAME_OUTBOUND,
        VLAN_NONE,
    )
    from pcapaudit.wire.layers import (
        LAYER_80211,
        LAYER_ARCNET,
        LAYER_ARCNET_LINUX,
        LAYER_AVS,
        LAYER_CISCO_HDLC,
        LAYER_CISCO_HDLC_DIR,
        LAYER_ENC,
        LAYER_END,
        LAYER_ETHERNET,
        LAYER_ETHERTYPE,
        LAYER_FDDI,
        LAYER_FIREWIRE,
        LAYER_FRELAY,
        LAYER_FRELAY_DIR,
        LAYER_IP,
        LAYER_IP_OVER_FC,
        LAYER_IPNET,
        LAYER_IPOIB,
        LAYER_IPV4,
        LAYER_IPV6,
        LAYER_LLC,
        LAYER_LOOP,
        LAYER_MPLS,
        LAYER_NETANALYZER,
        LAYER_NETANALYZER_PREAMBLE,
        LAYER_NFLOG,
        LAYER_NULL,
        LAYER_PFLOG,
        LAYER_PPI,
        LAYER_PPP,
        LAYER_PPP_DIR,
        LAYER_PPP_HDLC,
        LAYER_PPPOE,
        LAYER_PREAMBLE,
        LAYER_PRISM,
        LAYER_RADIOTAP,
        LAYER_SLL,
        LAYER_SLL2,
        LAYER_TOKEN_RING,
        LAYER_UNKNOWN,
        LAYER_VLAN,
    )

__all__ = ["MAX_LAYERS", "LinkReader"]

#: Link layer headers of one frame that are followed. Real frames have two or three; a provider's VLANs over MPLS make eight.
MAX_LAYERS = 16

_ONE = cython.declare(cython.ulonglong, 1)
_LIMIT = cython.declare(cython.uint, MAX_LAYERS)


class LinkReader:
    """Walks the link layer headers of one frame at a time."""

    def __init__(self) -> None:
        self.first = memoryview(first_layers())
        #: Where the next header starts; in the end, the IP header.
        self.at = 0
        #: End of the captured frame.
        self.end = 0
        #: Mask of what was met in this frame.
        self.anomalies = 0
        #: The last ethertype, 0 for none.
        self.ethertype = 0
        #: The outermost VLAN id or VLAN_NONE.
        self.vlan = VLAN_NONE
        #: FRAME_ bit of the way that a cooked header tells.
        self.way = 0

    def read(self, b, i, at, end):
        """Walk the frame of row ``i``, whose captured bytes are ``at`` to ``end``."""
        self.at = at
        self.end = end
        self.anomalies = 0
        self.ethertype = 0
        self.vlan = VLAN_NONE
        self.way = 0
        layer = self.first[b.linktype[i]] if b.linktype[i] < 512 else LAYER_UNKNOWN
        steps = 0
        while layer not in (LAYER_END, LAYER_IPV4, LAYER_IPV6):
            if steps == _LIMIT:
                self.anomalies |= _ONE << ANOM_LAYER_LIMIT
                return LAYER_END
            steps += 1
            layer = self._step(b, layer)
        if self.way:
            b.frame_flags[i] |= self.way
        return layer

    def _step(self, b, layer):
        """Read one header."""
        if layer == LAYER_ETHERNET:
            return self._ethernet(b)
        if layer == LAYER_VLAN:
            return self._vlan(b)
        if layer == LAYER_SLL:
            return self._sll(b)
        if layer == LAYER_SLL2:
            return self._sll2(b)
        if layer == LAYER_NULL:
            return self._null(b, False)
        if layer == LAYER_LOOP:
            return self._null(b, True)
        if layer == LAYER_IP:
            return self._ip(b)
        if layer == LAYER_LLC:
            return self._llc(b)
        if layer == LAYER_MPLS:
            return self._mpls(b)
        if layer == LAYER_PPPOE:
            return self._pppoe(b)
        if layer == LAYER_PPP:
            return self._ppp(b)
        if layer == LAYER_PPP_HDLC:
            return self._ppp_hdlc(b)
        if layer == LAYER_CISCO_HDLC:
            return self._behind(b, 4, 2, LAYER_ETHERTYPE)
        return self._rare(b, layer)

    def _rare(self, b, layer):
        """Read one header of a kind that is seldom captured."""
        if layer in (LAYER_80211, LAYER_RADIOTAP, LAYER_PRISM, LAYER_AVS):
            return self._wireless(b, layer)
        if layer == LAYER_TOKEN_RING:
            return self._token_ring(b)
        if layer == LAYER_FDDI:
            return self._fddi(b)
        if layer == LAYER_ARCNET:
            return self._arcnet(b, 2)
        if layer == LAYER_ARCNET_LINUX:
            return self._arcnet(b, 4)
        if layer == LAYER_FRELAY:
            return self._frelay(b)
        if layer == LAYER_NFLOG:
            return self._nflog(b)
        if layer == LAYER_PFLOG:
            return self._pflog(b)
        if layer == LAYER_IPNET:
            return self._ipnet(b)
        if layer == LAYER_PPI:
            return self._ppi(b)
        # InfiniBand's global routing header; two addresses of eight bytes; Fibre Channel's network header; OpenBSD's enc(4).
        if layer == LAYER_IPOIB:
            return self._behind(b, 44, 40, LAYER_ETHERTYPE)
        if layer == LAYER_FIREWIRE:
            return self._behind(b, 18, 16, LAYER_ETHERTYPE)
        if layer == LAYER_IP_OVER_FC:
            return self._behind(b, 16, 0, LAYER_LLC)
        if layer == LAYER_ENC:
            return self._behind(b, 12, 0, LAYER_IP)
        if layer == LAYER_PPP_DIR:
            return self._behind(b, 1, 0, LAYER_PPP_HDLC)
        if layer == LAYER_CISCO_HDLC_DIR:
            return self._behind(b, 1, 0, LAYER_CISCO_HDLC)
        if layer == LAYER_FRELAY_DIR:
            return self._behind(b, 1, 0, LAYER_FRELAY)
        if layer == LAYER_NETANALYZER:
            return self._behind(b, 4, 0, LAYER_ETHERNET)
        if layer == LAYER_NETANALYZER_PREAMBLE:
            return self._behind(b, 12, 0, LAYER_ETHERNET)
        if layer == LAYER_PREAMBLE:
            return self._behind(b, 8, 0, LAYER_ETHERNET)
        return self._give_up(ANOM_UNKNOWN_LINKTYPE)

    def _give_up(self, anomaly):
        """Note why the way ends."""
        self.anomalies |= _ONE << anomaly
        return LAYER_END

    def _behind(self, b, size, field, layer):
        """A header of ``size`` bytes; ``layer`` follows, or what the ethertype at ``field`` says."""
        if self._short(size):
            return LAYER_END
        self.at += size
        return self._ethertype(be16(b, self.at - size + field)) if layer == LAYER_ETHERTYPE else layer

    def _short(self, size):
        """Whether the frame ends within the next ``size`` bytes; notes it."""
        if self.end - self.at >= size:
            return False
        self.anomalies |= _ONE << ANOM_LINK_TRUNCATED
        return True

    def _ethertype(self, value):
        """What follows an ethertype."""
        self.ethertype = value
        if value == 0x0800:
            return LAYER_IPV4
        if value == 0x86DD:
            return LAYER_IPV6
        if value in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300):
            return LAYER_VLAN
        if value in (0x8847, 0x8848):
            return LAYER_MPLS
        return LAYER_PPPOE if value == 0x8864 else LAYER_END

    def _length_or_type(self, b, at):
        """The field behind two Ethernet addresses: an ethertype, or the length of an IEEE 802.3 frame with LLC."""
        value = be16(b, at)
        self.at = at + 2
        if value >= 0x0600:
            return self._ethertype(value)
        return LAYER_LLC

    def _ethernet(self, b):
        """Destination, source, type."""
        if self._short(14):
            return LAYER_END
        return self._length_or_type(b, self.at + 12)

    def _vlan(self, b):
        """Tag control information, and what the tag was put in front of."""
        if self._short(4):
            return LAYER_END
        if self.vlan == VLAN_NONE:
            self.vlan = be16(b, self.at) & 0x0FFF
        return self._length_or_type(b, self.at + 2)

    def _sll(self, b):
        """Linux cooked capture: packet type, ARPHRD, address length, address, protocol."""
        if self._short(16):
            return LAYER_END
        self.way = self._way(be16(b, self.at))
        self.at += 16
        return self._cooked(be16(b, self.at - 14), be16(b, self.at - 2))

    def _sll2(self, b):
        """Linux cooked capture, version 2: protocol first, ARPHRD at 8, 20 bytes in all."""
        if self._short(20):
            return LAYER_END
        self.way = self._way(b.data[self.at + 10])
        self.at += 20
        return self._cooked(be16(b, self.at - 12), be16(b, self.at - 20))

    def _way(self, kind):
        """Packet types 0 to 2 came in (for this host, for all, for a group), 4 went out; 3 is for another host, which says nothing."""
        return FRAME_OUTBOUND if kind == 4 else FRAME_INBOUND if kind < 3 else 0

    def _cooked(self, arphrd, protocol):
        """What a cooked header announces: the protocol is an ethertype but for netlink, radio and Linux's own small numbers (4: LLC)."""
        if arphrd == 824:
            return LAYER_END
        if arphrd == 803:
            return LAYER_RADIOTAP
        if protocol == 4:
            return LAYER_LLC
        return self._ethertype(protocol) if protocol >= 0x0600 else LAYER_END

    def _null(self, b, network):
        """An address family. In LINKTYPE_NULL its byte order is that of the host that captured: families are small numbers."""
        if self._short(4):
            return LAYER_END
        family = be32(b, self.at)
        if family & 0xFFFF >= 0x0600:
            # No family is so large: Cisco HDLC, or two bytes and an ethertype, under the wrong link type.
            self.at += 4
            return self._ethertype(family & 0xFFFF)
        if not network and family > 0xFFFF:
            family = (family >> 24) | (family >> 8 & 0xFF00)
        self.at += 4
        return self._family(family)

    def _family(self, family):
        """What an address family stands for; IPv6 has a number of its own in NetBSD and OpenBSD, FreeBSD, macOS, Linux and Solaris."""
        if family == 2:
            return LAYER_IPV4
        return LAYER_IPV6 if family in (24, 28, 30, 10, 26) else LAYER_END

    def _ip(self, b):
        """No link layer: the version field tells."""
        if self._short(1):
            return LAYER_END
        if b.data[self.at] >> 4 == 4:
            return LAYER_IPV4
        if b.data[self.at] >> 4 == 6:
            return LAYER_IPV6
        return self._give_up(ANOM_IP_VERSION)

    def _llc(self, b):
        """IEEE 802.2: SNAP (RFC 1042, or with a bridge's code 0000f8) has an ethertype, SAP 06 is IP, FE with NLPID CC too."""
        if self._short(3):
            return LAYER_END
        sap = be16(b, self.at)
        if b.data[self.at + 2] != 3:
            return LAYER_END
        self.at += 3
        if sap == 0xAAAA:
            return self._snap(b)
        if sap == 0x0606:
            return LAYER_IPV4
        return self._nlpid(b) if sap == 0xFEFE else LAYER_END

    def _snap(self, b):
        """Organisation and type; other organisations' types are none of ours."""
        if self._short(5):
            return LAYER_END
        organisation = be32(b, self.at) >> 8
        self.at += 5
        return self._ethertype(be16(b, self.at - 2)) if organisation in (0, 0xF8) else LAYER_END

    def _nlpid(self, b):
        """Network layer protocol identifier: SNAP, IPv4 or IPv6."""
        if self._short(1):
            return LAYER_END
        self.at += 1
        if b.data[self.at - 1] == 0x80:
            return self._snap(b)
        if b.data[self.at - 1] == 0xCC:
            return LAYER_IPV4
        return LAYER_IPV6 if b.data[self.at - 1] == 0x8E else LAYER_END

    def _mpls(self, b):
        """One label; behind the last, the version field tells IP from what else is carried (a pseudowire begins with 0)."""
        if self._short(4):
            return LAYER_END
        self.at += 4
        if not b.data[self.at - 2] & 1:
            return LAYER_MPLS
        if self._short(1):
            return LAYER_END
        return b.data[self.at] >> 4 if b.data[self.at] >> 4 in (LAYER_IPV4, LAYER_IPV6) else LAYER_END

    def _pppoe(self, b):
        """PPPoE session, RFC 2516: version and type, code, session, length."""
        if self._short(6):
            return LAYER_END
        if b.data[self.at] != 0x11:
            return self._give_up(ANOM_LINK_MALFORMED)
        if b.data[self.at + 1] != 0:
            return LAYER_END
        self.at += 6
        return LAYER_PPP

    def _ppp_hdlc(self, b):
        """PPP with or without address and control bytes; their place may hold Cisco's HDLC, or (pppd) a direction."""
        if self._short(2):
            return LAYER_END
        if b.data[self.at] in (0x0F, 0x8F):
            return LAYER_CISCO_HDLC
        if b.data[self.at + 1] == 3 and b.data[self.at] in (0xFF, 0, 1):
            self.at += 2
        return LAYER_PPP

    def _ppp(self, b):
        """The protocol field, of one byte when that is odd (RFC 1661, section 6.5)."""
        if self._short(1):
            return LAYER_END
        protocol = b.data[self.at]
        if not protocol & 1:
            if self._short(2):
                return LAYER_END
            protocol = be16(b, self.at)
            self.at += 1
        self.at += 1
        if protocol == 0x21:
            return LAYER_IPV4
        if protocol == 0x57:
            return LAYER_IPV6
        return LAYER_MPLS if protocol in (0x0281, 0x0283) else LAYER_END

    def _wireless(self, b, layer):
        """What a card puts before an 802.11 header: radiotap (lengths little-endian), AVS, or Prism (which may turn out to be AVS)."""
        if layer == LAYER_80211:
            return self._80211(b, False)
        if self._short(8):
            return LAYER_END
        padded = False
        if layer == LAYER_RADIOTAP:
            size = b.data[self.at + 2] | b.data[self.at + 3] << 8
            padded = size >= 8 and not self._short(size) and self._radiotap_pads(b, size)
        elif layer == LAYER_AVS or be16(b, self.at) == 0x8021:
            size = be32(b, self.at + 4)
        else:
            size = b.data[self.at + 4] | b.data[self.at + 5] << 8
        if size < 8:
            return self._give_up(ANOM_LINK_MALFORMED)
        if self._short(size):
            return LAYER_END
        self.at += size
        return self._80211(b, padded)

    def _radiotap_pads(self, b, size):
        """Whether radiotap's flags say that the 802.11 header is padded to four bytes. The flags stand behind an aligned time stamp."""
        if not b.data[self.at + 4] & 2:
            return False
        field = 4
        while b.data[self.at + field + 3] & 0x80:
            field += 4
            if field + 4 > size:
                return False
        field += 4
        if b.data[self.at + 4] & 1:
            field = (field + 7 & ~7) + 8
        return field < size and b.data[self.at + field] & 0x20 != 0

    def _80211(self, b, padded):
        """IEEE 802.11: only data frames that carry something, not encrypted; of aggregated ones, the first."""
        if self._short(24):
            return LAYER_END
        control = be16(b, self.at)
        # Type data, and not of a subtype without data.
        if control & 0x0C00 != 0x0800 or control & 0x4000 or control & 0x40:
            return LAYER_END
        size = 30 if control & 3 == 3 else 24
        aggregated = False
        if control & 0x8000:
            if self._short(size + 2):
                return LAYER_END
            aggregated = b.data[self.at + size] & 0x80 != 0
            size += 6 if control & 0x80 else 2
        if padded:
            size = size + 3 & ~3
        if aggregated:
            size += 14
        if self._short(size):
            return LAYER_END
        self.at += size
        return LAYER_LLC

    def _token_ring(self, b):
        """IEEE 802.5: access and frame control, two addresses, and a route where the source's first bit says so. LLC frames only."""
        if self._short(14):
            return LAYER_END
        if b.data[self.at + 1] & 0xC0 != 0x40:
            return LAYER_END
        size = 14
        if b.data[self.at + 8] & 0x80:
            if self._short(15):
                return LAYER_END
            size += b.data[self.at + 14] & 31
        if self._short(size):
            return LAYER_END
        self.at += size
        return LAYER_LLC

    def _fddi(self, b):
        """FDDI: frame control and two addresses. LLC frames only."""
        if self._short(13):
            return LAYER_END
        self.at += 13
        return LAYER_LLC if b.data[self.at - 13] & 0xF0 == 0x50 else LAYER_END

    def _arcnet(self, b, field):
        """ARCnet, protocol number at ``field``: RFC 1051 (short header), RFC 1201. A packet in several frames is not put together."""
        if self._short(field + 1):
            return LAYER_END
        protocol = b.data[self.at + field]
        if protocol == 0xF0:
            self.at += field + 1
            return LAYER_IPV4
        if self._short(field + 4):
            return LAYER_END
        size = field + 8 if b.data[self.at + field + 1] == 0xFF else field + 4
        if self._short(size):
            return LAYER_END
        self.at += size
        if protocol == 0xD4:
            return LAYER_IPV4
        return LAYER_IPV6 if protocol == 0xC4 else LAYER_END

    def _frelay(self, b):
        """Frame Relay: an address whose last byte is odd, then RFC 2427 (control 3) or, as Cisco has it, an ethertype."""
        size = 2
        if self._short(2):
            return LAYER_END
        while not b.data[self.at + size - 1] & 1:
            size += 1
            if size > 4:
                return self._give_up(ANOM_LINK_MALFORMED)
            if self._short(size):
                return LAYER_END
        if self._short(size + 2):
            return LAYER_END
        self.at += size
        if b.data[self.at] != 3:
            self.at += 2
            return self._ethertype(be16(b, self.at - 2))
        # One byte of padding may follow the control byte.
        self.at += 2 if b.data[self.at + 1] == 0 else 1
        return self._nlpid(b)

    def _nflog(self, b):
        """Linux NFLOG: family, version, group, then options (length, type, in the host's order, padded to four); the packet is type 9."""
        if self._short(4):
            return LAYER_END
        self.at += 4
        while not self._short(4):
            little = b.data[self.at + 3] == 0
            size = b.data[self.at] | b.data[self.at + 1] << 8 if little else be16(b, self.at)
            if size < 4:
                return self._give_up(ANOM_LINK_MALFORMED)
            if (b.data[self.at + 2] if little else b.data[self.at + 3]) == 9:
                self.at += 4
                return LAYER_IP
            self.at += size + 3 & ~3
        return LAYER_END

    def _pflog(self, b):
        """OpenBSD's packet filter log: a length, without the padding to four, and an address family."""
        if self._short(2):
            return LAYER_END
        size = b.data[self.at] + 3 & ~3
        if size < 4:
            return self._give_up(ANOM_LINK_MALFORMED)
        if self._short(size):
            return LAYER_END
        self.at += size
        return self._family(b.data[self.at - size + 1])

    def _ipnet(self, b):
        """Solaris IP observability: version, family, and 22 bytes more."""
        if self._short(24):
            return LAYER_END
        self.at += 24
        return self._family(b.data[self.at - 23])

    def _ppi(self, b):
        """Per-packet information: version, flags, length and link type, little-endian."""
        if self._short(8):
            return LAYER_END
        size = b.data[self.at + 2] | b.data[self.at + 3] << 8
        linktype = b.data[self.at + 4] | b.data[self.at + 5] << 8
        if size < 8:
            return self._give_up(ANOM_LINK_MALFORMED)
        if self._short(size):
            return LAYER_END
        self.at += size
        return self.first[linktype] if linktype < 512 else LAYER_UNKNOWN
