"""reviewdog's diagnostic format, as one JSON object."""

from __future__ import annotations

import json

from pcapaudit.report.ci.notice import Level, Notice, Report

__all__ = ["render"]

_SEVERITIES = {Level.ERROR: "ERROR", Level.WARNING: "WARNING", Level.NOTE: "INFO"}


def render(report: Report) -> str:
    """All diagnostics; reviewdog shows only those with a line."""
    made = {"source": {"name": "pcapaudit"}, "severity": "WARNING", "diagnostics": [_diagnostic(notice) for notice in report.notices]}
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _diagnostic(notice: Notice) -> dict[str, object]:
    location: dict[str, object] = {"path": notice.path}
    if notice.line:
        location["range"] = {"start": {"line": notice.line, "column": 1}}
    text = f"{notice.message}\n{notice.advice}" if notice.advice else notice.message
    return {"message": text, "location": location, "severity": _SEVERITIES[notice.level], "code": {"value": notice.code}}
