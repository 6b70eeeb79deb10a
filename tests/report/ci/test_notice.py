"""Findings and changes as notices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_diff import POLICY, WEB, change, record
from sample_notices import AT_RULE, CHECKS

from pcapaudit.report.ci.junit import render
from pcapaudit.report.ci.notice import Level, of_audit, of_diff, of_suites


def finding(**changes):
    """A finding as the summary has it."""
    values = {
        "code": "tcp-out-of-window",
        "severity": "medium",
        "flow": 4,
        "first_frame": 7,
        "last_frame": 90,
        "count": 12,
        "message": "12 packets beyond.",
        "evidence": {"low": 1},
        "rule": 2,
        "rule_at": "dir/my: fw.nft:15",
        "source": "RFC 9293",
        "advice": "Look.",
    }
    return {**values, **changes}


def summary(*findings, captures=("office.pcap",), hint=None):
    """As much of a summary as a report needs."""
    severities = [each["severity"] for each in findings]
    return {
        "pcapaudit": "1.2.3",
        "capture": {"files": [{"path": path} for path in captures]},
        "assumptions": {"hint": hint},
        "rules": [{"rule": 2, "text": "ct state invalid drop"}],
        "packets": {"by_verdict": {"accept": 9}, "by_ct_state": {}, "by_reason": {}},
        "violations": {"by_severity": {name: severities.count(name) for name in ("high", "medium", "low")}, "found": list(findings)},
    }


def test_finding_stands_at_its_rule():
    """File and line, whatever the file's name; the rule's text is part of its identity."""
    (notice,) = of_audit(summary(finding()), CHECKS, "low").notices
    assert (notice.path, notice.line, notice.place) == ("dir/my: fw.nft", 15, "dir/my: fw.nft:15")
    assert notice.identity == "ct state invalid drop"
    assert notice.level is Level.WARNING
    assert notice.evidence == {"flow": 4, "source": "RFC 9293", "low": 1}


def test_finding_names_the_flow_that_announced_its_own():
    """Among the evidence, if there is one."""
    (notice,) = of_audit(summary(finding(parent=1)), CHECKS, "low").notices
    assert notice.evidence["parent"] == 1
    (notice,) = of_audit(summary(finding(parent=None)), CHECKS, "low").notices
    assert "parent" not in notice.evidence


def test_finding_without_rule_stands_at_the_capture():
    """Unless there are several: frames are counted through them."""
    bare = finding(rule=None, rule_at=None)
    assert of_audit(summary(bare), CHECKS, "low").notices[0].place == "office.pcap"
    assert of_audit(summary(bare, captures=("a.pcap", "b.pcap")), CHECKS, "low").notices[0].place == ""


@pytest.mark.parametrize(("fail_on", "failing"), [("info", True), ("medium", True), ("high", False), ("never", False)])
def test_severity_decides_what_fails(fail_on, failing):
    """As the exit code of the command."""
    report = of_audit(summary(finding()), CHECKS, fail_on)
    assert report.notices[0].failing is failing
    assert report.failed is failing


def test_headline_ends_with_the_hint():
    """What is not judged is no good news."""
    made = of_audit(summary(hint="no packet came from inside"), CHECKS, "high")
    assert made.headline == "No findings. No packet came from inside."


def test_headline_counts_by_severity():
    """A sentence, singular where it is one."""
    assert of_audit(summary(finding(), finding(severity="low")), CHECKS, "low").headline == "2 findings: 1 medium, 1 low."
    assert of_audit(summary(finding()), CHECKS, "low").headline == "1 finding: 1 medium."
    assert of_audit(summary(), CHECKS, "low").headline == "No findings."


def test_fingerprint_outlives_lines_and_counts():
    """Not what the message is about."""
    same = replace(AT_RULE, line=99, count=13, message=AT_RULE.message.replace("12 packets", "1 300 packets").replace("50 %", "51.5 %"))
    assert replace(same, message=AT_RULE.message.replace("12 packets", "13 packets")).fingerprint == AT_RULE.fingerprint
    for other in (
        replace(AT_RULE, code="land"),
        replace(AT_RULE, path="other.nft"),
        replace(AT_RULE, identity="drop"),
        replace(AT_RULE, message=AT_RULE.message.replace("192.0.2.1", "192.0.2.9")),
    ):
        assert other.fingerprint != AT_RULE.fingerprint


def test_change_stands_at_the_new_rule():
    """What decides now is what a pull request shows; allowed changes are notes."""
    made = record([change("other-rule", WEB, WEB, 3), change("newly-blocked", WEB, POLICY, 5)])
    report = of_diff(made)
    blocked, other = report.notices
    assert (blocked.code, blocked.place, blocked.failing, blocked.level) == ("newly-blocked", "new.nft:4", True, Level.ERROR)
    assert blocked.message == "Newly blocked: 5 packets of 1 flow. Old: accept by old.nft:12. New: drop by new.nft:4."
    assert blocked.advice == "If this is meant, allow it: --allow newly-blocked."
    assert (other.failing, other.level, other.advice) == (False, Level.NOTE, "")
    assert blocked.examples[0][0] == 3
    assert "10.0.0.5:40003 > 192.0.2.1:443" in blocked.examples[0][1]
    assert {check.code for check in report.checks} >= {each.code for each in report.notices}


def test_change_of_too_many_causes_has_a_notice():
    """Causes beyond those that are told apart: no side has a rule."""
    (notice,) = of_diff(record([change("newly-blocked", None, None, 5)])).notices
    assert "various" in notice.message


def test_tests_of_suites_are_cases():
    """Every test is one; those that do not pass stand at their line in the suite."""
    tests = [
        {"name": "flow a", "path": "x.audit.yaml", "line": 3, "status": "passed", "lines": [], "frame": None, "rule_at": None},
        {
            "name": "flow b",
            "path": "x.audit.yaml",
            "line": 9,
            "status": "failed",
            "lines": ["expected", "  found"],
            "frame": 7,
            "rule_at": "f:1",
        },
        {"name": "flow b", "path": "y.audit.yaml", "line": 9, "status": "error", "lines": ["no such file"], "frame": None, "rule_at": None},
    ]
    report = of_suites({"suites": 2, "counts": {"passed": 1, "failed": 1, "error": 1}, "tests": tests}, "1.0")
    failed, error = report.notices
    assert (failed.place, failed.code, failed.message, failed.first_frame) == (
        "x.audit.yaml:9",
        "expectation-failed",
        "flow b: expected; found",
        7,
    )
    assert (error.code, report.failed, report.headline) == ("suite-error", True, "1 passed, 1 failed, 1 error.")
    document = render(report)
    assert document.count("<testcase ") == 3
    assert document.count("<failure ") == 2
