"""What other time-outs would have done to recorded traffic, as a plain value, ready for JSON; and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pcapaudit
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.idle import TIMERS, Point, TimerUse

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream

__all__ = ["GRIDS", "LEAST", "SCHEMA_VERSION", "Proof", "grid_of", "keepalive_seconds", "needed_ns", "shortest_ns", "timeouts_record"]

#: Raised when a key changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1
_NS = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHORT = (5, 10, 20, 30, 60, 120, 180, 300, 600)
#: Timer → seconds to look at, beside the value that is set: what filters ship with, and what RFC 4787 and RFC 5382 ask for at least.
GRIDS: Mapping[str, tuple[int, ...]] = {
    "tcp.established": (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR + 4 * _MINUTE, 8 * _HOUR, _DAY, 5 * _DAY),
    "udp.unreplied": _SHORT,
    "udp.stream": (*_SHORT, 1800),
    "icmp": _SHORT,
    "icmpv6": _SHORT,
    "gre.unreplied": _SHORT,
    "gre.stream": _SHORT,
    "generic": (_MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR),
}
#: Timer → seconds below which standards advise against it: RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2.
LEAST: Mapping[str, int] = {"tcp.established": 2 * _HOUR + 4 * _MINUTE, "udp.unreplied": 120, "udp.stream": 120, "icmp": 60, "icmpv6": 60}


@dataclass(frozen=True, slots=True)
class Proof:
    """A replay with certain time-outs: what the firewall does, not what follows from silences."""

    #: Connections cut by a time-out, whose next packet was refused.
    cut: int
    #: Packets refused, for whatever reason.
    refused: int


def grid_of(current: Mapping[str, int], given: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Time-outs (ns, ascending) to look at, of each timer: those given or the usual ones, and the one that is set.

    ``given``: timer → ns. Raises ConfigError for a timer that is not looked at.
    """
    unknown = [name for name in given if name not in TIMERS]
    if unknown:
        raise ConfigError(f"--grid {unknown[0]}: expected one of {', '.join(TIMERS)}")
    usual = {name: [seconds * _NS for seconds in GRIDS[name]] for name in TIMERS}
    return {name: sorted({*(given.get(name) or usual[name]), current[name]}) for name in TIMERS}


def needed_ns(use: TimerUse) -> int:
    """The shortest time-out, in whole seconds, under which no connection would have been broken; 0 if none was ever silent."""
    # At the time-out itself the entry is gone.
    return (use.longest_reply_ns // _NS + 1) * _NS if use.longest_reply_ns else 0


def shortest_ns(use: TimerUse) -> int:
    """The shortest time-out that breaks nothing and is no shorter than standards ask for."""
    return max(needed_ns(use), LEAST.get(use.name, 1) * _NS)


def keepalive_seconds(use: TimerUse) -> int:
    """The longest interval of keepalives, in whole seconds, that keeps an entry alive under the time-out that is set; at least 1."""
    return max(1, -(-use.current_ns // _NS) - 1)


def timeouts_record(uses: Sequence[TimerUse], stream: Stream, proofs: tuple[Proof, Proof | None], frames: int) -> dict[str, Any]:
    """The record. ``proofs``: a replay as things are set, and one with every timer that breaks something made long enough, if any does."""
    as_set, enough = proofs
    return {
        "schema_version": SCHEMA_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "capture": {"files": [str(file.path) for file in stream.files], "frames": frames, "warnings": list(stream.warnings)},
        "timers": [_timer(use) for use in uses],
        "as_set": _proof(as_set),
        "with_recommended": _proof(enough) if enough else None,
    }


def _timer(use: TimerUse) -> dict[str, Any]:
    now = next(point for point in use.points if point.timeout_ns == use.current_ns)
    needed = needed_ns(use)
    return {
        "timer": use.name,
        "current_ns": use.current_ns,
        "connections": use.connections,
        "longest_silence_ns": {"ended_by_reply": use.longest_reply_ns, "ended_by_original": use.longest_original_ns},
        "broken": now.broken,
        "needed_ns": needed,
        "recommended_ns": needed if now.broken else use.current_ns,
        "shortest_without_harm_ns": shortest_ns(use),
        "keepalive_s": keepalive_seconds(use),
        "points": [_point(point) for point in use.points],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "timeout_ns": point.timeout_ns,
        "broken": point.broken,
        "reopened": point.reopened,
        "most_entries": point.most_entries,
        "idle_ns": point.idle_ns,
    }


def _proof(proof: Proof) -> dict[str, Any]:
    return {"cut": proof.cut, "refused": proof.refused}
