"""What a translated packet looks like on its way through the hooks. Compiled.

The kernel changes a packet twice: its destination at prerouting (or output), its source at postrouting (or input). So there are three
**stages**: 0 as the packet comes in, 1 with the destination that it leaves with, 2 with the source that it leaves with, too. A rule at
stage 1 sees where the packet goes, and from whom it really comes; that holds for packets of both directions.

A view writes a stage into the packet's row and bytes before the chains of that stage run, and puts back what the capture shows after
the last of them. What is not known of a stage (a port that masquerade picked by chance) is **hidden**: to ask for it is to be told unknown.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.core.columns import PacketBatch

if not cython.compiled:
    from pcapaudit.core.consts import (
        HOOK_OUTPUT,
        HOOK_PREROUTING,
        PROTO_DCCP,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_SCTP,
        PROTO_TCP,
        PROTO_UDP,
        PROTO_UDPLITE,
    )
    from pcapaudit.rules.ops import (
        FIELD_DESTINATION,
        FIELD_DPORT,
        FIELD_FIB_DESTINATION,
        FIELD_FIB_SOURCE,
        FIELD_NETWORK,
        FIELD_SOURCE,
        FIELD_SPORT,
        FIELD_TH_DPORT,
        FIELD_TH_SPORT,
        FIELD_TRANSPORT,
        HIDE_DESTINATION,
        HIDE_DPORT,
        HIDE_SOURCE,
        HIDE_SPORT,
        NAT_DESTINATION,
        NAT_SOURCE,
        STORE_ADDRESS,
        UNKNOWN,
        YES,
    )

__all__ = ["View"]


class View:
    """One packet's stages. ``entering`` and ``leaving`` are its tuples before and behind the firewall.

    A tuple is four quads (source hi, lo, destination hi, lo) and two ports; ``original`` and ``reply`` are those of the connection.
    """

    def __init__(self, batch: PacketBatch) -> None:
        self.batch = batch
        #: The packet has stages, or may get them: its first one is being translated.
        self.on = 0
        self.deciding = 0
        self.stage = 0
        #: HIDE_ bits of the stage.
        self.hidden = 0
        #: Whether the connection's NAT bits are known.
        self.status_known = 1
        #: Ways that the packet may take when its path is not known: a bit for each PATH_.
        self.ways = 0
        #: HIDE_ bits of what the packet leaves with in other worlds.
        self.doubt = 0
        #: Rule whose unknown match makes more ways than one possible.
        self.cause = 0
        self.tuples = memoryview(array("Q", bytes(8 * 4 * 4)))
        self.ports = memoryview(array("I", bytes(4 * 2 * 4)))
        #: HIDE_ bits of each tuple: entering, leaving, original, reply.
        self.hides = memoryview(array("I", bytes(4 * 4)))
        #: By slot (NAT_), what the first packet's nat chains say: the statement that translates (plus 1), whether other worlds translate
        #: otherwise, and the rule at which these parted.
        self.number = memoryview(array("I", bytes(8)))
        self.unsure = memoryview(array("I", bytes(8)))
        self.causes = memoryview(array("I", bytes(8)))
        #: What the statement's maps yield: address hi, lo and port of each slot.
        self.values = memoryview(array("Q", bytes(8 * 6)))
        #: Says what NAT makes of first packets: ``choose(i, slot)``.
        self.chooser: Any = None
        self.value_hi = 0
        self.value_lo = 0
        self.kept = memoryview(array("Q", bytes(8 * 4)))
        self.kept_ports = memoryview(array("I", bytes(4 * 2)))

    def begin(self, i):
        """Start a packet: remember what the capture shows of it."""
        self.on = 1
        self.stage = 0
        self.hidden = 0
        self.deciding = 0
        self.status_known = 1
        self.ways = 0
        self.doubt = 0
        self.cause = 0
        self.number[NAT_DESTINATION] = 0
        self.number[NAT_SOURCE] = 0
        self.unsure[NAT_DESTINATION] = 0
        self.unsure[NAT_SOURCE] = 0
        self.causes[NAT_DESTINATION] = 0
        self.causes[NAT_SOURCE] = 0
        self.kept[0] = self.batch.src_hi[i]
        self.kept[1] = self.batch.src_lo[i]
        self.kept[2] = self.batch.dst_hi[i]
        self.kept[3] = self.batch.dst_lo[i]
        self.kept_ports[0] = self.batch.sport[i]
        self.kept_ports[1] = self.batch.dport[i]

    def put(self, which, turned):
        """Make what the capture shows the tuple ``which``; ``turned``: its inverse."""
        at = 4 * which
        source = 2 if turned else 0
        self.tuples[at] = self.kept[source]
        self.tuples[at + 1] = self.kept[source + 1]
        self.tuples[at + 2] = self.kept[2 - source]
        self.tuples[at + 3] = self.kept[3 - source]
        self.ports[2 * which] = self.kept_ports[1 if turned else 0]
        self.ports[2 * which + 1] = self.kept_ports[0 if turned else 1]
        self.hides[which] = 0

    def copy(self, which, other, turned):
        """Make the tuple ``other``, or its inverse, the tuple ``which``."""
        source = 2 if turned else 0
        self.tuples[4 * which] = self.tuples[4 * other + source]
        self.tuples[4 * which + 1] = self.tuples[4 * other + source + 1]
        self.tuples[4 * which + 2] = self.tuples[4 * other + 2 - source]
        self.tuples[4 * which + 3] = self.tuples[4 * other + 3 - source]
        self.ports[2 * which] = self.ports[2 * other + (1 if turned else 0)]
        self.ports[2 * which + 1] = self.ports[2 * other + (0 if turned else 1)]
        hides = self.hides[other]
        if turned:
            hides = (hides & (HIDE_SOURCE | HIDE_SPORT)) << 1 | (hides & (HIDE_DESTINATION | HIDE_DPORT)) >> 1
        self.hides[which] = hides

    def move(self, i, stage):
        """Write a stage into row ``i``."""
        self.stage = stage
        source = 1 if stage == 2 else 0
        target = 1 if stage else 0
        self._write(
            i,
            self.tuples[4 * source],
            self.tuples[4 * source + 1],
            self.tuples[4 * target + 2],
            self.tuples[4 * target + 3],
        )
        self._write_ports(i, self.ports[2 * source], self.ports[2 * target + 1])
        self.hidden = self.hides[source] & (HIDE_SOURCE | HIDE_SPORT) | self.hides[target] & (HIDE_DESTINATION | HIDE_DPORT)

    def restore(self, i):
        """Put back what the capture shows; the packet is through."""
        self._write(i, self.kept[0], self.kept[1], self.kept[2], self.kept[3])
        self._write_ports(i, self.kept_ports[0], self.kept_ports[1])
        self.on = 0
        self.hidden = 0
        self.status_known = 1

    def _write(self, i, src_hi, src_lo, dst_hi, dst_lo):
        """Addresses of the row, and those in the packet's bytes."""
        self.batch.src_hi[i] = src_hi
        self.batch.src_lo[i] = src_lo
        self.batch.dst_hi[i] = dst_hi
        self.batch.dst_lo[i] = dst_lo
        at = self.batch.l3_off[i]
        if self.batch.l3[i] == 4:
            if at + 20 <= self.batch.end_off[i]:
                self._put(at + 12, src_lo, 4)
                self._put(at + 16, dst_lo, 4)
        elif at + 40 <= self.batch.end_off[i]:
            self._put(at + 8, src_hi, 8)
            self._put(at + 16, src_lo, 8)
            self._put(at + 24, dst_hi, 8)
            self._put(at + 32, dst_lo, 8)

    def _write_ports(self, i, sport, dport):
        """Ports; an ICMP identifier is none."""
        if self.batch.proto[i] in (PROTO_TCP, PROTO_UDP, PROTO_UDPLITE, PROTO_SCTP, PROTO_DCCP):
            self.batch.sport[i] = sport
            self.batch.dport[i] = dport
            at = self.batch.l4_off[i]
            if at and at + 4 <= self.batch.end_off[i]:
                self._put(at, sport, 2)
                self._put(at + 2, dport, 2)

    def _put(self, at, value, size):
        """A number of ``size`` bytes in network order."""
        left = size
        while left:
            left -= 1
            self.batch.data[at + left] = value & 0xFF
            value >>= 8

    def slot(self, hook):
        """What the nat chains of a hook translate (NAT_)."""
        return NAT_DESTINATION if hook in (HOOK_PREROUTING, HOOK_OUTPUT) else NAT_SOURCE

    def keep(self, slot, target, hi, lo):
        """Keep what the maps of a slot's statement yield."""
        if target == STORE_ADDRESS:
            self.values[3 * slot] = hi
            self.values[3 * slot + 1] = lo
        else:
            self.values[3 * slot + 2] = lo

    def part(self, slot, rule):
        """Other worlds parted from the main one in the nat chains of a slot: they translate, or do not, where that does not, or does."""
        if self.causes[slot] == 0:
            self.causes[slot] = rule
        if self.number[slot]:
            self.unsure[slot] = 1

    def decide(self, i, stage):
        """What the first packet's nat chains said takes effect, as far as ``stage``."""
        slot = self.stage
        while slot < stage:
            if self.number[slot] or self.unsure[slot]:
                with cython.gil:
                    self.chooser.choose(i, slot)
            slot += 1
        return 0

    def hides_field(self, field, first, bits):
        """Whether a field (FIELD_, for raw headers with its first bit and its width) lies in a part of the packet that is hidden."""
        if field in (FIELD_SOURCE, FIELD_FIB_SOURCE):
            return self.hidden & HIDE_SOURCE
        if field in (FIELD_DESTINATION, FIELD_FIB_DESTINATION):
            return self.hidden & HIDE_DESTINATION
        if field in (FIELD_SPORT, FIELD_TH_SPORT):
            return self.hidden & HIDE_SPORT
        if field in (FIELD_DPORT, FIELD_TH_DPORT):
            return self.hidden & HIDE_DPORT
        if field == FIELD_TRANSPORT:
            return first < 32 and self.hidden & (HIDE_SPORT | HIDE_DPORT)
        # Checksums aside, the addresses are all that NAT changes of the IP header.
        return field == FIELD_NETWORK and first + bits > 64 and self.hidden & (HIDE_SOURCE | HIDE_DESTINATION)

    def read(self, i, which, part):
        """Read a part of a tuple (0 source, 1 destination, 2 and 3 their ports) into ``value_hi`` and ``value_lo``."""
        if self.hides[which] >> part & 1 or (part > 1 and self.batch.proto[i] in (PROTO_ICMP, PROTO_ICMPV6)):
            return UNKNOWN
        self.value_hi = self.tuples[4 * which + 2 * part] if part < 2 else 0
        self.value_lo = self.tuples[4 * which + 2 * part + 1] if part < 2 else self.ports[2 * which + part - 2]
        return YES
