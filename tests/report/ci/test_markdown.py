"""A page for a job's summary."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, nothing, report

from pcapaudit.report.ci.markdown import SHOWN, render


def test_page_tells_result_counts_and_what_to_do():
    """Rows with place, frame and advice; an empty table is left out."""
    page = render(report(AT_RULE, AT_CAPTURE, NOWHERE))
    assert page.startswith("## pcapaudit audit: failed\n\n3 findings.\n\nCaptures: `office.pcap`\n")
    assert "| accept | 3 | 75.0 % |" in page
    assert "Nothing |" not in page
    assert "| high | tcp-out-of-window | `fire, wall/my fw.nft:12`<br>frame 7 | 192.0.2.1:443 sent" in page
    assert "*Look for a second path: a, b.*" in page
    assert "\\<b\\>by\\</b\\>" in page


def test_nothing_found_is_a_short_page():
    """No table of results."""
    page = render(nothing())
    assert "passed" in page
    assert "| severity |" not in page


def test_many_results_are_cut():
    """Within what servers show."""
    page = render(report(*[AT_RULE] * (SHOWN + 7)))
    assert page.count("| high |") == SHOWN
    assert "7 more are left out." in page


@given(st.text(max_size=40))
def test_property_any_text_keeps_the_table_whole(text):
    """Four cells in a row, and no row more."""
    rows = [line for line in render(report(replace(AT_RULE, message=text, path=text))).splitlines() if line.startswith("| high |")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 5
