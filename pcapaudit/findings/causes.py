"""Occurrences of one cause, for detectors whose packets need no more than counting: who, how often, the first one, what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcapaudit.core import vocab
from pcapaudit.core.consts import VERDICT_ACCEPT
from pcapaudit.findings.scene import View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["Cause", "Kind", "Sightings", "is_padding", "merge", "plural"]

#: Least payload of an Ethernet frame, less the headers of IPv4 and TCP.
_PADDING_BYTES = 46 - 20 - 20


@dataclass(frozen=True, slots=True)
class Kind:
    """What all findings of one kind have in common."""

    #: Code of the finding.
    code: str
    #: How much it matters.
    severity: Severity
    #: RFC or kernel behaviour.
    source: str
    #: What to do.
    advice: str


class Cause:
    """Packets with one cause."""

    __slots__ = ("accepted", "count", "first", "first_ns", "flow", "last_frame", "last_ns", "parent", "rule")

    def __init__(self) -> None:
        self.count = 0
        self.accepted = 0
        self.flow = 0
        #: Flow that announced that one, where a detector knows.
        self.parent = 0
        #: Rule that refused the first refused packet.
        self.rule = 0
        self.last_frame = 0
        self.first_ns = 0
        self.last_ns = 0
        #: The first packet, for evidence.
        self.first: dict[str, Any] = {}

    def add(self, view: View, rows: Any) -> None:
        """Add packets of a batch; ``rows`` are ascending and not empty."""
        first = int(rows[0])
        times = view["ts_ns"][rows]
        if not self.count:
            self.flow = int(view["flow"][first])
            self.first_ns = self.last_ns = int(times[0])
            proto = int(view["proto"][first])
            self.first = {
                "frame": view.frame(first),
                "source": view.source(first),
                "destination": view.destination(first),
                "protocol": vocab.PROTOCOLS.get(proto, str(proto)),
            }
        all_accepted = self.accepted == self.count
        self.count += len(rows)
        self.accepted += int(np.count_nonzero(view["verdict"][rows] == VERDICT_ACCEPT))
        self.last_frame = view.frame(int(rows[-1]))
        self.first_ns, self.last_ns = min(self.first_ns, int(times.min())), max(self.last_ns, int(times.max()))
        if all_accepted and self.accepted < self.count:
            refused = rows[view.refused(rows)]
            self.rule = int(view["rule"][refused[0]]) if len(refused) else 0

    @property
    def seconds(self) -> float:
        """Time from the first to the last of them."""
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def fate(self) -> str:
        """What became of the packets."""
        if self.accepted == self.count:
            return "accepted"
        return f"{self.count - self.accepted} of them refused" if self.accepted else "refused"

    def violation(self, kind: Kind, message: str, /, **evidence: Any) -> Violation:
        """The finding."""
        return Violation(
            code=kind.code,
            severity=kind.severity,
            flow=self.flow,
            first_frame=int(self.first["frame"]),
            last_frame=self.last_frame,
            count=self.count,
            message=message,
            evidence={**evidence, "accepted": self.accepted, "seconds": round(self.seconds, 6), "first": self.first},
            rule=self.rule,
            source=kind.source,
            advice=kind.advice,
            parent=self.parent,
        )


class Sightings:
    """Packets that are all of one cause, for a detector with one finding. ``tell`` makes the sentence."""

    def __init__(self, kind: Kind, tell: Callable[[Cause], str]) -> None:
        self._kind = kind
        self._tell = tell
        self._cause = Cause()

    def add(self, view: View, rows: Any, *, claimed: bool) -> None:
        """Add packets of a batch; ``claimed``: nobody else needs to explain them."""
        if len(rows):
            view.claimed[rows] |= claimed
            self._cause.add(view, rows)

    def violations(self) -> list[Violation]:
        """One for all, or none."""
        return [self._cause.violation(self._kind, self._tell(self._cause))] if self._cause.count else []


def merge(causes: Sequence[Cause], make: Callable[[], Any] = Cause) -> Any:
    """Several causes as one, the earliest as the example."""
    earliest = min(causes, key=lambda cause: int(cause.first["frame"]))
    total = make()
    total.flow, total.parent, total.rule, total.first = earliest.flow, earliest.parent, earliest.rule, earliest.first
    total.first_ns, total.last_ns = min(cause.first_ns for cause in causes), max(cause.last_ns for cause in causes)
    total.last_frame = max(cause.last_frame for cause in causes)
    total.count = sum(cause.count for cause in causes)
    total.accepted = sum(cause.accepted for cause in causes)
    return total


def is_padding(data: bytes, wire_len: int) -> bool:
    """Whether the captured bytes of a segment are no data, but the zeros that fill an Ethernet frame up, which some devices count.

    A bare acknowledgement is up to six bytes shorter than the least of a frame.
    """
    return 0 < wire_len <= _PADDING_BYTES and len(data) == wire_len and not any(data)


def plural(count: int, noun: str) -> str:
    """``1 packet``, ``2 packets``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
