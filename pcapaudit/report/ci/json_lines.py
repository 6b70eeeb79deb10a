"""One JSON object a line, a result each; the keys are those of ``Notice`` and stable."""

from __future__ import annotations

import json

from pcapaudit.report.ci.notice import Notice, Report

__all__ = ["render"]


def render(report: Report) -> str:
    """Nothing at all where nothing was found."""
    return "".join(f"{json.dumps(_object(notice), ensure_ascii=False)}\n" for notice in report.notices)


def _object(notice: Notice) -> dict[str, object]:
    return {
        "code": notice.code,
        "severity": notice.severity,
        "failing": notice.failing,
        "message": notice.message,
        "advice": notice.advice,
        "path": notice.path or None,
        "line": notice.line or None,
        "first_frame": notice.first_frame or None,
        "last_frame": notice.last_frame or None,
        "count": notice.count,
        "examples": [{"frame": frame, "text": text} for frame, text in notice.examples],
        "evidence": dict(notice.evidence),
        "fingerprint": notice.fingerprint,
    }
