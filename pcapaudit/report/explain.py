"""A frame explained, as a record and as a person reads it: phases, what went before, dissection, findings, what would alter it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import pcapaudit
from pcapaudit.report.phases import render_phases
from pcapaudit.report.terminal import duration
from pcapaudit.report.timeouts import span

if TYPE_CHECKING:
    from pcapaudit.findings.violation import Violation

__all__ = ["EXPLAIN_VERSION", "Explanation", "explanation_record", "findings_about", "render_explanation"]

#: Raised when a key changes its meaning or goes away; not when one is added.
EXPLAIN_VERSION = 1
#: An entry with fewer timers has said all with the one that runs.
_FEWEST_TIMERS = 2
#: Characters of a timer's bar.
_BAR = 12
_STYLES = {"accept": "green", "drop": "bold red", "reject": "bold magenta", "skip": "dim"}
#: Lines of tshark's that are worth a look even where the layers are shown by their titles alone.
_EXPERT = "[Expert Info"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a frame."""

    #: As ``report.trace`` makes it.
    trace: Mapping[str, Any]
    #: (title, lines) of each layer.
    layers: Sequence[tuple[str, Sequence[str]]] = ()
    #: Why there is no dissection.
    problem: str = ""
    #: The connection that timed out before the frame: flow, pause_ns, late_ns, state; or None.
    ended: Mapping[str, Any] | None = None
    #: Findings that name the frame or its flow: code, severity, message, advice, about.
    findings: Sequence[Mapping[str, Any]] = ()
    #: Changes that were tried: text, how, verdict, reason, ct_state, at, alters.
    changes: Sequence[Mapping[str, Any]] = ()
    #: Why none was tried; else empty.
    untried: str = ""
    #: How the dissection is shown: ``layers``, ``full`` or ``none``.
    dissection: str = field(default="layers")


def findings_about(violations: Sequence[Violation], frame: int, flow: int) -> list[dict[str, Any]]:
    """Findings that name a frame, then those that name its flow."""
    found = []
    for each in violations:
        flows = each.evidence.get("flows")
        named = isinstance(flows, (list, tuple)) and flow in flows
        if frame in (each.first_frame, each.last_frame):
            about = "frame"
        elif flow and (each.flow == flow or named):
            about = "flow"
        else:
            continue
        found.append(
            {"code": each.code, "severity": str(each.severity), "message": each.message, "advice": each.advice or None, "about": about}
        )
    return sorted(found, key=lambda each: each["about"] != "frame")


def explanation_record(found: Explanation) -> dict[str, Any]:
    """The explanation, ready for JSON."""
    return {
        "schema_version": EXPLAIN_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "dissection": {
            "problem": found.problem or None,
            "layers": [{"title": title, "lines": list(lines)} for title, lines in found.layers],
        },
        **found.trace,
        "timed_out_before": dict(found.ended) if found.ended else None,
        "findings": [dict(each) for each in found.findings],
        "changes": [dict(each) for each in found.changes],
        "changes_not_tried": found.untried or None,
    }


def render_explanation(found: Explanation, console: Console, *, everything: bool = False) -> None:
    """Print the explanation."""
    render_phases(found.trace, console, everything=everything)
    for title, lines in (
        ("Before", list(_before(found))),
        ("Time left on each timer", list(_timers(found))),
        ("Dissection", list(_dissection(found))),
        ("Findings", list(_findings(found))),
        ("What one change would do", list(_changes(found))),
    ):
        if lines:
            console.print()
            console.print(Text(title, style="bold"))
            for line in lines:
                console.print(Padding(line, (0, 0, 0, 3)))


def _before(found: Explanation) -> Iterator[Text]:
    ended = found.ended
    if ended:
        yield Text.assemble(
            ("timed out ", "bold yellow"),
            f"flow {ended['flow']} of the same endpoints, {ended['state'] or 'without a state'}, ended {duration(ended['late_ns'])} before "
            f"this frame: nothing had come for {duration(ended['pause_ns'])}",
        )


def _timers(found: Explanation) -> Iterator[RenderableType]:
    """What each timer of the protocol had left when the frame came, or has behind a frame that made the entry."""
    conntrack = found.trace["conntrack"]
    entry = conntrack["before"] or conntrack["after"]
    if entry is None or len(entry["timers"]) < _FEWEST_TIMERS:
        return
    pause = f"when the frame came, {duration(entry['silent_ns'])} after the entry was refreshed"
    yield Text(pause if conntrack["before"] else "behind the frame, which made the entry", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for _ in range(2):
        table.add_column(no_wrap=True)
    by_length: dict[int, list[Mapping[str, Any]]] = {}
    for each in entry["timers"]:
        by_length.setdefault(each["timer_ns"], []).append(each)
    for length, timers in by_length.items():
        left, runs = timers[0]["left_ns"], any(each["runs"] for each in timers)
        first, *others = (each["timer"] for each in sorted(timers, key=lambda each: not each["runs"]))
        names = ", ".join([first, *(each.partition(".")[2] for each in others)])
        bar = "█" * max(1, round(_BAR * left / length)) if left > 0 else ""
        said = Text(f"{duration(left)} left" if left > 0 else f"over for {duration(-left)}", style="" if left > 0 else "red")
        table.add_row(
            Text(f"{'▸' if runs else ' '} {names}", style="bold" if runs else ""), span(length), Text(f"{bar:<{_BAR}}", style="green"), said
        )
    yield table


def _dissection(found: Explanation) -> Iterator[Text]:
    if found.dissection == "none":
        return
    if found.problem:
        yield Text(found.problem, style="yellow")
    for title, lines in found.layers:
        yield Text(title)
        for line in lines:
            if found.dissection == "full":
                yield Text(line, style="dim")
            elif _EXPERT in line:
                yield Text(line.strip(), style="yellow")


def _findings(found: Explanation) -> Iterator[Text]:
    for each in found.findings:
        yield Text.assemble((f"{each['code']} ", "bold"), (f"{each['severity']}, of this {each['about']}: ", "dim"), each["message"])
        # What to do about other packets of the flow is theirs to say.
        if each["advice"] and each["about"] == "frame":
            yield Text(f"→ {each['advice']}", style="italic")


def _changes(found: Explanation) -> Iterator[Text]:
    if found.untried:
        yield Text(found.untried, style="dim")
    now = found.trace["verdict"]["verdict"]
    for each in sorted(found.changes, key=lambda change: not change["alters"]):
        mark, style = ("→", "bold") if each["alters"] else ("=", "dim")
        text = Text.assemble((f"{mark} ", style), (f"{each['verdict']:<7}", _STYLES[each["verdict"]] if each["alters"] else "dim"))
        text.append(f"{each['text']}", style="" if each["alters"] else "dim")
        text.append(f"  ({each['how']})", style="cyan" if each["alters"] else "dim")
        yield text
        if each["alters"]:
            why = f"ct state {each['ct_state'] or 'none'}" + (f", {each['reason']}" if each["reason"] else "")
            yield Text(f"         {why}, decided at {each['at'] or 'no rule'}", style="dim")
    if found.changes and not any(each["alters"] for each in found.changes):
        yield Text(f"none of them alters the verdict: {now}", style="dim")
