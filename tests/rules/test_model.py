"""The model: values that compare by what they say and not by where it stands."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules import model
from pcapaudit.rules.model import Chain, Element, Key, Limit, Match, NamedSet, Place, Rule, Ruleset, SetLiteral, Table, Verdict
from pcapaudit.rules.selectors import SELECTORS

CLASSES = [value for value in vars(model).values() if inspect.isclass(value) and value.__module__ == model.__name__]
HERE = Place("a.nft", 3, 7)
MATCH = Match((Key(SELECTORS["tcp dport"]),), "==", SetLiteral((Element(((22, 22),)),)))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_everything_is_a_frozen_value(kind):
    """It can be shared, hashed and kept as a key, and carries no dictionary."""
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


@pytest.mark.parametrize("kind", [each for each in CLASSES if any(field.name == "place" for field in dataclasses.fields(each))])
def test_place_does_not_take_part_in_comparisons(kind):
    """A ruleset that was printed and read again equals the first."""
    (place,) = [field for field in dataclasses.fields(kind) if field.name == "place"]
    assert not place.compare


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (MATCH, dataclasses.replace(MATCH, place=HERE)),
        (Rule((MATCH,)), Rule((MATCH,), handle=9, place=HERE)),
        (Chain("c"), Chain("c", place=HERE)),
        (Table("ip", "t"), Table("ip", "t", place=HERE)),
        (NamedSet("s", ("mark",)), NamedSet("s", ("mark",), place=HERE)),
        (Ruleset(), Ruleset(warnings=(Diagnostic("a", 1, 1, "x"),))),
        (Limit(1, 1), Limit(1, 1, place=HERE)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_same_text_elsewhere_is_equal(left, right):
    """And hashes alike."""
    assert left == right
    assert hash(left) == hash(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Rule((MATCH,)), Rule((MATCH,), "why")),
        (Verdict("jump", "a"), Verdict("jump", "b")),
        (MATCH, dataclasses.replace(MATCH, op="!=")),
        (SetLiteral((Element(((1, 1),)),)), SetLiteral((Element(((1, 1),)),), braces=True)),
        (Limit(1, 1), Limit(1, 1, over=True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_text_differs(left, right):
    """What the language can say is kept."""
    assert left != right
