"""How flows began, which their rows do not tell: what the rules saw of the first packet, and which policy decided where no rule did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch

__all__ = ["MIXED", "Flows", "Openings"]

#: Verdict of a flow whose packets did not all meet the same fate; behind the VERDICT_ numbers.
MIXED = 4
_NAMES = ("chain", "ct_state", "verdict")


class Openings:
    """A consumer that keeps a few bytes of every flow's first packet, and the rows of the flows that ended."""

    def __init__(self) -> None:
        #: Whether a flow was seen, by its number; and what is kept of it.
        self._seen = np.zeros(1024, np.bool_)
        self._first = {name: np.zeros(1024, np.uint32) for name in _NAMES}
        self._rows: list[Any] = []
        #: Time of the first frame, ns; None before it.
        self.start_ns: int | None = None

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """A number that was not there yet is a new flow. Mostly it is above all others, but not where a fragment waited for others."""
        if self.start_ns is None and batch.count:
            self.start_ns = int(batch.arrays["ts_ns"][0])
        flow = verdicts.arrays["flow"][: batch.count]
        highest = int(flow.max(initial=0))
        if highest >= len(self._seen):
            more = 2 * highest - len(self._seen)
            self._seen = np.concatenate([self._seen, np.zeros(more, np.bool_)])
            self._first = {name: np.concatenate([array, np.zeros(more, np.uint32)]) for name, array in self._first.items()}
        rows = np.flatnonzero(~self._seen[flow] & (flow != 0))
        if not len(rows):
            return
        numbers, first = np.unique(flow[rows], return_index=True)
        self._seen[numbers] = True
        for name in _NAMES:
            self._first[name][numbers] = verdicts.arrays[name][rows[first]]

    def on_flows(self, rows: Any) -> None:
        """Keep the rows."""
        self._rows.append(rows)

    def on_end(self) -> None:
        """Nothing is held back."""

    def flows(self) -> Flows:
        """Every flow, in order of first sight."""
        from pcapaudit.core.columns import FLOW_DTYPE

        rows = np.concatenate(self._rows) if self._rows else np.zeros(0, FLOW_DTYPE)
        rows = rows[np.argsort(rows["flow"], kind="stable")]
        return Flows(rows, {name: array[rows["flow"]] for name, array in self._first.items()})


class Flows:
    """Ended flows; ``flows["name"]`` is a field of FLOW_DTYPE, or ``chain``, ``ct_state`` (of the first packet), or ``verdict``."""

    def __init__(self, rows: Any, first: dict[str, Any]) -> None:
        self.rows = rows
        self._more = {"chain": first["chain"], "ct_state": first["ct_state"], "verdict": _verdicts(rows, first["verdict"])}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Any:
        return self._more[name] if name in self._more else self.rows[name]


def _verdicts(rows: Any, first: Any) -> Any:
    """The verdict that all packets of a flow met, or MIXED."""
    counts = np.stack([rows["accepted"], rows["dropped"], rows["rejected"]]) > 0
    one = counts.sum(axis=0) == 1
    return np.where(one, counts.argmax(axis=0) + 1, np.where(counts.any(axis=0), MIXED, first)).astype(np.uint8)
