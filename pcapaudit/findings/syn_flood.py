"""Floods of TCP connections that are never completed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import TCP_ACK, TCP_SYN
from pcapaudit.findings.groups import Distinct, Groups, Pool, split
from pcapaudit.findings.scene import Scene, address_text, endpoint_text, flow_ends
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["SynFlood"]

#: Targets remembered, and those of one batch of flows that are told apart.
MAX_TARGETS = 1024
MAX_TARGETS_A_CALL = 64
#: When there are more, those that get looked at.
BUSIEST_TARGETS = 4
#: Sources that all targets together may fill, and those of one target.
MAX_SOURCES = 100_000
SOURCES_COUNTED = 20_000
#: From this rate on a default backlog and table do not last a minute.
HIGH_RATE = 1000.0


class _Target:
    """Connections to one address and port."""

    __slots__ = ("all", "answered", "first", "first_ns", "half", "last_frame", "last_ns", "refused", "sources")

    def __init__(self, pool: Pool) -> None:
        self.all = 0
        self.half = 0
        #: Half-open connections that the target answered.
        self.answered = 0
        self.refused = 0
        self.sources = Distinct(pool, SOURCES_COUNTED)
        self.first: Any = None
        self.first_ns = 0
        self.last_ns = 0
        self.last_frame = 0

    @property
    def rate(self) -> float:
        """Half-open connections a second."""
        return self.half / max(1.0, (self.last_ns - self.first_ns) / 1e9)


class SynFlood:
    """Many connections to one port that are opened and never completed.

    ## What it does
    Counts, by target, the TCP connections whose opener sent a SYN and never an ACK, with their sources and their rate, against those
    that were completed.

    ## Why it matters
    Each takes a slot of the server's backlog and an entry of the connection table (Linux: 120 s for a SYN, 60 s once it is answered). At a
    thousand a second a table of 65 536 entries is full in about a minute, and then nobody gets through.

    ## Example
    `captures/syn-flood.pcap`: 120 SYNs from forged addresses, with one true client among them.

    ## Source
    RFC 4987; Linux nf_conntrack tcp.syn_sent and tcp.syn_recv.
    """

    code: ClassVar[str] = "syn-flood"
    severity: ClassVar[Severity] = Severity.HIGH

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pool = Pool(MAX_SOURCES)
        self._targets: Groups[tuple[int, int, int], _Target] = Groups(MAX_TARGETS, lambda: _Target(self._pool))

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count connections by target."""
        flows = self._scene.flows(rows)
        flags = flows.opener_flags[flows.tcp]
        if not (((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN).any() or len(self._targets)):
            return
        tcp = flows.tcp[(flags & TCP_SYN) != 0]
        high, low, port = flows["dst_hi"][tcp], flows["dst_lo"][tcp], flows["dport"][tcp].astype(np.uint64)
        parts, _ = split((high * np.uint64(31) ^ low) * np.uint64(0x10001) + port, MAX_TARGETS_A_CALL, BUSIEST_TARGETS)
        for at in parts:
            first = at[0]
            key = (int(high[first]), int(low[first]), int(port[first]))
            # A target begins to count with two half-open connections in one go.
            if key not in self._targets and np.count_nonzero((flows.opener_flags[tcp[at]] & TCP_ACK) == 0) < 2:
                continue
            target = self._targets.at(key, len(at))
            if target is not None:
                _add(target, rows[tcp[at]])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        found = []
        limit = partial(self._scene.threshold, self.code)
        for target in self._targets.values():
            flood = target.half >= limit("half-open") and len(target.sources) >= limit("sources")
            if flood and target.rate >= limit("rate") and target.half >= limit("share") * target.all:
                host = address_text(int(target.first["dst_hi"]), int(target.first["dst_lo"]), int(target.first["l3"]))
                self._scene.flooded.add(host)
                found.append(self._violation(target, endpoint_text(host, int(target.first["dport"]))))
        return found

    def _violation(self, target: _Target, where: str) -> Violation:
        high = target.rate >= HIGH_RATE
        seconds = (target.last_ns - target.first_ns) / 1e9
        refused = "all were refused" if target.refused == target.half else f"{target.refused} were refused, {target.answered} answered"
        return Violation(
            code=self.code,
            severity=Severity.HIGH if high and target.refused < target.half else Severity.MEDIUM,
            flow=int(target.first["flow"]),
            first_frame=int(target.first["first_frame"]),
            last_frame=target.last_frame,
            count=target.half,
            message=(
                f"{where}: {target.half} of {target.all} connections were opened and never completed, from {target.sources.text} sources "
                f"in {seconds:.3g} s; {refused}."
            ),
            evidence={
                "target": where,
                "half_open": target.half,
                "connections": target.all,
                "answered": target.answered,
                "refused": target.refused,
                "sources": len(target.sources),
                "more_sources": target.sources.full,
                "seconds": round(seconds, 6),
                "half_open_per_second": round(target.rate, 1),
                "entries_at_120_s": round(min(seconds, 120) * target.rate),
                "first_source": flow_ends(target.first)[0],
            },
            rule=int(target.first["rule"]) if target.refused else 0,
            source="RFC 4987; Linux nf_conntrack tcp.syn_sent",
            advice=(
                "SYN cookies on the server; on the firewall a synproxy for this port, or a limit on new connections, and tcp.syn_sent "
                "below its 120 s, so that the table lasts."
            ),
        )


def _add(target: _Target, rows: Any) -> None:
    """Add connections to one target."""
    half = rows[(rows["tcp_flags"][:, 0] & TCP_ACK) == 0]
    target.all += len(rows)
    target.half += len(half)
    if not len(half):
        return
    target.answered += int(np.count_nonzero(half["packets"][:, 1]))
    target.refused += int(np.count_nonzero(half["blocked"]))
    target.sources.update(half["src_hi"] ^ half["src_lo"])
    earliest = half[int(half["first_frame"].argmin())]
    if target.first is None or earliest["first_frame"] < target.first["first_frame"]:
        target.first = earliest.copy()
    times = half["first_ns"]
    target.first_ns = min(target.first_ns or int(times.min()), int(times.min()))
    target.last_ns = max(target.last_ns, int(times.max()))
    target.last_frame = max(target.last_frame, int(half["last_frame"].max()))
