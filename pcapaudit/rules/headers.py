"""Reads bits of a packet's headers for rules: of a header at its place, of a TCP option, of an IPv6 extension header. Compiled.

What a header does not hold makes a match fail; what the capture cut off is unknown. Both as ``matching`` needs it.
"""

from __future__ import annotations

from array import array

import cython

from pcapaudit.core.columns import PacketBatch
from pcapaudit.rules.compile import Program

if not cython.compiled:
    from pcapaudit.core.consts import PATH_OUTPUT, PROTO_AH, PROTO_DSTOPTS, PROTO_FRAGMENT, PROTO_HOPOPT, PROTO_ROUTING
    from pcapaudit.rules.ops import LINKTYPE_ETHERNET, NO, UNKNOWN, YES

__all__ = ["Headers"]

_ALL_BITS = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


class Headers:
    """Reads into ``value_hi`` and ``value_lo``; ``load`` is where a load's words begin."""

    def __init__(self, program: Program, batch: PacketBatch) -> None:
        self.batch = batch
        self.loads = memoryview(array("I", [*program.loads, 0]))
        self.value_hi = 0
        self.value_lo = 0

    def bits(self, start, end, size, load):
        """Bits of a header of ``size`` bytes on the wire, of which the capture holds those from ``start`` to ``end``."""
        reach = self.loads[load + 5]
        if reach > size:
            return NO
        if start + reach > end:
            return UNKNOWN
        return self._take_bits(start, self.loads[load + 3], self.loads[load + 4])

    @cython.boundscheck(True)
    def _take_bits(self, start, offset, bits):
        """So many bits from an offset on, into ``value_hi`` and ``value_lo``."""
        hi = 0
        lo = 0
        at = start + (offset >> 3)
        lead = offset & 7
        left = bits
        while left:
            take = 8 - lead if left > 8 - lead else left
            byte = (self.batch.data[at] >> (8 - lead - take)) & ((1 << take) - 1)
            hi = (hi << take | lo >> (64 - take)) & _ALL_BITS
            lo = (lo << take | byte) & _ALL_BITS
            lead = 0
            left -= take
            at += 1
        self.value_hi = hi
        self.value_lo = lo
        return YES

    def packet_type(self, i):
        """By the Ethernet destination: broadcast 1, multicast 2, else to this host 0 (frames for others are no business of its rules)."""
        self.value_hi = 0
        if self.batch.linktype[i] != LINKTYPE_ETHERNET or self.batch.l3_off[i] < self.batch.offset[i] + 14:
            return UNKNOWN
        if self.batch.path[i] == PATH_OUTPUT or self.batch.data[self.batch.offset[i]] & 1 == 0:
            self.value_lo = 0
            return YES
        at = self.batch.offset[i]
        self.value_lo = 1
        index = 0
        while index < 6:
            if self.batch.data[at + index] != 0xFF:
                self.value_lo = 2
            index += 1
        return YES

    @cython.boundscheck(True)
    def option(self, i, load):
        """A TCP option: the first one of its kind counts, and a header that does not hold it whole does not hold it at all."""
        start = self.batch.l4_off[i]
        wire = self.batch.l4_len[i]
        have = self.batch.end_off[i] - start
        if start == 0 or wire < 20:
            return self._absent(load)
        if have < 20:
            return UNKNOWN
        size = (self.batch.data[start + 12] >> 4) * 4
        if size < 20 or size > wire:
            return self._absent(load)
        at = 20
        while at < size - 1:
            if at + 1 >= have:
                return UNKNOWN
            kind = self.batch.data[start + at]
            length = 1 if kind <= 1 or self.batch.data[start + at + 1] == 0 else self.batch.data[start + at + 1]
            if kind == self.loads[load + 3] >> 16:
                if at + length > size:
                    return self._absent(load)
                return UNKNOWN if at + length > have else self._found(load, start + at, start + at + length)
            at += length
        return self._absent(load)

    @cython.boundscheck(True)
    def extension(self, i, load):
        """An IPv6 extension header. No fragment header is left: fragments have been put together before the rules see them."""
        wanted = self.loads[load + 3] >> 16
        at = self.batch.l3_off[i]
        whole = at + self.batch.ip_len[i]
        stop = self.batch.end_off[i]
        kind = self.batch.data[at + 6]
        at += 40
        count = 0
        while kind != wanted or kind == PROTO_FRAGMENT:
            if kind not in (PROTO_HOPOPT, PROTO_ROUTING, PROTO_FRAGMENT, PROTO_AH, PROTO_DSTOPTS) or count == 64:
                return self._absent(load)
            if at + 8 > whole:
                return self._absent(load)
            if at + 8 > stop:
                return UNKNOWN
            count += 1
            if kind == PROTO_FRAGMENT:
                kind = self.batch.data[at]
                at += 8
            elif kind == PROTO_AH:
                kind = self.batch.data[at]
                at += (self.batch.data[at + 1] + 2) * 4
            else:
                kind = self.batch.data[at]
                at += (self.batch.data[at + 1] + 1) * 8
        if self.loads[load + 4] and at + self.loads[load + 5] > stop and at + self.loads[load + 5] <= whole:
            return UNKNOWN
        return self._found(load, at, stop)

    def next_header(self, i):
        """The IPv6 header's own field. A fragment header is taken away before the rules see the packet, even from a whole packet."""
        at = self.batch.l3_off[i]
        self.value_lo = self.batch.data[at + 6]
        if self.value_lo != PROTO_FRAGMENT:
            return YES
        self.value_lo = self.batch.data[at + 40]
        return YES if self.batch.end_off[i] > at + 40 else UNKNOWN

    def _absent(self, load):
        """The answer where there is no such option or header."""
        self.value_lo = 0
        return NO if self.loads[load + 4] else YES

    def _found(self, load, start, stop):
        """The bits asked for of what lies between two offsets, or that it is there at all."""
        if self.loads[load + 4] == 0:
            self.value_lo = 1
            return YES
        if start + self.loads[load + 5] > stop:
            return NO
        return self._take_bits(start, self.loads[load + 3] & 0xFFFF, self.loads[load + 4])
