"""Servers that answer a SYN with a SYN of their own instead of a SYN-ACK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Kind
from pcapaudit.findings.handshakes import BothSyn, is_split
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
    reads: ClassVar[tuple[str, ...]] = ("both_syn",)

    def __init__(self, scene: Scene) -> None:
        self._both = BothSyn(scene, is_split)

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
            "RFC 9293 section 3.5, simultaneous connection; Beardsley and Qian, The TCP Split Handshake (2010)",
            "Ask who runs the server: no ordinary one does this. Drop it with a rule for SYN without ACK in the reply direction: "
            "ct direction reply tcp flags & (syn | ack) == syn drop.",
        )
        return self._both.violations(kind, "by a split handshake")
