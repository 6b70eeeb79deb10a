"""A traced frame as plain values: what ``trace.json`` and ``explain --format json`` hold, and what the phases are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pcapaudit
from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS
from pcapaudit.core import consts, vocab
from pcapaudit.core.addresses import address_text, endpoint_text
from pcapaudit.report.summary import iso_time, protocol_name
from pcapaudit.rules.steps import ChainStep, RuleStep, Step, WayStep

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig
    from pcapaudit.conntrack.entry import Entry, SideEntry
    from pcapaudit.conntrack.window import Window
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.trace import FrameTrace

__all__ = ["TRACE_VERSION", "flow_text", "trace_document", "trace_record"]

#: Raised when a key changes its meaning or goes away; not when one is added.
TRACE_VERSION = 1
_WITH_PORTS = frozenset({consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP})
_ICMP = frozenset({consts.PROTO_ICMP, consts.PROTO_ICMPV6})


def trace_document(traces: Sequence[FrameTrace], context: Context) -> dict[str, Any]:
    """The file ``trace.json``."""
    return {
        "schema_version": TRACE_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "traces": [trace_record(each, context) for each in traces],
    }


def trace_record(trace: FrameTrace, context: Context) -> dict[str, Any]:
    """One frame."""
    packet, verdict = trace.packet, trace.verdict
    files = context.stream.files
    return {
        "frame": trace.frame,
        "file": str(files[packet["file_id"]].path) if packet["file_id"] < len(files) else None,
        "file_frame": packet["file_frame"],
        "ts_ns": packet["ts_ns"],
        "time": iso_time(packet["ts_ns"]),
        "packet": _packet(trace),
        "vantage": _vantage(packet, context),
        "conntrack": {
            "ct_state": vocab.CT_STATES[verdict["ct_state"]] or None,
            "direction": vocab.DIRECTIONS[verdict["direction"]] or None,
            "flow": verdict["flow"] or None,
            "log": trace.log or None,
            "about_quoted_packet": trace.quotes,
            "before": _entry(trace.before, context.conntrack),
            "after": _entry(trace.after, context.conntrack),
            "window": _window(trace.window),
        },
        "rules": [_step(each) for each in trace.steps],
        "verdict": _verdict(verdict, context),
    }


def flow_text(packet: dict[str, int]) -> str:
    """``10.0.0.5:4000 > 192.0.2.1:443/tcp`` for a packet's columns."""
    if not packet["l3"]:
        return "not IP"
    source, target = (address_text(packet[f"{end}_hi"], packet[f"{end}_lo"], packet["l3"]) for end in ("src", "dst"))
    if packet["proto"] in _WITH_PORTS:
        source, target = endpoint_text(source, packet["sport"]), endpoint_text(target, packet["dport"])
    return f"{source} > {target}/{protocol_name(packet['proto'])}"


def _packet(trace: FrameTrace) -> dict[str, Any]:
    packet = trace.packet
    proto = packet["proto"]
    found: dict[str, Any] = {
        "text": flow_text(packet),
        "proto": protocol_name(proto) if packet["l3"] else None,
        "src": address_text(packet["src_hi"], packet["src_lo"], packet["l3"]) if packet["l3"] else None,
        "dst": address_text(packet["dst_hi"], packet["dst_lo"], packet["l3"]) if packet["l3"] else None,
        "sport": packet["sport"] if proto in _WITH_PORTS else None,
        "dport": packet["dport"] if proto in _WITH_PORTS else None,
        "bytes": packet["ip_len"],
        "ttl": packet["ttl"] if packet["l3"] else None,
        "vlan": packet["vlan"] if packet["vlan"] != consts.VLAN_NONE else None,
        "fragment": bool(packet["frag"]),
        "reassembled": trace.reassembled,
        "whole_at": trace.whole_at or None,
        "anomalies": vocab.anomaly_names(packet["anomalies"]),
        "tcp": None,
        "icmp": None,
    }
    if proto == consts.PROTO_TCP:
        flags = "".join(letter for bit, letter in enumerate(vocab.TCP_FLAG_LETTERS) if packet["tcp_flags"] >> bit & 1)
        found["tcp"] = {
            "flags": flags,
            "seq": packet["seq"],
            "ack": packet["ack"],
            "window": packet["win_raw"],
            "payload": packet["payload_len"],
            "window_scale": packet["wscale"] if packet["tcp_opts"] & consts.OPT_WSCALE else None,
        }
    if proto in _ICMP:
        found["icmp"] = {"type": packet["icmp_type"], "code": packet["icmp_code"], "id": packet["sport"]}
    return found


