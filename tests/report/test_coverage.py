"""Coverage beside the ruleset's text, in three forms."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from pcapaudit.regress.coverage import RuleCount
from pcapaudit.report.coverage import FORMS, render

LINES = ["table inet f {", "\ttcp dport 80 accept", "\tudp dport 53 accept; drop", "\tip saddr <1> drop", "}"]
RULES = [
    RuleCount("fw.nft", 2, 2, "inet f c", "tcp dport 80 accept", 1200, 1200, 7, 1_700_000_000_000_000_000, 1_700_000_060_000_000_000),
    RuleCount("fw.nft", 3, 2, "inet f c", "udp dport 53 accept", 5, 5, 2, 1_700_000_000_000_000_000, 1_700_000_000_000_000_000),
    RuleCount("fw.nft", 3, 9, "inet f c", "drop"),
    RuleCount("fw.nft", 4, 2, "inet f c", "ip saddr <1> drop"),
]
RECORD = {
    "runs": 2,
    "frames": 5000,
    "first_ns": 1_700_000_000_000_000_000,
    "last_ns": 1_700_000_060_000_000_000,
    "rules": 4,
    "reached": 2,
    "percent": 50.0,
    "files": {"fw.nft": RULES},
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
        "never reached: fw.nft:4: ip saddr <1> drop\n\n"
        "evidence: 5 000 frames in 2 runs, 2023-11-14 22:13:20 to 2023-11-14 22:14:20 UTC\n"
        "2 of 4 rules reached, 50.0 %\n"
    )


def test_text_without_source():
    """The built-in ruleset is no file: the rules' own words."""
    assert "     never              4  ip saddr <1> drop\n" in render("text", RECORD, {})


def test_lcov():
    """What coverage services read: of several rules on a line the one reached least."""
    assert render("lcov", RECORD, {}) == "TN:pcapaudit\nSF:fw.nft\nDA:2,1200\nDA:3,0\nDA:4,0\nLF:3\nLH:1\nend_of_record\n"


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
    empty = {**RECORD, "runs": 0, "frames": 0, "first_ns": None, "last_ns": None, "rules": 0, "reached": 0, "percent": 100.0, "files": {}}
    assert isinstance(render(form, empty, {}), str)
