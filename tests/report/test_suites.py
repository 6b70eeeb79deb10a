"""How tests that came out one way or the other are told."""

from __future__ import annotations

import json

from pcapaudit.report.suites import render_concise, render_full, render_json, result_line


def entry(status, *lines, name="flow *", line=3):
    return {"name": name, "path": "x.audit.yaml", "line": line, "status": status, "lines": list(lines), "frame": None, "rule_at": None}


RECORD = {
    "suites": 1,
    "counts": {"passed": 1, "failed": 1, "error": 1},
    "baselines_updated": ["a.baseline.txt"],
    "baselines_unused": ["b.baseline.txt"],
    "tests": [
        entry("passed"),
        entry("failed", "expected 0 flows, found 2", "  frame 7: a > b", "    drop"),
        entry("error", "x.audit.yaml:9:4: no port", "  text", "  ^", line=9),
    ],
}


def test_full():
    """Everything that is said of failures."""
    assert render_full(RECORD) == (
        "FAILED x.audit.yaml:3: flow *\n    expected 0 flows, found 2\n      frame 7: a > b\n        drop\n\n"
        "ERROR x.audit.yaml:9: flow *\n    x.audit.yaml:9:4: no port\n      text\n      ^\n\n"
        "updated a.baseline.txt\nunused baseline b.baseline.txt: no suite names it; remove it\n"
        "3 tests in 1 suite: 1 failed, 1 error, 1 passed\n"
    )


def test_concise():
    """A line each."""
    assert render_concise(RECORD).splitlines()[:2] == [
        "x.audit.yaml:3: failed: flow *: expected 0 flows, found 2; frame 7: a > b",
        "x.audit.yaml:9: error: flow *: no port",
    ]


def test_json():
    """The record, with its version."""
    found = json.loads(render_json(RECORD))
    assert found["schema_version"] == 1
    assert found["tests"] == RECORD["tests"]


def test_nothing():
    """No test at all."""
    assert result_line({"suites": 0, "counts": {"passed": 0, "failed": 0, "error": 0}}) == "0 tests in 0 suites: nothing to do"
