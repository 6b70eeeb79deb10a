"""The summary of a run: what was read, what was assumed, what came out. The value behind the terminal report and ``summary.json``.

Everything in it is a matter of the input: no clock, no machine, no path that was not given. Shares and roundings are left to renderers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

import pcapaudit
from pcapaudit.core import vocab
from pcapaudit.report.counts import MAX_ZONE, NOT_IP
from pcapaudit.report.sinks.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from pcapaudit.core.errors import Diagnostic
    from pcapaudit.findings.selection import Chosen, Suppression
    from pcapaudit.findings.violation import Violation
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.run import Totals
    from pcapaudit.report.totals import RunCounts
    from pcapaudit.rules.program import Program

__all__ = ["SEVERITIES", "Results", "iso_time", "protocol_name", "summarize", "violation_records"]

#: Hooks of which a packet passes one, by its way.
_WAYS = ("input", "forward", "output")
#: From the worst to the mildest.
SEVERITIES = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True, slots=True)
class Results:
    """What a finished run left."""

    #: What the run was given.
    context: Context
    #: The ruleset's file, as the person gave it.
    rules_path: str
    #: Frames, flows, high-water mark, time span.
    totals: Totals
    #: Counts of packets and flows.
    counts: RunCounts
    #: Findings, ranked: most severe first, then the most frequent.
    violations: Sequence[Violation]
    #: How they were chosen from all that was found.
    chosen: Chosen | None = None


def summarize(results: Results) -> dict[str, Any]:
    """The summary, ready for JSON: keys are stable, tables are lists with the largest count first."""
    return {
        "schema_version": SCHEMA_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "capture": _capture(results),
        "assumptions": _assumptions(results),
        "packets": _packets(results),
        "zones": _zones(results),
        "rules": _rules(results),
        "flows": _flows(results),
        "anomalies": _anomalies(results),
        "violations": {
            "by_severity": {name: sum(each.severity == name for each in results.violations) for name in SEVERITIES},
            "found": violation_records(results.violations, results.context),
            **_left_out(results.chosen),
        },
    }


def _left_out(chosen: Chosen | None) -> dict[str, Any]:
    """Findings that are not reported, and the suppressions that are over."""
    return {
        "not_selected": chosen.unselected if chosen else 0,
        "suppressed": [{**_suppression(each), "findings": count} for each, count in (chosen.suppressed if chosen else ())],
        "expired": [_suppression(each) for each in (chosen.expired if chosen else ())],
    }


def _suppression(each: Suppression) -> dict[str, Any]:
    address = str(each.address) if each.address else None
    return {"code": each.code, "address": address, "reason": each.reason, "expires": each.expires.isoformat(), "at": each.where}


def iso_time(ns: int) -> str:
    """Nanoseconds since 1970 as ISO 8601 in UTC, with all nine decimals."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def violation_records(violations: Sequence[Violation], context: Context) -> list[dict[str, object]]:
    """Findings with the columns of the violations table."""
    return [
        {
            "code": each.code,
            "severity": str(each.severity),
            "flow": each.flow or None,
            "parent": each.parent or None,
            "first_frame": each.first_frame,
            "last_frame": each.last_frame,
            "count": each.count,
            "message": each.message,
            "evidence": dict(each.evidence),
            "rule": each.rule or None,
            "rule_at": context.program.location(each.rule) if each.rule else None,
            "source": each.source,
            "advice": each.advice,
        }
        for each in violations
    ]


def _capture(results: Results) -> dict[str, Any]:
    stream, totals = results.context.stream, results.totals
    timed = totals.frames > 0
    return {
        "frames": totals.frames,
        "frame_bytes": int(results.counts.packets.frame_bytes),
        "first_ns": totals.first_ns if timed else None,
        "last_ns": totals.last_ns if timed else None,
        "first": iso_time(totals.first_ns) if timed else None,
        "last": iso_time(totals.last_ns) if timed else None,
        "duration_ns": totals.last_ns - totals.first_ns,
        "files": [
            {
                "path": str(file.path),
                "format": file.format,
                "compressed": file.compressed or None,
                "frames": file.frames,
                "bytes": file.bytes,
                "anomalies": dict(sorted(file.anomalies.items())),
            }
            for file in stream.files
        ],
        "warnings": list(stream.warnings),
    }


def _assumptions(results: Results) -> dict[str, Any]:
    context = results.context
    topology = context.topology
    return {
        "mode": context.mode,
        "checksum": context.checksum,
        "ruleset": results.rules_path,
        "topology_assumed": topology.assumed,
        "inside_assumed": topology.assumed_inside,
        "hint": _hint(results),
        "zones": [
            {"name": zone.name, "interface": zone.iface, "inside": zone.inside, "prefixes": [str(prefix) for prefix in zone.prefixes]}
            for zone in topology.zones
        ],
        "own": [str(prefix) for prefix in topology.own],
        "place": {"is": topology.place, "evidence": topology.evidence} if topology.place else None,
        "captured": {"zone": topology.captured, "evidence": topology.captured_evidence or None} if topology.captured else None,
        "notes": [*(_line(warning) for warning in context.ruleset.warnings), *context.program.notes],
    }


