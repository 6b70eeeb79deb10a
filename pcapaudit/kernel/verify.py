"""Compares engine and kernel, packet by packet.

The kernel has one clock, and it cannot be turned: packets arrive one after the other at once, or, in real time, when the capture says.
So the engine runs **twice** over the same packets. Once with the times at which the kernel got them: this is what the kernel is compared
with, field by field. Once with the capture's times: where the two runs of the engine differ, a time-out lies in a gap that the kernel did
not wait through; such a frame is named, because nobody has compared what the engine says of it in the capture's time.

Not compared, and counted by reason: what the kernel cannot be given (no IP packet, headers cut off), what never reaches its rules (refused
by the IP layer or by routing), and what later follows between the same two addresses, for the two sides then know different things.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel.packets import Tuples, addresses, is_multicast, packet_of
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.vantage import Vantage

if TYPE_CHECKING:
    from pcapaudit.core.columns import VerdictBatch
    from pcapaudit.kernel.observe import Observation
    from pcapaudit.kernel.sandbox import Sandbox
    from pcapaudit.replay.consumer import Context

__all__ = ["FIELDS", "SKIPPED", "UNKNOWN_INTERFACE", "Difference", "Report", "Side", "kernel_sysctls", "verify"]

#: What is compared, in the order of reports.
FIELDS = ("ct-state", "direction", "verdict", "tcp-state", "status", "time-out")
#: Why a frame, or a part of what is known of it, is not compared.
SKIPPED = {
    "no-ip": "no IP packet",
    "cut": "headers cut off by the capture, or a checksum that cannot be finished",
    "fragment": "fragments behind which the kernel has more to come: the datagram is compared at the one that completes it",
    "ip-layer": "refused by the kernel's IP layer, before conntrack",
    "routing": "not routed to the rules by the kernel: verdict and entry not compared",
    "undecided": "the engine cannot decide: verdict not compared",
    "after": "different, but behind a packet between the same addresses that only one side has judged",
}
#: The device for packets whose interface the topology does not know.
UNKNOWN_INTERFACE = "unknown-zone"

_NS = 1_000_000_000
_STATUS = consts.STATUS_EXPECTED | consts.STATUS_SEEN_REPLY | consts.STATUS_ASSURED | consts.STATUS_CONFIRMED
_TRACKED = {consts.CT_NEW, consts.CT_ESTABLISHED, consts.CT_RELATED}
_SLACK_SECONDS = 1
#: Names of the states of other protocols than TCP, and of one that is not shown.
_STATES = {consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}
_NO_STATES = dict.fromkeys(range(16), "")
#: Compared between the two runs of the engine.
_TIMED = ("ct_state", "direction", "verdict", "tcp_state", "ct_status")
#: Frames behind gaps that are named.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says of a packet; None where it says nothing that could be compared."""

    ct_state: str
    direction: str
    #: ``accept`` or ``drop``; the kernel's log does not tell a reject from a drop.
    verdict: str | None
    #: State of TCP, SCTP or DCCP; None without an entry.
    tcp_state: str | None
    #: Bits that are compared, by name.
    status: tuple[str, ...] | None
    #: Seconds left to the entry.
    timeout: float | None

    def values(self) -> dict[str, object]:
        """By field name."""
        return dict(zip(FIELDS, (self.ct_state, self.direction, self.verdict, self.tcp_state, self.status, self.timeout), strict=True))


@dataclass(frozen=True, slots=True)
class Difference:
    """A packet of which the two sides say different things."""

    #: Number of the frame, from 1.
    frame: int
    #: Names of the fields that differ.
    fields: tuple[str, ...]
    engine: Side
    kernel: Side


@dataclass(slots=True)
class Report:
    """What a comparison came to."""

    frames: int = 0
    #: Packets of which at least ct state was compared.
    compared: int = 0
    #: Packets that differ, and the first of them.
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    #: Field → packets that differ in it.
    by_field: Counter[str] = field(default_factory=Counter)
    #: Key of SKIPPED → frames.
    skipped: Counter[str] = field(default_factory=Counter)
    #: Frames on which a gap in time tells that was not waited through, and the first of them.
    behind_gap: int = 0
    gap_frames: list[int] = field(default_factory=list)


