"""Assigns every packet to a connection, as Linux nf_conntrack does, and keeps the connections. Compiled.

A packet takes two steps. ``track`` finds its connection, or makes an *unconfirmed* one that nobody else can find; it says what the rules
see (ct state, direction) and changes the connection. When the rules have spoken, ``commit`` puts an unconfirmed connection into the table
or throws it away: a packet that was not let through leaves no entry.

So that a flow that is refused can be told as one flow, such packets leave a *blocked record* instead: a row of its own kind that no
packet is ever judged by. There is a fixed number of them; the oldest goes first.

Connections that end (time-out, replaced by a new one, evicted) go to the ``ended`` queue. Their rows are used again only when the
queue's reader calls ``recycle``.
"""

from __future__ import annotations

from array import array

import cython

from pcapaudit.conntrack.aliases import Aliases
from pcapaudit.conntrack.checks import Checks
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.dccp import Dccp
from pcapaudit.conntrack.icmp_types import ERRORS, QUERIES, UNTRACKED
from pcapaudit.conntrack.keys import Keys
from pcapaudit.conntrack.relations import Relations
from pcapaudit.conntrack.sctp import Sctp
from pcapaudit.conntrack.table import MAX_ROWS, Table
from pcapaudit.conntrack.tcp import Tcp
from pcapaudit.wire.quote import Quote

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        KIND_BLOCKED,
        KIND_CONNECTION,
        KIND_TRANSLATION,
        Q_EXPIRES,
        Q_STREAM,
        ROW_QUADS,
        ROW_TRANSLATED,
        ROW_WORDS,
        TIMER_GENERIC,
        TIMER_GRE,
        TIMER_GRE_STREAM,
        TIMER_ICMP,
        TIMER_ICMPV6,
        TIMER_UDP,
        TIMER_UDP_STREAM,
        TO_DROP,
        TO_RULES,
        TO_RULES_AGAIN,
        TO_SKIP,
        TRACK_ACCEPT,
        TRACK_INVALID,
        TRACK_LAST,
        TRACK_REOPEN,
        W_FLOW,
        W_LAST,
        W_MARK,
        W_PARENT,
        W_PROTO,
        W_SIDE,
        W_STATUS,
    )
    from pcapaudit.conntrack.rows import direction_in, expires_at, words_at
    from pcapaudit.core.consts import (
        ANOM_L4_CHECKSUM_OFFLOADED,
        ANOM_MIDSTREAM,
        ANOM_PAYLOAD_TRUNCATED,
        ANOM_TIME_BACKWARDS,
        CT_ESTABLISHED,
        CT_INVALID,
        CT_NEW,
        CT_NONE,
        CT_RELATED,
        CT_UNTRACKED,
        DIR_NONE,
        DIR_ORIGINAL,
        DIR_REPLY,
        END_BLOCKED,
        END_CLOSED,
        END_EOF,
        END_EVICTED,
        END_REPLACED,
        END_RESET,
        END_TIMEOUT,
        PROTO_DCCP,
        PROTO_GRE,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_SCTP,
        PROTO_TCP,
        PROTO_UDP,
        PROTO_UDPLITE,
        REASON_BAD_CHECKSUM,
        REASON_BAD_IP_HEADER,
        REASON_ICMP_NO_REQUEST,
        REASON_ICMP_QUOTE_MISMATCH,
        REASON_ICMP_QUOTE_UNKNOWN,
        REASON_ICMP_REDIRECT,
        REASON_ICMP_TYPE,
        REASON_NONE,
        REASON_NOT_IP,
        REASON_NOT_TRACKABLE,
        REASON_SEEN_TRANSLATED,
        REASON_TABLE_FULL,
        REASON_TRUNCATED,
        STATUS_ASSURED,
        STATUS_CONFIRMED,
        STATUS_EXPECTED,
        STATUS_FIXED_TIMEOUT,
        STATUS_HELPER,
        STATUS_SEEN_REPLY,
        TCP_SYN,
        TCPS_CLOSE,
        TCPS_TIME_WAIT,
    )
    from pcapaudit.wire.quote import read_quote

    # Anomalies that change nothing in how conntrack takes a packet.
    ORDINARY = 1 << ANOM_TIME_BACKWARDS | 1 << ANOM_PAYLOAD_TRUNCATED | 1 << ANOM_L4_CHECKSUM_OFFLOADED
    # How long a blocked record lives after its last packet; when a UDP exchange becomes a stream (both ns).
    BLOCKED_NS = 600_000_000_000
    STREAM_NS = 2_000_000_000
    # Blocked records at a time; a power of two.
    BLOCKED_RECORDS = 65536
    # Entries that Linux looks at for one to evict when the table is full.
    EVICT_ROWS = 8
    # Largest queue of ended rows: those of one group and of what the reaper looks at meanwhile, with room to spare.
    ENDED_ROWS = 1024

    def prefetch(_address: object) -> None:
        """Compiled, it is the processor's hint; uncompiled, nobody calls it."""


