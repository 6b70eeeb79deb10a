"""Flows with something in common, many of them: what scans, sweeps and floods are told by. Bounded whatever the capture holds.

A portion of ended flows goes through one cheap pass first: only what shares its key with many others that came to nothing is looked at.
Then each crowd counts. **Hits** are the flows that speak for the finding (nobody answered, never completed, …); the others with the same
key are counted against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pcapaudit.core.consts import TCP_RST
from pcapaudit.core.spans import span
from pcapaudit.findings.groups import Distinct, Groups, Pool, split
from pcapaudit.findings.rates import Rates
from pcapaudit.findings.scene import FlowView

__all__ = ["Crowd", "Crowds", "hash_of"]

#: Crowds of a detector; those of one portion that are told apart, and when there are more, the busiest that are.
MAX_CROWDS = 1024
MAX_A_CALL = 24
BUSIEST = 4
#: Values (sources, hosts, ports) that all crowds of a detector may keep together, and one for itself.
MAX_VALUES = 150_000
VALUES_COUNTED = 20_000
#: In portions of more flows than this, a crowd in the making has several.
FEW_FLOWS, MANY_FLOWS = 64, 1024

_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(52)
#: Sources, networks and spread that make forged ones likely.
_FORGED_SOURCES, _FORGED_NETWORKS = 50, 16


def hash_of(flows: FlowView, at: Any, *names: str) -> Any:
    """Keys of flows: a hash of the fields named, never 0 in practice."""
    keys = np.zeros(len(at), np.uint64)
    for name in names:
        keys = (keys ^ flows[name][at].astype(np.uint64)) * _MIX
    return keys


class Crowd:
    """Flows with one key."""

    __slots__ = (
        *("all", "answered", "bytes", "course", "first", "first_ns", "hits", "hosts", "last_frame", "last_ns", "networks", "opened"),
        *("packets", "ports", "rates", "refused", "replies", "reply_bytes", "reset", "rule", "sources", "ttls"),
    )

    def __init__(self, pool: Pool) -> None:
        #: Flows, and those that speak for the finding; all that follows is about the latter.
        self.all = 0
        self.hits = 0
        self.answered = 0
        self.refused = 0
        self.rule = 0
        self.packets = self.replies = 0
        self.bytes = self.reply_bytes = 0
        self.sources = Distinct(pool, VALUES_COUNTED)
        self.hosts = Distinct(pool, VALUES_COUNTED)
        self.ports = Distinct(pool)
        #: Ports that answered, of flows that are no hits.
        self.opened = Distinct(pool, 256)
        #: Upper parts of the source addresses (IPv4: eight bits, IPv6: thirty-two).
        self.networks = Distinct(pool, 256)
        #: Flows by TTL of their first packet.
        self.ttls = np.zeros(256, np.int64)
        self.rates = Rates()
        #: Their packets over time, each flow's spread over its life.
        self.course = Rates()
        #: Those that were answered by a RST.
        self.reset = 0
        self.first: Any = None
        self.first_ns = self.last_ns = 0
        self.last_frame = 0

    @property
    def seconds(self) -> float:
        """From the first to the last."""
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def lasted(self) -> str:
        """The same for people."""
        return span(self.last_ns - self.first_ns)

    @property
    def rate(self) -> float:
        """Hits a second, over at least a second."""
        return self.hits / max(1.0, self.seconds)

    @property
    def packet_rate(self) -> float:
        """Packets of the opening side a second, over at least a second."""
        return self.packets / max(1.0, self.seconds)

    @property
    def looks_forged(self) -> bool:
        """Whether the sources look drawn by lot: from networks all over the world, and all as many hops away, or each used once."""
        if len(self.sources) < _FORGED_SOURCES or len(self.networks) < _FORGED_NETWORKS:
            return False
        return int(self.ttls.max()) >= 0.9 * self.hits or (not self.sources.full and self.hits <= 1.1 * len(self.sources))

    def spoofing(self) -> dict[str, Any]:
        """What speaks for forged sources, as evidence."""
        return {
            "sources": len(self.sources),
            "more_sources": self.sources.full,
            "source_networks": len(self.networks),
            "ttls": int(np.count_nonzero(self.ttls)),
            "share_of_the_most_frequent_ttl": round(int(self.ttls.max()) / max(1, self.hits), 3),
            "looks_forged": self.looks_forged,
        }

    @property
    def who(self) -> str:
        """The sources in words."""
        forged = f", which look forged ({len(self.networks)} networks, {np.count_nonzero(self.ttls)} different TTLs)"
        return f"{self.sources.text} source{'' if len(self.sources) == 1 else 's'}{forged if self.looks_forged else ''}"

    def take(self, flows: FlowView, at: Any, hit: Any) -> None:
        """Add the flows at these positions; ``hit`` is a mask over them."""
        self.all += len(at)
        rest = at[~hit]
        if len(rest):
            reset = (flows.answer_flags[rest] & TCP_RST) != 0
            self.opened.update(flows["dport"][rest][flows.answered[rest] & ~reset])
            at = at[hit]
        if not len(at):
            return
        self.hits += len(at)
        self.answered += int(np.count_nonzero(flows.answered[at]))
        self.reset += int(np.count_nonzero(flows.answer_flags[at] & TCP_RST))
        refused = at[flows["blocked"][at] != 0]
        self.refused += len(refused)
        if len(refused) and not self.rule:
            self.rule = int(flows["rule"][refused[0]])
        packets, size = flows["packets"][at].sum(axis=0).tolist(), flows["bytes"][at].sum(axis=0).tolist()
        self.packets, self.replies = self.packets + packets[0], self.replies + packets[1]
        self.bytes, self.reply_bytes = self.bytes + size[0], self.reply_bytes + size[1]
        self._take_values(flows, at)
        self._take_times(flows, at)

    def _take_values(self, flows: FlowView, at: Any) -> None:
        high, low = flows["src_hi"][at], flows["src_lo"][at]
        self.sources.update(high ^ low)
        self.networks.update(np.where(flows["l3"][at] == 4, low >> np.uint64(24), high >> np.uint64(32)))
        self.hosts.update(flows["dst_hi"][at] ^ flows["dst_lo"][at])
        self.ports.update(flows["dport"][at])
        self.ttls += np.bincount(flows["ttl"][at], minlength=256)

    def _take_times(self, flows: FlowView, at: Any) -> None:
        times, ends, frames = flows["first_ns"][at], flows["last_ns"][at], flows["first_frame"][at]
        earliest = at[int(frames.argmin())]
        if self.first is None or flows["first_frame"][earliest] < self.first["first_frame"]:
            self.first = flows.rows[earliest].copy()
        self.rates.add(times)
        self.course.spread(times, np.maximum(ends, times), flows.sent[at])
        self.first_ns = min(self.first_ns or int(times.min()), int(times.min()))
        self.last_ns = max(self.last_ns, int(times.max()), int(ends.max()))
        self.last_frame = max(self.last_frame, int(flows["last_frame"][at].max()))


class Crowds:
    """The crowds of a detector, by key. ``least``: what the hits of one portion must weigh for a key to be looked at."""

    def __init__(self, least: int = 1) -> None:
        self._least = least
        self._pool = Pool(MAX_VALUES)
        self._crowds: Groups[int, Crowd] = Groups(MAX_CROWDS, lambda: Crowd(self._pool))

    def __len__(self) -> int:
        return len(self._crowds)

    @property
    def missed(self) -> int:
        """Flows of crowds that found no room."""
        return self._crowds.missed

    def values(self) -> list[Crowd]:
        """The crowds, in the order of their first sight."""
        return list(self._crowds.values())

    def add(self, flows: FlowView, at: Any, keys: Any, hit: Any, weights: Any = None) -> None:
        """Add ended flows: positions, their keys, a mask of hits, and what each weighs (default 1).

        Keys whose hits weigh little in this portion, or less than half of all its flows, make no crowd.
        """
        if not hit.any():
            return
        least = max(self._least, 1 if len(at) <= FEW_FLOWS else 4 if len(at) <= MANY_FLOWS else 12)
        bins = (keys * _MIX >> _SHIFT).astype(np.intp)
        hits = np.bincount(bins, hit if weights is None else hit * weights, 4096)
        every = np.bincount(bins, weights, 4096)
        kept = ((hits >= least) & (2 * hits >= every))[bins]
        if not kept.any():
            return
        at, keys, hit = at[kept], keys[kept], hit[kept]
        weights = None if weights is None else weights[kept]
        parts, _ = split(keys, MAX_A_CALL, BUSIEST)
        for part in parts:
            weight = len(part) if weights is None else int(weights[part].sum())
            if weight < least or not hit[part].any():
                continue
            crowd = self._crowds.at(int(keys[part[0]]), len(part))
            if crowd is not None:
                crowd.take(flows, at[part], hit[part])
