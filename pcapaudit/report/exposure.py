"""What state is worth, as a person reads it: three filters side by side, and who would have come in without state.

For the terminal, as Markdown, as one HTML file, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pcapaudit.report.pages import html_bar, html_page, html_table, markdown_cell, markdown_table
from pcapaudit.report.terminal import count, duration, share

__all__ = ["FORMS", "exposure_json", "render_exposure"]

_TITLES = {"two-rules": "two rules, no state", "syn-test": "two rules and a SYN test", "stateful": "stateful"}
#: Sources that are shown.
SHOWN = 10


def exposure_json(record: Mapping[str, Any]) -> str:
    """The record, indented."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def render_exposure(record: Mapping[str, Any], console: Console) -> None:
    """Print the record (as ``regress.exposure`` makes it)."""
    capture = record["capture"]
    console.print(Text.assemble(("Capture  ", "bold"), ", ".join(capture["files"]), f": {count(capture['frames'])} frames"))
    console.print(Text.assemble(("Rules    ", "bold"), record["rules"]))
    for warning in capture["warnings"]:
        console.print(Text(warning, style="yellow"))
    if record["set_aside"]:
        console.print(f"{count(record['set_aside'])} packets are set aside: no IP, fragments behind the first, ICMP errors")
    console.print()
    console.print(_filters(record))
    if record["let_in_without_state"]:
        console.print()
        console.print(_sources(record))
    console.print()
    console.print(Text(_conclusion(record), style="bold"))


def _filters(record: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Filter", no_wrap=True)
    for name in ("let in", "more than stateful", "into flows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("return path open")
    for each in record["filters"]:
        stateful = each["filter"] == "stateful"
        more = each["more_than_stateful"]
        table.add_row(
            Text(_TITLES[each["filter"]], style="green" if stateful else ""),
            count(each["from_outside"]),
            Text("" if stateful else count(more), style="red" if more else "green"),
            count(each["flows"]),
            _way_back(record, each),
        )
    return table


def _way_back(record: Mapping[str, Any], each: Mapping[str, Any]) -> str:
    """How long a filter's return path is open."""
    return _open(record) if each["filter"] == "stateful" else f"always, to all: {duration(record['duration_ns'])}"


def _open(record: Mapping[str, Any]) -> str:
    flows = record["stateful_flows"]
    if not flows:
        return "never: no connection was let through"
    mean = duration(record["stateful_open_ns"] // flows)
    return f"for {count(flows)} connection{'' if flows == 1 else 's'}, each to its own peer, {mean} on average"


def _sources(record: Mapping[str, Any]) -> RenderableType:
    groups = record["let_in_without_state"]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("Let in only without state", "", "packets", "despite SYN test"):
        table.add_column(name, justify="right" if name in ("packets", "despite SYN test") else "left", no_wrap=True)
    table.add_column("to", overflow="ellipsis")
    for group in groups[:SHOWN]:
        despite = group["packets"] - group["kept_out_by_syn_test"]
        row = (group["source"], _ports(group), count(group["packets"]), Text(count(despite), style="red" if despite else "green"))
        table.add_row(*row, Text(_targets(group), overflow="ellipsis", no_wrap=True))
    if len(groups) > SHOWN or record["groups_left_out"]:
        table.add_row(Text(f"and {count(len(groups) - SHOWN)} more", style="dim"))
    return table


def _ports(group: Mapping[str, Any]) -> str:
    ports = group["source_ports"]
    where = "" if not ports else f" from port {ports[0]}" if len(ports) == 1 else f" from {count(len(ports))} ports"
    return f"{group['protocol']}{where}"


def _targets(group: Mapping[str, Any]) -> str:
    targets = group["targets"]
    return targets[0] if len(targets) == 1 else f"{targets[0]} and {count(len(targets) - 1)} more"


def _conclusion(record: Mapping[str, Any]) -> str:
    more = {each["filter"]: each["more_than_stateful"] for each in record["filters"]}
    total = next(each["from_outside"] for each in record["filters"] if each["filter"] == "two-rules")
    if not more["two-rules"]:
        return "Nothing came that state alone kept out."
    return (
        f"State kept out {count(more['two-rules'])} packets ({share(more['two-rules'], total)} of what two rules let in), "
        f"{count(more['syn-test'])} of which no SYN test can tell from answers."
    )


# Other forms ------------------------------------------------------------------------------------------------------------------------


_FILTER_NAMES = ("filter", "let in", "more than stateful", "into flows", "return path open")
_SOURCE_NAMES = ("let in only without state", "", "packets", "despite SYN test", "to")


def _sources_of(record: Mapping[str, Any]) -> list[tuple[str, str, int, int, str]]:
    return [
        (group["source"], _ports(group), group["packets"], group["packets"] - group["kept_out_by_syn_test"], _targets(group))
        for group in record["let_in_without_state"]
    ]


def _head(record: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    capture = record["capture"]
    found = [("Capture", f"{', '.join(capture['files'])}: {count(capture['frames'])} frames"), ("Rules", record["rules"])]
    found += [("Warning", warning) for warning in capture["warnings"]]
    if record["set_aside"]:
        found.append(("Set aside", f"{count(record['set_aside'])} packets: no IP, fragments behind the first, ICMP errors"))
    return found


def _markdown(record: Mapping[str, Any]) -> str:
    filters = [
        (_TITLES[each["filter"]], each["from_outside"], each["more_than_stateful"], each["flows"], _way_back(record, each))
        for each in record["filters"]
    ]
    parts = ["# Exposure\n", "".join(f"- **{name}**: {markdown_cell(text)}\n" for name, text in _head(record))]
    parts.append(markdown_table(_FILTER_NAMES, filters))
    if record["let_in_without_state"]:
        parts.append(markdown_table(_SOURCE_NAMES, _sources_of(record)))
    return "\n".join([*parts, f"**{_conclusion(record)}**\n"])


def _html(record: Mapping[str, Any]) -> str:
    most = max((each["from_outside"] for each in record["filters"]), default=0) or 1
    filters = [
        (
            _TITLES[each["filter"]],
            count(each["from_outside"]),
            count(each["more_than_stateful"]),
            count(each["flows"]),
            escape(_way_back(record, each)),
            html_bar((each["from_outside"] - each["more_than_stateful"]) / most, "cost") + html_bar(each["more_than_stateful"] / most),
        )
        for each in record["filters"]
    ]
    parts = [
        "<dl>" + "".join(f"<dt>{name}<dd>{escape(text)}" for name, text in _head(record)) + "</dl>",
        f"<p><b>{escape(_conclusion(record))}</b>",
        html_table((*_FILTER_NAMES, "let in: asked for, and not"), filters, numbers=(1, 2, 3)),
    ]
    if record["let_in_without_state"]:
        rows = [(escape(a), escape(b), count(c), count(d), escape(e)) for a, b, c, d, e in _sources_of(record)]
        parts.append(html_table(_SOURCE_NAMES, rows, numbers=(2, 3)))
    return html_page("Exposure", parts)


#: Form → what makes it of a record.
FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"json": exposure_json, "markdown": _markdown, "html": _html}