__all__ = ["Tracker"]


class Tracker:
    """The connections of one run. After ``track``, ``row`` is the packet's connection (0: none) and ``known`` one it was invalid for."""

    def __init__(self, config: ConntrackConfig, seed: int, rows: int = 0) -> None:
        self.table = Table(rows or MAX_ROWS)
        self.keys = Keys(self.table, seed)
        self.checks = Checks(config)
        self.tcp = Tcp(self.table, config)
        self.sctp = Sctp(self.table, config)
        self.dccp = Dccp(self.table, config)
        self.quote = Quote()
        self.timers = memoryview(array("q", config.timeout_list()))
        self.queries = memoryview(QUERIES)
        self.untracked = memoryview(UNTRACKED)
        self.errors = memoryview(ERRORS)
        self.limit = config.max
        self.udp_close_on_reply = config.udp_close_on_reply
        #: Entries in the table, most ever, and when that was.
        self.live = 0
        self.high_water = 0
        self.high_water_ns = 0
        self.evicted = 0
        self.row = 0
        self.known = 0
        #: 1: ``row`` is unconfirmed. 1: the packet ends its connection.
        self.fresh = 0
        self.last = 0
        #: 1: the packet is an ICMP error, and ``row`` (or ``known``) the connection that it quotes: it is none of its packets.
        self.quoted = 0
        self.aliases = Aliases(self.table)
        #: Blocked record of the packet's tuple, and how it lies to it.
        self.blocked = 0
        self.blocked_direction = 0
        self.ring = memoryview(array("I", bytes(4 * BLOCKED_RECORDS)))
        self.ring_next = 0
        #: Row, END_ number and time of each entry that ended.
        self.ended = memoryview(array("q", bytes(8 * 3 * ENDED_ROWS)))
        self.ended_count = 0
        self.hand = 0
        self.born = 0
        #: Helpers and what they announce.
        self.relations = Relations(self.table)

    # Keys -------------------------------------------------------------------------------------------------------------------------

    def touch(self, b, first, stop):
        """Compute the hashes of some packets, and ask for the memory where the index will be looked at."""
        self.keys.hash_some(b, first, stop)
        if cython.compiled:
            mask = self.table.slots - 1
            i = first
            while i < stop:
                prefetch(cython.address(self.table.index[b.hash[i] & mask]))
                i += 1

    def fetch(self, b, v, first, stop):
        """Ask for the rows that some touched packets will likely need; ``v.row`` names these until the packet is judged."""
        self.table.guess(b, v, first, stop)
        if cython.compiled:
            i = first
            while i < stop:
                row = v.row[i]
                prefetch(cython.address(self.table.w[row * ROW_WORDS]))
                prefetch(cython.address(self.table.w[row * ROW_WORDS + W_SIDE]))
                i += 1

    # Finding ----------------------------------------------------------------------------------------------------------------------

    def _find(self, now):
        """The live connection of the looked-up tuple, or 0. Expired ones end on the way; a blocked record is noted."""
        self.blocked = 0
        self.aliases.found = 0
        slot = self.table.key_hash & (self.table.slots - 1)
        while True:
            slot = self.table.find_from(slot)
            if slot == self.table.slots:
                return 0
            row = self.table.index[slot] & 0xFFFFFF
            kind = self.table.w[row * ROW_WORDS + W_STATUS] >> 24
            owner = self.table.w[row * ROW_WORDS + W_PARENT] if kind == KIND_TRANSLATION else row
            if self.table.t[owner * ROW_QUADS + Q_EXPIRES] <= now:
                self._expire(owner)
                # The gap was closed by rows behind it.
                slot = self.table.key_hash & (self.table.slots - 1)
                self.blocked = 0
            elif kind == KIND_CONNECTION:
                return row
            elif kind == KIND_TRANSLATION:
                self.aliases.found = row
                return owner
            else:
                self.blocked = row
                self.blocked_direction = self.table.direction_of(row)
                slot = (slot + 1) & (self.table.slots - 1)

    def _expire(self, row):
        """End an entry whose time is over, as of the moment when it was."""
        self.end(row, self._end_by_time(row), self.table.t[row * ROW_QUADS + Q_EXPIRES])

    def _end_by_time(self, row):
        """What the time-out of an entry means."""
        status = self.table.w[row * ROW_WORDS + W_STATUS]
        if status >> 24 == KIND_BLOCKED:
            return END_BLOCKED
        state = status >> 16 & 15
        proto = self.table.w[row * ROW_WORDS + W_PROTO] & 0xFF
        if proto == PROTO_SCTP:
            return self.sctp.end_by_time(row, status, state)
        if proto == PROTO_DCCP:
            return self.dccp.end_by_time(row, state)
        if state == TCPS_TIME_WAIT:
            return END_CLOSED
        return END_RESET if state == TCPS_CLOSE else END_TIMEOUT

    def end(self, row, why, when):
        """Take an entry out of the table and queue it for its reader."""
        status = self.table.w[row * ROW_WORDS + W_STATUS]
        if status >> 24 == KIND_CONNECTION:
            self.live -= 1
            if status & (STATUS_HELPER | STATUS_EXPECTED):
                self.relations.forget(row, when)
        else:
            self.ring[self.table.w[row * ROW_WORDS + W_LAST]] = 0
        if self.aliases.on:
            self.aliases.forget(row)
        self.table.remove(row)
        at = self.ended_count * 3
        self.ended[at] = row
        self.ended[at + 1] = why
        self.ended[at + 2] = when
        self.ended_count += 1

    def recycle(self, row):
        """The reader of the queue has done with a row."""
        self.table.release(row)

    # A packet, before the rules ---------------------------------------------------------------------------------------------------

    def clear(self, v, i):
        """Nothing was said of the packet in row ``i`` yet."""
        v.ct_state[i] = CT_NONE
        v.direction[i] = DIR_NONE
        v.reason[i] = REASON_NONE
        v.bound_low[i] = 0
        v.bound_high[i] = 0
        v.seen[i] = 0

    def begin(self):
        """Start a packet: no connection."""
        self.row = self.known = 0
        self.fresh = self.last = self.quoted = 0
        self.blocked = 0
        self.relations.unsure = 0
        self.aliases.found = 0

    def fit(self, b, i):
        """Whether packet ``i`` gets as far as rules before conntrack: an IP packet that a host would take, whole."""
        return b.l3[i] and (b.anomalies[i] == 0 or self.checks.unfit(b, i) == REASON_NONE)

    def track(self, b, v, i, now):
        """Assign packet ``i`` to a connection. Writes ct_state, direction, reason and bounds; returns whether the rules see it (TO_)."""
        direction = self._familiar(b, v, i, now)
        if direction != DIR_NONE and self._meet_familiar(b, v, i, direction, now):
            return TO_RULES_AGAIN
        if b.l3[i] == 0:
            v.reason[i] = REASON_NOT_IP
            return TO_SKIP
        if b.anomalies[i]:
            reason = self.checks.unfit(b, i)
            if reason:
                v.reason[i] = reason
                return TO_DROP if reason == REASON_BAD_IP_HEADER else TO_SKIP
        reason = self.checks.header(b, i)
        if reason == REASON_TRUNCATED:
            v.reason[i] = reason
            return TO_SKIP
        v.ct_state[i] = CT_INVALID
        if reason == REASON_NONE:
            reason = self._assign(b, v, i, now)
            if reason == REASON_TABLE_FULL:
                v.ct_state[i] = CT_NONE
                v.reason[i] = reason
                return TO_DROP
        if reason:
            v.reason[i] = reason
            if reason == REASON_SEEN_TRANSLATED:
                self.known = self.aliases.again
                self.quoted = 1
                v.ct_state[i] = CT_NONE
                return TO_SKIP
        return TO_RULES

    def _assign(self, b, v, i, now):
        """Find or make the packet's connection and let its protocol judge. Returns a reason if the packet is invalid."""
        proto = b.proto[i]
        if proto in (PROTO_ICMP, PROTO_ICMPV6):
            reason = self._icmp_first(b, v, i, now)
            if reason or self.row or v.ct_state[i] == CT_UNTRACKED:
                return reason
        if self.relations.keyed and proto == PROTO_GRE:
            self.relations.find_key(i)
            self.keys.hash(b, i)
        if not self.keys.take(b, i):
            return REASON_ICMP_TYPE if b.l3[i] == (4 if proto == PROTO_ICMP else 6) else REASON_NOT_TRACKABLE
        again = 1
        while again:
            again = 0
            row = self._find(now)
            if row == 0 and self.limit and self.live >= self.limit and not self._evict(now):
                return REASON_TABLE_FULL
            reason = self._error_of(b, i, proto)
            if reason == REASON_NONE and row == 0:
                reason = self._make(b, i)
            if reason:
                self.known = row
                if row == 0 and self.relations.watching:
                    self.relations.spend(b, i, now)
                return reason
            if row:
                if self.aliases.on and self.aliases.seen_before(row):
                    return REASON_SEEN_TRANSLATED
                judged = self._meet(b, v, i, row, self.aliases.direction(row), now)
                if judged == TRACK_INVALID:
                    return v.reason[i]
                again = judged == TRACK_REOPEN
        if self.fresh:
            if self.relations.watching:
                self.relations.arrive(b, i, self.row, now)
            return self._judge_fresh(b, v, i, now)
        return REASON_NONE

    def _meet(self, b, v, i, row, direction, now):
        """A packet of a connection: its protocol judges it (TRACK_). One that is replaced has ended, and ``row`` is 0 again."""
        self.row = row
        judged = self._judge(b, v, i, direction, now)
        if judged == TRACK_REOPEN:
            self.row = 0
            self.end(row, END_REPLACED, now)
        elif judged == TRACK_INVALID:
            self.row = 0
            self.known = row
        else:
            self._show(v, i, direction)
            self.last = judged == TRACK_LAST
        return judged

    # The short way ----------------------------------------------------------------------------------------------------------------

    def _familiar(self, b, v, i, now):
        """How a packet with nothing unusual about it lies to the live connection in the row that ``fetch`` guessed; DIR_NONE otherwise.

        Nine packets of ten need no search: nothing is looked up, nothing is made, nothing expires on the way. The packet is TCP or
        UDP, whole and no fragment, with no anomaly but those that conntrack has no eye for (``ORDINARY``), which leaves nothing for
        ``Checks.unfit`` and ``Checks.header`` to find. A row with the same tuple that comes first among those with the same hash is
        what ``_find`` would return: a connection and no blocked record, not over yet. Who makes ``track`` do more before a packet
        meets its connection asks here for packets that it does not concern, and sends the others the long way.
        """
        row = v.row[i]
        proto = b.proto[i]
        if row == 0 or proto not in (PROTO_TCP, PROTO_UDP):
            return DIR_NONE
        if b.anomalies[i] & ~ORDINARY or b.frag[i] or b.l4_off[i] == 0:
            return DIR_NONE
        w = words_at(self.table, row)
        if w[W_STATUS] >> 24 != KIND_CONNECTION or expires_at(w) <= now or w[W_PROTO] != (proto | b.l3[i] << 8 | b.zone[i] << 16):
            return DIR_NONE
        if w[W_STATUS] & ROW_TRANSLATED:
            return DIR_NONE
        return direction_in(w, b, i)

    def _meet_familiar(self, b, v, i, direction, now):
        """A packet meets the connection in the row that was guessed. Returns 0 if that is replaced: the packet goes the long way."""
        row = v.row[i]
        v.ct_state[i] = CT_INVALID
        reason = self._error_of(b, i, b.proto[i])
        if reason:
            self.known = row
            v.reason[i] = reason
        elif self._meet(b, v, i, row, direction, now) == TRACK_REOPEN:
            v.ct_state[i] = CT_NONE
            return 0
        if self.known:
            # Whoever attributes the packet asks the table how its tuple lies to the connection.
            self.keys.take(b, i)
        return 1

    def _error_of(self, b, i, proto):
        """What the packet's protocol finds wrong with it whatever its connection, or REASON_NONE."""
        if proto == PROTO_TCP:
            return self.tcp.error(b, i)
        return self.dccp.error(b, i) if proto == PROTO_DCCP else self.checks.error(b, i)

    def _show(self, v, i, direction):
        """What the rules see of a packet of a connection; the first reply is noted."""
        at = self.row * ROW_WORDS + W_STATUS
        status = self.table.w[at]
        v.direction[i] = direction
        if direction == DIR_REPLY or status & STATUS_SEEN_REPLY:
            v.ct_state[i] = CT_ESTABLISHED
        else:
            v.ct_state[i] = CT_RELATED if status & STATUS_EXPECTED else CT_NEW
        if direction == DIR_REPLY:
            self.table.w[at] = status | STATUS_SEEN_REPLY

    # New connections --------------------------------------------------------------------------------------------------------------

    def _make(self, b, i):
        """An unconfirmed connection for packet ``i``. Returns a reason if it cannot have one."""
        reason = REASON_NONE
        proto = b.proto[i]
        if proto == PROTO_TCP:
            reason = self.tcp.may_open(b, i)
        elif proto == PROTO_SCTP:
            reason = self.sctp.may_open(b, i)
        elif proto == PROTO_DCCP:
            reason = self.dccp.may_open(b, i)
        elif proto in (PROTO_ICMP, PROTO_ICMPV6) and not self.queries[b.icmp_type[i] + (256 if b.l3[i] == 6 else 0)]:
            reason = REASON_ICMP_NO_REQUEST
        if reason:
            return reason
        row = self.table.take()
        if row == 0:
            return REASON_TABLE_FULL
        self.table.write_key(row)
        word = row * ROW_WORDS
        self.table.w[word + W_FLOW] = 0
        self.table.w[word + W_STATUS] = KIND_CONNECTION << 24
        self.table.w[word + W_LAST] = 0
        self.table.w[word + W_PARENT] = 0
        self.table.w[word + W_MARK] = 0
        self.row = row
        self.fresh = 1
        return REASON_NONE

    def _judge_fresh(self, b, v, i, now):
        """The first packet of an unconfirmed connection."""
        bit = 1
        v.direction[i] = DIR_ORIGINAL
        v.ct_state[i] = CT_RELATED if self.table.w[self.row * ROW_WORDS + W_STATUS] & STATUS_EXPECTED else CT_NEW
        if b.proto[i] == PROTO_TCP:
            self.tcp.open(b, i, self.row)
            if not b.tcp_flags[i] & TCP_SYN:
                b.anomalies[i] |= bit << ANOM_MIDSTREAM
        elif b.proto[i] == PROTO_SCTP:
            self.sctp.open(b, i, self.row)
        elif b.proto[i] == PROTO_DCCP:
            self.dccp.open(self.row)
        else:
            self.table.t[self.row * ROW_QUADS + Q_STREAM] = now + STREAM_NS
        if self._judge(b, v, i, DIR_ORIGINAL, now) == TRACK_INVALID:
            self._unmake(now)
            v.ct_state[i] = CT_INVALID
            v.direction[i] = DIR_NONE
            return v.reason[i]
        return REASON_NONE

    def _unmake(self, now):
        """The unconfirmed connection is none."""
        if self.table.w[self.row * ROW_WORDS + W_STATUS] & (STATUS_HELPER | STATUS_EXPECTED):
            self.relations.forget(self.row, now)
        self.table.release(self.row)
        self.row = 0
        self.fresh = 0

    def _evict(self, now):
        """Make room in a full table: end an expired entry, or one that is not assured, as early_drop does; Linux picks it by chance."""
        looked = 0
        slot = self.table.key_hash & (self.table.slots - 1)
        while looked < EVICT_ROWS:
            found = self.table.index[slot] & 0xFFFFFF
            slot = (slot + 1) & (self.table.slots - 1)
            if found and self.table.w[found * ROW_WORDS + W_STATUS] >> 24 == KIND_CONNECTION:
                looked += 1
                if self.table.t[found * ROW_QUADS + Q_EXPIRES] <= now:
                    self._expire(found)
                    return 1
                if not self.table.w[found * ROW_WORDS + W_STATUS] & STATUS_ASSURED:
                    self.end(found, END_EVICTED, now)
                    self.evicted += 1
                    return 1
        return 0

    # Protocols --------------------------------------------------------------------------------------------------------------------

    def _judge(self, b, v, i, direction, now):
        """Let the protocol of ``row`` judge packet ``i`` and refresh the time-out."""
        proto = b.proto[i]
        if proto == PROTO_TCP:
            return self.tcp.packet(b, v, i, self.row, direction, now)
        if proto == PROTO_SCTP:
            return self.sctp.packet(b, v, i, self.row, direction, now)
        if proto == PROTO_DCCP:
            return self.dccp.packet(b, v, i, self.row, direction, now)
        at = self.row * ROW_WORDS + W_STATUS
        status = self.table.w[at]
        timer = TIMER_GENERIC
        if proto == PROTO_UDP:
            timer = TIMER_UDP
            if status & STATUS_SEEN_REPLY and now > self.table.t[self.row * ROW_QUADS + Q_STREAM]:
                timer = TIMER_UDP_STREAM
                self.table.w[at] = status | STATUS_ASSURED
        elif proto == PROTO_ICMP:
            timer = TIMER_ICMP
        elif proto == PROTO_ICMPV6:
            timer = TIMER_ICMPV6
        elif proto in (PROTO_UDPLITE, PROTO_GRE):
            timer = TIMER_UDP if proto == PROTO_UDPLITE else TIMER_GRE
            if status & STATUS_SEEN_REPLY:
                timer = TIMER_UDP_STREAM if proto == PROTO_UDPLITE else TIMER_GRE_STREAM
                self.table.w[at] = status | STATUS_ASSURED
        if not status & STATUS_FIXED_TIMEOUT:
            self.table.t[self.row * ROW_QUADS + Q_EXPIRES] = now + self.timers[timer]
        return TRACK_LAST if self.udp_close_on_reply and proto == PROTO_UDP and direction == DIR_REPLY else TRACK_ACCEPT

    def _icmp_first(self, b, v, i, now):
        """What ICMP says before any look-up: invalid packets, untracked ones, and errors, which belong to the connection they quote."""
        kind = b.icmp_type[i]
        is6 = b.proto[i] == PROTO_ICMPV6
        if b.l3[i] != (6 if is6 else 4):
            return REASON_NONE
        if self.checks.bad_sum(b, i):
            return REASON_BAD_CHECKSUM
        if is6:
            if self.untracked[kind]:
                v.ct_state[i] = CT_UNTRACKED
                return REASON_NONE
            if kind == 137:
                return self._redirect(b, v, i, now)
            if kind >= 128:
                return REASON_NONE
        elif kind > 18:
            return REASON_ICMP_TYPE
        elif not self.errors[kind]:
            return REASON_NONE
        return self._error(b, v, i, now)

    def _redirect(self, b, v, i, now):
        """An ICMPv6 redirect: valid only from a neighbour (RFC 4861, section 8.1), related to the packet that it quotes."""
        start = b.l4_off[i]
        if b.l4_len[i] < 40:
            return REASON_ICMP_REDIRECT
        if b.icmp_code[i]:
            return REASON_NONE
        if b.ttl[i] != 255 or b.src_hi[i] >> 54 != 0x3FA:
            return REASON_ICMP_REDIRECT
        if b.l4_len[i] < 42 or b.end_off[i] < start + 42 or b.data[start + 41] == 0:
            return REASON_ICMP_REDIRECT
        # Option 4 holds the redirected packet; any other leaves the message to be tracked like a query.
        return REASON_NONE if b.data[start + 40] != 4 else self._error(b, v, i, now)

    def _error(self, b, v, i, now):
        """An ICMP error: RELATED to the connection of the packet it quotes, if it goes to the quoted packet's sender."""
        reason = read_quote(b, i, self.quote)
        if reason:
            return reason
        if not self.keys.take_quoted(b, i, self.quote):
            return REASON_ICMP_QUOTE_UNKNOWN
        row = self._find(now)
        self.blocked = 0
        if row == 0:
            return REASON_ICMP_QUOTE_UNKNOWN
        if self.aliases.on and self.aliases.seen_before(row):
            return REASON_SEEN_TRANSLATED
        # The key is the quoted tuple turned round: its destination is who sent the quoted packet.
        if self.table.key_dst_hi != b.dst_hi[i] or self.table.key_dst_lo != b.dst_lo[i]:
            self.known = row
            self.quoted = 1
            return REASON_ICMP_QUOTE_MISMATCH
        self.row = row
        self.quoted = 1
        v.ct_state[i] = CT_RELATED
        v.direction[i] = self.aliases.direction(row)
        if self.quote.has_seq:
            self.tcp.quoted(v, i, row, 1 - v.direction[i], self.quote.seq)
        return REASON_NONE

    # A packet, after the rules ----------------------------------------------------------------------------------------------------

    def commit(self, b, i, now, accepted):
        """The rules have spoken: a new connection is confirmed or thrown away; a packet without connection leaves a blocked record."""
        if self.fresh:
            if accepted:
                self.table.w[self.row * ROW_WORDS + W_STATUS] |= STATUS_CONFIRMED
                self.table.enter(self.row)
                self.born += 1
                self.live += 1
                if self.live > self.high_water:
                    self.high_water = self.live
                    self.high_water_ns = now
                return
            self._unmake(now)
        if not accepted and self.row == 0 and self.known == 0:
            self._record_blocked(b, i, now)

    def _record_blocked(self, b, i, now):
        """Attribute a refused packet to its blocked flow; ``row`` is the record afterwards, ``fresh`` whether it is new."""
        if self.blocked == 0:
            self.keys.take(b, i)
            self.known = self._find(now)
            if self.known:
                return
        row = self.blocked
        if row == 0:
            if self.ring[self.ring_next]:
                self.end(self.ring[self.ring_next], END_BLOCKED, now)
            row = self.table.take()
            if row == 0:
                return
            self.keys.take(b, i)
            self.table.write_key(row)
            self.table.w[row * ROW_WORDS + W_FLOW] = 0
            self.table.w[row * ROW_WORDS + W_PARENT] = 0
            self.table.w[row * ROW_WORDS + W_STATUS] = KIND_BLOCKED << 24
            self.table.w[row * ROW_WORDS + W_MARK] = 0
            self.table.w[row * ROW_WORDS + W_LAST] = self.ring_next
            self.ring[self.ring_next] = row
            self.ring_next = (self.ring_next + 1) & (BLOCKED_RECORDS - 1)
            self.table.enter(row)
            self.born += 1
            self.fresh = 1
            self.blocked_direction = DIR_ORIGINAL
        self.table.t[row * ROW_QUADS + Q_EXPIRES] = now + BLOCKED_NS
        self.blocked = row
        self.row = row

    # Time -------------------------------------------------------------------------------------------------------------------------

    def reap(self, now):
        """End some entries whose time is over: a few after every group of packets, more when more are born, never a sweep over all."""
        left = 4 + 2 * self.born
        self.born = 0
        # Each row once: what ended keeps its kind until the queue is read.
        left = min(left, self.table.top)
        while left:
            left -= 1
            if self.hand >= self.table.top:
                self.hand = 0
            self.hand += 1
            status = self.table.w[self.hand * ROW_WORDS + W_STATUS]
            if status >> 24 and self.table.t[self.hand * ROW_QUADS + Q_EXPIRES] <= now:
                self._expire(self.hand)

    def finish_some(self, first, now):
        """At the end of the capture: end entries from row ``first`` on until the queue is full. Returns where to go on, or 0."""
        row = first
        while row <= self.table.top:
            if self.ended_count == ENDED_ROWS:
                return row
            kind = self.table.w[row * ROW_WORDS + W_STATUS] >> 24
            if kind and kind != KIND_TRANSLATION:
                if self.table.t[row * ROW_QUADS + Q_EXPIRES] <= now:
                    self._expire(row)
                else:
                    why = self._end_by_time(row)
                    self.end(row, END_EOF if why == END_TIMEOUT else why, now)
            row += 1
        return 0

    def ensure(self, packets: cython.uint) -> None:
        """Make room for the entries that so many packets may bring."""
        self.table.ensure((packets + 1) * 2 if self.aliases.on else packets + 1)
