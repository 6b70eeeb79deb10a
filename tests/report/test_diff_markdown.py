"""A comparison as Markdown."""

from pathlib import Path

from goldens import assert_golden
from hypothesis import given
from hypothesis import strategies as st
from sample_diff import POLICY, WEB, change, record

from pcapaudit.report.diff_markdown import SHOWN_CHANGES, SHOWN_TEXT, render_markdown

GOLDENS = Path(__file__).with_name("goldens")


def test_golden():
    """Every kind of change."""
    assert_golden(GOLDENS / "diff.md", render_markdown(record()))


def test_nothing():
    """A short page."""
    text = render_markdown(record([]))
    assert "\nNothing changed in 1 000 000 packets.\n" in text
    assert "###" not in text


def test_many_changes_stay_within_what_servers_show():
    """Rows and rules are cut."""
    long = {**WEB, "text": "tcp dport " + "9" * 5000}
    text = render_markdown(record([change("newly-blocked", long, POLICY, 5)] * 500))
    assert text.count("| **5 packets of 1 flow** ") == SHOWN_CHANGES
    assert f"And {500 - SHOWN_CHANGES} more with {5 * (500 - SHOWN_CHANGES):,} packets.".replace(",", " ") in text
    assert len(text) < 65_536
    assert "9" * SHOWN_TEXT not in text


@given(st.text(max_size=40))
def test_property_any_rule_keeps_the_table_whole(text):
    """Whatever a rule's comment holds: four columns, and no line of its own."""
    row = next(
        line
        for line in render_markdown(record([change("newly-blocked", {**WEB, "text": text}, POLICY, 5)])).split("\n")
        if line.startswith("| **5 packets")
    )
    assert row.replace("\\|", "").count("|") == 5
