"""Tuples as keys of the connection table: of a packet, and of a packet quoted by an ICMP error. Compiled.

An ICMP query and its answer share an identifier; the type of one is told by the other's. A tuple without an inverse (an ICMP type that
nobody answers) belongs to no connection.
"""

from __future__ import annotations

import cython

from pcapaudit.conntrack.table import Table
from pcapaudit.wire.quote import Quote

if not cython.compiled:
    from pcapaudit.conntrack.hashing import endpoint_hash, pair_hash
    from pcapaudit.conntrack.layout import (
        KIND_CONNECTION,
        KIND_TRANSLATION,
        Q_DST_HI,
        Q_DST_LO,
        Q_EXPIRES,
        Q_SRC_HI,
        Q_SRC_LO,
        ROW_QUADS,
        ROW_WORDS,
        W_HASH,
        W_PARENT,
        W_PORTS,
        W_PROTO,
        W_STATUS,
    )
    from pcapaudit.core.consts import PROTO_ICMP, PROTO_ICMPV6, REASON_NONE
    from pcapaudit.wire.quote import read_quote

__all__ = ["Keys"]

#: ICMP types by version (4 in 0-255, 6 in 256-511): the type that answers, plus 1; 0 for a type of no query.
_ANSWERS = bytearray(512)
for _one, _other in ((8, 0), (13, 14), (15, 16), (17, 18), (256 + 128, 256 + 129), (256 + 139, 256 + 140)):
    _ANSWERS[_one], _ANSWERS[_other] = (_other & 0xFF) + 1, (_one & 0xFF) + 1


