"""The vocabulary of steps."""

from __future__ import annotations

from pcapaudit.rules.steps import Outcome, World


def test_words_are_what_records_hold():
    """They stand in trace.json, and never change."""
    assert [str(each) for each in Outcome] == ["matched", "not-matched", "unknown", "not-asked", "policy", "ended"]
    assert [str(each) for each in World] == ["main", "other"]
