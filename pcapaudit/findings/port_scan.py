"""Scans that the ruleset let through, or that come from inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import plural
from pcapaudit.findings.groups import Distinct, Groups, Pool, split
from pcapaudit.findings.scene import SERVICE_PORTS, Scene, address_text
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["PortScan"]

#: Pairs of hosts remembered, and those of one batch of flows that are told apart.
MAX_PAIRS = 2048
MAX_PAIRS_A_CALL = 64
#: When there are more, those that get looked at.
BUSIEST_PAIRS = 4
#: So many flows that end together are few, and so many are not yet many.
FEW_FLOWS, MANY_FLOWS = 64, 1024
#: Ports that all pairs together may fill.
MAX_PORTS = 200_000
#: A probe is no longer than this.
PROBE_PACKETS = 4
#: Scanners that get a finding each; further ones are counted in the last.
SINGLE_SCANS = 3
#: Ports shown in evidence.
SHOWN = 20


class _Pair:
    """Flows of one host to another."""

    __slots__ = ("all", "failed", "first", "first_ns", "last_frame", "last_ns", "opened", "ports", "refused")

    def __init__(self, pool: Pool) -> None:
        self.all = 0
        self.failed = 0
        self.refused = 0
        self.ports = Distinct(pool)
        #: Ports that answered.
        self.opened = Distinct(pool, 256)
        self.first: Any = None
        self.first_ns = 0
        self.last_ns = 0
        self.last_frame = 0


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

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pool = Pool(MAX_PORTS)
        self._pairs: Groups[tuple[str, str], _Pair] = Groups(MAX_PAIRS, lambda: _Pair(self._pool))

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count flows by pair of hosts."""
        flows = self._scene.flows(rows)
        proto, source, destination = flows["proto"], flows["sport"], flows["dport"]
        wanted = ((proto == consts.PROTO_TCP) | (proto == consts.PROTO_UDP)) & (destination != 0)
        wanted &= ~((flows["blocked"] != 0) & self._scene.outside[flows["iif"]])
        # From a service's port to a client's it is an answer whose question was not seen.
        wanted &= ~SERVICE_PORTS[source] | SERVICE_PORTS[destination]
        at = np.flatnonzero(wanted & ((flows.sent <= PROBE_PACKETS) | ~flows.answered))
        failed = ~flows.answered[at] | ((flows["tcp_flags"][at, 1] & consts.TCP_RST) != 0)
        if not failed.any():
            return
        keys = flows["src_hi"][at]
        for name in ("src_lo", "dst_hi", "dst_lo"):
            keys = keys * np.uint64(0x9E3779B97F4A7C15) ^ flows[name][at]
        parts, _ = split(keys, MAX_PAIRS_A_CALL, BUSIEST_PAIRS)
        # Among thousands of flows, a pair with one or two is no scan in the making.
        least = 1 if len(at) <= FEW_FLOWS else 2 if len(at) <= MANY_FLOWS else 4
        for part in parts:
            if len(part) >= least and 2 * np.count_nonzero(failed[part]) >= len(part):
                self._add(rows[at[part]])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a scan, the largest first."""
        ports, share = (self._scene.threshold(self.code, name) for name in ("ports", "share"))
        scans = [(hosts, pair) for hosts, pair in self._pairs.items() if len(pair.ports) >= ports and pair.failed >= share * pair.all]
        scans.sort(key=lambda item: (-len(item[1].ports), int(item[1].first["first_frame"])))
        further = max(0, len(scans) - SINGLE_SCANS)
        return [self._violation(hosts, pair, further) for hosts, pair in scans[:SINGLE_SCANS]]

    def _add(self, rows: Any) -> None:
        first = rows[0]
        l3 = int(first["l3"])
        hosts = tuple(address_text(int(first[f"{end}_hi"]), int(first[f"{end}_lo"]), l3) for end in ("src", "dst"))
        pair = self._pairs.at((hosts[0], hosts[1]), len(rows))
        if pair is None:
            return
        short = rows["packets"][:, 0] <= PROBE_PACKETS
        reset = (rows["tcp_flags"][:, 1] & consts.TCP_RST) != 0
        failed = short & ((rows["packets"][:, 1] == 0) | reset)
        pair.all += len(rows)
        pair.failed += int(np.count_nonzero(failed))
        pair.refused += int(np.count_nonzero(rows["blocked"]))
        pair.ports.update(rows["dport"])
        pair.opened.update(rows["dport"][(rows["packets"][:, 1] > 0) & ~reset])
        earliest = rows[int(rows["first_frame"].argmin())]
        if pair.first is None or earliest["first_frame"] < pair.first["first_frame"]:
            pair.first = earliest.copy()
        pair.first_ns = min(pair.first_ns or int(rows["first_ns"].min()), int(rows["first_ns"].min()))
        pair.last_ns = max(pair.last_ns, int(rows["first_ns"].max()))
        pair.last_frame = max(pair.last_frame, int(rows["last_frame"].max()))

    def _violation(self, hosts: tuple[str, str], pair: _Pair, further: int) -> Violation:
        seconds = (pair.last_ns - pair.first_ns) / 1e9
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
                f"{hosts[0]} tried {pair.ports.text} ports of {hosts[1]} in {seconds:.3g} s, "
                f"{pair.failed} of {pair.all} in vain{found}.{more}"
            ),
            evidence={
                "source": hosts[0],
                "target": hosts[1],
                "ports": len(pair.ports),
                "ports_shown": sorted(pair.ports.values)[:SHOWN],
                "answered": answered[:SHOWN],
                "flows": pair.all,
                "failed": pair.failed,
                "refused": pair.refused,
                "seconds": round(seconds, 6),
                "further_scans": further,
            },
            source="RFC 4949, port scan",
            advice=(
                "From inside: find out what runs on the source. From outside: restrict new connections to the ports that are served, so "
                "that the rest is refused by policy."
            ),
        )
