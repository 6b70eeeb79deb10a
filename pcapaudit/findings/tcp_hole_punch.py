"""TCP connections through the firewall that two hosts opened from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import plural
from pcapaudit.findings.handshakes import LOWEST_PORT, BothSyn, is_punch
from pcapaudit.findings.punching import filtering
from pcapaudit.findings.scene import Scene, flow_ends, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TcpHolePunch"]

#: Punched connections remembered.
MAX_PATHS = 1024

_HARDER = (
    "both SYNs must cross: a RST or an ICMP error from either filter for the early one ends it; the filter must know simultaneous open "
    "(Linux: SYN_SENT2); sequence numbers are checked, so that nobody else can open it for the two, and a guessed port costs a connection"
)


class TcpHolePunch:
    """A TCP connection through the firewall that two hosts opened towards each other.

    ## What it does
    Finds TCP connections from inside to outside between two ports that belong to no service in which the peer sent a SYN of its own:
    *simultaneous*, when each filter took the other's SYN for part of the connection that its own side had begun; *crossed*, when the peer's
    SYNs were refused before the inside sent one, which the peer then answered. With the filtering of RFC 4787 under which the peer's
    first SYN would have been let in.

    ## Why it matters
    As with `udp-hole-punch`, no inbound rule takes part in it. It is rarer because sequence checks make it harder: both SYNs must cross, a
    RST or ICMP error for the early one ends it, the filter must know simultaneous open (Linux: SYN_SENT2), and as sequence numbers are
    checked, a third host cannot open the way for the two, nor does a packet with a guessed number keep it open.

    ## Example
    `captures/tcp-simultaneous-open.pcap`: two SYNs, two SYN-ACKs, and data.

    ## Source
    RFC 5128 section 3.4; RFC 5382 REQ-2 and section 4.1; RFC 9293 section 3.5; Linux nf_conntrack_proto_tcp.c.
    """

    code: ClassVar[str] = "tcp-hole-punch"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("both_syn",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._both = BothSyn(scene, lambda row: is_punch(scene, row))
        self._crossed: list[Any] = []
        self._missed = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note connections with a SYN from either side."""
        self._both.on_batch(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """Keep those that went through, and those before which the peer had knocked."""
        self._both.on_flows(rows)
        flows = self._scene.flows(rows)
        tcp = flows.tcp
        if not len(tcp):
            return
        knocked = tcp[(flows["blocked_before"][tcp] > 0) & (flows["blocked"][tcp] == 0)]
        opened = (flows.opener_flags[knocked] & consts.TCP_SYN) != 0
        opened &= ((flows.answer_flags[knocked] & consts.TCP_SYN) != 0) & self._scene.inside[flows["iif"][knocked]]
        opened &= np.minimum(flows["sport"][knocked], flows["dport"][knocked]) >= LOWEST_PORT
        known = {int(row["flow"]) for _, row in self._both.found}
        for at in knocked[opened & self._scene.outside[flows["oif"][knocked]]].tolist():
            if int(rows[at]["flow"]) in known:
                continue
            if len(self._crossed) < MAX_PATHS:
                self._crossed.append(rows[at].copy())
            else:
                self._missed += 1

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        paths = [("simultaneous", row) for _, row in self._both.found] + [("crossed", row) for row in self._crossed]
        if not paths:
            return []
        paths.sort(key=lambda path: int(path[1]["first_frame"]))
        order, row = paths[0]
        local, peer = flow_ends(row)
        knocks = int(row["blocked_before"])
        for _, each in paths:
            inside, outside = flow_hosts(each)
            self._scene.explained[outside, inside] += int(each["blocked_before"])
        how = f"{plural(knocks, 'SYN')} of the peer had been refused before" if knocks else "the peer's own SYN took the place of an answer"
        return [
            Violation(
                code=self.code,
                severity=self.severity,
                flow=int(row["flow"]),
                first_frame=int(row["first_frame"]),
                last_frame=max(int(each["last_frame"]) for _, each in paths),
                count=len(paths) + self._missed,
                message=(
                    f"{plural(len(paths) + self._missed, 'TCP connection')} through the firewall opened from both sides: {local} and "
                    f"{peer}, {order} ({how})."
                ),
                evidence={
                    "order": order,
                    "local": local,
                    "peer": peer,
                    "paths": len(paths) + self._missed,
                    "simultaneous": len(self._both.found),
                    "refused_before": knocks,
                    "history": row["history"].decode("ascii"),
                    "first_syn_let_in": filtering(not knocks, not knocks, not knocks),
                    "why_harder_than_udp": _HARDER,
                },
                source="RFC 5128 section 3.4; RFC 5382 REQ-2; RFC 9293 section 3.5",
                advice=(
                    "If peer-to-peer traffic is wanted, nothing. If it is not: let the inside connect to named ports only, and drop SYN in "
                    "the reply direction (ct direction reply tcp flags & (syn | ack) == syn drop)."
                ),
            )
        ]
