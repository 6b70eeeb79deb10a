"""Reads a suite's text. Every key is known and stands once; what is wrong is told with file, line and caret, and the rest is read on.

    capture: office.pcapng            # relative to this file; a list for several
    rules: office.nft                 # likewise; left away: the built-in ruleset
    local: 192.168.10.0/24            # and every other option of "pcapaudit audit" that says how to replay
    expect:
      - flow: 192.168.10.20 > *:53/udp
        verdict: accept
        rule: office.nft:12
      - finding: udp-hole-punch
        count: 0
    baseline: office.baseline.txt

Several documents of a file (``---`` between them) are several suites.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from pcapaudit.core.errors import Diagnostic, SelectorError
from pcapaudit.replay.selector import Selector, parse_selector, parse_term, words_of

__all__ = ["KINDS", "Bounds", "Expectation", "Suite", "Text", "read_suites"]

#: What can be expected of.
KINDS = ("flow", "packet", "finding")
#: Lowest and highest number, ends included; None for an open end.
Bounds = tuple[int | None, int | None]
_OWN_KEYS = ("name", "capture", "rules", "expect", "baseline")
_MAX_BYTES = 4 << 20
_MAX_SUITES = 10_000


@dataclass(frozen=True, slots=True)
class Text:
    """A value and where it stands."""

    value: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that is expected."""

    #: What tests are listed under.
    name: str
    #: Line and column of its first key.
    line: int
    column: int
    #: One of KINDS.
    kind: str = ""
    #: What is selected; None where ``problem`` says why not.
    selector: Selector | None = None
    #: What must hold of everything selected, and where it is written.
    wanted: tuple[tuple[Selector, Text], ...] = ()
    #: How many must be selected.
    count: Bounds = (1, None)
    #: Where the selector is written.
    at: Text = Text("", 0, 0)
    #: Why it cannot be looked at.
    problem: Diagnostic | None = None


@dataclass(slots=True)
class Suite:
    """One replay and what is expected of it."""

    #: The suite's file, as the person gave it, and the document's first line.
    path: str
    line: int
    name: str = ""
    captures: list[Text] = field(default_factory=list)
    rules: list[Text] = field(default_factory=list)
    #: Option → its texts; of mappings NAME=VALUE.
    options: dict[str, list[Text]] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)
    #: File of the baseline.
    baseline: Text | None = None
    #: What is wrong with the suite as a whole; it is not run then.
    problems: list[Diagnostic] = field(default_factory=list)


def read_suites(text: str, path: str, options: Collection[str]) -> list[Suite]:
    """The suites of a file; ``options`` are the names of options that they may set. Problems stand in the suites."""
    reader = _Reader(text, path, options)
    return reader.read()


