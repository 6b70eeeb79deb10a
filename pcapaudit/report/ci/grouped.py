"""Results under the file that they stand at, by line."""

from __future__ import annotations

from itertools import groupby

from pcapaudit.report.ci.notice import Notice, Report, one_line

__all__ = ["render"]


def render(report: Report) -> str:
    """A heading a file, an indented line a notice; the last line sums up."""
    ordered = sorted(report.notices, key=lambda notice: (notice.path, notice.line))
    blocks = [_block(path, list(notices)) for path, notices in groupby(ordered, key=lambda notice: notice.path)]
    return "\n".join([*blocks, f"{report.headline}\n"])


def _block(path: str, notices: list[Notice]) -> str:
    lines = max(len(str(notice.line)) for notice in notices)
    codes = max(len(notice.code) for notice in notices)
    rows = (
        f"  {notice.line or '':>{lines}}  {notice.severity:<8}  {notice.code:<{codes}}  {one_line(notice.message)}\n" for notice in notices
    )
    return f"{one_line(path) or 'no file'}:\n{''.join(rows)}"
