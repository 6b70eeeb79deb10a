"""Rule coverage: which rules and which elements of sets recorded traffic reached, and which it never did; merged over many runs.

A rule is *reached* by a packet that fulfils all its matches, whether it decides (accept, drop) or not (counter, log, jump), as nftables'
own counters count; what it *decided* is read from the verdicts' column. An element of a set or map is reached by a packet that a rule
looked up in it. Both come from the log of a covered run (``pcapaudit.rules.reached``).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.rules.nft.printer import format_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.rules.model import Element
    from pcapaudit.rules.program import Program, RuleInfo, Tally

__all__ = ["Coverage", "RuleCount", "RuleHits", "SetCount"]

_NEVER = np.iinfo(np.int64)
_LOW = (1 << 64) - 1


class RuleHits:
    """A consumer that counts, over one covered run, what each rule and each element of a set was reached by."""

    def __init__(self, program: Program) -> None:
        if program.log is None:
            raise ValueError("expected the program of a covered run: open_session(..., covered=True)")
        self.program = program
        self._log = program.log
        count = len(program.rules)
        self.reached = np.zeros(count, np.int64)
        self.decided = np.zeros(count, np.int64)
        #: Flows with a packet that reached the rule.
        self.flows = np.zeros(count, np.int64)
        self.first_ns = np.full(count, _NEVER.max, np.int64)
        self.last_ns = np.full(count, _NEVER.min, np.int64)
        #: By tally: packets that each element was reached by.
        self.elements = [np.zeros(len(tally.elements), np.int64) for tally in program.tallies]
        self._bounds = [None if tally.slot is not None else _Bounds(tally.elements, len(tally.keys)) for tally in program.tallies]
        self._slots = np.array(program.slot_rule, np.int64)
        self._slot_counts = np.zeros(len(program.slot_rule), np.int64)
        #: Flows that have not ended, and the rules that they reached: flow * count + rule, sorted.
        self._pairs = np.zeros(0, np.uint64)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets; a datagram is one, in however many fragments it came."""
        count = len(self.reached)
        rule, datagram = verdicts.arrays["rule"][: batch.count], verdicts.arrays["datagram"][: batch.count]
        if datagram.any():
            rule = rule[(datagram == 0) | (datagram == batch.first_frame + np.arange(batch.count, dtype=np.uint64))]
        self.decided += np.bincount(rule, minlength=count)
        slots, times, flows, looked = self._log.take()
        if len(slots):
            rules = self._slots[slots]
            self.reached += np.bincount(rules, minlength=count)
            self._slot_counts += np.bincount(slots, minlength=len(self._slot_counts))
            np.minimum.at(self.first_ns, rules, times)
            np.maximum.at(self.last_ns, rules, times)
            pairs = flows.astype(np.uint64) * np.uint64(count) + rules.astype(np.uint64)
            self._pairs = np.union1d(self._pairs, pairs[flows > 0])
        for number in np.unique(looked[:, 0]).tolist():
            self._look_up(number, looked[looked[:, 0] == number, 1:])

    def _look_up(self, number: int, keys: Any) -> None:
        bounds = self._bounds[number]
        if bounds is not None:
            bounds.count(keys, self.elements[number])

    def on_flows(self, rows: Any) -> None:
        """Add the flows that ended to the rules that they reached."""
        self._end(np.isin(self._pairs // np.uint64(len(self.flows)), rows["flow"].astype(np.uint64)))

    def on_end(self) -> None:
        """Verdict maps have a slot for each element; what is left of flows has ended."""
        self._end(np.ones(len(self._pairs), bool))
        for tally, counts in zip(self.program.tallies, self.elements, strict=True):
            if tally.slot is not None:
                np.add(counts, self._slot_counts[tally.slot : tally.slot + len(counts)], out=counts)

    def _end(self, ended: Any) -> None:
        count = len(self.flows)
        self.flows += np.bincount((self._pairs[ended] % np.uint64(count)).astype(np.int64), minlength=count)
        self._pairs = self._pairs[~ended]


class _Bounds:
    """The intervals of a set's elements, to find those that hold a key."""

    def __init__(self, elements: Sequence[Element], parts: int) -> None:
        words = [[(first >> 64, first & _LOW, last >> 64, last & _LOW) for first, last in each.parts] for each in elements]
        #: hi and lo of the first and of the last value of each part.
        self._words = np.array(words, np.uint64).reshape(len(elements), parts, 4)
        self._order = sorted(range(len(elements)), key=lambda at: elements[at].parts)
        self._firsts = [elements[at].parts[0][0] for at in self._order]
        self._lasts = [elements[at].parts[0][1] for at in self._order]
        disjoint = all(last < first for last, first in zip(self._lasts, self._firsts[1:], strict=False))
        self._sorted = disjoint and parts == 1

    def count(self, keys: Any, counts: Any) -> None:
        """Add to ``counts``, by element, how many of the keys (hi, lo of each part) it holds."""
        parts = self._words.shape[1]
        found, numbers = np.unique(keys[:, : 2 * parts], axis=0, return_counts=True)
        for words, number in zip(found.tolist(), numbers.tolist(), strict=True):
            if self._sorted:
                value = words[0] << 64 | words[1]
                at = bisect_right(self._firsts, value) - 1
                if at >= 0 and value <= self._lasts[at]:
                    counts[self._order[at]] += number
            else:
                counts[self._holding(np.array(words, np.uint64).reshape(parts, 2))] += number

    def _holding(self, key: Any) -> Any:
        """Which elements hold a key; they may overlap."""
        hi, lo = key[:, 0], key[:, 1]
        first_hi, first_lo, last_hi, last_lo = (self._words[:, :, word] for word in range(4))
        above = (hi > first_hi) | ((hi == first_hi) & (lo >= first_lo))
        below = (hi < last_hi) | ((hi == last_hi) & (lo <= last_lo))
        return (above & below).all(axis=1)


@dataclass(slots=True)
class RuleCount:
    """One rule over all runs."""

    path: str
    line: int
    column: int
    #: Family, table and name.
    chain: str
    text: str
    #: Packets that fulfilled all its matches, and of these those whose verdict it was.
    reached: int = 0
    decided: int = 0
    #: Flows with a packet that reached it; one that lasts over several runs counts in each.
    flows: int = 0
    #: Times of the first and last packet that reached it, ns since 1970; None for none.
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(slots=True)
class SetCount:
    """One set or map over all runs: a named one, or one that is written in a rule."""

    #: Where it is declared; of one in a rule, where the rule is.
    path: str
    line: int
    column: int
    #: Family and table; ``@name``, or what the rule compares with it (``tcp dport``).
    table: str
    name: str
    #: Packets that each element was reached by, by its text.
    elements: dict[str, int] = field(default_factory=dict)

    @property
    def reached(self) -> int:
        """How many elements were reached."""
        return sum(count > 0 for count in self.elements.values())

    @property
    def missed(self) -> list[str]:
        """The elements that never were."""
        return [text for text, count in self.elements.items() if not count]


class Coverage:
    """Adds runs up. A rule is the same in two runs if file, place and words are; a set if its place and name are."""

    def __init__(self) -> None:
        self.rules: dict[tuple[str, int, int, str, str], RuleCount] = {}
        self.sets: dict[tuple[str, int, int, str, str], SetCount] = {}
        self.runs = self.frames = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def add(self, hits: RuleHits, span: tuple[int, int, int]) -> None:
        """A run: what its packets reached, and its frames, first and last time."""
        frames, first_ns, last_ns = span
        self.runs += 1
        self.frames += frames
        if frames:
            self.first_ns, self.last_ns = _earlier(self.first_ns, first_ns), _later(self.last_ns, last_ns)
        for rule in hits.program.rules:
            if rule is not None:
                self._add_rule(rule, hits)
        for tally, counts in zip(hits.program.tallies, hits.elements, strict=True):
            rule = hits.program.rules[tally.rule]
            if rule is not None:
                self._add_set(tally, rule, counts.tolist())

    def _add_rule(self, rule: RuleInfo, hits: RuleHits) -> None:
        key = (rule.path, rule.line, rule.column, f"{rule.family} {rule.table} {rule.chain}", rule.text)
        count = self.rules.setdefault(key, RuleCount(*key))
        reached = int(hits.reached[rule.id])
        count.reached += reached
        count.decided += int(hits.decided[rule.id])
        count.flows += int(hits.flows[rule.id])
        if reached:
            count.first_ns = _earlier(count.first_ns, int(hits.first_ns[rule.id]))
            count.last_ns = _later(count.last_ns, int(hits.last_ns[rule.id]))

    def _add_set(self, tally: Tally, rule: RuleInfo, counts: Sequence[int]) -> None:
        known = tally.known
        place = known.place if known else rule
        name = f"@{known.name}" if known else " . ".join(each.selector.text for each in tally.keys)
        key = (place.path, place.line, place.column, f"{rule.family} {rule.table}", name)
        elements = self.sets.setdefault(key, SetCount(*key)).elements
        for element, count in zip(tally.elements, counts, strict=True):
            text = format_key(element.parts, tally.keys)
            elements[text] = elements.get(text, 0) + count

    @property
    def percent(self) -> float:
        """Share of the rules that were reached; 100 without rules."""
        counts = self.rules.values()
        return 100.0 * sum(each.reached > 0 for each in counts) / len(counts) if counts else 100.0

    def record(self) -> dict[str, Any]:
        """Everything as a plain value: files in the order in which they were met, rules and sets by place."""
        files: dict[str, tuple[list[RuleCount], list[SetCount]]] = {}
        for rule in self.rules.values():
            files.setdefault(rule.path, ([], []))[0].append(rule)
        for each in self.sets.values():
            files.setdefault(each.path, ([], []))[1].append(each)
        for rules, sets in files.values():
            rules.sort(key=lambda each: (each.line, each.column, each.chain))
            sets.sort(key=lambda each: (each.line, each.column, each.name))
        return {
            "runs": self.runs,
            "frames": self.frames,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "rules": len(self.rules),
            "reached": sum(each.reached > 0 for each in self.rules.values()),
            "percent": self.percent,
            "elements": sum(len(each.elements) for each in self.sets.values()),
            "elements_reached": sum(each.reached for each in self.sets.values()),
            "files": {path: rules for path, (rules, _) in files.items()},
            "sets": {path: sets for path, (_, sets) in files.items()},
        }


def _earlier(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _later(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)
