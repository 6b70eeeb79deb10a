"""Connections that both ends open at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Kind
from pcapaudit.findings.handshakes import BothSyn, is_punch, is_simultaneous
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["SimultaneousOpen"]


class SimultaneousOpen:
    """A TCP connection that both ends opened at the same time.

    ## What it does
    Finds connections in which both sides send a SYN without ACK, and both answer with a SYN-ACK. Through the firewall, between two
    ports that belong to no service, it is reported as `tcp-hole-punch`.

    ## Why it matters
    It is legal and rare: two routers that open BGP to each other in the same moment, two programs that know each other's port. Filters
    that know only client and server drop it.

    ## Example
    Two BGP routers inside, both with port 179, open in the same second.

    ## Source
    RFC 9293 section 3.5; RFC 5382 section 4.1; RFC 5128 section 3.4.
    """

    code: ClassVar[str] = "simultaneous-open"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("both_syn",)

    def __init__(self, scene: Scene) -> None:
        self._both = BothSyn(scene, lambda row: is_simultaneous(row) and not is_punch(scene, row))

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note connections with a SYN from either side."""
        self._both.on_batch(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """See how their handshakes went."""
        self._both.on_flows(rows)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        kind = Kind(
            self.code,
            self.severity,
            "RFC 9293 section 3.5; RFC 5382 section 4.1; RFC 5128 section 3.4",
            "Wanted for peer-to-peer software; if yours should have none, look at what runs on the inner host.",
        )
        return self._both.violations(kind, "by both ends at once")
