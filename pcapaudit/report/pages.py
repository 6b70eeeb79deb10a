"""Tables and pages that reports are made of when they are not for a terminal: Markdown, and HTML files that need nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["html_bar", "html_page", "html_table", "markdown_cell", "markdown_table"]

_STYLE = """\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%;font-size:14px}
td{overflow-wrap:anywhere}td:first-child{white-space:nowrap}
td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #8883}th{font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}tr.set td{font-weight:600;background:#d4a72c22}
dt{float:left;width:6rem;font-weight:600}dd{margin:0 0 0 6rem}small{color:#888}
.violated{color:#cf222e;font-weight:600;white-space:nowrap}.met{color:#1a7f37;white-space:nowrap}
.not-exercised{color:#9a6700;white-space:nowrap}.not-applicable{color:#888;white-space:nowrap}
.bar{display:inline-block;height:.7rem;min-width:1px;border-radius:.2rem;background:#cf222e99;vertical-align:middle}
.bar.cost{background:#0969da88}td:has(.bar){white-space:nowrap}table+table{margin-top:1.5rem}
"""


def html_page(title: str, parts: Iterable[str]) -> str:
    """A whole file."""
    head = "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    return f"{head}<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</html>\n"


def html_table(names: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), marked: Sequence[int] = ()) -> str:
    """A table; cells are HTML. ``numbers``: columns of numbers; ``marked``: rows that stand out."""
    kinds = [" class=n" if number in numbers else "" for number in range(len(names))]
    head = "".join(f"<th{kind}>{escape(name)}" for kind, name in zip(kinds, names, strict=True))
    body = "".join(
        f"<tr{' class=set' if place in marked else ''}>{''.join(f'<td{kind}>{cell}' for kind, cell in zip(kinds, row, strict=True))}\n"
        for place, row in enumerate(rows)
    )
    return f"<table><tr>{head}\n{body}</table>"


def html_bar(part: float, kind: str = "") -> str:
    """A bar of a part (0 to 1) of 16 em; nothing for nothing."""
    return f"<span class='bar {kind}' style='width:{16 * part:.2f}em'></span>" if part > 0 else ""


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; numbers stand to the right."""
    listed = [list(row) for row in rows]
    right = [all(isinstance(row[column], int) for row in listed) and bool(listed) for column in range(len(names))]
    lines = [list(names), ["---:" if each else "---" for each in right]]
    lines += [[markdown_cell(str(cell)) for cell in row] for row in listed]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def markdown_cell(text: str) -> str:
    """A text as a cell of a table holds it."""
    for char, instead in (
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("*", "\\*"),
        ("_", "\\_"),
        ("`", "\\`"),
        ("\n", "<br>"),
    ):
        text = text.replace(char, instead)
    return text
