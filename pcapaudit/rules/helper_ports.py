"""Which ports a ruleset names where it gives connections a helper: there control channels are to be looked for.

Only what a rule says itself counts: ``tcp dport 2121 ct helper set "ftp"``, a set of ports in its place, a map of ports to helpers. Ports
that other rules in front have sorted out are not traced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pcapaudit.rules.model import Element, Key, Match, ObjectRef, Rule, Ruleset, SetLiteral, SetRef, Table

__all__ = ["MAX_PORTS", "helper_ports"]

#: Wider ranges than this name no service.
MAX_PORTS = 256


def helper_ports(ruleset: Ruleset) -> frozenset[tuple[str, int]]:
    """(Linux's name of the helper, port) for every port that a rule gives a helper."""
    return frozenset(found for table in ruleset.tables for chain in table.chains for rule in chain.rules for found in _of_rule(table, rule))


def _of_rule(table: Table, rule: Rule) -> Iterator[tuple[str, int]]:
    for statement in rule.statements:
        if not isinstance(statement, ObjectRef) or statement.kind != "ct helper":
            continue
        if statement.chosen is not None:
            if _is_port(statement.chosen.keys):
                for each in _elements(table, statement.chosen.right):
                    yield from ((_kind(table, each.named), port) for port in _ports((each,)))
            continue
        for match in rule.statements:
            if isinstance(match, Match) and match.op == "==" and _is_port(match.keys):
                yield from ((_kind(table, statement.name), port) for port in _ports(_elements(table, match.right)))


def _is_port(keys: tuple[Key, ...]) -> bool:
    """Whether a match looks at the destination port and nothing else."""
    return len(keys) == 1 and keys[0].selector.text.endswith(" dport") and keys[0].mask is None


def _elements(table: Table, right: SetLiteral | SetRef) -> tuple[Element, ...]:
    if isinstance(right, SetLiteral):
        return right.elements
    return next((each.elements for each in table.sets if each.name == right.name), ())


def _ports(elements: Iterable[Element]) -> Iterator[int]:
    for each in elements:
        first, last = each.parts[0]
        if last - first < MAX_PORTS:
            yield from range(first, last + 1)


def _kind(table: Table, name: str) -> str:
    """The helper that an object of a table stands for."""
    lines = next((" ".join(each.lines) for each in table.objects if each.kind == "ct helper" and each.name == name), "")
    _, _, rest = lines.partition('type "')
    return rest.partition('"')[0]
