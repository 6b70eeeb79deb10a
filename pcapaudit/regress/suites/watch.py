"""Looks whether expectations hold, while a run goes (packets) and when it is over (flows, findings)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core.errors import Diagnostic, SelectorError
from pcapaudit.findings.registry import DETECTORS
from pcapaudit.regress.suites.reader import Expectation, Suite, Text
from pcapaudit.replay.matcher import Columns, Matcher, packet_columns, rules_named
from pcapaudit.replay.selector import Selector
from pcapaudit.replay.views import Flow, Packet, flow_view, packet_view

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.findings.violation import Violation
    from pcapaudit.replay.openings import Flows
    from pcapaudit.rules.compile import Program

__all__ = ["MAX_SHOWN", "Outcome", "Watch", "describe"]

_CODES = [detector.code for detector in DETECTORS]
#: Packets, flows or findings that a failure shows.
MAX_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test."""

    #: What it is listed under.
    name: str
    #: The suite's file and the line of the test.
    path: str
    line: int
    #: ``passed``, ``failed`` or ``error`` (it could not be looked at).
    status: str
    #: What is wrong, a line each; empty if nothing is.
    lines: tuple[str, ...] = ()
    #: Frame of the first packet, flow or finding that differs, 0 for none.
    frame: int = 0
    #: ``file:line`` of the rule that decided there.
    rule: str = ""


@dataclass(slots=True)
class _Test:
    """An expectation bound to a ruleset, and what was seen so far."""

    expectation: Expectation
    matcher: Matcher
    wanted: list[Matcher]
    count: int = 0
    wrong: int = 0
    #: The first that were selected, and the first of them that differ.
    selected: list[Any] = field(default_factory=list)
    differing: list[Any] = field(default_factory=list)
    #: By wanted term: how many differ.
    terms: list[int] = field(default_factory=list)

    def look(self, columns: Columns, start_ns: int, view: Any) -> None:
        """Take some rows."""
        mask = self.matcher.mask(columns, start_ns)
        count = int(np.count_nonzero(mask))
        if not count:
            return
        self.count += count
        bad = np.zeros(len(mask), np.bool_)
        for number, wanted in enumerate(self.wanted):
            differ = mask & ~wanted.mask(columns, start_ns)
            self.terms[number] += int(np.count_nonzero(differ))
            bad |= differ
        self.wrong += int(np.count_nonzero(bad))
        for found, which in ((self.selected, mask), (self.differing, bad)):
            if len(found) < MAX_SHOWN:
                found += [view(int(row)) for row in np.flatnonzero(which)[: MAX_SHOWN - len(found)]]


