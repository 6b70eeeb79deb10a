"""Whether expectations hold, against the office capture."""

from __future__ import annotations

import pytest
from suite_texts import outcome

HOLDS = [
    ["flow: 192.168.10.20 > *:53/udp", "verdict: accept", "rule: office.policy.toml:21", "ct: new", "count: 3"],
    ["flow: '* > *:443/tcp'", "verdict: [drop, reject]", "rule: policy", "end: blocked", "accepted: 0", "dropped: 1"],
    ["packet: frame 3", "verdict: accept", "direction: original"],
    ["packet: 203.0.113.66 > *", "verdict: drop", "count: 1-"],
    ["packet: 10.9.9.9 > *", "count: 0"],
    ["finding: flow-cut-by-timeout", "count: 1-"],
    ["finding: udp-hole-punch", "count: 0"],
    ["finding: '* frame 1-'", "count: 1-9"],
    ["finding: '* 10.9.9.9 > *'", "count: 0"],
]


@pytest.mark.parametrize("lines", HOLDS, ids=[each[0] for each in HOLDS])
def test_holds(tmp_path, lines):
    """Nothing is said."""
    found = outcome(tmp_path, *lines)
    assert (found.status, found.lines) == ("passed", ())


FAILS = [
    (["flow: '* > *:443/tcp'", "verdict: accept"], "expected verdict accept: 2 of 2 flows differ", 69),
    (["flow: '* > *:53'", "verdict: accept", "rule: office.policy.toml:22"], "expected rule office.policy.toml:22: 3 of", 3),
    (["flow: 203.0.113.66 > *", "count: 0"], "expected 0 flows, found 32", 61),
    (["flow: '*'", "count: 1-5"], "expected 1 to 5 flows, found 53", 3),
    (["flow: '*'", "count: 58-"], "expected at least 58 flows, found 53", 3),
    (["packet: 10.9.9.9 > *"], "no packet is meant by this selector; the run has 244 packets", 0),
    (["packet: frame 3", "verdict: drop"], "expected verdict drop: 1 of 1 packet differs", 3),
    (["packet: '* > *:53/udp'", "verdict: drop"], "expected verdict drop: 3 of 3 packets differ", 3),
    (["finding: flow-cut-by-timeout", "severity: critical"], "expected severity critical: 1 of 1 finding differs", 239),
    (["finding: udp-hole-punch"], "no finding is meant by this selector", 0),
]


@pytest.mark.parametrize(("lines", "message", "frame"), FAILS, ids=[each[1] for each in FAILS])
def test_fails(tmp_path, lines, message, frame):
    """The sentence, and the first packet, flow or finding that differs with its rule."""
    found = outcome(tmp_path, *lines)
    assert found.status == "failed"
    assert found.lines[0].startswith(message)
    assert found.frame == frame
    if frame and "finding" not in lines[0]:
        assert f"frame {frame}" in found.lines[1]
        assert "office.policy.toml:" in found.lines[2]
        assert "office.policy.toml:" in found.rule


def test_only_some_are_shown(tmp_path):
    """And how many more there are."""
    assert outcome(tmp_path, "flow: 203.0.113.66 > *", "count: 0").lines[-1] == "  … and 29 more"


ERRORS = [
    (["flow: '*'", "rule: office.policy.toml:999"], ":5:11: no rule is 'office.policy.toml:999'"),
    (["flow: '* rule nowhere.nft:1'"], ":4:19: no rule is 'nowhere.nft:1'"),
    (["finding: udp-hole-lunch", "count: 0"], ":4:14: no finding has the code 'udp-hole-lunch': 'udp-hole-punch' is meant?"),
    (["flow: '* > *:44x'"], ":4:18: '44x' is no port"),
]


@pytest.mark.parametrize(("lines", "message"), ERRORS, ids=[each[1] for each in ERRORS])
def test_cannot_be_looked_at(tmp_path, lines, message):
    """An error at its place, with a caret; a count of 0 does not hide it."""
    found = outcome(tmp_path, *lines)
    assert found.status == "error"
    assert message in found.lines[0]
    assert "^" in found.lines[-1]
