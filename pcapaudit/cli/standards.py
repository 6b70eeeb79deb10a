"""The work behind ``pcapaudit rfc``. Imported when it is needed."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcapaudit.api.origins import origins_of
from pcapaudit.api.session import DEFAULT_RULES, open_session
from pcapaudit.cli.output import print_report, tell_place
from pcapaudit.cli.progress import RunProgress
from pcapaudit.findings.flow_cut_by_timeout import FlowCutByTimeout
from pcapaudit.findings.scene import Scene
from pcapaudit.regress.standards.assess import Seen, assess
from pcapaudit.regress.standards.catalogue import STANDARDS
from pcapaudit.regress.standards.facts import Facts
from pcapaudit.regress.standards.record import standards_record, violates
from pcapaudit.replay.run import run
from pcapaudit.report.standards import FORMS, render_standards

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.cli.rfc import RfcOptions

__all__ = ["run_standards"]


def run_standards(captures: Sequence[str], engine: EngineOptions, options: RfcOptions) -> bool:
    """Replay, assess and print; returns whether what is violated makes the command fail. Raises PcapauditError."""
    with open_session(captures, engine) as context:
        facts, cuts = Facts(context), FlowCutByTimeout(Scene(context))
        with RunProgress(context.stream, wanted=options.progress and not options.quiet) as progress:
            totals = run(context, [facts, cuts], secrets.randbits(63) if engine.seed is None else engine.seed, progress)
        numbers = [int(each) for each in options.standard] or STANDARDS
        found = assess(context, Seen(facts, cuts.violations(), origins_of(engine)), numbers)
        settings = f"profile {engine.profile}" if engine.profile != "linux" else f"Linux {engine.kernel or '6.12'}"
        record = standards_record(found, context.stream, totals.frames, ", ".join(engine.rules) or DEFAULT_RULES, settings)
    if not options.quiet:
        tell_place(context.topology)
        if options.form == "text":
            print_report(lambda console: render_standards(record, console, options.only), options.color)
        else:
            sys.stdout.write(FORMS[options.form](record, options.only))
    return options.fail_on != "never" and violates(record, options.fail_on.upper())
