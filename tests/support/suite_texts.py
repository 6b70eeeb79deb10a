"""Suites over the office capture, written to a folder of a test."""

from __future__ import annotations

from office import CAPTURE, RULES

from pcapaudit.api.suites import load_suites, run_suite

HEAD = f"capture: {CAPTURE}\nrules: {RULES}\n"


def write(folder, text, name="x.audit.yaml", head=HEAD):
    """The suite's file."""
    path = folder / name
    path.write_text(head + text, encoding="utf-8")
    return path


def outcomes(folder, text, head=HEAD, update=False):
    """How every test of a file's suites came out."""
    suites, lines = load_suites(write(folder, text, head=head))
    return [outcome for suite in suites for outcome in run_suite(suite, lines, update).outcomes]


def outcome(folder, *lines):
    """How one expectation came out; ``lines`` are its keys."""
    (found,) = outcomes(folder, "expect:\n  - " + "\n    ".join(lines) + "\n")
    return found
