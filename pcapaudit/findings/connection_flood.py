"""More completed connections to one port than it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.crowds import Crowd, Crowds, hash_of
from pcapaudit.findings.scene import Scene, endpoint_text, flow_ends, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["ConnectionFlood"]

#: A connection with no more bytes from its opener than this (IP bytes on the wire) has hardly asked for anything.
SMALL_BYTES = 600
_DONE = consts.TCP_SYN | consts.TCP_ACK


class ConnectionFlood:
    """Completed TCP connections to one port that ask for next to nothing, at a high rate or held open by the hundred.

    ## What it does
    Counts, by target, the TCP connections that were completed and in which the opener sent hardly anything: many a second, or many that
    nobody closed. Connections that carry requests count against it.

    ## Why it matters
    SYN cookies do not help, as the handshake is true, and so are the sources. Each holds a worker of the server, and an entry of the
    connection table for five days if nobody closes it.

    ## Example
    Slowloris: hundreds of connections to a web server, each with half a request that never ends.

    ## Source
    RFC 4732 section 2; Linux nf_conntrack tcp.established (5 days); RFC 6585.
    """

    code: ClassVar[str] = "connection-flood"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: Connections that were closed, and those that were not.
        self._brief = Crowds()
        self._held = Crowds()

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Count connections by target."""
        flows = self._scene.flows(rows)
        at = flows.tcp[flows.answered[flows.tcp]]
        done = (flows.opener_flags[at] & _DONE) == _DONE
        done &= (flows.answer_flags[at] & _DONE) == _DONE
        at = at[done]
        if not len(at):
            return
        small = flows["bytes"][at, 0] <= SMALL_BYTES
        closing = consts.TCP_FIN | consts.TCP_RST
        held = ((flows.opener_flags[at] | flows.answer_flags[at]) & closing) == 0
        if np.count_nonzero(small) * 2 < len(at) and len(at) > 64:
            return
        keys = hash_of(flows, at, "dst_hi", "dst_lo", "dport")
        self._brief.add(flows, at, keys, small & ~held)
        self._held.add(flows, at, keys, small & held)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a target and kind."""
        limit = self._scene.threshold
        share = limit(self.code, "share")
        brief = [each for each in self._brief.values() if each.hits >= limit(self.code, "connections") and each.hits >= share * each.all]
        found = [self._violation(each, "closed again") for each in brief if each.rate >= limit(self.code, "rate")]
        held = [each for each in self._held.values() if each.hits >= limit(self.code, "held") and each.hits >= share * each.all]
        return found + [self._violation(each, "held open") for each in held]

    def _violation(self, target: Crowd, how: str) -> Violation:
        where = endpoint_text(flow_hosts(target.first)[1], int(target.first["dport"]))
        return Violation(
            code=self.code,
            severity=self.severity,
            flow=int(target.first["flow"]),
            first_frame=int(target.first["first_frame"]),
            last_frame=target.last_frame,
            count=target.hits,
            message=(
                f"{where}: {target.hits} of {target.all} connections were completed, asked for next to nothing and were {how}, from "
                f"{target.who} in {target.lasted}."
            ),
            evidence={
                "kind": how.replace(" ", "-"),
                "target": where,
                "connections": target.all,
                "empty": target.hits,
                "connections_per_second": round(target.rate, 1),
                "bytes_from_openers": target.bytes,
                "seconds": round(target.seconds, 6),
                "first_source": flow_ends(target.first)[0],
                **target.spoofing(),
                "rates": target.rates.evidence(),
            },
            source="RFC 4732 section 2; Linux nf_conntrack tcp.established",
            advice=(
                "Sources of completed handshakes are true: limit connections by source (ct count over 50, connlimit), and shorten the "
                "server's time-out for requests."
            ),
        )
