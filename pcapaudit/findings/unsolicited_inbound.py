"""Packets from outside that nobody asked for and that the firewall refused: by source and kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.spans import span
from pcapaudit.findings.groups import Distinct, Groups, Pool, split
from pcapaudit.findings.scene import SERVICE_PORTS, Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["UnsolicitedInbound"]

#: Sources remembered apart.
MAX_SOURCES = 2048
#: Sources of one batch that are told apart; when there are more, that is a flood, and only the busiest of it are.
MAX_SOURCES_A_BATCH = 256
BUSIEST_OF_A_FLOOD = 8
#: Refused attempts remembered: what comes later in the same blocked flow goes on with the attempt.
RECENT_FLOWS = 0x10000
#: Ports and hosts that all sources together may fill.
MAX_VALUES = 200_000
#: Sources of one kind that get a finding each; more become one finding.
SINGLE_SOURCES = 3
#: Examples of ports and hosts in evidence.
SHOWN = 20

ATTEMPT, STALE, BACKSCATTER, REPLY, SCAN = range(5)

#: ICMP types → kind: what is not named is an attempt. ICMPv6 types stand at 256 and more.
_ICMP_KINDS = np.full(512, ATTEMPT, np.uint8)
_ICMP_KINDS[[3, 4, 5, 11, 12, 256 + 1, 256 + 2, 256 + 3, 256 + 4]] = BACKSCATTER
_ICMP_KINDS[[0, 14, 16, 18, 256 + 129]] = REPLY


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of unsolicited packets is reported."""

    name: str
    severity: Severity
    #: What the source did; completes "SOURCE ... HOSTS".
    did: str
    source: str
    advice: str


_KINDS = {
    SCAN: _Kind(
        "scan",
        Severity.MEDIUM,
        "scanned",
        "RFC 4949, port scan",
        "Nothing of this got in. Look in the verdicts for accepted packets from the same source, and at the services behind any port "
        "that is open on purpose.",
    ),
    ATTEMPT: _Kind(
        "attempt",
        Severity.LOW,
        "tried to open connections to",
        "RFC 6092 section 3.2.3: inbound connections that no rule allows are refused",
        "If the service is meant to be reached, add a rule for it; if not, the refusal is what the firewall is for.",
    ),
    STALE: _Kind(
        "stale-flow",
        Severity.LOW,
        "sent mid-stream TCP packets to",
        "Linux nf_conntrack_proto_tcp.c: a packet of no connection in the table",
        "The firewall does not know these connections: they began before the capture, their entry timed out or their end was seen already, "
        "or their other direction takes another path. If they are live, lengthen the time-out or let both directions pass here.",
    ),
    BACKSCATTER: _Kind(
        "backscatter",
        Severity.INFO,
        "answered packets that were never seen to go out, to",
        "RFC 793 section 3.4: SYN-ACK, RST and ICMP errors answer something",
        "Somebody forges your addresses as senders, or the questions took another path. Nothing to do while it is little; much of it means "
        "that your addresses are used in an attack on the sender.",
    ),
    REPLY: _Kind(
        "reply-to-nothing",
        Severity.LOW,
        "sent answers without a question to",
        "RFC 4787 section 5; RFC 5452 for DNS",
        "Late answers after the entry timed out (compare the UDP time-out), or forged ones. With amplification services (DNS, NTP, SSDP) "
        "as sources, a reflection attack.",
    ),
}


class _Group:
    """Packets of one kind from one source."""

    __slots__ = ("count", "first", "first_ns", "hosts", "last_frame", "last_ns", "ports", "protocols", "rejected", "shapes")

    def __init__(self, pool: Pool) -> None:
        self.count = 0
        self.rejected = 0
        self.hosts = Distinct(pool)
        self.ports = Distinct(pool)
        self.protocols: Counter[str] = Counter()
        #: TCP flags as letters → packets.
        self.shapes: Counter[str] = Counter()
        #: The first packet.
        self.first: dict[str, Any] = {}
        self.first_ns = 0
        self.last_ns = 0
        self.last_frame = 0


