"""What every CI form is made of: a result as a place, a level and a sentence, whatever command it comes from.

Findings of an audit and changes of a comparison become notices here; a form (``forms.py``) knows nothing else. A notice stands at the
rule that it is about, so that a server can show it beside that line of a pull request; one that is about no rule stands at the capture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pcapaudit.report.diff import TITLES, consequence, decider, headline, packet, shown_time, volume
from pcapaudit.report.summary import SEVERITIES

__all__ = ["LEVELS", "Check", "Level", "Notice", "Report", "of_audit", "of_diff", "of_suites", "one_line"]


class Level(StrEnum):
    """How a CI server shows a notice."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


#: Severity → level. The severity itself stays with the notice.
LEVELS = {"critical": Level.ERROR, "high": Level.ERROR, "medium": Level.WARNING, "low": Level.NOTE, "info": Level.NOTE}
#: Severity of a change that fails, and of one that is allowed.
_OF_CHANGE = {True: "high", False: "info"}
#: What each kind of change means, for servers that explain the rules of a tool.
_KINDS = {
    "newly-blocked": "Packets that the old side accepted are dropped or rejected by the new one.",
    "newly-allowed": "Packets that the old side dropped or rejected are accepted by the new one.",
    "reason-changed": "The same verdict in effect, for another reason, or a reject in place of a drop.",
    "other-rule": "The same verdict, decided by another rule.",
}
#: How a test of a suite may end badly → code, title.
_OF_TESTS = {
    "failed": ("expectation-failed", "A capture does not come out as a suite expects."),
    "error": ("suite-error", "A test of a suite could not be run."),
}


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked for: a code, found or not."""

    #: The code.
    code: str
    #: One line.
    title: str
    #: Severity of the worst notice of this code.
    severity: str
    #: Markdown: what it does, why it matters; may be empty.
    help: str = ""
    #: RFC or kernel behaviour that it rests on; may be empty.
    source: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One result."""

    #: Code of the check.
    code: str
    #: critical, high, medium, low or info.
    severity: str
    #: What happened, in a sentence or two.
    message: str
    #: What to do; may be empty.
    advice: str
    #: File that it stands at, as the person gave it; empty for none.
    path: str
    #: 1-based line; 0 where it is about the file as a whole.
    line: int
    #: Whether it makes exit code 1.
    failing: bool
    #: Frame of the first example, 0 for none, and of the last.
    first_frame: int
    last_frame: int
    #: Occurrences.
    count: int
    #: What its packets look like, a sentence each, with the frame's number.
    examples: tuple[tuple[int, str], ...] = ()
    #: Further numbers, ready for JSON.
    evidence: Mapping[str, Any] = field(default_factory=dict)
    #: Words that stay the same while line numbers and counts change: the rule's text, for example.
    identity: str = ""
    #: Test that it is the result of, one of the report's ``cases``; empty where the check is the test.
    case: str = ""

    @property
    def level(self) -> Level:
        """How a server shows it."""
        return LEVELS[self.severity]

    @property
    def fingerprint(self) -> str:
        """A digest that stays the same for the same result in a later run: counts, times and line numbers are no part of it."""
        words = re.sub(r"(?<![\w.:])\d[\d.,]*(?![\w.:])", "#", self.message)
        return sha256("\0".join((self.code, self.path, self.identity, words)).encode()).hexdigest()

    @property
    def place(self) -> str:
        """``file:line``, the file alone, or nothing; one line, whatever the file is called."""
        path = one_line(self.path)
        return f"{path}:{self.line}" if path and self.line else path


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one command."""

    #: The command: ``audit`` or ``diff``.
    command: str
    #: What was looked at: the captures, joined by commas.
    subject: str
    #: The result in a sentence.
    headline: str
    #: What was looked for, in a fixed order.
    checks: Sequence[Check]
    #: What was found, the worst first.
    notices: Sequence[Notice]
    #: Captures, as the person gave them.
    captures: Sequence[str]
    #: Whether the command ends with exit code 1.
    failed: bool
    #: Version of pcapaudit.
    version: str
    #: Tables of names and counts, by title, for forms that show numbers.
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: Tests that were run, where they are more than the checks; each once.
    cases: Sequence[str] = ()


def one_line(text: str) -> str:
    """A text without line breaks, for forms of one line a result."""
    return " ".join(text.split())


def of_audit(summary: Mapping[str, Any], checks: Sequence[Check], fail_on: str) -> Report:
    """The findings of an audit; ``summary`` is what ``summarize`` makes, ``fail_on`` the mildest severity that fails, or ``never``."""
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    captures = [file["path"] for file in summary["capture"]["files"]]
    texts = {rule["rule"]: rule["text"] for rule in summary["rules"]}
    notices = [_of_finding(each, captures, texts, each["severity"] in failing) for each in summary["violations"]["found"]]
    found = {name: number for name, number in summary["violations"]["by_severity"].items() if number}
    words = ", ".join(f"{number} {name}" for name, number in found.items())
    total = sum(found.values())
    packets, hint = summary["packets"], summary["assumptions"]["hint"]
    headline = f"{total} finding{'' if total == 1 else 's'}: {words}." if total else "No findings."
    return Report(
        "audit",
        ", ".join(captures),
        f"{headline} {hint[0].upper()}{hint[1:]}." if hint else headline,
        checks,
        notices,
        captures,
        any(notice.failing for notice in notices),
        summary["pcapaudit"],
        {"Verdict": packets["by_verdict"], "ct state": packets["by_ct_state"], "Reason": packets["by_reason"]},
    )


def _of_finding(finding: Mapping[str, Any], captures: Sequence[str], texts: Mapping[int, str], failing: bool) -> Notice:
    path, line = _place(finding["rule_at"], captures)
    return Notice(
        finding["code"],
        finding["severity"],
        finding["message"],
        finding["advice"],
        path,
        line,
        failing,
        finding["first_frame"],
        finding["last_frame"],
        finding["count"],
        ((finding["first_frame"], f"first in frame {finding['first_frame']}"),),
        {"flow": finding["flow"], **_parent(finding), "source": finding["source"], **finding["evidence"]},
        texts.get(finding["rule"], ""),
    )


def _parent(finding: Mapping[str, Any]) -> dict[str, Any]:
    """The flow that announced the finding's, if one did."""
    return {"parent": finding["parent"]} if finding.get("parent") else {}


