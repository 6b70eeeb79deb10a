"""Which findings a run reports: codes selected and ignored, and suppressions with a reason and a date.

Every detector runs whatever is selected, because one packet belongs to one finding: what is left out is left out at the end, and counted.

* A rule is a code, the beginning of one up to a hyphen (``tcp`` means every ``tcp-...``), or ``ALL``. Of the rules that fit a code the
  longest decides, wherever it stands; of two as long, ``ignore`` does. Without ``select``, everything is selected.
* A suppression takes away findings that are selected. It says why, and until which day: one is expired when **the capture** ends after
  that day (UTC), so that the same capture gives the same result on every day; the findings are then reported, and so is the suppression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from pcapaudit.findings.thresholds import Thresholds
from pcapaudit.findings.violation import Violation

__all__ = ["ALL", "Chosen", "Selection", "Suppression", "choose", "fits"]

#: The rule that fits every code.
ALL = "ALL"

_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?![\w])")


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that somebody has looked at and does not want to see for a time."""

    #: Code, or beginning of one.
    code: str
    #: Why; never empty.
    reason: str
    #: The last day on which it holds.
    expires: date
    #: Only findings whose message names an address of this network; None for all.
    address: IPv4Network | IPv6Network | None = None
    #: File and line where it stands.
    where: str = ""

    def takes(self, violation: Violation) -> bool:
        """Whether it speaks of this finding."""
        if not fits(self.code, violation.code):
            return False
        return self.address is None or any(each in self.address for each in map(ip_address, _addresses(violation.message)))


@dataclass(frozen=True, slots=True)
class Selection:
    """What is reported, and from which numbers on."""

    #: Rules for what is reported.
    select: tuple[str, ...] = (ALL,)
    #: Rules for what is not.
    ignore: tuple[str, ...] = ()
    #: Suppressions, in file order.
    suppressions: tuple[Suppression, ...] = ()
    #: Thresholds that differ from the defaults.
    thresholds: Thresholds = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The findings of a run, sorted into those that are reported and those that are not."""

    #: Reported.
    violations: Sequence[Violation]
    #: How many were not selected.
    unselected: int = 0
    #: (suppression, how many findings it took).
    suppressed: Sequence[tuple[Suppression, int]] = ()
    #: Suppressions that fitted findings, but the capture ends after their day.
    expired: Sequence[Suppression] = ()

    @property
    def suppressed_count(self) -> int:
        """Findings taken away by suppressions."""
        return sum(count for _, count in self.suppressed)


def choose(violations: Iterable[Violation], selection: Selection, last_ns: int) -> Chosen:
    """Apply a selection to the findings of a capture whose last packet came at ``last_ns`` (since 1970)."""
    every = list(violations)
    selected = [each for each in every if _is_selected(each.code, selection)]
    today = datetime.fromtimestamp(last_ns // 1_000_000_000, UTC).date()
    kept: list[Violation] = []
    counts = [0] * len(selection.suppressions)
    expired: dict[int, Suppression] = {}
    for violation in selected:
        fitting = [(number, each) for number, each in enumerate(selection.suppressions) if each.takes(violation)]
        valid = [number for number, each in fitting if each.expires >= today]
        if valid:
            counts[valid[0]] += 1
            continue
        kept.append(violation)
        expired |= dict(fitting)
    taken = [(each, count) for each, count in zip(selection.suppressions, counts, strict=True) if count]
    return Chosen(kept, len(every) - len(selected), taken, [each for _, each in sorted(expired.items())])


def fits(rule: str, code: str) -> bool:
    """Whether a rule speaks of a code."""
    return rule in {ALL, code} or code.startswith(f"{rule}-")


def _is_selected(code: str, selection: Selection) -> bool:
    return _weight(selection.select, code) > _weight(selection.ignore, code)


def _weight(rules: Sequence[str], code: str) -> int:
    """Length of the longest rule that fits; 0 if none does. ALL is shorter than any other."""
    return max((1 if rule == ALL else 1 + len(rule) for rule in rules if fits(rule, code)), default=0)


def _addresses(text: str) -> list[str]:
    """Addresses in a message: with ports behind them or in brackets, too."""
    found = []
    for match in _ADDRESS.finditer(text):
        try:
            ip_address(match[0])
        except ValueError:
            continue
        found.append(match[0])
    return found
