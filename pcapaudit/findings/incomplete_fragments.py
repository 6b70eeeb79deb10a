"""Datagrams of which some fragments never came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import (
    ANOM_FRAGMENT_LIMIT,
    ANOM_FRAGMENT_OVERLAP,
    REASON_FRAGMENT_DROPPED,
    REASON_FRAGMENT_OPEN,
    REASON_FRAGMENT_QUEUED,
    REASON_FRAGMENT_TIMEOUT,
)
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["IncompleteFragments"]

#: Datagrams that wait at once, and rows of a batch that are looked at one by one.
MAX_DATAGRAMS = 4096
MAX_ROWS_A_BATCH = 1024
#: So long Linux waits for the rest (IPv4; IPv6 takes twice as long), and so long before the end of a capture it may still come.
WAIT_NS = 30_000_000_000
LATE_NS = 2_000_000_000

_MIX = np.uint64(0x9E3779B97F4A7C15)
_OFFSET, _MORE = 0x1FFF, 0x8000
#: What the rows of fragments say whose datagram is not whole.
_WAITING = (REASON_FRAGMENT_QUEUED, REASON_FRAGMENT_TIMEOUT, REASON_FRAGMENT_OPEN)
_OVERLAP, _LIMIT = 1 << ANOM_FRAGMENT_OVERLAP, 1 << ANOM_FRAGMENT_LIMIT


class _Datagram(Cause):
    """A datagram's fragments."""

    __slots__ = ("has_first", "has_last", "is_refused")

    def __init__(self) -> None:
        super().__init__()
        self.has_first = False
        self.has_last = False
        #: Thrown away: what still comes of it waits in vain, and is no loss.
        self.is_refused = False


class IncompleteFragments:
    """Datagrams that stayed incomplete.

    ## What it does
    Follows fragments until their datagram is whole, and counts the datagrams that never were: with how many lacked their first and how
    many their last fragment. A datagram thrown away for another reason (`fragment-overlap`) is none, nor is one
    whose rest may have come after the end of the capture.

    ## Why it matters
    The firewall held these until a timer fired and delivered nothing. Few are loss, or a capture filter on ports, which never matches
    the later fragments. Many, with ever new identifications, are a flood that fills the memory for reassembly.

    ## Example
    A large DNS answer whose second fragment a router on the way drops: the resolver asks again over TCP, or not at all.

    ## Source
    Linux ipfrag_time (30 s), nf_conntrack_frag6_timeout (60 s); RFC 791 section 3.2; RFC 8900.
    """

    code: ClassVar[str] = "incomplete-fragments"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("frags",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._waiting: Groups[int, _Datagram] = Groups(MAX_DATAGRAMS, _Datagram)
        self._over = _Datagram()
        self._count = self._without_first = self._without_last = 0
        self._unread = 0
        #: Fragments that the engine, as Linux, had no memory for.
        self._homeless = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Follow the fragments."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["frags"]
        if not len(rows):
            return
        rows = rows[view["frag"][rows] != 0]
        self._unread += max(0, len(rows) - MAX_ROWS_A_BATCH)
        keys = np.zeros(len(rows), np.uint64)
        for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "ip_id", "proto"):
            keys = (keys ^ view[name][rows].astype(np.uint64)) * _MIX
        for row, key in zip(rows[:MAX_ROWS_A_BATCH].tolist(), keys.tolist(), strict=False):
            self._take(view, row, key)

    def on_flows(self, rows: Any) -> None:
        """Flows know whole datagrams only."""

    def on_end(self) -> None:
        """What still waits stays incomplete."""
        for datagram in list(self._waiting.values()):
            if (self._scene.reached_ns or 0) - datagram.last_ns > LATE_NS:
                self._close(datagram)

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        if not self._count:
            return []
        flood = self._count >= self._scene.threshold(self.code, "datagrams")
        kind = Kind(
            self.code,
            Severity.MEDIUM if flood else Severity.LOW,
            "Linux ipfrag_time; RFC 791 section 3.2; RFC 8900",
            "If the capture filter names ports, it cannot match later fragments: add 'or (ip[6:2] & 0x1fff != 0)'. Else look for loss or a "
            "device that drops fragments; senders should use smaller datagrams (DNS: 1232 bytes).",
        )
        first = self._over.first
        counts = ((self._without_first, "the first"), (self._without_last, "the last"))
        lacks = ", ".join(f"{count} without {what}" for count, what in counts if count)
        left = self._waiting.missed + self._unread
        room = f"; {plural(self._homeless, 'fragment')} found the memory for reassembly full" if self._homeless else ""
        more = f"{room}; {left} further fragments were too many to be followed" if left else room
        message = (
            f"{plural(self._count, 'datagram')} never became whole{f' ({lacks})' if lacks else ''}, the first from {first['source']} to "
            f"{first['destination']} in frame {first['frame']}{more}."
        )
        evidence = {"datagrams": self._count, "without_first": self._without_first, "without_last": self._without_last}
        return [self._over.violation(kind, message, **evidence, refused_for_room=self._homeless, not_followed=left)]

    def _take(self, view: View, row: int, key: int) -> None:
        reason, now = int(view["reason"][row]), int(view["ts_ns"][row])
        datagram = self._waiting.get(key)
        if datagram is not None and now - datagram.first_ns > WAIT_NS * (1 if view["l3"][row] == 4 else 2):
            self._close(datagram)
            self._waiting.drop(key)
        anomalies = int(view["anomalies"][row])
        if anomalies & _LIMIT:
            self._homeless += 1
            return
        if reason not in _WAITING and not anomalies & _OVERLAP:
            # The fragments of a whole datagram have its verdict; one that is refused, as a duplicate is, changes nothing.
            if reason != REASON_FRAGMENT_DROPPED:
                self._waiting.drop(key)
            return
        if len(self._waiting) >= MAX_DATAGRAMS:
            self._expire(now)
        datagram = self._waiting.at(key)
        if datagram is not None:
            datagram.add(view, np.array([row]))
            datagram.is_refused |= bool(anomalies & _OVERLAP)
            field = int(view["frag"][row])
            datagram.has_first |= not field & _OFFSET
            datagram.has_last |= not field & _MORE

    def _expire(self, now: int) -> None:
        """Make room."""
        for key, datagram in list(self._waiting.items()):
            if now - datagram.first_ns > WAIT_NS:
                self._close(datagram)
                self._waiting.drop(key)

    def _close(self, datagram: _Datagram) -> None:
        """Count a datagram whose time is over."""
        if datagram.is_refused:
            return
        self._count += 1
        self._without_first += not datagram.has_first
        self._without_last += not datagram.has_last
        self._over = merge([self._over, datagram], _Datagram) if self._over.count else datagram
