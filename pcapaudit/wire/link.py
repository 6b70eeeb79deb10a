"""Link layer: from the first byte of a frame to its IP header, one header a step. Compiled.

``read`` returns LAYER_IPV4 or LAYER_IPV6 with ``at`` on the header, or LAYER_END for a frame that holds no IP packet; ``ethertype``,
``vlan`` and ``anomalies`` (a mask) say what was met. A method per header reads it at ``at``, moves ``at`` behind it and returns the next
layer. Nothing is read beyond ``end``, the end of the captured frame.
"""

from __future__ import annotations

import cython

from pcapaudit.wire.linktypes import first_layers

if not cython.compiled:
    from pcapaudit.core.consts import (
        ANOM_IP_VERSION,
        ANOM_LAYER_LIMIT,
        ANOM_LINK_TRUNCATED,
        ANOM_UNKNOWN_LINKTYPE,
        VLAN_NONE,
    )
    from pcapaudit.wire.bytes import be16, be32
    from pcapaudit.wire.layers import (
        LAYER_END,
        LAYER_ETHERNET,
        LAYER_IP,
        LAYER_IPV4,
        LAYER_IPV6,
        LAYER_LOOP,
        LAYER_NULL,
        LAYER_SLL,
        LAYER_SLL2,
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

    def read(self, b, i, at, end):
        """Walk the frame of row ``i``, whose captured bytes are ``at`` to ``end``."""
        self.at = at
        self.end = end
        self.anomalies = 0
        self.ethertype = 0
        self.vlan = VLAN_NONE
        layer = self.first[b.linktype[i]] if b.linktype[i] < 512 else LAYER_UNKNOWN
        steps = 0
        while layer not in (LAYER_END, LAYER_IPV4, LAYER_IPV6):
            if steps == _LIMIT:
                self.anomalies |= _ONE << ANOM_LAYER_LIMIT
                return LAYER_END
            steps += 1
            layer = self._step(b, layer)
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
        self.anomalies |= _ONE << ANOM_UNKNOWN_LINKTYPE
        return LAYER_END

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
        return LAYER_END

    def _length_or_type(self, b, at):
        """The field behind two Ethernet addresses: an ethertype, or the length of an IEEE 802.3 frame with LLC."""
        value = be16(b, at)
        self.at = at + 2
        if value >= 0x0600:
            return self._ethertype(value)
        return LAYER_END

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
        self.at += 16
        return self._ethertype(be16(b, self.at - 2))

    def _sll2(self, b):
        """Linux cooked capture, version 2: protocol first, 20 bytes in all."""
        if self._short(20):
            return LAYER_END
        self.at += 20
        return self._ethertype(be16(b, self.at - 20))

    def _null(self, b, network):
        """An address family. In LINKTYPE_NULL its byte order is that of the host that captured: families are small numbers."""
        if self._short(4):
            return LAYER_END
        family = be32(b, self.at)
        if not network and family > 0xFFFF:
            family = (family >> 24) | (family >> 8 & 0xFF00)
        self.at += 4
        if family == 2:
            return LAYER_IPV4
        # NetBSD and OpenBSD; FreeBSD; macOS; Linux.
        return LAYER_IPV6 if family in (24, 28, 30, 10) else LAYER_END

    def _ip(self, b):
        """No link layer: the version field tells."""
        if self._short(1):
            return LAYER_END
        if b.data[self.at] >> 4 == 4:
            return LAYER_IPV4
        if b.data[self.at] >> 4 == 6:
            return LAYER_IPV6
        self.anomalies |= _ONE << ANOM_IP_VERSION
        return LAYER_END
