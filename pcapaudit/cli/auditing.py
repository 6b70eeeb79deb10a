"""The work behind ``pcapaudit audit``: put the run together, drive it, hand out what it found. Imported when it is needed.

What a run is not asked for is not imported either: most runs write no files, trace no frame, and stand in no CI.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcapaudit.api.replaying import replay
from pcapaudit.api.selecting import selection_of
from pcapaudit.api.session import open_session
from pcapaudit.cli.output import note, print_report
from pcapaudit.cli.progress import RunProgress
from pcapaudit.cli.tracing import missing_frames, render_traces
from pcapaudit.report.summary import Results, summarize, violation_records
from pcapaudit.report.terminal import count, render_summary

if TYPE_CHECKING:
    from rich.console import Console

    from pcapaudit.cli.audit import AuditOptions
    from pcapaudit.cli.covering import Covering
    from pcapaudit.cli.options import CoverageOptions, EngineOptions
    from pcapaudit.cli.reporting import Wanted
    from pcapaudit.findings.selection import Selection
    from pcapaudit.replay.consumer import Consumer, Context
    from pcapaudit.replay.trace import Tracer
    from pcapaudit.report.sinks.files import OutputFolder
    from pcapaudit.report.sinks.run_files import RunFiles

__all__ = ["run_audit"]


def run_audit(captures: Sequence[str], engine: EngineOptions, options: AuditOptions) -> tuple[Results, bool]:
    """Replay, write the files and print the summary; also returns whether too few rules were reached. Raises PcapauditError."""
    started = time.perf_counter()
    selection = selection_of(options.findings)
    reports, covering = _reports(options.report), _covering(options.covering)
    with contextlib.ExitStack() as stack:
        context = stack.enter_context(open_session(captures, engine, covered=covering is not None))
        folder, files = _files(stack, options, context)
        tracer = _tracer(options.trace)
        consumers = [*(files.consumers if files else ()), *(covering.watch(context) if covering else ())]
        results = _replay((context, engine), consumers, (options, selection), tracer)
        if covering:
            covering.add(results.totals)
        summary = summarize(results)
        traces = _traces(tracer, results, context)
        if folder and files:
            if tracer is not None:
                from pcapaudit.report.trace import trace_document

                text = json.dumps(trace_document(tracer.traces, context), indent=2, ensure_ascii=False)
                folder.open("trace.json").write(text.encode() + b"\n")
            files.write_results(violation_records(results.violations, context), summary)
            written = folder.commit()
            if not options.quiet:
                note(f"wrote {', '.join(str(path) for path in written)}")
    printed = _hand_out(reports, summary, options) if reports else False
    if not options.quiet:
        if not printed:
            _print_summary(summary, options, () if folder else traces)
        elif traces and not folder:
            note("the traces are not shown beside a report on stdout: give -o DIR, or --report FORM=FILE")
    uncovered = covering.show(options.quiet) if covering else False
    if not options.quiet:
        _print_speed(results.totals.frames, time.perf_counter() - started)
    return results, uncovered


def _reports(given: Sequence[str]) -> list[Wanted]:
    """The reports for CI servers that are wanted. Raises ConfigError."""
    if not given:
        return []
    from pcapaudit.cli.reporting import wanted_reports

    return wanted_reports(given)


def _hand_out(reports: list[Wanted], summary: dict[str, Any], options: AuditOptions) -> bool:
    """Write the reports; returns whether one went to stdout."""
    from pcapaudit.cli.reporting import audit_report, hand_out

    return hand_out(reports, audit_report(summary, options.fail_on), options.quiet)


def _covering(options: CoverageOptions) -> Covering | None:
    """What counts rules that are reached, if that was asked for. Raises ConfigError."""
    if not options.wanted:
        return None
    from pcapaudit.cli.covering import Covering

    return Covering(options)


def _tracer(frames: tuple[int, ...]) -> Tracer | None:
    """What traces these frames."""
    if not frames:
        return None
    from pcapaudit.replay.trace import Tracer

    return Tracer(frames)


def _files(stack: contextlib.ExitStack, options: AuditOptions, context: Context) -> tuple[OutputFolder | None, RunFiles | None]:
    """The folder for the results and what writes into it, if there is to be one. Raises OutputError."""
    if options.output is None:
        return None, None
    from pcapaudit.report.sinks.files import OutputFolder
    from pcapaudit.report.sinks.names import Names
    from pcapaudit.report.sinks.run_files import RunFiles

    folder = stack.enter_context(OutputFolder(Path(options.output)))
    return folder, RunFiles(folder, options.formats or ("csv",), Names.of_run(context))


def _replay(
    given: tuple[Context, EngineOptions], consumers: Sequence[Consumer], wanted: tuple[AuditOptions, Selection], tracer: Tracer | None
) -> Results:
    """Run the captures through the engine, with everybody who takes part."""
    context, engine = given
    options, selection = wanted
    with RunProgress(context.stream, wanted=options.progress and not options.quiet) as progress:
        return replay(context, engine, selection, consumers, progress, tracer)


def _traces(tracer: Tracer | None, results: Results, context: Context) -> list[dict[str, Any]]:
    """The records of the traced frames; those that there are not are named."""
    if tracer is None:
        return []
    from pcapaudit.report.trace import trace_record

    missing = missing_frames(tracer, results.totals.frames)
    if missing:
        note(missing)
    return [trace_record(each, context) for each in tracer.traces]


def _print_summary(summary: dict[str, object], options: AuditOptions, traces: Sequence[dict[str, Any]]) -> None:
    if options.summary == "json":
        whole = {**summary, "traces": list(traces)} if traces else summary
        sys.stdout.write(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
        return

    def draw(console: Console) -> None:
        render_summary(summary, console)
        render_traces(traces, console)

    print_report(draw, options.color)


def _print_speed(frames: int, seconds: float) -> None:
    rate = f": {count(round(frames / seconds))} packets/s" if seconds > 0 and frames else ""
    note(f"{count(frames)} frames in {seconds:.2f} s{rate}")
