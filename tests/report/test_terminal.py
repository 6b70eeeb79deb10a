"""The report on the terminal: goldens at three widths, and what must hold at any."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from goldens import assert_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from sample_run import START_NS, batch, context, flows

from pcapaudit.report.summary import Results, summarize
from pcapaudit.report.terminal import count, duration, render_summary, share, size
from pcapaudit.report.totals import RunCounts

GOLDENS = Path(__file__).with_name("goldens")


def violation(**changes):
    """A finding."""
    values = {
        "code": "unsolicited-inbound",
        "severity": "high",
        "flow": 2,
        "parent": 0,
        "first_frame": 2,
        "last_frame": 39_999,
        "count": 10_000,
        "message": "2001:db8::1 sent 10 000 packets that nobody had asked for, to port 5353/udp of 2001:db8:0:1::",
        "evidence": {"hosts": 1},
        "rule": 2,
        "source": "RFC 4787",
        "advice": "Nothing to do if the policy drops them; look at the source if they go on.",
    }
    return SimpleNamespace(**{**values, **changes})


FINDINGS = (violation(), violation(severity="low", code="packet-after-close", flow=0, rule=0, count=1, advice=""))


def summary(violations=FINDINGS, **changes):
    """The summary of a run of 400 frames."""
    counts = RunCounts(3)
    counts.on_batch(*batch(400))
    counts.on_flows(flows())
    totals = SimpleNamespace(
        frames=400, flows=2, high_water=12, high_water_ns=START_NS, first_ns=START_NS, last_ns=START_NS + 90_000_000_000
    )
    return summarize(Results(context(**changes), "of,fice.nft", totals, counts, violations))


def rendered(made, width, **changes):
    """The report as text."""
    text = io.StringIO()
    options = {"color_system": None, "force_terminal": False, "highlight": False, **changes}
    render_summary(made, Console(file=text, width=width, **options))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_report_at_width(width):
    """Tables stand side by side as far as the width allows."""
    assert_golden(GOLDENS / f"summary-{width}.txt", rendered(summary(), width))


@settings(deadline=None, max_examples=20)
@given(st.integers(40, 250))
def test_no_line_is_wider_than_the_terminal(width):
    """From forty columns on."""
    lines = rendered(summary(), width).splitlines()
    assert [line for line in lines if len(line) > width] == []


def test_plain_text_has_no_control_characters():
    """Nothing but text and line ends where there is no terminal."""
    assert set(filter(lambda char: ord(char) < 32, rendered(summary(), 100))) == {"\n"}


def test_colour_where_it_is_wanted():
    """On a terminal severity and verdict have their colours."""
    assert "\x1b[" in rendered(summary(), 100, force_terminal=True, color_system="truecolor")


def test_nothing_found_and_nothing_read():
    """An empty capture still gives a report."""
    results = Results(
        context(), "x.nft", SimpleNamespace(frames=0, flows=0, high_water=0, high_water_ns=0, first_ns=0, last_ns=0), RunCounts(3), []
    )
    text = rendered(summarize(results), 80)
    assert "0 frames" in text
    assert text.endswith("\nNo findings.\n")


def test_long_lists_are_summed_up():
    """Many findings: the first ten and a number."""
    text = rendered(summary([violation(code=f"code-{k:02d}", first_frame=k) for k in range(13)]), 100)
    assert "code-09" in text
    assert "code-10" not in text
    assert "and 3 more" in text
    assert "13 findings: 13 high." in text


def test_warnings_of_the_capture_are_shown():
    """A capture that was cut off."""
    stream = SimpleNamespace(files=[], warnings=["office.pcap: offset 99: cut off"])
    assert "Warning    office.pcap: offset 99: cut off" in rendered(summary(stream=stream), 100)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0.000 ms"),
        (1_500_000, "1.500 ms"),
        (999_999_999, "999.999 ms"),
        (59_999_000_000, "59.999 s"),
        (60_000_000_000, "1 min 0 s"),
        (3_661_000_000_000, "1 h 1 min"),
        (90_000_000_000_000, "1 d 1 h"),
    ],
)
def test_duration(ns, text):
    """The two largest units."""
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 5, "0 %"), (0, 0, "0 %"), (5, 5, "100 %"), (1, 1_000_000, "0.1 %"), (999_999, 1_000_000, "99.9 %"), (1, 3, "33.3 %")],
)
def test_share_is_nought_or_all_only_when_it_is(part, whole, text):
    """One packet in a million is not 0 %."""
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (5 * 10**15, "5000.0 TB")]
)
def test_size(number, text):
    """Decimal units."""
    assert size(number) == text


def test_count_has_its_thousands_apart():
    """With a space."""
    assert count(1234567) == "1 234 567"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_rule_keeps_its_place_and_count_at_any_width(width):
    """Where there is no room, a rule's text is cut, and nothing else."""
    made = summary()
    made["rules"] = [{"at": "rulesets/of,fice.nft:18", "packets": 4_495, "text": "ct state established,related counter accept " * 3}]
    row = next(line for line in rendered(made, width).splitlines() if ":18" in line)
    assert row.startswith("rulesets/of,fice.nft:18   4 495 ct state")
    assert row.endswith("…")


def test_capture_without_the_inside_is_told_so():
    """Public addresses on both sides, and nobody has said which of them are one's own: there is nothing to protect."""
    made = summary()
    assert "no packet came from inside" not in rendered(made, 120)
    made["assumptions"]["hint"] = "no packet came from inside"
    assert "no packet came from inside" in rendered(made, 120)


@pytest.mark.parametrize(("parent", "text"), [(0, "(flow 2)"), (1, "(flow 2, announced by flow 1)")])
def test_finding_names_the_flow_that_announced_its_own(parent, text):
    """If one did."""
    assert text in " ".join(rendered(summary([violation(parent=parent)]), 200).split())


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ({"is": "host", "evidence": "one MAC"}, ["inferred: one MAC", "if that is wrong, say --own ADDRESS"]),
        ({"is": "unknown", "evidence": "two hosts"}, ["not known where this was captured: two hosts", "the way through the hooks is open"]),
    ],
)
def test_place_is_told_with_its_evidence(place, lines):
    """And what to say if it is wrong, or not known."""
    made = summary()
    made["assumptions"]["place"] = place
    text = " ".join(rendered(made, 160).split())
    assert all(line in text for line in lines)
