"""Puts packets on the firewall: fills the columns iif, oif, path and zone from addresses and the topology.

What a Linux router with the topology's addresses would do:

- from an own address: output, whatever the destination (no input interface), unless the file says that the frame was received: then
  somebody else calls himself so;
- to an own address, to a multicast group, to a broadcast address or to an IPv6 link-local address: input (no output interface). A router
  takes these in, or never sees them, and does not forward them; broadcast addresses are 255.255.255.255 and those of the networks that
  ``--own`` was given with;
- everything else: forward, also between two addresses of one zone: the capture does not tell that a switch would have carried it. Or
  nobody knows, where the first frames should have told and did not (``inference``).

On a bridge everything is forwarded, with a destination that is a group by all ports.

A packet between two own addresses takes loopback, output first and input later; it is judged at output, where its connection begins.
Frames without an IP packet pass no hook, by no known interface. The conntrack zone is 0, unless the topology numbers zones by VLAN or
capture interface (CT_ZONES).

Where the topology tells zones by what a frame shows of its link, that comes after the addresses:

- The VLAN, or else the capture interface, says on which zone's link the frame was. If the file says that it was received there, it came
  in by that zone; if sent, it left by it. Otherwise the destination decides, for routing does: a packet whose destination does not lie
  behind the link must have come in from it, whatever its source claims; one whose destination does is leaving.
- An Ethernet frame from a MAC address of a zone came in by it; one to such an address left by it.

The upper sixteen bits of an address nearly always settle its zone: a table has the answer, or the span of ranges to search.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import cython

from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay import segments
from pcapaudit.replay.topology import CT_ZONES, PATHS, Topology

if not cython.compiled:
    from pcapaudit.core.bytes import be16
    from pcapaudit.core.consts import (
        FRAME_INBOUND,
        FRAME_OUTBOUND,
        IFACE_NONE,
        IFACE_UNKNOWN,
        PATH_FORWARD,
        PATH_INPUT,
        PATH_OUTPUT,
        PATH_UNKNOWN,
        VLAN_NONE,
    )
    from pcapaudit.replay.segments import GROUP, MIXED, NOWHERE, OWN, ZONE_BITS

    # LINKTYPE_ETHERNET.
    ETHERNET = 1
    # Places in CT_ZONES.
    BY_VLAN = 1
    BY_INTERFACE = 3

__all__ = ["Vantage"]

_LOW = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


class Vantage:
    """The topology seen from the packets of one batch.

    ``interfaces`` are those of the stream, by the column if_id; the list may grow between batches.
    """

    def __init__(self, topology: Topology, batch: PacketBatch, interfaces: Sequence[Any] = ()) -> None:
        self.batch = batch
        #: PATH_ of every packet, or PATH_UNKNOWN where addresses decide; PATHS stands in the order of these numbers.
        self.forced = PATHS.index("forward" if topology.bridge else topology.path)
        #: Frames for groups leave by all ports of a bridge.
        self.bridged = topology.bridge != ""
        #: PATH_ of packets between addresses that are not the firewall's own.
        self.otherwise = PATH_UNKNOWN if topology.place == "unknown" else PATH_FORWARD
        #: Place in CT_ZONES.
        self.zones_by = CT_ZONES.index(topology.ct_zone)
        ranges4, ranges6 = segments.segments(topology, 4), segments.segments(topology, 6)
        upper4, spans4 = segments.upper_table(ranges4, 32, 0)
        upper6, spans6 = segments.upper_table(ranges6, 128, len(ranges4))
        ranges = [*ranges4, *ranges6]
        #: Codes by the upper sixteen bits: IPv4, then IPv6. Spans are numbered from 0 in each half.
        self.upper = memoryview(upper4 + upper6)
        #: First segment of each span, and the one after its last; the spans of IPv6 begin at ``spans6``.
        self.spans = memoryview(array("I", [index for span in (*spans4, *spans6) for index in span] + [0, 0]))
        self.spans6 = len(spans4)
        self.starts_hi = memoryview(array("Q", [start >> 64 for start, _ in ranges]))
        self.starts_lo = memoryview(array("Q", [start & _LOW for start, _ in ranges]))
        self.codes = memoryview(array("H", [code for _, code in ranges]))
        self.interfaces = interfaces
        #: Zone by name of a capture interface.
        self.recorded = {name: index for index, zone in enumerate(topology.zones) for name in zone.recorded_as}
        #: How many of the interfaces ``by_interface`` holds.
        self.known = 0
        vlans = {vlan: index for index, zone in enumerate(topology.zones) for vlan in zone.vlans}
        self.by_vlan = memoryview(array("H", [vlans.get(vlan, NOWHERE) for vlan in range(1 << 12)]))
        self.by_interface = memoryview(array("H", [NOWHERE]))
        macs = sorted((mac, index) for index, zone in enumerate(topology.zones) for mac in zone.macs)
        self.mac_count = len(macs)
        self.macs = memoryview(array("Q", [*(mac for mac, _ in macs), 0]))
        self.mac_zones = memoryview(array("H", [*(zone for _, zone in macs), NOWHERE]))
        self.has_links = bool(vlans or self.recorded or macs)

    def place(self):
        """Fill the columns for all packets of the batch."""
        if self.known < len(self.interfaces) and self.recorded:
            self._learn()
        with cython.nogil:
            for i in range(self.batch.count):
                self._place(self.batch, i)

    def _learn(self):
        """Look up the zones of the interfaces that are new in the stream."""
        self.known = len(self.interfaces)
        self.by_interface = memoryview(array("H", [self.recorded.get(each.name, NOWHERE) for each in self.interfaces]))

    def place_row(self, i):
        """Fill the columns for one row."""
        self._place(self.batch, i)

    def _place(self, b, i):
        """Fill the columns for one row of the batch."""
        b.zone[i] = self._ct_zone(b, i) if self.zones_by else 0
        if b.l3[i] == 4:
            src = self._code(0, b.src_lo[i], (b.src_lo[i] >> 16) & 0xFFFF, 0)
            dst = self._code(0, b.dst_lo[i], (b.dst_lo[i] >> 16) & 0xFFFF, 0)
        elif b.l3[i] == 6:
            src = self._code(b.src_hi[i], b.src_lo[i], 0x10000 + (b.src_hi[i] >> 48), self.spans6)
            dst = self._code(b.dst_hi[i], b.dst_lo[i], 0x10000 + (b.dst_hi[i] >> 48), self.spans6)
        else:
            b.iif[i] = IFACE_UNKNOWN
            b.oif[i] = IFACE_UNKNOWN
            b.path[i] = PATH_UNKNOWN
            return
        path = self.forced
        if path == PATH_UNKNOWN:
            came = b.frame_flags[i] & FRAME_INBOUND
            path = PATH_OUTPUT if src & OWN and not came else PATH_INPUT if dst & (OWN | GROUP) else self.otherwise
        to_all = self.bridged and dst & GROUP
        src &= ZONE_BITS
        dst &= ZONE_BITS
        b.path[i] = path
        b.iif[i] = IFACE_NONE if path == PATH_OUTPUT else IFACE_UNKNOWN if src == NOWHERE else src
        b.oif[i] = IFACE_NONE if path == PATH_INPUT else IFACE_UNKNOWN if dst == NOWHERE or to_all else dst
        if self.has_links:
            self._place_by_link(b, i)
            if self.mac_count and b.linktype[i] == ETHERNET and b.caplen[i] >= 12:
                self._place_by_mac(b, i)

    def _ct_zone(self, b, i):
        """The conntrack zone of a frame, as ``zones_by`` numbers them."""
        if self.zones_by == BY_INTERFACE:
            return b.if_id[i] + 1 & 0xFFFF
        vlan = b.vlan[i]
        if vlan == VLAN_NONE:
            return 0
        if self.zones_by == BY_VLAN and b.linktype[i] == ETHERNET:
            at = b.offset[i] + 12
            stop = b.offset[i] + b.caplen[i]
            while at + 4 <= stop and be16(b, at) in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300):
                vlan = be16(b, at + 2) & 0xFFF
                at += 4
        return vlan

    def _place_by_link(self, b, i):
        """Correct the interfaces by the link that the frame was on, if that is known."""
        link = self._link(b, i)
        if link == NOWHERE:
            return
        if b.path[i] == PATH_OUTPUT:
            b.oif[i] = link
        elif b.path[i] == PATH_INPUT or b.frame_flags[i] & FRAME_INBOUND:
            b.iif[i] = link
        elif b.frame_flags[i] & FRAME_OUTBOUND:
            b.oif[i] = link
        elif b.oif[i] != link:
            b.iif[i] = link

    def _link(self, b, i):
        """Zone on whose link the frame was, or NOWHERE."""
        if b.vlan[i] != VLAN_NONE and self.by_vlan[b.vlan[i] & 0xFFF] != NOWHERE:
            return self.by_vlan[b.vlan[i] & 0xFFF]
        return self.by_interface[b.if_id[i]] if b.if_id[i] < self.known else NOWHERE

    def _place_by_mac(self, b, i):
        """Correct the interfaces by the Ethernet addresses."""
        source = self._mac_zone(b, b.offset[i] + 6)
        destination = self._mac_zone(b, b.offset[i])
        if source != NOWHERE and b.path[i] != PATH_OUTPUT:
            b.iif[i] = source
        if destination != NOWHERE and b.path[i] != PATH_INPUT:
            b.oif[i] = destination

    def _mac_zone(self, b, at):
        """Zone of the Ethernet address whose first byte is ``data[at]``, or NOWHERE."""
        mac = 0
        for k in range(6):
            mac = mac << 8 | b.data[at + k]
        left = 0
        right = self.mac_count
        while left < right:
            middle = (left + right) >> 1
            if self.macs[middle] < mac:
                left = middle + 1
            else:
                right = middle
        return self.mac_zones[left] if self.macs[left] == mac and left < self.mac_count else NOWHERE

    def _code(self, hi, lo, upper, first_span):
        """Code of an address; ``upper`` is its place in the upper table."""
        code = self.upper[upper]
        return self._search(hi, lo, first_span + (code ^ MIXED)) if code & MIXED else code

    def _search(self, hi, lo, span):
        """Code of the last segment of a span that does not begin behind the address; the span's first one never does."""
        left = self.spans[2 * span]
        right = self.spans[2 * span + 1]
        while right - left > 1:
            middle = (left + right) >> 1
            start = self.starts_hi[middle]
            if start < hi or (start == hi and self.starts_lo[middle] <= lo):
                left = middle
            else:
                right = middle
        return self.codes[left]
