"""What other time-outs would have done, as a person reads it: a table and a chart for every timer that ran, then what to do.

Each row of a timer is a time-out; two bars show the connections that it breaks and the time that entries sit idle under it, each on one
scale a timer. The row that is set is marked. For the terminal, as Markdown, as one HTML file, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pcapaudit.report.pages import html_bar, html_page, html_table, markdown_cell, markdown_table
from pcapaudit.report.terminal import count, duration

__all__ = ["FORMS", "advice", "render_timeouts", "span", "timeouts_json"]

#: Characters of the longest bar.
_BAR = 18
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def timeouts_json(record: Mapping[str, Any]) -> str:
    """The record, indented."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def render_timeouts(record: Mapping[str, Any], console: Console) -> None:
    """Print the record (as ``regress.timeouts`` makes it)."""
    capture = record["capture"]
    console.print(Text.assemble(("Capture  ", "bold"), ", ".join(capture["files"]), f": {count(capture['frames'])} frames"))
    for warning in capture["warnings"]:
        console.print(Text(warning, style="yellow"))
    for timer in record["timers"]:
        console.print()
        console.print(_timer(timer))
    console.print()
    for line in _conclusion(record):
        console.print(Text(line))


def _timer(timer: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("time-out", "broken", "reopened", "most entries", "idle time"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("broken connections", "idle time"):
        table.add_column(name, no_wrap=True, min_width=_BAR)
    most, longest = (max((point[name] for point in timer["points"]), default=0) for name in ("broken", "idle_ns"))
    for point in timer["points"]:
        is_set = point["timeout_ns"] == timer["current_ns"]
        table.add_row(
            Text(f"{'▸ ' if is_set else ''}{span(point['timeout_ns'])}", style="bold" if is_set else ""),
            Text(count(point["broken"]), style="red" if point["broken"] else "green"),
            count(point["reopened"]),
            count(point["most_entries"]),
            span(point["idle_ns"]),
            Text(_bar(point["broken"], most), style="red"),
            Text(_bar(point["idle_ns"], longest), style="blue"),
        )
    return Group(
        Text.assemble((timer["timer"], "bold"), f"  {'  '.join(_about(timer))}"),
        Padding(table, (0, 0, 0, 2)),
        Padding(Text(f"→ {advice(timer)}"), (0, 0, 0, 2)),
    )


def _about(timer: Mapping[str, Any]) -> tuple[str, str]:
    """How a timer is set, and what runs under it."""
    silence = max(timer["longest_silence_ns"].values())
    words = f", longest silence {duration(silence)}" if silence else ""
    return span(timer["current_ns"]), f"{count(timer['connections'])} connection{'' if timer['connections'] == 1 else 's'}{words}"


def advice(timer: Mapping[str, Any]) -> str:
    """What to do about a timer, and its price."""
    points = {point["timeout_ns"]: point for point in timer["points"]}
    now = points[timer["current_ns"]]
    if timer["broken"]:
        return (
            f"Breaks {count(timer['broken'])}. Better: a keepalive at least every {span(timer['keepalive_s'] * 10**9)}. "
            f"Or {span(timer['recommended_ns'])}, which keeps them all{_price(now, points.get(timer['recommended_ns']))}."
        )
    shorter = points.get(timer["shortest_without_harm_ns"])
    if shorter is None or timer["shortest_without_harm_ns"] >= timer["current_ns"]:
        return "Breaks nothing."
    return f"Breaks nothing; {span(shorter['timeout_ns'])} would not either{_price(now, shorter)}."


def _price(now: Mapping[str, Any], then: Mapping[str, Any] | None) -> str:
    """What another time-out costs or saves."""
    if then is None:
        return ""
    more = then["idle_ns"] - now["idle_ns"]
    parts = [f"{span(abs(more))} {'more' if more > 0 else 'less'} of idle entries"] if more else []
    if then["most_entries"] != now["most_entries"]:
        parts.append(f"at most {count(then['most_entries'])} entries in place of {count(now['most_entries'])}")
    return f", for {' and '.join(parts)}" if parts else ""


def _markdown(record: Mapping[str, Any]) -> str:
    """Tables, bars in their last column."""
    capture = record["capture"]
    parts = ["# Time-outs\n", f"**Capture**: {markdown_cell(', '.join(capture['files']))}: {count(capture['frames'])} frames\n"]
    parts += [f"**{markdown_cell(warning)}**\n" for warning in capture["warnings"]]
    names = ("time-out", "broken", "reopened", "most entries", "idle time", "broken connections", "idle time")
    for timer in record["timers"]:
        most, longest = (max((point[name] for point in timer["points"]), default=0) for name in ("broken", "idle_ns"))
        rows = [
            (
                f"{'▸ ' if point['timeout_ns'] == timer['current_ns'] else ''}{span(point['timeout_ns'])}",
                point["broken"],
                point["reopened"],
                point["most_entries"],
                span(point["idle_ns"]),
                _bar(point["broken"], most),
                _bar(point["idle_ns"], longest),
            )
            for point in timer["points"]
        ]
        parts += [f"## {timer['timer']}\n", f"Set to {': '.join(_about(timer))}.\n", markdown_table(names, rows), f"{advice(timer)}\n"]
    return "\n".join([*parts, *(f"{line}\n" for line in _conclusion(record))])


def _html(record: Mapping[str, Any]) -> str:
    """One file, the row that is set marked."""
    capture = record["capture"]
    parts = [f"<dl><dt>Capture<dd>{escape(', '.join(capture['files']))}: {count(capture['frames'])} frames</dl>"]
    parts += [f"<p><b>{escape(warning)}</b>" for warning in capture["warnings"]]
    names = ("time-out", "broken", "reopened", "most entries", "idle time", "broken connections", "idle time")
    for timer in record["timers"]:
        most, longest = (max((point[name] for point in timer["points"]), default=0) or 1 for name in ("broken", "idle_ns"))
        rows = [
            (
                span(point["timeout_ns"]),
                count(point["broken"]),
                count(point["reopened"]),
                count(point["most_entries"]),
                span(point["idle_ns"]),
                html_bar(point["broken"] / most),
                html_bar(point["idle_ns"] / longest, "cost"),
            )
            for point in timer["points"]
        ]
        marked = [place for place, point in enumerate(timer["points"]) if point["timeout_ns"] == timer["current_ns"]]
        parts.append(f"<h2>{escape(timer['timer'])}</h2><p>Set to {escape(': '.join(_about(timer)))}.")
        parts.append(html_table(names, rows, numbers=range(5), marked=marked))
        parts.append(f"<p>→ {escape(advice(timer))}")
    parts += [f"<p>{escape(line)}" for line in _conclusion(record)]
    return html_page("Time-outs", parts)


def _conclusion(record: Mapping[str, Any]) -> Iterable[str]:
    """What replays showed."""
    as_set, enough = record["as_set"], record["with_recommended"]
    yield f"Replayed as set: {_shown(as_set)}."
    if enough:
        yield f"Replayed with the longer time-outs: {_shown(enough)}."


def _shown(proof: Mapping[str, Any]) -> str:
    cut = f"{count(proof['cut'])} connection{'' if proof['cut'] == 1 else 's'} cut by a time-out"
    return f"{cut}, {count(proof['refused'])} packets refused in all"


def _bar(number: int, most: int) -> str:
    """A bar in eighths of a character; something for everything that is not nothing."""
    if not number:
        return ""
    eighths = max(1, round(number / most * _BAR * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def span(ns: int) -> str:
    """A length of time in its two largest units, without those that are nothing: 30 s, 2 min, 2 h 4 min, 5 d."""
    seconds = round(ns / 10**9)
    for unit, smaller, length, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if seconds >= length:
            rest = seconds % length // part
            return f"{count(seconds // length)} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s" if ns % 10**9 == 0 or seconds else f"{ns / 10**9:.3g} s"


#: Form → what makes it of a record.
FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"json": timeouts_json, "markdown": _markdown, "html": _html}
