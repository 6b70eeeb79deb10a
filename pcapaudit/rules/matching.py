"""Reads what rules ask of a packet, and compares it: the answers yes, no and unknown that ``evaluate`` works with.

A missing header (a transport header in a later fragment, an IPv6 address of an IPv4 packet) makes a match fail whatever its operator.
Bytes beyond the snap length are unknown. Before conntrack, and for packets it could not track, ct state is ``invalid`` and other ct
expressions fail. The input interface is empty at output, and the output interface at prerouting and input.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.rules.compile import Program
from pcapaudit.rules.fib import Fib
from pcapaudit.rules.headers import Headers
from pcapaudit.rules.view import View

if not cython.compiled:
    from pcapaudit.core.bytes import be16
    from pcapaudit.core.consts import (
        CT_ESTABLISHED,
        CT_INVALID,
        CT_NEW,
        CT_NONE,
        CT_RELATED,
        CT_UNTRACKED,
        DIR_NONE,
        DIR_REPLY,
        HOOK_FORWARD,
        HOOK_INGRESS,
        HOOK_INPUT,
        HOOK_OUTPUT,
        HOOK_POSTROUTING,
        HOOK_PREROUTING,
        IFACE_NONE,
        IFACE_UNKNOWN,
        PATH_FORWARD,
        PATH_OUTPUT,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_TCP,
        PROTO_UDP,
        STATUS_CONFIRMED,
        STATUS_DST_NAT,
        STATUS_SRC_NAT,
        VLAN_NONE,
    )
    from pcapaudit.rules.ops import (
        EITHER,
        FIB_BY_MARK,
        FIB_BY_OIF,
        FIB_RESULT_DEVICE,
        FIB_RESULTS,
        FIELD_CT_AVGPKT,
        FIELD_CT_BYTES,
        FIELD_CT_DIRECTION,
        FIELD_CT_EXPIRATION,
        FIELD_CT_HELPER,
        FIELD_CT_L3PROTO,
        FIELD_CT_MARK,
        FIELD_CT_PACKETS,
        FIELD_CT_PROTOCOL,
        FIELD_CT_REPLY,
        FIELD_CT_STATE,
        FIELD_CT_STATUS,
        FIELD_CT_ZONE,
        FIELD_DAY,
        FIELD_DESTINATION,
        FIELD_DPORT,
        FIELD_ETHER_TYPE,
        FIELD_EXTENSION,
        FIELD_FIB_DESTINATION,
        FIELD_FIB_SOURCE,
        FIELD_ICMP_CODE,
        FIELD_ICMP_TYPE,
        FIELD_IIF,
        FIELD_INNER,
        FIELD_LENGTH,
        FIELD_LINK,
        FIELD_MARK,
        FIELD_NETWORK,
        FIELD_NEXT_HEADER,
        FIELD_NFPROTO,
        FIELD_OIF,
        FIELD_OPTION,
        FIELD_PKTTYPE,
        FIELD_PROTO,
        FIELD_PROTOCOL,
        FIELD_SOURCE,
        FIELD_SPORT,
        FIELD_TAG,
        FIELD_TCP_FLAGS,
        FIELD_TH_DPORT,
        FIELD_TH_SPORT,
        FIELD_TIME,
        FIELD_TRANSPORT,
        FIELD_TTL,
        LINKTYPE_ETHERNET,
        MAX_PARTS,
        NO,
        OP_MATCH,
        OP_PART,
        OP_TALLY,
        OP_TUPLE,
        ORIGINAL,
        REPLY,
        STORE_CT_ZONE,
        STORE_MARK,
        TEST_ANY,
        TEST_BITS8,
        TEST_BITS16,
        TEST_EQUAL,
        TEST_IFACE,
        TEST_NOT,
        TEST_RANGE,
        TEST_SEARCH64,
        UNKNOWN,
        YES,
    )

__all__ = ["Matcher"]

_ALL_BITS = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_NS_PER_DAY = cython.declare(cython.longlong, 86400000000000)
_NS_PER_MS = cython.declare(cython.longlong, 1000000)
_NS_PER_SECOND = cython.declare(cython.longlong, 1000000000)


class Matcher:
    """Answers matches about the packets of one batch."""

    def __init__(self, program: Program, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        self.batch = batch
        self.verdicts = verdicts
        self.code = memoryview(program.code)
        self.loads = memoryview(array("I", [*program.loads, 0]))
        self.pool = memoryview(program.pool)
        self.headers = Headers(program, batch)
        self.fib = Fib(program.machine, program.interfaces, batch)
        self.ifaces = memoryview(program.ifaces)
        self.iface_names = memoryview(array("Q", [*program.iface_names, 0]))
        self.iface_count = len(program.interfaces)
        self.view = View(batch)
        #: The chains stand on a bridge.
        self.bridged = program.machine.bridge != ""
        #: HOOK_ of the base chain that runs, and whether it stands before conntrack; the evaluator sets them.
        self.hook = 0
        self.before_conntrack = 0
        #: Mark of the packet; whether it is known, whether other worlds may have another, whether such a mark was looked at.
        self.mark = 0
        self.mark_known = 1
        self.mark_unsure = 0
        self.looked_unsure = 0
        #: Mark of the connection, which the loop brings along; whether it is known, whether rules set it, whether other worlds alone did.
        self.ct_mark = 0
        self.ct_mark_known = 0
        self.ct_mark_set = 0
        self.ct_mark_tainted = 0
        #: What else the loop brings along where rules ask: when the entry ends (ns), its packets and bytes by direction, this one's too.
        self.ct_expires = 0
        self.ct_packets = memoryview(array("Q", [0, 0]))
        self.ct_bytes = memoryview(array("Q", [0, 0]))
        #: The zone of ``ct zone set``, and whether it was set.
        self.ct_zone_set = 0
        #: The rules before conntrack keep the packet from it.
        self.untracked = 0
        #: 1: the packet's ct state is new, or related if a helper announced it unseen. 2: whether it has a connection is not known.
        self.state_unsure = 0
        #: 2: other worlds are in that case; in the main one the connection is as it seems.
        self.in_doubt = 0
        #: Name of the helper that announced the connection, upper and lower half; the loop brings it along.
        self.helper = memoryview(array("Q", [0, 0]))
        #: Time of the packet, ns.
        self.now = 0
        self.parts = memoryview(array("Q", bytes(16 * MAX_PARTS)))
        self.parts_unknown = 0
        self.value_hi = 0
        self.value_lo = 0
        #: Mark with which packets arrive.
        self.given_mark = 0
        #: Is told of a packet's way while ``watched`` (``watch``); where its last rule stopped, and where it met something unknown.
        self.watcher: Any = None
        self.watched = 0
        self.stopped_at = 0
        self.unknown_at = 0

    def column(self, index):
        """Column of an interface in the tables: its index, then one for none, then one for unknown."""
        if index < self.iface_count:
            return index
        return self.iface_count if index == IFACE_NONE else self.iface_count + 1

    def match(self, i, pc):
        """Answer of a MATCH."""
        load = self.code[pc + 1]
        test = self.code[pc + 2]
        found = self.load(i, load)
        if found != YES:
            return found if found != EITHER else self._match_either(test, self.code[pc + 3])
        if test & ~TEST_NOT == TEST_IFACE:
            answer = self.ifaces[self.code[pc + 3] + self.column(self.value_lo)]
            if answer == UNKNOWN:
                return UNKNOWN
        else:
            answer = self._test(test & ~TEST_NOT, self.code[pc + 3])
        return 1 - answer if test & TEST_NOT else answer

    def _match_either(self, test, at):
        """Answer for a packet that is new or related: unknown where that makes a difference."""
        self.value_lo = 8
        new = self._test(test & ~TEST_NOT, at)
        self.value_lo = 4
        same = new == self._test(test & ~TEST_NOT, at)
        return UNKNOWN if not same else 1 - new if test & TEST_NOT else new

    def _test(self, test, at):
        """Compare the value that was read with what the pool holds at ``at``."""
        hi = self.value_hi
        lo = self.value_lo
        if test == TEST_EQUAL:
            return YES if lo == self.pool[at + 1] and hi == self.pool[at] else NO
        if test == TEST_ANY:
            return YES if lo & self.pool[at] else NO
        if test == TEST_RANGE:
            return self._within(hi, lo, at)
        if test in (TEST_BITS8, TEST_BITS16):
            return self.pool[at + (lo >> 6)] >> (lo & 63) & 1
        if test == TEST_SEARCH64:
            return self._search64(lo, at)
        return self._search128(hi, lo, at)

    def _within(self, hi, lo, at):
        """Whether a number lies between the two that the pool holds at ``at``."""
        if hi < self.pool[at] or (hi == self.pool[at] and lo < self.pool[at + 1]):
            return 0
        if hi > self.pool[at + 2] or (hi == self.pool[at + 2] and lo > self.pool[at + 3]):
            return 0
        return 1

    def _search64(self, lo, at):
        """Whether a number lies in one of many sorted intervals: find the last that begins at or before it."""
        left = 0
        right = self.pool[at]
        at += 1
        while left < right:
            middle = (left + right) >> 1
            if self.pool[at + 2 * middle] <= lo:
                left = middle + 1
            else:
                right = middle
        return 1 if left and lo <= self.pool[at + 2 * left - 1] else 0

    def _search128(self, hi, lo, at):
        left = 0
        right = self.pool[at]
        at += 1
        while left < right:
            middle = (left + right) >> 1
            first = at + 4 * middle
            if self.pool[first] < hi or (self.pool[first] == hi and self.pool[first + 1] <= lo):
                left = middle + 1
            else:
                right = middle
        return self._within(hi, lo, at + 4 * left - 4) if left else 0

    # Reading the packet -----------------------------------------------------------------------------------------------------------

    def load(self, i, load):
        """Read a field into ``value_hi`` and ``value_lo``. NO when the packet has no such field."""
        l3 = self.loads[load + 1]
        if l3 and self.batch.l3[i] != l3:
            return NO
        proto = self.loads[load + 2]
        if proto and self.batch.proto[i] + 1 != proto:
            return NO
        field = self.loads[load]
        if self.view.hidden and self.view.hides_field(field, self.loads[load + 3], self.loads[load + 4]):
            return UNKNOWN
        self.value_hi = 0
        if field == FIELD_CT_STATE:
            self.value_lo = self._ct_state(i)
            if self.state_unsure == 2:
                return UNKNOWN
            if self.state_unsure and self.value_lo == 8:
                return UNKNOWN if self.loads[load + 6] else EITHER
        elif field == FIELD_PROTO:
            self.value_lo = self.batch.proto[i]
        elif field in (FIELD_DPORT, FIELD_SPORT):
            found = self._has_header(i, self.loads[load + 5])
            if found != YES:
                return found
            self.value_lo = self.batch.dport[i] if field == FIELD_DPORT else self.batch.sport[i]
        elif field == FIELD_SOURCE:
            self.value_hi = self.batch.src_hi[i]
            self.value_lo = self.batch.src_lo[i]
        elif field == FIELD_DESTINATION:
            self.value_hi = self.batch.dst_hi[i]
            self.value_lo = self.batch.dst_lo[i]
        elif field == FIELD_IIF:
            self.value_lo = IFACE_NONE if self.hook == HOOK_OUTPUT else self.batch.iif[i]
        elif field == FIELD_OIF:
            self.value_lo = IFACE_NONE if self.hook in (HOOK_PREROUTING, HOOK_INPUT, HOOK_INGRESS) else self.batch.oif[i]
        elif field == FIELD_NFPROTO:
            self.value_lo = 10 if self.batch.l3[i] == 6 else 2
        else:
            found = self._load_rare(i, load, field)
            if found != YES:
                return found
        mask = self.loads[load + 6]
        if mask:
            self.value_hi = self.value_hi & self.pool[mask] ^ self.pool[mask + 2]
            self.value_lo = self.value_lo & self.pool[mask + 1] ^ self.pool[mask + 3]
        return YES

    def _load_rare(self, i, load, field):
        """The fields that few rules read."""
        if field in (FIELD_TCP_FLAGS, FIELD_ICMP_TYPE, FIELD_ICMP_CODE):
            found = self._has_header(i, self.loads[load + 5])
            if found != YES:
                return found
            self.value_lo = (
                self.batch.tcp_flags[i]
                if field == FIELD_TCP_FLAGS
                else self.batch.icmp_type[i]
                if field == FIELD_ICMP_TYPE
                else self.batch.icmp_code[i]
            )
            return YES
        if field == FIELD_LENGTH:
            self.value_lo = self.batch.ip_len[i]
            return YES
        if field == FIELD_TTL:
            # A router counts down before the hook forward.
            self.value_lo = self.batch.ttl[i]
            routed = self.batch.path[i] == PATH_FORWARD and not self.bridged
            if self.value_lo and routed and self.hook in (HOOK_FORWARD, HOOK_POSTROUTING):
                self.value_lo -= 1
            return YES
        if field == FIELD_PROTOCOL:
            self.value_lo = 0x86DD if self.batch.l3[i] == 6 else 0x0800
            return YES
        if field in (FIELD_CT_DIRECTION, FIELD_CT_STATUS):
            return self._load_ct(i, field)
        if field == FIELD_NETWORK:
            return self._bits(self.batch.l3_off[i], self.batch.end_off[i], self.batch.ip_len[i], load)
        if field in (FIELD_TH_SPORT, FIELD_TH_DPORT) and self.batch.proto[i] in (PROTO_TCP, PROTO_UDP):
            found = self._has_header(i, self.loads[load + 5])
            if found != YES:
                return found
            self.value_lo = self.batch.sport[i] if field == FIELD_TH_SPORT else self.batch.dport[i]
            return YES
        if field in (FIELD_TRANSPORT, FIELD_TH_SPORT, FIELD_TH_DPORT):
            if self.batch.l4_off[i] == 0:
                return NO
            return self._bits(self.batch.l4_off[i], self.batch.end_off[i], self.batch.l4_len[i], load)
        if field == FIELD_INNER:
            if self.batch.proto[i] not in (PROTO_TCP, PROTO_UDP) or self.batch.l4_off[i] == 0:
                return NO
            if self.batch.payload_off[i] == 0:
                return UNKNOWN if self.batch.payload_len[i] else NO
            return self._bits(self.batch.payload_off[i], self.batch.end_off[i], self.batch.payload_len[i], load)
        if field in (FIELD_LINK, FIELD_ETHER_TYPE, FIELD_TAG):
            return self._load_link(i, load, field)
        if field >= FIELD_TIME:
            return self._load_made(i, load, field)
        return UNKNOWN

    def _load_link(self, i, load, field):
        """The Ethernet header, or its tag, which is there on bridges and at ingress. A packet that is made here has none yet."""
        if self.batch.path[i] == PATH_OUTPUT:
            return NO
        if self.batch.linktype[i] != LINKTYPE_ETHERNET or self.batch.l3_off[i] < self.batch.offset[i] + 14:
            return UNKNOWN
        tagged = self.batch.vlan[i] != VLAN_NONE
        if field == FIELD_TAG:
            if not self.bridged and self.hook != HOOK_INGRESS:
                return UNKNOWN
            return self._bits(self.batch.offset[i] + 14, self.batch.l3_off[i], 4, load) if tagged else NO
        if field == FIELD_ETHER_TYPE:
            self.value_lo = self.batch.ethertype[i] if not (tagged and self.bridged) else be16(self.batch, self.batch.offset[i] + 12)
            return YES
        return self._bits(self.batch.offset[i], self.batch.l3_off[i], 14, load)

    def _load_made(self, i, load, field):
        """What is made of several things, or kept from rule to rule."""
        if field == FIELD_MARK:
            if not self.mark_known:
                return UNKNOWN
            if self.mark_unsure:
                self.looked_unsure = 1
            self.value_lo = self.mark
            return YES
        if field >= FIELD_CT_MARK:
            return self._load_connection(i, field)
        if field in (FIELD_FIB_SOURCE, FIELD_FIB_DESTINATION):
            return self._load_fib(i, load, field)
        if field == FIELD_OPTION:
            return self._from(self.headers.option(i, load))
        if field == FIELD_NEXT_HEADER:
            return self._from(self.headers.next_header(i))
        if field == FIELD_EXTENSION:
            return self._from(self.headers.extension(i, load))
        if field == FIELD_PKTTYPE:
            return self._from(self.headers.packet_type(i))
        self.value_lo = self.now
        if field != FIELD_TIME:
            # Days count from Sunday, and 1 January 1970 was a Thursday.
            day = self.now // _NS_PER_DAY
            self.value_lo = (day + 4) % 7 if field == FIELD_DAY else (self.now - day * _NS_PER_DAY) // _NS_PER_SECOND
        return YES

    def _bits(self, start, end, size, load):
        """Bits of a header of ``size`` bytes on the wire, of which the capture holds those from ``start`` to ``end``."""
        return self._from(self.headers.bits(start, end, size, load))

    def _from(self, answer):
        """Take over what was read of the headers."""
        self.value_hi = self.headers.value_hi
        self.value_lo = self.headers.value_lo
        return answer

    def _load_fib(self, i, load, field):
        """What the routes say of an address. Which of them hold for marked packets nobody told us."""
        asked = self.loads[load + 3]
        if asked & FIB_BY_MARK:
            if self.mark_unsure:
                self.looked_unsure = 1
            if not self.mark_known or self.mark:
                return UNKNOWN
        coming = IFACE_NONE if self.hook == HOOK_OUTPUT else self.batch.iif[i]
        leaving = IFACE_NONE if self.hook in (HOOK_PREROUTING, HOOK_INPUT, HOOK_INGRESS) else self.batch.oif[i]
        found = self.fib.look_up(
            i,
            field == FIELD_FIB_DESTINATION,
            asked,
            leaving if asked & FIB_BY_OIF else coming,
            leaving if self.hook in (HOOK_OUTPUT, HOOK_POSTROUTING) else coming,
        )
        self.value_lo = self.fib.value
        return found

    def _has_header(self, i, reach):
        """Whether the transport header's first ``reach`` bytes are there: NO on the wire, UNKNOWN beyond the snap length."""
        start = self.batch.l4_off[i]
        if start == 0:
            return NO
        if self.batch.end_off[i] >= start + reach:
            return YES
        return UNKNOWN if self.batch.l4_len[i] >= reach else NO

    def _ct_state(self, i):
        """The state as nftables' bit; before conntrack, and for what it cannot track, invalid."""
        if self.before_conntrack:
            return 64 if self.untracked else 1
        state = self.verdicts.ct_state[i]
        if state == CT_ESTABLISHED:
            return 2
        if state == CT_NEW:
            return 8
        if state == CT_RELATED:
            return 4
        return 64 if state == CT_UNTRACKED else 1

    def _load_connection(self, i, field):
        """Mark and tuple of the packet's connection. An ICMP error belongs to a connection with another tuple."""
        if self.state_unsure == 2:
            return UNKNOWN
        state = self.verdicts.ct_state[i]
        if self.before_conntrack or state in (CT_NONE, CT_INVALID, CT_UNTRACKED):
            return NO
        if field == FIELD_CT_MARK:
            self.value_lo = self.ct_mark
            return YES if self.ct_mark_known and not self.ct_mark_tainted else UNKNOWN
        if field == FIELD_CT_ZONE:
            self.value_lo = self.batch.zone[i]
            return YES
        if field == FIELD_CT_HELPER:
            self.value_hi, self.value_lo = self.helper[0], self.helper[1]
            return UNKNOWN if self.state_unsure else YES if self.value_hi else NO
        if field >= FIELD_CT_EXPIRATION:
            return self._load_account(i, field)
        if state == CT_RELATED and self.batch.proto[i] in (PROTO_ICMP, PROTO_ICMPV6):
            return UNKNOWN
        if field == FIELD_CT_L3PROTO:
            self.value_lo = 10 if self.batch.l3[i] == 6 else 2
            return YES
        if field == FIELD_CT_PROTOCOL:
            self.value_lo = self.batch.proto[i]
            return YES
        if self.view.on:
            found = self.view.read(i, REPLY if field >= FIELD_CT_REPLY else ORIGINAL, field & 3)
            self.value_hi = self.view.value_hi
            self.value_lo = self.view.value_lo
            return found
        direction = self.verdicts.direction[i]
        if direction == DIR_NONE or self.verdicts.ct_status[i] & (STATUS_SRC_NAT | STATUS_DST_NAT):
            return UNKNOWN
        # Source and destination change places when the packet runs the other way.
        part = (field & 3) ^ (1 if (direction == DIR_REPLY) != (field >= FIELD_CT_REPLY) else 0)
        if part == 0:
            self.value_hi = self.batch.src_hi[i]
            self.value_lo = self.batch.src_lo[i]
        elif part == 1:
            self.value_hi = self.batch.dst_hi[i]
            self.value_lo = self.batch.dst_lo[i]
        elif self.batch.proto[i] in (PROTO_ICMP, PROTO_ICMPV6):
            return UNKNOWN
        else:
            self.value_lo = self.batch.sport[i] if part == 2 else self.batch.dport[i]
        return YES

    def _load_account(self, i, field):
        """What is left of the connection's time, in whole ms, and what it carried so far.

        Of a connection that is not confirmed yet, Linux computes the time left from how long the machine is up: unknown.
        """
        if field == FIELD_CT_EXPIRATION:
            if not self.verdicts.ct_status[i] & STATUS_CONFIRMED:
                return UNKNOWN
            self.value_lo = (self.ct_expires - self.now) // _NS_PER_MS * _NS_PER_MS if self.ct_expires > self.now else 0
            return YES
        side = (field - FIELD_CT_PACKETS) % 3
        packets = self.ct_packets[side - 1] if side else self.ct_packets[0] + self.ct_packets[1]
        octets = self.ct_bytes[side - 1] if side else self.ct_bytes[0] + self.ct_bytes[1]
        if field < FIELD_CT_BYTES:
            self.value_lo = packets
        elif field < FIELD_CT_AVGPKT:
            self.value_lo = octets
        else:
            self.value_lo = octets // packets if packets else 0
        return YES

    def opens(self, i):
        """Whether a packet of no confirmed connection opens one: it is new or expected, and no ICMP error."""
        state = self.verdicts.ct_state[i]
        if state == CT_RELATED:
            return 0 if self.batch.proto[i] in (PROTO_ICMP, PROTO_ICMPV6) else 1
        return 1 if state == CT_NEW else 0

    def store(self, i, target, is_main, unknown, parted):
        """Set the packet's mark, or its connection's, to the value that was read. Worlds that ``parted`` before may have another mark."""
        if target == STORE_MARK:
            if is_main:
                self.mark = self.value_lo
                self.mark_known = not unknown
            if parted:
                self.mark_unsure = 1
            return YES
        if target == STORE_CT_ZONE:
            return self.choose_zone(i, is_main, unknown)
        state = self.verdicts.ct_state[i]
        if self.before_conntrack or state in (CT_NONE, CT_INVALID, CT_UNTRACKED):
            return YES
        if not is_main or unknown:
            self.ct_mark_tainted = 1
        if is_main:
            self.ct_mark = self.value_lo
            self.ct_mark_known = not unknown
            self.ct_mark_set = 1
        return YES

    def _load_ct(self, i, field):
        """Properties of the packet's connection, which invalid and untracked packets do not have."""
        state = self.verdicts.ct_state[i]
        if self.before_conntrack or state in (CT_NONE, CT_INVALID, CT_UNTRACKED):
            return NO
        if field == FIELD_CT_STATUS:
            if self.state_unsure or not self.view.status_known:
                return UNKNOWN
            self.value_lo = self.verdicts.ct_status[i]
            return YES
        self.value_lo = self.verdicts.direction[i]
        return UNKNOWN if self.state_unsure == 2 else NO if self.value_lo == DIR_NONE else YES

    def choose_zone(self, i, is_main, unknown):
        """Before conntrack the zone can be chosen. In another zone than the main world's anything might become of the packet."""
        if self.before_conntrack and is_main:
            self.batch.zone[i] = self.value_lo & 0xFFFF
            self.ct_zone_set = 1
        if self.before_conntrack and (unknown or not is_main):
            self.looked_unsure = 1
        return YES

    # Concatenations ---------------------------------------------------------------------------------------------------------------

    def read_part(self, i, pc):
        """Keep one part of a concatenation. Two bits of ``parts_unknown`` for each part: its answer."""
        load = self.code[pc + 1]
        slot = self.code[pc + 2]
        found = min(self.load(i, load), UNKNOWN)
        field = self.loads[load]
        if field in (FIELD_FIB_SOURCE, FIELD_FIB_DESTINATION) and self.loads[load + 3] & FIB_RESULTS == FIB_RESULT_DEVICE:
            field = FIELD_IIF
        if found == YES and (field in (FIELD_IIF, FIELD_OIF)):
            index = self.value_lo
            self.value_lo = 0
            if index < self.iface_count:
                self.value_hi = self.iface_names[2 * index]
                self.value_lo = self.iface_names[2 * index + 1]
            elif index == IFACE_UNKNOWN:
                found = UNKNOWN
        if slot == 0:
            self.parts_unknown = 0
        self.parts_unknown |= found << 2 * slot
        self.parts[2 * slot] = self.value_hi
        self.parts[2 * slot + 1] = self.value_lo

    def parts_known(self, count):
        """Answer for all parts of a key together: NO when one is not there, UNKNOWN when one is not known."""
        found = YES
        part = 0
        while part < count:
            if self.parts_unknown >> 2 * part & 3 == NO:
                return NO
            if self.parts_unknown >> 2 * part & 3 == UNKNOWN:
                found = UNKNOWN
            part += 1
        return found

    def look_up(self, pc, is_map):
        """Whether some element holds all parts. An unknown part may equal anything, an empty interval may hold anything.

        Of a map the value of that element is left in ``value_hi`` and ``value_lo``.
        """
        count = self.code[pc + 1]
        at = self.code[pc + 3]
        elements = self.pool[at]
        at += 1
        if self.parts_known(count) == NO:
            return NO
        best = NO
        while elements:
            answer = YES
            part = 0
            while part < count:
                if self.parts_unknown >> 2 * part & 3 == UNKNOWN or (self.pool[at] > self.pool[at + 2]):
                    answer = UNKNOWN
                elif not self._within(self.parts[2 * part], self.parts[2 * part + 1], at):
                    answer = NO
                    break
                part += 1
                at += 4
            at += 4 * (count - part)
            elements -= 1
            if answer == YES:
                if is_map:
                    self.value_hi = self.pool[at]
                    self.value_lo = self.pool[at + 1]
                best = YES
                break
            at += 2 * is_map
            if answer == UNKNOWN:
                best = UNKNOWN
        if best == UNKNOWN:
            return UNKNOWN
        return 1 - best if self.code[pc + 2] else best

    # For watchers -----------------------------------------------------------------------------------------------------------------

    def tell(self, i, what, value, world):
        """Tell the watcher: a slot and the instruction it ended at (0: it did not match), or a WATCH_ number and a chain or worlds."""
        with cython.gil:
            self.watcher.tell(i, what, value, world)
        return 0

    def first_miss(self, i, pc):
        """The first match from ``pc`` on that does not hold, looked for among those in front of any effect; 0 if they all may hold."""
        looked = self.looked_unsure
        found = 0
        while found == 0 and self.code[pc] in (OP_MATCH, OP_PART, OP_TUPLE, OP_TALLY):
            answer = YES
            if self.code[pc] == OP_MATCH:
                answer = self.match(i, pc)
            elif self.code[pc] == OP_PART:
                self.read_part(i, pc)
            elif self.code[pc] == OP_TUPLE:
                answer = self.look_up(pc, 0)
            if answer == NO:
                found = pc
            pc += 4
        self.looked_unsure = looked
        return found

    def read_again(self, i, pc):
        """Read the field of a MATCH, PART or VALUE once more, into ``value_hi`` and ``value_lo``. Returns the answer of reading it."""
        looked = self.looked_unsure
        found = self.load(i, self.code[pc + 1])
        self.looked_unsure = looked
        return found
