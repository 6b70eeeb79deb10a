"""The work behind ``pcapaudit explain``. Imported when it is needed."""

from __future__ import annotations

import json
import secrets
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.api.replaying import replay
from pcapaudit.api.selecting import selection_of
from pcapaudit.api.session import open_session
from pcapaudit.cli.dissecting import Dissection, dissect
from pcapaudit.cli.output import print_report
from pcapaudit.cli.progress import RunProgress
from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.alternatives import Ended, Outcome, candidates, reordered, try_changes
from pcapaudit.replay.run import run
from pcapaudit.replay.story import Story, selector_of
from pcapaudit.replay.trace import Tracer
from pcapaudit.report.explain import Explanation, explanation_record, findings_about, render_explanation
from pcapaudit.report.ladder import ladder_record, render_ladder
from pcapaudit.report.trace import flow_text, trace_record

if TYPE_CHECKING:
    from pcapaudit.cli.explain import ExplainOptions
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.replay.trace import FrameTrace

__all__ = ["run_explain"]

#: Packets of a flow that are shown without --all.
SHOWN_PACKETS = 40
#: Flows that timed out of which the endpoints are remembered, some 60 bytes each.
MOST_TIMED_OUT = 1_000_000
_STATES = {consts.PROTO_TCP: vocab.TCP_STATES, consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}


def run_explain(capture: str, engine: EngineOptions, options: ExplainOptions) -> None:
    """Explain and print. Raises PcapauditError."""
    if options.flow is not None:
        _explain_flow(capture, engine, options)
        return
    found = _explained(capture, engine, options)
    if options.form == "json":
        _write_json(explanation_record(found))
    else:
        print_report(lambda console: render_explanation(found, console, everything=options.everything), options.color)


