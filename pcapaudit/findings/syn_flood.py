"""Floods of TCP connections that are never completed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import TCP_ACK, TCP_SYN
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.scene import Scene, endpoint_text, flow_ends, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["SynFlood"]

#: From this rate on a default backlog and table do not last a minute.
HIGH_RATE = 1000.0


class SynFlood:
    """Many connections to one port that are opened and never completed.

    ## What it does
    Counts, by target, the TCP connections whose opener sent a SYN and never an ACK, with their sources and their rate, against those
    that were completed. From few sources they must come ten times as fast: a client that tries again waits before it does.

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
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._targets = Crowds()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count connections by target."""
        flows = self._scene.flows(rows)
        tcp = flows.tcp
        flags = flows.opener_flags[tcp]
        half = (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN
        if half.any():
            opened = (flags & TCP_SYN) != 0
            tcp = tcp[opened]
            self._targets.add(flows, tcp, hash_of(flows, tcp, "dst_hi", "dst_lo", "dport"), half[opened])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        found = []
        limit = partial(self._scene.threshold, self.code)
        for target in self._targets.values():
            flood = target.hits >= limit("half-open") and target.hits >= limit("share") * target.all
            # Few sources: whoever tries again waits for an answer first, and gets a RST where nobody listens.
            many = len(target.sources) >= limit("sources")
            if not many and 2 * target.reset >= target.hits:
                continue
            if flood and target.rate >= limit("rate" if many else "rate-of-few"):
                host = flow_hosts(target.first)[1]
                self._scene.flooded.add(host)
                found.append(self._violation(target, endpoint_text(host, int(target.first["dport"]))))
        return found

    def _violation(self, target: Crowd, where: str) -> Violation:
        refused = "all were refused" if target.refused == target.hits else f"{target.refused} were refused, {target.answered} answered"
        return Violation(
            code=self.code,
            severity=Severity.HIGH if target.rate >= HIGH_RATE and target.refused < target.hits else Severity.MEDIUM,
            flow=int(target.first["flow"]),
            first_frame=int(target.first["first_frame"]),
            last_frame=target.last_frame,
            count=target.hits,
            message=(
                f"{where}: {target.hits} of {target.all} connections were opened and never completed, from {target.who} "
                f"in {target.lasted}; {refused}."
            ),
            evidence={
                "target": where,
                "half_open": target.hits,
                "connections": target.all,
                "answered": target.answered,
                "reset": target.reset,
                "refused": target.refused,
                "seconds": round(target.seconds, 6),
                "half_open_per_second": round(target.rate, 1),
                "entries_at_120_s": round(min(target.seconds, 120) * target.rate),
                "first_source": flow_ends(target.first)[0],
                **target.spoofing(),
                "rates": target.rates.evidence(),
            },
            rule=target.rule,
            source="RFC 4987; Linux nf_conntrack tcp.syn_sent",
            advice=(
                "SYN cookies on the server; on the firewall a synproxy for this port, or a limit on new connections, and tcp.syn_sent "
                "below its 120 s, so that the table lasts."
            ),
        )
