"""Far more UDP to one host than it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.reflection_amplification import REFLECTORS
from pcapaudit.findings.scene import Scene, flow_ends, flow_hosts
from pcapaudit.findings.violation import Detector, Severity, Violation

__all__ = ["UdpFlood", "flood_violation"]

#: Packets a second that no ordinary host takes without noticing.
HIGH_RATE = 10_000.0
#: Packets to one host in a portion of flows that may be part of a flood: a tenth of a second at the least rate.
LEAST_WEIGHT = 50


class UdpFlood:
    """UDP at a high rate to a host that answers none of it.

    ## What it does
    Counts, by destination, the packets of UDP flows that got no answer: how many, a second, from how many sources to how many ports. What
    comes from the ports of services that reflect is `reflection-amplification`; groups and broadcast addresses are left out.

    ## Why it matters
    It fills the line, and every new five-tuple an entry of the connection table for 30 s. Without an answer nobody is served by it: an
    attack, or a sender (media, syslog, NetFlow) whose receiver is gone.

    ## Example
    20 000 datagrams a second from forged addresses to port 80 of a web server.

    ## Source
    CERT advisory CA-1996-01; RFC 4732 section 2; Linux nf_conntrack udp.unreplied.
    """

    code: ClassVar[str] = "udp-flood"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._targets = Crowds(LEAST_WEIGHT)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count packets by destination."""
        flows = self._scene.flows(rows)
        at = np.flatnonzero((flows["proto"] == consts.PROTO_UDP) & (flows.to_one_host))
        silent = ~flows.answered[at] & ~REFLECTORS[flows["sport"][at]]
        self._targets.add(flows, at, hash_of(flows, at, "dst_hi", "dst_lo"), silent, flows.sent[at].astype(np.float64))

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        packets, rate = (self._scene.threshold(self.code, name) for name in ("packets", "rate"))
        found = [each for each in self._targets.values() if each.packets >= packets and each.packet_rate >= rate]
        for each in found:
            self._scene.flooded.add(flow_hosts(each.first)[1])
        return [flood_violation(self, each, "UDP packets", "CERT CA-1996-01; RFC 4732 section 2", _ADVICE) for each in found]


_ADVICE = (
    "If the receiver is gone, stop the sender. If it is an attack: drop in the raw or ingress hook, before an entry is made, limit by "
    "source where sources are true, and ask the provider to filter; notrack for services that need no state."
)


def flood_violation(detector: Detector, target: Crowd, what: str, source: str, advice: str) -> Violation:
    """The finding of a flood of packets that is told by its destination."""
    host = flow_hosts(target.first)[1]
    ports = f", {target.ports.text} ports" if len(target.ports) > 1 else f", port {target.first['dport']}" if target.first["dport"] else ""
    fate = "all flows were refused" if target.refused == target.hits else f"{target.refused} of {target.hits} flows were refused"
    high = target.packet_rate >= HIGH_RATE and target.refused < target.hits
    return Violation(
        code=detector.code,
        severity=Severity.HIGH if high else Severity.MEDIUM,
        flow=int(target.first["flow"]),
        first_frame=int(target.first["first_frame"]),
        last_frame=target.last_frame,
        count=target.packets,
        message=(
            f"{host}{ports}: {target.packets} {what} in {target.seconds:.3g} s from {target.who}, {target.packet_rate:.0f} a second; "
            f"{fate}."
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
            "new_flows": target.rates.evidence(),
        },
        rule=target.rule,
        source=source,
        advice=advice,
    )
