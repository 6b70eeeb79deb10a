"""Time stamps that go backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.spans import span
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["OutOfOrderCapture"]

#: Steps back of less than this are what several queues of one network card do.
HARMLESS_NS = 10_000_000


class OutOfOrderCapture:
    """A capture whose time goes backwards.

    ## What it does
    Counts frames with a time stamp earlier than that of a frame before them, and measures the longest step back.

    ## Why it matters
    State depends on order: an answer before its question is an unsolicited packet, a FIN before the data closes too early. The engine's
    clock never goes back, and packets are taken in the order of the file; what it says of them may be wrong where the order is.

    ## Example
    Two captures of one link appended with `cat` instead of `mergecap`; a card with several receive queues.

    ## Source
    pcapng (draft-ietf-opsawg-pcapng) promises no order; Linux conntrack judges packets in the order of their arrival.
    """

    code: ClassVar[str] = "out-of-order-capture"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("late",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._cause = Cause()
        self._step_ns = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count the frames that are late, and how late."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["late"]
        if len(rows):
            times, before_ns = view["ts_ns"], self._scene.before_ns
            reached = np.maximum.accumulate(times)
            reached = reached if before_ns is None else np.maximum(reached, before_ns)
            self._step_ns = max(self._step_ns, int((reached - times)[rows].max()))
            self._cause.add(view, rows)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for the capture."""
        cause = self._cause
        if not cause.count:
            return []
        kind = Kind(
            self.code,
            Severity.LOW if self._step_ns >= HARMLESS_NS else Severity.INFO,
            "draft-ietf-opsawg-pcapng; Linux conntrack",
            "Sort the capture (--reorder-window SECONDS, or reordercap), or give its files one by one instead of one that joins them.",
        )
        step = span(self._step_ns)
        frames = plural(cause.count, "frame")
        message = f"{frames} came earlier than a frame before them, by up to {step}; the first is frame {cause.first['frame']}."
        return [cause.violation(kind, message, longest_step_seconds=self._step_ns / 1e9)]
