"""TCP packets of a connection that has ended: late retransmissions, stale FIN and RST, data, old acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import TCP_FIN, TCP_RST, TCP_SYN
from pcapaudit.core.spans import span
from pcapaudit.findings.closings import Closings, End
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["PacketAfterClose"]

#: Connections with packets after their end that are remembered apart.
MAX_FLOWS = 2048
#: Connections of one kind that get a finding each, if it is worse than info; more become one finding.
SINGLE_FLOWS = 3
#: Rows of a batch that are looked at one by one.
MAX_ROWS_A_BATCH = 1024

_SECOND = 1_000_000_000
#: What is on the way while a RST travels arrives within this time.
IN_FLIGHT_NS = 3 * _SECOND
#: Later than this, the five-tuple may be in use again by a connection of which the capture has no beginning.
LONGEST_NS = 300 * _SECOND

HARMLESS, IN_FLIGHT, RETRANSMISSION, STALE_FIN, STALE_RST, OLD_ACK, NEW_DATA = range(7)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of late packets is reported."""

    name: str
    severity: Severity
    #: What was sent after the end of a connection.
    what: str
    source: str
    advice: str


_KINDS = {
    NEW_DATA: _Kind(
        "new-data",
        Severity.MEDIUM,
        "new data",
        "RFC 9293 section 3.6: no data follows a FIN; section 3.10.7.1: data for a closed connection is answered by a RST",
        "One end believes that the connection lives: its reset or close was lost, or forged by somebody else. Compare the time to "
        "live and sequence number of the closing packet with the packets before it.",
    ),
    RETRANSMISSION: _Kind(
        "late-retransmission",
        Severity.INFO,
        "data sent before the end, again",
        "RFC 6298: retransmission until acknowledged",
        "The sender did not hear the last acknowledgements. Harmless; rules that log these drop them first.",
    ),
    STALE_FIN: _Kind(
        "stale-fin",
        Severity.INFO,
        "a FIN",
        "Linux nf_conntrack: the entry is gone, so a FIN fits no connection",
        "The close was retransmitted after the firewall had forgotten the connection. Harmless, and a frequent cause of log noise: drop "
        "such packets without logging, or lengthen the time-outs of the closing states.",
    ),
    STALE_RST: _Kind(
        "stale-rst",
        Severity.INFO,
        "a RST",
        "RFC 9293 section 3.5.2",
        "An application closed with data unread, or an end that has forgotten the connection answers late packets. Harmless.",
    ),
    IN_FLIGHT: _Kind(
        "in-flight",
        Severity.INFO,
        "packets that were on the way",
        "RFC 9293 section 3.5.3",
        "What an aborted transfer leaves on the line. Harmless.",
    ),
    OLD_ACK: _Kind(
        "old-ack",
        Severity.INFO,
        "old acknowledgements",
        "RFC 9293 section 3.10.7.4",
        "Overtaken or duplicated on the way. Harmless.",
    ),
}


class _Group:
    """Late packets of one kind in one connection."""

    __slots__ = ("accepted", "bytes", "count", "first", "last_frame", "latest_ns", "rule")

    def __init__(self) -> None:
        self.count = 0
        self.accepted = 0
        self.bytes = 0
        self.rule = 0
        self.last_frame = 0
        self.latest_ns = 0
        self.first: dict[str, Any] = {}


