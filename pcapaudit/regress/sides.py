"""A side of a comparison: an engine with its ruleset and settings. A saved run (``saved.py``) has the same interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pcapaudit.regress.deciders import Decider, program_deciders
from pcapaudit.replay.run import Engine

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.run import Source, Totals

__all__ = ["EngineSide", "Side"]


class Side(Protocol):
    """Says what became of the packets of each batch."""

    @property
    def deciders(self) -> Sequence[Decider]:
        """What can decide, by the numbers of ``decided_by``; fixed for an engine, grows with a saved run."""

    def judge(self) -> dict[str, Any]:
        """The columns of the batch by VERDICT_COLUMNS name, and ``decided_by``, the number of the decider; valid until the next call."""

    def ended(self) -> list[int]:
        """Numbers of flows that have ended, some time after they did: they occur no more."""

    def finish(self) -> Totals | None:
        """Nothing more comes; the totals of an engine. Raises PcapauditError if the side has more than the capture."""


class EngineSide:
    """Judges by a ruleset."""

    def __init__(self, context: Context, source: Source, seed: int = 0) -> None:
        self.deciders = program_deciders(context.program)
        self._policies = np.uint32(len(context.program.rules))
        self._engine = Engine(context, source, seed)
        self._batch = source.batch
        self._ended: list[Any] = []

    def judge(self) -> dict[str, Any]:
        """See Side."""
        self._ended.clear()
        self._engine.judge((self,))
        count = self._batch.count
        columns = {name: array[:count] for name, array in self._engine.verdicts.arrays.items()}
        rule = columns["rule"]
        columns["decided_by"] = np.where(rule != 0, rule, columns["chain"] + self._policies)
        return columns

    def ended(self) -> list[int]:
        """See Side."""
        return [number for flows in self._ended for number in flows]

    def finish(self) -> Totals:
        """See Side."""
        return self._engine.finish(())

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Read from the engine itself."""

    def on_flows(self, rows: Any) -> None:
        """Keep the numbers."""
        self._ended.append(rows["flow"].tolist())

    def on_end(self) -> None:
        """Nothing is held back."""
