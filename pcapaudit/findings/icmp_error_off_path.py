"""ICMP errors about TCP segments that are not on their way."""

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

__all__ = ["IcmpErrorOffPath"]

MAX_SENDERS = 256


class IcmpErrorOffPath:
    """ICMP errors that quote a TCP sequence number outside of what is on its way.

    ## What it does
    Counts ICMP and ICMPv6 errors about a known TCP connection whose quoted segment was never sent, or was acknowledged more than a window
    ago.

    ## Why it matters
    Routers quote what they could not deliver. Who quotes a segment that is not on its way did not see it: a blind attacker, who wants to
    reset the connection or shrink its path MTU. Linux's conntrack does not look at the number and calls the error RELATED; the ruleset
    lets it through, and the host behind has to check.

    ## Example
    A "destination unreachable" about a web connection, with sequence number 0.

    ## Source
    RFC 5927 section 4.1; Linux nf_conntrack_proto_icmp.c.
    """

    code: ClassVar[str] = "icmp-error-off-path"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("errors",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups: Groups[str, Cause] = Groups(MAX_SENDERS, Cause)
        self._bounds: dict[str, tuple[int, int, int]] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect them by sender."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["errors"]
        if len(rows):
            rows = rows[view["reason"][rows] == consts.REASON_ICMP_OFF_PATH]
        for row in rows.tolist():
            view.claimed[row] = True
            sender = view.address(row, "src")
            cause = self._groups.at(sender)
            if cause is not None:
                cause.add(view, np.array([row]))
                self._bounds.setdefault(sender, (int(view["bound_low"][row]), int(view["bound_high"][row]), int(view["seen"][row])))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a sender."""
        kind = Kind(
            self.code,
            self.severity,
            "RFC 5927 section 4.1; Linux nf_conntrack_proto_icmp.c",
            "Hosts should check the quoted number (RFC 5927; Linux does for hard errors). At the firewall, rate limit ICMP errors from "
            "outside.",
        )
        found = []
        for sender, cause in self._groups.items():
            low, high, seen = self._bounds[sender]
            message = (
                f"{sender} sent {plural(cause.count, 'ICMP error')} about TCP segments that are not on their way, the first to "
                f"{cause.first['destination']}: sequence number {seen}, expected {low} to {high}; {cause.fate}."
            )
            found.append(cause.violation(kind, message, sender=sender, seq_low=low, seq_high=high, seq_seen=seen))
        return found
