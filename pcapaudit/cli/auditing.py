"""The work behind ``pcapaudit audit``: put the run together, drive it, hand out what it found. Imported when it is needed."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.api.replaying import replay
from pcapaudit.api.selecting import selection_of
from pcapaudit.api.session import open_session
from pcapaudit.cli.output import note, print_report
from pcapaudit.cli.progress import RunProgress
from pcapaudit.cli.reporting import audit_report, hand_out, wanted_reports
from pcapaudit.report.sinks.files import OutputFolder
from pcapaudit.report.sinks.names import Names
from pcapaudit.report.sinks.run_files import RunFiles
from pcapaudit.report.summary import Results, summarize, violation_records
from pcapaudit.report.terminal import count, render_summary

if TYPE_CHECKING:
    from pcapaudit.cli.audit import AuditOptions
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.findings.selection import Selection
    from pcapaudit.replay.consumer import Context

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
    with RunProgress(context.stream, wanted=options.progress and not options.quiet) as progress:
        return replay(context, engine, selection, files.consumers if files else (), progress)


def _print_summary(summary: dict[str, object], options: AuditOptions) -> None:
    if options.summary == "json":
        sys.stdout.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        return
    print_report(lambda console: render_summary(summary, console), options.color)


def _print_speed(frames: int, seconds: float) -> None:
    rate = f": {count(round(frames / seconds))} packets/s" if seconds > 0 and frames else ""
    note(f"{count(frames)} frames in {seconds:.2f} s{rate}")
