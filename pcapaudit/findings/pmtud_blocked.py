"""Path MTU messages that the rules refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["PmtudBlocked"]

MAX_SENDERS = 256
_UNREACHABLE, _NEEDS_FRAGMENTING, _TOO_BIG = 3, 4, 2


class PmtudBlocked:
    """Messages that packets are too long for the path, about a known flow and refused.

    ## What it does
    Counts ICMP type 3 code 4 and ICMPv6 type 2 messages that belong to a known flow (ct state related) and that the rules refuse.

    ## Why it matters
    A sender that does not hear that its packets are too long sends them again and again: small things work, downloads hang (a path MTU
    black hole). IPv6 routers never fragment, so there nothing else helps.

    ## Example
    `captures/path-mtu.pcap` with a ruleset that accepts established connections only.

    ## Source
    RFC 1191; RFC 8201 section 4; RFC 2923 section 2.1; RFC 4890 section 4.3.1.
    """

    code: ClassVar[str] = "pmtud-blocked"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("errors",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By router.
        self._groups: Groups[str, Cause] = Groups(MAX_SENDERS, Cause)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect them by sender."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["errors"]
        if len(rows):
            rows = rows[view.refused(rows) & ~view.claimed[rows]]
        if not len(rows):
            return
        four = (view["proto"][rows] == consts.PROTO_ICMP) & (view["icmp_type"][rows] == _UNREACHABLE)
        four &= view["icmp_code"][rows] == _NEEDS_FRAGMENTING
        six = (view["proto"][rows] == consts.PROTO_ICMPV6) & (view["icmp_type"][rows] == _TOO_BIG)
        for row in rows[four | six].tolist():
            view.claimed[row] = True
            cause = self._groups.at(view.address(row, "src"))
            if cause is not None:
                cause.add(view, np.array([row]))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a router."""
        kind = Kind(
            self.code,
            self.severity,
            "RFC 1191; RFC 8201 section 4; RFC 4890 section 4.3.1",
            "Accept ct state related before anything is dropped, or at least: icmp type destination-unreachable accept; "
            "icmpv6 type packet-too-big accept.",
        )
        found = []
        for router, cause in self._groups.items():
            message = (
                f"{plural(cause.count, 'path MTU message')} of {router} about known flows refused, the first to "
                f"{cause.first['destination']}: its packets are too long and it will not hear of it."
            )
            found.append(cause.violation(kind, message, router=router))
        return found
