"""What a trial or a look at settings came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Basis", "Evidence", "Tried"]


class Basis(StrEnum):
    """What a piece of evidence rests on, from the strongest to the weakest."""

    #: Packets of the capture.
    CAPTURE = "capture"
    #: Made-up packets, judged by this ruleset and these settings.
    PROBE = "probe"
    #: A number or switch that is set, or a rule as it is written.
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Tried:
    """An answer of a trial."""

    #: Whether the requirement holds.
    holds: bool
    #: What was sent and what became of it.
    said: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a verdict."""

    basis: Basis
    #: For the requirement, against it, or (None) neither: it was exercised, no more.
    holds: bool | None
    #: In words, with numbers, rules and frames.
    text: str
    #: First frame; 0 for none.
    frame: int = 0
