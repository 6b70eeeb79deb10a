"""What the parts of the compiler share."""

from __future__ import annotations

from pcapaudit.rules import compile_ruleset, ops, parse_ruleset
from pcapaudit.rules.emitter import Emitter, name_number, wildcard
from pcapaudit.rules.fields import Load
from pcapaudit.rules.program import Program


def test_equal_loads_and_tests_are_kept_once():
    """Two rules that ask the same share the words."""
    emitter = Emitter(Program(), assumed=False, changed=())
    assert emitter.load(Load(ops.FIELD_PROTO)) == emitter.load(Load(ops.FIELD_PROTO))
    assert emitter.test(ops.TEST_EQUAL, [0, 5]) == emitter.test(ops.TEST_EQUAL, [0, 5])
    assert emitter.test(ops.TEST_EQUAL, [0, 6]) != emitter.test(ops.TEST_EQUAL, [0, 5])


def test_names_and_wildcards():
    """Sixteen bytes, padded."""
    assert name_number("lo") == int.from_bytes(b"lo".ljust(16, b"\0"), "big")
    first, last = wildcard("wg*")
    assert first <= name_number("wg0") <= last
    assert wildcard("lo") == (name_number("lo"), name_number("lo"))


def test_foreign_interfaces_are_noted():
    """Names that the assumed zones do not have."""
    text = 'table inet t {\nchain c {\ntype filter hook forward priority 0\niifname "eth7" drop\n}\n}\n'
    assert any("eth7" in note for note in compile_ruleset(parse_ruleset(text), ("inside",)).notes)
