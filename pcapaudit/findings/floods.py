"""Floods of packets that are told by their destination, of whatever protocol: what ``udp-flood`` and ``icmp-flood`` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.scene import FlowView, Scene, flow_ends, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["FloodKind", "PacketFloods"]

#: Packets a second that no ordinary host takes without noticing.
HIGH_RATE = 10_000.0
#: Packets to one host in a portion of flows that may be part of a flood: a fraction of a second at the least rates.
LEAST_WEIGHT = 25


@dataclass(frozen=True, slots=True)
class FloodKind:
    """What all findings of one code have in common."""

    #: Code of the finding; its thresholds are ``packets`` and ``rate``.
    code: str
    #: What came, in the plural.
    what: str
    #: RFC or advisory.
    source: str
    #: What to do.
    advice: str


class PacketFloods:
    """Flows by destination, and those of them that are a flood."""

    def __init__(self, scene: Scene, kind: FloodKind) -> None:
        self._scene = scene
        self._kind = kind
        self._targets = Crowds(LEAST_WEIGHT)

    def add(self, flows: FlowView, at: Any, hits: Any) -> None:
        """Add the flows at these positions; ``hits`` is a mask over them of those that speak for a flood."""
        if len(at):
            self._targets.add(flows, at, hash_of(flows, at, "dst_hi", "dst_lo"), hits, flows.sent[at].astype(np.float64))

    def violations(self) -> list[Violation]:
        """One a target."""
        packets, rate = (self._scene.threshold(self._kind.code, name) for name in ("packets", "rate"))
        found = [each for each in self._targets.values() if each.packets >= packets and each.packet_rate >= rate]
        for each in found:
            self._scene.flooded.add(flow_hosts(each.first)[1])
        return [self._violation(each) for each in found]

    def _violation(self, target: Crowd) -> Violation:
        host = flow_hosts(target.first)[1]
        port = f", port {target.first['dport']}" if target.first["dport"] else ""
        ports = f", {target.ports.text} ports" if len(target.ports) > 1 else port
        fate = "all flows were refused" if target.refused == target.hits else f"{target.refused} of {target.hits} flows were refused"
        high = target.packet_rate >= HIGH_RATE and target.refused < target.hits
        return Violation(
            code=self._kind.code,
            severity=Severity.HIGH if high else Severity.MEDIUM,
            flow=int(target.first["flow"]),
            first_frame=int(target.first["first_frame"]),
            last_frame=target.last_frame,
            count=target.packets,
            message=(
                f"{host}{ports}: {target.packets} {self._kind.what} in {target.lasted} from {target.who}, "
                f"{target.packet_rate:.0f} a second; {fate}."
            ),
            evidence={
                "target": host,
                "packets": target.packets,
                "bytes": target.bytes,
                "flows": target.hits,
                "replies": target.replies,
                "refused_flows": target.refused,
                "packets_per_second": round(target.packet_rate, 1),
                "seconds": round(target.seconds, 6),
                "ports": len(target.ports),
                "more_ports": target.ports.full,
                "first_source": flow_ends(target.first)[0],
                **target.spoofing(),
                "packet_rates": target.course.evidence(),
                "new_flows": target.rates.evidence(),
            },
            rule=target.rule,
            source=self._kind.source,
            advice=self._kind.advice,
        )
