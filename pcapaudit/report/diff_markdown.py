"""A comparison as Markdown, for a CI job's summary or a comment on a pull request: tables, within the size that servers show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pcapaudit.report.diff import TITLES, consequence, decider, headline, packet, shown_time, side, volume
from pcapaudit.report.terminal import count

__all__ = ["SHOWN_CHANGES", "code_span", "render_markdown"]

#: Changes of a kind that get a row. GitHub cuts a summary at 1 MiB, a comment at 64 Ki characters.
SHOWN_CHANGES = 25
#: Characters of a rule that are shown.
SHOWN_TEXT = 160


def render_markdown(record: Mapping[str, Any]) -> str:
    """The whole page."""
    return "\n".join([*_head(record), *(line for kind in TITLES for line in _kind(record, kind))]) + "\n"


def code_span(text: str) -> str:
    """A code span that keeps the table whole whatever the text holds."""
    plain = " ".join(text.split())
    if len(plain) > SHOWN_TEXT:
        plain = plain[: SHOWN_TEXT - 1] + "…"
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}".replace("|", "\\|")


def _head(record: Mapping[str, Any]) -> Iterable[str]:
    capture, packets = record["capture"], record["packets"]
    yield f"## pcapaudit diff: {'changes found' if record['failed'] else 'no change that fails'}"
    yield ""
    yield headline(record)
    yield ""
    yield "| | |"
    yield "|---|---|"
    files = capture["files"]
    yield f"| Capture | {', '.join(map(code_span, files[:5]))}{f' and {len(files) - 5} more' if len(files) > 5 else ''} |"
    yield f"| Old | {code_span(side(record['old']))} |"
    yield f"| New | {code_span(side(record['new']))} |"
    for warning in capture["warnings"]:
        yield f"| Warning | {code_span(warning)} |"
    if packets["undecided"]:
        yield f"| Undecided | {count(packets['undecided'])} packets, {count(packets['undecided_changed'])} of them among the changes |"
    for limit in record["limits"]:
        yield f"| Limit | {limit} |"


def _kind(record: Mapping[str, Any], kind: str) -> Iterable[str]:
    changes = [each for each in record["changes"] if each["kind"] == kind]
    if not changes:
        return
    yield ""
    yield f"### {TITLES[kind].capitalize()}{' (allowed)' if changes[0]['allowed'] else ''}"
    yield ""
    yield "| what | old | new | first example |"
    yield "|---|---|---|---|"
    for change in changes[:SHOWN_CHANGES]:
        what = "; ".join(filter(None, (f"**{volume(change)}**", consequence(change))))
        yield f"| {what} | {_fate(change['old'])} | {_fate(change['new'])} | {_example(change)} |"
    if len(changes) > SHOWN_CHANGES:
        rest = changes[SHOWN_CHANGES:]
        yield ""
        yield f"And {len(rest)} more with {count(sum(each['packets'] for each in rest))} packets."


def _fate(fate: Mapping[str, Any] | None) -> str:
    verdict, place, words = decider(fate)
    return "<br>".join(filter(None, (f"**{verdict}**" + (f" {code_span(place)}" if place else ""), code_span(words))))


def _example(change: Mapping[str, Any]) -> str:
    if not change["examples"]:
        return f"frame {change['first_frame']}"
    first = change["examples"][0]
    return f"frame {first['frame']}, {shown_time(first['ts_ns'])}<br>{code_span(packet(first))}"
