"""More pings to one host than anybody needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.crowds import Crowds, hash_of
from pcapaudit.findings.scene import Scene, flow_hosts
from pcapaudit.findings.udp_flood import flood_violation
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["IcmpFlood"]

#: Packets to one host in a portion of flows that may be part of a flood: a quarter of a second at the least rate.
LEAST_WEIGHT = 25

_ADVICE = (
    "Limit echo requests at the firewall (limit rate 10/second, or a meter by source); do not drop ICMP errors with them, path MTU "
    "discovery needs those."
)


class IcmpFlood:
    """ICMP requests to one host at a high rate.

    ## What it does
    Counts, by destination, the packets of ICMP and ICMPv6 queries (echo, timestamp, mask), answered or not: how many, a second, from how
    many sources.

    ## Why it matters
    A ping a second is a person or a monitor. Hundreds a second load the line in both directions, as each is answered, and are either
    an attack (from many forged sources a Smurf attack), a tunnel inside ICMP, or a forgotten `ping -f`.

    ## Example
    `ping -f` against a router; echo requests that carry a shell session.

    ## Source
    CERT advisory CA-1998-01 (Smurf); RFC 4732 section 2; RFC 5508.
    """

    code: ClassVar[str] = "icmp-flood"
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
        proto = flows["proto"]
        at = np.flatnonzero(((proto == consts.PROTO_ICMP) | (proto == consts.PROTO_ICMPV6)) & flows.to_one_host)
        if len(at):
            all_count = np.ones(len(at), np.bool_)
            self._targets.add(flows, at, hash_of(flows, at, "dst_hi", "dst_lo"), all_count, flows.sent[at].astype(np.float64))

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        packets, rate = (self._scene.threshold(self.code, name) for name in ("packets", "rate"))
        found = [each for each in self._targets.values() if each.packets >= packets and each.packet_rate >= rate]
        for each in found:
            self._scene.flooded.add(flow_hosts(each.first)[1])
        return [flood_violation(self, each, "ICMP queries", "CERT CA-1998-01; RFC 4732 section 2", _ADVICE) for each in found]
