"""TCP connections of which one direction only is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import TCP_ACK, TCP_RST, TCP_SYN
from pcapaudit.findings.causes import plural
from pcapaudit.findings.scene import Scene, flow_ends
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["AsymmetricCapture"]

#: What hosts send to a forged sender, again and again: SYN-ACKs, RSTs, and nothing else.
_BACKSCATTER = (TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_SYN | TCP_RST | TCP_ACK)
#: Bytes of the longest packet without data: headers with all their options.
_MOST_HEADERS = 120


class AsymmetricCapture:
    """TCP connections of which the capture shows one direction only.

    ## What it does
    Compares the TCP connections with acknowledgements from one side and nothing from the other, by direction, with those seen whole.
    It reports them when they are at least a fifth. SYN-ACKs and RSTs alone do not count: they answer a forged sender (backscatter).

    ## Why it matters
    An acknowledgement answers something: the other direction exists and takes another path, or the capture point or filter missed it. A
    stateful firewall at this place sees half of each connection, calls the rest invalid, and drops it.

    ## Example
    A mirror port that copies received frames only; two routers of which one carries the way back.

    ## Source
    RFC 6092 section 3.3; Linux nf_conntrack: a SYN-ACK without its SYN is invalid.
    """

    code: ClassVar[str] = "asymmetric-capture"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._whole = 0
        self._inbound = 0
        self._outbound = 0
        self._other = 0
        self._refused = 0
        self._last_frame = 0
        self._first: Any = None

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count the connections by what was seen of them."""
        flows = self._scene.flows(rows)
        tcp = flows.tcp
        if not len(tcp):
            return
        tcp = tcp[flows.sent[tcp] >= self._scene.threshold(self.code, "packets")]
        answered = flows.answered[tcp]
        self._whole += int(np.count_nonzero(answered))
        half = tcp[~answered & ((flows.opener_flags[tcp] & TCP_ACK) != 0)]
        # What comes after a time-out often comes from one side only.
        if not len(half):
            return
        half = half[~np.isin(rows["flow"][half], sorted(self._scene.continued))]
        if not len(half):
            return
        scattered = np.isin(rows["tcp_flags"][half, 0], _BACKSCATTER)
        scattered &= rows["bytes"][half, 0] <= rows["packets"][half, 0] * np.uint64(_MOST_HEADERS)
        half = half[~scattered]
        if not len(half):
            return
        into, out = rows["iif"][half], rows["oif"][half]
        inbound = self._scene.outside[into] & self._scene.inside[out]
        outbound = self._scene.inside[into] & self._scene.outside[out]
        self._inbound += int(np.count_nonzero(inbound))
        self._outbound += int(np.count_nonzero(outbound))
        self._other += int(np.count_nonzero(~inbound & ~outbound))
        self._refused += int(rows["dropped"][half].sum() + rows["rejected"][half].sum())
        self._last_frame = max(self._last_frame, int(rows["last_frame"][half].max()))
        first = rows[half[int(rows["first_frame"][half].argmin())]]
        if self._first is None or first["first_frame"] < self._first["first_frame"]:
            self._first = first.copy()

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for the capture."""
        half = self._inbound + self._outbound + self._other
        if self._first is None or half < self._scene.threshold(self.code, "share") * (half + self._whole):
            return []
        source, destination = flow_ends(self._first)
        ways = ", ".join(
            f"{count} {way}"
            for count, way in ((self._inbound, "only inbound"), (self._outbound, "only outbound"), (self._other, "between other networks"))
            if count
        )
        refused = f"; {plural(self._refused, 'packet')} of them refused" if self._refused else ""
        return [
            Violation(
                code=self.code,
                severity=Severity.MEDIUM if half >= 5 else Severity.LOW,
                flow=int(self._first["flow"]),
                first_frame=int(self._first["first_frame"]),
                last_frame=self._last_frame,
                count=half,
                message=(
                    f"{half} of {plural(half + self._whole, 'TCP connection')} show one direction only ({ways}), "
                    f"for example {source} to {destination}{refused}."
                ),
                evidence={
                    "one_way": half,
                    "whole": self._whole,
                    "inbound": self._inbound,
                    "outbound": self._outbound,
                    "other": self._other,
                    "refused": self._refused,
                    "packets_of_the_first": int(self._first["packets"][0]),
                },
                source="RFC 6092 section 3.3; Linux nf_conntrack",
                advice=(
                    "Capture where both directions pass, or both paths together (pcapaudit takes several captures). If the firewall "
                    "stands here, routing must bring both directions to it."
                ),
            )
        ]
