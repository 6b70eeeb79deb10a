"""The C constants of ops.pxd are those of ops.py, and numbers that share a place differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pcapaudit.rules import ops

PXD = Path(ops.__file__).with_suffix(".pxd")
NUMBERS = {name: value for name, value in vars(ops).items() if name.isupper()}


def test_pxd_equals_py():
    """Every name stands in both files with the same value."""
    declared = {name: int(value, 0) for name, value in re.findall(r"^    (\w+) = (\S+)$", PXD.read_text(), re.M)}
    assert declared == NUMBERS


@pytest.mark.parametrize("prefix", ["OP_", "FIELD_", "TEST_", "WORLD_"])
def test_numbers_of_a_kind_differ(prefix):
    """Two operations with one number would be one operation."""
    numbers = [value for name, value in NUMBERS.items() if name.startswith(prefix)]
    assert len(numbers) == len(set(numbers))


def test_not_is_a_bit_of_its_own():
    """It is added to a test, and taken off again."""
    tests = [value for name, value in NUMBERS.items() if name.startswith("TEST_") and name != "TEST_NOT"]
    assert all(each & ops.TEST_NOT == 0 for each in tests)


def test_answers_can_be_turned_over():
    """The evaluator writes 1 - answer for NO and YES."""
    assert (ops.NO, ops.YES, ops.UNKNOWN) == (0, 1, 2)


def test_terminal_operations_come_last():
    """The compiler closes a rule with OP_END unless its last operation ends the rule by itself."""
    terminal = {"OP_ACCEPT", "OP_DROP", "OP_REJECT", "OP_JUMP", "OP_GOTO", "OP_RETURN", "OP_NAT", "OP_QUEUE"}
    assert {name for name, value in NUMBERS.items() if name.startswith("OP_") and value >= ops.OP_ACCEPT} == terminal
