"""The window check drawn as a ruler: where a segment lies between the bounds that it had to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

__all__ = ["ruler_lines"]

#: Characters of the ruler between its two bounds, and beyond each.
_INSIDE = 44
_OUTSIDE = 8
_CIRCLE = 1 << 32


def ruler_lines(window: Mapping[str, Any]) -> list[Text]:
    """Lines for the window of a record: two rulers, sequence numbers and acknowledgement, then what failed."""
    lines: list[Text] = []
    bounds = {each["bound"]: each for each in window["bounds"]}
    if bounds:
        lines += _ruler("sequence", bounds["II"], bounds["I"])
        lines += _ruler("acked", bounds["IV"], bounds["III"])
        lines += [_line(each, window["failed"]) for each in window["bounds"]]
    if window["remark"]:
        lines.append(Text(f"window  {window['remark']}", style="dim"))
    return lines


def _ruler(name: str, low: Mapping[str, Any], high: Mapping[str, Any]) -> Iterator[Text]:
    """``low`` and ``high`` are the bounds at the ends of the ruler; the segment is drawn from what is held against them."""
    first, last = low["limit"], high["limit"]
    span = (last - first) % _CIRCLE
    starts, ends = sorted((_place(high["seen"], first, span), _place(low["seen"], first, span)))
    fine = low["holds"] and high["holds"]
    cells = [" "] * _OUTSIDE + ["─"] * _INSIDE + [" "] * _OUTSIDE
    cells[_OUTSIDE], cells[_OUTSIDE + _INSIDE - 1] = "├", "┤"
    for place in range(starts, ends + 1):
        cells[place] = "█"
    cut = "".join(cells)
    text = Text.assemble((f"{name:<9}", "bold"), cut[:starts], (cut[starts : ends + 1], "green" if fine else "bold red"), cut[ends + 1 :])
    yield text
    label = f"{first}"
    right = f"{last}"
    gap = max(1, _INSIDE - len(label) - len(right))
    yield Text(" " * (9 + _OUTSIDE) + label + " " * gap + right, style="dim")


def _place(value: int, first: int, span: int) -> int:
    """Cell of a value: within the ruler to scale, beyond it nearer to the end the farther it is."""
    away = (value - first) % _CIRCLE
    if away <= span:
        return _OUTSIDE + (away * (_INSIDE - 1) // span if span else 0)
    beyond, before = away - span, _CIRCLE - away
    if beyond <= before:
        return _OUTSIDE + _INSIDE - 1 + _steps(beyond, span)
    return _OUTSIDE - _steps(before, span)


def _steps(distance: int, span: int) -> int:
    """Cells beyond an end: one for what is just outside, more for each doubling of the distance, the last for all that is far away."""
    return max(1, min(_OUTSIDE, (distance * _INSIDE // max(span, 1)).bit_length()))


def _line(bound: Mapping[str, Any], failed: str | None) -> Text:
    """One bound with its numbers."""
    distance = (bound["seen"] - bound["limit"] + _CIRCLE // 2) % _CIRCLE - _CIRCLE // 2
    mark, style = ("✓", "green") if bound["holds"] else ("✗", "bold red" if bound["bound"] == failed else "red")
    relation = {"<=": "≤", ">=": "≥"}[bound["relation"]]
    numbers = f"{bound['value']} {bound['seen']} {relation} {bound['limit']}"
    by = "" if bound["holds"] else f"  fails by {abs(distance)}"
    return Text.assemble((f"{mark} ", style), (f"{bound['bound']:<4}", "bold"), numbers, (f"  = {bound['made_of']}", "dim"), (by, style))