def _write_json(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


# A frame --------------------------------------------------------------------------------------------------------------------------


class _Flows:
    """Keeps the flows that timed out, the last ones: their endpoints and ends."""

    def __init__(self) -> None:
        self._kept: deque[Any] = deque()
        self._count = 0

    @property
    def timed_out(self) -> Any:
        """Their rows."""
        return np.concatenate(self._kept) if self._kept else ()

    def on_batch(self, _batch: object, _verdicts: object) -> None:
        """Packets are the tracer's."""

    def on_flows(self, rows: Any) -> None:
        """Keep those whose time-out ended them."""
        found = rows[rows["end"] == consts.END_TIMEOUT][[*_TUPLE, *_ENDED]]
        if len(found):
            self._kept.append(found.copy())
            self._count += len(found)
        while self._count > MOST_TIMED_OUT:
            self._count -= len(self._kept.popleft())

    def on_end(self) -> None:
        """Nothing is held back."""


_TUPLE = ("src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "proto")
_ENDED = ("flow", "last_ns", "end_ns", "tcp_state", "status")


def _explained(capture: str, engine: EngineOptions, options: ExplainOptions) -> Explanation:
    frame = options.frame or 0
    tracer, flows = Tracer([frame]), _Flows()
    with open_session([capture], engine) as context:
        with RunProgress(context.stream, wanted=options.progress) as progress:
            results = replay(context, engine, selection_of(options.findings), (flows,), progress, tracer)
        if not tracer.traces:
            raise ConfigError(f"{capture}: it has {results.totals.frames} frames; there is no frame {frame}")
        trace = tracer.traces[0]
        record = trace_record(trace, context)
    ended = _ended_before(trace, flows.timed_out)
    outcomes, untried = _tried(capture, engine, options, (trace, ended))
    dissection = Dissection((), "") if options.dissection == "none" else dissect(record["file"] or capture, record["file_frame"])
    return Explanation(
        trace=record,
        layers=dissection.layers,
        problem=dissection.problem,
        ended=_ended_record(ended, trace),
        findings=findings_about(results.violations, frame, trace.verdict["flow"]),
        changes=[_change_record(each, trace) for each in outcomes],
        untried=untried,
        dissection=options.dissection,
    )


def _ended_before(trace: FrameTrace, timed_out: Any) -> Ended | None:
    """The connection of the same tuple that timed out last before the frame, if none was there when it came."""
    packet = trace.packet
    if trace.quotes or (trace.before is not None and trace.before.left_ns > 0):
        return None
    ends = [(packet[f"{end}_hi"], packet[f"{end}_lo"], packet[port]) for end, port in (("src", "sport"), ("dst", "dport"))]
    if packet["proto"] in (consts.PROTO_ICMP, consts.PROTO_ICMPV6):
        ends = [end[:2] for end in ends]  # type: ignore[misc]  # identifiers of ICMP stand in the source port of both directions
    found = None
    if len(timed_out):
        timed_out = timed_out[(timed_out["proto"] == packet["proto"]) & (timed_out["end_ns"] <= trace.now)]
    for row in timed_out:
        own = [(int(row[f"{end}_hi"]), int(row[f"{end}_lo"]), int(row[port])) for end, port in (("src", "sport"), ("dst", "dport"))]
        if sorted(each[: len(ends[0])] for each in own) == sorted(ends) and (found is None or row["end_ns"] > found["end_ns"]):
            found = row
    if found is None:
        return None
    pause, late = trace.now - int(found["last_ns"]), trace.now - int(found["end_ns"])
    return Ended(int(found["flow"]), int(found["tcp_state"]), int(found["status"]), pause, late)


def _ended_record(ended: Ended | None, trace: FrameTrace) -> dict[str, Any] | None:
    if ended is None:
        return None
    state = _STATES.get(trace.packet["proto"], {}).get(ended.state) or None
    status = vocab.status_names(ended.status)
    return {"flow": ended.flow, "state": state, "status": status, "pause_ns": ended.pause_ns, "late_ns": ended.late_ns}


def _tried(
    capture: str, engine: EngineOptions, options: ExplainOptions, what: tuple[FrameTrace, Ended | None]
) -> tuple[list[Outcome], str]:
    """The outcomes of single changes, or why none was tried."""
    trace, ended = what
    if not options.changes:
        return [], ""
    if capture == "-":
        return [], "not tried: standard input cannot be read twice; give a file"
    with open_session([capture], engine) as context:
        changes = candidates(trace, context, ended)
        if not changes:
            return [], "not tried: no rule sees a frame like this"
        seed = secrets.randbits(63) if engine.seed is None else engine.seed
        outcomes = try_changes(changes, context, trace.frame, seed)
        moved = reordered(trace, context, outcomes)
    if moved:
        with open_session([capture], engine) as context:
            outcomes += try_changes(moved, context, trace.frame, seed)
    return outcomes, ""


def _change_record(outcome: Outcome, trace: FrameTrace) -> dict[str, Any]:
    return {
        "text": outcome.change.text,
        "how": outcome.change.how,
        "verdict": vocab.VERDICTS[outcome.verdict],
        "reason": vocab.REASONS[outcome.reason] or None,
        "ct_state": vocab.CT_STATES[outcome.ct_state] or None,
        "at": outcome.at or None,
        "alters": outcome.verdict != trace.verdict["verdict"],
    }


# A flow ---------------------------------------------------------------------------------------------------------------------------


def _explain_flow(capture: str, engine: EngineOptions, options: ExplainOptions) -> None:
    text = (options.flow or "").strip()
    wanted = int(text) if text.isascii() and text.isdigit() else selector_of(text)
    with open_session([capture], engine) as context:
        story = Story(wanted, context.program, None if options.everything else SHOWN_PACKETS)
        seed = secrets.randbits(63) if engine.seed is None else engine.seed
        with RunProgress(context.stream, wanted=options.progress) as progress:
            totals = run(context, [story], seed, progress)
        if not story.count:
            raise ConfigError(f"--flow {text}: no packet of {capture} belongs to it; its flows are numbered from 1 to {totals.flows}")
        _check_one_pair(story, text)
        record = ladder_record(story, context)
    if options.form == "json":
        _write_json(record)
    else:
        print_report(lambda console: render_ladder(record, console), options.color)


def _check_one_pair(story: Story, text: str) -> None:
    """A ladder has two ends."""
    pairs = [each for each in story.pairs.values() if not _is_error(each.values)]
    if len(pairs) > 1:
        listed = "\n".join(f"  {flow_text(each.values)}" for each in pairs)
        raise ConfigError(f"--flow {text}: it means packets of more than one pair of endpoints; name one of them, such as\n{listed}")


def _is_error(values: dict[str, int]) -> bool:
    return values["proto"] in (consts.PROTO_ICMP, consts.PROTO_ICMPV6) and values["sport"] == 0
