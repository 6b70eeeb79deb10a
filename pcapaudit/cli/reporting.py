"""Reports for CI servers: ``--report FORM[=FILE]``, and the files behind it. Imported when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcapaudit.cli.output import note
from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.registry import DETECTORS, describe
from pcapaudit.report.ci.forms import FORMS, render
from pcapaudit.report.ci.notice import Check, of_audit
from pcapaudit.report.sinks.files import PartFile

if TYPE_CHECKING:
    from pcapaudit.report.ci.notice import Report

__all__ = ["Wanted", "audit_report", "checks", "hand_out", "wanted_reports", "write_text"]

#: A form, and the file for it; None for stdout.
Wanted = tuple[str, str | None]


def wanted_reports(given: Sequence[str]) -> list[Wanted]:
    """What ``--report`` asks for. Raises ConfigError."""
    wanted = []
    for text in given:
        form, equals, path = text.partition("=")
        if form not in FORMS:
            raise ConfigError(f"--report {text}: expected FORM or FORM=FILE, where FORM is one of {', '.join(FORMS)}")
        if equals and not path:
            raise ConfigError(f"--report {text}: expected a file behind '='; leave it away for stdout")
        wanted.append((form, None if path in ("", "-") else path))
    if sum(path is None for _, path in wanted) > 1:
        raise ConfigError(f"--report {', '.join(given)}: only one report can go to stdout: give the others files, such as {given[-1]}=FILE")
    return wanted


def hand_out(wanted: Sequence[Wanted], report: Report, quiet: bool) -> bool:
    """Write the reports; returns whether one went to stdout. Raises OutputError."""
    printed = False
    for form, path in wanted:
        text = render(form, report)
        if path is not None:
            write_text(Path(path), text)
            if not quiet:
                note(f"wrote {path}")
        elif not quiet:
            sys.stdout.write(text)
            printed = True
    return printed


def write_text(path: Path, text: str) -> None:
    """Put a file in its place whole. Raises OutputError."""
    file = PartFile(path)
    try:
        file.write(text.encode())
        file.commit()
    except BaseException:
        file.discard()
        raise


def audit_report(summary: Mapping[str, Any], fail_on: str) -> Report:
    """An audit's findings as a report."""
    return of_audit(summary, checks(), fail_on)


def checks() -> list[Check]:
    """Everything that an audit looks for, by code."""
    described = sorted((describe(detector) for detector in DETECTORS), key=lambda each: each.code)
    return [
        Check(
            each.code,
            each.title,
            str(each.severity),
            "\n\n".join(f"**{name}**\n\n{each.sections[name]}" for name in ("What it does", "Why it matters")),
            " ".join(each.sections["Source"].split()),
        )
        for each in described
    ]
