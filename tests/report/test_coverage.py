"""Coverage beside the ruleset's text, in three forms."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from pcapaudit.regress.coverage import RuleCount, SetCount
from pcapaudit.report.coverage import FORMS, render

LINES = ["table inet f {", "\ttcp dport 80 accept", "\tudp dport 53 accept; drop", "\tip saddr <1> drop", "}"]
RULES = [
    RuleCount("fw.nft", 2, 2, "inet f c", "tcp dport 80 accept", 1200, 1200, 7, 1_700_000_000_000_000_000, 1_700_000_060_000_000_000),
    RuleCount("fw.nft", 3, 2, "inet f c", "udp dport 53 accept", 5, 5, 2, 1_700_000_000_000_000_000, 1_700_000_000_000_000_000),
    RuleCount("fw.nft", 3, 9, "inet f c", "drop"),
    RuleCount("fw.nft", 4, 2, "inet f c", "ip saddr <1> drop"),
]
SETS = [
    SetCount("fw.nft", 2, 2, "inet f", "tcp dport", {"80": 1200, "8080": 0}),
    SetCount("fw.nft", 4, 2, "inet f", "ip saddr", {"10.0.0.1": 0, "10.0.0.2": 0}),
]
RECORD = {
    "runs": 2,
    "frames": 5000,
    "first_ns": 1_700_000_000_000_000_000,
    "last_ns": 1_700_000_060_000_000_000,
    "rules": 4,
    "reached": 2,
    "percent": 50.0,
    "elements": 4,
    "elements_reached": 1,
    "files": {"fw.nft": RULES},
    "sets": {"fw.nft": SETS},
}


def test_text():
    """Counts beside the lines; then what was never reached, and what all rests on."""
    assert render("text", RECORD, {"fw.nft": LINES}) == (
        "fw.nft: 2 of 4 rules reached\n\n"
        "   packets    flows\n"
        "                        1  table inet f {\n"
        "    1 200         7     2      tcp dport 80 accept\n"
        "        5*        2     3      udp dport 53 accept; drop\n"
        "     never              4      ip saddr <1> drop\n"
        "                        5  }\n\n"
        "never reached: fw.nft:3: drop\n"
        "never reached: fw.nft:4: ip saddr <1> drop\n"
        "never reached: fw.nft:2: tcp dport, 1 of 2 elements: 8080\n\n"
        "evidence: 5 000 frames in 2 runs, 2023-11-14 22:13:20 to 2023-11-14 22:14:20 UTC\n"
        "2 of 4 rules reached, 50.0 %; 1 of 4 elements of sets\n"
    )


def test_text_without_source():
    """The built-in ruleset is no file: the rules' own words."""
    assert "     never              4  ip saddr <1> drop\n" in render("text", RECORD, {})


def test_lcov():
    """What coverage services read: of several rules on a line the one reached least."""
    assert render("lcov", RECORD, {}) == (
        "TN:pcapaudit\nSF:fw.nft\nDA:2,1200\nDA:3,0\nDA:4,0\n"
        "BRDA:2,0,0,1200\nBRDA:2,0,1,0\nBRDA:4,1,0,-\nBRDA:4,1,1,-\nBRF:4\nBRH:1\nLF:3\nLH:1\nend_of_record\n"
    )


def test_many_elements_are_not_all_named():
    """A blocklist of which nothing was met: some of it, and how much there is."""
    blocked = SetCount("fw.nft", 1, 1, "inet f", "@blocked", {f"10.0.{each >> 8}.{each & 255}": 0 for each in range(3000)})
    text = render("text", {**RECORD, "sets": {"fw.nft": [blocked]}}, {})
    assert "never reached: fw.nft:1: @blocked, 3 000 of 3 000 elements: 10.0.0.0, " in text
    assert "10.0.0.19 and 2 980 more\n" in text
    assert "10.0.0.20" not in text


def test_html_is_one_file():
    """Nothing is fetched, and a ruleset's text is no markup."""
    page = render("html", RECORD, {"fw.nft": LINES})
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append((tag, dict(attributes)))

    Reader().feed(page)
    assert not [tag for tag, _ in tags if tag in {"script", "link", "img", "iframe"}]
    assert not [attributes for _, attributes in tags if {"src", "href"} & set(attributes)]
    assert "ip saddr &lt;1&gt; drop" in page
    assert [attributes.get("class") for tag, attributes in tags if tag == "tr"] == [None, None, "y", "p", "n", None]


@pytest.mark.parametrize("form", FORMS)
def test_nothing(form):
    """No run at all."""
    empty = {
        **RECORD,
        "runs": 0,
        "frames": 0,
        "first_ns": None,
        "last_ns": None,
        "rules": 0,
        "reached": 0,
        "percent": 100.0,
        "files": {},
        "sets": {},
    }
    assert isinstance(render(form, empty, {}), str)
