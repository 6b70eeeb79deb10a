"""Tables and pages that are not for a terminal."""

from __future__ import annotations

from pcapaudit.report.pages import html_bar, html_page, html_table, markdown_cell, markdown_table


def test_markdown_table_sets_numbers_to_the_right():
    """A column of numbers alone is one."""
    assert markdown_table(("name", "count"), [("a|b", 3), ("c", 4)]) == "| name | count |\n| --- | ---: |\n| a\\|b | 3 |\n| c | 4 |\n"


def test_markdown_cell_holds_no_markup():
    """Names from a capture draw nothing."""
    assert markdown_cell("*x*_y_`z`<b>\n") == "\\*x\\*\\_y\\_\\`z\\`&lt;b&gt;<br>"


def test_html_table_marks():
    """Rows that stand out, columns of numbers."""
    text = html_table(("a", "b"), [("1", "2"), ("3", "4")], numbers=(1,), marked=(1,))
    assert "<th>a<th class=n>b" in text
    assert "<tr class=set><td>3<td class=n>4" in text


def test_html_page_needs_nothing_else():
    """One file; its title is escaped."""
    text = html_page("a<b", ["<p>x"])
    assert text.startswith("<!doctype html>")
    assert "<title>a&lt;b</title>" in text
    assert "http" not in text


def test_html_bar():
    """Nothing for nothing."""
    assert html_bar(0) == ""
    assert "width:8.00em" in html_bar(0.5)
