"""The example rulesets are held by suites: whoever deletes a rule, or turns its verdict round, is told.

A rule that no capture of the suites reaches may change unnoticed, but coverage names it: the check says so for each rule.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from checkout import ROOT

from pcapaudit.api.suites import load_suites, run_suite
from pcapaudit.regress.coverage import RuleHits
from pcapaudit.regress.suites.reader import Text
from pcapaudit.rules import load_ruleset
from pcapaudit.rules.convert import to_nftables
from pcapaudit.rules.load import load_zones

SUITES = ROOT / "tests" / "suites"
OTHER = {"accept": "drop", "drop": "accept", "reject": "accept"}
#: Ruleset → its suites.
EXAMPLES = {"default.nft": "default.audit.yaml", "office.policy.toml": "office.audit.yaml"}


@cache
def text_of(name):
    """A ruleset as nftables text, a rule a line."""
    return to_nftables(load_ruleset(ROOT / "rulesets" / name))[0]


def outcomes(name, rules):
    """How the tests of a ruleset's suites come out with the rules in a file, and which rules (by line) were reached."""
    found, reached = [], set()
    suites, lines = load_suites(SUITES / EXAMPLES[name])
    for suite in suites:
        hits = []
        # A policy file brings its zones along; nftables text does not.
        zones, _ = load_zones(ROOT / "rulesets" / name)
        options = {**suite.options, **({"zone": [Text(zone, 1, 1) for zone in zones]} if zones else {})}
        changed = replace(suite, rules=[Text(str(rules), 1, 1)], options=options)
        tested = run_suite(changed, lines, watchers=lambda context, hits=hits: hits or hits.append(RuleHits(context.program)) or hits)
        found += tested.outcomes
        if tested.totals:
            program = hits[0].program
            reached |= {rule.line for rule in program.rules if rule and tested.totals.rule_packets[rule.id]}
    return found, reached


def rule_lines(name):
    """(line number, text) of each rule."""
    for number, line in enumerate(text_of(name).splitlines(), 1):
        if re.search(r"\b(accept|drop|reject)\b", line.partition(" comment ")[0]) and "policy" not in line:
            yield number, line


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_mutation_is_noticed_or_its_rule_is_uncovered(tmp_path, name):
    """Deleted, and turned round."""
    rules, lines = tmp_path / "fw.nft", text_of(name).splitlines()
    rules.write_text(text_of(name))
    found, reached = outcomes(name, rules)
    assert [each for each in found if each.status != "passed"] == []
    mutations = []
    for number, line in rule_lines(name):
        flipped = re.sub(r"\b(accept|drop|reject)\b(?! [^\"]*\"[^\"]*$)", lambda match: OTHER[match[1]], line, count=1)
        mutations += [(number, "deleted", ""), (number, "flipped", flipped)]
    assert mutations
    unnoticed = []
    for number, kind, line in mutations:
        rules.write_text("\n".join([*lines[: number - 1], line, *lines[number:]]) + "\n")
        if all(each.status == "passed" for each in outcomes(name, rules)[0]):
            unnoticed.append((number, kind))
    assert [each for each in unnoticed if each[0] in reached] == []
