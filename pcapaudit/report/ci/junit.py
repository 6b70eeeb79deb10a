"""JUnit XML: every check is a test case, failed where it found something that fails; what it found besides stands in its output.

Checks that found nothing pass, so a server's history shows when one begins to fail. The form is that of Jenkins' xunit plug-in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from pcapaudit.report.ci.notice import Notice, Report

__all__ = ["render"]

#: What XML 1.0 cannot hold, even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The whole document. It holds no times: the same input gives the same bytes."""
    found: dict[str, list[Notice]] = {}
    for notice in report.notices:
        found.setdefault(notice.case or notice.code, []).append(notice)
    cases = [(name, found.get(name, [])) for name in report.cases or [check.code for check in report.checks]]
    failures = sum(any(each.failing for each in notices) for _, notices in cases)
    numbers = {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    suites = ElementTree.Element("testsuites", {"name": "pcapaudit", **numbers})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": f"{report.command} {_clean(report.subject)}", **numbers, "skipped": "0"})
    for name, notices in cases:
        _case(suite, report, name, notices)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, report: Report, name: str, notices: Sequence[Notice]) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": f"pcapaudit.{report.command}", "name": _clean(name)})
    failing = [each for each in notices if each.failing]
    if failing:
        first = failing[0]
        message = first.message if len(failing) == 1 else f"{len(failing)} results, the worst: {first.message}"
        failure = ElementTree.SubElement(case, "failure", {"type": first.severity, "message": _clean(message)})
        failure.text = _clean("\n\n".join(_block(each) for each in failing))
    others = [each for each in notices if not each.failing]
    if others:
        ElementTree.SubElement(case, "system-out").text = _clean("\n\n".join(_block(each) for each in others))


def _block(notice: Notice) -> str:
    lines = [f"{notice.place}: {notice.severity}" if notice.place else notice.severity, notice.message, notice.advice]
    return "\n".join(line for line in (*lines, *(text for _, text in notice.examples)) if line)


def _clean(text: str) -> str:
    """Text that a capture or a ruleset may have had a say in, as XML can hold it."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