class PacketAfterClose:
    """Packets of a TCP connection after its end.

    ## What it does
    Remembers how and with which sequence numbers connections ended (FIN from both sides, or a RST), and tells apart what comes on
    their five-tuple afterwards without a new SYN: *new-data*, *late-retransmission* of data sent before, *stale-fin*, *stale-rst*,
    *in-flight* packets in the seconds after a RST when there is data among them, *old-ack*. The usual repetition of the last FIN and
    ACK in TIME_WAIT is not reported.

    ## Why it matters
    Firewalls log all of these as "invalid" or "default deny", most of them are harmless, and one is not: new data after the end
    means that an end did not believe it, because the RST was forged or the close was not its own.

    ## Example
    `captures/tcp-after-close.pcap`: data sent again after an orderly close, a RST after it, and data after a RST.

    ## Source
    RFC 9293 sections 3.5 and 3.6; Linux nf_conntrack, states TIME_WAIT (120 s) and CLOSE (10 s).
    """

    code: ClassVar[str] = "packet-after-close"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("fins", "closed")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._closings = Closings()
        #: By flow and kind.
        self._groups: Groups[tuple[int, int], _Group] = Groups(MAX_FLOWS, _Group)
        self._unread = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note the ends, and look at what comes after one."""
        view = self._scene.view(batch, verdicts)
        fins, rows = view.marked["fins"], view.marked["closed"]
        if not (len(rows) or len(fins)):
            return
        late, sides = self._closings.read(batch, verdicts, (fins, rows), view.claimed)
        self._unread += max(0, len(late) - MAX_ROWS_A_BATCH)
        for row, side in zip(late[:MAX_ROWS_A_BATCH].tolist(), sides.tolist(), strict=False):
            self._take(view, row, side)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a connection and kind, or one for the kind when there are many connections."""
        found: list[Violation] = []
        for kind, described in _KINDS.items():
            groups = [(flow, group) for (flow, each), group in self._groups.items() if each == kind and (group.bytes or kind != IN_FLIGHT)]
            if len(groups) <= (1 if described.severity == Severity.INFO else SINGLE_FLOWS):
                found += [_single(kind, flow, group) for flow, group in groups]
            else:
                found.append(_merged(kind, groups, self._groups.missed + self._unread))
        return found

    def _bound(self, end: End, from_closer: bool) -> int | None:
        """The sequence number behind a side's last byte; None if it is not known to have ended."""
        fin_end = self._closings.fin_end(end.flow, end.direction if from_closer else 1 - end.direction)
        if fin_end is not None or not end.reset:
            return fin_end
        if from_closer:
            return end.mine
        return end.theirs if end.known else None

    def _take(self, view: View, row: int, side: int) -> None:
        """A packet on a five-tuple whose end is remembered, or was met in this batch."""
        end = self._closings.end(view.batch, row)
        if end is None or (view["flow"][row] != end.flow and not _is_stray(view, row)):
            # Of another connection on the same five-tuple, perhaps its end; or two five-tuples share a place.
            self._closings.put(view.batch, view.verdicts, row)
            return
        late_ns = int(view["ts_ns"][row]) - end.ts_ns
        if late_ns > LONGEST_NS:
            return
        kind = _kind(view, row, end, (side == end.side, self._bound(end, side == end.side)))
        view.claimed[row] = True
        group = self._groups.at((end.flow, kind)) if kind != HARMLESS else None
        if group is None:
            return
        if not group.count:
            group.rule = int(view["rule"][row])
            group.first = {
                "frame": view.frame(row),
                "source": view.source(row),
                "destination": view.destination(row),
                "seq": int(view["seq"][row]),
                "payload": int(view["payload_len"][row]),
                "ct_state": vocab.CT_STATES[int(view["ct_state"][row])],
                "verdict": vocab.VERDICTS[int(view["verdict"][row])],
                "closed_by": "RST" if end.reset else "FIN",
                "closed_frame": end.frame,
                "seconds_after": round(late_ns / 1e9, 6),
            }
        group.count += 1
        group.accepted += int(view["verdict"][row]) == consts.VERDICT_ACCEPT
        group.bytes += int(view["payload_len"][row])
        group.last_frame, group.latest_ns = view.frame(row), max(group.latest_ns, late_ns)


def _is_stray(view: View, row: int) -> bool:
    """Whether the packet has no connection."""
    stray = view.marked["stray"]
    at = int(np.searchsorted(stray, row))
    return at < len(stray) and bool(stray[at] == row)


