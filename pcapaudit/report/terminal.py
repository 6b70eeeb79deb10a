"""The summary as a person reads it: on a terminal with colour and as wide as it allows, elsewhere as plain text, the same bytes each time.

Order of importance from the bottom up: the last lines on the screen are the findings and the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pcapaudit.report.summary import SEVERITIES

__all__ = ["PLAIN_WIDTH", "count", "duration", "render_summary", "share", "size"]

#: Width of the report where there is no terminal to ask.
PLAIN_WIDTH = 100
#: Rows of a table before the rest is summed up.
TABLE_ROWS = 8
#: Findings that are shown in full.
SHOWN_VIOLATIONS = 10
_STYLES = {
    "accept": "green",
    "drop": "red",
    "reject": "magenta",
    "skip": "dim",
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
    "invalid": "red",
    "new": "yellow",
    "established": "green",
    "related": "cyan",
}


def render_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print the report of a run (``summary`` as ``summarize`` makes it)."""
    parts = [_head(summary), _tables(summary, console.width), _ways(summary), _busiest_rules(summary), _findings(summary), _result(summary)]
    shown = [part for part in parts if part is not None]
    for k, part in enumerate(shown):
        if k:
            console.print()
        console.print(part)


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", " ")


def size(number: int) -> str:
    """Bytes in the largest unit that leaves a digit before the point."""
    amount, units = float(number), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 1000 and unit != "TB":
        amount, unit = amount / 1000, next(units)
    return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"


def duration(ns: int) -> str:
    """A span of time in its two largest units, or in fractions of a second."""
    if ns < 1_000_000_000:
        return f"{ns // 1000 / 1000:.3f} ms"
    seconds, rest = divmod(ns, 1_000_000_000)
    if seconds < 60:
        return f"{seconds}.{rest // 1_000_000:03d} s"
    for unit, smaller, length, part in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if seconds >= length:
            return f"{seconds // length} {unit} {seconds % length // part} {smaller}"
    raise AssertionError("unreachable: a minute or more")


def share(part: int, whole: int) -> str:
    """A percentage that is 0 or 100 only when it is."""
    if part == 0 or whole == 0:
        return "0 %"
    percent = 100 * part / whole
    if part == whole:
        return "100 %"
    return f"{min(max(percent, 0.1), 99.9):.1f} %"


