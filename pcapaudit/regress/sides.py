"""A side of a comparison: an engine with its ruleset and settings. A saved run (``saved.py``) has the same interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pcapaudit.regress.deciders import Decider, program_deciders
from pcapaudit.replay.flow_rows import flow_rows
from pcapaudit.replay.run import Engine

if TYPE_CHECKING:
    from pcapaudit.core.columns import VerdictBatch
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.reassembly import Reassembly
    from pcapaudit.replay.run import Batches, Totals

__all__ = ["EngineSide", "Side"]


class Side(Protocol):
    """Says what became of the packets of each batch."""

    #: What was said of the source's batch.
    verdicts: VerdictBatch
    #: The fragments of an engine, whose verdicts may come later; None where they are known.
    reassembly: Reassembly | None

    @property
    def deciders(self) -> Sequence[Decider]:
        """What can decide, by the numbers of ``decided_by``; fixed for an engine, grows with a saved run."""

    def judge(self) -> list[int]:
        """Judge the source's batch. Returns numbers of flows that have ended, some time after they did: they occur no more."""

    def columns(self, verdicts: VerdictBatch, count: int) -> dict[str, Any]:
        """The columns of a batch that was judged by VERDICT_COLUMNS name, and ``decided_by``, the number of the decider."""

    def finish(self) -> Totals | None:
        """Nothing more comes; the totals of an engine. Raises PcapauditError if the side has more than the capture."""


class EngineSide:
    """Judges by a ruleset."""

    def __init__(self, context: Context, source: Batches, seed: int = 0) -> None:
        self.deciders = program_deciders(context.program)
        self._policies = np.uint32(len(context.program.rules))
        self._engine = Engine(context, source, seed)
        self.verdicts = self._engine.verdicts
        self.reassembly: Reassembly | None = self._engine.reassembly

    def judge(self) -> list[int]:
        """See Side."""
        ended = [flow_rows(rows)["flow"].tolist() for rows in self._engine.judge_alone() if len(rows)]
        return [number for numbers in ended for number in numbers]

    def columns(self, verdicts: VerdictBatch, count: int) -> dict[str, Any]:
        """See Side."""
        columns = {name: array[:count] for name, array in verdicts.arrays.items()}
        rule = columns["rule"]
        columns["decided_by"] = np.where(rule != 0, rule, columns["chain"] + self._policies)
        return columns

    def finish(self) -> Totals:
        """See Side."""
        return self._engine.finish(())
