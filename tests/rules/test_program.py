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


def test_flat_plans_hold_every_way_through_the_hooks():
    """Each way's chains lie between two marks; a forward chain stands on the forward path of both versions."""
    program = compile_ruleset(parse_ruleset(forward("accept"), "f.nft"))
    bases, plans = program.flat_plans()
    assert len(plans) == 2 * sum(len(versions) for paths in program.plans for versions in paths)
    marks = [(plans[at], plans[at + 1]) for at in range(0, len(plans), 2)]
    assert all(first <= stop < len(bases) for first, stop in marks)
    assert [stop > first for first, stop in marks] == [bool(chains) for paths in program.plans for versions in paths for chains in versions]