class Keys:
    """Makes the keys that a table looks for."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table = table
        self.seed = seed
        self.answers = memoryview(_ANSWERS)

    def hash_some(self, b, first, stop):
        """The hashes of some packets' tuples."""
        i = first
        while i < stop:
            self.hash(b, i)
            i += 1

    def hash(self, b, i):
        """The hash of packet ``i``'s tuple, the same for its inverse."""
        proto = b.proto[i]
        sport = b.sport[i]
        dport = b.dport[i]
        rest = proto | b.zone[i] << 8
        if proto in (PROTO_ICMP, PROTO_ICMPV6):
            answer = self.answers[b.icmp_type[i] + (256 if b.l3[i] == 6 else 0)]
            kind = b.icmp_type[i]
            if answer and answer - 1 < kind:
                kind = answer - 1
            rest |= kind << 24
            dport = sport
        one = endpoint_hash(b.src_hi[i], b.src_lo[i], sport, self.seed)
        other = endpoint_hash(b.dst_hi[i], b.dst_lo[i], dport, self.seed)
        b.hash[i] = pair_hash(one, other, rest, self.seed)

    def take(self, b, i):
        """Make packet ``i``'s tuple the one that the table looks for. Returns 0 if it has no inverse and so no connection."""
        self.table.key_src_hi = b.src_hi[i]
        self.table.key_src_lo = b.src_lo[i]
        self.table.key_dst_hi = b.dst_hi[i]
        self.table.key_dst_lo = b.dst_lo[i]
        self.table.key_proto = b.proto[i] | b.l3[i] << 8 | b.zone[i] << 16
        self.table.key_hash = b.hash[i]
        if b.proto[i] in (PROTO_ICMP, PROTO_ICMPV6):
            return self._icmp(b.sport[i], b.icmp_type[i], b.icmp_code[i], b.l3[i])
        self._ports(b.sport[i], b.dport[i])
        return 1

    def _ports(self, sport, dport):
        """Ports as they stand, and turned round."""
        self.table.key_ports = sport | dport << 16
        self.table.key_inverse = dport | sport << 16

    def _icmp(self, ident, kind, code, l3):
        """Identifier, type and code. Returns 0 if nobody answers the type."""
        answer = self.answers[kind + (256 if l3 == 6 else 0)]
        self.table.key_ports = ident | kind << 16 | code << 24
        # Without an inverse the tuple is told from every other by nothing but itself.
        self.table.key_inverse = self.table.key_ports
        if answer == 0:
            return 0
        self.table.key_inverse = ident | (answer - 1) << 16 | code << 24
        return 1

    def take_quoted(self, b, i, quote):
        """The inverse of a quoted packet's tuple, in the zone of packet ``i``. Returns 0 if it has none."""
        self.table.key_src_hi = quote.dst_hi
        self.table.key_src_lo = quote.dst_lo
        self.table.key_dst_hi = quote.src_hi
        self.table.key_dst_lo = quote.src_lo
        proto = quote.proto
        self.table.key_proto = proto | quote.l3 << 8 | b.zone[i] << 16
        rest = proto | b.zone[i] << 8
        dport = quote.dport
        if proto in (PROTO_ICMP, PROTO_ICMPV6):
            answer = self.answers[quote.icmp_type + (256 if quote.l3 == 6 else 0)]
            if answer == 0:
                return 0
            self._icmp(quote.sport, answer - 1, quote.icmp_code, quote.l3)
            dport = quote.sport
            kind = quote.icmp_type
            kind = min(kind, answer - 1)
            rest |= kind << 24
        else:
            self._ports(dport, quote.sport)
        one = endpoint_hash(quote.src_hi, quote.src_lo, quote.sport, self.seed)
        other = endpoint_hash(quote.dst_hi, quote.dst_lo, dport, self.seed)
        self.table.key_hash = pair_hash(one, other, rest, self.seed)
        return 1

    def tuple_of(self, row):
        """The original tuple of the connection in a row, as ``standing`` takes it."""
        quad = row * ROW_QUADS
        word = row * ROW_WORDS
        ends = self.table.q[quad + Q_SRC_HI], self.table.q[quad + Q_SRC_LO], self.table.q[quad + Q_DST_HI], self.table.q[quad + Q_DST_LO]
        return *ends, self.table.w[word + W_PORTS], self.table.w[word + W_PROTO], self.table.w[word + W_HASH]

    def tuple_at(self, b, i):
        """The tuple of packet ``i`` itself, in the same form."""
        self.hash(b, i)
        self.take(b, i)
        ends = self.table.key_src_hi, self.table.key_src_lo, self.table.key_dst_hi, self.table.key_dst_lo
        return *ends, self.table.key_ports, self.table.key_proto, self.table.key_hash

    def standing(self, wanted, now):
        """The row of the connection with a tuple in either direction at ``now``, or of a blocked record; 0 for none. Nothing expires."""
        self.table.key_src_hi = wanted[0]
        self.table.key_src_lo = wanted[1]
        self.table.key_dst_hi = wanted[2]
        self.table.key_dst_lo = wanted[3]
        ports = wanted[4]
        self.table.key_proto = wanted[5]
        self.table.key_hash = wanted[6]
        proto = self.table.key_proto & 0xFF
        if proto in (PROTO_ICMP, PROTO_ICMPV6):
            self._icmp(ports & 0xFFFF, ports >> 16 & 0xFF, ports >> 24, self.table.key_proto >> 8 & 0xFF)
        else:
            self._ports(ports & 0xFFFF, ports >> 16)
        blocked = 0
        slot = self.table.key_hash & (self.table.slots - 1)
        while True:
            slot = self.table.find_from(slot)
            if slot == self.table.slots:
                return blocked
            row = self.table.index[slot] & 0xFFFFFF
            kind = self.table.w[row * ROW_WORDS + W_STATUS] >> 24
            if kind == KIND_TRANSLATION:
                row = self.table.w[row * ROW_WORDS + W_PARENT]
            if self.table.t[row * ROW_QUADS + Q_EXPIRES] > now:
                if kind in (KIND_CONNECTION, KIND_TRANSLATION):
                    return row
                blocked = row
            slot = (slot + 1) & (self.table.slots - 1)

    def peek_aside(self, b, i):
        """The same for a tuple that is not that of the packet at hand: the table goes on looking for what it looked for."""
        table = self.table
        ends = table.key_src_hi, table.key_src_lo, table.key_dst_hi, table.key_dst_lo
        rest = table.key_ports, table.key_inverse, table.key_proto, table.key_hash
        row = self.peek(b, i, 0)
        table.key_src_hi, table.key_src_lo, table.key_dst_hi, table.key_dst_lo = ends
        table.key_ports, table.key_inverse, table.key_proto, table.key_hash = rest
        return row

    def peek(self, b, i, quotes):
        """The row of packet ``i``'s connection as it stands, expired or not, or of the one that it ``quotes``; 0 for none."""
        if quotes:
            quote = Quote()
            if read_quote(b, i, quote) != REASON_NONE or not self.take_quoted(b, i, quote):
                return 0
        else:
            self.hash(b, i)
            if not self.take(b, i):
                return 0
        slot = self.table.key_hash & (self.table.slots - 1)
        while True:
            slot = self.table.find_from(slot)
            if slot == self.table.slots:
                return 0
            row = self.table.index[slot] & 0xFFFFFF
            kind = self.table.w[row * ROW_WORDS + W_STATUS] >> 24
            if kind == KIND_CONNECTION:
                return row
            if kind == KIND_TRANSLATION:
                return self.table.w[row * ROW_WORDS + W_PARENT]
            slot = (slot + 1) & (self.table.slots - 1)
