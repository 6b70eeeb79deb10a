"""Looks addresses up in the firewall's routes for ``fib`` expressions, as Linux 6.12 does. Compiled: it meets every packet.

What the kernel makes of an address (``type``), IPv4:

- 0.0.0.0 and 255.255.255.255 are broadcast, 224.0.0.0/4 is multicast, whatever the routes;
- else local or broadcast where the firewall's own addresses say so, and, if the rule names a device, on that device;
- else unicast, be there a route or not: black holes and their like never show.

IPv6: multicast by the address; local (on that device); anycast, which the first address of a network without gateway is; else the kind of
the route, and ``unreachable`` without one. A link-local address is looked for on the device that is named, or else on the one at hand.

By which interface a packet to an address would leave (``oif``, ``exists``): by none for own addresses, black holes and the like. A device
that the rule names must be one of the route's. Two shortcuts: a host without an address that asks everybody (IPv4), and one that checks
whether its address is free (IPv6), are never missing.

iptables' rpfilter asks the same and differs twice: a broadcast address has no way (IPv4), no source at all is let by (IPv6).

The answer is unknown where the topology does not say what it takes: see ``machine``.
"""

from __future__ import annotations

from array import array

import cython

from pcapaudit.core.columns import PacketBatch
from pcapaudit.rules.machine import Machine, rows

if not cython.compiled:
    from pcapaudit.core.consts import IFACE_NONE, IFACE_UNKNOWN, PATH_INPUT, PATH_OUTPUT, PROTO_ICMPV6
    from pcapaudit.rules.ops import (
        FIB_ANYCAST,
        FIB_BLACKHOLE,
        FIB_BROADCAST,
        FIB_BY_IIF,
        FIB_BY_OIF,
        FIB_LOCAL,
        FIB_MULTICAST,
        FIB_NOTHING,
        FIB_RESULT_CHECK,
        FIB_RESULT_TYPE,
        FIB_RESULTS,
        FIB_UNICAST,
        FIB_UNREACHABLE,
        FIB_VAGUE,
        FIB_XTABLES,
        NO,
        UNKNOWN,
        YES,
    )

__all__ = ["Fib"]

_ALL_V4 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
#: The upper ten bits of link-local addresses, fe80::/10.
_LINK_LOCAL = cython.declare(cython.ulonglong, 0x3FA)


