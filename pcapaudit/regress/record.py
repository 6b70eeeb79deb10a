"""A comparison as a plain value, ready for JSON: what the renderers print and what machines read. Keys are stable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pcapaudit
from pcapaudit.core import vocab
from pcapaudit.regress.changes import MAX_CHANGES, MAX_FLOWS, Example, Fate, Kind
from pcapaudit.regress.diff import NOT_IP, Difference
from pcapaudit.regress.ledger import Change

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream
    from pcapaudit.regress.deciders import Decider
    from pcapaudit.replay.topology import Topology

__all__ = ["DEFAULT_ALLOWED", "SCHEMA_VERSION", "SideInfo", "fails", "record_of"]

#: Raised when a key changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1
#: What sends the same packets over the wire as before is told, and fails only where that is asked for.
DEFAULT_ALLOWED = frozenset({Kind.OTHER_RULE})


@dataclass(frozen=True, slots=True)
class SideInfo:
    """What a side was given."""

    #: ``ruleset`` or ``saved-run``.
    kind: str
    #: File, as the person gave it.
    path: str
    #: Settings that only this side has, as they were given (``tcp.established=1h``).
    settings: tuple[str, ...] = ()


def fails(found: Difference, allowed: Collection[Kind]) -> bool:
    """Whether anything changed that is not allowed. A consequence is judged by its cause."""
    return any(change.kind not in allowed for change in found.changes)


def record_of(
    found: Difference, stream: Stream, sides: tuple[SideInfo, SideInfo], allowed: Collection[Kind], topology: Topology | None
) -> dict[str, Any]:
    """The comparison as a record. ``topology`` is None where no side placed the packets."""
    return {
        "schema_version": SCHEMA_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "capture": {
            "files": [str(file.path) for file in stream.files],
            "frames": found.frames,
            "first_ns": found.first_ns if found.frames else None,
            "last_ns": found.last_ns if found.frames else None,
            "warnings": list(stream.warnings),
        },
        "networks_assumed": bool(topology and topology.assumed_inside),
        "place": {"is": topology.place, "evidence": topology.evidence} if topology and topology.place else None,
        "networks": {zone.name: [str(prefix) for prefix in zone.prefixes] for zone in topology.zones} if topology else {},
        "old": _side(sides[0]),
        "new": _side(sides[1]),
        "allowed": [kind.code for kind in Kind if kind in allowed],
        "failed": fails(found, allowed),
        "packets": {
            "changed": sum(found.packets.values()),
            "by_kind": {kind.code: found.packets[kind] for kind in Kind},
            "undecided": found.undecided,
            "undecided_changed": found.undecided_changed,
        },
        "flows_changed": found.flows,
        "limits": _limits(found),
        "changes": [_change(each, found, topology, each.kind in allowed) for each in found.changes],
    }


def _side(side: SideInfo) -> dict[str, Any]:
    return {"kind": side.kind, "path": side.path, "settings": list(side.settings)}


def _limits(found: Difference) -> list[str]:
    """What could not be told apart, a sentence each."""
    sentences = []
    if found.packets_beyond_changes:
        sentences.append(
            f"{found.packets_beyond_changes} packets changed by more than {MAX_CHANGES} different causes: those beyond are summed up"
        )
    if found.packets_beyond_flows:
        sentences.append(
            f"{found.packets_beyond_flows} packets belong to flows beyond the {MAX_FLOWS} that are remembered at once: counted without them"
        )
    return sentences


def _change(change: Change, found: Difference, topology: Topology | None, allowed: bool) -> dict[str, Any]:
    return {
        "kind": change.kind.code,
        "allowed": allowed,
        "old": _fate(change.old, found.old),
        "new": _fate(change.new, found.new),
        "packets": change.packets,
        "consequences": change.consequences,
        "bytes": change.frame_bytes,
        "flows": change.flows,
        "flows_whole": change.whole,
        "flows_part": change.part,
        "first_frame": change.first_frame,
        "last_frame": change.last_frame,
        "protocols": _largest_first({_protocol(number): packets for number, packets in change.protocols.items()}),
        "ways": _ways(change, topology),
        "examples": [_example(each) for each in change.examples],
    }


def _fate(fate: Fate | None, deciders: Sequence[Decider]) -> dict[str, Any] | None:
    if fate is None:
        return None
    decider = deciders[fate.decider]
    return {
        "verdict": vocab.VERDICTS[fate.verdict],
        "reason": vocab.REASONS[fate.reason] or None,
        "ct_state": vocab.CT_STATES[fate.ct_state] or None,
        "at": decider.at or None,
        "chain": decider.chain or None,
        "text": decider.text or None,
    }


def _ways(change: Change, topology: Topology | None) -> dict[str, int]:
    """Packets by the zones they come from and go to; empty where no zone is known."""
    if topology is None:
        return {}
    names = [zone.name for zone in topology.zones]
    counts: Counter[str] = Counter()
    for way, packets in change.ways.items():
        if any(index < len(names) for index in way):
            counts[" → ".join(names[index] if index < len(names) else "?" for index in way)] += packets
    return _largest_first(counts)


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _protocol(number: int) -> str:
    return "not IP" if number == NOT_IP else vocab.PROTOCOLS.get(number, str(number))


def _example(example: Example) -> dict[str, Any]:
    return {
        "frame": example.frame,
        "ts_ns": example.ts_ns,
        "proto": _protocol(example.proto) if example.proto != NOT_IP else None,
        "src": example.src or None,
        "sport": example.sport,
        "dst": example.dst or None,
        "dport": example.dport,
        "icmp_type": example.icmp[0] if example.icmp else None,
        "icmp_code": example.icmp[1] if example.icmp else None,
        "old_flow": example.old_flow or None,
        "new_flow": example.new_flow or None,
    }
