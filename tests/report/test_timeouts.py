"""What other time-outs would have done, in words and bars."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from pcapaudit.report.timeouts import FORMS, advice, render_timeouts, span, timeouts_json

NS = 1_000_000_000


def point(seconds, broken=0, entries=5, idle=100):
    """A time-out."""
    return {"timeout_ns": seconds * NS, "broken": broken, "reopened": 2, "most_entries": entries, "idle_ns": idle * NS}


def timer(**changes):
    """A timer that breaks something."""
    values = {
        "timer": "udp.stream",
        "current_ns": 120 * NS,
        "connections": 1,
        "longest_silence_ns": {"ended_by_reply": 150 * NS, "ended_by_original": 0},
        "broken": 3,
        "needed_ns": 151 * NS,
        "recommended_ns": 151 * NS,
        "shortest_without_harm_ns": 151 * NS,
        "keepalive_s": 119,
        "points": [point(5, 300), point(120, 3), point(151, 0, 7, 161)],
    }
    return {**values, **changes}


def record(*timers, enough=True):
    """The whole."""
    return {
        "capture": {"files": ["a.pcap", "b.pcap"], "frames": 1234, "warnings": ["b.pcap: cut off"]},
        "timers": list(timers),
        "as_set": {"cut": 1, "refused": 1000},
        "with_recommended": {"cut": 0, "refused": 0} if enough else None,
    }


def rendered(made, width=100):
    """As printed."""
    text = io.StringIO()
    console = Console(width=width, color_system=None, force_terminal=False, file=text)
    render_timeouts(made, console)
    return text.getvalue()


def test_report_has_a_row_a_time_out_and_marks_the_one_that_is_set():
    """The longest bar is the worst; the smallest is still seen."""
    text = rendered(record(timer()))
    assert "a.pcap, b.pcap: 1 234 frames" in text
    assert "b.pcap: cut off" in text
    assert "udp.stream  2 min  1 connection, longest silence 2 min 30 s" in text
    worst, now, enough = (line for line in text.splitlines() if " s  " in line or "▸" in line if not line.startswith("udp"))
    assert worst.split()[-2:] == ["█" * 18, "█" * 11 + "▏"]
    assert now.split()[:3] == ["▸", "2", "min"]
    assert now.split()[-2] == "▏"
    assert enough.split()[-1] == "█" * 18
    assert enough.count("█") == 18
    assert "Replayed as set: 1 connection cut by a time-out, 1 000 packets refused in all." in text
    assert "Replayed with the longer time-outs: 0 connections cut" in text


def test_nothing_longer_was_tried():
    """Then there is no second replay to tell of."""
    assert "longer" not in rendered(record(enough=False))


def test_advice_names_the_keepalive_first():
    """And what the longer time-out costs."""
    assert advice(timer()) == (
        "Breaks 3. Better: a keepalive at least every 1 min 59 s. Or 2 min 31 s, which keeps them all, for 1 min 1 s more of idle entries "
        "and at most 7 entries in place of 5."
    )


def test_advice_where_nothing_breaks():
    """A shorter time-out is named only if it is shorter."""
    fine = timer(broken=0, points=[point(60, idle=40), point(120)], shortest_without_harm_ns=60 * NS)
    assert advice(fine) == "Breaks nothing; 1 min would not either, for 1 min less of idle entries."
    assert advice({**fine, "shortest_without_harm_ns": 120 * NS}) == "Breaks nothing."
    assert advice({**fine, "shortest_without_harm_ns": 180 * NS}) == "Breaks nothing."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (30, "30 s"),
        (120, "2 min"),
        (151, "2 min 31 s"),
        (7440, "2 h 4 min"),
        (432_000, "5 d"),
        (0.0258, "0.0258 s"),
        (0, "0 s"),
        (90_000_000, "1 041 d 16 h"),
    ],
)
def test_span_has_two_units(seconds, text):
    """Without those that are nothing."""
    assert span(round(seconds * NS)) == text


def test_json_is_the_record():
    """To the letter."""
    assert json.loads(timeouts_json(record(timer()))) == record(timer())


def test_markdown_has_the_chart():
    """Both bars, and the row that is set."""
    text = FORMS["markdown"](record(timer()))
    assert "## udp.stream\n\nSet to 2 min: 1 connection, longest silence 2 min 30 s." in text
    assert "| 5 s | 300 | 2 | 5 | 1 min 40 s | ██████████████████ | ███████████▏ |" in text
    assert "| ▸ 2 min | 3 | 2 | 5 | 1 min 40 s | ▏ | ███████████▏ |" in text
    assert "**b.pcap: cut off**" in text
    assert "Replayed as set: 1 connection cut by a time-out, 1 000 packets refused in all." in text


def test_html_has_the_chart():
    """The row that is set is marked; names are escaped; a timer that breaks nothing has no such bar."""
    made = record(timer(), timer(broken=0, points=[point(120)]))
    made["capture"]["files"] = ["<a>.pcap"]
    text = FORMS["html"](made)
    assert "&lt;a&gt;.pcap" in text
    assert text.count("<tr class=set>") == 2
    assert text.count("<span class='bar '") == 2
    assert text.count("<span class='bar cost'") == 4