class Watch:
    """A consumer of the run of one suite. ``outcomes`` at the end."""

    def __init__(self, suite: Suite, program: Program, lines: Sequence[str]) -> None:
        self._suite, self._program, self._lines = suite, program, lines
        self._tests: dict[int, _Test] = {}
        self._problems: dict[int, Diagnostic] = {}
        self._start_ns: int | None = None
        self.packets = 0
        for number, expectation in enumerate(suite.expectations):
            if expectation.problem:
                self._problems[number] = expectation.problem
            elif expectation.selector:
                self._bind(number, expectation, expectation.selector)
        self._of_packets = [test for test in self._tests.values() if test.expectation.kind == "packet"]

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Look at the packets."""
        if self._start_ns is None and batch.count:
            self._start_ns = int(batch.arrays["ts_ns"][0])
        self.packets += batch.count
        if self._of_packets:
            columns = packet_columns(batch, verdicts)
            for test in self._of_packets:
                test.look(columns, self._start_ns or 0, lambda row: packet_view(columns, row, self._program))

    def on_flows(self, rows: Any) -> None:
        """Flows are looked at together."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def outcomes(self, flows: Flows, violations: Sequence[Violation]) -> list[Outcome]:
        """How every expectation came out, in file order."""
        places = {"flow": len(flows), "packet": self.packets, "finding": len(violations)}
        for test in self._tests.values():
            if test.expectation.kind == "flow":
                test.look(flows, self._start_ns or 0, lambda row: flow_view(flows, row, self._program))
            elif test.expectation.kind == "finding":
                self._findings(test, flows, violations)
        return [self._outcome(number, places) for number in range(len(self._suite.expectations))]

    def _bind(self, number: int, expectation: Expectation, selector: Selector) -> None:
        """Resolve the names of rules; one that there is not is a problem at its line."""
        at = expectation.at
        try:
            if selector.code and selector.code not in _CODES:
                raise SelectorError(selector.text, 1, len(selector.code), _no_code(selector.code))
            matcher = Matcher(selector, self._program)
            wanted = []
            for each, text in expectation.wanted:
                at = text
                wanted.append(Matcher(each, self._program))
        except SelectorError as error:
            self._problems[number] = self._complaint(at, error)
            return
        self._tests[number] = _Test(expectation, matcher, wanted, terms=[0] * len(wanted))

    def _complaint(self, at: Text, error: SelectorError) -> Diagnostic:
        source = self._lines[at.line - 1] if at.line <= len(self._lines) else ""
        return Diagnostic(self._suite.path, at.line, at.column + error.column - 1, error.message, "", source, error.width)

    def _findings(self, test: _Test, flows: Flows, violations: Sequence[Violation]) -> None:
        selector = test.matcher.selector
        with_tuple = set(flows["flow"][Matcher(_tuple_of(selector), self._program).mask(flows)].tolist()) if selector.has_tuple else None
        for each in violations:
            if (selector.code and each.code != selector.code) or (with_tuple is not None and each.flow not in with_tuple):
                continue
            if not all(self._says(each, selector, term) for term in selector.terms):
                continue
            test.count += 1
            test.selected.append(each)
            wrong = [not self._says(each, wanted.selector, wanted.selector.terms[0]) for wanted in test.wanted]
            test.terms = [have + more for have, more in zip(test.terms, wrong, strict=True)]
            test.wrong += any(wrong)
            if any(wrong):
                test.differing.append(each)

    def _says(self, finding: Violation, selector: Selector, term: Any) -> bool:
        """Whether a term holds of a finding."""
        if term.name == "severity":
            found = str(finding.severity) in term.values
        elif term.name == "rule":
            found = finding.rule in rules_named(selector, term, self._program)[0]
        else:
            low, high = (finding.first_frame, finding.last_frame) if term.name == "frame" else (finding.flow, finding.flow)
            found = any((value[0] is None or high >= value[0]) and (value[1] is None or low <= value[1]) for value in term.values)
        return bool(found != term.negated)

    def _outcome(self, number: int, places: dict[str, int]) -> Outcome:
        expectation = self._suite.expectations[number]

        def made(status: str, lines: Sequence[str] = (), first: Any = None) -> Outcome:
            place = _frame(first), _rule(first, self._program)
            return Outcome(expectation.name, self._suite.path, expectation.line, status, tuple(lines), *place)

        if number in self._problems:
            return made("error", str(self._problems[number]).splitlines())
        test = self._tests[number]
        low, high = expectation.count
        if (low is not None and test.count < low) or (high is not None and test.count > high):
            shown = test.selected[:MAX_SHOWN]
            lines = [_miscount(expectation, test.count, places[expectation.kind])]
            return made("failed", [*lines, *self._shown(shown, test.count)], shown[0] if shown else None)
        if test.wrong:
            missed = [_expected(each.selector) for each, differing in zip(test.wanted, test.terms, strict=True) if differing]
            line = f"expected {' and '.join(missed)}: {test.wrong} of {_many(test.count, expectation.kind)} differ{'s' * (test.wrong == 1)}"
            return made("failed", [line, *self._shown(test.differing[:MAX_SHOWN], test.wrong)], test.differing[0])
        return made("passed")

    def _shown(self, found: Sequence[Any], count: int) -> list[str]:
        lines = [line for each in found for line in describe(each, self._program)]
        return [*lines, f"  … and {count - len(found)} more"] if count > len(found) else lines


def describe(found: Flow | Packet | Violation, program: Program) -> list[str]:
    """Two lines about what differs: what it is, and what became of it."""
    if isinstance(found, Packet):
        head = f"  frame {found.frame}: {found.text}"
        fate = f"{found.verdict}{f' ({found.reason})' if found.reason else ''}, ct {found.ct_state or 'none'}"
        return [head, f"    {fate}, {_by(found)}"]
    if isinstance(found, Flow):
        counts = [
            f"{number} {name}" for number, name in ((found.accepted, "accepted"), (found.dropped, "dropped"), (found.rejected, "rejected"))
        ]
        fate = f"{found.verdict}{f' ({found.reason})' if found.reason else ''}, {', '.join(each for each in counts if each[0] != '0')}"
        return [f"  frame {found.first_frame}, flow {found.number}: {found.text}", f"    {fate}, {_by(found)}"]
    rule = program.location(found.rule) if found.rule else ""
    return [f"  frame {found.first_frame}: {found.code} {found.severity}{f', {rule}' if rule else ''}", f"    {found.message}"]


def _no_code(code: str) -> str:
    close = difflib.get_close_matches(code, _CODES, 1)
    return f"no finding has the code {code!r}{f': {close[0]!r} is meant?' if close else ''}; 'pcapaudit findings list' shows them all"


def _by(found: Flow | Packet) -> str:
    return f"by {found.rule} {found.rule_text}" if found.rule else "before any rule"


def _frame(found: Any) -> int:
    return 0 if found is None else found.frame if isinstance(found, Packet) else found.first_frame


def _rule(found: Any, program: Program) -> str:
    if found is None:
        return ""
    return found.rule if isinstance(found, (Packet, Flow)) else program.location(found.rule) if found.rule else ""


def _miscount(expectation: Expectation, count: int, there: int) -> str:
    low, high = expectation.count
    kind = expectation.kind
    if not count and high is None and low == 1:
        return f"no {kind} is meant by this selector; the run has {_many(there, kind)}"
    wanted = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}" if low != high else f"{low}"
    return f"expected {wanted} {kind}{'s' * (wanted != '1')}, found {count}"


def _many(count: int, kind: str) -> str:
    return f"{count} {kind}{'s' * (count != 1)}"


def _expected(selector: Selector) -> str:
    return f"{selector.terms[0].name} {selector.text}"


def _tuple_of(selector: Selector) -> Selector:
    """The tuple alone, of flows."""
    return replace(selector, kind="flow", code="", terms=())
