"""A comparison on the terminal."""

import io
from pathlib import Path

import pytest
from goldens import assert_golden
from rich.console import Console
from sample_diff import POLICY, WEB, change, record

from pcapaudit.report.diff_terminal import SHOWN_CHANGES, render_diff

GOLDENS = Path(__file__).with_name("goldens")


def rendered(made, width=100, **options):
    """As text."""
    text = io.StringIO()
    render_diff(made, Console(file=text, width=width, **{"color_system": None, "force_terminal": False, "highlight": False, **options}))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


@pytest.mark.parametrize("width", [60, 100])
def test_golden(width):
    """Every kind of change."""
    assert_golden(GOLDENS / f"diff-{width}.txt", rendered(record(), width))


def test_golden_nothing():
    """Nothing changed."""
    assert_golden(GOLDENS / "diff-nothing.txt", rendered(record([])))


def test_many_changes_are_cut():
    """The rest is counted."""
    text = rendered(record([change("newly-blocked", WEB, POLICY, 5)] * (SHOWN_CHANGES + 3)))
    assert text.count("5 packets of 1 flow") == SHOWN_CHANGES
    assert "and 3 more with 15 packets: --format json has them all" in text


def test_markup_in_rules_is_text():
    """A rule's words are not rich's."""
    odd = {**WEB, "text": 'log prefix "[bold]x[/bold]" accept', "at": "[red]old.nft:1"}
    text = rendered(record([change("newly-blocked", odd, POLICY, 5)]))
    assert '"[bold]x[/bold]"' in text
    assert "[red]old.nft:1" in text


def test_colour_changes_no_words():
    """Escape sequences aside."""
    coloured = rendered(record(), color_system="standard", force_terminal=True)
    assert "\x1b[" in coloured
    assert "old.nft:12" in coloured


@pytest.mark.parametrize(("place", "words"), [("host", "inferred: one MAC"), ("unknown", "not known where this was captured: one MAC")])
def test_place_is_told_with_its_evidence(place, words):
    """That the first frames told it, or did not."""
    text = " ".join(rendered({**record(), "place": {"is": place, "evidence": "one MAC"}}).split())
    assert f"Place {words}; --own, --path or --topology say otherwise" in text
