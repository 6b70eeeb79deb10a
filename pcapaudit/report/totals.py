"""The consumer behind the summary: what a run came to, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pcapaudit.core.addresses import address_text
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.report.counts import PacketCounts

__all__ = ["RunCounts"]

#: Networks that are counted.
MAX_NETWORKS = 4096


class RunCounts:
    """Counts packets and flows. ``packets`` holds the histograms of packets; ``flow_ends`` flows by END_ number."""

    def __init__(self, rule_count: int, inside: Sequence[int] = ()) -> None:
        """``inside``: indexes of the interfaces inside, where they are only assumed."""
        self.packets = PacketCounts(rule_count)
        self.flow_ends: Counter[int] = Counter()
        self.flows_blocked = 0
        self.flows_unanswered = 0
        self._inside = list(inside)
        #: (IP version, upper bits of the destination) → flows, as long as nothing came from inside or went there.
        self._networks: Counter[tuple[int, int]] = Counter()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets."""
        self.packets.add(batch, verdicts)

    def on_flows(self, flows: Any) -> None:
        """Add the flows."""
        ends = np.bincount(flows["end"])
        self.flow_ends.update({number: int(ends[number]) for number in np.flatnonzero(ends).tolist()})
        self.flows_blocked += int(np.count_nonzero(flows["blocked"]))
        self.flows_unanswered += int(np.count_nonzero((flows["packets"][:, 1] == 0) & (flows["blocked"] == 0)))
        if self._inside and not self.touches_inside:
            four = flows["l3"] == 4
            parts = np.where(four, flows["dst_lo"] >> np.uint64(8), flows["dst_hi"])
            for version, some in ((4, parts[four]), (6, parts[flows["l3"] == 6])):
                values, numbers = np.unique(some, return_counts=True)
                for value, number in zip(values[:MAX_NETWORKS].tolist(), numbers.tolist(), strict=False):
                    if (version, value) in self._networks or len(self._networks) < MAX_NETWORKS:
                        self._networks[version, value] += number

    @property
    def touches_inside(self) -> bool:
        """Whether a packet came from an interface inside, or went to one."""
        zones = self.packets.zones
        return bool(zones[self._inside].any() or zones[:, self._inside].any())

    @property
    def busiest_network(self) -> str | None:
        """The network (/24 or /64) to which most flows went, if nothing came from inside or went there."""
        if not self._networks or self.touches_inside:
            return None
        (version, value), _ = min(self._networks.items(), key=lambda item: (-item[1], item[0]))
        return f"{address_text(0, value << 8, 4)}/24" if version == 4 else f"{address_text(value, 0, 6)}/64"

    def on_end(self) -> None:
        """Nothing is held back."""

    def joint(self) -> Any:
        """What occurred, as an array of rows (verdict, ct state, reason, protocol or NOT_IP, packets)."""
        found = np.nonzero(self.packets.packets)
        return np.stack([*found, self.packets.packets[found].astype(np.int64)], axis=1)
