"""A page for a job's summary: the result, the counts, and a row a result with what to do, within what servers show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pcapaudit.report.ci.notice import Notice, Report
from pcapaudit.report.diff_markdown import code_span
from pcapaudit.report.terminal import count, share

__all__ = ["SHOWN", "render"]

#: Results that are shown; GitHub cuts a summary at 1 MiB.
SHOWN = 50


def render(report: Report) -> str:
    """The page, with GitHub's and GitLab's tables."""
    lines = [f"## pcapaudit {report.command}: {'failed' if report.failed else 'passed'}", "", report.headline, ""]
    lines += [f"Captures: {', '.join(map(code_span, report.captures)) or 'none'}", ""]
    for title, numbers in report.counts.items():
        lines += _table(title, numbers)
    if report.notices:
        lines += ["| severity | code | where | what |", "|---|---|---|---|", *(_row(each) for each in report.notices[:SHOWN]), ""]
    if len(report.notices) > SHOWN:
        lines += [f"{count(len(report.notices) - SHOWN)} more are left out.", ""]
    return "\n".join(lines)


def _table(title: str, numbers: Mapping[str, int]) -> Iterable[str]:
    if not numbers:
        return
    total = sum(numbers.values())
    yield f"| {title} | packets | |"
    yield "|---|--:|--:|"
    yield from (f"| {_cell(name)} | {count(number)} | {share(number, total)} |" for name, number in numbers.items())
    yield ""


def _row(notice: Notice) -> str:
    where = code_span(notice.place) if notice.place else ""
    frame = f"frame {notice.first_frame}" if notice.first_frame else ""
    what = "<br>".join(part for part in (_cell(notice.message), f"*{_cell(notice.advice)}*" if notice.advice else "") if part)
    return f"| {notice.severity} | {notice.code} | {'<br>'.join(part for part in (where, frame) if part)} | {what} |"


def _cell(text: str) -> str:
    """Words that a capture or a ruleset may have had a say in: no markup, no new cell."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.split()))