class UnsolicitedInbound:
    """Packets from outside that nobody inside asked for, refused.

    ## What it does
    Collects the packets from zones that are not inside to zones inside (or to the firewall itself) that belong to no connection and
    were not accepted, by source host and kind: *scan* (many ports or hosts), *attempt* (the first packet of a connection),
    *stale-flow* (TCP from the middle of a connection that the table does not hold), *backscatter* (SYN-ACK, RST or ICMP errors
    in answer to nothing), *reply-to-nothing* (an echo reply, an answer from a service port). With ports, hosts and times.

    ## Why it matters
    This is what the stateful policy holds off, and one "default deny" line in a log covers five causes with five cures: a scan
    wants no action, a stale flow a longer time-out, an attempt perhaps a rule, backscatter a look at who uses your addresses.

    ## Example
    `captures/scan-refused.pcap`: nmap asks a host behind a firewall for its ports and hears nothing. One finding with the ports,
    and not one a packet.

    ## Source
    RFC 6092 section 3 (simple security); Linux nf_conntrack: NEW and INVALID.
    """

    code: ClassVar[str] = "unsolicited-inbound"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("uninvited",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pool = Pool(MAX_VALUES)
        #: By source address and kind.
        self._groups: Groups[tuple[str, int], _Group] = Groups(MAX_SOURCES, lambda: _Group(self._pool))
        #: By the lower bits of a flow's number: the flow whose first packet was an attempt.
        self._attempts = np.zeros(RECENT_FLOWS, np.uint32)
        #: Kind → packets of sources that are too many to be told apart.
        self._scattered = {kind: _Group(self._pool) for kind in _KINDS}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect what was refused at the outer side."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["uninvited"]
        if len(rows):
            rows = rows[~view.claimed[rows]]
        if not len(rows):
            return
        view.claimed[rows] = True
        kinds = self._joined_to_attempts(view["flow"][rows], _kinds(view, rows))
        high, low = view["src_hi"][rows], view["src_lo"][rows]
        parts, rest = split((high * np.uint64(0x9E3779B97F4A7C15) ^ low) * np.uint64(8) + kinds, MAX_SOURCES_A_BATCH, BUSIEST_OF_A_FLOOD)
        for at in parts:
            kind = int(kinds[at[0]])
            group = self._groups.at((view.address(int(rows[at[0]]), "src"), kind), len(at))
            _add(view, rows[at], group or self._scattered[kind])
        for kind in _KINDS:
            some = rest[kinds[rest] == kind]
            if len(some):
                _add(view, rows[some], self._scattered[kind])

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a source and kind, or one for the kind when there are many sources."""
        by_kind: dict[int, list[tuple[str, _Group]]] = {kind: [] for kind in _KINDS}
        scanners = {source for (source, kind), group in self._groups.items() if kind == ATTEMPT and self._is_scan(group)}
        for (source, kind), group in self._groups.items():
            if self._is_explained(source, group) or self._is_flood(kind, group):
                continue
            by_kind[SCAN if source in scanners and kind in {ATTEMPT, STALE} else kind].append((source, group))
        found = []
        for kind, groups in by_kind.items():
            scattered = self._scattered[kind]
            if self._is_flood(ATTEMPT if kind == SCAN else kind, scattered):
                scattered = _Group(self._pool)
            if kind == SCAN:
                groups = _joined(groups, self._pool)  # noqa: PLW2901  # a scan's SYN and ACK probes are one cause
            if len(groups) <= SINGLE_SOURCES and not scattered.count:
                found += [_single(kind, source, group) for source, group in groups]
            else:
                found.append(_merged(kind, groups, scattered))
        return found

    def _joined_to_attempts(self, flows: Any, kinds: Any) -> Any:
        """Kinds, where the later packets of a refused attempt, whose peers did talk where the capture was made, are attempts too."""
        opening = flows[kinds == ATTEMPT]
        self._attempts[opening % RECENT_FLOWS] = opening
        later = (kinds != ATTEMPT) & (flows != 0)
        if later.any():
            later &= self._attempts[flows % RECENT_FLOWS] == flows
            kinds[later] = ATTEMPT
        return kinds

    def _is_scan(self, group: _Group) -> bool:
        """Whether these attempts go to many ports or hosts."""
        ports, hosts = (self._scene.threshold(self.code, name) for name in ("ports", "hosts"))
        return len(group.ports) >= ports or len(group.hosts) >= hosts

    def _is_explained(self, source: str, group: _Group) -> bool:
        """Whether another detector has found, at the end, what these packets were."""
        host = group.first["destination_host"]
        return len(group.hosts) == 1 and self._scene.explained[source, host] >= group.count

    def _is_flood(self, kind: int, group: _Group) -> bool:
        """Whether these packets are part of a flood or a reflection that is reported."""
        known = self._scene.flooded if kind == ATTEMPT else self._scene.reflected if kind in {REPLY, BACKSCATTER} else set()
        return bool(group.count) and group.hosts.values <= known


def _kinds(view: View, rows: Any) -> Any:
    """Kind of each packet."""
    proto, flags, source, destination = (view[name][rows] for name in ("proto", "tcp_flags", "sport", "dport"))
    kinds = np.full(len(rows), ATTEMPT, np.uint64)
    tcp, icmp, icmp6 = (proto == number for number in (consts.PROTO_TCP, consts.PROTO_ICMP, consts.PROTO_ICMPV6))
    bits = consts.TCP_SYN | consts.TCP_ACK
    regular = view["reason"][rows] != consts.REASON_TCP_FLAGS
    kinds[tcp & regular & ((flags & bits) == consts.TCP_ACK)] = STALE
    kinds[tcp & regular & (((flags & bits) == bits) | ((flags & consts.TCP_RST) != 0))] = BACKSCATTER
    types = view["icmp_type"][rows].astype(np.intp) + 256 * icmp6
    kinds = np.where(icmp | icmp6, _ICMP_KINDS[types], kinds)
    answers = (proto == consts.PROTO_UDP) & SERVICE_PORTS[source] & ~SERVICE_PORTS[destination]
    kinds[answers] = REPLY
    return kinds.astype(np.uint64)


def _add(view: View, rows: Any, group: _Group) -> None:
    first, last = int(rows[0]), int(rows[-1])
    if not group.count:
        group.first = {
            "frame": view.frame(first),
            "source": view.source(first),
            "destination": view.destination(first),
            "destination_host": view.address(first, "dst"),
            "protocol": vocab.PROTOCOLS.get(int(view["proto"][first]), str(view["proto"][first])),
            "flow": int(view["flow"][first]),
            "rule": int(view["rule"][first]),
        }
        group.first_ns = group.last_ns = int(view["ts_ns"][first])
    group.count += len(rows)
    group.rejected += int(np.count_nonzero(view["verdict"][rows] == consts.VERDICT_REJECT))
    group.last_frame = view.frame(last)
    times = view["ts_ns"][rows]
    group.first_ns, group.last_ns = min(group.first_ns, int(times.min())), max(group.last_ns, int(times.max()))
    group.ports.update(view["dport"][rows])
    if not group.hosts.full:
        hosts = np.unique(view["dst_hi"][rows] ^ view["dst_lo"][rows], return_index=True)[1] if len(rows) > 1 else np.zeros(1, np.intp)
        group.hosts.update([view.address(row, "dst") for row in rows[hosts][:256].tolist()])
    proto = view["proto"][rows]
    for number, count in _counts(proto):
        group.protocols[vocab.PROTOCOLS.get(number, str(number))] += count
        if number == consts.PROTO_TCP:
            for flags, some in _counts(view["tcp_flags"][rows][proto == number]):
                group.shapes[_letters(flags)] += some


def _counts(values: Any) -> list[tuple[int, int]]:
    """Values of an array of bytes and how often each occurs."""
    found = np.bincount(values)
    return [(value, int(found[value])) for value in np.flatnonzero(found).tolist()]


def _letters(flags: int) -> str:
    return "".join(letter for bit, letter in enumerate(vocab.TCP_FLAG_LETTERS) if flags >> bit & 1) or "none"


def _joined(groups: list[tuple[str, _Group]], pool: Pool) -> list[tuple[str, _Group]]:
    """The groups of each source as one."""
    joined: dict[str, _Group] = {}
    for source, group in groups:
        known = joined.get(source)
        joined[source] = _sum([known, group], pool) if known else group
    return list(joined.items())


def _sum(groups: Sequence[_Group], pool: Pool) -> _Group:
    total = _Group(pool)
    earliest = min(groups, key=lambda group: int(group.first["frame"]))
    total.first, total.first_ns = earliest.first, min(group.first_ns for group in groups)
    for group in groups:
        total.count += group.count
        total.rejected += group.rejected
        total.protocols += group.protocols
        total.shapes += group.shapes
        total.last_frame, total.last_ns = max(total.last_frame, group.last_frame), max(total.last_ns, group.last_ns)
        for mine, theirs in ((total.hosts, group.hosts), (total.ports, group.ports)):
            mine.update(sorted(theirs.values))
            mine.full |= theirs.full
    return total


def _evidence(kind: _Kind, group: _Group) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "packets": group.count,
        "rejected": group.rejected,
        "first": {name: value for name, value in group.first.items() if name not in {"flow", "rule", "destination_host"}},
        "seconds": round((group.last_ns - group.first_ns) / 1e9, 6),
        "protocols": dict(sorted(group.protocols.items())),
        "tcp_flags": dict(sorted(group.shapes.items())),
        "hosts": len(group.hosts),
        "hosts_shown": sorted(group.hosts.values)[:SHOWN],
        "ports": len(group.ports),
        "ports_shown": sorted(group.ports.values)[:SHOWN],
        "more_than_counted": group.hosts.full or group.ports.full,
    }


def _reach(group: _Group) -> str:
    """Hosts and ports in words."""
    hosts = group.first["destination_host"] if len(group.hosts) == 1 else f"{group.hosts.text} hosts"
    real = group.ports.values - {0}
    if not real:
        return hosts
    ports = f"port {min(real)}" if len(real) == 1 else f"{group.ports.text} ports"
    return f"{hosts}, {ports}"


def _what(group: _Group) -> str:
    protocols = ", ".join(sorted(group.protocols))
    packets = f"{group.count} packet{'s' if group.count > 1 else ''} ({protocols})"
    lasted = span(group.last_ns - group.first_ns)
    return f"{packets}{f' in {lasted}' if group.count > 1 else ''}, {'rejected' if group.rejected == group.count else 'refused'}"


def _single(number: int, source: str, group: _Group) -> Violation:
    kind = _KINDS[number]
    return _violation(kind, group, f"{source} {kind.did} {_reach(group)}: {_what(group)}.", _evidence(kind, group))


def _merged(number: int, groups: list[tuple[str, _Group]], scattered: _Group) -> Violation:
    """One finding for many sources."""
    kind = _KINDS[number]
    every = [group for _, group in groups] + ([scattered] if scattered.count else [])
    total = _sum(every, Pool(MAX_VALUES))
    busiest = sorted(groups, key=lambda item: (-item[1].count, item[0]))[:5]
    sources = f"More than {len(groups)} hosts" if groups and scattered.count else f"{len(groups) or 'Many'} hosts"
    top = f", most of them from {busiest[0][0]} ({busiest[0][1].count})" if busiest else ""
    evidence = {
        **_evidence(kind, total),
        "sources": len(groups),
        "busiest": {source: group.count for source, group in busiest},
        "not_told_apart": scattered.count,
    }
    return _violation(kind, total, f"{sources} {kind.did} {_reach(total)}: {_what(total)}{top}.", evidence)


def _violation(kind: _Kind, group: _Group, message: str, evidence: dict[str, Any]) -> Violation:
    return Violation(
        code=UnsolicitedInbound.code,
        severity=kind.severity,
        flow=group.first["flow"],
        first_frame=group.first["frame"],
        last_frame=group.last_frame,
        count=group.count,
        message=message,
        evidence=evidence,
        rule=group.first["rule"],
        source=kind.source,
        advice=kind.advice,
    )