def kernel_sysctls(config: ConntrackConfig) -> dict[str, int]:
    """The same settings as sysctls, paths below /proc/sys/net. Raises ConfigError for what a kernel has no word for."""
    if config.max:
        raise ConfigError("nf_conntrack_max belongs to the whole machine, which verify does not touch; leave it away")
    switches = {
        "tcp_loose": config.tcp_loose,
        "tcp_be_liberal": config.tcp_be_liberal,
        "tcp_ignore_invalid_rst": config.tcp_ignore_invalid_rst,
        "tcp_max_retrans": config.tcp_max_retrans,
        "checksum": int(config.checksum),
    }
    found = {f"netfilter/nf_conntrack_{name}": value for name, value in switches.items()}
    limits = {
        "ipfrag_high_thresh": "ipv4/ipfrag_high_thresh",
        "frag6_high_thresh": "netfilter/nf_conntrack_frag6_high_thresh",
        "ipfrag_max_dist": "ipv4/ipfrag_max_dist",
    }
    found |= {path: getattr(config, name) for name, path in limits.items() if getattr(config, name) != getattr(ConntrackConfig(), name)}
    names = _sysctl_names()
    for name, value in config.timeouts.items():
        if name not in names or value % _NS:
            what = "has no sysctl" if name not in names else "takes whole seconds"
            raise ConfigError(f"--timeout {name}: the kernel {what}; leave the option away to compare the rest")
        found[names[name]] = value // _NS
    return found


def _sysctl_names() -> Mapping[str, str]:
    """Timer → path below /proc/sys/net."""
    irregular = {
        "udp.unreplied": "udp_timeout",
        "udp.stream": "udp_timeout_stream",
        "gre.unreplied": "gre_timeout",
        "gre.stream": "gre_timeout_stream",
        "fragment.ipv6": "frag6_timeout",
    }
    found = {}
    for name in DEFAULT_TIMEOUTS:
        family, _, timer = name.partition(".")
        short = irregular.get(name) or (f"{family}_timeout_{timer}" if timer else f"{family}_timeout")
        found[name] = f"netfilter/nf_conntrack_{short}"
    del found["tcp.syn_sent2"]
    found["fragment.ipv4"] = "ipv4/ipfrag_time"
    return found


def verify(
    context: Context, sandbox: Sandbox, *, realtime: bool = False, max_shown: int = 20, progress: Callable[[], None] | None = None
) -> Report:
    """Compare over the whole stream of a context. Raises CaptureError, ConfigError."""
    source = Source(context.stream, context.checksum)
    at_kernel, at_capture = Engine(context, source), Engine(context, source)
    kernel = _Kernel(context, source, sandbox, realtime)
    comparison = _Comparison(source, max_shown)
    times = source.batch.arrays["ts_ns"]
    while source.read():
        count = source.batch.count
        seen = kernel.feed()
        stamps = times[:count].copy()
        times[:count] = kernel.times
        at_kernel.judge(())
        times[:count] = stamps
        at_capture.judge(())
        comparison.pairs = kernel.pairs
        comparison.take(seen, at_kernel.verdicts, at_capture.verdicts)
        if progress is not None:
            progress()
    return comparison.report


class _Kernel:
    """Gives the packets of a source to a sandbox."""

    def __init__(self, context: Context, source: Source, sandbox: Sandbox, realtime: bool) -> None:
        self._batch = source.batch
        self._vantage = Vantage(context.topology, source.batch, source.stream.interfaces)
        self._sandbox = sandbox
        self._tuples = Tuples(source.batch)
        self._unknown = len(context.topology.interfaces)
        self._realtime = realtime
        self._wall = time.time_ns() - time.monotonic_ns()
        self._first: tuple[int, int] | None = None
        #: When the frames of the batch arrived, ns since 1970.
        self.times: list[int] = []
        #: Between which addresses the connections of the frames are; None where that is not known.
        self.pairs: list[frozenset[bytes] | None] = []

    def feed(self) -> list[Observation | None]:
        """Give it the batch. Returns what was seen of each frame; None for what could not be given."""
        self._vantage.place()
        self.times, self.pairs = [], []
        return [self._one(i) for i in range(self._batch.count)]

    def _one(self, i: int) -> Observation | None:
        packet = packet_of(self._batch, i)
        if self._realtime:
            self._wait(int(self._batch.arrays["ts_ns"][i]))
        self.times.append(self._wall + time.monotonic_ns())
        wanted = self._tuples.of(i)
        self.pairs.append(frozenset((wanted.source, wanted.target)) if wanted else None)
        if packet is None:
            return None
        interface = min(int(self._batch.arrays["iif"][i]), self._unknown)
        target = addresses(self._batch, i)[1]
        if is_multicast(target):
            self._sandbox.join(interface, target)
        self._sandbox.inject(interface, packet)
        return self._sandbox.observe(wanted)

    def _wait(self, stamp: int) -> None:
        now = time.monotonic_ns()
        if self._first is None:
            self._first = (stamp, now)
        due = self._first[1] + stamp - self._first[0]
        if due > now:
            time.sleep((due - now) / _NS)


