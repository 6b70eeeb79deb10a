"""Rule coverage: which rules recorded traffic reached, and which it never did; merged over many runs.

A rule is *reached* by a packet that fulfils all its matches, whether it decides (accept, drop) or not (counter, log, jump): the evaluator
counts that, as nftables' own counters do. What a rule *decided* is read from the verdicts' column, with flows and times; a rule that never
decides has neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.rules.compile import Program

__all__ = ["Coverage", "RuleCount", "RuleHits"]

_NEVER = np.iinfo(np.int64)


class RuleHits:
    """A consumer that counts what each rule decided."""

    def __init__(self, program: Program) -> None:
        self.program = program
        count = len(program.rules)
        self.packets = np.zeros(count, np.int64)
        self.flows = np.zeros(count, np.int64)
        self.first_ns = np.full(count, _NEVER.max, np.int64)
        self.last_ns = np.full(count, _NEVER.min, np.int64)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets."""
        rule, times = verdicts.arrays["rule"][: batch.count], batch.arrays["ts_ns"][: batch.count]
        self.packets += np.bincount(rule, minlength=len(self.packets))
        np.minimum.at(self.first_ns, rule, times)
        np.maximum.at(self.last_ns, rule, times)

    def on_flows(self, rows: Any) -> None:
        """Add the flows by what decided their first packet."""
        self.flows += np.bincount(rows["rule"], minlength=len(self.flows))

    def on_end(self) -> None:
        """Nothing is held back."""


@dataclass(slots=True)
class RuleCount:
    """One rule over all runs."""

    path: str
    line: int
    column: int
    #: Family, table and name.
    chain: str
    text: str
    #: Packets that fulfilled all its matches, and of these those whose verdict it was.
    reached: int = 0
    decided: int = 0
    #: Flows whose first packet it decided.
    flows: int = 0
    #: Times of the first and last packet that it decided, ns since 1970; None for none.
    first_ns: int | None = None
    last_ns: int | None = None


class Coverage:
    """Adds runs up. A rule is the same in two runs if file, place and words are."""

    def __init__(self) -> None:
        self.rules: dict[tuple[str, int, int, str, str], RuleCount] = {}
        self.runs = self.frames = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def add(self, hits: RuleHits, reached: Sequence[int], span: tuple[int, int, int]) -> None:
        """A run: what its rules decided, how many packets reached each, and its frames, first and last time."""
        frames, first_ns, last_ns = span
        self.runs += 1
        self.frames += frames
        if frames:
            self.first_ns, self.last_ns = _earlier(self.first_ns, first_ns), _later(self.last_ns, last_ns)
        for rule in hits.program.rules:
            if rule is None:
                continue
            chain = f"{rule.family} {rule.table} {rule.chain}"
            key = (rule.path, rule.line, rule.column, chain, rule.text)
            count = self.rules.setdefault(key, RuleCount(*key))
            decided = int(hits.packets[rule.id])
            count.reached += max(decided, int(reached[rule.id]) if rule.id < len(reached) else 0)
            count.decided += decided
            count.flows += int(hits.flows[rule.id])
            if decided:
                count.first_ns = _earlier(count.first_ns, int(hits.first_ns[rule.id]))
                count.last_ns = _later(count.last_ns, int(hits.last_ns[rule.id]))

    @property
    def percent(self) -> float:
        """Share of the rules that were reached; 100 without rules."""
        counts = self.rules.values()
        return 100.0 * sum(each.reached > 0 for each in counts) / len(counts) if counts else 100.0

    def record(self) -> dict[str, Any]:
        """Everything as a plain value: files in the order in which they were met, rules by place."""
        files: dict[str, list[RuleCount]] = {}
        for each in self.rules.values():
            files.setdefault(each.path, []).append(each)
        return {
            "runs": self.runs,
            "frames": self.frames,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "rules": len(self.rules),
            "reached": sum(each.reached > 0 for each in self.rules.values()),
            "percent": self.percent,
            "files": {path: sorted(found, key=lambda each: (each.line, each.column, each.chain)) for path, found in files.items()},
        }


def _earlier(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _later(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)
