"""Looks for every kind of lint."""

from __future__ import annotations

from pcapaudit.rules.lints.order import order_lints
from pcapaudit.rules.lints.policy import policy_lints
from pcapaudit.rules.lints.registry import Lint
from pcapaudit.rules.model import Ruleset

__all__ = ["find_lints"]


def find_lints(ruleset: Ruleset, *, one_family: bool = False) -> list[Lint]:
    """All lints, in the order of the files' lines. ``one_family``: the other IP version has a file of its own that was not given."""
    found = [*order_lints(ruleset), *policy_lints(ruleset, one_family=one_family)]
    files = {table.place.path: number for number, table in reversed(list(enumerate(ruleset.tables)))}
    return sorted(found, key=lambda each: (files.get(each.place.path, 0), each.place.path, each.place.line, each.place.column, each.code))
