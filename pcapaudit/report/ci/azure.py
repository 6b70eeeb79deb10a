"""Logging commands of Azure Pipelines; a type besides error and warning does not exist there."""

from __future__ import annotations

from pcapaudit.report.ci.notice import Level, Notice, Report, one_line

__all__ = ["render"]

#: What a property's value may not hold, and how it is written instead.
_ESCAPES = str.maketrans({"%": "%AZP25", ";": "%3B", "\r": "%0D", "\n": "%0A", "]": "%5D"})


def render(report: Report) -> str:
    """A command a notice."""
    return "".join(f"{_command(notice)}\n" for notice in report.notices)


def _command(notice: Notice) -> str:
    kind = "error" if notice.level is Level.ERROR else "warning"
    place = f"sourcepath={notice.path.translate(_ESCAPES)};" if notice.path else ""
    line = f"linenumber={notice.line};" if notice.path and notice.line else ""
    return f"##vso[task.logissue type={kind};{place}{line}code={notice.code};]{one_line(notice.message)}"
