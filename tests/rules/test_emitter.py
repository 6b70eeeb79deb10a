"""What the parts of the compiler share."""

from __future__ import annotations

from pcapaudit.rules import ops
from pcapaudit.rules.emitter import Emitter
from pcapaudit.rules.fields import Load
from pcapaudit.rules.program import Program


def test_equal_loads_and_tests_are_kept_once():
    """Two rules that ask the same share the words."""
    emitter = Emitter(Program(), assumed=False, changed=())
    assert emitter.load(Load(ops.FIELD_PROTO)) == emitter.load(Load(ops.FIELD_PROTO))
    assert emitter.test(ops.TEST_EQUAL, [0, 5]) == emitter.test(ops.TEST_EQUAL, [0, 5])
    assert emitter.test(ops.TEST_EQUAL, [0, 6]) != emitter.test(ops.TEST_EQUAL, [0, 5])
