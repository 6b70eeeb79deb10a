"""``pcapaudit audit``: what the firewall would have done to each packet of a capture, and what is wrong in the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import (
    CoverageOptions,
    EngineOptions,
    FindingOptions,
    coverage_options,
    engine_options,
    finding_options,
    report_option,
)
from pcapaudit.cli.tracing import trace_option

if TYPE_CHECKING:
    from pcapaudit.report.summary import Results

__all__ = ["AuditOptions", "audit"]

SEVERITY_CHOICES = ("critical", "high", "medium", "low", "info", "never")


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What an audit hands out."""

    #: Folder for files; None for no files.
    output: str | None
    #: Formats of the files.
    formats: tuple[str, ...]
    #: ``text`` or ``json``.
    summary: str
    #: FORM or FORM=FILE of reports for CI servers.
    report: tuple[str, ...]
    #: Which findings are reported.
    findings: FindingOptions
    #: What is told of the rules that were reached.
    covering: CoverageOptions
    #: Mildest severity that makes exit code 1, or ``never``.
    fail_on: str
    #: No summary and no notes.
    quiet: bool
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool
    #: ``auto``, ``always`` or ``never``.
    color: str
    #: Frames that are traced.
    trace: tuple[int, ...] = ()


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@finding_options
@coverage_options
@click.option("-o", "--output", metavar="DIR", help="Write verdicts, flows, violations and summary.json to DIR.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    multiple=True,
    help="Format of these files; repeat for several. Default: csv.",
)
@click.option("--summary", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the summary on stdout.")
@report_option("findings")
@trace_option
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITY_CHOICES),
    default="low",
    show_default=True,
    help="Mildest severity of a finding that makes exit code 1.",
)
@click.option("-q", "--quiet", is_flag=True, help="No summary, no progress, no notes: only files, errors and the exit code.")
@click.option("--no-progress", "progress", flag_value=False, default=True, help="No progress bar.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour on stdout.")
def audit(captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Replay captures and report verdicts, flows and findings.

    CAPTURE is a pcap or pcapng file (also .gz .zst .xz .lz4 .bz2), a directory of them, or - for standard input. Several are one stream, in
    time order.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 the work could not be done.
    """
    from pcapaudit.cli.auditing import run_audit

    wanted = AuditOptions(**options)  # type: ignore[arg-type]  # click made the types
    results, uncovered = run_audit(captures, engine, wanted)
    return Exit.FOUND if uncovered or _failing(results, wanted.fail_on) else Exit.CLEAN


def _failing(results: Results, fail_on: str) -> bool:
    """Whether a finding is at least as severe as ``fail_on``."""
    failing = SEVERITY_CHOICES[: SEVERITY_CHOICES.index(fail_on) + 1] if fail_on != "never" else ()
    return any(str(each.severity) in failing for each in results.violations)
