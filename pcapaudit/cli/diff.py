"""``pcapaudit diff``: what would have happened differently to recorded traffic under other rules or other settings."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, replay_options, report_option

__all__ = ["KINDS", "DiffOptions", "diff"]

#: Kinds of changes, as ``regress.changes.Kind`` has them.
KINDS = ("newly-blocked", "newly-allowed", "reason-changed", "other-rule")


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What is compared, what may change, and how it is told."""

    #: NAME=DURATION texts of one side.
    old_timeout: tuple[str, ...]
    new_timeout: tuple[str, ...]
    #: NAME=VALUE texts of one side.
    old_sysctl: tuple[str, ...]
    new_sysctl: tuple[str, ...]
    #: Profile of one side; None for that of both.
    old_profile: str | None
    new_profile: str | None
    #: Topology file of one side; None for that of both.
    old_topology: str | None
    new_topology: str | None
    #: Kinds of changes that do not make exit code 1.
    allow: tuple[str, ...]
    #: Whether ``other-rule`` makes exit code 1.
    same_rules: bool
    #: ``text``, ``markdown`` or ``json``.
    form: str
    #: File for the report; None for stdout.
    output: str | None
    #: FORM or FORM=FILE of reports for CI servers.
    report: tuple[str, ...]
    #: Examples of a change.
    max_examples: int
    #: No report on stdout, no notes.
    quiet: bool
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool
    #: ``auto``, ``always`` or ``never``.
    color: str


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@replay_options
@click.option("--old-timeout", metavar="NAME=TIME", multiple=True, help="As --timeout, for OLD alone.")
@click.option("--new-timeout", metavar="NAME=TIME", multiple=True, help="As --timeout, for NEW alone.")
@click.option("--old-sysctl", metavar="NAME=VALUE", multiple=True, help="As --sysctl, for OLD alone.")
@click.option("--new-sysctl", metavar="NAME=VALUE", multiple=True, help="As --sysctl, for NEW alone.")
@click.option("--old-profile", metavar="NAME", help="As --profile, for OLD alone.")
@click.option("--new-profile", metavar="NAME", help="As --profile, for NEW alone.")
@click.option("--old-topology", metavar="FILE", help="As --topology, for OLD alone.")
@click.option("--new-topology", metavar="FILE", help="As --topology, for NEW alone.")
@click.option(
    "--allow", type=click.Choice(KINDS), multiple=True, help="Kind of change that is no reason for exit code 1; repeat for several."
)
@click.option("--same-rules", is_flag=True, help="Exit code 1 also where another rule decided, with the same verdict.")
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True, help="Form of the report."
)
@click.option("-o", "--output", metavar="FILE", help="Write the report to FILE in place of stdout.")
@report_option("changes")
@click.option("--max-examples", type=click.IntRange(0, 1000), default=3, show_default=True, metavar="N", help="Examples of each change.")
@click.option("-q", "--quiet", is_flag=True, help="No report on stdout, no progress, no notes: only errors, -o and the exit code.")
@click.option("--no-progress", "progress", flag_value=False, default=True, help="No progress bar.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour on stdout.")
def diff(old: str, new: str, captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Compare two rulesets, or two settings, over recorded traffic.

    OLD and NEW are rulesets; "default" is the built-in one. Both judge every packet of CAPTURE... (as for audit), each with its own
    connection table, and what differs is grouped by cause: the rule or policy that decided in OLD, and the one in NEW. Either may be a
    saved run instead: a directory that audit -o wrote, or its verdicts.csv, .jsonl or .parquet.

    \b
    newly-blocked   accepted in OLD, dropped or rejected in NEW
    newly-allowed   the other way round
    reason-changed  accepted by neither or both, but rejected in place of dropped, or for another reason
    other-rule      the same verdict, decided by another rule; told, but no failure without --same-rules

    Exit code: 0 nothing changed but what is allowed, 1 changes, 2 the work could not be done.
    """  # noqa: D301  # backspace is how click is told to keep lines
    from pcapaudit.cli.diffing import run_diff

    failed = run_diff((old, new), captures, engine, DiffOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.FOUND if failed else Exit.CLEAN
