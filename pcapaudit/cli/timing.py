"""The work behind ``pcapaudit timeouts``: a replay that measures silences, and replays that prove. Imported when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.api.session import open_session
from pcapaudit.capture.inputs import STDIN
from pcapaudit.cli.output import print_report, tell_place
from pcapaudit.cli.progress import RunProgress
from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, ConntrackConfig, parse_duration_ns
from pcapaudit.core.consts import VERDICT_DROP
from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.flow_cut_by_timeout import FlowCutByTimeout
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity
from pcapaudit.regress.idle import TIMERS, Idle, TimerUse, stretched
from pcapaudit.regress.timeouts import Proof, grid_of, needed_ns, shortest_ns, timeouts_record
from pcapaudit.replay.run import run
from pcapaudit.report.timeouts import FORMS, render_timeouts

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.cli.timeouts import TimeoutOptions
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.consumer import Context

__all__ = ["run_timeouts"]

_NS = 1_000_000_000


def run_timeouts(captures: Sequence[str], engine: EngineOptions, options: TimeoutOptions) -> bool:
    """Measure, prove, report. Returns whether a connection is broken as things are set. Raises PcapauditError."""
    if STDIN in captures:
        raise ConfigError("-: timeouts reads the capture more than once: save standard input to a file first")
    given = _grid(options.grid)
    with open_session(captures, engine) as context:
        current = _current(context.conntrack)
        idle = Idle(current, grid_of(current, given))
        frames = _replay(replace(context, conntrack=stretched(context.conntrack)), [idle], options).frames
        uses = idle.uses()
        finer = {
            use.name: [*(point.timeout_ns for point in use.points), needed_ns(use) or shortest_ns(use), shortest_ns(use)] for use in uses
        }
        files = context.stream
    if not options.quiet:
        tell_place(context.topology)
    if finer:
        # The shortest time-out that breaks nothing is known only now: its price is measured in a second replay.
        with open_session(captures, engine) as context:
            idle = Idle(current, grid_of(current, finer))
            _replay(replace(context, conntrack=stretched(context.conntrack)), [idle], options)
            uses = idle.uses()
    record = timeouts_record(uses, files, (_proof(captures, engine, options), _enough(captures, engine, options, uses)), frames)
    if options.form != "text":
        sys.stdout.write(FORMS[options.form](record))
    else:
        print_report(lambda console: render_timeouts(record, console), options.color)
    return any(timer["broken"] for timer in record["timers"])


def _grid(texts: Sequence[str]) -> dict[str, list[int]]:
    """Timer → ns of ``--grid``. Raises ConfigError."""
    given: dict[str, list[int]] = {}
    for text in texts:
        name, equals, times = text.partition("=")
        if not equals or not times:
            raise ConfigError(f"--grid {text}: expected NAME=TIME,TIME..., for example --grid udp.stream=60,90,5m")
        if name not in TIMERS:
            raise ConfigError(f"--grid {text}: expected one of {', '.join(TIMERS)} before '='")
        given.setdefault(name, []).extend(parse_duration_ns(each, f"--grid {name}") for each in times.split(","))
    return given


def _current(config: ConntrackConfig) -> dict[str, int]:
    """Timer → ns as it is set."""
    return {name: config.timeouts.get(name, seconds * _NS) for name, seconds in DEFAULT_TIMEOUTS.items()}


def _replay(context: Context, consumers: Sequence[Any], options: TimeoutOptions) -> Any:
    with RunProgress(context.stream, wanted=options.progress and not options.quiet) as progress:
        return run(context, consumers, 0, progress)


class _Refused:
    """Counts packets that were not let through."""

    def __init__(self) -> None:
        self.packets = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count."""
        self.packets += int(np.count_nonzero(verdicts.arrays["verdict"][: batch.count] >= VERDICT_DROP))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""


def _proof(captures: Sequence[str], engine: EngineOptions, options: TimeoutOptions, longer: Mapping[str, int] | None = None) -> Proof:
    """A replay, with some timers longer than they are set."""
    more = tuple(f"{name}={ns // _NS}" for name, ns in (longer or {}).items())
    with open_session(captures, replace(engine, timeout=(*engine.timeout, *more))) as context:
        detector, refused = FlowCutByTimeout(Scene(context)), _Refused()
        _replay(context, [detector, refused], options)
        # What was picked up again is told as information.
        cut = sum(each.count for each in detector.violations() if each.severity is not Severity.INFO)
    return Proof(cut, refused.packets)


def _enough(captures: Sequence[str], engine: EngineOptions, options: TimeoutOptions, uses: Sequence[TimerUse]) -> Proof | None:
    """The same with every timer that breaks something just long enough; None when none does."""
    longer = {use.name: needed_ns(use) for use in uses if needed_ns(use) > use.current_ns}
    return _proof(captures, engine, options, longer) if longer else None
