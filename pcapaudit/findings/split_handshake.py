"""Servers that answer a SYN with a SYN of their own instead of a SYN-ACK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.handshakes import BothSyn
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["SplitHandshake"]


class SplitHandshake:
    """A TCP handshake in which the server pretends to be the client.

    ## What it does
    Finds connections whose answering side sends a SYN without ACK after the first SYN, and never a SYN-ACK: the client then sends the
    SYN-ACK, and the roles are exchanged.

    ## Why it matters
    Every TCP accepts it, and devices that take the sender of the SYN-ACK for the server look for attacks in the wrong direction.
    Linux conntrack follows it; some intrusion detection systems and firewalls do not.

    ## Example
    `captures/tcp-split-handshake.pcap`.

    ## Source
    RFC 9293 section 3.5, simultaneous connection; Beardsley and Qian, The TCP Split Handshake (2010).
    """

    code: ClassVar[str] = "split-handshake"
    severity: ClassVar[Severity] = Severity.MEDIUM

    def __init__(self, scene: Scene) -> None:
        self._both = BothSyn(scene)
        self._found: list[Cause] = []

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note connections with a SYN from either side."""
        self._both.on_batch(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """Keep those that never saw a SYN-ACK of the answering side."""
        self._found += [cause for cause, history in self._both.ended(rows) if "h" not in history and "H" in history]

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        if not self._found:
            return []
        kind = Kind(
            self.code,
            self.severity,
            "RFC 9293 section 3.5, simultaneous connection; Beardsley and Qian, The TCP Split Handshake (2010)",
            "Ask who runs the server: no ordinary one does this. Drop it with a rule for SYN without ACK in the reply direction: "
            "ct direction reply tcp flags & (syn | ack) == syn drop.",
        )
        total = merge(self._found)
        first = total.first
        who = f"{first['source']} sent {first['destination']} a SYN of its own in frame {first['frame']}"
        message = f"{plural(len(self._found), 'connection')} opened by a split handshake: {who}."
        return [total.violation(kind, message)]
