"""SCTP: the state table applied chunk by chunk, and verification tags held against those that were announced. Compiled.

Each side tells the tag that packets to it must carry: in its INIT or INIT ACK, or, on a further path of the association, by what its
peer's HEARTBEAT carries. The table keeps for each side the tag that *its own* packets carry. RFC 9260, section 8.5, and its exceptions:

* INIT carries tag 0;
* ABORT and SHUTDOWN COMPLETE carry the side's own tag or, with the T bit, the other side's;
* COOKIE ECHO must carry the tag just as well, SHUTDOWN ACK need not (it may answer on an association that is gone);
* a HEARTBEAT with a wrong tag is let through once: if its HEARTBEAT ACK comes, the ends know better than we do, and its tag is taken over.

Chunks change the connection one after the other, and what the first one changed stays when a later one is found invalid, as in Linux.
Chunks that the capture cut off are taken to be such as change nothing; the packet is then ``l4-truncated``.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.sctp_states import TRANSITIONS
from pcapaudit.conntrack.table import Table

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        GO_IGNORE,
        GO_INVALID,
        Q_EXPIRES,
        ROW_WORDS,
        SCTP_ABORTED,
        SCTP_FAILED_REPLY,
        SCTP_INIT,
        SCTP_TAG_FAILED,
        TIMER_SCTP,
        TRACK_ACCEPT,
        TRACK_INVALID,
        W_SCTP_NOTES,
        W_SCTP_TAGS,
        W_STATUS,
    )
    from pcapaudit.core.bytes import be16, be32
    from pcapaudit.core.consts import (
        ANOM_L4_TRUNCATED,
        DIR_ORIGINAL,
        DIR_REPLY,
        END_CLOSED,
        END_RESET,
        END_TIMEOUT,
        REASON_BAD_LENGTH,
        REASON_NONE,
        REASON_SCTP_BUNDLE,
        REASON_SCTP_CHUNK,
        REASON_SCTP_IGNORED,
        REASON_SCTP_NOT_OPENING,
        REASON_SCTP_VTAG,
        SCTPS_CLOSED,
        SCTPS_ESTABLISHED,
        SCTPS_NONE,
        SCTPS_SHUTDOWN_ACK_SENT,
        SCTPS_SHUTDOWN_RECD,
        SCTPS_SHUTDOWN_SENT,
        STATUS_ASSURED,
        STATUS_CONFIRMED,
        STATUS_FIXED_TIMEOUT,
    )

    # Chunk types (RFC 9260, section 3.2), as in sctp_states.CHUNKS.
    DATA = 0
    INIT = 1
    INIT_ACK = 2
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN_ACK = 8
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14
    # Types from here on (extensions) are never looked at.
    KNOWN_CHUNKS = 16
    # A chunk's flag: the tag is the other side's (RFC 9260, section 8.5.1).
    FLAG_T = 1
    HEADER_BYTES = 12
    CHUNK_BYTES = 4
    # Chunk header and fixed part of an INIT or INIT ACK.
    INIT_BYTES = 20
    # Masks of types: not on a new association; carrying tags of their own rules; alone in their packet.
    NOT_FIRST = 1 << ABORT | 1 << SHUTDOWN_COMPLETE | 1 << COOKIE_ACK
    OWN_RULES = 1 << INIT | 1 << SHUTDOWN_COMPLETE | 1 << COOKIE_ECHO | 1 << ABORT | 1 << SHUTDOWN_ACK | 1 << HEARTBEAT | 1 << HEARTBEAT_ACK
    ALONE = 1 << INIT | 1 << INIT_ACK | 1 << SHUTDOWN_COMPLETE
    FIRST = 1 << COOKIE_ECHO | 1 << COOKIE_ACK

__all__ = ["Sctp"]


def _signed(values: list[int]) -> Any:
    return array("q", values)


class Sctp:
    """Judges SCTP packets of connections in a table. Their common header is captured, and the first chunk's header if there is one."""

    def __init__(self, table: Table, config: ConntrackConfig) -> None:
        self.table = table
        self.transitions = memoryview(bytearray(TRANSITIONS))
        self.timers = memoryview(_signed(config.timeout_list()))
        # The packet at hand: where its captured chunk headers end, and its end on the wire; its tag; the types of its chunks as a mask.
        self.limit = 0
        self.stop = 0
        self.tag = 0
        self.types = 0
        #: 1: the packet at hand does not refresh its entry.
        self.stale = 0

    # What does not depend on a connection -----------------------------------------------------------------------------------------

    def _read(self, b, i):
        """Take the packet's numbers; returns the reason why its chunks may not stand together, or REASON_NONE."""
        start = b.l4_off[i]
        self.stop = start + b.l4_len[i]
        self.limit = min(self.stop, b.end_off[i])
        self.tag = be32(b, start + 4)
        self.types = 0
        self.stale = 0
        at = start + HEADER_BYTES
        count = 0
        while at + CHUNK_BYTES <= self.limit:
            kind = b.data[at]
            one = 1 << kind if kind < KNOWN_CHUNKS else 0
            size = be16(b, at + 2)
            if size == 0 or (count and (one & FIRST or (one | self.types) & ALONE)):
                return REASON_SCTP_BUNDLE
            self.types |= one
            count += 1
            at += size + 3 & ~3
        if at + CHUNK_BYTES <= self.stop:
            bit = 1
            b.anomalies[i] |= bit << ANOM_L4_TRUNCATED
        return REASON_NONE if count else REASON_SCTP_BUNDLE

    def may_open(self, b, i):
        """The reason why packet ``i`` cannot open a connection, or REASON_NONE (RFC 9260, section 8.4)."""
        reason = self._read(b, i)
        if reason:
            return reason
        if self.types & NOT_FIRST:
            return REASON_SCTP_NOT_OPENING
        at = b.l4_off[i] + HEADER_BYTES
        while at + CHUNK_BYTES <= self.limit:
            kind = b.data[at]
            if kind >= KNOWN_CHUNKS or self.transitions[kind * 16 + SCTPS_NONE] == SCTPS_NONE:
                return REASON_SCTP_NOT_OPENING
            if kind == INIT:
                if self.tag:
                    return REASON_SCTP_VTAG
                if at + INIT_BYTES > self.stop:
                    return REASON_BAD_LENGTH
            at += be16(b, at + 2) + 3 & ~3
        return REASON_NONE

    def end_by_time(self, row, status, state):
        """What the time-out of an association means. Closed is also what one INIT leaves behind."""
        if state == SCTPS_CLOSED:
            if self.table.w[row * ROW_WORDS + W_SCTP_NOTES] & SCTP_ABORTED:
                return END_RESET
            return END_CLOSED if status & STATUS_ASSURED else END_TIMEOUT
        return END_CLOSED if state in (SCTPS_SHUTDOWN_SENT, SCTPS_SHUTDOWN_RECD, SCTPS_SHUTDOWN_ACK_SENT) else END_TIMEOUT

    def open(self, b, i, row):
        """Fill the SCTP part of a new row from its first packet, which may open a connection."""
        word = row * ROW_WORDS
        tags = word + W_SCTP_TAGS
        self.table.w[tags] = 0
        self.table.w[tags + 1] = 0
        self.table.w[word + W_SCTP_NOTES] = 0
        if self.types & 1 << INIT:
            self.table.w[tags + DIR_REPLY] = be32(b, b.l4_off[i] + HEADER_BYTES + CHUNK_BYTES)
        if self.types & 1 << HEARTBEAT:
            self.table.w[tags + DIR_ORIGINAL] = self.tag
        if self.types & 1 << SHUTDOWN_ACK:
            # The answer to be expected is a SHUTDOWN COMPLETE with the same tag.
            self.table.w[tags + DIR_REPLY] = self.tag

    # A packet of a connection -----------------------------------------------------------------------------------------------------

    def packet(self, b, v, i, row, direction, now):
        """Judge packet ``i`` of a connection and change the connection accordingly. Returns a TRACK_ number; writes reason and bounds."""
        word = row * ROW_WORDS
        reason = self._read(b, i)
        if reason:
            v.reason[i] = reason
            return TRACK_INVALID
        if not self.types & OWN_RULES and self.tag != self.table.w[word + W_SCTP_TAGS + direction]:
            return self._wrong_tag(v, i, word, direction)
        state = SCTPS_NONE
        at = b.l4_off[i] + HEADER_BYTES
        while at + CHUNK_BYTES <= self.limit:
            new = self._chunk(b, v, i, word, direction, at)
            if new == GO_INVALID:
                return TRACK_INVALID
            if new != GO_IGNORE:
                state = new
            at += be16(b, at + 2) + 3 & ~3
        if self.stale:
            v.reason[i] = REASON_SCTP_IGNORED
        elif not self.table.w[word + W_STATUS] & STATUS_FIXED_TIMEOUT:
            self.table.t[word // 2 + Q_EXPIRES] = now + self.timers[TIMER_SCTP + state]
        return TRACK_ACCEPT

    def _wrong_tag(self, v, i, word, direction):
        """The packet does not carry the tag of its side, which is written down."""
        v.reason[i] = REASON_SCTP_VTAG
        v.bound_low[i] = self.table.w[word + W_SCTP_TAGS + direction]
        v.bound_high[i] = v.bound_low[i]
        v.seen[i] = self.tag
        return TRACK_INVALID

    def _chunk(self, b, v, i, word, direction, at):
        """One chunk: the state it leads to, which the connection now has, GO_IGNORE, or GO_INVALID with the reason written."""
        kind = b.data[at]
        fits = self._tag_fits(word, direction, kind, b.data[at + 1] & FLAG_T)
        if fits == GO_IGNORE:
            return GO_IGNORE
        if not fits:
            self._wrong_tag(v, i, word, direction)
            return GO_INVALID
        status = self.table.w[word + W_STATUS]
        old = status >> 16 & 15
        new = old
        if kind < KNOWN_CHUNKS:
            new = self.transitions[(direction * KNOWN_CHUNKS + kind) * 16 + old]
        if new == GO_INVALID:
            v.reason[i] = REASON_SCTP_CHUNK
            return GO_INVALID
        if kind in (INIT, INIT_ACK):
            if at + INIT_BYTES > self.stop:
                v.reason[i] = REASON_BAD_LENGTH
                return GO_INVALID
            announced = be32(b, at + CHUNK_BYTES)
            if kind == INIT:
                self._note_init(word, direction, old, announced)
                # Whoever uses the ports anew shall not keep an old entry alive.
                if new == SCTPS_CLOSED and old == SCTPS_CLOSED and status & STATUS_CONFIRMED:
                    self.stale = 1
            elif not self._answers_init(word, direction, announced):
                v.reason[i] = REASON_SCTP_CHUNK
                return GO_INVALID
            self.table.w[word + W_SCTP_TAGS + 1 - direction] = announced
        self._change(word, status, new, kind)
        return new

    def _change(self, word, status, new, kind):
        """The connection gets a state; an ABORT is noted, because a closed association does not tell how it was closed."""
        if kind == ABORT:
            self.table.w[word + W_SCTP_NOTES] |= SCTP_ABORTED
        if status >> 16 & 15 == new:
            return
        if kind != ABORT:
            self.table.w[word + W_SCTP_NOTES] &= ~SCTP_ABORTED
        if new == SCTPS_ESTABLISHED:
            status |= STATUS_ASSURED
        self.table.w[word + W_STATUS] = status ^ (status & 0xF0000) | new << 16

    # Verification tags ------------------------------------------------------------------------------------------------------------

    def _tag_fits(self, word, direction, kind, other):
        """Whether the packet's tag is right for a chunk: 1, 0, or GO_IGNORE for one that is passed over. Notes what HEARTBEATs tell."""
        tags = word + W_SCTP_TAGS
        if kind == INIT:
            return self.tag == 0
        if kind in (ABORT, SHUTDOWN_COMPLETE):
            return self.tag == self.table.w[tags + (1 - direction if other else direction)]
        if kind == COOKIE_ECHO:
            return self.tag == self.table.w[tags + direction]
        if kind == COOKIE_ACK:
            self.table.w[word + W_SCTP_NOTES] &= ~(SCTP_INIT * 3)
        elif kind in (HEARTBEAT, HEARTBEAT_ACK):
            if self.table.w[tags + direction] == 0:
                self.table.w[tags + direction] = self.tag
            elif self.tag == self.table.w[tags + direction]:
                self.table.w[word + W_SCTP_NOTES] &= ~SCTP_TAG_FAILED
            elif self.types & 1 << DATA or self.stale:
                return 0
            elif kind == HEARTBEAT:
                notes = self.table.w[word + W_SCTP_NOTES] & ~SCTP_FAILED_REPLY
                self.table.w[word + W_SCTP_NOTES] = notes | SCTP_TAG_FAILED | (SCTP_FAILED_REPLY if direction == DIR_REPLY else 0)
                self.stale = 1
                return GO_IGNORE
            else:
                return self._answers_heartbeat(word, direction)
        return 1

    def _answers_heartbeat(self, word, direction):
        """A HEARTBEAT ACK with a wrong tag: right if it answers a HEARTBEAT with a wrong tag. Its tag is then the side's."""
        notes = self.table.w[word + W_SCTP_NOTES]
        failed = DIR_REPLY if notes & SCTP_FAILED_REPLY else DIR_ORIGINAL
        if not notes & SCTP_TAG_FAILED or failed == direction:
            return 0
        self.table.w[word + W_SCTP_NOTES] = notes & ~SCTP_TAG_FAILED
        self.table.w[word + W_SCTP_TAGS + direction] = self.tag
        self.table.w[word + W_SCTP_TAGS + 1 - direction] = 0
        return 1

    def _note_init(self, word, direction, old, announced):
        """An INIT that announces a new tag: remember that this side opens. A repeated one tells nothing about who opened last."""
        if old != SCTPS_NONE and self.table.w[word + W_SCTP_TAGS + 1 - direction] == announced:
            return
        notes = self.table.w[word + W_SCTP_NOTES]
        if notes & SCTP_INIT * 3 == SCTP_INIT * 3:
            notes &= ~(SCTP_INIT << 1 - direction)
        self.table.w[word + W_SCTP_NOTES] = notes | SCTP_INIT << direction

    def _answers_init(self, word, direction, announced):
        """Whether an INIT ACK may announce its tag: not another one where no INIT of the peer, or one of both sides, is open."""
        notes = self.table.w[word + W_SCTP_NOTES]
        known = self.table.w[word + W_SCTP_TAGS + 1 - direction]
        if known == announced:
            return 1
        if not notes & SCTP_INIT << 1 - direction:
            return known == 0
        return not notes & SCTP_INIT << direction
