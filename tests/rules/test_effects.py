"""What is noted, and what the loop is told; what the statements do is tested in ``test_evaluate_effects``."""

from __future__ import annotations

import pytest
from rules_bench import forward

from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.effects import changed_fields


def program(rules):
    """A chain of the rules, compiled."""
    return compile_ruleset(parse_ruleset(forward(rules)), ("inside", "outside"))


@pytest.mark.parametrize("text", ["queue", "synproxy mss 1460", "tproxy to :80", "ip dscp set cs1"])
def test_what_is_not_computed_is_noted(text):
    """With file and line of the first, and how many more."""
    notes = program(f"{text}\nct state new {text}").notes
    assert any("(<text>:4 and 1 more)" in note for note in notes)


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ("ct mark 1 drop", "uses_ct_mark"),
        ("ct mark set 1", "uses_ct_mark"),
        ("notrack", "has_notrack"),
        ("quota 1 kbytes drop", "has_global_state"),
    ],
)
def test_the_loop_is_told(rules, name):
    """By a flag of the program."""
    assert getattr(program(rules), name)
    assert not getattr(program("drop"), name)


def test_changed_fields_share_their_bits():
    """Ports of all protocols lie at one place."""
    found = changed_fields(parse_ruleset(forward("th dport set 5\nmeta mark set 1")))
    assert {"th dport", "tcp dport", "udp dport"} <= found
    assert "meta mark" not in found
