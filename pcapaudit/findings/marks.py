"""The rows of a batch that detectors want to look at, sorted by class in one pass. Compiled.

Nearly all packets are of no interest to any detector: they are passed over after one look, and each detector gets the short list of rows
that may concern it. What is listed may still be claimed by another detector; lists are ascending.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch

# marks.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.core.consts import (
        ANOM_FRAGMENT_TINY,
        ANOM_RETRANSMISSION,
        ANOM_SAME_ENDPOINTS,
        ANOM_TIME_BACKWARDS,
        BATCH_FRAMES,
        CSUM_BAD,
        CSUM_OFFLOADED,
        CT_ESTABLISHED,
        CT_INVALID,
        CT_NEW,
        CT_RELATED,
        PATH_INPUT,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_TCP,
        PROTO_UDP,
        REASON_ICMP_NO_REQUEST,
        STATUS_ASSURED,
        TCP_ACK,
        TCP_FIN,
        TCP_RST,
        TCP_SYN,
        TCPS_CLOSE,
        TCPS_ESTABLISHED,
        TCPS_SYN_SENT2,
        TCPS_TIME_WAIT,
        VERDICT_DROP,
    )

    (REASONED, LATE, SUMS, STRAY, BOTH_SYN, FINS, CLOSED, YOUNG_UDP, DNS, LET_IN, UNINVITED, LAND) = range(12)
    (FRAGS, MARTIAN, OPENING, KEPT_RST, AGAIN, ERRORS, CONTROL, NEWCOMER, CLASSES) = range(12, 21)
    # Bits of reasons.
    OF_A_CONNECTION, UNREADABLE, UNSORTED = 1, 2, 4
    LOWEST_PORT = 1024
    PORT_DNS = 53

__all__ = ["NAMES", "Marks"]

_ONE = cython.declare(cython.ulonglong, 1)
_LATE = cython.declare(cython.ulonglong, _ONE << ANOM_TIME_BACKWARDS)
_LAND = cython.declare(cython.ulonglong, _ONE << ANOM_SAME_ENDPOINTS)
_AGAIN = cython.declare(cython.ulonglong, _ONE << ANOM_RETRANSMISSION)
_TINY = cython.declare(cython.ulonglong, _ONE << ANOM_FRAGMENT_TINY)
_ODD = cython.declare(cython.ulonglong, _LATE | _LAND | _AGAIN | _TINY)

#: Classes in the order of their numbers.
#: reasoned: has a reason. late, land: has that anomaly. sums: its transport checksum is unfinished or wrong.
#: stray: TCP of no connection that opens none. both_syn: a second SYN. fins: a FIN of a live connection.
#: closed: TCP of a closed connection, or of none. young_udp: between two high ports, the flow not settled.
#: dns: DNS of no connection. let_in: a SYN-ACK or echo reply of no connection that came in.
#: uninvited: from outside, of no connection, refused.
#: frags: a fragment. martian: an address that no packet on a network has, of no connection yet. opening: of no connection yet (only where
#: the topology knows links). kept_rst: a RST after which the connection lives. again: sent before. errors: an ICMP error about a flow.
#: control: payload from or to a port of a control channel. newcomer: begins a connection, new or related.
NAMES = (
    *("reasoned", "late", "sums", "stray", "both_syn", "fins", "closed", "young_udp", "dns", "let_in", "uninvited", "land"),
    *("frags", "martian", "opening", "kept_rst", "again", "errors", "control", "newcomer"),
)


_NONE = np.zeros(0, np.int64)


class Marks:
    """The lists of one batch, made anew by ``read``.

    ``zones`` are masks by interface index: inside, and outside. ``reasons`` are masks by reason: those that need a connection whose
    state the packet does not fit; those for which it is thrown away whatever it is part of, for who looks at closed connections, and for
    who sorts what came uninvited. ``has_links``: the topology tells zones by links, so that addresses may be in the wrong place.
    """

    def __init__(self, zones: tuple[Any, Any], reasons: tuple[Any, Any, Any], has_links: bool = False) -> None:
        inside, outside = zones
        of_a_connection, unreadable, unsorted = reasons
        #: Row numbers, a line a class; ``found`` says how many of each line count.
        self.rows = np.zeros((CLASSES, BATCH_FRAMES), np.int64)
        self.found = np.zeros(CLASSES, np.uint32)
        #: A bit for each class that has rows.
        self.live = 0
        #: Rows that are not ordinary.
        self._kept = memoryview(np.zeros(BATCH_FRAMES + 1, np.uint32))
        self._kept_count = 0
        self._odd = memoryview(bytearray(BATCH_FRAMES))
        bits = of_a_connection * np.uint8(OF_A_CONNECTION) | unreadable * np.uint8(UNREADABLE) | unsorted * np.uint8(UNSORTED)
        self._rows = memoryview(self.rows.ravel())
        self._found = memoryview(self.found)
        self._inside = memoryview(inside.view(np.uint8))
        self._outside = memoryview(outside.view(np.uint8))
        self._reasons = memoryview(bits)
        self._has_links = has_links
        #: A bit for each port that helpers read; ``watch`` sets them.
        self._control = memoryview(bytearray(8192))

    def watch(self, ports: Iterable[int]) -> None:
        """List what is said from and to these ports."""
        bits: Any = bytearray(8192)
        for port in ports:
            bits[port >> 3] |= 1 << (port & 7)
        self._control = memoryview(bits)

    def read(self, batch: PacketBatch, verdicts: VerdictBatch) -> dict[str, Any]:
        """The rows of each class, by name; they are good until the next call."""
        self._pass(batch, verdicts)
        marked = dict.fromkeys(NAMES, _NONE)
        for kind, count in enumerate(self.found.tolist()):
            if count:
                marked[NAMES[kind]] = self.rows[kind, :count]
        return marked

    def _pass(self, b, v):
        """Sift, and sort what is left."""
        with cython.nogil:
            for kind in range(CLASSES):
                self._found[kind] = 0
            self._sift(b, v)
            for k in range(self._kept_count):
                self._sort(b, v, self._kept[k])
            self.live = 0
            for kind in range(CLASSES):
                if self._found[kind]:
                    self.live |= 1 << kind

    def _sift(self, b, v):
        """Leave out the ordinary packets in the middle of connections: nearly all.

        Column by column and without a branch, so that the compiler takes sixteen packets at a time. CSUM_BAD is a bit of CSUM_OFFLOADED,
        and of no other.
        """
        count, odd, rows = b.count, self._odd, self._kept
        self._sift_bytes(odd, v.ct_state, b.tcp_flags, b.l4_csum, v.tcp_state, count)
        self._sift_words(odd, v.reason, b.frag, b.proto, v.ct_status, count)
        self._sift_rest(odd, b.anomalies, b.payload_len, b.sport, b.dport, count)
        kept = 0
        for i in range(count):
            rows[kept] = i
            kept += odd[i] != 0
        self._kept_count = kept

    def _sift_bytes(self, odd, state, flags, sums, tcp_state, count):
        for i in range(count):
            odd[i] = (state[i] ^ CT_ESTABLISHED) | flags[i] & (TCP_FIN | TCP_RST) | sums[i] & CSUM_BAD | (tcp_state[i] >= TCPS_TIME_WAIT)

    def _sift_words(self, odd, reason, frag, proto, status, count):
        for i in range(count):
            odd[i] |= ((reason[i] | frag[i]) != 0) | (proto[i] == PROTO_UDP) & ((status[i] & STATUS_ASSURED) == 0)

    def _sift_rest(self, odd, anomalies, size, sport, dport, count):
        control = self._control
        for i in range(count):
            said = control[dport[i] >> 3] >> (dport[i] & 7) | control[sport[i] >> 3] >> (sport[i] & 7)
            odd[i] |= (size[i] != 0) & said & 1 | ((anomalies[i] & _ODD) != 0)

    def _sort(self, b, v, i):
        """Put a row into its lists."""
        reason = v.reason[i]
        state = v.ct_state[i]
        flags = b.tcp_flags[i]
        sums = b.l4_csum[i]
        is_stray = False
        if b.payload_len[i] and self._is_control(b, i):
            self._mark(CONTROL, i)
        if reason:
            self._mark(REASONED, i)
        if b.anomalies[i] & _LATE:
            self._mark(LATE, i)
        if b.anomalies[i] & (_LAND | _AGAIN):
            self._mark(LAND if b.anomalies[i] & _LAND else AGAIN, i)
        if b.frag[i] or b.anomalies[i] & _TINY:
            self._mark(FRAGS, i)
        if sums in (CSUM_BAD, CSUM_OFFLOADED) and b.l3[i]:
            self._mark(SUMS, i)
        if state == CT_NEW or (state == CT_INVALID and (self._reasons[reason] & OF_A_CONNECTION) == 0):
            is_stray = b.proto[i] == PROTO_TCP and (flags & TCP_SYN) == 0
            if is_stray:
                self._mark(STRAY, i)
            self._homeless(b, v, i)
        if state in (CT_NEW, CT_RELATED) and b.proto[i] != PROTO_ICMP and b.proto[i] != PROTO_ICMPV6:
            self._mark(NEWCOMER, i)
        if v.tcp_state[i] == TCPS_SYN_SENT2:
            self._mark(BOTH_SYN, i)
        if (flags & TCP_RST) and state == CT_ESTABLISHED and v.tcp_state[i] == TCPS_ESTABLISHED and b.proto[i] == PROTO_TCP:
            self._mark(KEPT_RST, i)
        if state == CT_RELATED and (b.proto[i] == PROTO_ICMP or b.proto[i] == PROTO_ICMPV6):
            self._mark(ERRORS, i)
        if (flags & TCP_FIN) and state == CT_ESTABLISHED and 0 < v.tcp_state[i] < TCPS_TIME_WAIT:
            self._mark(FINS, i)
        over = is_stray or TCPS_TIME_WAIT <= v.tcp_state[i] <= TCPS_CLOSE or state == CT_INVALID
        if over and b.proto[i] == PROTO_TCP and (self._reasons[reason] & UNREADABLE) == 0:
            self._mark(CLOSED, i)
        unsettled = b.proto[i] == PROTO_UDP and state != CT_INVALID and (v.ct_status[i] & STATUS_ASSURED) == 0
        if unsettled and b.sport[i] >= LOWEST_PORT and b.dport[i] >= LOWEST_PORT:
            self._mark(YOUNG_UDP, i)

    def _is_control(self, b, i):
        """Whether one of the ports is that of a control channel."""
        return self._control[b.dport[i] >> 3] >> (b.dport[i] & 7) & 1 or self._control[b.sport[i] >> 3] >> (b.sport[i] & 7) & 1

    def _homeless(self, b, v, i):
        """A packet that no connection had."""
        if self._is_martian(b, i):
            self._mark(MARTIAN, i)
        if self._has_links:
            self._mark(OPENING, i)
        if b.proto[i] == PROTO_UDP and (b.sport[i] == PORT_DNS or b.dport[i] == PORT_DNS):
            self._mark(DNS, i)
        entering = self._outside[b.iif[i]] != 0
        inwards = self._inside[b.oif[i]] != 0 or b.path[i] == PATH_INPUT
        if not (entering and inwards):
            return
        if v.verdict[i] >= VERDICT_DROP:
            if (self._reasons[v.reason[i]] & UNSORTED) == 0:
                self._mark(UNINVITED, i)
        elif v.reason[i] == REASON_ICMP_NO_REQUEST or (
            b.proto[i] == PROTO_TCP and (b.tcp_flags[i] & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)
        ):
            self._mark(LET_IN, i)

    def _is_martian(self, b, i):
        """Whether an address has no business on a network (RFC 6890): the sharper look is the detector's."""
        if b.l3[i] == 4:
            source = b.src_lo[i] >> 24 & 0xFF
            target = b.dst_lo[i] >> 24 & 0xFF
            return source in (0, 127) or source >= 224 or target in (0, 127) or target >= 240
        if b.l3[i] == 6:
            return b.src_hi[i] >> 56 == 0xFF or b.src_hi[i] == 0 or b.dst_hi[i] == 0
        return False

    def _mark(self, kind, i):
        self._rows[kind * BATCH_FRAMES + self._found[kind]] = i
        self._found[kind] += 1
