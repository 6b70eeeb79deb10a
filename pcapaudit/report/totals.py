"""The consumer behind the summary: what a run came to, in constant memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.report.counts import PacketCounts

__all__ = ["RunCounts"]


class RunCounts:
    """Counts packets and flows. ``packets`` holds the histograms of packets; ``flow_ends`` flows by END_ number."""

    def __init__(self, rule_count: int) -> None:
        self.packets = PacketCounts(rule_count)
        self.flow_ends: Counter[int] = Counter()
        self.flows_blocked = 0
        self.flows_unanswered = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets."""
        self.packets.add(batch, verdicts)

    def on_flows(self, flows: Any) -> None:
        """Add the flows."""
        ends = np.bincount(flows["end"])
        self.flow_ends.update({number: int(ends[number]) for number in np.flatnonzero(ends).tolist()})
        self.flows_blocked += int(np.count_nonzero(flows["blocked"]))
        self.flows_unanswered += int(np.count_nonzero((flows["packets"][:, 1] == 0) & (flows["blocked"] == 0)))

    def on_end(self) -> None:
        """Nothing is held back."""

    def joint(self) -> Any:
        """What occurred, as an array of rows (verdict, ct state, reason, protocol or NOT_IP, packets)."""
        found = np.nonzero(self.packets.packets)
        return np.stack([*found, self.packets.packets[found].astype(np.int64)], axis=1)
