"""SARIF 2.1.0 (OASIS standard): results at the rule's file and line, packets as related places, fingerprints that outlive line numbers.

GitHub takes 25 000 results of a run and 1 000 places of a result: the worst come first, and a notification says what was left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pcapaudit.report.ci.notice import LEVELS, Check, Notice, Report

__all__ = ["MAX_PLACES", "MAX_RESULTS", "render"]

#: Limits of GitHub's code scanning.
MAX_RESULTS = 25_000
MAX_PLACES = 1_000
#: What GitHub sorts by, on CVSS's scale of 0 to 10.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.0", "low": "2.0", "info": "0.0"}


def render(report: Report) -> str:
    """The log, with one run."""
    order = {check.code: index for index, check in enumerate(report.checks)}
    run: dict[str, Any] = {
        "tool": {"driver": _driver(report)},
        "automationDetails": {"id": f"pcapaudit/{report.command}/"},
        "invocations": [_invocation(report)],
        "artifacts": [{"location": {"uri": _uri(path)}, "roles": ["analysisTarget"]} for path in report.captures],
        "columnKind": "unicodeCodePoints",
        "results": [_result(notice, order, report.captures) for notice in report.notices[:MAX_RESULTS]],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(report: Report) -> dict[str, Any]:
    return {
        "name": "pcapaudit",
        "semanticVersion": report.version,
        "rules": [_rule(check) for check in report.checks],
    }


def _rule(check: Check) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": check.code,
        "name": "".join(word.capitalize() for word in check.code.split("-")),
        "shortDescription": {"text": check.title},
        "defaultConfiguration": {"level": str(LEVELS[check.severity])},
        "properties": {"tags": ["firewall", "network"], "security-severity": _SCORES[check.severity]},
    }
    if check.help:
        rule["help"] = {"text": check.help, "markdown": check.help}
    if check.source:
        rule["fullDescription"] = {"text": f"{check.title} Source: {check.source}"}
    return rule


def _invocation(report: Report) -> dict[str, Any]:
    """How the run went. Results are no failure of the run."""
    invocation: dict[str, Any] = {"executionSuccessful": True, "exitCode": int(report.failed)}
    left_out = len(report.notices) - MAX_RESULTS
    if left_out > 0:
        text = f"{left_out} results of the mildest are left out: GitHub takes {MAX_RESULTS} of a run"
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return invocation


def _result(notice: Notice, order: dict[str, int], captures: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": notice.code,
        "level": str(notice.level),
        "message": {"text": f"{notice.message}\n{notice.advice}" if notice.advice else notice.message},
        "locations": [_location(notice)] if notice.path else [],
        "partialFingerprints": {"pcapauditResult/v1": notice.fingerprint},
        "occurrenceCount": max(1, notice.count),
        "properties": {
            "severity": notice.severity,
            "failing": notice.failing,
            "firstFrame": notice.first_frame,
            "lastFrame": notice.last_frame,
            "evidence": dict(notice.evidence),
        },
    }
    if notice.code in order:
        result["ruleIndex"] = order[notice.code]
    # Which of several captures a frame came from is not known: their frames are counted through.
    if notice.examples and len(captures) == 1:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": text}, "physicalLocation": {"artifactLocation": {"uri": _uri(captures[0])}}}
            for number, (_, text) in enumerate(notice.examples[: MAX_PLACES - 1], start=1)
        ]
    return result


def _location(notice: Notice) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(notice.path)}}
    if notice.line:
        place["region"] = {"startLine": notice.line}
    return {"physicalLocation": place}


def _uri(path: str) -> str:
    """A path as a relative reference (RFC 3986): what a URI cannot hold is escaped."""
    return quote(path, safe="/~!$&'()*+,;=@")
