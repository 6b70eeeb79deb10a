"""Lines cut into words."""

from __future__ import annotations

import pytest

from pcapaudit.rules.iptables.words import Line, Option
from pcapaudit.rules.nft.cursor import SyntaxProblem


def words(text):
    """Words of a line."""
    return Line("f", 1, text).split().words


def test_split_as_a_shell_would():
    """Quotes group, a backslash takes the next character."""
    assert words("""-A  INPUT -m comment --comment "two words" 'a"b' c\\ d""") == [
        "-A",
        "INPUT",
        "-m",
        "comment",
        "--comment",
        "two words",
        'a"b',
        "c d",
    ]
    assert words('""') == [""]


def test_columns_point_at_words():
    """From 1."""
    line = Line("f", 7, "  -A INPUT").split()
    assert line.columns == [3, 6]
    assert (line.place(1).line, line.place(1).column) == (7, 6)


def test_open_quote_is_told():
    """At the word."""
    with pytest.raises(SyntaxProblem, match="never closed"):
        words('-A "x')


def test_line_that_ends_too_early():
    """What was to come is named."""
    line = Line("f", 1, "-A").split()
    line.take("a command")
    with pytest.raises(SyntaxProblem, match="where a chain must stand"):
        line.take("a chain")


def test_option_knows_its_place():
    """The value's."""
    line = Line("f", 1, "-A INPUT -s x").split()
    option = Option("-s", ("x",), False, line, 3)
    assert option.value == "x"
    assert option.place.column == 13
    assert option.problem("wrong").diagnostic.width == 1
