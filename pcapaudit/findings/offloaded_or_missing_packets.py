"""Connections of which some packets passed unseen: in hardware, on another path, or lost by the capture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.groups import Groups, split
from pcapaudit.findings.scene import Scene, View, sides_of
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["OffloadedOrMissingPackets"]

#: Connections remembered.
MAX_FLOWS = 2048
#: Connections that get a finding each; more become one finding.
SINGLE_FLOWS = 3
#: Different numbers remembered of one connection and side.
MAX_NUMBERS = 8

_ACK, _SEQ = consts.REASON_TCP_ACK_OVER, consts.REASON_TCP_SEQ_OVER


class _Hole(Cause):
    """Packets of one connection that tell of unseen ones."""

    __slots__ = ("acked", "beyond", "ends", "is_long", "unseen")

    def __init__(self) -> None:
        super().__init__()
        #: By side of the sender (``sides_of``): acknowledgements of unseen data, as different numbers, and packets beyond the window.
        self.acked: tuple[set[int], set[int]] = (set(), set())
        self.beyond = [0, 0]
        #: Bytes acknowledged and not seen, at most.
        self.unseen = 0
        #: Whether a packet is longer than any link's: segments joined by a card.
        self.is_long = False
        #: (who acknowledges, whose data), of the first acknowledgement.
        self.ends = ("", "")

    @property
    def is_one(self) -> bool:
        """Whether both sides agree that there was more, or one says so again and again."""
        return any(len(self.acked[side]) >= 2 or (self.acked[side] and self.beyond[1 - side]) for side in (0, 1))


class OffloadedOrMissingPackets:
    """TCP connections whose ends speak of data that nobody saw pass here.

    ## What it does
    Joins, by connection, acknowledgements of data that was not seen (over the upper bound) with data beyond the window from the other
    side. Where they tell one story, packets took another way, and the connection is reported here instead of as `tcp-out-of-window`.

    ## Why it matters
    With hardware or flow offload the connection's packets leave the path of the firewall, and those that come back to it look invalid and
    are dropped: downloads stall, "although the rule says accept". The same picture is made by a second path, and by a capture that lost
    frames; then the firewall on the wire may have seen everything.

    ## Example
    A flow table in a router's switch carries a download, its last packets and the FIN come to the processor again.

    ## Source
    Linux Documentation/networking/nf_flowtable; nf_conntrack_proto_tcp.c: ACK is over the upper bound (ACKed data not seen yet).
    """

    code: ClassVar[str] = "offloaded-or-missing-packets"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("reasoned",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._holes: Groups[int, _Hole] = Groups(MAX_FLOWS, _Hole)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect what speaks of unseen packets."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["reasoned"]
        if len(rows):
            reasons = view["reason"][rows]
            rows = rows[((reasons == _ACK) | (reasons == _SEQ)) & ~view.claimed[rows]]
        if not len(rows):
            return
        flows = view["flow"][rows].astype(np.uint64)
        parts, rest = split(flows, 128, 32)
        self._holes.missed += len(rest)
        for at in parts:
            hole = self._holes.at(int(flows[at[0]]), len(at)) if flows[at[0]] else None
            if hole is not None:
                _add(hole, view, rows[at])

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a connection, or one for all when there are many."""
        found = {flow: hole for flow, hole in self._holes.items() if hole.is_one and flow not in self._scene.attacked}
        self._scene.holed.update(found)
        holes = list(found.values())
        if len(holes) <= SINGLE_FLOWS:
            return [self._violation(hole, "1 connection", [hole]) for hole in holes]
        total = merge(holes, _Hole)
        total.ends, total.unseen = holes[0].ends, max(hole.unseen for hole in holes)
        return [self._violation(total, f"{len(holes)} connections", holes)]

    def _violation(self, hole: _Hole, what: str, holes: list[_Hole]) -> Violation:
        refused = hole.count - hole.accepted
        many = refused >= self._scene.threshold(self.code, "refused")
        kind = Kind(
            self.code,
            Severity.MEDIUM if many else Severity.LOW,
            "Linux nf_flowtable; nf_conntrack_proto_tcp.c: ACKed data not seen yet",
            "Capture with offload off (ethtool -K IFACE gro off lro off; no flowtable, no hardware offload) and compare; look for a "
            "second path, and for frames that the capture dropped. nf_conntrack_tcp_be_liberal=1 lets such packets through.",
        )
        long = "; some packets are longer than the link allows: the card had joined segments" if any(each.is_long for each in holes) else ""
        missed = f"; {self._holes.missed} packets of further connections are not told apart" if self._holes.missed else ""
        message = (
            f"{what} tell of packets that did not pass here, the first when {hole.ends[0]} acknowledged {hole.unseen} unseen bytes of "
            f"{hole.ends[1]}: {plural(hole.count, 'packet')} did not fit, {refused} refused{long}{missed}."
        )
        return hole.violation(
            kind,
            message if len(holes) > 1 else message.replace(" tell ", " tells ", 1),
            connections=len(holes),
            unseen_bytes=hole.unseen,
            acknowledgements=sum(len(side) for each in holes for side in each.acked),
            beyond_the_window=sum(sum(each.beyond) for each in holes),
            long_packets=any(each.is_long for each in holes),
            not_told_apart=self._holes.missed,
        )


def _add(hole: _Hole, view: View, rows: Any) -> None:
    hole.add(view, rows)
    hole.is_long |= bool((view["ip_len"][rows] > 1500).any())
    reasons, sides = view["reason"][rows], sides_of(view, rows)
    for side in (0, 1):
        acks = rows[(reasons == _ACK) & (sides == side)]
        hole.beyond[side] += int(np.count_nonzero((reasons == _SEQ) & (sides == side)))
        if not len(acks):
            continue
        if not hole.ends[0]:
            hole.ends = view.source(int(acks[0])), view.destination(int(acks[0]))
        unseen = view["seen"][acks] - view["bound_high"][acks]
        hole.unseen = max(hole.unseen, int(unseen.max()))
        room = MAX_NUMBERS - len(hole.acked[side])
        if room > 0:
            hole.acked[side].update(view["seen"][acks][:room].tolist())
