"""How tests came out, for people: concise (a line a failure), full (with what differs), and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pcapaudit

__all__ = ["SCHEMA_VERSION", "render_concise", "render_full", "render_json", "result_line"]

#: Raised when a key changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1
_WORDS = {"failed": "FAILED", "error": "ERROR"}


def render_full(record: Mapping[str, Any]) -> str:
    """Every failure with what differs, then the result."""
    parts = []
    for test in _bad(record):
        parts.append(f"{_WORDS[test['status']]} {test['path']}:{test['line']}: {test['name']}\n")
        parts += [f"    {line}\n" for line in test["lines"]]
        parts.append("\n")
    return "".join([*parts, *_notes(record), result_line(record), "\n"])


def render_concise(record: Mapping[str, Any]) -> str:
    """A line for every failure, then the result."""
    lines = [f"{test['path']}:{test['line']}: {test['status']}: {test['name']}: {_first(test)}\n" for test in _bad(record)]
    return "".join([*lines, *_notes(record), result_line(record), "\n"])


def render_json(record: Mapping[str, Any]) -> str:
    """The whole record."""
    return json.dumps({"schema_version": SCHEMA_VERSION, "pcapaudit": pcapaudit.__version__, **record}, indent=2, ensure_ascii=False) + "\n"


def result_line(record: Mapping[str, Any]) -> str:
    """How many passed and did not."""
    counts = record["counts"]
    total = sum(counts.values())
    said = [f"{counts[status]} {status}" for status in ("failed", "error", "passed") if counts[status]]
    return (
        f"{total} test{'s' * (total != 1)} in {record['suites']} suite{'s' * (record['suites'] != 1)}: {', '.join(said) or 'nothing to do'}"
    )


def _bad(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [test for test in record["tests"] if test["status"] != "passed"]


def _notes(record: Mapping[str, Any]) -> list[str]:
    updated = [f"updated {path}\n" for path in record["baselines_updated"]]
    return [*updated, *(f"unused baseline {path}: no suite names it; remove it\n" for path in record["baselines_unused"])]


def _first(test: Mapping[str, Any]) -> str:
    """What is wrong, in a line: the message without the place, and the first that differs."""
    first, *rest = test["lines"]
    if test["status"] == "error":
        return re.sub(rf"^{re.escape(test['path'])}:[\d:]+ ", "", first)
    return "; ".join(line.strip() for line in (first, *rest[:1]))