def _vantage(packet: dict[str, int], context: Context) -> dict[str, Any]:
    names = context.topology.interfaces
    zones = [zone.name for zone in context.topology.zones]
    return {
        "path": vocab.PATHS[packet["path"]],
        "iif": _named(names, packet["iif"]),
        "oif": _named(names, packet["oif"]),
        "from_zone": _named(zones, packet["iif"]),
        "to_zone": _named(zones, packet["oif"]),
        "assumed": context.topology.assumed,
        "place": context.topology.place or None,
        "evidence": context.topology.evidence or None,
    }


def _named(table: Sequence[str], number: int) -> str | None:
    return table[number] if number < len(table) else None


def _entry(entry: Entry | None, config: ConntrackConfig) -> dict[str, Any] | None:
    if entry is None:
        return None
    source, target = (address_text(end >> 64, end & (1 << 64) - 1, entry.l3) for end in (entry.source, entry.destination))
    if entry.proto in _WITH_PORTS:
        source, target = (endpoint_text(end, port) for end, port in zip((source, target), entry.ports, strict=True))
    return {
        "flow": entry.flow or None,
        "original": f"{source} > {target}/{protocol_name(entry.proto)}",
        "state": entry.state or None,
        "status": list(entry.status),
        "timer": entry.timer,
        "timer_ns": entry.timer_ns,
        "left_ns": entry.left_ns,
        "expired": entry.left_ns <= 0,
        "silent_ns": max(0, entry.timer_ns - entry.left_ns),
        "timers": _timers(entry, config),
        "mark": entry.mark,
        "repetitions": entry.repetitions,
        "original_side": _side(entry.sides[0]) if entry.sides else None,
        "reply_side": _side(entry.sides[1]) if entry.sides else None,
    }


def _timers(entry: Entry, config: ConntrackConfig) -> list[dict[str, Any]]:
    """Every timer of the entry's protocol, the longest first, and what it would have left since the entry was refreshed."""
    family = f"{entry.timer.partition('.')[0]}."
    silent, found = max(0, entry.timer_ns - entry.left_ns), []
    for name, seconds in DEFAULT_TIMEOUTS.items():
        if name == entry.timer or name.startswith(family):
            length = config.timeouts.get(name, seconds * 1_000_000_000)
            found.append({"timer": name, "timer_ns": length, "left_ns": length - silent, "runs": name == entry.timer})
    return sorted(found, key=lambda each: (-each["timer_ns"], each["timer"]))


def _side(side: SideEntry) -> dict[str, Any]:
    return {
        "end": side.end,
        "maxend": side.maxend,
        "maxwin": side.maxwin,
        "maxack": side.maxack,
        "scale": side.scale,
        "flags": list(side.flags),
    }


def _window(window: Window | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "failed": window.failed or None,
        "remark": window.remark or None,
        "bounds": [
            {
                "bound": each.name,
                "value": each.value_name,
                "seen": each.value,
                "relation": each.relation,
                "limit": each.limit,
                "holds": each.holds,
                "made_of": each.made_of,
            }
            for each in window.bounds
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    if isinstance(step, WayStep):
        return {"kind": "return", "chain": step.chain, "depth": step.depth, "world": str(step.world)}
    if isinstance(step, ChainStep):
        return {
            "kind": "chain",
            "chain": step.name,
            "hook": step.hook,
            "priority": step.priority,
            "type": step.type,
            "policy": step.policy,
            "at": step.at,
            "before_conntrack": step.raw,
            "outcome": str(step.outcome),
            "world": str(step.world),
        }
    return _rule(step)


def _rule(step: RuleStep) -> dict[str, Any]:
    seen = step.seen
    return {
        "kind": "rule",
        "rule": step.rule,
        "at": step.at,
        "chain": step.chain,
        "depth": step.depth,
        "text": step.text,
        "outcome": str(step.outcome),
        "world": str(step.world),
        "expression": seen.expression if seen else None,
        "seen": (seen.value or None) if seen else None,
        "why": (seen.why or None) if seen else None,
        "ran": list(step.ran),
        "verdict": step.verdict or None,
    }


def _verdict(verdict: dict[str, int], context: Context) -> dict[str, Any]:
    program = context.program
    rule, chain = program.rules[verdict["rule"]], program.chains[verdict["chain"]]
    reason = vocab.REASONS[verdict["reason"]]
    at = f"{rule.path}:{rule.line}" if rule else f"{chain.path}:{chain.policy_line}" if chain else None
    text = rule.text if rule else f"policy {chain.policy}" if chain else None
    cause = program.rules[verdict["cause"]]
    return {
        "verdict": vocab.VERDICTS[verdict["verdict"]],
        "decided": bool(verdict["decided"]),
        "cause_at": f"{cause.path}:{cause.line}" if cause else None,
        "reason": reason or None,
        "reason_text": vocab.REASON_TEXTS.get(reason) if reason else None,
        "rule": verdict["rule"] or None,
        "at": at,
        "text": text,
        "chain": f"{chain.family} {chain.table} {chain.name}" if chain else None,
        "hook": vocab.HOOKS[verdict["hook"]] or None,
    }
