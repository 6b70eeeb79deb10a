"""The assessment as a plain value."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from standards_world import OUT, assessed

from pcapaudit.regress.standards.record import standards_record, violates

STREAM = SimpleNamespace(files=[SimpleNamespace(path="a.pcap")], warnings=["odd"])


def record(rules=OUT, **more):
    """The record of a ruleset."""
    return standards_record(list(assessed(rules, **more).values()), STREAM, 0, "test.nft", "Linux 6.12")


def test_counts_add_up():
    """By standard and in all."""
    found = json.loads(json.dumps(record()))
    assert sum(found["counts"].values()) == sum(len(each["requirements"]) for each in found["standards"])
    assert found["capture"] == {"files": ["a.pcap"], "frames": 0, "warnings": ["odd"]}
    for standard in found["standards"]:
        verdicts = [each["verdict"] for each in standard["requirements"]]
        assert standard["counts"] == {name: verdicts.count(name) for name in standard["counts"]}


def test_requirement():
    """Everything that a reader needs."""
    (found,) = (each for each in record(numbers=[5508])["standards"][0]["requirements"] if each["id"] == "REQ-2")
    assert found == {
        "id": "REQ-2",
        "section": "3.2",
        "level": "MUST",
        "text": "A query's session lives 60 seconds or more.",
        "verdict": "violated",
        "on_packets_of_the_capture": False,
        "evidence": [
            {"basis": "setting", "says": "violated", "text": "icmp 30 s (Linux's default); asked for: 1 min", "first_frame": None},
        ],
        "reason": None,
        "change": "--timeout icmp=60; on the firewall net.netfilter.nf_conntrack_icmp_timeout=60",
    }


@pytest.mark.parametrize(("number", "must", "should"), [(5508, True, True), (7857, False, True)])
def test_violations_by_strength(number, must, should):
    """RFC 7857 has SHOULDs that a plain Linux violates, and no MUST."""
    found = record(numbers=[number])
    assert (violates(found, "MUST"), violates(found, "SHOULD")) == (must, should)
