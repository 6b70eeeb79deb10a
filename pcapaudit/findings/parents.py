"""Which flows were announced by which: so that a finding about a data connection names its control channel, whatever it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.violation import Violation

__all__ = ["MAX_CHILDREN", "Parents"]

#: Announced flows that are remembered; the ones that ended first go first, and their findings name no parent.
MAX_CHILDREN = 65_536


class Parents:
    """A consumer of a run that knows the parents of its flows."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Remember the announced ones of the flows that have ended."""
        for at in np.flatnonzero(rows["parent"]).tolist():
            if len(self._parents) >= MAX_CHILDREN:
                del self._parents[next(iter(self._parents))]
            self._parents[int(rows["flow"][at])] = int(rows["parent"][at])

    def on_end(self) -> None:
        """Nothing is held back."""

    def named(self, violations: Sequence[Violation]) -> list[Violation]:
        """The findings, each with the parent of its flow, if it has one and the finding does not name another."""
        parents = self._parents
        return [replace(each, parent=parents[each.flow]) if not each.parent and each.flow in parents else each for each in violations]