class Fib:
    """The routes, asked about the packets of one batch. Leaves its answer in ``value``."""

    def __init__(self, machine: Machine, names: tuple[str, ...], batch: PacketBatch) -> None:
        self.batch = batch
        self.value = 0
        stretches = [rows(machine, version) for version in (4, 6)]
        starts = [*stretches[0][0], *stretches[1][0]]
        known = [*stretches[0][1], *stretches[1][1]]
        #: First address of each stretch, those of IPv6 behind those of IPv4; kind; whether that is vague.
        self.starts_hi = memoryview(array("Q", [start >> 64 for start in starts]))
        self.starts_lo = memoryview(array("Q", [start & 0xFFFFFFFFFFFFFFFF for start in starts]))
        self.first6 = len(stretches[0][0])
        self.count = len(starts)
        self.kinds = memoryview(array("I", [row.kind for row in known]))
        self.vague = memoryview(array("B", [row.vague for row in known]))
        #: An interface may stand in several zones: each by the first zone with its name.
        first = {name: names.index(name) for name in names}
        self.same = memoryview(array("I", [*(first[name] for name in names), 0]))
        self.names = len(names)
        #: Devices of each row: where they begin in ``devices``.
        begins = array("I", [0])
        devices = array("I")
        for row in known:
            devices.extend(first[names[device]] if device < len(names) else device for device in row.devices)
            begins.append(len(devices))
        self.begins = memoryview(begins)
        self.devices = memoryview(array("I", [*devices, 0]))
        #: 4 and 6: all own addresses of that version are known.
        self.known4 = 4 in machine.known
        self.known6 = 6 in machine.known
        self.forced = machine.forced
        #: The question at hand: address, its row and that row's kind, whether the packet's way says that the address is own, the device.
        self.hi = 0
        self.lo = 0
        self.row = 0
        self.kind = 0
        self.here = 0
        self.named = 0
        self.device = 0
        self.xtables = 0

    def look_up(self, i, destination, asked, device, current):
        """Ask for the packet's destination, or for its source. ``asked``: FIB_RESULT_TYPE or another, and FIB_ flags; ``device`` is the one
        that the rule names, if it does, ``current`` the one at hand.
        """
        result = asked & FIB_RESULTS
        named = asked & (FIB_BY_IIF | FIB_BY_OIF) != 0
        self.xtables = asked & FIB_XTABLES != 0
        if self.batch.l3[i] == 0:
            return NO
        self.hi = self.batch.dst_hi[i] if destination else self.batch.src_hi[i]
        self.lo = self.batch.dst_lo[i] if destination else self.batch.src_lo[i]
        self.named = named and device != IFACE_NONE
        self.device = device
        self.here = self.batch.path[i] == PATH_INPUT if destination else self.batch.path[i] == PATH_OUTPUT
        self._search(self.batch.l3[i])
        if result == FIB_RESULT_TYPE:
            return self._type4() if self.batch.l3[i] == 4 else self._type6()
        if not self.named:
            self.device = current
        answer = YES if self._never_missing(i) else self._route6() if self.batch.l3[i] == 6 else self._route()
        if result == FIB_RESULT_CHECK:
            self.value = self.device != IFACE_NONE
        else:
            self.value = self.device
            if self.device == IFACE_UNKNOWN:
                answer = UNKNOWN
        return answer

    def _search(self, l3):
        """Find the row of the address."""
        left = self.first6 if l3 == 6 else 0
        right = self.count if l3 == 6 else self.first6
        while right - left > 1:
            middle = (left + right) >> 1
            if self.starts_hi[middle] < self.hi or (self.starts_hi[middle] == self.hi and self.starts_lo[middle] <= self.lo):
                left = middle
            else:
                right = middle
        self.row = left
        self.kind = self.kinds[left]

    def _uses(self):
        """Whether the way leads through the device."""
        at = self.begins[self.row]
        if self.device >= self.names or at == self.begins[self.row + 1]:
            return UNKNOWN
        while at < self.begins[self.row + 1]:
            if self.devices[at] == self.same[self.device]:
                return YES
            at += 1
        return NO

    # Types ------------------------------------------------------------------------------------------------------------------------

    def _type4(self):
        """The type of an IPv4 address."""
        if self.lo in (0, _ALL_V4):
            self.value = FIB_BROADCAST
            return YES
        if self.lo >> 28 == 0xE:
            self.value = FIB_MULTICAST
            return YES
        if self.kind in (FIB_LOCAL, FIB_BROADCAST, FIB_ANYCAST):
            return self._at_device()
        if (self.kind == FIB_VAGUE or self.vague[self.row]) and self.lo & 0xFF == 0xFF:
            # Perhaps the broadcast address of a network that nobody told us of.
            return UNKNOWN
        self.value = FIB_LOCAL if self.here else FIB_UNICAST
        if self.here:
            return UNKNOWN if self.named else YES
        return YES if self.known4 or self.forced else UNKNOWN

    def _type6(self):
        """The type of an IPv6 address."""
        if self.hi >> 56 == 0xFF:
            self.value = FIB_MULTICAST
            return YES
        if self.kind == FIB_ANYCAST or (self.here and self.hi >> 54 == _LINK_LOCAL):
            self.value = FIB_ANYCAST if self.kind == FIB_ANYCAST else FIB_LOCAL
            return YES
        if self.kind == FIB_LOCAL:
            return self._at_device()
        if self.here:
            self.value = FIB_LOCAL
            return UNKNOWN if self.named else YES
        if self.hi >> 54 == _LINK_LOCAL:
            self.value = FIB_UNICAST
            return YES if self.known6 or self.forced else UNKNOWN
        self.value = FIB_UNREACHABLE if self.kind == FIB_NOTHING else self.kind
        return UNKNOWN if self.kind == FIB_VAGUE else YES

    def _at_device(self):
        """An own address, or a broadcast one: on another device than its own it is like any other."""
        found = self._uses() if self.named else YES
        self.value = self.kind if found else FIB_UNICAST
        return UNKNOWN if found == UNKNOWN else YES

    # Ways -------------------------------------------------------------------------------------------------------------------------

    def _never_missing(self, i):
        """Packets of hosts that have no address yet: they have come by the device at hand."""
        lo = self.batch.dst_lo[i]
        if self.xtables and self.batch.l3[i] == 6:
            return self.batch.src_hi[i] == 0 and self.batch.src_lo[i] == 0
        if self.batch.l3[i] == 4:
            return self.batch.src_lo[i] == 0 and (lo == _ALL_V4 or lo >> 8 == 0xE00000)
        if self.batch.proto[i] != PROTO_ICMPV6 or self.batch.src_hi[i] or self.batch.src_lo[i]:
            return 0
        return self.batch.dst_hi[i] >> 54 == _LINK_LOCAL or self.batch.dst_hi[i] >> 48 & 0xFF0F == 0xFF02

    def _route6(self):
        """The device by which packets to an IPv6 address leave: what belongs to a link stays on it."""
        if self.hi >> 54 == _LINK_LOCAL and self.kind != FIB_LOCAL and not self.here:
            return YES
        if self.hi >> 56 == 0xFF:
            return YES if self.hi >> 48 & 0xF == 2 else UNKNOWN
        return self._route()

    def _route(self):
        """The device by which packets to the address leave: IFACE_NONE for own addresses and where there is no way."""
        if self.kind == FIB_VAGUE or (self.kind == FIB_ANYCAST and self.vague[self.row]):
            return UNKNOWN
        if self.xtables and self.kind == FIB_BROADCAST:
            self.device = IFACE_NONE
            return YES
        own = self.here and self.kind == FIB_UNICAST and (self.hi or (self.lo >> 28 != 0xE and self.lo != _ALL_V4))
        if own or self.kind in (FIB_LOCAL, FIB_ANYCAST) or self.kind >= FIB_BLACKHOLE:
            self.device = IFACE_NONE
            return YES
        if self.named:
            uses = self._uses()
            if uses == NO:
                self.device = IFACE_NONE
            return UNKNOWN if uses == UNKNOWN else YES
        at = self.begins[self.row]
        self.device = self.devices[at] if self.begins[self.row + 1] == at + 1 else IFACE_UNKNOWN
        return YES
