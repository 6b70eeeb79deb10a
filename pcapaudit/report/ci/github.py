"""Workflow commands of GitHub Actions: a line each becomes an annotation at its file and line.

Format: docs.github.com, "Workflow commands for GitHub Actions": ``%``, line ends, and in properties also ``:`` and ``,`` are escaped.
GitHub shows ten errors, ten warnings and ten notices of a step: the worst come first.
"""

from __future__ import annotations

from pcapaudit.report.ci.notice import Level, Notice, Report

__all__ = ["render"]

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def render(report: Report) -> str:
    """A command a notice."""
    return "".join(f"{_command(notice)}\n" for notice in report.notices)


def _command(notice: Notice) -> str:
    properties = {"title": f"pcapaudit ({notice.code})"}
    if notice.path:
        properties["file"] = notice.path
    if notice.path and notice.line:
        properties["line"] = str(notice.line)
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = "\n".join(part for part in (notice.message, notice.advice, *(text for _, text in notice.examples)) if part)
    return f"::{_COMMANDS[notice.level]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
