"""Filling cells from blocks."""

from __future__ import annotations

import numpy as np

from pcapaudit.report.sinks.rows import FieldPlan
from pcapaudit.report.sinks.text import fill_cells, letter_words
from pcapaudit.report.sinks.values import Block


def test_letters_become_words():
    """Eight bytes to a word, the first lowest, padded with zeros."""
    words = letter_words(np.array([b"S", b"ABCDEFGHI"], "S9"), 2)
    assert words.tolist() == [[ord("S"), 0], [int.from_bytes(b"ABCDEFGH", "little"), ord("I")]]


def test_cells_follow_the_order_of_the_fields():
    """An address takes three, letters as many as planned, a number one; negative numbers wrap."""
    fields = [
        ("a", FieldPlan("address", b"", b"", b"")),
        ("l", FieldPlan("letters", b"", b"", b"", words=2)),
        ("n", FieldPlan("signed", b"", b"", b"")),
    ]
    values = {
        "a": (np.array([1, 2, 3], np.uint64), np.array([4, 5, 6], np.uint64), np.array([4, 4, 6], np.uint8)),
        "l": (np.array([b"x", b"y", b"z"], "S24"),),
        "n": (np.array([-1, -2, -3]),),
    }
    cells = np.zeros((6, 8), np.uint64)
    fill_cells(cells, fields, Block(3, values), 1, 3)
    assert cells[:, :2].tolist() == [[2, 3], [5, 6], [4, 6], [ord("y"), ord("z")], [0, 0], [2**64 - 2, 2**64 - 3]]
