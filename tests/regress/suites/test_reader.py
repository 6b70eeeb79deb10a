"""What stands in suites, and what is said of suites that make no sense: always with the line."""

from __future__ import annotations

import pytest

from pcapaudit.regress.suites.reader import read_suites

OPTIONS = ("local", "timeout", "profile", "rules")
GOOD = """\
name: an office
capture: [a.pcap, b.pcap]
rules: fw.nft
local: 10.0.0.0/8
timeout: {udp.stream: 5m, tcp.established: 1h}
expect:
  - flow: 10.0.0.5 > *:443/tcp
    verdict: [accept, mixed]
    rule: "a, b"
    count: 3-
  - finding: udp-hole-punch
    count: 0
    name: no holes
baseline: x.baseline.txt
"""


def texts(values):
    return [each.value for each in values]


def test_everything_is_read():
    """Values, and where they stand."""
    (suite,) = read_suites(GOOD, "x.audit.yaml", OPTIONS)
    assert suite.problems == []
    assert (suite.name, texts(suite.captures), texts(suite.rules)) == ("an office", ["a.pcap", "b.pcap"], ["fw.nft"])
    assert texts(suite.options["timeout"]) == ["udp.stream=5m", "tcp.established=1h"]
    assert (suite.baseline.value, suite.baseline.line) == ("x.baseline.txt", 14)
    one, two = suite.expectations
    assert (one.kind, one.selector.text, one.count, one.line) == ("flow", "10.0.0.5 > *:443/tcp", (3, None), 7)
    assert [(each.terms[0].name, each.terms[0].values) for each, _ in one.wanted] == [("verdict", ("accept", "mixed")), ("rule", ("a, b",))]
    assert one.name == "flow 10.0.0.5 > *:443/tcp: verdict accept, mixed, rule a, b, count 3-"
    assert (two.name, two.count, two.selector.code) == ("no holes", (0, 0), "udp-hole-punch")


def test_documents_are_suites():
    """Each with its own line."""
    found = read_suites("capture: a\nexpect: [{flow: '*'}]\n---\ncapture: b\nexpect: [{flow: '*'}, {flow: '*'}]\n", "x", OPTIONS)
    assert [(suite.captures[0].value, suite.line) for suite in found] == [("a", 1), ("b", 4)]
    assert [each.name for each in found[1].expectations] == ["flow *", "flow * #2"]


SUITES = [
    ("", 1, "an empty file"),
    ("- a", 1, "a suite is a mapping"),
    ("capture: a\nexpect: [{flow: '*'}]\ncapture: b", 3, "'capture' stands here a second time, after line 1"),
    ("capture: a\nbogus: 1\nexpect: [{flow: '*'}]", 2, "a suite has no key 'bogus'"),
    ("expect: [{flow: '*'}]", 1, "no capture"),
    ("capture: a", 1, "nothing is expected"),
    ("capture: a\nexpect: {}", 2, "expect is a list"),
    ("capture:\nexpect: []", 1, "capture has no value"),
    ("capture: [a, [b]]\nexpect: []", 1, "capture has no value"),
    ("capture: a\nexpect: [", 2, "no YAML"),
    ("capture: *a\n", 1, "no YAML"),
    ("capture: a\x07b\n", 1, "no YAML"),
    ("? [a]\n: b\n", 1, "a suite has no key ''"),
]


@pytest.mark.parametrize(("text", "line", "message"), SUITES, ids=[each[2] for each in SUITES])
def test_problems_of_a_suite(text, line, message):
    """The whole suite is not run."""
    problem = read_suites(text, "x.audit.yaml", OPTIONS)[-1].problems[0]
    assert problem.message.startswith(message)
    assert problem.line == line
    assert str(problem).startswith(f"x.audit.yaml:{line}:")


EXPECTATIONS = [
    ("flow: '* > *:44x'", 3, 18, "'44x' is no port"),
    ("verdict: drop", 3, 5, "expected one of the keys flow, packet, finding"),
    ("{flow: a, packet: b}", 3, 5, "expected one of the keys"),
    ("flow: '*'\n    verdikt: drop", 4, 5, "an expectation of a flow has no key 'verdikt'"),
    ("flow: '*'\n    direction: reply", 4, 5, "an expectation of a flow has no key 'direction'"),
    ("flow: '*'\n    verdict: drip", 4, 14, "verdict drip: expected one of"),
    ("flow: '*'\n    flow: '*'", 4, 5, "'flow' stands here a second time"),
    ("flow: '*'\n    count: few", 4, 12, "expected a number or a range"),
    ("flow: '*'\n    count: 5-1", 4, 12, "expected a number or a range"),
    ("flow: '*'\n    verdict: {}", 4, 14, "verdict has no value"),
    ("plain", 3, 5, "an expectation is a mapping"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), EXPECTATIONS, ids=[each[0] for each in EXPECTATIONS])
def test_problems_of_an_expectation(text, line, column, message):
    """It alone is not looked at; the one behind it is."""
    (suite,) = read_suites(f"capture: a\nexpect:\n  - {text}\n  - flow: '*'\n", "x.audit.yaml", OPTIONS)
    wrong, right = suite.expectations
    assert not suite.problems
    assert (wrong.problem.line, wrong.problem.column) == (line, column)
    assert wrong.problem.message.startswith(message)
    assert right.problem is None


def test_too_much():
    """A limit, and it says so."""
    (suite,) = read_suites("#" * (5 << 20), "x", OPTIONS)
    assert "more than 4 MiB" in str(suite.problems[0])
