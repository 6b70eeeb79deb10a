"""A line a result, for terminals, grep and editors; the last line sums up."""

from __future__ import annotations

from pcapaudit.report.ci.notice import Notice, Report, one_line

__all__ = ["render"]


def render(report: Report) -> str:
    """Place, code, severity, message and frame of each notice."""
    return "".join(f"{_line(notice)}\n" for notice in report.notices) + f"{report.headline}\n"


def _line(notice: Notice) -> str:
    place = f"{notice.place}: " if notice.place else ""
    frame = f" (frame {notice.first_frame})" if notice.first_frame else ""
    return f"{place}{notice.code} {notice.severity} {one_line(notice.message)}{frame}"
