"""Short ways from nftables text to the model, and to the complaints about it."""

from __future__ import annotations

import pytest

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset

__all__ = ["chain", "complaints", "match", "rule", "statements", "table"]


def chain(rules, policy="accept", family="inet"):
    """Text of a table ``t`` with the base chain ``c`` at forward, the rules from line 4 on."""
    return f"table {family} t {{\nchain c {{\ntype filter hook forward priority 0; policy {policy};\n{rules}\n}}\n}}\n"


def table(text):
    """The one table of a text."""
    (only,) = parse_ruleset(text, "x.nft").tables
    return only


def rule(text, family="inet"):
    """The one rule that a line makes."""
    (only,) = table(chain(text, family=family)).chains[0].rules
    return only


def statements(text, family="inet"):
    """The statements of the one rule that a line makes."""
    return rule(text, family).statements


def match(text, family="inet"):
    """(text of the key or keys, operator, intervals or name of the set) of the one match that a line makes."""
    (only,) = statements(text, family)
    keys = " . ".join(each.selector.text for each in only.keys)
    right = (
        only.right.name
        if hasattr(only.right, "name")
        else [each.parts[0] if len(each.parts) == 1 else each.parts for each in only.right.elements]
    )
    return keys, only.op, right


def complaints(text, **options):
    """Every diagnostic of a text that is refused."""
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(text, "x.nft", **options)
    return caught.value.diagnostics
