"""Packets whose source address does not belong to the side they come from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Distinct, Pool
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation
from pcapaudit.replay.segments import NOWHERE, ZONE_BITS, segments

__all__ = ["SpoofedSource"]

#: Rows of a batch that are looked at one by one.
MAX_ROWS_A_BATCH = 512
#: Senders counted.
MAX_SENDERS = 20_000

INWARD, OUTWARD = "inside-address-from-outside", "foreign-address-from-inside"


class SpoofedSource:
    """Packets that come from a side to which their source address does not belong.

    ## What it does
    Compares the zone that a first packet's source address belongs to (the longest prefix of the topology) with the zone whose link it came
    in by (VLAN, capture interface or MAC address of the topology file): an inside address that comes from outside, and an address from
    elsewhere that comes from inside. Without links in the topology a capture cannot show it, and nothing is reported.

    ## Why it matters
    From outside it is somebody who wants to be taken for a host that rules trust. From inside it is a host that takes part in floods
    with forged senders, or a network that routing does not know. Reverse path filtering holds both off.

    ## Example
    On VLAN 30 of the guests, a SYN from 203.0.113.9, which lies behind the uplink.

    ## Source
    RFC 2827 and RFC 3704 (ingress filtering); RFC 6092 REC-5 and REC-6.
    """

    code: ClassVar[str] = "spoofed-source"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("opening",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._tables: dict[int, tuple[list[int], list[int]]] = {}
        if scene.has_links:
            for version in (4, 6):
                ranges = segments(scene.context.topology, version)
                self._tables[version] = [start for start, _ in ranges], [code & ZONE_BITS for _, code in ranges]
        pool = Pool(MAX_SENDERS)
        self._causes = {way: Cause() for way in (INWARD, OUTWARD)}
        self._senders = {way: Distinct(pool) for way in (INWARD, OUTWARD)}
        self._unread = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Look where first packets come from."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["opening"]
        if not len(rows):
            return
        rows = rows[~view.claimed[rows] & (self._scene.inside[view["iif"][rows]] | self._scene.outside[view["iif"][rows]])]
        self._unread += max(0, len(rows) - MAX_ROWS_A_BATCH)
        ways = [self._way(view, row) for row in rows[:MAX_ROWS_A_BATCH].tolist()]
        for way, cause in self._causes.items():
            some = rows[:MAX_ROWS_A_BATCH][np.array([each == way for each in ways], np.bool_)]
            if len(some):
                view.claimed[some] = True
                cause.add(view, some)
                self._senders[way].update(view["src_hi"][some] ^ view["src_lo"][some])

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for each way."""
        return [self._violation(way, cause) for way, cause in self._causes.items() if cause.count]

    def _way(self, view: View, row: int) -> str:
        """Which way a packet's source is forged; empty if it is not."""
        high, low, version = int(view["src_hi"][row]), int(view["src_lo"][row]), int(view["l3"][row])
        if version not in self._tables or _is_local(high, low, version):
            return ""
        starts, zones = self._tables[version]
        zone = zones[bisect_right(starts, high << 64 | low) - 1]
        into = int(view["iif"][row])
        if zone == into:
            return ""
        owned = zone != NOWHERE and bool(self._scene.inside[zone])
        if owned and self._scene.outside[into]:
            return INWARD
        return OUTWARD if not owned and self._scene.inside[into] else ""

    def _violation(self, way: str, cause: Cause) -> Violation:
        senders, first = self._senders[way], cause.first
        inward = way == INWARD
        kind = Kind(
            self.code,
            Severity.HIGH if inward and cause.accepted else Severity.MEDIUM,
            "RFC 2827; RFC 3704; RFC 6092 REC-5, REC-6",
            "Reverse path filtering at this interface: rp_filter=1, or 'fib saddr . iif oif missing drop' in prerouting. "
            "If the network is real, tell the topology file (and routing) where it lies.",
        )
        what = "an inside address came from outside" if inward else "an address from elsewhere came from inside"
        more = f"; {self._unread} first packets were too many to be looked at" if self._unread else ""
        message = (
            f"{plural(cause.count, 'packet')} with {what}, from {senders.text} senders, the first from {first['source']} to "
            f"{first['destination']}; {cause.fate}{more}."
        )
        return cause.violation(kind, message, kind=way, senders=len(senders), more_senders=senders.full, not_looked_at=self._unread)


def _is_local(high: int, low: int, version: int) -> bool:
    """Addresses that every link has: unspecified, link-local, and those that ``martian`` looks at."""
    if version == 4:
        return low >> 24 in {0, 127} or low >> 16 == 0xA9FE or low >> 24 >= 224
    return high >> 54 == 0xFE80 >> 6 or high == 0 or high >> 56 == 0xFF
