"""``pcapaudit exposure``: what state is worth on recorded traffic."""

from __future__ import annotations

import secrets
import sys

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, document_options, engine_options

__all__ = ["exposure"]


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@document_options()
def exposure(captures: tuple[str, ...], engine: EngineOptions, *, form: str, quiet: bool, progress: bool, color: str) -> int:
    """Compare the ruleset with stateless filters that give the same permissions.

    Who may open a connection is asked of the ruleset. Without state such a permission takes two rules, one for each direction, and the
    second lets in whatever looks like an answer; a test of TCP's SYN flag helps, for TCP. The report sets the three side by side: packets
    and flows let in from outside, how long the way back is open, and who would have come in.

    Exit code: 0 the report is made, 2 the work could not be done.
    """
    from pcapaudit.api.session import DEFAULT_RULES, open_session
    from pcapaudit.cli.output import print_report, tell_place
    from pcapaudit.cli.progress import RunProgress
    from pcapaudit.regress.exposure import Exposure, exposure_record
    from pcapaudit.replay.run import run
    from pcapaudit.report.exposure import FORMS, render_exposure

    with open_session(captures, engine) as context:
        found = Exposure(context)
        with RunProgress(context.stream, wanted=progress and not quiet) as shown:
            totals = run(context, [found], secrets.randbits(63) if engine.seed is None else engine.seed, shown)
        record = exposure_record(found, context.stream, totals.frames, ", ".join(engine.rules) or DEFAULT_RULES)
    if not quiet:
        tell_place(context.topology)
    if form != "text":
        sys.stdout.write(FORMS[form](record))
    else:
        print_report(lambda console: render_exposure(record, console), color)
    return Exit.CLEAN
