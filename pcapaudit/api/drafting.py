"""Writes a first suite from a run: what was found becomes what is expected, a comment above each."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pcapaudit.api.library import Run
from pcapaudit.api.options import EngineOptions
from pcapaudit.api.suites import PATTERN
from pcapaudit.replay.views import Flow

__all__ = ["MAX_GROUPS", "draft"]

#: Kinds of flows that are written down.
MAX_GROUPS = 20
#: Keys of a suite whose paths are relative to it.
_PATHS = {"rules", "topology", "sysctl_file"}
_HEAD = """\
# What pcapaudit found in this capture, as tests: run them with 'pcapaudit test', or with pytest.
# Keep what must stay as it is, remove the rest, and add what must not happen (count: 0). docs/suites.md tells all that can be expected.
"""


def draft(run: Run, captures: Sequence[str], engine: EngineOptions, suite: Path) -> str:
    """The text of a suite at the path ``suite`` that passes for this run of these captures and options."""
    folder = suite.parent
    lines = [_HEAD, _key("capture", [_relative(each, folder) for each in captures])]
    for each in fields(EngineOptions):
        value = getattr(engine, each.name)
        if value != each.default:
            values = list(value) if isinstance(value, tuple) else [value]
            lines.append(_key(each.name, [_relative(text, folder) for text in values] if each.name in _PATHS else values))
    lines += ["", "expect:"]
    groups = sorted(_groups(run.select_flows("*")).items(), key=lambda item: (-len(item[1]), item[0]))
    for (selector, _), flows in groups[:MAX_GROUPS]:
        lines += _flow_lines(selector, flows)
    if len(groups) > MAX_GROUPS:
        lines += [f"  # … and {len(groups) - MAX_GROUPS} more kinds of flows: a baseline holds them all", ""]
    lines += _finding_lines(run)
    stem = suite.name.removesuffix(PATTERN.removeprefix("*"))
    lines += ["# Every flow, packet count and finding, compared line by line; 'pcapaudit test --update' writes the file:"]
    lines += [f"# baseline: {stem}.baseline.txt", ""]
    return "\n".join(lines)


def _groups(flows: Sequence[Flow]) -> dict[tuple[str, str], list[Flow]]:
    """Flows by what they are for and what became of them; where all of a service met the same fate, its selector needs no verdict."""
    by_service: dict[str, dict[str, list[Flow]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows:
        by_service[_service(flow)][flow.verdict].append(flow)
    groups = {}
    for service, by_verdict in by_service.items():
        for verdict, found in by_verdict.items():
            groups[service if len(by_verdict) == 1 else f"{service} verdict {verdict}", verdict] = found
    return groups


def _service(flow: Flow) -> str:
    if flow.dport is not None:
        return f"* > *:{flow.dport}/{flow.proto}"
    _, icmp, kind = flow.text.partition(" icmp ")
    if icmp:
        return f"* > */{flow.proto} icmp {kind}"
    return f"* > */{flow.proto}" if flow.proto[:1].isalpha() else f"proto {flow.proto}"


def _flow_lines(selector: str, flows: Sequence[Flow]) -> Iterator[str]:
    packets = sum(sum(flow.packets) for flow in flows)
    first = flows[0]
    yield f"  # {_count(len(flows), 'flow')}, {_count(packets, 'packet')}; the first begins at frame {first.first_frame}: {first.text}"
    yield f"  - flow: {_scalar(selector)}"
    if "verdict" not in selector:
        yield f"    verdict: {first.verdict}"
    deciders = {flow.comment or _place(flow.rule) for flow in flows}
    if len(deciders) == 1 and first.rule:
        yield f"    rule: {_scalar(deciders.pop())}"
    yield f"    count: {len(flows)}"
    yield ""


def _finding_lines(run: Run) -> Iterator[str]:
    codes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in run.summary["violations"]["found"]:
        codes[record["code"]].append(record)
    for code, records in codes.items():
        yield f"  # {' '.join(str(records[0]['message']).split())}"
        yield f"  - finding: {code}"
        yield f"    count: {len(records)}"
        yield ""


def _key(name: str, values: Sequence[object]) -> str:
    texts = [_scalar(value) for value in values]
    return f"{name}: {texts[0]}" if len(texts) == 1 else f"{name}: [{', '.join(texts)}]"


def _scalar(value: object) -> str:
    """A value as YAML reads it back: plain where it cannot be mistaken, else in double quotes (whose escapes are those of JSON)."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    plain = text.isascii() and text[:1].isalnum() and all(char.isalnum() or char in "._/:-+=" for char in text) and not text.endswith(":")
    return text if plain else json.dumps(text)


def _place(rule: str) -> str:
    """A rule's place by the name of its file alone."""
    return rule.rpartition("/")[2]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _relative(path: str, folder: Path) -> str:
    return path if Path(path).is_absolute() else os.path.relpath(path, folder)
