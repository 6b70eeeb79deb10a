"""A line of iptables-save, cut into words as a shell would, each with its place; and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.model import Place
from pcapaudit.rules.nft.cursor import SyntaxProblem

__all__ = ["Line", "Option"]


@dataclass(slots=True)
class Line:
    """One line and the place in it."""

    path: str
    #: 1-based.
    number: int
    text: str
    words: list[str] = field(default_factory=list)
    #: 1-based column of each word.
    columns: list[int] = field(default_factory=list)
    index: int = 0

    def split(self) -> Line:
        """Cut into words: quotes group, a backslash takes the next character as it is. Raises SyntaxProblem for an open quote."""
        text, at = self.text, 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            start, word, quote = at, [], ""
            while at < len(text) and (quote or not text[at].isspace()):
                char = text[at]
                if char == "\\" and at + 1 < len(text):
                    at += 1
                    word.append(text[at])
                elif quote and char == quote:
                    quote = ""
                elif not quote and char in "\"'":
                    quote = char
                else:
                    word.append(char)
                at += 1
            self.words.append("".join(word))
            self.columns.append(start + 1)
            if quote:
                raise self.problem(f"the quote {quote} is never closed", "close it on the same line", index=len(self.words) - 1)
        return self

    @property
    def word(self) -> str:
        """The word here, empty at the end."""
        return self.words[self.index] if self.index < len(self.words) else ""

    @property
    def at_end(self) -> bool:
        """No word is left."""
        return self.index >= len(self.words)

    def take(self, what: str) -> str:
        """The word here; it must be there."""
        if self.at_end:
            raise self.problem(f"the line ends where {what} must stand", index=len(self.words) - 1)
        self.index += 1
        return self.words[self.index - 1]

    def place(self, index: int | None = None) -> Place:
        """Where a word stands."""
        index = self.index if index is None else index
        return Place(self.path, self.number, self.columns[index] if index < len(self.columns) else 1)

    def problem(self, message: str, advice: str = "", index: int | None = None) -> SyntaxProblem:
        """What is wrong with a word, to raise."""
        return SyntaxProblem(self.diagnostic(message, advice, index))

    def diagnostic(self, message: str, advice: str = "", index: int | None = None) -> Diagnostic:
        """What is wrong with a word."""
        index = min(max(0, self.index if index is None else index), len(self.words) - 1)
        column = self.columns[index] if 0 <= index < len(self.columns) else 1
        shown = self.text if len(self.text) <= 300 else ""
        width = len(self.words[index]) if 0 <= index < len(self.words) else 1
        return Diagnostic(self.path, self.number, column, message, advice, shown, max(1, min(width, len(shown) - column + 1)))


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a match or a target, with its values."""

    #: ``--dport``.
    name: str
    values: Sequence[str]
    #: Written with ``!``.
    negated: bool
    #: The line, and where in it the first value stands (the option itself, if it has none).
    line: Line
    index: int

    @property
    def value(self) -> str:
        """The first value."""
        return self.values[0]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.line.place(self.index)

    def problem(self, message: str, advice: str = "") -> SyntaxProblem:
        """What is wrong with the value, to raise."""
        return self.line.problem(message, advice, self.index)
