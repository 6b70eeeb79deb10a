"""DCCP: the state table applied, with the roles of client and server. Compiled.

A packet first gets its cell of the table (``dccp_states.py``) by the sender's role. Beyond that,

* a Request in the reply direction that opens the connection again, and a Response to a Request that was let through, change the roles;
* the Ack that acknowledges exactly the Response's sequence number makes the connection worth keeping (ASSURED);
* a Reset before anything came back ends the connection at once.

Sequence numbers are not held against a window; Linux does not either.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.dccp_states import HEADER_LENGTHS, LONG_ONLY, TRANSITIONS
from pcapaudit.conntrack.table import Table

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        DCCP_ABORTED,
        DCCP_CLIENT_REPLY,
        DCCP_LAST_REPLY,
        DCCP_LAST_TYPE,
        GO_IGNORE,
        GO_INVALID,
        Q_DCCP_RESPONSE,
        Q_EXPIRES,
        ROW_WORDS,
        TIMER_DCCP,
        TRACK_ACCEPT,
        TRACK_INVALID,
        TRACK_LAST,
        W_DCCP_NOTES,
        W_STATUS,
    )
    from pcapaudit.core.bytes import be16, be32
    from pcapaudit.core.consts import (
        CSUM_BAD,
        CSUM_GOOD,
        DCCPS_CLOSEREQ,
        DCCPS_CLOSING,
        DCCPS_NONE,
        DCCPS_PARTOPEN,
        DCCPS_REQUEST,
        DCCPS_RESPOND,
        DCCPS_TIMEWAIT,
        DIR_REPLY,
        END_CLOSED,
        END_RESET,
        END_TIMEOUT,
        PATH_OUTPUT,
        PROTO_DCCP,
        REASON_BAD_CHECKSUM,
        REASON_BAD_LENGTH,
        REASON_DCCP_IGNORED,
        REASON_DCCP_NOT_OPENING,
        REASON_DCCP_STATE,
        REASON_DCCP_TYPE,
        REASON_NONE,
        REASON_SHORT_HEADER,
        STATUS_ASSURED,
        STATUS_FIXED_TIMEOUT,
        STATUS_SEEN_REPLY,
    )
    from pcapaudit.wire.checksum import fold, pseudo_sum, sum16

    # Packet types on the wire, as in dccp_states.PACKETS.
    REQUEST = 0
    RESPONSE = 1
    ACK = 3
    RESET = 7
    TYPES = 10
    GENERIC_BYTES = 12
    # Reset code "closed" (RFC 4340, section 5.6).
    CODE_CLOSED = 1
    CLIENT = 0
    SERVER = 1

__all__ = ["Dccp"]


def _signed(values: list[int]) -> Any:
    return array("q", values)


class Dccp:
    """Judges DCCP packets of connections in a table. Their headers without options are captured, if the packet has them whole."""

    def __init__(self, table: Table, config: ConntrackConfig) -> None:
        self.table = table
        self.transitions = memoryview(bytearray(TRANSITIONS))
        self.header_lengths = memoryview(bytearray(HEADER_LENGTHS))
        self.long_only = LONG_ONLY
        self.timers = memoryview(_signed(config.timeout_list()))
        self.check_sums = config.checksum

    # What does not depend on a connection -----------------------------------------------------------------------------------------

    def error(self, b, i):
        """The reason why packet ``i`` is invalid whatever its connection, or REASON_NONE. Its generic header is captured."""
        start = b.l4_off[i]
        size = b.l4_len[i]
        header = b.data[start + 4] * 4
        if header < GENERIC_BYTES or header > size:
            return REASON_BAD_LENGTH
        coverage = b.data[start + 5] & 15
        if coverage and (coverage - 1) * 4 > size:
            return REASON_BAD_LENGTH
        if self.check_sums and b.path[i] != PATH_OUTPUT and not self._sum_fits(b, i, coverage):
            return REASON_BAD_CHECKSUM
        kind = b.data[start + 8] >> 1 & 15
        if kind >= TYPES or (self.long_only >> kind & 1 and not b.data[start + 8] & 1):
            return REASON_DCCP_TYPE
        return REASON_SHORT_HEADER if self.header_lengths[b.data[start + 8] & 31] > size else REASON_NONE

    def _sum_fits(self, b, i, coverage):
        """Whether the checksum is right, or cannot be checked.

        Where it covers the packet in part, Linux counts the words covered from the start of the header on, whereas RFC 4340 (section
        9.2) counts them from its end: packets from real hosts that use this are invalid to Linux, and so to us.
        """
        if coverage == 0 or b.l4_csum[i] not in (CSUM_GOOD, CSUM_BAD):
            return b.l4_csum[i] != CSUM_BAD
        start = b.l4_off[i]
        total = pseudo_sum(b, i, PROTO_DCCP, b.l4_len[i])
        return fold(total + sum16(b, start, start + (coverage - 1) * 4)) == 0xFFFF

    def may_open(self, b, i):
        """The reason why packet ``i`` cannot open a connection, or REASON_NONE: only a Request does."""
        kind = b.data[b.l4_off[i] + 8] >> 1 & 15
        cell = self.transitions[kind * 16 + DCCPS_NONE]
        return REASON_NONE if cell == DCCPS_REQUEST else REASON_DCCP_NOT_OPENING

    def end_by_time(self, row, state):
        """What the time-out of a DCCP connection means; a Reset that says "closed" is how a connection ends in order."""
        if state == DCCPS_TIMEWAIT:
            return END_RESET if self.table.w[row * ROW_WORDS + W_DCCP_NOTES] & DCCP_ABORTED else END_CLOSED
        return END_CLOSED if state in (DCCPS_CLOSEREQ, DCCPS_CLOSING) else END_TIMEOUT

    def open(self, row):
        """Fill the DCCP part of a new row: the original side is the client, its Request the last packet."""
        word = row * ROW_WORDS
        self.table.q[word // 2 + Q_DCCP_RESPONSE] = 0
        self.table.w[word + W_DCCP_NOTES] = REQUEST

    # A packet of a connection -----------------------------------------------------------------------------------------------------

    def packet(self, b, v, i, row, direction, now):
        """Judge packet ``i`` of a connection and change the connection accordingly. Returns a TRACK_ number; writes the reason."""
        word = row * ROW_WORDS
        kind = b.data[b.l4_off[i] + 8] >> 1 & 15
        status = self.table.w[word + W_STATUS]
        if kind == RESET and not status & STATUS_SEEN_REPLY:
            return TRACK_LAST
        notes = self.table.w[word + W_DCCP_NOTES]
        role = CLIENT if (notes & DCCP_CLIENT_REPLY != 0) == (direction == DIR_REPLY) else SERVER
        old = status >> 16 & 15
        new = self.transitions[(role * TYPES + kind) * 16 + old]
        if new == GO_INVALID:
            v.reason[i] = REASON_DCCP_STATE
            return TRACK_INVALID
        last = kind | (DCCP_LAST_REPLY if direction == DIR_REPLY else 0)
        if new == GO_IGNORE:
            if kind != RESPONSE or notes & (DCCP_LAST_TYPE | DCCP_LAST_REPLY) != (DCCP_LAST_REPLY ^ (last & DCCP_LAST_REPLY) | REQUEST):
                self.table.w[word + W_DCCP_NOTES] = notes & ~(DCCP_LAST_TYPE | DCCP_LAST_REPLY) | last
                v.reason[i] = REASON_DCCP_IGNORED
                return TRACK_ACCEPT
            # The Request that was let through is answered: its sender is the client.
            notes = notes & ~DCCP_CLIENT_REPLY | (0 if direction == DIR_REPLY else DCCP_CLIENT_REPLY)
            self.table.q[word // 2 + Q_DCCP_RESPONSE] = self._sequence(b, i)
            new = DCCPS_RESPOND
        elif new == DCCPS_REQUEST and old == DCCPS_TIMEWAIT and role == SERVER:
            notes ^= DCCP_CLIENT_REPLY
        elif new == DCCPS_RESPOND and old == DCCPS_REQUEST:
            self.table.q[word // 2 + Q_DCCP_RESPONSE] = self._sequence(b, i)
        elif new == DCCPS_PARTOPEN and old == DCCPS_RESPOND and kind == ACK:
            if self._acknowledged(b, i) == self.table.q[word // 2 + Q_DCCP_RESPONSE]:
                status |= STATUS_ASSURED
        elif new == DCCPS_TIMEWAIT:
            closed = b.data[b.l4_off[i] + GENERIC_BYTES + 12] == CODE_CLOSED
            notes = notes & ~DCCP_ABORTED | (0 if closed else DCCP_ABORTED)
        self.table.w[word + W_DCCP_NOTES] = notes & ~(DCCP_LAST_TYPE | DCCP_LAST_REPLY) | last
        self.table.w[word + W_STATUS] = status ^ (status & 0xF0000) | new << 16
        if not status & STATUS_FIXED_TIMEOUT:
            self.table.t[word // 2 + Q_EXPIRES] = now + self.timers[TIMER_DCCP + new]
        return TRACK_ACCEPT

    def _sequence(self, b, i):
        """The 48-bit sequence number of a packet that has one."""
        start = b.l4_off[i]
        high = be16(b, start + 10)
        return high << 32 | be32(b, start + 12)

    def _acknowledged(self, b, i):
        """The acknowledgement number, read as Linux does: 48 bits long, also where the packet has short ones."""
        start = b.l4_off[i] + GENERIC_BYTES + (4 if b.data[b.l4_off[i] + 8] & 1 else 0)
        high = be16(b, start + 2)
        return high << 32 | be32(b, start + 4)
