"""Connections that both ends open at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.handshakes import BothSyn
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["SimultaneousOpen"]


class SimultaneousOpen:
    """A TCP connection that both ends opened at the same time.

    ## What it does
    Finds connections in which both sides send a SYN without ACK, and both answer with a SYN-ACK.

    ## Why it matters
    It is legal and rare. On purpose it is a TCP hole punch: two hosts behind filters open towards each other, and each filter takes the
    other's SYN for part of a connection that its own side began.

    ## Example
    `captures/tcp-simultaneous-open.pcap`.

    ## Source
    RFC 9293 section 3.5; RFC 5382 section 4.1; RFC 5128 section 3.4.
    """

    code: ClassVar[str] = "simultaneous-open"
    severity: ClassVar[Severity] = Severity.LOW

    def __init__(self, scene: Scene) -> None:
        self._both = BothSyn(scene)
        self._found: list[Cause] = []

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note connections with a SYN from either side."""
        self._both.on_batch(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """Keep those with a SYN-ACK of the answering side."""
        self._found += [cause for cause, history in self._both.ended(rows) if "h" in history]

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        if not self._found:
            return []
        kind = Kind(
            self.code,
            self.severity,
            "RFC 9293 section 3.5; RFC 5382 section 4.1; RFC 5128 section 3.4",
            "Wanted for peer-to-peer software; if yours should have none, look at what runs on the inner host.",
        )
        total = merge(self._found)
        first = total.first
        who = f"{first['source']} sent {first['destination']} a SYN of its own in frame {first['frame']}"
        message = f"{plural(len(self._found), 'connection')} opened by both ends at once: {who}."
        return [total.violation(kind, message)]
