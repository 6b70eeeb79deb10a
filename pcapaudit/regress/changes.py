"""The words for changes: packets whose fate changed between two sides (``ledger`` groups them by cause).

A **kind** says how a packet's fate changed, a **change** is one cause: kind, what decided in OLD, what decided in NEW.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

__all__ = ["MAX_CHANGES", "MAX_FLOWS", "Example", "Fate", "Kind"]

#: Causes that are told apart; what comes beyond them is one change a kind. Rulesets of a thousand rules stay far below.
MAX_CHANGES = 5000
#: Changed flows that are remembered at the same time, until they end (some 600 bytes each).
MAX_FLOWS = 250_000


class Kind(IntEnum):
    """How the fate of a packet changed."""

    NEWLY_BLOCKED = 0
    NEWLY_ALLOWED = 1
    REASON_CHANGED = 2
    OTHER_RULE = 3

    @property
    def code(self) -> str:
        """Its name in options and files."""
        return self.name.lower().replace("_", "-")

    @property
    def strong(self) -> bool:
        """Whether packets pass on one side only."""
        return self <= Kind.NEWLY_ALLOWED


class Fate(NamedTuple):
    """What became of a packet on one side."""

    #: VERDICT_ number.
    verdict: int
    #: REASON_ number; 0 where a rule or a policy is the reason.
    reason: int
    #: Number of the decider on that side.
    decider: int
    #: CT_ number as the rules saw it; 0 where both sides saw the same and it tells nothing.
    ct_state: int


@dataclass(slots=True)
class Example:
    """A packet that stands for others."""

    frame: int
    ts_ns: int
    #: Protocol number, 256 for what is not IP.
    proto: int
    #: Addresses; empty for what is not IP.
    src: str
    dst: str
    #: Ports; for ICMP None, and its type and code in ``icmp``.
    sport: int | None
    dport: int | None
    icmp: tuple[int, int] | None
    #: Flow numbers of both sides, 0 for none.
    old_flow: int
    new_flow: int
