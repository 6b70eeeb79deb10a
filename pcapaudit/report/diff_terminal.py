"""A comparison as a person reads it on a terminal: what was compared, the changes by kind (the worst kind first), the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pcapaudit.report.diff import TITLES, consequence, decider, headline, packet, shown_time, side, volume
from pcapaudit.report.terminal import count

__all__ = ["SHOWN_CHANGES", "render_diff"]

#: Changes of a kind that are shown in full.
SHOWN_CHANGES = 10
#: Protocols and ways of a change before the rest is left out.
SHOWN_PARTS = 4
_STYLES = {"newly-blocked": "bold red", "newly-allowed": "bold yellow", "reason-changed": "bold cyan", "other-rule": "bold"}
_VERDICTS = {"accept": "green", "drop": "red", "reject": "magenta"}


def render_diff(record: Mapping[str, Any], console: Console) -> None:
    """Print a comparison (``record`` as ``regress.record`` makes it)."""
    console.print(_head(record))
    for kind in TITLES:
        changes = [each for each in record["changes"] if each["kind"] == kind]
        if changes:
            console.print()
            console.print(_kind(kind, changes))
    console.print()
    style = "bold red" if record["failed"] else "bold green"
    console.print(Text(headline(record), style=style))


def _head(record: Mapping[str, Any]) -> RenderableType:
    """What was compared, a line each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, style in _lines(record):
        table.add_row(label, Text(text, style=style))
    return table


def _lines(record: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    capture, packets = record["capture"], record["packets"]
    files = capture["files"]
    yield "Capture", ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else ""), ""
    for warning in capture["warnings"]:
        yield "Warning", warning, "yellow"
    yield "Old", side(record["old"]), ""
    yield "New", side(record["new"]), ""
    for k, (name, prefixes) in enumerate(record["networks"].items()):
        yield "" if k else "Networks", f"{name}: {'everything else' if '0.0.0.0/0' in prefixes else ', '.join(prefixes)}", ""
    if record["networks_assumed"]:
        yield "", "assumed: say --local CIDR or --zone NAME=IFACE:CIDR if your network is another", "yellow"
    if record["place"]:
        place = record["place"]
        found = "not known where this was captured" if place["is"] == "unknown" else "inferred"
        yield "Place", f"{found}: {place['evidence']}; --own, --path or --topology say otherwise", "yellow"
    if packets["undecided"]:
        among = f", {count(packets['undecided_changed'])} of them below" if packets["undecided_changed"] else ""
        yield "Undecided", f"{count(packets['undecided'])} packets{among}: a verdict hangs on what the capture does not hold", "yellow"
    for limit in record["limits"]:
        yield "Limit", limit, "yellow"


def _kind(kind: str, changes: list[Mapping[str, Any]]) -> RenderableType:
    """The changes of a kind."""
    title = Text.assemble((TITLES[kind].capitalize(), _STYLES[kind]), (" (allowed)", "dim") if changes[0]["allowed"] else "")
    parts: list[RenderableType] = [title]
    parts += [Padding(_change(each), (0, 0, 0, 2)) for each in changes[:SHOWN_CHANGES]]
    if len(changes) > SHOWN_CHANGES:
        rest = changes[SHOWN_CHANGES:]
        text = f"and {len(rest)} more with {count(sum(each['packets'] for each in rest))} packets: --format json has them all"
        parts.append(Padding(Text(text, style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def _change(change: Mapping[str, Any]) -> RenderableType:
    follows = consequence(change)
    title = Text.assemble((volume(change), "bold"), f", {follows}" if follows else "")
    table = Table.grid(padding=(0, 2, 0, 0))
    for style in ("dim", "", ""):
        table.add_column(no_wrap=True, style=style)
    table.add_column(overflow="fold", style="dim")
    for label in ("old", "new"):
        verdict, place, words = decider(change[label])
        table.add_row(label, Text(verdict, style=_VERDICTS.get(verdict.split(" ", 1)[0], "")), Text(place), Text(words))
    lines: list[RenderableType] = [title, Padding(table, (0, 0, 0, 2)), Padding(Text(_parts(change), style="dim"), (0, 0, 0, 2))]
    for k, example in enumerate(change["examples"]):
        flow = example["old_flow"] if change["kind"] != "newly-allowed" else example["new_flow"]
        text = f"{'first' if k == 0 else 'then '}  frame {example['frame']}, {shown_time(example['ts_ns'])}, {packet(example)}"
        lines.append(Padding(Text(text + (f" (flow {flow})" if flow else "")), (0, 0, 0, 2)))
    return Group(*lines)


def _parts(change: Mapping[str, Any]) -> str:
    """Packets by protocol and by way."""
    shown = []
    for counts in (change["protocols"], change["ways"]):
        items = list(counts.items())
        if items:
            shown.append(
                ", ".join(f"{name} {count(number)}" for name, number in items[:SHOWN_PARTS]) + (", …" if items[SHOWN_PARTS:] else "")
            )
    return "; ".join(shown)
