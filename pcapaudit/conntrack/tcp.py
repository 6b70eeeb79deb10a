"""TCP: the state table applied, and sequence numbers held against the window. Compiled.

The window check is that of Guido van Rooij's "Real stateful TCP packet filtering in IP Filter" (2000), with the bounds that Linux uses.
``end`` is a segment's sequence number plus its length, SYN and FIN counting one each; ``sack`` is the right edge of the highest SACK
block, or the acknowledgement number. Of each side the table keeps:

* ``END``: highest ``end`` it sent;
* ``MAXEND``: highest ``sack`` + window that the other side announced: how far it may send;
* ``MAXWIN``: largest window it announced, scaled;
* ``MAXACK``: highest acknowledgement it sent.

A segment is in the window when (the sender's side S, the receiver's side R)

1. ``seq`` is at most S.MAXEND: not beyond what R said it would take;
2. ``end`` is at least S.END − R.MAXWIN: not long acknowledged;
3. ``sack`` is at most R.END: it acknowledges nothing that R has not sent;
4. ``sack`` is at least R.END − max(S.MAXWIN, 66000): not overly delayed.

1 and 3 make a packet invalid; 2 and 4 let it through without any change, because an old duplicate does no harm and proves nothing.

A packet first gets its cell of the table (``tcp_states.py``); ``_exception`` handles what one cell cannot say; then the window is checked,
and only a packet within it changes the connection.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.table import Table
from pcapaudit.conntrack.tcp_states import FLAG_KINDS, TRANSITIONS, VALID_FLAGS

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        GO_IGNORE,
        GO_INVALID,
        SEG_ACK,
        SEG_FIN,
        SEG_NONE,
        SEG_RST,
        SEG_SYN,
        SEG_SYNACK,
        SIDE_CHALLENGE,
        SIDE_CLOSE_INIT,
        SIDE_END,
        SIDE_FLAGS,
        SIDE_LIBERAL,
        SIDE_MAXACK,
        SIDE_MAXACK_SET,
        SIDE_MAXEND,
        SIDE_MAXWIN,
        SIDE_SACK_PERM,
        SIDE_SIMULTANEOUS,
        SIDE_UNACKED,
        SIDE_WSCALE,
        TIMER_TCP_RETRANS,
        TIMER_TCP_UNACK,
        TRACK_ACCEPT,
        TRACK_INVALID,
        TRACK_LAST,
        TRACK_REOPEN,
        W_LAST,
        W_LAST_ACK,
        W_LAST_END,
        W_LAST_SEQ,
        W_LAST_WIN,
        W_SIDE,
        W_STATUS,
    )
    from pcapaudit.conntrack.rows import expires_at, set_expires, side_at, words_at
    from pcapaudit.conntrack.seqnum import after, before, wrap
    from pcapaudit.core.consts import (
        ANOM_RETRANSMISSION,
        CSUM_BAD,
        DIR_ORIGINAL,
        DIR_REPLY,
        OPT_SACK_PERM,
        OPT_WSCALE,
        PATH_OUTPUT,
        PROTO_TCP,
        REASON_BAD_CHECKSUM,
        REASON_ICMP_OFF_PATH,
        REASON_NONE,
        REASON_TCP_ACK_OVER,
        REASON_TCP_ACK_UNDER,
        REASON_TCP_CHALLENGE_ACK,
        REASON_TCP_FLAGS,
        REASON_TCP_IGNORED,
        REASON_TCP_NO_PICKUP,
        REASON_TCP_NOT_OPENING,
        REASON_TCP_OVERSHOT,
        REASON_TCP_RST_SEQ,
        REASON_TCP_SEQ_OVER,
        REASON_TCP_SEQ_UNDER,
        REASON_TCP_STATE,
        REASON_TCP_SYN_ON_LIVE,
        REASON_TCP_SYNACK_IGNORED,
        STATUS_ASSURED,
        STATUS_CONFIRMED,
        STATUS_FIXED_TIMEOUT,
        STATUS_SEEN_REPLY,
        TCP_ACK,
        TCP_FIN,
        TCP_RST,
        TCP_SYN,
        TCPS_CLOSE,
        TCPS_CLOSE_WAIT,
        TCPS_ESTABLISHED,
        TCPS_FIN_WAIT,
        TCPS_LAST_ACK,
        TCPS_NONE,
        TCPS_SYN_RECV,
        TCPS_SYN_SENT,
        TCPS_SYN_SENT2,
        TCPS_TIME_WAIT,
    )

    # A larger scale counts as this one (RFC 7323, section 2.3).
    MAX_SCALE = 14
    # How far an acknowledgement may lag behind, at least.
    ACK_WINDOW = 66000
    # A RST or FIN outside the window shortens a time-out that has more than this left.
    LONG_LEFT_NS = 120_000_000_000

__all__ = ["Tcp"]


def _signed(values: list[int]) -> Any:
    return array("q", values)


class Tcp:
    """Judges TCP segments of connections in a table."""

    def __init__(self, table: Table, config: ConntrackConfig) -> None:
        self.table = table
        self.transitions = memoryview(bytearray(TRANSITIONS))
        self.valid_flags = memoryview(bytearray(VALID_FLAGS))
        self.flag_kinds = memoryview(bytearray(FLAG_KINDS))
        self.timers = memoryview(_signed(config.timeout_list()))
        self.loose = config.tcp_loose
        self.liberal = config.tcp_be_liberal
        self.ignore_invalid_rst = config.tcp_ignore_invalid_rst
        self.max_retrans = config.tcp_max_retrans
        self.check_sums = config.checksum
        self.rst_keeps_unacknowledged = config.rst_keeps_unacknowledged
        # The segment at hand.
        self.seq = 0
        self.ack = 0
        self.sack = 0
        self.end = 0
        self.win = 0
        self.flags = 0
        self.kind = 0
        #: Whether the RST at hand counts whatever the window says.
        self.unconditional = 0

    # What does not depend on a connection -----------------------------------------------------------------------------------------

    def error(self, b, i):
        """The reason why packet ``i`` is invalid whatever its connection, or REASON_NONE. Its TCP header is whole."""
        if self.check_sums and b.l4_csum[i] == CSUM_BAD and b.path[i] != PATH_OUTPUT:
            return REASON_BAD_CHECKSUM
        return REASON_NONE if self.valid_flags[b.tcp_flags[i]] else REASON_TCP_FLAGS

    def may_open(self, b, i):
        """The reason why packet ``i`` cannot open a connection, or REASON_NONE."""
        cell = self.transitions[self.flag_kinds[b.tcp_flags[i]] * 16 + TCPS_NONE]
        if cell == TCPS_SYN_SENT:
            return REASON_NONE
        if cell == GO_INVALID:
            return REASON_TCP_NOT_OPENING
        return REASON_NONE if self.loose else REASON_TCP_NO_PICKUP

    def open(self, b, i, row):
        """Fill the TCP part of a new row from its first packet. Picked up in the middle, the window cannot be judged."""
        w = words_at(self.table, row)
        at = W_SIDE
        while at < W_SIDE + 14:
            w[at] = 0
            at += 1
        side = side_at(w, DIR_ORIGINAL)
        win = b.win_raw[i] if b.win_raw[i] else 1
        end = wrap(b.seq[i] + self._length(b, i))
        side[SIDE_END] = end
        side[SIDE_MAXEND] = end
        side[SIDE_MAXWIN] = win
        if self.flag_kinds[b.tcp_flags[i]] == SEG_SYN:
            self._take_options(b, i, side)
            if self._scale_cut_off(b, i):
                side[SIDE_FLAGS] |= SIDE_SACK_PERM | SIDE_LIBERAL
                side_at(w, DIR_REPLY)[SIDE_FLAGS] = SIDE_LIBERAL
        else:
            side[SIDE_MAXEND] = wrap(end + win)
            side[SIDE_FLAGS] = SIDE_SACK_PERM | SIDE_LIBERAL
            side_at(w, DIR_REPLY)[SIDE_FLAGS] = SIDE_SACK_PERM | SIDE_LIBERAL
        w[W_LAST] = SEG_NONE

    def quoted(self, v, i, row, direction, seq):
        """An ICMP error quotes a segment of the side ``direction``: note it if that segment cannot be on its way (RFC 5927, section 4.1).

        On its way is what was sent and not acknowledged, and, as acknowledgements and errors cross, a window of what was.
        """
        w = words_at(self.table, row)
        sender = side_at(w, direction)
        receiver = side_at(w, 1 - direction)
        if sender[SIDE_FLAGS] & SIDE_LIBERAL or sender[SIDE_MAXWIN] == 0:
            return
        low = receiver[SIDE_MAXACK] if receiver[SIDE_FLAGS] & SIDE_MAXACK_SET else wrap(sender[SIDE_END] - 1)
        low = wrap(low - receiver[SIDE_MAXWIN])
        if before(seq, low) or after(seq, sender[SIDE_END]):
            v.reason[i] = REASON_ICMP_OFF_PATH
            v.bound_low[i] = low
            v.bound_high[i] = sender[SIDE_END]
            v.seen[i] = seq

    # A packet of a connection -----------------------------------------------------------------------------------------------------

    def packet(self, b, v, i, row, direction, now):
        """Judge packet ``i`` of a connection and change the connection accordingly. Returns a TRACK_ number; writes reason and bounds."""
        w = words_at(self.table, row)
        self._read(b, i)
        old = w[W_STATUS] >> 16 & 15
        new = self.transitions[(direction * 6 + self.kind) * 16 + old]
        if new == GO_INVALID:
            v.reason[i] = REASON_TCP_STATE
            return TRACK_INVALID
        if new == GO_IGNORE or (new == TCPS_SYN_SENT and old in (TCPS_TIME_WAIT, TCPS_CLOSE, TCPS_SYN_SENT2)):
            if new == TCPS_SYN_SENT and self._closed_before(w, direction):
                return TRACK_REOPEN
            if not self._in_step_after_all(w, direction):
                self._note_ignored(b, v, i, w, direction, old)
                return TRACK_ACCEPT
            old = TCPS_SYN_SENT
            new = TCPS_SYN_RECV
        elif new == TCPS_TIME_WAIT:
            if old == TCPS_LAST_ACK and self._challenge_expected(w, direction):
                v.reason[i] = REASON_TCP_CHALLENGE_ACK
                return TRACK_ACCEPT
        elif new == TCPS_SYN_SENT2:
            w[W_LAST_WIN] |= SIDE_SIMULTANEOUS << 24
        elif new == TCPS_SYN_RECV:
            if direction == DIR_REPLY and self.kind == SEG_ACK and w[W_LAST_WIN] >> 24 & SIDE_SIMULTANEOUS:
                new = TCPS_ESTABLISHED
        elif new == TCPS_CLOSE and self.kind == SEG_RST:
            new = self._reset(v, i, w, direction, old)
            if new == GO_INVALID:
                return TRACK_INVALID
            if self.unconditional:
                return self._apply(w, direction, old, new, now)
        judged = self._window(b, v, i, w, direction, old)
        if judged == TRACK_INVALID:
            self._shorten(w, direction, now)
            return TRACK_INVALID
        if judged == TRACK_LAST:
            return TRACK_ACCEPT
        return self._apply(w, direction, old, new, now)

    def _length(self, b, i):
        """Sequence numbers that a segment takes: its payload on the wire, SYN and FIN."""
        flags = b.tcp_flags[i]
        return b.payload_len[i] + (1 if flags & TCP_SYN else 0) + (1 if flags & TCP_FIN else 0)

    def _read(self, b, i):
        """Take the segment's numbers."""
        self.flags = b.tcp_flags[i]
        self.kind = self.flag_kinds[self.flags]
        self.seq = b.seq[i]
        self.ack = b.ack[i]
        self.sack = b.sack_max[i]
        self.win = b.win_raw[i]
        self.end = wrap(self.seq + self._length(b, i))

    def _take_options(self, b, i, side):
        """The options of a SYN: what the side offers. Without any option everything known before stays."""
        if b.l4_len[i] - b.payload_len[i] <= 20:
            return
        flags = side[SIDE_FLAGS] & SIDE_LIBERAL
        scale = 0
        if b.tcp_opts[i] & OPT_SACK_PERM:
            flags |= SIDE_SACK_PERM
        if b.tcp_opts[i] & OPT_WSCALE:
            flags |= SIDE_WSCALE
            scale = b.wscale[i] if b.wscale[i] < MAX_SCALE else MAX_SCALE
        side[SIDE_FLAGS] = flags | scale << 8

    def _scale_cut_off(self, b, i):
        """Whether the capture cut the options of a SYN off before a window scale: then no window of either side can be judged."""
        held = b.end_off[i] - b.l4_off[i]
        return b.l4_len[i] - b.payload_len[i] > held and not b.tcp_opts[i] & OPT_WSCALE

    # What one cell of the table cannot say ----------------------------------------------------------------------------------------

    def _closed_before(self, w, direction):
        """A SYN on a closed connection: whether it opens a new one (a FIN closed the old one, or this side's RST)."""
        flags = side_at(w, DIR_ORIGINAL)[SIDE_FLAGS] | side_at(w, DIR_REPLY)[SIDE_FLAGS]
        return flags & SIDE_CLOSE_INIT or w[W_LAST] & 0xFFFF == (direction << 8 | SEG_RST)

    def _in_step_after_all(self, w, direction):
        """A SYN-ACK that acknowledges a SYN which we let through without believing it: take over what that SYN said."""
        other = 1 - direction
        if self.kind != SEG_SYNACK or w[W_LAST] & 0xFFFF != (other << 8 | SEG_SYN) or self.ack != w[W_LAST_END]:
            return 0
        last = w[W_LAST_WIN] & ~(SIDE_CHALLENGE << 24)
        w[W_LAST_WIN] = last
        side = side_at(w, other)
        side[SIDE_END] = w[W_LAST_END]
        side[SIDE_MAXEND] = w[W_LAST_END]
        side[SIDE_MAXWIN] = last & 0xFFFF if last & 0xFFFF else 1
        side[SIDE_FLAGS] = last >> 24 | (last >> 16 & 0xFF) << 8
        side = side_at(w, direction)
        side[SIDE_END] = 0
        side[SIDE_MAXEND] = 0
        side[SIDE_MAXWIN] = 0
        side[SIDE_MAXACK] = 0
        side[SIDE_FLAGS] &= SIDE_LIBERAL
        return 1

    def _note_ignored(self, b, v, i, w, direction, old):
        """A packet that is let through: remember it, in case the answer shows that the endpoints were in step."""
        last = w[W_LAST_WIN] >> 16 << 16 | self.win
        w[W_LAST] = w[W_LAST] >> 16 << 16 | direction << 8 | self.kind
        w[W_LAST_SEQ] = self.seq
        w[W_LAST_END] = self.end
        v.reason[i] = REASON_TCP_IGNORED
        if self.kind == SEG_SYN and direction == DIR_ORIGINAL:
            flags = 0
            scale = 0
            if b.tcp_opts[i] & OPT_WSCALE:
                flags = SIDE_WSCALE
                scale = b.wscale[i] if b.wscale[i] < MAX_SCALE else MAX_SCALE
            if b.tcp_opts[i] & OPT_SACK_PERM:
                flags |= SIDE_SACK_PERM
            # The receiver may answer with a challenge ACK (RFC 5961), which in last_ack looks like the last one.
            if old == TCPS_LAST_ACK:
                flags |= SIDE_CHALLENGE
            last = self.win | scale << 16 | flags << 24
            v.reason[i] = REASON_TCP_SYN_ON_LIVE
        elif self.kind == SEG_SYNACK:
            v.reason[i] = REASON_TCP_SYNACK_IGNORED
        w[W_LAST_WIN] = last
        if old == TCPS_SYN_SENT and self.kind == SEG_ACK and direction == DIR_REPLY:
            w[W_LAST_ACK] = self.ack

    def _challenge_expected(self, w, direction):
        """Whether an ACK in last_ack answers a SYN that was let through, and not the last FIN (RFC 5961, section 4)."""
        if self.kind == SEG_ACK and w[W_LAST] & 0xFFFF == ((1 - direction) << 8 | SEG_SYN) and w[W_LAST_WIN] >> 24 & SIDE_CHALLENGE:
            w[W_LAST_WIN] &= ~(SIDE_CHALLENGE << 24)
            return 1
        return 0

    def _reset(self, v, i, w, direction, old):
        """A RST: the state it leads to, or GO_INVALID. Sets ``unconditional`` where it counts without a look at the window."""
        self.unconditional = 1
        if old in (TCPS_FIN_WAIT, TCPS_LAST_ACK, TCPS_TIME_WAIT, TCPS_CLOSE, TCPS_CLOSE_WAIT):
            # The tuple may be in use anew, and what we know of it outdated.
            return TCPS_CLOSE
        self.unconditional = 0
        status = w[W_STATUS]
        last = w[W_LAST] & 0xFFFF
        receiver = side_at(w, 1 - direction)
        new = TCPS_CLOSE
        if receiver[SIDE_FLAGS] & SIDE_MAXACK_SET and last & 0xFF != SEG_SYN:
            expected = receiver[SIDE_MAXACK]
            established = old == TCPS_ESTABLISHED and status & STATUS_ASSURED
            # Most likely the answer to a SYN that was let through.
            if self.seq == 0 and not established:
                return TCPS_CLOSE
            if before(self.seq, expected) and not self.ignore_invalid_rst:
                v.reason[i] = REASON_TCP_RST_SEQ
                v.bound_low[i] = expected
                v.bound_high[i] = side_at(w, direction)[SIDE_MAXEND]
                v.seen[i] = self.seq
                return GO_INVALID
            if not established or self.seq == expected:
                return TCPS_CLOSE
            # Right behind this side's last segment.
            if last == (direction << 8 | SEG_ACK) and self.seq == w[W_LAST_END]:
                return TCPS_CLOSE
            # Not exact: the receiver may answer with a challenge ACK, so the connection stays.
            new = old
        if (
            (status & STATUS_SEEN_REPLY and last == ((1 - direction) << 8 | SEG_SYN))
            or (not status & STATUS_ASSURED and last & 0xFF == SEG_ACK)
        ) and self.ack == w[W_LAST_END]:
            # It answers a SYN, or the ACK of a half-open connection, that was let through.
            self.unconditional = 1
        elif old == TCPS_SYN_SENT and last == (DIR_REPLY << 8 | SEG_ACK) and self.seq == w[W_LAST_ACK]:
            # It answers a challenge ACK that was let through.
            self.unconditional = 1
        return new

    # The window -------------------------------------------------------------------------------------------------------------------

    def _window(self, b, v, i, w, direction, old):
        """Hold the segment against the window. TRACK_ACCEPT: in it, and noted; TRACK_LAST: let through without change; TRACK_INVALID."""
        s = side_at(w, direction)
        r = side_at(w, 1 - direction)
        if not r[SIDE_FLAGS] & SIDE_SACK_PERM:
            self.sack = self.ack
        if self._meet_sender(b, i, s, r, direction, old):
            return TRACK_ACCEPT
        receiver_end = r[SIDE_END]
        if not self.flags & TCP_ACK or (self.flags & TCP_RST and self.ack == 0):
            # No acknowledgement, or one that broken stacks put into a RST: as if it were right.
            self.ack = receiver_end
            self.sack = receiver_end
        if self.flags & TCP_RST and self.seq == 0 and old == TCPS_SYN_SENT:
            self.seq = s[SIDE_END]
            self.end = self.seq
        judged = self._bounds(v, i, s, r)
        if judged == TRACK_ACCEPT:
            self._note(b, i, w, s, r, direction)
        elif self.liberal or s[SIDE_FLAGS] & SIDE_LIBERAL:
            v.reason[i] = REASON_NONE
            return TRACK_ACCEPT
        return judged

    def _meet_sender(self, b, i, s, r, direction, old):
        """First sight of the sender, or a SYN that starts it anew. Returns 1 if there is nothing to judge."""
        if s[SIDE_MAXWIN] == 0:
            if self.flags & TCP_SYN:
                self._start_side(b, i, s, r, direction)
                # Simultaneous open.
                return not self.flags & TCP_ACK
            win = wrap(self.win << (s[SIDE_FLAGS] >> 8 & 0xFF))
            s[SIDE_END] = self.end
            s[SIDE_MAXWIN] = win if win else 1
            s[SIDE_MAXEND] = wrap(self.end + (win if win else 1))
            if r[SIDE_MAXWIN] == 0:
                # Nothing seen of the other side: let 3 and 4 hold.
                r[SIDE_END] = self.sack
                r[SIDE_MAXEND] = self.sack
            elif self.sack == wrap(r[SIDE_END] + 1):
                # Likely the answer to a keepalive.
                r[SIDE_END] = self.sack
        elif self.flags & TCP_SYN and after(self.end, s[SIDE_END]) and old in (TCPS_SYN_SENT, TCPS_SYN_RECV):
            self._start_side(b, i, s, r, direction)
            return direction == DIR_REPLY and not self.flags & TCP_ACK
        return 0

    def _start_side(self, b, i, s, r, direction):
        """A side's SYN. Windows are scaled only if both sides offer it (RFC 7323, section 2.2)."""
        s[SIDE_END] = self.end
        s[SIDE_MAXEND] = self.end
        s[SIDE_MAXWIN] = self.win if self.win else 1
        self._take_options(b, i, s)
        if self._scale_cut_off(b, i):
            s[SIDE_FLAGS] |= SIDE_SACK_PERM | SIDE_LIBERAL
            r[SIDE_FLAGS] |= SIDE_LIBERAL
        if direction == DIR_REPLY and not s[SIDE_FLAGS] & r[SIDE_FLAGS] & SIDE_WSCALE:
            s[SIDE_FLAGS] &= 0xFF
            r[SIDE_FLAGS] &= 0xFF

    def _bounds(self, v, i, s, r):
        """The four conditions. What failed is written with its numbers."""
        sender_end = s[SIDE_END]
        sender_max = s[SIDE_MAXEND]
        sender_win = s[SIDE_MAXWIN]
        receiver_end = r[SIDE_END]
        receiver_win = r[SIDE_MAXWIN]
        lowest_seq = wrap(sender_end - receiver_win)
        lowest_ack = wrap(receiver_end - (sender_win if sender_win > ACK_WINDOW else ACK_WINDOW))
        if not before(self.seq, wrap(sender_max + 1)):
            over = wrap(self.end - sender_max + 1)
            if (
                receiver_win
                and after(self.end, wrap(lowest_seq - 1))
                and after(self.sack, wrap(lowest_ack - 1))
                and over <= receiver_win
                and before(self.sack, wrap(receiver_end + 1))
            ):
                # Some stacks send a little more than they may. Its acknowledgement shall not look like one of unseen data.
                s[SIDE_END] = self.end
                s[SIDE_FLAGS] |= SIDE_UNACKED
                self._say(v, i, REASON_TCP_OVERSHOT, lowest_seq, sender_max, self.seq)
                return TRACK_LAST
            self._say(v, i, REASON_TCP_SEQ_OVER, lowest_seq, sender_max, self.seq)
            return TRACK_INVALID
        if not before(self.sack, wrap(receiver_end + 1)):
            self._say(v, i, REASON_TCP_ACK_OVER, lowest_ack, receiver_end, self.sack)
            return TRACK_INVALID
        if receiver_win and not after(self.end, wrap(lowest_seq - 1)):
            self._say(v, i, REASON_TCP_SEQ_UNDER, lowest_seq, sender_max, self.end)
            return TRACK_LAST
        if not after(self.sack, wrap(lowest_ack - 1)):
            self._say(v, i, REASON_TCP_ACK_UNDER, lowest_ack, receiver_end, self.sack)
            return TRACK_LAST
        return TRACK_ACCEPT

    def _say(self, v, i, reason, low, high, seen):
        """Write down which check failed, what was acceptable and what was seen."""
        v.reason[i] = reason
        v.bound_low[i] = low
        v.bound_high[i] = high
        v.seen[i] = seen

    def _note(self, b, i, w, s, r, direction):
        """A segment within the window: what it says of both sides."""
        sender_end = s[SIDE_END]
        sender_max = s[SIDE_MAXEND]
        flags = s[SIDE_FLAGS]
        win = self.win
        if not self.flags & TCP_SYN:
            win = wrap(win << (flags >> 8 & 0xFF))
        reach = wrap(win + self.sack - self.ack)
        s[SIDE_MAXWIN] = max(s[SIDE_MAXWIN], reach)
        if after(self.end, sender_end):
            s[SIDE_END] = self.end
            flags |= SIDE_UNACKED
        # Sent before, in whole or in part; what begins at the end of all that was sent is new.
        if before(self.seq, sender_end) and b.payload_len[i] > 1 and w[W_STATUS] & STATUS_CONFIRMED:
            bit = 1
            b.anomalies[i] |= bit << ANOM_RETRANSMISSION
        if self.flags & TCP_ACK and (not flags & SIDE_MAXACK_SET or after(self.ack, s[SIDE_MAXACK])):
            s[SIDE_MAXACK] = self.ack
            flags |= SIDE_MAXACK_SET
        s[SIDE_FLAGS] = flags
        if r[SIDE_MAXWIN] and after(self.end, sender_max):
            r[SIDE_MAXWIN] = wrap(r[SIDE_MAXWIN] + self.end - sender_max)
        if after(wrap(self.sack + win), wrap(r[SIDE_MAXEND] - 1)):
            r[SIDE_MAXEND] = wrap(self.sack + win + (1 if win == 0 else 0))
        if self.ack == r[SIDE_END]:
            r[SIDE_FLAGS] &= ~SIDE_UNACKED
        if self.kind == SEG_ACK:
            self._count_repetition(w, direction)

    def _count_repetition(self, w, direction):
        """Count how often one ACK segment came in a row: a retransmission that nobody answers."""
        last = w[W_LAST]
        last_win = w[W_LAST_WIN]
        if (
            last >> 8 & 1 == direction
            and w[W_LAST_SEQ] == self.seq
            and w[W_LAST_ACK] == self.ack
            and w[W_LAST_END] == self.end
            and last_win & 0xFFFF == self.win
        ):
            # Linux counts in eight bits.
            w[W_LAST] = last & 0xFFFF | ((last >> 16) + 1 & 0xFF) << 16
            return
        w[W_LAST] = direction << 8 | last & 0xFF
        w[W_LAST_SEQ] = self.seq
        w[W_LAST_ACK] = self.ack
        w[W_LAST_END] = self.end
        w[W_LAST_WIN] = last_win >> 16 << 16 | self.win

    # The change -------------------------------------------------------------------------------------------------------------------

    def _apply(self, w, direction, old, new, now):
        """A packet that counts: new state, time-out, status."""
        w[W_LAST] = w[W_LAST] >> 16 << 16 | direction << 8 | self.kind
        status = w[W_STATUS]
        status = status ^ (status & 0xF0000) | new << 16
        if old != new and new == TCPS_FIN_WAIT:
            side_at(w, direction)[SIDE_FLAGS] |= SIDE_CLOSE_INIT
        timeout = self._timeout(w, new)
        if not status & STATUS_SEEN_REPLY:
            if self.kind == SEG_RST:
                w[W_STATUS] = status
                return TRACK_LAST
            if self.kind == SEG_SYN and old == TCPS_SYN_SENT:
                # A SYN again: whoever uses the port anew shall not keep an old entry alive.
                w[W_STATUS] = status
                return TRACK_ACCEPT
            if new == TCPS_ESTABLISHED and timeout > self.timers[TIMER_TCP_UNACK]:
                timeout = self.timers[TIMER_TCP_UNACK]
        elif not status & STATUS_ASSURED and new == TCPS_ESTABLISHED and old in (TCPS_SYN_RECV, TCPS_ESTABLISHED):
            status |= STATUS_ASSURED
        w[W_STATUS] = status
        if not status & STATUS_FIXED_TIMEOUT:
            set_expires(w, now + timeout)
        return TRACK_ACCEPT

    def _timeout(self, w, new):
        """Time-out of a state: shorter where segments are repeated, unacknowledged, or the window is shut."""
        timeout = self.timers[new]
        limit = TIMER_TCP_UNACK
        if w[W_LAST] >> 16 >= self.max_retrans and timeout > self.timers[TIMER_TCP_RETRANS]:
            return self.timers[TIMER_TCP_RETRANS]
        if self.kind == SEG_RST and new == TCPS_ESTABLISHED:
            limit = TIMER_TCP_UNACK if self.rst_keeps_unacknowledged else TCPS_CLOSE
            if timeout > self.timers[limit]:
                return self.timers[limit]
        flags = side_at(w, DIR_ORIGINAL)[SIDE_FLAGS] | side_at(w, DIR_REPLY)[SIDE_FLAGS]
        if flags & SIDE_UNACKED and timeout > self.timers[TIMER_TCP_UNACK]:
            return self.timers[TIMER_TCP_UNACK]
        if w[W_LAST_WIN] & 0xFFFF == 0 and timeout > self.timers[TIMER_TCP_RETRANS]:
            return self.timers[TIMER_TCP_RETRANS]
        return timeout

    def close_by_reset(self, b, i, row, now):
        """A rule answered packet ``i`` with a RST: the connection is closed, unless Linux would send none (nf_reject_ipv4.c, …ipv6.c)."""
        w = words_at(self.table, row)
        status = w[W_STATUS]
        if b.proto[i] != PROTO_TCP or b.tcp_flags[i] & TCP_RST or status >> 16 & 15 == TCPS_CLOSE or self._unanswerable(b, i):
            return
        if b.l4_csum[i] == CSUM_BAD and b.path[i] != PATH_OUTPUT:
            return
        w[W_STATUS] = status ^ (status & 0xF0000) | TCPS_CLOSE << 16
        if not status & STATUS_FIXED_TIMEOUT:
            set_expires(w, now + self.timers[TCPS_CLOSE])

    def _unanswerable(self, b, i):
        """Whether nobody may be answered in the packet's place: to or from a group, or broadcast."""
        if b.l3[i] == 4:
            return b.dst_lo[i] >> 28 == 0xE or b.dst_lo[i] + 1 >> 32
        return b.dst_hi[i] >> 56 == 0xFF or b.src_hi[i] >> 56 == 0xFF

    def _shorten(self, w, direction, now):
        """A FIN or RST outside the window, from both sides: the connection may be dead, so its time-out need not be long."""
        status = w[W_STATUS]
        if not status & STATUS_ASSURED or status & STATUS_FIXED_TIMEOUT or self.kind not in (SEG_RST, SEG_FIN):
            return
        last = w[W_LAST]
        if last >> 8 & 1 != direction and last & 0xFF in (SEG_FIN, SEG_RST):
            left = expires_at(w) - now
            if left >= LONG_LEFT_NS and left > self.timers[TIMER_TCP_UNACK]:
                set_expires(w, now + self.timers[TIMER_TCP_UNACK])
        else:
            w[W_LAST] = last >> 16 << 16 | direction << 8 | self.kind