class _Comparison:
    """Keeps what differs."""

    def __init__(self, source: Source, max_shown: int) -> None:
        self.report = Report()
        self._batch = source.batch
        self._max_shown = max_shown
        #: Pairs of addresses of which one side has judged a packet that the other has not.
        self._apart: set[frozenset[bytes]] = set()
        #: As those of _Kernel, for the batch: an ICMP error is about the addresses that it quotes.
        self.pairs: list[frozenset[bytes] | None] = []

    def take(self, seen: list[Observation | None], at_kernel: VerdictBatch, at_capture: VerdictBatch) -> None:
        """Compare a batch."""
        for i, observation in enumerate(seen):
            self.report.frames += 1
            self._packet(i, observation, at_kernel)
            if any(at_kernel.arrays[name][i] != at_capture.arrays[name][i] for name in _TIMED):
                self.report.behind_gap += 1
                if len(self.report.gap_frames) < _NAMED:
                    self.report.gap_frames.append(self._batch.first_frame + i)

    def _packet(self, i: int, observation: Observation | None, verdicts: VerdictBatch) -> None:
        reason = self._why_not(i, observation)
        judged = int(verdicts.arrays["verdict"][i]) != consts.VERDICT_SKIP
        if observation is None or reason in {"fragment", "ip-layer"}:
            self.report.skipped[reason] += 1
            if judged and reason != "fragment":
                self._part(i)
            return
        self.report.compared += 1
        whole = not reason and bool(verdicts.arrays["decided"][i])
        if not whole:
            self.report.skipped[reason or "undecided"] += 1
        names = self._state_names(verdicts, i)
        engine = _engine_side(verdicts, i, names, whole, observation.asked)
        kernel = _kernel_side(observation, names, whole)
        differing = _compare(engine, kernel)
        if differing and self._is_apart(i):
            self.report.skipped["after"] += 1
        elif differing:
            self._differs(Difference(self._batch.first_frame + i, differing, engine, kernel))
        if not whole:
            self._part(i)

    def _why_not(self, i: int, observation: Observation | None) -> str:
        """A key of SKIPPED, or empty."""
        if observation is None:
            return "cut" if self._batch.arrays["l3"][i] else "no-ip"
        if "P" not in observation.points:
            return "ip-layer"
        if "C" not in observation.points and self._batch.arrays["frag"][i]:
            return "fragment"
        return "routing" if "R" in observation.points and "I" not in observation.points else ""

    def _differs(self, difference: Difference) -> None:
        self.report.different += 1
        self.report.by_field.update(difference.fields)
        if len(self.report.differences) < self._max_shown:
            self.report.differences.append(difference)

    def _part(self, i: int) -> None:
        if self._batch.arrays["l3"][i]:
            self._apart.add(frozenset(addresses(self._batch, i)))

    def _state_names(self, verdicts: VerdictBatch, i: int) -> Mapping[int, str]:
        """Names of the states of a packet's protocol. The engine tells none for an ICMP error that is not about TCP."""
        proto = int(self._batch.arrays["proto"][i])
        if proto in (consts.PROTO_ICMP, consts.PROTO_ICMPV6) and not verdicts.arrays["tcp_state"][i]:
            return _NO_STATES
        return _STATES.get(proto, vocab.TCP_STATES)

    def _is_apart(self, i: int) -> bool:
        return frozenset(addresses(self._batch, i)) in self._apart or self.pairs[i] in self._apart


def _engine_side(verdicts: VerdictBatch, i: int, names: Mapping[int, str], whole: bool, asked: bool) -> Side:
    state = int(verdicts.arrays["ct_state"][i])
    accepted = int(verdicts.arrays["verdict"][i]) == consts.VERDICT_ACCEPT
    status = int(verdicts.arrays["ct_status"][i])
    tracked = state in _TRACKED
    entry = whole and asked and tracked and bool(status & consts.STATUS_CONFIRMED)
    return Side(
        ct_state=vocab.CT_STATES[state],
        direction=vocab.DIRECTIONS[int(verdicts.arrays["direction"][i])] if tracked else "",
        verdict=("accept" if accepted else "drop") if whole else None,
        tcp_state=names[int(verdicts.arrays["tcp_state"][i])] if entry else None,
        status=tuple(vocab.status_names(status & _STATUS)) if entry else None,
        timeout=round(int(verdicts.arrays["timeout_ns"][i]) / _NS, 3) if entry else None,
    )


def _kernel_side(seen: Observation, names: Mapping[int, str], whole: bool) -> Side:
    entry = seen.entry if whole and seen.ct_state in _TRACKED else None
    return Side(
        ct_state=vocab.CT_STATES[seen.ct_state],
        direction=vocab.DIRECTIONS[seen.direction],
        verdict=("accept" if "A" in seen.points else "drop") if whole else None,
        tcp_state=names.get(entry.state, str(entry.state)) if entry else None,
        status=tuple(vocab.status_names(entry.status & _STATUS)) if entry else None,
        timeout=float(entry.seconds) if entry else None,
    )


def _compare(engine: Side, kernel: Side) -> tuple[str, ...]:
    """The fields that differ."""
    ours, theirs = engine.values(), kernel.values()
    differing = [name for name in FIELDS if ours[name] != theirs[name] and name != "time-out"]
    if engine.timeout is not None and kernel.timeout is not None and abs(engine.timeout - kernel.timeout) > _SLACK_SECONDS:
        differing.append("time-out")
    return tuple(differing)
