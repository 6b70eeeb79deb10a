"""Scans that the ruleset let through, or that come from inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import plural
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.scene import SERVICE_PORTS, FlowView, Scene, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["PortScan", "probes"]

#: A probe is no longer than this.
PROBE_PACKETS = 4
#: Scanners that get a finding each; further ones are counted in the last.
SINGLE_SCANS = 3
#: Ports shown in evidence.
SHOWN = 20


def probes(scene: Scene, flows: FlowView) -> tuple[Any, Any]:
    """Positions of the short TCP and UDP flows that may be probes, and a mask of those that came to nothing.

    What was refused from outside is left out (``unsolicited-inbound`` has it), and so are answers of a service.
    """
    proto = flows["proto"]
    wanted = ((proto == consts.PROTO_TCP) | (proto == consts.PROTO_UDP)) & (flows["dport"] != 0)
    wanted &= (flows.sent <= PROBE_PACKETS) | ~flows.answered
    at = np.flatnonzero(wanted)
    source, destination = flows["sport"][at], flows["dport"][at]
    # From a service's port to a client's it is an answer whose question was not seen.
    is_probe = ~SERVICE_PORTS[source] | SERVICE_PORTS[destination]
    if isinstance(flows.admitted, slice):
        at = at[is_probe]
    else:
        at = at[is_probe & ~((flows["blocked"][at] != 0) & scene.outside[flows["iif"][at]])]
    reset = (flows.answer_flags[at] & consts.TCP_RST) != 0
    return at, (flows.sent[at] <= PROBE_PACKETS) & (~flows.answered[at] | reset)


class PortScan:
    """A host that tries many ports of another, from inside or let through.

    ## What it does
    Counts, by pair of hosts, the short TCP and UDP flows that came to nothing (no answer, or a RST) and their ports, and names the
    ports that did answer. Scans from outside that were refused whole are reported as `unsolicited-inbound`.

    ## Why it matters
    From inside it is an administrator, or a machine that is no longer yours. From outside and let through, it shows that the ruleset
    lets strangers ask for more ports than it serves.

    ## Example
    `captures/scan.pcap` with `--local 203.0.113.0/24`: nmap, run inside.

    ## Source
    RFC 4949, port scan; nmap reference guide, port scanning techniques.
    """

    code: ClassVar[str] = "port-scan"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pairs = Crowds()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count flows by pair of hosts."""
        flows = self._scene.flows(rows)
        at, failed = flows.once("probes", lambda: probes(self._scene, flows))
        if failed.any():
            self._pairs.add(flows, at, hash_of(flows, at, "src_hi", "src_lo", "dst_hi", "dst_lo"), failed)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a scan, the largest first."""
        ports, share = (self._scene.threshold(self.code, name) for name in ("ports", "share"))
        scans = [(_ports(pair), pair) for pair in self._pairs.values() if pair.hits and pair.hits >= share * pair.all]
        # Many ports tried until one path was open are a hole punch.
        scans = [(tried, pair) for tried, pair in scans if len(tried) >= ports and flow_hosts(pair.first) not in self._scene.punched]
        scans.sort(key=lambda item: (-len(item[0]), int(item[1].first["first_frame"])))
        further = max(0, len(scans) - SINGLE_SCANS)
        return [self._violation(pair, tried, further) for tried, pair in scans[:SINGLE_SCANS]]

    def _violation(self, pair: Crowd, tried: set[int], further: int) -> Violation:
        source, target = flow_hosts(pair.first)
        answered = sorted(pair.opened.values)
        found = f"; answers from {plural(len(answered), 'port')}: {', '.join(map(str, answered[:8]))}" if answered else "; none answered"
        more = f" {plural(further, 'more scan')} like it." if further else ""
        return Violation(
            code=self.code,
            severity=self.severity,
            flow=int(pair.first["flow"]),
            first_frame=int(pair.first["first_frame"]),
            last_frame=pair.last_frame,
            count=pair.all,
            message=(
                f"{source} tried {'more than ' if pair.ports.full else ''}{len(tried)} ports of {target} in {pair.lasted}, "
                f"{pair.hits} of {pair.all} in vain{found}.{more}"
            ),
            evidence={
                "source": source,
                "target": target,
                "ports": len(tried),
                "ports_shown": sorted(tried)[:SHOWN],
                "answered": answered[:SHOWN],
                "flows": pair.all,
                "failed": pair.hits,
                "refused": pair.refused,
                "seconds": round(pair.seconds, 6),
                "rates": pair.rates.evidence(),
                "further_scans": further,
            },
            source="RFC 4949, port scan",
            advice=(
                "From inside: find out what runs on the source. From outside: restrict new connections to the ports that are served, so "
                "that the rest is refused by policy."
            ),
        )


def _ports(pair: Crowd) -> set[int]:
    """Ports tried, with and without success."""
    return pair.ports.values | pair.opened.values
