"""TCP packets whose sequence numbers do not fit their connection: how far off, on which side, and what came after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.groups import Groups, split
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TcpOutOfWindow"]

#: Flows remembered apart.
MAX_FLOWS = 2048
#: So many acknowledgements of unseen data are more than a lost frame.
LEAST_ACKS = 3
#: Flows of one reason that get a finding each, if it is worse than info; more become one finding.
SINGLE_FLOWS = 3

_LINUX = "Linux nf_conntrack_proto_tcp.c, tcp_in_window()"


@dataclass(frozen=True, slots=True)
class _Check:
    """One sequence check."""

    severity: Severity
    #: What the packet did, completing "A sent ...".
    did: str
    #: The bound that was missed: "high" or "low".
    bound: str
    source: str
    advice: str


_CHECKS: dict[int, _Check] = {
    consts.REASON_TCP_SEQ_OVER: _Check(
        Severity.MEDIUM,
        "data beyond the receiver's window",
        "high",
        f"{_LINUX}: SEQ is over the upper bound; RFC 9293 section 3.10.7.4",
        "If nobody injects packets, the firewall has missed some of the connection: look for a second path, hardware offload past the "
        "capture point, or a missing SYN (no window scale known). nf_conntrack_tcp_be_liberal=1 lets such packets through.",
    ),
    consts.REASON_TCP_SEQ_UNDER: _Check(
        Severity.INFO,
        "data that was acknowledged long ago",
        "low",
        f"{_LINUX}: SEQ is under the lower bound; let through without effect",
        "Late or duplicated retransmissions; they harm nobody. Many of them point at a loop, a mirror port that copies twice, or "
        "a path far slower than the retransmission timer.",
    ),
    consts.REASON_TCP_ACK_OVER: _Check(
        Severity.MEDIUM,
        "acknowledgements of data that nobody was seen to send",
        "high",
        f"{_LINUX}: ACK is over the upper bound; RFC 5961 section 5",
        "The data went past the firewall unseen: asymmetric routing, flow offload, or frames that the capture lost. In a single packet "
        "with a wild number, a blind injection attempt.",
    ),
    consts.REASON_TCP_ACK_UNDER: _Check(
        Severity.INFO,
        "acknowledgements older than the receiver's window",
        "low",
        f"{_LINUX}: ACK is under the lower bound; let through without effect",
        "Overtaken by newer packets on the way; nothing to do.",
    ),
    consts.REASON_TCP_RST_SEQ: _Check(
        Severity.MEDIUM,
        "a RST whose sequence number does not fit",
        "low",
        "RFC 5961 section 3.2; Linux nf_conntrack_proto_tcp.c: invalid rst",
        "A blind reset, or the end of a connection whose last packets the firewall has not seen. Dropping it is right; if real "
        "resets get lost this way, nf_conntrack_tcp_ignore_invalid_rst=1 keeps the connection out of it.",
    ),
    consts.REASON_TCP_OVERSHOT: _Check(
        Severity.INFO,
        "a little more data than the window allows",
        "high",
        f"{_LINUX}: bytes more than expected; let through",
        "The receiver will trim it; nothing to do.",
    ),
}
#: Checks that a blind attack and unseen packets fail.
_EXPLAINED = {consts.REASON_TCP_SEQ_OVER, consts.REASON_TCP_ACK_OVER, consts.REASON_TCP_RST_SEQ}
_WANTED = np.zeros(0x10000, np.bool_)
_WANTED[list(_CHECKS)] = True


class _Group:
    """Packets of one flow and direction that failed one check."""

    __slots__ = ("accepted", "count", "farthest", "first", "later", "reason", "resets", "rule")

    def __init__(self) -> None:
        self.count = 0
        self.accepted = 0
        self.farthest = 0
        self.resets = 0
        self.reason = 0
        self.rule = 0
        #: The first packet: frame, last frame, ends, numbers.
        self.first: dict[str, Any] = {}
        #: What followed in the flow, once it has ended.
        self.later = ""


class TcpOutOfWindow:
    """TCP packets outside the window of their connection.

    ## What it does
    Collects the packets that fail one of conntrack's sequence checks (data over the upper bound or under the lower one, an
    acknowledgement over or under its bounds, a RST that does not fit), by connection, direction and check, with the bounds, the number
    seen, how far it was off, and whether the connection went on afterwards.

    ## Why it matters
    A firewall that drops invalid packets drops these, and neither end learns of it. They are either injected by somebody who
    cannot see the connection, or the sign that the firewall does not see all of it: then real data is lost, connections hang, and
    hosts behind a NAT answer with a RST.

    ## Example
    A segment 500 000 bytes beyond the window of an established download: `seq-over`, seen 905 001, acceptable up to 405 001. In
    `captures/tcp-window.pcap` there is one packet for each check, in `captures/injection.pcap` the attempts of a blind attacker.

    ## Source
    Linux nf_conntrack_proto_tcp.c, tcp_in_window(); RFC 9293 section 3.10.7.4; RFC 5961.
    """

    code: ClassVar[str] = "tcp-out-of-window"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("reasoned",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By flow, reason, direction.
        self._groups: Groups[tuple[int, int, int], _Group] = Groups(MAX_FLOWS, _Group)
        self._flows: dict[int, list[_Group]] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect the packets with a sequence reason."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["reasoned"]
        if len(rows):
            rows = rows[_WANTED[view["reason"][rows]]]
            rows = rows[~view.claimed[rows]]
        if not len(rows):
            return
        view.claimed[rows] = True
        flows, reasons, directions = (view[name][rows].astype(np.uint64) for name in ("flow", "reason", "direction"))
        parts, rest = split(flows << np.uint64(24) | reasons << np.uint64(8) | directions)
        for at in parts:
            first = at[0]
            self._take(view, (int(flows[first]), int(reasons[first]), int(directions[first])), rows[at])
        self._groups.missed += len(rest)

    def on_flows(self, rows: Any) -> None:
        """Note what became of the connections concerned."""
        if not self._flows:
            return
        for at in np.flatnonzero(np.isin(rows["flow"], list(self._flows))).tolist():
            row = rows[at]
            for group in self._flows.pop(int(row["flow"])):
                group.later = _what_followed(row, group.first["last_frame"])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for each flow and check, or one for the check when there are many flows."""
        found: list[Violation] = []
        for reason, check in _CHECKS.items():
            # What another detector explains better is left to it.
            known = self._scene.attacked | self._scene.holed if reason in _EXPLAINED else set()
            groups = [(key, group) for key, group in self._groups.items() if key[1] == reason and key[0] not in known]
            if len(groups) <= (1 if check.severity == Severity.INFO else SINGLE_FLOWS):
                found += [_single(flow, group) for (flow, _, _), group in groups]
            else:
                found.append(_merged(reason, [(flow, group) for (flow, _, _), group in groups], self._groups.missed))
        return found

    def _take(self, view: View, key: tuple[int, int, int], rows: Any) -> None:
        group = self._groups.at(key, len(rows))
        if group is None:
            return
        first = int(rows[0])
        if not group.count:
            group.reason = key[1]
            group.first = _numbers(view, first)
            self._flows.setdefault(key[0], []).append(group)
        group.count += len(rows)
        group.accepted += int(np.count_nonzero(view["verdict"][rows] == consts.VERDICT_ACCEPT))
        group.resets += int(np.count_nonzero(view["tcp_flags"][rows] & consts.TCP_RST))
        refused = rows[view.refused(rows)]
        if len(refused) and not group.rule:
            group.rule = int(view["rule"][refused[0]])
        group.farthest = max(group.farthest, int(_distances(view, rows, _CHECKS[key[1]].bound).max()))
        group.first["last_frame"] = view.frame(int(rows[-1]))


