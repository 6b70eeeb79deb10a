"""Walking over tokens, through variables, and complaining."""

from __future__ import annotations

import pytest

from pcapaudit.rules.model import Place
from pcapaudit.rules.nft.cursor import Cursor, SyntaxProblem, did_you_mean
from pcapaudit.rules.nft.lexer import tokenize


def cursor(text):
    return Cursor(tokenize(text, "x.nft"))


def problem(action):
    """The diagnostic that an action raises."""
    with pytest.raises(SyntaxProblem) as caught:
        action()
    return caught.value.diagnostic


def test_kind_and_text_follow_the_index():
    """Taking a token, and looking ahead."""
    here = cursor("a , b")
    assert (here.kind, here.text, here.ahead(), here.ahead(2), here.ahead(3)) == ("word", "a", ",", "b", "")
    assert here.advance() == "a"
    assert not here.accept("word")
    assert here.accept(",")
    assert here.accept_word("a", "c") == ""
    assert here.accept_word("a", "b") == "b"
    assert (here.kind, here.at_end()) == ("eof", True)


@pytest.mark.parametrize("text", ["", ";", "}", "\n"])
def test_statement_ends(text):
    """At the end of the line, of the block, of the file, and at a semicolon."""
    assert cursor(text).at_end()


def test_expectations():
    """What may stand here, and what is said when something else does."""
    assert cursor("a").expect("word", "here") == "a"
    assert cursor('"a b"').expect_name("a name") == "a b"
    assert cursor("42").expect_number("a number") == 42
    assert problem(lambda: cursor("a").expect("{", "after x")).message == 'found "a", expected "{" after x'
    assert problem(lambda: cursor("\n").expect_name("a name")).message == "found the end of the line, expected a name"
    assert problem(lambda: cursor("").expect("string", "")).message == "found the end of the file, expected a quoted text"
    assert problem(lambda: cursor("1x").expect_number("a number")).message == 'found "1x", expected a number'
    assert problem(lambda: cursor("9" * 5000).expect_number("a number")).message == "the number has 5000 digits"


def test_variable_is_walked_through():
    """Inside, its tokens; behind it, the token that follows."""
    here = cursor("1 2 $v 3")
    here.define("v", 0, 2)
    here.move(2)
    with here.variable():
        assert [here.advance(), here.advance(), here.kind] == ["1", "2", "eof"]
    assert here.text == "3"


def test_variable_must_be_used_up():
    """What is left of its value is an error at the place where it stands."""
    here = cursor("1 2 $v")
    here.define("v", 0, 2)
    here.move(2)

    def use():
        with here.variable():
            here.advance()

    found = problem(use)
    assert (found.message, found.column) == ('found "2", expected the end of the variable\'s value', 3)


def test_variable_sees_only_older_definitions():
    """``define a = $a x`` means the a before it, and is no loop."""
    here = cursor("1 $a $a")
    here.define("a", 0, 1)
    here.define("a", 1, 2)
    here.move(2)
    with here.variable(), here.variable():
        assert here.advance() == "1"


def test_scopes():
    """An inner definition hides an outer one; undefine takes the innermost away."""
    here = cursor("1 2 $a")
    here.define("a", 0, 1)
    here.scopes.append({})
    here.define("a", 1, 2)
    assert here.lookup("a").start == 1
    assert here.undefine("a")
    assert here.lookup("a").start == 0
    assert not here.undefine("b")
    assert here.lookup("b") is None


def test_unknown_variable():
    """Says which one was meant, or how to make it."""
    here = cursor("1 $wan_ip")
    here.define("wan_if", 0, 1)
    here.move(1)
    found = problem(lambda: here.variable().__enter__())
    assert (found.message, found.advice, found.column, found.width) == ("$wan_ip is not defined", 'did you mean "wan_if"?', 3, 7)
    assert problem(lambda: cursor("$x").variable().__enter__()).advice == "add: define NAME = value"


def test_recover_goes_behind_the_statement():
    """Braces inside it are passed over; the one that closes its block is not."""
    here = cursor("a { b ; c } d ; e }")
    here.recover(here.save())
    assert (here.kind, here.index) == (";", 7)
    here.move(8)
    here.recover(here.save())
    assert (here.kind, here.index) == ("}", 9)


def test_place_and_span():
    """Of a token, and of several for the caret line."""
    here = cursor("a\n  bb cc")
    here.move(2)
    assert here.place() == Place("x.nft", 2, 3)
    assert here.place(99).line == 2
    here.advance()
    here.advance()
    assert here.span(2) == 5


def test_diagnostic_underlines_the_token():
    """Quotes and dollar too; a line of a megabyte is not shown."""
    shown = str(cursor('  "ab" c').diagnostic("no", "do"))
    assert shown == 'x.nft:1:3: no\n      "ab" c\n      ^^^^\n    do'
    assert cursor("a" * 400).diagnostic("no").source == ""


def test_complaint_is_kept_once():
    """A variable's value can be read again and again."""
    here = cursor("a")
    here.complain(here.diagnostic("no"))
    here.complain(here.diagnostic("no"))
    assert len(here.diagnostics) == 1
    here.warn("hm")
    assert [each.message for each in here.warnings] == ["hm"]


@pytest.mark.parametrize(("word", "advice"), [("acept", 'did you mean "accept"?'), ("xyz", ""), ("", ""), ("drop", 'did you mean "drop"?')])
def test_did_you_mean(word, advice):
    """The closest known word, if any is close."""
    assert did_you_mean(word, ["accept", "drop"]) == advice
