"""What came of every requirement of the standards: for the terminal, as Markdown, as one HTML file, as JSON.

Violations come first in each standard, with all their evidence; what is met shows its best piece of evidence; what came to no verdict is
gathered by reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pcapaudit.report.pages import html_page, html_table, markdown_cell, markdown_table
from pcapaudit.report.terminal import count

__all__ = ["FORMS", "render_standards"]

_STYLES = {"violated": "red", "met": "green", "not-exercised": "yellow", "not-applicable": "dim"}
_SIGNS = {"violated": "✗", "met": "✓", "not-exercised": "·", "not-applicable": "-"}
_NAMES = {verdict: verdict.replace("-", " ") for verdict in _STYLES}
#: What evidence rests on, as tables say it.
_BASES = {"capture": "capture", "probe": "probe", "setting": "setting"}


def render_standards(record: Mapping[str, Any], console: Console, only: Sequence[str] = ()) -> None:
    """Print the record (as ``regress.standards.record`` makes it)."""
    for name, text in _head(record):
        console.print(Text.assemble((f"{name:<9}", "bold"), text))
    for warning in record["capture"]["warnings"]:
        console.print(Text(warning, style="yellow"))
    console.print()
    console.print(_overview(record))
    for standard in record["standards"]:
        parts = list(_parts(standard, only))
        if parts:
            console.print()
            console.print(
                Text.assemble((f"RFC {standard['rfc']}", "bold"), f"  {standard['title']} ({standard['status']}, {standard['year']})")
            )
            console.print(Padding(Group(*parts), (0, 0, 0, 2)))
    console.print()
    console.print(Text(_conclusion(record), style="bold"))


def _head(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    capture = record["capture"]
    yield "Capture", f"{', '.join(capture['files'])}: {count(capture['frames'])} frames"
    yield "Rules", record["rules"]
    yield "Settings", record["settings"]


def _overview(record: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("RFC", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in _NAMES.values():
        table.add_column(name, justify="right", no_wrap=True)
    for standard in record["standards"]:
        numbers = [
            Text(str(standard["counts"][verdict]), style=_STYLES[verdict] if standard["counts"][verdict] else "dim") for verdict in _NAMES
        ]
        table.add_row(str(standard["rfc"]), standard["about"], *numbers)
    return table


def _parts(standard: Mapping[str, Any], only: Sequence[str]) -> Iterator[RenderableType]:
    wanted = only or tuple(_NAMES)
    requirements = standard["requirements"]
    for verdict in ("violated", "met"):
        for each in requirements:
            if each["verdict"] == verdict and verdict in wanted:
                yield _requirement(each)
    for verdict in ("not-exercised", "not-applicable"):
        if verdict in wanted:
            yield from (_gathered(verdict, reason, found) for reason, found in _by_reason(requirements, verdict).items())


def _requirement(each: Mapping[str, Any]) -> RenderableType:
    verdict = each["verdict"]
    head = Text.assemble(
        (f"{_SIGNS[verdict]} {each['id']:<8}", f"bold {_STYLES[verdict]}"),
        (f"{each['level']:<7}", "bold" if each["level"] == "MUST" else ""),
        each["text"],
    )
    head.append(f"  section {each['section']}", style="dim")
    shown = [piece for piece in each["evidence"] if verdict == "violated" or piece["says"] == verdict]
    rows = [(piece["basis"], _told(piece)) for piece in (shown if verdict == "violated" else shown[:1])]
    if each["change"]:
        rows.append(("change", each["change"]))
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, style="dim", min_width=8)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, Text(text, style="cyan" if name == "change" else ""))
    return Group(_hanging(head, 17), Padding(table, (0, 0, 0, 10)))


def _hanging(text: Text, indent: int) -> RenderableType:
    """Text whose further lines begin where its words do."""
    table = Table.grid()
    table.add_column(no_wrap=True, width=indent)
    table.add_column(overflow="fold")
    table.add_row(text[:indent], text[indent:])
    return table


def _told(piece: Mapping[str, Any]) -> str:
    return f"frame {piece['first_frame']}: {piece['text']}" if piece["first_frame"] else piece["text"]


def _by_reason(requirements: Sequence[Mapping[str, Any]], verdict: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in requirements:
        if each["verdict"] == verdict:
            found.setdefault(each["reason"], []).append(each)
    return found


def _gathered(verdict: str, reason: str, found: Sequence[Mapping[str, Any]]) -> RenderableType:
    changes = {each["change"] for each in found if each["change"]}
    text = Text.assemble((f"{_SIGNS[verdict]} {_NAMES[verdict]}  ", _STYLES[verdict]), ", ".join(each["id"] for each in found))
    text.append(f": {reason}", style="dim")
    if len(changes) == 1:
        text.append(f"; try {changes.pop()}", style="cyan")
    return text


def _conclusion(record: Mapping[str, Any]) -> str:
    counts = record["counts"]
    strict = [
        each
        for standard in record["standards"]
        for each in standard["requirements"]
        if each["verdict"] == "violated" and each["level"] == "MUST"
    ]
    proven = sum(
        each["on_packets_of_the_capture"]
        for standard in record["standards"]
        for each in standard["requirements"]
        if each["verdict"] == "violated"
    )
    total = sum(counts.values())
    said = f"{counts['violated']} of {total} requirements are violated ({len(strict)} of them MUST), {counts['met']} met; "
    said += f"{counts['not-exercised']} came to no verdict, {counts['not-applicable']} do not apply."
    return f"{said} Packets of the capture violate {proven}." if proven else said


# Other forms ------------------------------------------------------------------------------------------------------------------------


def _shown(record: Mapping[str, Any], only: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each standard with the requirements that are shown."""
    order = list(_NAMES)
    for standard in record["standards"]:
        found = [each for each in standard["requirements"] if not only or each["verdict"] in only]
        yield standard, sorted(found, key=lambda each: order.index(each["verdict"]))


