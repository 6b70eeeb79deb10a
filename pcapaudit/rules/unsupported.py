"""``--unsupported=undecidable``: what a ruleset says and we do not understand becomes rules whose match and effect are unknown.

The readers make such a rule of one that they cannot read (a warning says why); this module makes them of rules that ask for what is not
there, such as a set that could not be read. What the packet's verdict then depends on is undecidable, with the rule as the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.check import check
from pcapaudit.rules.model import Match, Place, Rule, Ruleset, SetRef, Statement, Table, Unsupported
from pcapaudit.rules.nft.printer import format_rule

__all__ = ["leading_matches", "not_understood", "set_aside"]


def not_understood(diagnostic: Diagnostic) -> Diagnostic:
    """The warning that a complaint becomes."""
    return replace(diagnostic, message=f"not understood, and taken as undecidable: {diagnostic.message}")


def set_aside(ruleset: Ruleset, located: Callable[[Place, str, str], Diagnostic]) -> tuple[Ruleset, list[Diagnostic]]:
    """The ruleset without rules that the checks complain about, and the complaints that are left.

    A rule that is set aside may be what another one depended on (a chain that nobody jumps to any more); so until nothing changes.
    """
    warnings = list(ruleset.warnings)
    while True:
        complaints = list(check(ruleset))
        rules = {id(rule): rule for table in ruleset.tables for chain in table.chains for rule in chain.rules}
        owners = {place: rule for rule in rules.values() for place in _places(rule) if place.line}
        wrong = {id(owners[place]): place for place, _, _ in reversed(complaints) if place in owners}
        if not wrong:
            return replace(ruleset, warnings=tuple(warnings)), [located(*each) for each in complaints]
        warnings += [not_understood(located(*each)) for each in complaints if each[0] in owners]
        ruleset = replace(ruleset, tables=tuple(_without(table, wrong) for table in ruleset.tables))


def _places(rule: Rule) -> set[Place]:
    return {rule.place, *(each.place for each in rule.statements if hasattr(each, "place"))}


def leading_matches(statements: Iterable[Statement], wrong: Place | None = None) -> tuple[Match, ...]:
    """The matches that a rule begins with, up to the one at ``wrong``: packets that fail them do not meet what is not understood."""
    found = []
    for each in statements:
        if not isinstance(each, Match) or each.place == wrong:
            break
        found.append(each)
    return tuple(found)


def _without(table: Table, wrong: dict[int, Place]) -> Table:
    def kept(rule: Rule) -> Rule:
        if id(rule) not in wrong:
            return rule
        # What is wrong with the rule as a whole (its jump) has the place of its first statement, too.
        at = wrong[id(rule)] if wrong[id(rule)] != rule.place or _asks_a_set(rule) else None
        return replace(rule, statements=(*leading_matches(rule.statements, at), Unsupported(format_rule(rule), rule.place)))

    return replace(table, chains=tuple(replace(chain, rules=tuple(kept(rule) for rule in chain.rules)) for chain in table.chains))


def _asks_a_set(rule: Rule) -> bool:
    """Whether the first statement may be what is wrong: it asks for a set by its name."""
    first = rule.statements[0]
    return isinstance(first, Match) and isinstance(first.right, SetRef)