def of_diff(record: Mapping[str, Any]) -> Report:
    """The changes of a comparison; ``record`` is what ``regress.record`` makes."""
    captures = record["capture"]["files"]
    checks = [Check(kind, TITLES[kind], _OF_CHANGE[kind not in record["allowed"]], text) for kind, text in _KINDS.items()]
    notices = [_of_change(each, captures) for each in record["changes"]]
    by_kind = {TITLES[kind]: number for kind, number in record["packets"]["by_kind"].items() if number}
    return Report(
        "diff",
        ", ".join(captures),
        headline(record),
        checks,
        sorted(notices, key=lambda notice: not notice.failing),
        captures,
        record["failed"],
        record["pcapaudit"],
        {"Change": by_kind},
    )


def of_suites(record: Mapping[str, Any], version: str) -> Report:
    """How the tests of suites came out; ``record`` is what ``pcapaudit test --format json`` prints."""
    counts = record["counts"]
    bad = [test for test in record["tests"] if test["status"] != "passed"]
    said = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    return Report(
        "test",
        f"{record['suites']} suite{'' if record['suites'] == 1 else 's'}",
        f"{said or 'No tests'}.".capitalize(),
        [Check(code, title, "high") for code, title in _OF_TESTS.values()],
        [_of_test(test) for test in bad],
        (),
        bool(bad),
        version,
        cases=[_case(test) for test in record["tests"]],
    )


def _of_test(test: Mapping[str, Any]) -> Notice:
    code, _ = _OF_TESTS[test["status"]]
    message = f"{test['name']}: {'; '.join(line.strip() for line in test['lines'])}"
    evidence = {"rule_at": test["rule_at"]}
    frame = test["frame"] or 0
    return Notice(code, "high", message, "", test["path"], test["line"], True, frame, frame, 1, (), evidence, test["name"], _case(test))


def _case(test: Mapping[str, Any]) -> str:
    """A name that no other test has."""
    return f"{test['path']}:{test['line']} {test['name']}"


def _of_change(change: Mapping[str, Any], captures: Sequence[str]) -> Notice:
    old, new = decider(change["old"]), decider(change["new"])
    sides = [f"{verdict} by {at or words}" for verdict, at, words in (old, new)]
    more = consequence(change)
    message = f"{TITLES[change['kind']]}: {volume(change)}{f', {more}' if more else ''}. Old: {sides[0]}. New: {sides[1]}."
    path, line = _place(new[1] or old[1], captures)
    examples = tuple((each["frame"], f"frame {each['frame']}, {shown_time(each['ts_ns'])}: {packet(each)}") for each in change["examples"])
    return Notice(
        change["kind"],
        _OF_CHANGE[not change["allowed"]],
        message[0].upper() + message[1:],
        "" if change["allowed"] else f"If this is meant, allow it: --allow {change['kind']}.",
        path,
        line,
        not change["allowed"],
        change["first_frame"],
        change["last_frame"],
        change["packets"],
        examples,
        {"flows": change["flows"], "bytes": change["bytes"], "old": change["old"], "new": change["new"]},
        f"{old[2]} {new[2]}",
    )


def _place(at: str | None, captures: Sequence[str]) -> tuple[str, int]:
    """File and line of ``file:line``; without one the capture, if there is just one."""
    if at:
        path, _, line = at.rpartition(":")
        return (path, int(line)) if path and line.isdigit() else (at, 0)
    return (captures[0], 0) if len(captures) == 1 else ("", 0)
