"""Entries that sit in the table long after their connection is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.spans import span
from pcapaudit.findings.scene import Scene, flow_ends
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TimeoutTooLong"]

_SECOND = 1_000_000_000
#: The least that RFCs ask for: protocol → (seconds, where it is said, Linux's timer).
_LEAST = {
    consts.PROTO_TCP: (7440, "RFC 5382 REQ-5 (2 hours and 4 minutes)", "tcp.established"),
    consts.PROTO_UDP: (120, "RFC 4787 REQ-5 (2 minutes; better 5)", "udp.stream"),
}


class _Idle:
    """Entries of one protocol that nobody used any more."""

    __slots__ = ("count", "first", "last_frame", "longest_ns", "pause_ns", "total", "total_ns")

    def __init__(self) -> None:
        #: Entries, and those that sat idle.
        self.total = 0
        self.count = 0
        self.total_ns = self.longest_ns = 0
        #: Longest pause after which a connection went on.
        self.pause_ns = 0
        self.last_frame = 0
        self.first: Any = None


class TimeoutTooLong:
    """Entries that outlive the last packet of their connection by far.

    ## What it does
    Measures how long entries of established TCP connections and of UDP flows were kept after their last packet, until their timer fired or
    the capture ended, and the longest pause after which a connection did go on. Reported when several sat idle for an hour and more, ten
    times as long as any pause that was survived.

    ## Why it matters
    An idle entry costs memory (about 300 bytes), and it is a door: whoever knows or guesses the five-tuple is let through as
    "established" until the timer fires, days later. Peers that vanish without a FIN leave one each.

    ## Example
    `captures/dead-peer.pcap` with a capture that goes on for a day: five days of tcp.established for a peer without power.

    ## Source
    Linux nf_conntrack_tcp_timeout_established (5 days); RFC 5382 REQ-5; RFC 4787 REQ-5; RFC 6092 section 3.3.
    """

    code: ClassVar[str] = "timeout-too-long"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._idle = {proto: _Idle() for proto in _LEAST}
        self._long_ns = round(scene.threshold(self.code, "seconds") * _SECOND)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Measure how long entries were kept in vain."""
        flows = self._scene.flows(rows)
        proto = flows["proto"]
        open_tcp = (proto == consts.PROTO_TCP) & (flows["tcp_state"] == consts.TCPS_ESTABLISHED)
        kept = (open_tcp | (proto == consts.PROTO_UDP)) & flows.answered & (flows["blocked"] == 0)
        if not kept.any():
            return
        idle = flows["end_ns"] - flows["last_ns"]
        for number, found in self._idle.items():
            at = np.flatnonzero((proto == number) & kept)
            if len(at):
                self._add(found, flows, at, idle[at])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a protocol."""
        least, times = (self._scene.threshold(self.code, name) for name in ("entries", "times"))
        found = [(proto, idle) for proto, idle in self._idle.items() if idle.count >= least]
        return [_violation(proto, idle) for proto, idle in found if idle.longest_ns >= times * idle.pause_ns]

    def _add(self, found: _Idle, flows: Any, at: Any, idle: Any) -> None:
        found.total += len(at)
        found.pause_ns = max(found.pause_ns, int(flows["max_gap_ns"][at].max()))
        long = idle >= self._long_ns
        if not long.any():
            return
        at, idle = at[long], idle[long]
        found.count += len(at)
        found.total_ns += int(idle.sum())
        found.last_frame = max(found.last_frame, int(flows["last_frame"][at].max()))
        place = int(idle.argmax())
        if int(idle[place]) > found.longest_ns:
            found.longest_ns, found.first = int(idle[place]), flows.rows[at[place]].copy()


def _violation(proto: int, idle: _Idle) -> Violation:
    least, why, timer = _LEAST[proto]
    enough = max(least, 2 * (-(-idle.pause_ns // _SECOND)))
    source, destination = flow_ends(idle.first)
    return Violation(
        code=TimeoutTooLong.code,
        severity=Severity.LOW,
        flow=int(idle.first["flow"]),
        first_frame=int(idle.first["last_frame"]),
        last_frame=idle.last_frame,
        count=idle.count,
        message=(
            f"{idle.count} of {idle.total} {vocab.PROTOCOLS[proto]} entries sat idle, {span(idle.total_ns // idle.count)} on average and "
            f"{span(idle.longest_ns)} at most ({source} to {destination}); the longest pause that any of them survived was "
            f"{span(idle.pause_ns)}."
        ),
        evidence={
            "protocol": vocab.PROTOCOLS[proto],
            "timer": timer,
            "entries": idle.total,
            "idle_entries": idle.count,
            "idle_seconds": round(idle.total_ns / 1e9, 3),
            "longest_idle_seconds": round(idle.longest_ns / 1e9, 3),
            "longest_pause_survived_seconds": round(idle.pause_ns / 1e9, 3),
            "bytes_held": idle.count * 300,
            "enough_seconds": enough,
        },
        source="Linux nf_conntrack_tcp_timeout_established; RFC 5382 REQ-5; RFC 4787 REQ-5",
        advice=f"{timer} of {enough} s would have kept every connection of this capture that went on, and is not below {why}; "
        f"--timeout {timer}={enough}s tries it.",
    )
