"""A place in the token stream, the variables in force there, and the complaints made so far."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.model import Place
from pcapaudit.rules.nft.lexer import Source
from pcapaudit.rules.nft.stock import RESERVED

__all__ = ["Cursor", "Definition", "SyntaxProblem", "did_you_mean"]

#: Complaints after which a file is given up: it is likely no ruleset at all.
MAX_DIAGNOSTICS = 100
#: Variables that hold variables can double their elements with every line.
MAX_EXPANSIONS = 100_000
#: Digits of the largest number that means anything: 2^64 - 1, as counters have it.
_MAX_DIGITS = 20


class SyntaxProblem(Exception):  # noqa: N818 (ends in a Diagnostic, never reaches a person as an exception)
    """What is wrong at a token; the parser turns it into a Diagnostic and goes on with the next statement."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


@dataclass(frozen=True, slots=True)
class Definition:
    """A variable: the tokens of its value."""

    source: Source
    #: Index of the first token.
    start: int
    #: Index after the last token.
    stop: int
    #: Definitions count up; a value sees only those made before it.
    serial: int


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "accept"?`` or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f'did you mean "{close[0]}"?' if close else ""


class Cursor:
    """Walks over the tokens of a source, and through variables into the tokens of their definitions."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.index = 0
        self.stop = len(source.kinds) - 1
        self.diagnostics: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        #: Family of the table that is being read: a few expressions mean another thing in each.
        self.family = ""
        #: Words that were used as names though stock nft does not allow it, and of which the person was told.
        self.told: set[str] = set()
        self.scopes: list[dict[str, list[Definition]]] = [{}]
        self.serial = 0
        self._ceiling = 1 << 62
        #: Variables read so far, each time that one is.
        self.expansions = 0
        #: Kind of the token here; ``eof`` at the end of the file or of the variable's value.
        self.kind = "eof"
        #: Text of the token here, empty at the end.
        self.text = ""
        self.move(0)

    # Reading tokens -------------------------------------------------------------------------------------------------------------

    def move(self, index: int) -> None:
        """Go to a token of this source. The only way to change ``index``: kind and text follow it, and are read far more often."""
        self.index = index
        if index < self.stop:
            self.kind, self.text = self.source.kinds[index], self.source.texts[index]
        else:
            self.kind, self.text = "eof", ""

    def ahead(self, distance: int = 1) -> str:
        """Text of a later token, empty beyond the end."""
        index = self.index + distance
        return self.source.texts[index] if index < self.stop else ""

    def advance(self) -> str:
        """Take the token here and return its text."""
        text = self.text
        self.index = index = self.index + 1
        if index < self.stop:
            self.kind, self.text = self.source.kinds[index], self.source.texts[index]
        else:
            self.kind, self.text = "eof", ""
        return text

    def accept(self, kind: str) -> bool:
        """Take the token here if it is of this kind."""
        if self.kind == kind:
            self.move(self.index + 1)
            return True
        return False

    def accept_word(self, *words: str) -> str:
        """Take the token here if it is one of these words; returns it, or an empty text."""
        if self.kind == "word" and self.text in words:
            return self.advance()
        return ""

    def expect(self, kind: str, where: str) -> str:
        """Take a token that must be of this kind."""
        if self.kind != kind:
            raise self.unexpected(_KINDS.get(kind, f'"{kind}"'), where)
        return self.advance()

    def expect_name(self, what: str) -> str:
        """A name, bare or (as newer nft prints it) quoted."""
        if self.kind not in ("word", "string"):
            raise self.unexpected(what)
        return self.advance()

    def expect_new_name(self, what: str) -> str:
        """A name that something is given; stock nft's own words are warned of."""
        if self.kind == "word" and self.text in RESERVED and self.text not in self.told:
            self.told.add(self.text)
            self.warn(f'stock nft refuses this: "{self.text}" is a word of its grammar and no name', "choose another name")
        return self.expect_name(what)

    def expect_number(self, what: str) -> int:
        """A decimal number."""
        if self.kind == "var":
            with self.variable():
                return self.expect_number(what)
        if self.kind != "word" or not self.text.isdecimal():
            raise self.unexpected(what)
        if len(self.text) > _MAX_DIGITS:
            raise self.problem(f"the number has {len(self.text)} digits")
        return int(self.advance())

    def skip_lines(self) -> None:
        """Pass over line ends, which mean nothing inside braces."""
        while self.kind == "nl":
            self.move(self.index + 1)

    def at_end(self) -> bool:
        """A statement ends here."""
        return self.kind in ("nl", ";", "}", "eof")

    # Variables ------------------------------------------------------------------------------------------------------------------

    def define(self, name: str, start: int, stop: int) -> None:
        """Make a variable of the tokens from ``start`` to before ``stop``."""
        self.serial += 1
        self.scopes[-1].setdefault(name, []).append(Definition(self.source, start, stop, self.serial))

    def undefine(self, name: str) -> bool:
        """Forget a variable; False if there is none."""
        return any(scope.pop(name, None) for scope in reversed(self.scopes))

    def lookup(self, name: str) -> Definition | None:
        """The definition of a variable that is in force here."""
        for scope in reversed(self.scopes):
            for definition in reversed(scope.get(name, ())):
                if definition.serial < self._ceiling:
                    return definition
        return None

    @contextmanager
    def variable(self) -> Iterator[None]:
        """Inside, the tokens are those of the variable that stands here; all of them must be taken."""
        definition = self.lookup(self.text)
        if definition is None:
            known = [name for scope in self.scopes for name in scope]
            raise self.problem(
                f"${self.text} is not defined", did_you_mean(self.text, known) or "add: define NAME = value", width=len(self.text) + 1
            )
        self.expansions += 1
        if self.expansions > MAX_EXPANSIONS:
            raise self.problem(f"variables are used more than {MAX_EXPANSIONS} times: does each hold the one before twice?")
        saved = self.source, self.index + 1, self.stop, self._ceiling
        self.restore((definition.source, definition.start, definition.stop, definition.serial))
        yield
        if self.index < self.stop:
            raise self.unexpected("the end of the variable's value")
        self.restore(saved)

    # Leaving and coming back ----------------------------------------------------------------------------------------------------

    def save(self) -> tuple[Source, int, int, int]:
        """Remember where we are, for ``restore``."""
        return self.source, self.index, self.stop, self._ceiling

    def restore(self, saved: tuple[Source, int, int, int]) -> None:
        """Go back to a place."""
        self.source, index, self.stop, self._ceiling = saved
        self.move(index)

    def enter(self, source: Source) -> None:
        """Go to the start of another file."""
        self.restore((source, 0, len(source.kinds) - 1, 1 << 62))

    def recover(self, saved: tuple[Source, int, int, int]) -> None:
        """Leave the statement that began at a place: go to the line end, the semicolon or the brace that closes its block."""
        self.restore(saved)
        depth = 0
        while self.kind != "eof" and (depth or self.kind not in ("nl", ";", "}")):
            depth += (self.kind == "{") - (self.kind == "}")
            self.move(self.index + 1)

    def restore_end(self) -> None:
        """Give the file up."""
        self.move(self.stop)

    # Complaints -----------------------------------------------------------------------------------------------------------------

    def place(self, index: int | None = None) -> Place:
        """Where a token stands; the token here if no index is given."""
        index = self.index if index is None else index
        line, column = self.source.line_column(self.source.starts[min(index, len(self.source.starts) - 1)])
        return Place(self.source.path, line, column)

    def diagnostic(self, message: str, advice: str = "", *, index: int | None = None, width: int = 0) -> Diagnostic:
        """A complaint about a token."""
        index = min(self.index if index is None else index, len(self.source.starts) - 1)
        start = self.source.starts[index]
        line, column = self.source.line_column(start)
        kind = self.source.kinds[index]
        width = width or len(self.source.texts[index]) + {"string": 2, "var": 1}.get(kind, 0)
        shown = self.source.line_text(line)
        if len(shown) > 300:
            shown = ""
        return Diagnostic(self.source.path, line, column, message, advice, shown, max(1, min(width, len(shown) - column + 1)))

    def problem(self, message: str, advice: str = "", *, index: int | None = None, width: int = 0) -> SyntaxProblem:
        """The same, to raise."""
        return SyntaxProblem(self.diagnostic(message, advice, index=index, width=width))

    def span(self, start: int) -> int:
        """Characters from a token to the end of the last one taken, for a caret line."""
        last = max(start, self.index - 1)
        return self.source.starts[last] + len(self.source.texts[last]) - self.source.starts[start]

    def unexpected(self, expected: str, where: str = "", advice: str = "") -> SyntaxProblem:
        """The token here is not what may stand here."""
        found = _KINDS.get(self.kind) if self.kind in ("nl", "eof") else f'"{self.text}"'
        return self.problem(f"found {found}, expected {expected}{' ' + where if where else ''}", advice)

    def complain(self, diagnostic: Diagnostic) -> None:
        """Keep a complaint, once."""
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    def warn(self, message: str, advice: str = "", *, index: int | None = None, width: int = 0) -> None:
        """Note something that does not stop the file from being used."""
        self.warnings.append(self.diagnostic(message, advice, index=index, width=width))


_KINDS = {"nl": "the end of the line", "eof": "the end of the file", "word": "a word", "string": "a quoted text", "var": "a variable"}
