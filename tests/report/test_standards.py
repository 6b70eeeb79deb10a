"""What came of every requirement, in every form."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from scenes import icmp, udp
from standards_world import OUT, WITH, assessed

from pcapaudit.cli.output import plain_text
from pcapaudit.regress.standards.record import standards_record
from pcapaudit.report.standards import FORMS, render_standards

STREAM = SimpleNamespace(files=[SimpleNamespace(path="a<b>.pcap")], warnings=[])
QUERY = udp("10.0.0.9:4000", "198.51.100.7:53")


@pytest.fixture(scope="module")
def record():
    """RFC 5508 under a ruleset that drops an error of the capture."""
    packets = [(0, QUERY), (1, icmp("198.51.100.1", "10.0.0.9", 3, data=QUERY))]
    found = assessed(WITH("icmp type destination-unreachable drop"), packets, numbers=[5508])
    return standards_record(list(found.values()), STREAM, 2, "test.nft", "Linux 6.12")


def shown(record, *only):
    """The terminal's text."""
    return plain_text(lambda console: render_standards(record, console, only))


def test_violations_come_first_with_everything(record):
    """What it asks, what was seen, what would change it."""
    text = shown(record)
    assert text.index("✗ REQ-4a") < text.index("✓ REQ-1 ")
    assert "capture  frame 2: ICMP errors about udp connections: 1 dropped" in text
    assert "change   ct state related accept" in text
    assert text.rstrip().endswith("Packets of the capture violate 1.")


def test_what_came_to_no_verdict_is_gathered(record):
    """By reason."""
    text = shown(record)
    assert "- not applicable  REQ-9, REQ-10b, REQ-11: a permission: nothing can violate it" in text
    assert "· not exercised  REQ-8: the capture holds nothing of it; try a capture that holds such traffic" in text


def test_only_some_verdicts(record):
    """The counts stay whole."""
    text = shown(record, "met")
    assert "✗ REQ" not in text
    assert "not applicable  REQ" not in text
    assert "✓ REQ-1 " in text
    numbers = {each["verdict"] for standard in json.loads(FORMS["json"](record, ["met"]))["standards"] for each in standard["requirements"]}
    assert numbers == {"met"}


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_page_says_everything(record, form):
    """Every requirement, and no markup from names."""
    text = FORMS[form](record, ())
    assert all(f"{each['id']}" in text for each in record["standards"][0]["requirements"])
    assert "a&lt;b&gt;.pcap" in text
    assert "violated" in text


def test_ruleset_without_violations_of_the_capture():
    """Says nothing of the capture."""
    found = standards_record(list(assessed(OUT, numbers=[7857]).values()), STREAM, 0, "test.nft", "Linux 6.12")
    assert "Packets of the capture" not in shown(found)