def _kind(view: View, row: int, end: End, sender: tuple[bool, int | None]) -> int:
    """What a late packet is: by its flags, by where its data lies relative to the sender's end, and by how long it took.

    ``sender`` says whether it is the one that sent the closing packet, and where its data ends.
    """
    from_closer, bound = sender
    flags, payload_len = int(view["tcp_flags"][row]), int(view["payload_len"][row])
    late_ns = int(view["ts_ns"][row]) - end.ts_ns
    if flags & TCP_SYN:
        return HARMLESS
    if end.reset and late_ns <= IN_FLIGHT_NS and (not from_closer or not payload_len):
        return IN_FLIGHT
    if flags & TCP_RST:
        return STALE_RST
    has_entry = bool(view["tcp_state"][row])
    if bound is None:
        # Linux takes a connection for closed when one side's FIN comes twice; the other side may go on sending.
        return HARMLESS if has_entry else NEW_DATA if payload_len else OLD_ACK
    beyond = (int(view["seq"][row]) + payload_len + bool(flags & TCP_FIN) - bound) & 0xFFFFFFFF
    inside = not 0 < beyond < 0x80000000
    if payload_len:
        return RETRANSMISSION if inside else NEW_DATA
    if has_entry and (inside or not flags & TCP_FIN):
        return HARMLESS
    return STALE_FIN if flags & TCP_FIN else OLD_ACK


def _single(number: int, flow: int, group: _Group) -> Violation:
    kind, first = _KINDS[number], group.first
    amount = f"{group.count} packets, " if group.count > 1 else ""
    size = f"{group.bytes} bytes, " if group.bytes else ""
    fate = "accepted" if group.accepted == group.count else f"{group.count - group.accepted} refused" if group.accepted else "refused"
    return _violation(
        kind,
        (flow, group),
        f"{first['source']} sent {first['destination']} {kind.what}, {span(round(first['seconds_after'] * 1e9))} after the connection had "
        f"ended with {first['closed_by']} in frame {first['closed_frame']}: {amount}{size}{fate}.",
        {"kind": kind.name, **first, "bytes": group.bytes, "accepted": group.accepted, "latest_seconds_after": group.latest_ns / 1e9},
    )


def _merged(number: int, groups: list[tuple[int, _Group]], missed: int) -> Violation:
    """One finding for many connections."""
    kind = _KINDS[number]
    total = _Group()
    total.first, total.rule = groups[0][1].first, groups[0][1].rule
    for _, group in groups:
        total.count += group.count
        total.accepted += group.accepted
        total.bytes += group.bytes
        total.last_frame, total.latest_ns = max(total.last_frame, group.last_frame), max(total.latest_ns, group.latest_ns)
    fate = "all accepted" if total.accepted == total.count else f"{total.count - total.accepted} refused"
    first = total.first
    more = f"; {missed} packets of further connections are not told apart" if missed else ""
    return _violation(
        kind,
        (groups[0][0], total),
        f"{len(groups)} connections carry {kind.what} after their end: {total.count} packets, {fate}; for example {first['source']} to "
        f"{first['destination']}, {span(round(first['seconds_after'] * 1e9))} after the {first['closed_by']}{more}.",
        {
            "kind": kind.name,
            "connections": len(groups),
            "bytes": total.bytes,
            "accepted": total.accepted,
            "latest_seconds_after": total.latest_ns / 1e9,
            "example": first,
            "not_told_apart": missed,
        },
    )


def _violation(kind: _Kind, where: tuple[int, _Group], message: str, evidence: dict[str, Any]) -> Violation:
    flow, group = where
    return Violation(
        code=PacketAfterClose.code,
        severity=kind.severity,
        flow=flow,
        first_frame=group.first["frame"],
        last_frame=group.last_frame,
        count=group.count,
        message=message,
        evidence=evidence,
        rule=group.rule,
        source=kind.source,
        advice=kind.advice,
    )
