"""The errors that a person sees. Bad packets never raise: they are anomalies.

PcapauditError                    exit code 2; str() is the one line (or block) to print
├── CaptureError                  a capture that cannot be read (further)
├── RulesetError                  a ruleset that cannot be used; carries every diagnostic found
├── ConfigError                   an option, profile or topology that makes no sense
│   └── SelectorError             a text that selects packets, flows or findings and cannot be read, or selects nothing that there is
└── OutputError                   a result that cannot be written
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CaptureError", "ConfigError", "Diagnostic", "OutputError", "PcapauditError", "RulesetError", "SelectorError"]


class PcapauditError(Exception):
    """Base of everything that ends a run with exit code 2."""


class CaptureError(PcapauditError):
    """A capture cannot be read. Names the file, the byte offset, what was found, what was expected and what to do."""

    def __init__(self, path: str, offset: int | None, found: str, expected: str, advice: str) -> None:
        self.path, self.offset, self.found, self.expected, self.advice = path, offset, found, expected, advice
        place = path if offset is None else f"{path}: offset {offset}"
        super().__init__(f"{place}: found {found}; expected {expected}. {advice}")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint about a ruleset."""

    #: File name as the person gave it.
    path: str
    #: 1-based line; 0 when the complaint is about the whole file.
    line: int
    #: 1-based column of the first character concerned.
    column: int
    #: What was found and what was expected, without a full stop.
    message: str
    #: What to do next; may be empty.
    advice: str = ""
    #: The line of the file, without its line end; may be empty.
    source: str = ""
    #: How many characters the caret line underlines.
    width: int = 1

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}:{self.column}: {self.message}" if self.line else f"{self.path}: {self.message}"
        if self.source:
            lead = "".join("\t" if char == "\t" else " " for char in self.source[: self.column - 1])
            text += f"\n    {self.source}\n    {lead}{'^' * max(1, self.width)}"
        return text + (f"\n    {self.advice}" if self.advice else "")


class RulesetError(PcapauditError):
    """A ruleset cannot be used. ``diagnostics`` holds every complaint, in file order."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(str(each) for each in diagnostics))


class ConfigError(PcapauditError):
    """An option, a profile or a topology makes no sense. The text says what was given, what is possible, what to do."""


class SelectorError(ConfigError):
    """A selector cannot be read, or cannot select anything. Shows the text with a caret."""

    def __init__(self, text: str, column: int, width: int, message: str) -> None:
        self.text, self.column, self.width, self.message = text, column, width, message
        super().__init__(f"{message}\n    {text}\n    {' ' * (column - 1)}{'^' * max(1, width)}")


class OutputError(PcapauditError):
    """A result could not be written. The text names the file and the reason."""
