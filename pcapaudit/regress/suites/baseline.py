"""Baselines: a whole run as lines of text that a person can read and a version control system can compare.

A line for the frames, for each verdict and reason, for each flow (in order of first sight) and each finding. Rules stand there by their
words, not by their lines, so a comment above them changes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pcapaudit.core import vocab
from pcapaudit.replay.views import flow_view

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.findings.violation import Violation
    from pcapaudit.replay.openings import Flows
    from pcapaudit.rules.compile import Program

__all__ = ["HEAD", "MAX_DIFF_LINES", "Fates", "baseline_lines", "difference"]

#: First line of every baseline; its number is raised when the lines mean something else.
HEAD = "# pcapaudit baseline 1: written by 'pcapaudit test --update', compared line by line"
#: Lines of a difference that are shown.
MAX_DIFF_LINES = 40


class Fates:
    """A consumer that counts packets by verdict and reason."""

    def __init__(self) -> None:
        self._counts = np.zeros((4, 256), np.int64)
        self.frames = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets."""
        self.frames += batch.count
        verdict, reason = (verdicts.arrays[name][: batch.count].astype(np.int64) for name in ("verdict", "reason"))
        self._counts += np.bincount(verdict * 256 + reason, minlength=1024).reshape(4, 256)

    def on_flows(self, rows: object) -> None:
        """Flows are read at the end."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def lines(self) -> Iterator[str]:
        """One for each verdict and reason that occurred."""
        yield f"frames {self.frames}"
        for verdict, reason in zip(*np.nonzero(self._counts), strict=True):
            why = vocab.REASONS[int(reason)]
            yield f"packets {vocab.VERDICTS[int(verdict)]}{f' ({why})' if why else ''}: {self._counts[verdict, reason]}"


def baseline_lines(fates: Fates, flows: Flows, violations: Sequence[Violation], program: Program) -> list[str]:
    """The lines of a run."""
    lines = [HEAD, *fates.lines()]
    for row in range(len(flows)):
        flow = flow_view(flows, row, program)
        counts = ((flow.accepted, "accepted"), (flow.dropped, "dropped"), (flow.rejected, "rejected"), (flow.undecided, "undecided"))
        said = ", ".join(f"{count} {name}" for count, name in counts if count)
        lines.append(
            f"flow {flow.text}: {said}, {flow.end_reason}{f' ({flow.reason})' if flow.reason else ''}, by {flow.rule_text or 'no rule'}"
        )
    lines += [f"finding {each.code} {each.severity} frame {each.first_frame}: {each.message}" for each in violations]
    return lines


def difference(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """What changed, as a person reads it: ``-`` lines were expected, ``+`` lines were found; empty if nothing did."""
    lines = [line for line in difflib.unified_diff(old, new, n=0, lineterm="") if line[:2] not in {"@@", "--", "++"}]
    shown = lines[:MAX_DIFF_LINES]
    return [*shown, f"… and {len(lines) - len(shown)} more lines"] if len(lines) > len(shown) else shown
