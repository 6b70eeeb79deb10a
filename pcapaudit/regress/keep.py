"""What a reduced capture must still show: ``--keep`` as text, what it means in a run, and where to look for it first.

frame 95                  what became of that frame: verdict, reason, ct state, and the rule or policy that decided
flow 12 changes           two rulesets judge a packet of that flow as differently as its first changed packet (needs two rulesets)
finding udp-hole-punch    a finding of that code and severity
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.deciders import program_deciders

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.consumer import Context

__all__ = ["Keep", "Outcome", "Recorder", "Target", "candidates", "parse_keep", "target_of"]

_FORMS = "'frame N', 'flow N changes' or 'finding CODE'"
_KEPT_COLUMNS = ("verdict", "reason", "ct_state", "direction", "ct_status", "tcp_state", "timeout_ns", "rule", "chain", "flow")
_PACKET_COLUMNS = ("src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport")


@dataclass(frozen=True, slots=True)
class Keep:
    """What must still be shown."""

    #: ``frame``, ``flow`` or ``finding``.
    kind: str
    #: Number of the frame or flow; 0 for a finding.
    number: int
    #: Code of the finding; else empty.
    code: str


def parse_keep(text: str) -> Keep:
    """Read ``--keep``. Raises ConfigError."""
    if found := re.fullmatch(r"frame +([1-9]\d*)", text.strip()):
        return Keep("frame", int(found[1]), "")
    if found := re.fullmatch(r"flow +([1-9]\d*) +changes", text.strip()):
        return Keep("flow", int(found[1]), "")
    if found := re.fullmatch(r"finding +([a-z0-9-]+)", text.strip()):
        return Keep("finding", 0, found[1])
    raise ConfigError(f"--keep {text!r}: expected {_FORMS}")


class Recorder:
    """A consumer that keeps what became of every frame, and who can have decided it."""

    def __init__(self, context: Context) -> None:
        self._deciders = program_deciders(context.program)
        self._policies = len(context.program.rules)
        self._parts: dict[str, list[Any]] = {name: [] for name in (*_KEPT_COLUMNS, *_PACKET_COLUMNS)}
        #: Column → its values for all frames, when the run is over.
        self.columns: dict[str, Any] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Copy the columns."""
        for name in _KEPT_COLUMNS:
            self._parts[name].append(verdicts.arrays[name][: batch.count].copy())
        for name in _PACKET_COLUMNS:
            self._parts[name].append(batch.arrays[name][: batch.count].copy())

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Join the copies."""
        self.columns = {name: np.concatenate(parts) if parts else np.zeros(0, np.uint8) for name, parts in self._parts.items()}

    def fate(self, i: int) -> tuple[object, ...]:
        """Verdict, reason, ct state and decider of frame ``i`` (from 0); the same in any run of the same ruleset."""
        columns = self.columns
        decider = self._deciders[int(columns["rule"][i]) or int(columns["chain"][i]) + self._policies]
        return int(columns["verdict"][i]), int(columns["reason"][i]), int(columns["ct_state"][i]), decider.at, decider.chain, decider.text

    def ends(self, i: int) -> frozenset[tuple[int, int, int]]:
        """Address and port of both ends of frame ``i``, whichever sent it."""
        row = {name: int(self.columns[name][i]) for name in _PACKET_COLUMNS}
        return frozenset(((row["src_hi"], row["src_lo"], row["sport"]), (row["dst_hi"], row["dst_lo"], row["dport"])))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed."""

    #: One a ruleset.
    records: tuple[Recorder, ...]
    #: (code, severity, frame of the first example from 1) of the findings, the worst first.
    findings: tuple[tuple[str, str, int], ...] = ()

    def frames(self) -> int:
        """How many frames there were."""
        return len(self.records[0].columns["verdict"])

    def changed(self, i: int) -> tuple[object, ...] | None:
        """How the two rulesets differ about frame ``i``; None where they do not."""
        old, new = (record.fate(i) for record in self.records)
        return (old, new) if old[0] != new[0] else None


@dataclass(frozen=True, slots=True)
class Target:
    """What a run must show to be kept, found in the whole capture."""

    keep: Keep
    #: Index (from 0) of the frame that shows it first.
    frame: int
    #: What is compared.
    what: object
    #: Ends of its packet.
    ends: frozenset[tuple[int, int, int]]

    def shown(self, outcome: Outcome, frames: Sequence[int]) -> bool:
        """Whether a run over the frames of these numbers (from 0) shows it."""
        if self.keep.kind == "finding":
            return any((code, severity) == self.what for code, severity, _ in outcome.findings)
        record = outcome.records[0]
        if self.keep.kind == "frame":
            return self.frame in frames and record.fate(frames.index(self.frame)) == self.what
        return any(outcome.changed(i) == self.what and record.ends(i) == self.ends for i in range(len(frames)))


def target_of(keep: Keep, outcome: Outcome) -> Target:
    """Find in the run over the whole capture what is to be kept. Raises ConfigError if it is not there."""
    record = outcome.records[0]
    if keep.kind == "frame":
        if keep.number > outcome.frames():
            raise ConfigError(f"--keep 'frame {keep.number}': the capture has {outcome.frames()} frames")
        i = keep.number - 1
        return Target(keep, i, record.fate(i), record.ends(i))
    if keep.kind == "finding":
        for code, severity, frame in outcome.findings:
            if code == keep.code:
                return Target(keep, frame - 1, (code, severity), record.ends(frame - 1))
        seen = ", ".join(sorted({code for code, _, _ in outcome.findings})) or "nothing"
        raise ConfigError(f"--keep 'finding {keep.code}': the capture shows no such finding, but {seen}")
    if len(outcome.records) < 2:
        raise ConfigError(f"--keep 'flow {keep.number} changes': needs a second ruleset: --against FILE")
    of_flow = np.flatnonzero(record.columns["flow"] == keep.number).tolist()
    for i in of_flow:
        change = outcome.changed(i)
        if change is not None:
            return Target(keep, i, change, record.ends(i))
    what = "changes no packet of it" if of_flow else f"knows no flow of that number; it has {int(record.columns['flow'].max(initial=0))}"
    raise ConfigError(f"--keep 'flow {keep.number} changes': the capture {what}")


def candidates(target: Target, outcome: Outcome) -> Iterator[list[int]]:
    """Numbers (from 0) of the frames to look at: of the flow, between its hosts, of its hosts, all; each larger than the one before."""
    columns = outcome.records[0].columns
    i = target.frame
    flow = columns["flow"][i]
    ends = [(columns["src_hi"][i], columns["src_lo"][i]), (columns["dst_hi"][i], columns["dst_lo"][i])]
    touches = [
        ((columns["src_hi"] == high) & (columns["src_lo"] == low)) | ((columns["dst_hi"] == high) & (columns["dst_lo"] == low))
        for high, low in ends
    ]
    alone = np.zeros(len(columns["flow"]), np.bool_)
    alone[i] = True
    last = 0
    masks = (
        (columns["flow"] == flow) & (flow != 0) | alone,
        touches[0] & touches[1] | alone,
        touches[0] | touches[1] | alone,
        np.ones(len(alone), np.bool_),
    )
    for mask in masks:
        found = np.flatnonzero(mask).tolist()
        if len(found) > last:
            last = len(found)
            yield found