class _Reader:
    def __init__(self, text: str, path: str, options: Collection[str]) -> None:
        self._text, self._path = text, path
        self._lines = text.splitlines()
        self._options = sorted(set(options) - {"rules"})
        self._problems: list[Diagnostic] = []

    def read(self) -> list[Suite]:
        suites: list[Suite] = []
        if len(self._text) > _MAX_BYTES:
            return [self._broken(1, 1, f"more than {_MAX_BYTES >> 20} MiB: no suite is that long")]
        try:
            for document in yaml.compose_all(self._text, Loader=yaml.SafeLoader):
                if document is not None:
                    suites.append(self._suite(document))
                if len(suites) > _MAX_SUITES:
                    return [self._broken(1, 1, f"more than {_MAX_SUITES} suites in one file")]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            suites.append(self._broken(line, column, f"no YAML: {error.problem or error.context}"))
        except (yaml.YAMLError, RecursionError) as error:
            suites.append(self._broken(1, 1, f"no YAML: {' '.join(str(error).split()) or 'nested too deeply'}"))
        return suites or [self._broken(1, 1, "an empty file: expected a suite with capture and expect")]

    def _broken(self, line: int, column: int, message: str) -> Suite:
        return Suite(self._path, line, problems=[self._complaint(line, column, message)])

    def _suite(self, node: Any) -> Suite:
        line, column = _place(node)
        suite = Suite(self._path, line)
        self._problems = suite.problems
        if not isinstance(node, yaml.MappingNode):
            self._say(node, "a suite is a mapping: expected keys such as capture, rules and expect")
            return suite
        for key, value in self._items(node, (*_OWN_KEYS, *self._options), "a suite"):
            self._take(suite, key, value)
        if not suite.captures and not suite.problems:
            suite.problems.append(self._complaint(line, column, "no capture: a suite needs the key capture with the path of one"))
        if not suite.problems and not suite.expectations and suite.baseline is None:
            suite.problems.append(self._complaint(line, column, "nothing is expected: a suite needs the key expect or baseline"))
        return suite

    def _take(self, suite: Suite, key: str, node: Any) -> None:
        if key == "expect":
            self._expectations(suite, node)
        elif key == "name":
            suite.name = "".join(text.value for text in self._texts(key, node)[:1])
        elif key == "baseline":
            suite.baseline = next(iter(self._texts(key, node, several=False)), None)
        elif key in {"capture", "rules"}:
            (suite.captures if key == "capture" else suite.rules).extend(self._texts(key, node))
        else:
            suite.options[key] = self._texts(key, node, mapping=True)

    def _expectations(self, suite: Suite, node: Any) -> None:
        if not isinstance(node, yaml.SequenceNode):
            self._say(node, "expect is a list: expected '- flow: …', '- packet: …' or '- finding: …' below it")
            return
        names: dict[str, int] = {}
        for item in node.value:
            found = self._expectation(item)
            names[found.name] = names.get(found.name, 0) + 1
            if names[found.name] > 1:
                found = replace(found, name=f"{found.name} #{names[found.name]}")
            suite.expectations.append(found)

    def _expectation(self, node: Any) -> Expectation:
        """One expectation; its first problem stays with it, so that the others are looked at."""
        line, column = _place(node)
        outer, self._problems = self._problems, []
        try:
            found = self._read_expectation(node)
            if found is None or self._problems:
                return Expectation(found.name if found else f"line {line}", line, column, problem=self._problems[0])
            return found
        finally:
            self._problems = outer

    def _read_expectation(self, node: Any) -> Expectation | None:
        if not isinstance(node, yaml.MappingNode):
            self._say(node, "an expectation is a mapping: expected flow, packet or finding with a selector")
            return None
        written = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        kinds = [kind for kind in KINDS if kind in written]
        if len(kinds) != 1:
            self._say(node, f"expected one of the keys {', '.join(KINDS)} with a selector, found {' and '.join(kinds) or 'none'}")
            return None
        kind = kinds[0]
        wanted_keys = [word for word in words_of(kind) if word not in {"frame", "time", "flow", "host", "port", "proto"}]
        items = dict(self._items(node, (kind, "name", "count", *wanted_keys), f"an expectation of a {kind}"))
        texts = {key: self._texts(key, value) for key, value in items.items()}
        if self._problems:
            return None
        at = texts[kind][0]
        selector = self._parsed(at, lambda: parse_selector(at.value, kind))
        wanted = [(self._wanted(key, texts[key], kind), texts[key][0]) for key in wanted_keys if key in texts]
        count = self._count(texts["count"][0]) if "count" in texts else (1, None)
        said = [f"{key} {', '.join(text.value for text in texts[key])}" for key in (*wanted_keys, "count") if key in texts]
        name = texts["name"][0].value if "name" in texts else f"{kind} {at.value}{': ' if said else ''}{', '.join(said)}"
        line, column = _place(node)
        return Expectation(name, line, column, kind, selector, tuple((each, text) for each, text in wanted if each), count, at)

    def _wanted(self, key: str, texts: list[Text], kind: str) -> Selector | None:
        values = [part for text in texts for part in ([text.value] if key == "rule" else text.value.split(","))]
        return self._parsed(texts[0], lambda: parse_term(key, [value.strip() for value in values], kind))

    def _parsed(self, at: Text, parse: Callable[[], Selector]) -> Selector | None:
        try:
            return parse()
        except SelectorError as error:
            self._problems.append(self._complaint(at.line, at.column + error.column - 1, error.message, error.width))
            return None

    def _count(self, text: Text) -> Bounds:
        low, dash, high = text.value.partition("-")
        ends = (low, high if dash else low)
        good = any(ends) and all(not each or each.isdecimal() for each in ends)
        bounds = (int(ends[0]) if ends[0] else None, int(ends[1]) if ends[1] else None) if good else (1, 0)
        if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]  # neither is None
            self._problems.append(
                self._complaint(text.line, text.column, "expected a number or a range, such as 0, 12, 1-5 or 3-", len(text.value))
            )
        return bounds

    def _items(self, node: Any, known: Collection[str], what: str) -> Iterator[tuple[str, Any]]:
        """The keys and values of a mapping; unknown and doubled keys are problems."""
        seen: dict[str, int] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self._say(key, f"{what} has no key {name!r}: expected one of {', '.join(known)}")
            elif name in seen:
                self._say(key, f"{name!r} stands here a second time, after line {seen[name]}: write it once")
            else:
                seen[name] = _place(key)[0]
                yield name, value

    def _texts(self, key: str, node: Any, several: bool = True, mapping: bool = False) -> list[Text]:
        """A value, or several, or those of a mapping as NAME=VALUE."""
        if isinstance(node, yaml.ScalarNode) and (node.value or node.style):
            line, column = _place(node)
            return [Text(node.value, line, column + bool(node.style in ("'", '"')))]
        if isinstance(node, yaml.SequenceNode) and several and node.value:
            if all(isinstance(each, yaml.ScalarNode) for each in node.value):
                return [text for each in node.value for text in self._texts(key, each, several=False)]
        elif isinstance(node, yaml.MappingNode) and mapping and node.value:
            pairs = node.value
            if all(isinstance(each, yaml.ScalarNode) for pair in pairs for each in pair):
                return [Text(f"{name.value}={value.value}", *_place(name)) for name, value in pairs]
        self._say(node, f"{key} has no value that can be used: expected a text{' or a list of texts' if several else ''}")
        return []

    def _say(self, node: Any, message: str) -> None:
        line, column = _place(node)
        width = node.end_mark.column - node.start_mark.column if node.end_mark.line == node.start_mark.line else 1
        self._problems.append(self._complaint(line, column, message, width))

    def _complaint(self, line: int, column: int, message: str, width: int = 1) -> Diagnostic:
        source = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        return Diagnostic(self._path, line, column, message, "", source, max(1, min(width, len(source) - column + 1)))


def _place(node: Any) -> tuple[int, int]:
    """Line and column, from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1
