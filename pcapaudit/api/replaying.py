"""Drives one audit: counts, detectors and whoever else takes part, to its results."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pcapaudit.api.ahead import open_source
from pcapaudit.api.session import DEFAULT_RULES
from pcapaudit.findings.parents import Parents
from pcapaudit.findings.registry import make_detectors
from pcapaudit.findings.selection import Selection, choose
from pcapaudit.replay.run import run
from pcapaudit.report.summary import SEVERITIES, Results
from pcapaudit.report.totals import RunCounts

if TYPE_CHECKING:
    from pcapaudit.api.options import EngineOptions
    from pcapaudit.findings.violation import Violation
    from pcapaudit.replay.consumer import Consumer, Context
    from pcapaudit.replay.trace import Tracer

__all__ = ["replay"]


def replay(
    context: Context,
    engine: EngineOptions,
    selection: Selection,
    consumers: Sequence[Consumer] = (),
    progress: Callable[[], None] | None = None,
    tracer: Tracer | None = None,
) -> Results:
    """Run a context's stream to its end; ``consumers`` come after the detectors, ``tracer`` gets its frames. Raises CaptureError."""
    topology = context.topology
    inside = [number for number, zone in enumerate(topology.zones) if zone.inside] if topology.assumed_inside else []
    counts = RunCounts(len(context.program.rules), inside)
    detectors, parents = make_detectors(context, selection.thresholds), Parents()
    seed = secrets.randbits(63) if engine.seed is None else engine.seed
    with open_source(context.stream, context.checksum) as source:
        totals = run(context, [counts, detectors, parents, *consumers], seed, progress, tracer, source)
    violations = parents.named(detectors.violations())
    chosen = choose(sorted(violations, key=_rank), selection, totals.last_ns)
    return Results(context, ", ".join(engine.rules) or DEFAULT_RULES, totals, counts, chosen.violations, chosen)


def _rank(violation: Violation) -> tuple[int, int, str, int]:
    """Worst first; of two as bad the more frequent, then by code and by place in the capture."""
    return SEVERITIES.index(str(violation.severity)), -violation.count, violation.code, violation.first_frame
