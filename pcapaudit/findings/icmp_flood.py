"""More pings to one host than anybody needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.floods import FloodKind, PacketFloods
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["IcmpFlood"]

_ADVICE = (
    "Limit echo requests at the firewall (limit rate 10/second, or a meter by source); do not drop ICMP errors with them, path MTU "
    "discovery needs those."
)


class IcmpFlood:
    """ICMP requests to one host at a high rate.

    ## What it does
    Counts, by destination, the packets of ICMP and ICMPv6 queries (echo, timestamp, mask), answered or not: how many, a second, from how
    many sources. Multicast is left out, broadcasts are not.

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
        self._floods = PacketFloods(scene, FloodKind(self.code, "ICMP queries", "CERT CA-1998-01; RFC 4732 section 2", _ADVICE))

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count packets by destination."""
        flows = self._scene.flows(rows)
        proto = flows["proto"]
        at = np.flatnonzero(((proto == consts.PROTO_ICMP) | (proto == consts.PROTO_ICMPV6)) & ~flows.to_group)
        self._floods.add(flows, at, np.ones(len(at), np.bool_))

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        return self._floods.violations()
