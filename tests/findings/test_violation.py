"""What a finding is."""

from __future__ import annotations

import dataclasses

import pytest

from pcapaudit.findings.violation import Severity, Violation
from pcapaudit.report.sinks.schema import VIOLATIONS
from pcapaudit.report.summary import SEVERITIES


def test_severities_are_those_of_reports():
    """The same names in the same order."""
    assert tuple(str(each) for each in Severity) == SEVERITIES


def test_fields_are_the_columns_of_the_table():
    """The place of a rule is added by the report."""
    assert {each.name for each in dataclasses.fields(Violation)} == {column.name for column in VIOLATIONS.columns} - {"rule_at"}


def test_violation_is_a_value():
    """Nobody changes a finding after it was made."""
    violation = Violation("a-code", Severity.LOW, 1, 2, 3, 4, "what happened")
    with pytest.raises(dataclasses.FrozenInstanceError):
        violation.count = 5
