"""The work behind ``pcapaudit audit``: put the run together, drive it, hand out what it found. Imported when it is needed."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.cli.output import note, print_report
from pcapaudit.cli.progress import RunProgress
from pcapaudit.cli.reporting import audit_report, hand_out, wanted_reports
from pcapaudit.cli.selecting import selection_of
from pcapaudit.cli.session import DEFAULT_RULES, open_session
from pcapaudit.findings.registry import make_detectors
from pcapaudit.findings.selection import choose
from pcapaudit.replay.run import run
from pcapaudit.report.sinks.files import OutputFolder
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.run_files import RunFiles
from pcapaudit.report.summary import SEVERITIES, Results, summarize, violation_records
from pcapaudit.report.terminal import count, render_summary
from pcapaudit.report.totals import RunCounts

if TYPE_CHECKING:
    from pcapaudit.cli.audit import AuditOptions
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.findings.selection import Selection
    from pcapaudit.findings.violation import Violation
    from pcapaudit.replay.consumer import Consumer, Context

__all__ = ["run_audit"]


def run_audit(captures: Sequence[str], engine: EngineOptions, options: AuditOptions) -> Results:
    """Replay the captures, write the files and print the summary. Raises PcapauditError."""
    started = time.perf_counter()
    selection = selection_of(options.findings)
    reports = wanted_reports(options.report)
    with contextlib.ExitStack() as stack:
        context = stack.enter_context(open_session(captures, engine))
        folder = stack.enter_context(OutputFolder(Path(options.output))) if options.output is not None else None
        files = RunFiles(folder, options.formats or ("csv",), Names.of_run(context)) if folder else None
        results = _replay(context, engine, files, (options, selection))
        summary = summarize(results)
        if folder and files:
            files.write_results(violation_records(results.violations, context), summary)
            written = folder.commit()
            if not options.quiet:
                note(f"wrote {', '.join(str(path) for path in written)}")
    printed = hand_out(reports, audit_report(summary, options.fail_on), options.quiet) if reports else False
    if not options.quiet:
        if not printed:
            _print_summary(summary, options)
        _print_speed(results.totals.frames, time.perf_counter() - started)
    return results


def _replay(context: Context, engine: EngineOptions, files: RunFiles | None, wanted: tuple[AuditOptions, Selection]) -> Results:
    """Run the captures through the engine, with everybody who takes part."""
    options, selection = wanted
    counts = RunCounts(len(context.program.rules))
    detectors = make_detectors(context, selection.thresholds)
    consumers: list[Consumer] = [counts, *detectors, *(files.consumers if files else ())]
    with RunProgress(context.stream, wanted=options.progress and not options.quiet) as progress:
        seed = secrets.randbits(63) if engine.seed is None else engine.seed
        totals = run(context, consumers, seed, progress)
    violations = [each for detector in detectors for each in detector.violations()]
    chosen = choose(sorted(violations, key=_rank), selection, totals.last_ns)
    return Results(context, ", ".join(engine.rules) or DEFAULT_RULES, totals, counts, chosen.violations, chosen)


def _rank(violation: Violation) -> tuple[int, int, str, int]:
    """Worst first; of two as bad the more frequent, then by code and by place in the capture."""
    return SEVERITIES.index(str(violation.severity)), -violation.count, violation.code, violation.first_frame


def _print_summary(summary: dict[str, object], options: AuditOptions) -> None:
    if options.summary == "json":
        sys.stdout.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        return
    print_report(lambda console: render_summary(summary, console), options.color)


def _print_speed(frames: int, seconds: float) -> None:
    rate = f": {count(round(frames / seconds))} packets/s" if seconds > 0 and frames else ""
    note(f"{count(frames)} frames in {seconds:.2f} s{rate}")
