"""``pcapaudit test``: run suites, captures with what is expected of them."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import CoverageOptions, coverage_options, report_option

__all__ = ["TestOptions", "test"]


@dataclass(frozen=True, slots=True)
class TestOptions:
    """What is run and how it is told."""

    #: Words of which a test's name or path must hold one; empty for all tests.
    keyword: tuple[str, ...]
    #: Write baselines anew.
    update: bool
    #: ``concise``, ``full`` or ``json``.
    form: str
    #: FORM or FORM=FILE of reports for CI servers.
    report: tuple[str, ...]
    #: No report, only errors and the exit code.
    quiet: bool
    #: What is told of the rules that were reached, by all suites together.
    covering: CoverageOptions


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "-k",
    "keyword",
    metavar="TEXT",
    multiple=True,
    help="Only tests with TEXT in their name, or their suite's, or its path; repeat for several.",
)
@click.option("--update", is_flag=True, help="Write the baselines anew from what is found.")
@click.option(
    "--format", "form", type=click.Choice(["concise", "full", "json"]), default="full", show_default=True, help="Form of the report."
)
@report_option("tests that do not pass")
@click.option("-q", "--quiet", is_flag=True, help="No report: only errors and the exit code.")
@coverage_options
def test(paths: tuple[str, ...], **options: object) -> int:
    """Run suites: captures, rules and what is expected of them.

    PATH is a suite (*.audit.yaml) or a folder of suites; the default is the working directory. docs/suites.md says what stands in one, and
    'pcapaudit init' writes a first one.

    Exit code: 0 all tests passed, 1 some failed, 2 some could not be run.
    """
    from pcapaudit.cli.testing import run_tests

    counts = run_tests(paths or (".",), TestOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.FAILED if counts["error"] else Exit.FOUND if counts["failed"] or counts["uncovered"] else Exit.CLEAN
