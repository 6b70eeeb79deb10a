"""GitLab's code quality report (a Code Climate subset): a JSON list; GitLab wants a path, a line and a fingerprint of every entry."""

from __future__ import annotations

import json

from pcapaudit.report.ci.notice import Notice, Report, one_line

__all__ = ["render"]

#: Severity → GitLab's words.
_SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}


def render(report: Report) -> str:
    """The list; an entry whose fingerprint stood before would be dropped by GitLab, so a number is added."""
    seen: dict[str, int] = {}
    entries = []
    for notice in report.notices:
        number = seen[notice.fingerprint] = seen.get(notice.fingerprint, 0) + 1
        entries.append(_entry(notice, report, number))
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _entry(notice: Notice, report: Report, number: int) -> dict[str, object]:
    return {
        "type": "issue",
        "check_name": notice.code,
        "description": one_line(notice.message),
        "content": {"body": notice.advice},
        "categories": ["Security"],
        "severity": _SEVERITIES[notice.severity],
        "fingerprint": notice.fingerprint if number == 1 else f"{notice.fingerprint}-{number}",
        "location": {"path": notice.path or next(iter(report.captures), "pcapaudit"), "lines": {"begin": notice.line or 1}},
    }
