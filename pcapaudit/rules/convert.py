"""Makes a ruleset, wherever it was read from, one that nftables has words for.

Chains whose names are words of nftables' grammar (shorewall has one called ``reject``) get an underscore behind them; targets of iptables
that change nothing here and have no nftables words are left out and named. connlimit's counts by address become a set whose elements
count. What nftables cannot say at all is complained about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pcapaudit.core.errors import Diagnostic, RulesetError
from pcapaudit.rules.model import (
    ConnCount,
    Counter,
    Key,
    NamedSet,
    Opaque,
    Place,
    Recent,
    Rule,
    Ruleset,
    SetLiteral,
    SetUpdate,
    Side,
    Statement,
    Table,
    Unsupported,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.nft.printer import format_ruleset
from pcapaudit.rules.nft.stock import RESERVED
from pcapaudit.rules.selectors import SELECTORS

__all__ = ["to_nftables"]

#: Addresses whose connections a set counts.
_COUNTED = 0xFFFF
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def to_nftables(ruleset: Ruleset) -> tuple[str, list[str]]:
    """The text, and notes about what was renamed or left out. Raises RulesetError for what nftables cannot say."""
    notes: list[str] = []
    problems: list[Diagnostic] = []
    tables = [_Table(table, notes, problems).convert() for table in ruleset.tables]
    if problems:
        raise RulesetError(problems)
    return format_ruleset(Ruleset(tuple(tables))), notes


class _Table:
    def __init__(self, table: Table, notes: list[str], problems: list[Diagnostic]) -> None:
        self.table = table
        self.notes = notes
        self.problems = problems
        #: Sets that count connections, which iptables' rules have inside.
        self.made: list[NamedSet] = []
        self.names = _new_names(chain.name for chain in table.chains)
        for old, new in self.names.items():
            if old != new:
                notes.append(f"chain {old} of table {table.family} {table.name} is called {new}")

    def convert(self) -> Table:
        chains = []
        for chain in self.table.chains:
            rules = tuple(self._rule(rule) for rule in chain.rules)
            chains.append(replace(chain, name=self.names[chain.name], rules=rules))
        return replace(self.table, chains=tuple(chains), sets=(*self.table.sets, *self.made))

    def _rule(self, rule: Rule) -> Rule:
        statements: list[Statement] = []
        for statement in rule.statements:
            if isinstance(statement, Side) and not statement.text:
                self.notes.append(
                    f"{statement.place.path}:{statement.place.line}: {statement.kind} is left out: nftables has no words for it"
                )
                continue
            if isinstance(statement, Unsupported):
                self._complain(statement.place, f"not understood: {statement.text}")
            if isinstance(statement, Recent) or (isinstance(statement, Opaque) and not statement.text):
                name = "-m recent" if isinstance(statement, Recent) else statement.name
                self._complain(statement.place, f"nftables has no words for {name}")
            statements.append(self._renamed(statement))
        return replace(rule, statements=tuple(statements) or (Counter(),))

    def _counted(self, count: ConnCount) -> SetUpdate:
        """A count for each address: an element each."""
        bits = 32 if count.l3 == 4 else 128
        selector = SELECTORS[f"{'ip' if count.l3 == 4 else 'ip6'} {'s' if count.by_source else 'd'}addr"]
        key = Key(selector, None if count.mask == (1 << bits) - 1 else count.mask)
        name = f"connlimit{len(self.made) + 1}"
        self.made.append(NamedSet(name, (selector.type_name,), flags=("dynamic",), size=_COUNTED, place=count.place))
        return SetUpdate("add", name, (key,), None, (ConnCount(count.count, count.over, place=count.place),), None, count.place)

    def _complain(self, place: Place, message: str) -> None:
        self.problems.append(Diagnostic(place.path, place.line, place.column, message, "write this rule anew in nftables"))

    def _retargeted(self, verdict: Verdict) -> Verdict:
        return replace(verdict, target=self.names.get(verdict.target, verdict.target)) if verdict.target else verdict

    def _renamed(self, statement: Statement) -> Statement:
        if isinstance(statement, ConnCount) and statement.l3:
            return self._counted(statement) if statement.mask else replace(statement, l3=0)
        if isinstance(statement, Verdict):
            return self._retargeted(statement)
        if isinstance(statement, VerdictMap) and isinstance(statement.right, SetLiteral):
            elements = tuple(
                replace(each, verdict=self._retargeted(each.verdict)) if each.verdict is not None else each
                for each in statement.right.elements
            )
            return replace(statement, right=replace(statement.right, elements=elements))
        return statement


def _new_names(names: Iterable[str]) -> dict[str, str]:
    """Old name → new: what nftables takes, each once."""
    found: dict[str, str] = {}
    for name in names:
        new = name if _NAME.fullmatch(name) else re.sub(r"[^A-Za-z0-9_./-]", "_", name)
        if not _NAME.fullmatch(new):
            new = f"c_{new}"
        while new in RESERVED or new in found.values():
            new += "_"
        found[name] = new
    return found
