"""The forms by name, with the names that linters use for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcapaudit.report.ci.notice import Report

__all__ = ["FORMS", "render"]

#: Name → what it is for. The module of the same name (``-`` as ``_``) renders it.
FORMS = {
    "concise": "a line a result: file:line: code severity message",
    "grouped": "results under the file that they stand at",
    "json-lines": "one JSON object a line",
    "junit": "JUnit XML: a test case a check",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "annotations of GitHub Actions",
    "gitlab": "GitLab's code quality report",
    "azure": "logging commands of Azure Pipelines",
    "pylint": "as pylint prints it, for editors and Jenkins",
    "rdjson": "reviewdog's JSON",
    "markdown": "a page for a job's summary",
}


def render(name: str, report: Report) -> str:
    """The report in a form of FORMS, with its last newline."""
    form: Callable[[Report], str] = import_module(f"pcapaudit.report.ci.{name.replace('-', '_')}").render
    return form(report)
