"""One host that tries one port of many others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import plural
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.port_scan import probes
from pcapaudit.findings.scene import Scene, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["HostSweep"]

#: Sweeps that get a finding each; further ones are counted in them.
SINGLE_SWEEPS = 3
#: ICMP and ICMPv6 echo requests.
_ECHO = {(consts.PROTO_ICMP, 8), (consts.PROTO_ICMPV6, 128)}


class HostSweep:
    """A host that tries the same port of many hosts, or pings them, from inside or let through.

    ## What it does
    Counts, by source and port, the short TCP and UDP flows that came to nothing (no answer, or a RST) and their destinations; and by source
    the echo requests. Sweeps from outside that were refused whole are reported as `unsolicited-inbound`.

    ## Why it matters
    This is how worms look for the next victim and how intruders look around. From inside, a monitoring system or an inventory does the
    same and should be known; everything else wants a look at the source today.

    ## Example
    A notebook that asks every address of 10.20.0.0/16 for port 445.

    ## Source
    RFC 4949, scan; nmap reference guide, host discovery.
    """

    code: ClassVar[str] = "host-sweep"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._sweeps = Crowds()
        self._pings = Crowds()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count flows by source and port."""
        flows = self._scene.flows(rows)
        at, failed = flows.once("probes", lambda: probes(self._scene, flows))
        if failed.any():
            self._sweeps.add(flows, at, hash_of(flows, at, "src_hi", "src_lo", "dport", "proto"), failed)
        proto = flows["proto"]
        echo = np.zeros(len(flows), np.bool_)
        for number, kind in _ECHO:
            echo |= (proto == number) & (flows["icmp_type"] == kind)
        if echo.any():
            echo &= ~((flows["blocked"] != 0) & self._scene.outside[flows["iif"]])
            pings = np.flatnonzero(echo)
            # A sweep pings each host a few times; who pings one for hours is no sweep.
            self._pings.add(flows, pings, hash_of(flows, pings, "src_hi", "src_lo"), flows.sent[pings] <= 8)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a sweep, the largest first."""
        hosts, share = (self._scene.threshold(self.code, name) for name in ("hosts", "share"))
        sweeps = [each for each in self._sweeps.values() if len(each.hosts) >= hosts and each.hits >= share * each.all]
        pings = [each for each in self._pings.values() if len(each.hosts) >= hosts and each.hits - each.answered >= share * each.hits / 2]
        found = sorted([*sweeps, *pings], key=lambda each: (-len(each.hosts), int(each.first["first_frame"])))
        further = max(0, len(found) - SINGLE_SWEEPS)
        return [self._violation(each, further) for each in found[:SINGLE_SWEEPS]]

    def _violation(self, sweep: Crowd, further: int) -> Violation:
        source, target = flow_hosts(sweep.first)
        proto, port = vocab.PROTOCOLS[int(sweep.first["proto"])], int(sweep.first["dport"])
        what = f"{proto} port {port} of" if port else f"echo requests ({proto}) to"
        fate = "none answered" if sweep.hits == sweep.all else f"{sweep.hits} of {plural(sweep.all, 'attempt')} came to nothing"
        if sweep.answered:
            fate = f"{sweep.answered} answered"
        more = f" {plural(further, 'more sweep')} like it." if further else ""
        return Violation(
            code=self.code,
            severity=self.severity,
            flow=int(sweep.first["flow"]),
            first_frame=int(sweep.first["first_frame"]),
            last_frame=sweep.last_frame,
            count=sweep.all,
            message=f"{source} tried {what} {sweep.hosts.text} hosts in {sweep.lasted}, first {target}; {fate}.{more}",
            evidence={
                "source": source,
                "protocol": proto,
                "port": port,
                "hosts": len(sweep.hosts),
                "more_hosts": sweep.hosts.full,
                "flows": sweep.all,
                "failed": sweep.hits,
                "refused": sweep.refused,
                "seconds": round(sweep.seconds, 6),
                "rates": sweep.rates.evidence(),
                "further_sweeps": further,
            },
            rule=sweep.rule,
            source="RFC 4949, scan",
            advice=(
                "Find out what runs on the source. Inside hosts should reach only the networks they need; a limit on new connections by "
                "source (meter, hashlimit) makes a sweep slow."
            ),
        )
