"""TCP connections that the firewall took up in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import TCP_SYN
from pcapaudit.findings.causes import plural
from pcapaudit.findings.scene import Scene, flow_ends
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["MidStreamPickup"]

#: What is picked up this soon after the start of the capture was simply there before.
START_NS = 60_000_000_000


_ADVICE = {
    "capture-start": (
        "Begin the capture earlier if these connections matter. --sysctl nf_conntrack_tcp_loose=0 shows what would happen without."
    ),
    "later": (
        "Look for a restart, a second firewall that took over, or a path that the SYN did not take. To accept only what begins with a SYN: "
        "tcp flags & (fin | syn | rst | ack) == syn beside ct state new."
    ),
}


class MidStreamPickup:
    """TCP connections taken up in the middle.

    ## What it does
    Counts connections that began, for the firewall, with a packet other than a SYN and were let through: those in the first minute of
    the capture, which were there before it, and those that appear later.

    ## Why it matters
    Linux takes such packets for NEW (nf_conntrack_tcp_loose=1): a rule that accepts new connections accepts them too, without a handshake,
    with unknown window scaling, and with the sides perhaps exchanged. Later in a capture they mean that an entry was lost (time-out,
    restart, a second firewall taking over) or that the SYN took another path.

    ## Example
    `captures/tcp-midstream.pcap`: connections of which the capture shows no beginning.

    ## Source
    Linux nf_conntrack-sysctl, nf_conntrack_tcp_loose; RFC 6092 REC-32.
    """

    code: ClassVar[str] = "mid-stream-pickup"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups = {"capture-start": _Group(), "later": _Group()}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not, but when the capture begins."""
        self._scene.view(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """Count connections whose opener never sent a SYN. Those whose SYN was refused, or whose entry had timed out, are explained."""
        flows = self._scene.flows(rows)
        middle = flows.tcp[(flows.opener_flags[flows.tcp] & TCP_SYN) == 0]
        if len(middle):
            middle = middle[(rows["blocked"][middle] == 0) & (rows["accepted"][middle] > 0) & (rows["blocked_before"][middle] == 0)]
        if len(middle):
            middle = middle[~np.isin(rows["flow"][middle], sorted(self._scene.continued))]
        if not len(middle):
            return
        early = rows["first_ns"][middle] - np.int64(self._scene.start_ns or 0) < START_NS
        for name, some in (("capture-start", middle[early]), ("later", middle[~early])):
            if len(some):
                self._groups[name].add(rows[some])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for the start of the capture, one for later."""
        return [self._violation(name, group) for name, group in self._groups.items() if group.count]

    def _violation(self, name: str, group: _Group) -> Violation:
        what = "they were there before the capture began" if name == "capture-start" else "they appeared later without a SYN"
        first = {"frame": group.first_frame, "source": group.source, "destination": group.destination}
        return Violation(
            code=self.code,
            severity=Severity.INFO if name == "capture-start" else Severity.LOW,
            flow=group.flow,
            first_frame=group.first_frame,
            last_frame=group.last_frame,
            count=group.count,
            message=(
                f"{plural(group.count, 'connection')} taken up in the middle: {what}; the first {group.source} to {group.destination}."
            ),
            evidence={"kind": name, "connections": group.count, "one_way": group.one_way, "first": first},
            source="Linux nf_conntrack_tcp_loose; RFC 6092 REC-32",
            advice=_ADVICE[name],
        )


class _Group:
    """Connections taken up in the middle, and the first of them."""

    __slots__ = ("count", "destination", "first_frame", "flow", "last_frame", "one_way", "source")

    def __init__(self) -> None:
        self.count = 0
        #: Those of which one direction only was seen.
        self.one_way = 0
        self.flow = 0
        self.first_frame = 0
        self.last_frame = 0
        self.source = ""
        self.destination = ""

    def add(self, rows: Any) -> None:
        """Add flows."""
        self.count += len(rows)
        self.one_way += int(np.count_nonzero(rows["packets"][:, 1] == 0))
        self.last_frame = max(self.last_frame, int(rows["first_frame"].max()))
        first = rows[int(rows["first_frame"].argmin())]
        if not self.flow or int(first["first_frame"]) < self.first_frame:
            self.flow, self.first_frame = int(first["flow"]), int(first["first_frame"])
            self.source, self.destination = flow_ends(first)
