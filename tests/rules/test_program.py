"""What reports say of rules and chains."""

from __future__ import annotations

from rules_bench import forward

from pcapaudit.rules import compile_ruleset, parse_ruleset


def test_rules_know_text_and_place():
    """By id, from 1."""
    program = compile_ruleset(parse_ruleset(forward('tcp dport 80 accept comment "web"'), "f.nft"))
    rule = program.rules[1]
    assert (rule.id, rule.text, rule.comment) == (1, 'tcp dport 80 accept comment "web"', "web")
    assert program.location(1) == "f.nft:4"
    assert program.location(0) == ""
    assert (program.chains[1].name, program.chains[1].hook, program.chains[1].policy) == ("c", "forward", "drop")