def _numbers(view: View, row: int) -> dict[str, Any]:
    """The first packet of a group, for evidence."""
    return {
        "frame": view.frame(row),
        "source": view.source(row),
        "destination": view.destination(row),
        "direction": vocab.DIRECTIONS[int(view["direction"][row])],
        "bound_low": int(view["bound_low"][row]),
        "bound_high": int(view["bound_high"][row]),
        "seen": int(view["seen"][row]),
        "payload": int(view["payload_len"][row]),
        "tcp_state": vocab.TCP_STATES[int(view["tcp_state"][row])],
    }


def _distances(view: View, rows: Any, bound: str) -> Any:
    """How far the numbers seen lie outside, in bytes, modulo 2^32 as sequence numbers are."""
    seen = view["seen"][rows]
    return seen - view["bound_high"][rows] if bound == "high" else view["bound_low"][rows] - seen


def _what_followed(row: Any, last_frame: int) -> str:
    """The rest of the connection's life, from its flow row."""
    end = vocab.END_REASONS[int(row["end"])]
    ended = {"eof": "was alive when the capture ended", "": "went on"}.get(end, f"ended: {end}")
    if int(row["last_frame"]) > last_frame:
        return f"the connection went on until frame {int(row['last_frame'])} and {ended}"
    return f"nothing more came, and the connection {ended}"


