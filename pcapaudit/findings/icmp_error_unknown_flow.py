"""ICMP errors that quote a packet of no known connection, or that went to the wrong host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.groups import Groups, split
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["IcmpErrorUnknownFlow"]

#: Senders remembered apart.
MAX_SENDERS = 256

_FAULTS = {
    consts.REASON_ICMP_QUOTE_UNKNOWN: "a packet of no known connection",
    consts.REASON_ICMP_QUOTE_MISMATCH: "a packet of another host than the one it was sent to",
    consts.REASON_ICMP_QUOTE_SHORT: "too little of a packet to say which",
}
_WANTED = np.zeros(0x10000, np.bool_)
_WANTED[list(_FAULTS)] = True


class IcmpErrorUnknownFlow:
    """ICMP errors about no connection that the firewall knows.

    ## What it does
    Counts ICMP and ICMPv6 errors from outside to inside that conntrack calls invalid: because the quoted packet belongs to no
    connection in the table, because the error was sent to another host than the sender of the quoted packet, or because too little is
    quoted.

    ## Why it matters
    An error about a known connection is RELATED and let through; these are not, and they are what a blind attacker sends to slow
    down or reset connections (RFC 5927). They also show tunnels, NAT and asymmetric routes that hide the real packet from the
    firewall, and then "fragmentation needed" is lost and connections hang.

    ## Example
    `captures/icmp-errors.pcap`: errors about a known flow, to the wrong host, about nothing known, quoting too little.

    ## Source
    Linux nf_conntrack_proto_icmp.c; RFC 5508 section 4; RFC 5927.
    """

    code: ClassVar[str] = "icmp-error-unknown-flow"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("reasoned",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By reason and sender.
        self._groups: Groups[tuple[int, str], Cause] = Groups(MAX_SENDERS, Cause)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect them by reason and sender."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["reasoned"]
        if len(rows):
            rows = rows[_WANTED[view["reason"][rows]]]
        if len(rows):
            rows = rows[view.inbound(rows) & view.to_inside(rows) & ~view.claimed[rows]]
        if not len(rows):
            return
        view.claimed[rows] = True
        reasons = view["reason"][rows]
        parts, rest = split((view["src_hi"][rows] ^ view["src_lo"][rows]) << np.uint64(8) | reasons, 64)
        for at in parts:
            first = int(at[0])
            cause = self._groups.at((int(reasons[first]), view.address(int(rows[first]), "src")), len(at))
            if cause is not None:
                cause.add(view, rows[at])
        self._groups.missed += len(rest)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a fault."""
        kind = Kind(
            self.code,
            self.severity,
            "Linux nf_conntrack_proto_icmp.c; RFC 5508 section 4; RFC 5927",
            "Dropping them is right unless the quoted connection is yours: then look for the path on which its packets pass the firewall "
            "by, or for a tunnel whose inner packets are quoted.",
        )
        found = []
        for reason, fault in _FAULTS.items():
            causes = {sender: cause for (each, sender), cause in self._groups.items() if each == reason}
            if not causes:
                continue
            total = merge(list(causes.values()))
            who = next(iter(causes)) if len(causes) == 1 else f"{len(causes)} hosts"
            example = f"the first to {total.first['destination']}"
            message = f"{who} sent {plural(total.count, 'ICMP error')} about {fault}, {example}; {total.fate}."
            found.append(total.violation(kind, message, fault=fault, senders=sorted(causes)[:20], not_told_apart=self._groups.missed))
        return found
