"""Packets whose source is their destination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, Sightings, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["Land"]

_ADVICE = "Drop packets with a source of your own at the outer interface: fib saddr type local, or an address list."


class Land:
    """Packets with the same source and destination.

    ## What it does
    Counts packets whose source address and port are those of their destination.

    ## Why it matters
    No host sends them to another. Old stacks answered such a SYN to themselves until they hung (the LAND attack of 1997); today they
    are a sign of a forged source, or of a broken NAT or load balancer.

    ## Example
    A SYN from 192.0.2.1:80 to 192.0.2.1:80.

    ## Source
    CERT advisory CA-1997-28; RFC 6274 section 3.14.
    """

    code: ClassVar[str] = "land"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("land",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen = Sightings(Kind(self.code, self.severity, "CERT CA-1997-28; RFC 6274 section 3.14", _ADVICE), _tell)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count them; loopback traffic, where both ends are one host anyway, has different ports and is not among them."""
        view = self._scene.view(batch, verdicts)
        self._seen.add(view, view.marked["land"], claimed=True)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        return self._seen.violations()


def _tell(cause: Cause) -> str:
    return f"{plural(cause.count, 'packet')} with the same source and destination, the first {cause.first['source']}; {cause.fate}."
