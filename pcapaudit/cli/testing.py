"""The work behind ``pcapaudit test``. Imported when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pcapaudit
from pcapaudit.api.suites import Tested, chosen, find_suites, load_suites, run_suite, unused_baselines
from pcapaudit.cli.covering import Covering
from pcapaudit.cli.output import tell_place
from pcapaudit.cli.reporting import hand_out, wanted_reports
from pcapaudit.core.errors import ConfigError
from pcapaudit.report.ci.notice import of_suites
from pcapaudit.report.suites import render_concise, render_full, render_json

if TYPE_CHECKING:
    from pcapaudit.cli.test import TestOptions

__all__ = ["run_tests"]

_RENDERERS = {"concise": render_concise, "full": render_full, "json": render_json}


def run_tests(paths: Sequence[str], options: TestOptions) -> Mapping[str, int]:
    """Run the suites, print the report; returns how many tests passed, failed and could not be run, and as ``uncovered`` 1 where too few
    rules were reached. Raises PcapauditError.
    """
    covering = Covering(options.covering)
    reports = wanted_reports(options.report)
    tested: list[Tested] = []
    found = 0
    for path in find_suites(paths):
        suites, lines = load_suites(path)
        found += len(suites)
        for suite in filter(None, (chosen(suite, options.keyword) for suite in suites)):
            tested.append(run_suite(suite, lines, options.update, watchers=covering.watch if covering.wanted else None))
            covering.add(tested[-1].totals)
            if tested[-1].topology and not options.quiet:
                tell_place(tested[-1].topology, f"{suite.path}:{suite.line}: ")
    if found and not tested:
        raise ConfigError(f"-k {' -k '.join(options.keyword)}: no path, suite or test of {found} suite{'s' * (found != 1)} has such a name")
    record = _record(tested, unused_baselines(paths, [each.suite for each in tested]) if not options.keyword else [])
    printed = hand_out(reports, of_suites(record, pcapaudit.__version__), options.quiet) if reports else False
    if not (options.quiet or printed):
        sys.stdout.write(_RENDERERS[options.form](record))
    counts: Mapping[str, int] = record["counts"]
    return {**counts, "uncovered": int(covering.show(options.quiet))}


def _record(tested: Sequence[Tested], unused: Sequence[str]) -> dict[str, Any]:
    """The report as a value, ready for JSON."""
    outcomes = [outcome for each in tested for outcome in each.outcomes]
    return {
        "suites": len(tested),
        "counts": {status: sum(each.status == status for each in outcomes) for status in ("passed", "failed", "error")},
        "baselines_updated": [path for each in tested for path in each.updated],
        "baselines_unused": list(unused),
        "tests": [
            {
                "name": each.name,
                "path": each.path,
                "line": each.line,
                "status": each.status,
                "lines": list(each.lines),
                "frame": each.frame or None,
                "rule_at": each.rule or None,
            }
            for each in outcomes
        ],
    }
