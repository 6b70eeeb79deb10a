"""Text into tokens, and positions into lines and columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.rules.nft.lexer import tokenize


def tokens(text):
    """(kind, text) of each token but the last."""
    source = tokenize(text, "x")
    assert (source.kinds[-1], source.texts[-1], source.starts[-1]) == ("eof", "", len(text))
    return list(zip(source.kinds[:-1], source.texts[:-1], strict=True))


@pytest.mark.parametrize(
    "word",
    [
        "tcp",
        "c_1",
        "a-b.c/d",
        "gc-interval",
        "192.0.2.1",
        "1h30m",
        "0x1f",
        "8021q",
        "2001:db8::1",
        "::",
        "::1",
        "fe80::",
        "::ffff:192.0.2.1",
        "00:00:5e:00:53:01",
        "eth*",
        "*",
        "bytes/second",
    ],
)
def test_word(word):
    """Names, numbers, addresses, durations and wildcards are one token."""
    assert tokens(word) == [("word", word)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b", ["word", ",", "word"]),
        ("1-2", ["word", "-", "word"]),
        ("192.0.2.0/24", ["word", "/", "word"]),
        ("a . b", ["word", ".", "word"]),
        ("@s", ["@", "word"]),
        ("$v", ["var"]),
        ("$v-1", ["var"]),
        ("a==b!=c<=d>=e<<f>>g", ["word", "==", "word", "!=", "word", "<=", "word", ">=", "word", "<<", "word", ">>", "word"]),
        ("&&||!&|^+", ["&&", "||", "!", "&", "|", "^", "+"]),
        ("{a;b}\n", ["{", "word", ";", "word", "}", "nl"]),
        ("a # b } c\nd", ["word", "nl", "word"]),
        ("a \\\n b", ["word", "word"]),
        ("a \\\r\n b", ["word", "word"]),
        ('"a # b"', ["string"]),
        ('"a\nb', ["bad", "word", "nl", "word"]),
        ("ä", ["bad"]),
        ("`", ["bad"]),
        ("", []),
    ],
)
def test_kinds(text, found):
    """Every other token's kind is its own text."""
    assert [kind for kind, _ in tokens(text)] == found


def test_quotes_and_dollar_are_taken_off():
    """What a string or variable says."""
    assert tokens('"a b" $c') == [("string", "a b"), ("var", "c")]


def test_port_behind_an_address_in_a_map():
    """A colon with blanks around it stands alone, and so does one behind a name."""
    assert [kind for kind, _ in tokens("22 : accept")] == ["word", ":", "word"]
    assert [kind for kind, _ in tokens("tcp : jump x")] == ["word", ":", "word", "word"]


def test_line_and_column():
    """Both count from 1; a position on the line's end belongs to its line."""
    source = tokenize("ab\n\n  cd", "x")
    assert [source.line_column(at) for at in (0, 1, 2, 3, 4, 6, 8)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 3), (3, 5)]
    assert [source.line_text(line) for line in (1, 2, 3)] == ["ab", "", "  cd"]


@given(st.text(alphabet=st.sampled_from('ab01.:-*/"$#\\ \t\r\n{};,@=!<>&|^[]()\x00ä'), max_size=60))
def test_any_text_is_cut_without_loss(text):
    """Every token stands where it says, in order; what lies between is blank, comment or a line that goes on."""
    source = tokenize(text, "x")
    end = 0
    for kind, value, start in zip(source.kinds, source.texts, source.starts, strict=True):
        assert start >= end
        lead = {"string": 1, "var": 1}.get(kind, 0)
        assert text[start + lead : start + lead + len(value)] == value
        between = text[end:start]
        assert not between.strip(" \t\r\f") or "#" in between or "\\" in between
        end = start + len(value) + lead + (kind == "string")