def _head(summary: Mapping[str, Any]) -> RenderableType:
    """What was read and what was assumed, a line each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, style in [*_read(summary), *_assumed(summary)]:
        table.add_row(label, Text(text, style=style))
    return table


def _read(summary: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    capture = summary["capture"]
    files = capture["files"]
    names = ", ".join(file["path"] for file in files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    formats = ", ".join(dict.fromkeys(" ".join(filter(None, (file["format"], file["compressed"]))) for file in files))
    yield "Capture", f"{names or 'none'}" + (f" ({formats})" if formats else ""), ""
    yield "", f"{count(capture['frames'])} frames, {size(capture['frame_bytes'])} on the wire", ""
    if capture["first"]:
        first, last = (capture[key][:19].replace("T", " ") for key in ("first", "last"))
        until = last[11:] if last[:10] == first[:10] else last
        yield "Time", f"{first} to {until} UTC, {duration(capture['duration_ns'])}", ""
    for warning in capture["warnings"]:
        yield "Warning", warning, "yellow"


def _assumed(summary: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    given = summary["assumptions"]
    yield "Rules", given["ruleset"], ""
    for k, zone in enumerate(given["zones"]):
        where = "everything else" if "0.0.0.0/0" in zone["prefixes"] else ", ".join(zone["prefixes"])
        name = zone["name"] if zone["name"] == zone["interface"] else f"{zone['name']} ({zone['interface']})"
        yield "Networks" if k == 0 else "", f"{name}: {where}", ""
    if given["inside_assumed"]:
        yield "", "assumed: say --local CIDR or --zone NAME=IFACE:CIDR if your network is another", "yellow"
    if given["hint"]:
        yield "", given["hint"], "bold yellow"
    if given["own"]:
        yield "Own", ", ".join(given["own"]), ""
    if given["captured"]:
        evidence = given["captured"]["evidence"]
        yield "Captured", f"on the link of {given['captured']['zone']}" + (f", inferred: {evidence}" if evidence else ""), ""
    if given["place"]:
        yield from _placed(given["place"])
    yield "Replay", f"{given['mode']}, checksums {given['checksum']}", ""
    for k, note in enumerate(given["notes"]):
        yield "Notes" if k == 0 else "", note, ""
    undecided = summary["packets"]["undecided"]
    if undecided["packets"]:
        part = share(undecided["packets"], summary["packets"]["total"])
        yield "Undecided", f"{count(undecided['packets'])} packets ({part}): the verdict hangs on what the capture does not hold", "yellow"
        for cause in undecided["causes"][:3]:
            yield "", f"{cause['at']}: {cause['text']} ({count(cause['packets'])})", ""


def _placed(place: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    """What the first frames told of the place where they were captured."""
    if place["is"] == "unknown":
        yield "Place", f"not known where this was captured: {place['evidence']}", "bold yellow"
        yield (
            "",
            "say --own ADDRESS, --path forward|input|output or --topology FILE: until then the way through the hooks is open",
            "yellow",
        )
    else:
        yield "Place", f"inferred: {place['evidence']}", "yellow"
        yield "", "if that is wrong, say --own ADDRESS, --path or --topology FILE; --infer none looks for nothing", "yellow"


def _tables(summary: Mapping[str, Any], width: int) -> RenderableType | None:
    """The counts, as many tables side by side as the width holds."""
    packets = summary["packets"]
    total = packets["total"]
    tables = [
        _counts("Verdict", packets["by_verdict"], total),
        _counts("ct state", packets["by_ct_state"], total),
        _counts("Protocol", packets["by_protocol"], total),
        _counts("Reason", packets["by_reason"], total),
        _counts("Flow end", summary["flows"]["by_end"], summary["flows"]["total"], "flows"),
        _counts("Anomaly", summary["anomalies"], total),
    ]
    shown = [table for table in tables if table is not None]
    if not shown:
        return None
    rows: list[list[Table]] = []
    room = 0
    for table in shown:
        need = _width(table) + 3
        if not rows or need > room:
            rows.append([])
            room = width + 3
        rows[-1].append(table)
        room -= need
    return Group(*_with_gaps(rows))


def _with_gaps(rows: Sequence[Sequence[Table]]) -> Iterable[RenderableType]:
    for k, row in enumerate(rows):
        if k:
            yield Text()
        grid = Table.grid(padding=(0, 3, 0, 0))
        for _ in row:
            grid.add_column()
        grid.add_row(*row)
        yield grid


def _width(table: Table) -> int:
    return Console(width=1000).measure(table).maximum


def _counts(title: str, counts: Mapping[str, int], total: int, unit: str = "packets") -> Table | None:
    """A table of names, counts and shares; None when there is nothing to count."""
    if not counts:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, no_wrap=True)
    table.add_column(unit, justify="right", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True, style="dim")
    items = list(counts.items())
    for name, number in items[:TABLE_ROWS]:
        table.add_row(Text(name, style=_STYLES.get(name, "")), count(number), share(number, total))
    if len(items) > TABLE_ROWS:
        rest = sum(number for _, number in items[TABLE_ROWS:])
        table.add_row(Text(f"{len(items) - TABLE_ROWS} more", style="dim"), count(rest), share(rest, total))
    return table


def _ways(summary: Mapping[str, Any]) -> RenderableType | None:
    """From which network to which, and what became of it."""
    ways = [way for way in summary["zones"] if way["from"] or way["to"]]
    if not ways:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("From → to", no_wrap=True)
    for name in ("packets", "IP bytes", "accept", "drop", "reject"):
        table.add_column(name, justify="right", no_wrap=True)
    for way in ways[:TABLE_ROWS]:
        verdicts = (Text(count(way[name]) if way[name] else "", style=_STYLES[name]) for name in ("accept", "drop", "reject"))
        table.add_row(f"{way['from'] or '?'} → {way['to'] or '?'}", count(way["packets"]), size(way["bytes"]), *verdicts)
    return table


def _busiest_rules(summary: Mapping[str, Any]) -> RenderableType | None:
    """The rules that decided most packets."""
    rules = sorted((rule for rule in summary["rules"] if rule["packets"]), key=lambda rule: -rule["packets"])
    if not rules:
        return None
    shown = rules[:TABLE_ROWS]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Rule", no_wrap=True)
    table.add_column("packets", justify="right", no_wrap=True)
    # The only column that may be narrowed: where the room is short, a rule's text is cut, not its place and its count.
    table.add_column("")
    for rule in shown:
        table.add_row(rule["at"], count(rule["packets"]), Text(rule["text"], style="dim", overflow="ellipsis", no_wrap=True))
    return table


def _findings(summary: Mapping[str, Any]) -> RenderableType | None:
    """The findings, the worst first, each with an example and what to do."""
    found = summary["violations"]["found"]
    if not found:
        return None
    blocks: list[RenderableType] = [Text("Findings", style="bold"), *(_finding(finding) for finding in found[:SHOWN_VIOLATIONS])]
    if len(found) > SHOWN_VIOLATIONS:
        blocks.append(Text(f"and {len(found) - SHOWN_VIOLATIONS} more: -o DIR writes them all", style="dim"))
    return Group(*blocks)


def _finding(finding: Mapping[str, Any]) -> RenderableType:
    title = Text.assemble(
        (f"{finding['severity']:<8}", _STYLES.get(finding["severity"], "")),
        " ",
        (finding["code"], "bold"),
        f"  {count(finding['count'])}×, first in frame {finding['first_frame']}",
        _flow(finding),
        (f"  {finding['rule_at']}" if finding["rule_at"] else "", "dim"),
    )
    lines: list[RenderableType] = [title, Padding(Text(finding["message"]), (0, 0, 0, 9))]
    if finding["advice"]:
        lines.append(Padding(Text(f"→ {finding['advice']}", style="italic"), (0, 0, 0, 9)))
    return Group(*lines)


def _flow(finding: Mapping[str, Any]) -> str:
    """The flow of the example, and the one that announced it."""
    if not finding["flow"]:
        return ""
    return f" (flow {finding['flow']}{f', announced by flow {parent}' if (parent := finding['parent']) else ''})"


def _result(summary: Mapping[str, Any]) -> RenderableType:
    violations = summary["violations"]
    by_severity = violations["by_severity"]
    total = sum(by_severity.values())
    parts = ", ".join(f"{by_severity[name]} {name}" for name in SEVERITIES if by_severity[name])
    found = f"{total} {'finding' if total == 1 else 'findings'}: {parts}." if total else "No findings."
    text = Text(found + _left_out(violations), style="bold" if total else "bold green")
    for each in violations["expired"]:
        text.append(f"\nThe suppression of {each['code']} at {each['at']} held until {each['expires']}: {each['reason']}", style="yellow")
    return text


def _left_out(violations: Mapping[str, Any]) -> str:
    """How many findings are not reported."""
    suppressed = sum(each["findings"] for each in violations["suppressed"])
    counts = ((suppressed, "suppressed"), (violations["not_selected"], "not selected"))
    parts = [f"{number} {what}" for number, what in counts if number]
    return f" {', '.join(parts)}." if parts else ""