def _why(each: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what it rests on, text) of everything that is said of a requirement."""
    rows = [(piece["basis"], _told(piece)) for piece in each["evidence"]]
    if each["reason"]:
        rows.append(("", each["reason"]))
    if each["change"]:
        rows.append(("change", each["change"]))
    return rows


def _markdown(record: Mapping[str, Any], only: Sequence[str]) -> str:
    parts = ["# RFC audit\n", "".join(f"- **{name}**: {markdown_cell(text)}\n" for name, text in _head(record))]
    numbers = [
        (f"RFC {standard['rfc']}", standard["about"], *(standard["counts"][verdict] for verdict in _NAMES))
        for standard in record["standards"]
    ]
    parts.append(markdown_table(("RFC", "", *_NAMES.values()), numbers))
    for standard, found in _shown(record, only):
        rows = [
            (
                each["id"],
                each["level"],
                f"{_SIGNS[each['verdict']]} {_NAMES[each['verdict']]}",
                each["text"],
                "\n".join(f"{name}: {text}" if name else text for name, text in _why(each)),
            )
            for each in found
        ]
        if rows:
            parts.append(f"## RFC {standard['rfc']}: {standard['title']}\n")
            parts.append(markdown_table(("", "level", "verdict", "requirement", "evidence"), rows))
    return "\n".join([*parts, f"**{_conclusion(record)}**\n"])


def _html(record: Mapping[str, Any], only: Sequence[str]) -> str:
    numbers = [
        (f"RFC {standard['rfc']}", escape(standard["about"]), *(str(standard["counts"][verdict]) for verdict in _NAMES))
        for standard in record["standards"]
    ]
    parts = [
        "<dl>" + "".join(f"<dt>{name}<dd>{escape(text)}" for name, text in _head(record)) + "</dl>",
        f"<p><b>{escape(_conclusion(record))}</b>",
        html_table(("RFC", "", *_NAMES.values()), numbers),
    ]
    for standard, found in _shown(record, only):
        rows = [
            (
                f"{each['id']}<br><small>{each['section']}</small>",
                each["level"],
                f"<span class={each['verdict']}>{_SIGNS[each['verdict']]} {_NAMES[each['verdict']]}</span>",
                escape(each["text"]),
                "<br>".join(f"<small>{name}</small> {escape(text)}" for name, text in _why(each)),
            )
            for each in found
        ]
        if rows:
            parts.append(f"<h2>RFC {standard['rfc']}: {escape(standard['title'])}</h2>")
            parts.append(html_table(("", "level", "verdict", "requirement", "evidence"), rows))
    return html_page("RFC audit", parts)


def _json(record: Mapping[str, Any], only: Sequence[str]) -> str:
    standards = [
        {**standard, "requirements": [each for each in standard["requirements"] if not only or each["verdict"] in only]}
        for standard in record["standards"]
    ]
    return json.dumps({**record, "standards": standards}, indent=2, ensure_ascii=False) + "\n"


#: Form → what makes it of a record and the verdicts that are shown (none: all).
FORMS: Mapping[str, Callable[[Mapping[str, Any], Sequence[str]], str]] = {"json": _json, "markdown": _markdown, "html": _html}