def _severity(reason: int, count: int) -> Severity:
    """A lone acknowledgement of unseen data is a frame that the capture lacks more often than anything else."""
    return Severity.LOW if reason == consts.REASON_TCP_ACK_OVER and count < LEAST_ACKS else _CHECKS[reason].severity


def _fate(group: _Group) -> str:
    if group.accepted == group.count:
        return "let through"
    return f"{group.count - group.accepted} refused" if group.accepted else "refused"


def _single(flow: int, group: _Group) -> Violation:
    check, first = _CHECKS[group.reason], group.first
    resets = f", {group.resets} of {group.count} packets a RST" if group.resets and group.reason != consts.REASON_TCP_RST_SEQ else ""
    low, high, seen = first["bound_low"], first["bound_high"], first["seen"]
    return Violation(
        code=TcpOutOfWindow.code,
        severity=_severity(group.reason, group.count),
        flow=flow,
        first_frame=first["frame"],
        last_frame=first["last_frame"],
        count=group.count,
        message=(
            f"{first['source']} sent {first['destination']} {check.did}: {seen} where {low} to {high} is acceptable"
            f"{f', at most {group.farthest} off' if group.count > 1 else f', {group.farthest} off'}{resets}; {_fate(group)}"
            f"{f'; {group.later}' if group.later else ''}."
        ),
        evidence={
            "check": vocab.REASONS[group.reason],
            **first,
            "off_by": group.farthest,
            "accepted": group.accepted,
            "after": group.later,
        },
        rule=group.rule,
        source=check.source,
        advice=check.advice,
    )


def _merged(reason: int, groups: list[tuple[int, _Group]], missed: int) -> Violation:
    """One finding for many flows with the same failed check."""
    check = _CHECKS[reason]
    flow, example = groups[0]
    flows = len({flow for flow, _ in groups})
    connections = "1 connection carries" if flows == 1 else f"{flows} connections carry"
    count = sum(group.count for _, group in groups)
    accepted = sum(group.accepted for _, group in groups)
    more = f"; {missed} packets of further flows are not told apart" if missed else ""
    return Violation(
        code=TcpOutOfWindow.code,
        severity=_severity(reason, count),
        flow=flow,
        first_frame=example.first["frame"],
        last_frame=max(group.first["last_frame"] for _, group in groups),
        count=count,
        message=f"{connections} {check.did}, for example {example.first['source']} to {example.first['destination']}{more}.",
        evidence={
            "check": vocab.REASONS[reason],
            "flows": flows,
            "accepted": accepted,
            "off_by": max(group.farthest for _, group in groups),
            "example": example.first,
            "not_told_apart": missed,
        },
        rule=example.rule,
        source=check.source,
        advice=check.advice,
    )
