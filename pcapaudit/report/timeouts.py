"""What other time-outs would have done, as a person reads it: a table and a chart for every timer that ran, then what to do.

Each row of a timer is a time-out; the bar shows the connections that it breaks, on one scale a timer. The row that is set is marked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pcapaudit.report.terminal import count, duration

__all__ = ["advice", "render_timeouts", "span", "timeouts_json"]

#: Characters of the longest bar.
_BAR = 24
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
    table.add_column("broken connections", no_wrap=True)
    most = max((point["broken"] for point in timer["points"]), default=0)
    for point in timer["points"]:
        is_set = point["timeout_ns"] == timer["current_ns"]
        table.add_row(
            Text(f"{'▸ ' if is_set else ''}{span(point['timeout_ns'])}", style="bold" if is_set else ""),
            Text(count(point["broken"]), style="red" if point["broken"] else "green"),
            count(point["reopened"]),
            count(point["most_entries"]),
            span(point["idle_ns"]),
            Text(_bar(point["broken"], most), style="red"),
        )
    return Group(_title(timer), Padding(table, (0, 0, 0, 2)), Padding(Text(f"→ {advice(timer)}"), (0, 0, 0, 2)))


def _title(timer: Mapping[str, Any]) -> Text:
    silence = max(timer["longest_silence_ns"].values())
    words = f", longest silence {duration(silence)}" if silence else ""
    connections = f"{count(timer['connections'])} connection{'' if timer['connections'] == 1 else 's'}"
    return Text.assemble((timer["timer"], "bold"), f"  {span(timer['current_ns'])}  {connections}{words}")


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
