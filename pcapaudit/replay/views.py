"""Packets and flows as a person reads them, one object each: for the few that somebody asks about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

from pcapaudit.core import consts, vocab
from pcapaudit.replay.openings import MIXED

if TYPE_CHECKING:
    from pcapaudit.replay.matcher import Columns
    from pcapaudit.replay.openings import Flows
    from pcapaudit.rules.compile import Program

__all__ = ["Flow", "Packet", "flow_view", "packet_view"]

_PORTS = {consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP}
_STATES = {consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}
_ICMP = {consts.PROTO_ICMP, consts.PROTO_ICMPV6}
_VERDICTS = vocab.VERDICTS | {MIXED: "mixed"}


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame of a capture, and what the firewall did with it."""

    #: Number of the frame through the whole run, from 1, and its time, ns since 1970 UTC.
    frame: int
    ts_ns: int
    #: ``10.0.0.5:4000 > 192.0.2.1:443/tcp``; "not IP" for other frames.
    text: str
    #: Addresses; empty for what is not IP.
    src: str
    dst: str
    #: None where the protocol has no ports.
    sport: int | None
    dport: int | None
    #: Name of the protocol, or its number as text.
    proto: str
    #: ``accept``, ``drop``, ``reject``, or ``skip`` for what never reaches the rules.
    verdict: str
    #: Whether the capture holds all that the verdict depends on.
    decided: bool
    #: Why it was not accepted, or why conntrack calls it invalid; empty if there is nothing to object.
    reason: str
    #: ``file:line`` of the rule or policy that decided; empty where none did.
    rule: str
    #: That rule's words, or ``policy drop``.
    rule_text: str
    #: The rule's comment.
    comment: str
    #: ct state as the rules saw it.
    ct_state: str
    #: ``original`` or ``reply``; empty without a connection.
    direction: str
    #: State of the TCP, SCTP or DCCP connection after the packet.
    tcp_state: str
    #: Number of its flow, 0 for none.
    flow: int


@dataclass(frozen=True, slots=True)
class Flow:
    """One connection, and what the firewall did with its packets."""

    #: Number, in order of first sight.
    number: int
    #: ``10.0.0.5:4000 > 192.0.2.1:443/tcp``, the direction of the first packet.
    text: str
    src: str
    dst: str
    #: None where the protocol has no ports.
    sport: int | None
    dport: int | None
    #: Name of the protocol, or its number as text.
    proto: str
    #: ``accept``, ``drop`` or ``reject`` where all packets met that fate; else ``mixed``.
    verdict: str
    #: Packets by verdict.
    accepted: int
    dropped: int
    rejected: int
    #: Packets whose verdict depends on what the capture does not hold, and packets that conntrack called invalid.
    undecided: int
    invalid: int
    #: Reason of the first packet that was not accepted; empty if all were.
    reason: str
    #: ``file:line`` of the rule or policy that decided the first packet, its words, and the rule's comment.
    rule: str
    rule_text: str
    comment: str
    #: ct state of the first packet as the rules saw it.
    ct_state: str
    #: State of the TCP, SCTP or DCCP connection at the end.
    tcp_state: str
    #: Status bits at the end: ``seen_reply``, ``assured`` …
    ct_status: tuple[str, ...]
    #: ``closed``, ``reset``, ``timeout``, ``replaced``, ``evicted``, ``eof`` or ``blocked``.
    end_reason: str
    #: Frames and times (ns since 1970 UTC) of the first and the last packet.
    first_frame: int
    last_frame: int
    first_ns: int
    last_ns: int
    #: Packets and IP bytes of both directions, original first.
    packets: tuple[int, int]
    bytes: tuple[int, int]


def packet_view(columns: Columns, row: int, program: Program) -> Packet:
    """A row of a batch (columns of both batches, and ``frame``)."""
    value: Callable[[str], int] = lambda name: int(columns[name][row])  # noqa: E731  # two dozen look-ups read better short
    rule, words, comment = _decider(program, value("rule"), value("chain"))
    return Packet(
        frame=value("frame"),
        ts_ns=value("ts_ns"),
        **_tuple(columns, row),
        verdict=_VERDICTS[value("verdict")],
        decided=bool(value("decided")),
        reason=vocab.REASONS[value("reason")],
        rule=rule,
        rule_text=words,
        comment=comment,
        ct_state=vocab.CT_STATES[value("ct_state")],
        direction=vocab.DIRECTIONS[value("direction")],
        tcp_state=_state(value("proto"), value("tcp_state")),
        flow=value("flow"),
    )


def flow_view(flows: Flows, row: int, program: Program) -> Flow:
    """A row of ended flows."""
    value: Callable[[str], int] = lambda name: int(flows[name][row])  # noqa: E731
    pair: Callable[[str], tuple[int, int]] = lambda name: (int(flows[name][row][0]), int(flows[name][row][1]))  # noqa: E731
    rule, words, comment = _decider(program, value("rule"), value("chain"))
    return Flow(
        number=value("flow"),
        **_tuple(flows, row),
        verdict=_VERDICTS[value("verdict")],
        accepted=value("accepted"),
        dropped=value("dropped"),
        rejected=value("rejected"),
        undecided=value("undecided"),
        invalid=value("invalid"),
        reason=vocab.REASONS[value("reason")],
        rule=rule,
        rule_text=words,
        comment=comment,
        ct_state=vocab.CT_STATES[value("ct_state")],
        tcp_state=_state(value("proto"), value("tcp_state")),
        ct_status=tuple(vocab.status_names(value("status"))),
        end_reason=vocab.END_REASONS[value("end")],
        first_frame=value("first_frame"),
        last_frame=value("last_frame"),
        first_ns=value("first_ns"),
        last_ns=value("last_ns"),
        packets=pair("packets"),
        bytes=pair("bytes"),
    )


def _decider(program: Program, rule: int, chain: int) -> tuple[str, str, str]:
    """Place, words and comment of what decided."""
    if rule and (info := program.rules[rule]):
        return program.location(rule), info.text, info.comment
    base = program.chains[chain] if chain else None
    return (f"{base.path}:{base.policy_line}", f"policy {base.policy}", "") if base else ("", "", "")


def _state(proto: int, state: int) -> str:
    return _STATES.get(proto, vocab.TCP_STATES).get(state, "")


def _tuple(columns: Columns, row: int) -> dict[str, Any]:
    """Addresses, ports, protocol and the text of them all."""
    value: Callable[[str], int] = lambda name: int(columns[name][row])  # noqa: E731
    l3, proto = value("l3"), value("proto")
    if not l3:
        return {"text": "not IP", "src": "", "dst": "", "sport": None, "dport": None, "proto": ""}
    has_ports = proto in _PORTS
    src, dst = (_address(l3, value(f"{end}_hi"), value(f"{end}_lo")) for end in ("src", "dst"))
    sport, dport = (value(name) if has_ports else None for name in ("sport", "dport"))
    name = vocab.PROTOCOLS.get(proto, str(proto))
    text = f"{_end(src, sport)} > {_end(dst, dport)}/{name}" if name != str(proto) else f"{src} > {dst} proto {proto}"
    if proto in _ICMP:
        text += f" icmp {value('icmp_type')}/{value('icmp_code')}"
    return {"text": text, "src": src, "dst": dst, "sport": sport, "dport": dport, "proto": name}


def _end(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _address(l3: int, high: int, low: int) -> str:
    return str(IPv4Address(low) if l3 == 4 else IPv6Address(high << 64 | low))
