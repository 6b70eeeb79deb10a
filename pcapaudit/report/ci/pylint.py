"""As pylint prints its messages, which many editors and Jenkins plug-ins read: ``path:line: [code] message``."""

from __future__ import annotations

from pcapaudit.report.ci.notice import Notice, Report, one_line

__all__ = ["render"]


def render(report: Report) -> str:
    """A line a notice; line 1 stands for a file as a whole."""
    return "".join(f"{_line(notice)}\n" for notice in report.notices)


def _line(notice: Notice) -> str:
    return f"{one_line(notice.path) or _stand_in(notice)}:{notice.line or 1}: [{notice.code}] {one_line(notice.message)}"


def _stand_in(notice: Notice) -> str:
    """What stands in place of a file where a result has none."""
    return f"frame-{notice.first_frame}" if notice.first_frame else "pcapaudit"
