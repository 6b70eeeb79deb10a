"""What ``pcapaudit rules check`` finds, and how it is shown. Imported when it is needed.

``Checked`` is all that is to be said of rulesets, whatever the form: text, JSON, and the forms for CI servers (``report_of``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pcapaudit import __version__
from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.core.errors import Diagnostic
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology
from pcapaudit.report.ci.notice import Check, Notice, Report
from pcapaudit.rules import load_ruleset
from pcapaudit.rules.lints import LINTS, Lint, find_lints
from pcapaudit.rules.load import is_of_one_family, load_zones
from pcapaudit.rules.model import Place

__all__ = ["LINT_SEVERITIES", "Checked", "check_files", "failing", "json_of", "report_of", "text_of"]

#: From the worst to the mildest.
LINT_SEVERITIES = ("high", "medium", "low")
#: Version of the JSON form.
FORM_VERSION = 1


@dataclass(slots=True)
class Checked:
    """What was found."""

    files: tuple[str, ...]
    #: What stock tools refuse or read differently.
    warnings: list[Diagnostic] = field(default_factory=list)
    #: What cannot be decided from a capture.
    notes: list[str] = field(default_factory=list)
    lints: list[Lint] = field(default_factory=list)
    #: ``tables``, ``chains``, ``rules``; ``packets`` with a capture.
    counts: dict[str, int] = field(default_factory=dict)


def check_files(files: tuple[str, ...], captures: tuple[str, ...] = (), unsupported: str = "refuse") -> Checked:
    """Read rulesets as one and look for lints; captures say how many of their packets met what is found. Raises PcapauditError."""
    ruleset = load_ruleset(*files, undecidable=unsupported == "undecidable")
    zones, own = load_zones(*files)
    topology = Topology.from_options(zones, (), own)
    program = program_for(ruleset, topology)
    found = Checked(files, list(ruleset.warnings), list(program.notes), find_lints(ruleset, one_family=is_of_one_family(*files)))
    chains = sum(len(table.chains) for table in ruleset.tables)
    found.counts = {"tables": len(ruleset.tables), "chains": chains, "rules": len(program.rules) - 1}
    if captures:
        _add_evidence(found, captures, unsupported)
    return found


def _add_evidence(found: Checked, captures: tuple[str, ...], unsupported: str) -> None:
    """Replay the captures, and note with each lint how many packets met its rule and the other one."""
    with open_session(captures, EngineOptions(rules=found.files, unsupported=unsupported)) as context:
        source = Source(context.stream, context.checksum)
        engine = Engine(context, source)
        packets = 0
        while source.read():
            engine.judge(())
            packets += source.batch.count
        engine.finish(())
        met = engine.rule_packets
    found.counts["packets"] = packets
    by_place = {(rule.path, rule.line, rule.column): int(met[rule.id]) for rule in context.program.rules if rule is not None}
    for lint in found.lints:
        for name, place in (("packets", lint.place), ("packets_of_other", lint.other)):
            count = by_place.get((place.path, place.line, place.column)) if place is not None else None
            if count is not None:
                lint.evidence[name] = count


def failing(found: Checked, fail_on: str) -> bool:
    """Whether a lint is at least as severe as ``fail_on``."""
    wanted = LINT_SEVERITIES[: LINT_SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    return any(lint.kind.severity in wanted for lint in found.lints)


# Forms ------------------------------------------------------------------------------------------------------------------------------


def text_of(found: Checked) -> str:
    """What a person reads: place, line and caret, advice; then what cannot be decided, and how much there is."""
    line_of = _lines()
    parts = [f"{_with_code(each, 'warning')}\n" for each in found.warnings]
    parts += [f"{_diagnostic(lint, line_of)}\n" for lint in found.lints]
    parts += [f"note: {note}\n" for note in found.notes]
    counts = found.counts
    lints = f", {len(found.lints)} lint{'' if len(found.lints) == 1 else 's'}" if found.lints else ""
    parts.append(f"{counts['tables']} tables, {counts['chains']} chains, {counts['rules']} rules{lints}\n")
    return "".join(parts)


def _with_code(diagnostic: Diagnostic, word: str) -> str:
    place = f"{diagnostic.path}:{diagnostic.line}:{diagnostic.column}: " if diagnostic.line else f"{diagnostic.path}: "
    shown = str(diagnostic)
    return f"{place}{word}: {shown[len(place) :]}" if shown.startswith(place) else f"{word}: {shown}"


def _diagnostic(lint: Lint, line_of: Callable[[Place], str]) -> str:
    place = lint.place
    evidence = f" ({lint.evidence['packets']} packets of the capture)" if "packets" in lint.evidence else ""
    message = f"{lint.kind.severity}: {lint.message} [{lint.code}]{evidence}"
    return str(Diagnostic(place.path, place.line, place.column, message, lint.kind.advice, line_of(place)))


def _lines() -> Callable[[Place], str]:
    """The line of a place, from its file; files are read once."""

    @cache
    def lines(path: str) -> list[str]:
        try:
            return Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return []

    def line_of(place: Place) -> str:
        known = lines(place.path)
        return known[place.line - 1] if 0 < place.line <= len(known) else ""

    return line_of


def json_of(found: Checked, errors: Sequence[Diagnostic] = ()) -> str:
    """One object: what was read, what is wrong with it (then nothing else is known), warnings, notes, lints."""
    return (
        json.dumps(
            {
                "version": FORM_VERSION,
                "pcapaudit": __version__,
                "files": list(found.files),
                **found.counts,
                "errors": [_plain(each) for each in errors],
                "warnings": [_plain(each) for each in found.warnings],
                "notes": found.notes,
                "lints": [_plain_lint(each) for each in found.lints],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _plain(diagnostic: Diagnostic) -> Mapping[str, Any]:
    names = ("path", "line", "column", "message", "advice", "source", "width")
    return {name: getattr(diagnostic, name) for name in names}


def _plain_lint(lint: Lint) -> Mapping[str, Any]:
    other = lint.other
    return {
        "code": lint.code,
        "severity": lint.kind.severity,
        "path": lint.place.path,
        "line": lint.place.line,
        "column": lint.place.column,
        "message": lint.message,
        "advice": lint.kind.advice,
        "other": None if other is None else {"path": other.path, "line": other.line, "column": other.column},
        "evidence": lint.evidence,
    }


def report_of(found: Checked, fail_on: str) -> Report:
    """The lints as a report for CI servers."""
    checks = [Check(each.code, each.title, each.severity, each.why, each.source) for each in LINTS.values()]
    wanted = LINT_SEVERITIES[: LINT_SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    notices = [
        Notice(
            lint.code,
            lint.kind.severity,
            lint.message[0].upper() + lint.message[1:] + ".",
            lint.kind.advice,
            lint.place.path,
            lint.place.line,
            lint.kind.severity in wanted,
            0,
            0,
            1,
            (),
            dict(lint.evidence),
            lint.identity,
        )
        for lint in sorted(found.lints, key=lambda each: LINT_SEVERITIES.index(each.kind.severity))
    ]
    total = len(notices)
    headline = f"{total} lint{'' if total == 1 else 's'}." if total else "No lints."
    return Report("rules check", ", ".join(found.files), headline, checks, notices, (), any(each.failing for each in notices), __version__)