def _hint(results: Results) -> str | None:
    """What to say instead, where the inside is assumed and no packet touched it."""
    network = results.counts.busiest_network
    if network is None or results.context.topology.own:
        return None
    return f"no packet came from inside or went there, so hardly anything is judged: say --local CIDR (most flows went to {network})"


def _line(warning: Diagnostic) -> str:
    """A ruleset warning in one line."""
    text = f"{warning.path}:{warning.line}: {warning.message}"
    return f"{text}; {warning.advice}" if warning.advice else text


def _packets(results: Results) -> dict[str, Any]:
    joint = results.counts.joint()
    counts = results.counts.packets
    program = results.context.program
    causes = [
        {"at": program.location(rule.id), "text": rule.text, "packets": int(packets)}
        for rule, packets in zip(program.rules, counts.causes.tolist(), strict=True)
        if rule and packets
    ]
    if counts.causes[0]:
        causes.append({"at": _hooks_at(program), "text": "which hooks the packet passes", "packets": int(counts.causes[0])})
    return {
        "total": int(joint[:, 4].sum()),
        "by_verdict": _by(joint, 0, vocab.VERDICTS.__getitem__),
        "by_ct_state": _by(joint, 1, lambda number: vocab.CT_STATES[number] or "none"),
        "by_reason": _by(joint[joint[:, 2] != 0], 2, vocab.REASONS.__getitem__),
        "by_protocol": _by(joint, 3, protocol_name),
        "joint": [
            {
                "verdict": vocab.VERDICTS[verdict],
                "ct_state": vocab.CT_STATES[ct_state] or None,
                "reason": vocab.REASONS[reason] or None,
                "proto": None if proto == NOT_IP else protocol_name(proto),
                "packets": packets,
            }
            for verdict, ct_state, reason, proto, packets in joint.tolist()
        ],
        "undecided": {"packets": int(counts.undecided), "causes": sorted(causes, key=lambda cause: -cause["packets"])},
    }


def _hooks_at(program: Program) -> str:
    """``file:line`` of the first base chains at the hooks that tell ways apart."""
    found = {chain.hook: f"{chain.path}:{chain.policy_line}" for chain in reversed(program.chains) if chain and chain.hook in _WAYS}
    return ", ".join(dict.fromkeys(found[hook] for hook in _WAYS if hook in found))


def protocol_name(number: int) -> str:
    """Name of a protocol, its number if it has none."""
    return "not IP" if number == NOT_IP else vocab.PROTOCOLS.get(number, str(number))


def _by(joint: Any, column: int, name: Callable[[int], str]) -> dict[str, int]:
    """Packets by one column of the joint counts, the largest first."""
    sums = np.bincount(joint[:, column], weights=joint[:, 4]) if len(joint) else np.zeros(0)
    found = {name(number): int(sums[number]) for number in np.flatnonzero(sums).tolist()}
    return _largest_first(found)


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _zones(results: Results) -> list[dict[str, Any]]:
    """Packets and bytes by the zones they come from and go to."""
    names = [zone.name for zone in results.context.topology.zones][:MAX_ZONE]
    table = results.counts.packets.zones
    rows = []
    for into, out in zip(*np.nonzero(table[..., 0].sum(axis=2)), strict=True):
        packets, size = table[into, out, :, 0], table[into, out, :, 1]
        rows.append(
            {
                "from": names[into] if into < len(names) else None,
                "to": names[out] if out < len(names) else None,
                "packets": int(packets.sum()),
                "bytes": int(size.sum()),
                **{vocab.VERDICTS[number]: int(packets[number]) for number in sorted(vocab.VERDICTS)},
            }
        )
    return sorted(rows, key=lambda row: -row["packets"])


def _rules(results: Results) -> list[dict[str, Any]]:
    """Every rule, in file order, with the packets whose verdict it decided."""
    program, counts = results.context.program, results.counts.packets.rules
    return [
        {
            "rule": rule.id,
            "at": program.location(rule.id),
            "chain": f"{rule.family} {rule.table} {rule.chain}",
            "text": rule.text,
            "packets": int(packets),
            "bytes": int(size),
        }
        for rule, (packets, size) in zip(program.rules, counts.tolist(), strict=True)
        if rule
    ]


def _flows(results: Results) -> dict[str, Any]:
    totals, counts = results.totals, results.counts
    return {
        "total": totals.flows,
        "blocked": counts.flows_blocked,
        "unanswered": counts.flows_unanswered,
        "by_end": _largest_first({vocab.END_REASONS[number]: count for number, count in counts.flow_ends.items()}),
        "most_at_once": totals.high_water,
        "most_at_once_ns": totals.high_water_ns or None,
    }


def _anomalies(results: Results) -> dict[str, int]:
    """Anomalies of frames and packets, and those of files, with how often each was seen."""
    seen = results.counts.packets.anomalies
    found = {vocab.ANOMALIES.get(bit, f"bit-{bit}"): int(seen[bit]) for bit in np.flatnonzero(seen).tolist()}
    return _largest_first(found)
