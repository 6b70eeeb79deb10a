"""The ruleset while it grows."""

from __future__ import annotations

from pcapaudit.rules.model import BaseChain, Chain, Element, NamedSet, Place, Rule, Table, Verdict
from pcapaudit.rules.nft.builder import ChainState, TableState, freeze

ONE, TWO = Element(((1, 1),)), Element(((2, 2),))


def state():
    made = TableState("inet", "t")
    made.sets["s"] = NamedSet("s", ("mark",))
    return made


def elements(table):
    return table.sets["s"].elements


def test_elements_are_held_once_in_order():
    """As they were added."""
    table = state()
    table.add_elements("s", [TWO, ONE])
    table.add_elements("s", [ONE, TWO])
    assert elements(table) == (TWO, ONE)


def test_elements_are_removed_by_key():
    """Whatever else was said of them."""
    table = state()
    table.add_elements("s", [Element(((1, 1),), comment="x"), TWO])
    table.remove_elements("s", [ONE])
    assert elements(table) == (TWO,)


def test_freeze_keeps_order_and_place():
    """Tables, chains and rules in order of creation."""
    table = state()
    place = Place("a", 1, 1)
    base = BaseChain("filter", "input", 0)
    chain = table.chains["b"] = ChainState("b", place, base, comment="why")
    table.chains["a"] = ChainState("a", place)
    rule = Rule((Verdict("drop"),))
    chain.rules.append(rule)
    table.dormant, table.comment = True, "all"
    (frozen,) = freeze([table])
    assert frozen == Table(
        "inet", "t", (Chain("b", (rule,), base, "why"), Chain("a")), (NamedSet("s", ("mark",)),), dormant=True, comment="all"
    )
    assert frozen.chains[0].place == place
