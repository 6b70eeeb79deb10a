"""TCP handshakes in which both sides send a SYN of their own: what two detectors have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene

__all__ = ["BothSyn"]

#: Connections remembered.
MAX_FLOWS = 1024


class BothSyn:
    """Collects connections whose answering side sent a SYN without ACK, until their flow rows say how it went on."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._flows: Groups[int, Cause] = Groups(MAX_FLOWS, Cause)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note the second SYN."""
        view = self._scene.view(batch, verdicts)
        for row in view.marked["both_syn"][:MAX_FLOWS].tolist():
            cause = self._flows.at(int(view["flow"][row]))
            if cause is not None and not cause.count:
                cause.add(view, np.array([row]))

    def ended(self, rows: Any) -> list[tuple[Cause, str]]:
        """The connections among ended flows, with their histories (letters as Zeek's)."""
        if not len(self._flows):
            return []
        numbers = [number for number, _ in self._flows.items()]
        found = []
        for at in np.flatnonzero(np.isin(rows["flow"], numbers)).tolist():
            cause = self._flows.get(int(rows["flow"][at]))
            self._flows.drop(int(rows["flow"][at]))
            if cause is not None:
                found.append((cause, rows["history"][at].decode("ascii")))
        return found
