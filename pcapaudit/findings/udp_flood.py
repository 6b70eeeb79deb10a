"""Far more UDP to one host than it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.floods import FloodKind, PacketFloods
from pcapaudit.findings.reflection_amplification import REFLECTORS
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["UdpFlood"]

_ADVICE = (
    "If the receiver is gone, stop the sender. If it is an attack: drop in the raw or ingress hook, before an entry is made, limit by "
    "source where sources are true, and ask the provider to filter; notrack for services that need no state."
)


class UdpFlood:
    """UDP at a high rate to a host that answers none of it.

    ## What it does
    Counts, by destination, the packets of UDP flows that got no answer: how many, a second, from how many sources to how many ports. What
    comes from the ports of services that reflect is `reflection-amplification`; multicast is left out, broadcasts are not: nobody
    needs hundreds of them a second.

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
        self._floods = PacketFloods(scene, FloodKind(self.code, "UDP packets", "CERT CA-1996-01; RFC 4732 section 2", _ADVICE))

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count packets by destination."""
        flows = self._scene.flows(rows)
        at = np.flatnonzero((flows["proto"] == consts.PROTO_UDP) & ~flows.to_group)
        self._floods.add(flows, at, ~flows.answered[at] & ~REFLECTORS[flows["sport"][at]])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target."""
        return self._floods.violations()
