"""Flows that lived on after the firewall had forgotten them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.spans import span
from pcapaudit.findings.recent import Recent
from pcapaudit.findings.scene import FlowView, Scene, address_text, endpoint_text
from pcapaudit.findings.violation import Severity, Violation

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig

__all__ = ["FlowCutByTimeout"]

#: Ended flows remembered: 2 to the power of it.
MEMORY_BITS = 16
#: Flows of one five-tuple that end together and are told apart.
MAX_TURNS = 64
#: Cut flows remembered, and those of one protocol that get a finding each; more become one finding.
MAX_CUTS = 1024
SINGLE_CUTS = 3
#: Silence after which nobody can say that it is the same conversation.
LONGEST_NS = 30 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Cut:
    """A flow that went on after its entry had timed out."""

    #: Flow before the silence, and after it.
    flow: int
    next_flow: int
    #: ``tcp`` or ``udp``.
    protocol: str
    #: Who broke the silence, and to whom.
    source: str
    destination: str
    #: Their addresses.
    hosts: tuple[str, str]
    #: Last frame before the silence, first after it, last of the flow after it.
    last_frame: int
    first_frame: int
    end_frame: int
    #: Silence, and time-out that ran, in nanoseconds.
    silence_ns: int
    timeout_ns: int
    #: Packets refused afterwards, and all.
    refused: int
    packets: int
    #: Rule that decided the first of them.
    rule: int
    #: Names of the timers of the protocol that are set to that time-out.
    timers: tuple[str, ...] = ()


class FlowCutByTimeout:
    """A live flow whose entry timed out before its next packet.

    ## What it does
    Joins the flows that ended by time-out with what came on the same five-tuple afterwards. It reports those whose next packet was refused,
    and TCP connections that went on without a SYN: which timer ran, how much later the packet came, and what happened to it.

    ## Why it matters
    Neither end knows that the firewall has forgotten them. Applications hang until their own timer fires, telephones do not ring,
    database pools hand out dead connections; and a log shows only "default deny".

    ## Example
    `captures/idle-tcp.pcap`: a connection silent for six days through a firewall that remembers for five.
    `captures/idle-udp.pcap`: a telephone whose server calls after 150 seconds of silence, with a time-out of 120.

    ## Source
    Linux nf_conntrack time-outs (tcp.established 5 days, udp.stream 120 s, udp.unreplied 30 s); RFC 5382 REQ-5; RFC 4787 REQ-5.
    """

    code: ClassVar[str] = "flow-cut-by-timeout"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By five-tuple; ``side`` is the end that opened the flow, ``answered`` whether the other one was heard.
        fields = [("flow", "u4"), ("last_frame", "u8"), ("last_ns", "i8"), ("end_ns", "i8"), ("side", "u1"), ("answered", "?")]
        self._ended = Recent(MEMORY_BITS, fields)
        self._any = False
        self._cuts: dict[int, _Cut] = {}
        self._missed = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Packets say nothing that flows do not."""

    def on_flows(self, rows: Any) -> None:
        """Join the flows with those that timed out on the same five-tuple before."""
        flows = self._scene.flows(rows)
        proto = flows["proto"]
        over = (flows["end"] == consts.END_TIMEOUT) & (flows["blocked"] == 0)
        over &= (proto == consts.PROTO_UDP) | (
            flows.answered & (flows["tcp_state"] == consts.TCPS_ESTABLISHED) & (proto == consts.PROTO_TCP)
        )
        if self._any:
            self._join(flows)
        if not over.any():
            return
        self._any = True
        ended = np.flatnonzero(over)
        keys, sides = flows.keys(ended)
        # Several flows of one five-tuple may end together, and each be the beginning of another: one after the other.
        turns = _turns(keys)
        for turn in range(min(int(turns.max()) + 1, MAX_TURNS)):
            now = np.flatnonzero(turns == turn)
            at = ended[now]
            known = {name: flows[name][at] for name in ("flow", "last_frame", "last_ns", "end_ns")}
            self._ended.put(keys[now], side=sides[now], answered=flows.answered[at], **known)
            self._join(flows)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a flow, or one a protocol when there are many."""
        found: list[Violation] = []
        for protocol in ("tcp", "udp"):
            cuts = sorted((cut for cut in self._cuts.values() if cut.protocol == protocol), key=lambda cut: cut.first_frame)
            for cut in cuts:
                self._scene.explained[cut.hosts] += cut.refused
            found += [_violation([cut], 0) for cut in cuts] if len(cuts) <= SINGLE_CUTS else [_violation(cuts, self._missed)]
        return found

    def _join(self, flows: FlowView) -> None:
        """Find the flows that go on with one that has timed out."""
        proto = flows["proto"]
        # A SYN opens another connection; a UDP flow that is let through again is well.
        wanted = (proto == consts.PROTO_TCP) & ((flows.opener_flags & consts.TCP_SYN) == 0)
        wanted |= (proto == consts.PROTO_UDP) & (flows["blocked"] != 0)
        at = np.flatnonzero(wanted)
        if not len(at):
            return
        keys, sides = flows.keys(at)
        places, known = self._ended.find(keys)
        if not known.any():
            return
        before = self._ended.places[places]
        first_ns = flows["first_ns"][at]
        later = known & (before["flow"] < flows["flow"][at]) & (before["end_ns"] <= first_ns) & (first_ns - before["last_ns"] <= LONGEST_NS)
        # A question asked again is no continuation, a late answer is.
        later &= before["answered"] | (sides != before["side"])
        for position in np.flatnonzero(later).tolist():
            row = flows.rows[at[position]]
            if int(row["flow"]) in self._cuts:
                continue
            if len(self._cuts) >= MAX_CUTS:
                self._missed += 1
                continue
            self._scene.continued.add(int(row["flow"]))
            self._cuts[int(row["flow"])] = _cut(row, before[position], self._scene.context.conntrack)


def _turns(keys: Any) -> Any:
    """How often each key was there before, in the order of the array."""
    order = np.argsort(keys, kind="stable")
    fresh = np.concatenate(([True], keys[order][1:] != keys[order][:-1]))
    starts = np.maximum.accumulate(np.where(fresh, np.arange(len(keys)), 0))
    turns = np.empty(len(keys), np.intp)
    turns[order] = np.arange(len(keys)) - starts
    return turns


def _cut(row: Any, before: Any, config: ConntrackConfig) -> _Cut:
    l3 = int(row["l3"])
    source, destination = (address_text(int(row[f"{end}_hi"]), int(row[f"{end}_lo"]), l3) for end in ("src", "dst"))
    protocol, timeout_ns = vocab.PROTOCOLS[int(row["proto"])], int(before["end_ns"]) - int(before["last_ns"])
    return _Cut(
        flow=int(before["flow"]),
        next_flow=int(row["flow"]),
        protocol=protocol,
        source=endpoint_text(source, int(row["sport"])),
        destination=endpoint_text(destination, int(row["dport"])),
        hosts=(source, destination),
        last_frame=int(before["last_frame"]),
        first_frame=int(row["first_frame"]),
        end_frame=int(row["last_frame"]),
        silence_ns=int(row["first_ns"]) - int(before["last_ns"]),
        timeout_ns=timeout_ns,
        refused=int(row["dropped"]) + int(row["rejected"]),
        packets=int(row["packets"].sum()),
        rule=int(row["rule"]) if row["blocked"] else 0,
        timers=tuple(config.timers_at(protocol, timeout_ns)),
    )


def _timer(cut: _Cut) -> str:
    """Which timer it was, if its name can be told."""
    return f" ({' or '.join(cut.timers)}, {span(cut.timeout_ns)})" if cut.timers else ""


def _violation(cuts: list[_Cut], missed: int) -> Violation:
    first, longest = cuts[0], max(cuts, key=lambda cut: cut.silence_ns)
    refused = sum(cut.refused for cut in cuts)
    timeout = max(cut.timeout_ns for cut in cuts)
    if len(cuts) == 1:
        fate = f"{first.refused} of {first.packets} packets after that were refused" if refused else "the connection was picked up again"
        message = (
            f"{first.source} went on talking to {first.destination} ({first.protocol}) after {span(first.silence_ns)} of silence, "
            f"{span(first.silence_ns - first.timeout_ns)} after its entry had timed out{_timer(first)}; {fate}."
        )
    else:
        message = (
            f"{len(cuts) + missed} {first.protocol} flows went on after their entries had timed out, for example {first.source} to "
            f"{first.destination} after {span(first.silence_ns)} of silence; {refused} packets were refused."
        )
    return Violation(
        code=FlowCutByTimeout.code,
        severity=Severity.MEDIUM if refused else Severity.INFO,
        flow=first.flow,
        first_frame=first.first_frame,
        last_frame=max(cut.end_frame for cut in cuts),
        count=len(cuts),
        message=message,
        evidence={
            "flows": len(cuts) + missed,
            "next_flow": first.next_flow,
            "protocol": first.protocol,
            "last_frame_before": first.last_frame,
            "silence_seconds": round(first.silence_ns / 1e9, 6),
            "longest_silence_seconds": round(longest.silence_ns / 1e9, 6),
            "timers": list(first.timers),
            "timeout_seconds": round(timeout / 1e9, 6),
            "late_seconds": round((first.silence_ns - first.timeout_ns) / 1e9, 6),
            "refused": refused,
        },
        rule=first.rule,
        source="Linux nf_conntrack time-outs; RFC 5382 REQ-5; RFC 4787 REQ-5",
        advice=(
            f"A keepalive more often than every {span(timeout)}, or a time-out above {span(longest.silence_ns)}, keeps "
            f"{'it' if len(cuts) == 1 else 'all of them'}; --timeout tries one."
        ),
    )
