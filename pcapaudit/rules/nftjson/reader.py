"""From ``nft -j list ruleset`` to the model: each object becomes a command of nftables text, which the reader of that text reads.

So both formats mean the same by construction. Every token of the text knows the object that it was made of, and complaints and rules carry
the line and column at which this object stands in the JSON file; a complaint names the object, and the part of it that it is about, too
(``nftables[7].rule.expr[1]``).

With ``--unsupported=undecidable`` a rule is written as far as it is understood, with a word behind it that no rule of nftables has: so the
reader of the text meets it as any other rule that is not understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.model import Ruleset, SetUpdate, Table
from pcapaudit.rules.nft.cursor import SyntaxProblem
from pcapaudit.rules.nft.lexer import Source, tokenize
from pcapaudit.rules.nft.parser import Parser
from pcapaudit.rules.nftjson.expressions import JsonProblem, elements, expression, only, quoted, value
from pcapaudit.rules.nftjson.statements import limit, quota, statement
from pcapaudit.rules.unsupported import not_understood

__all__ = ["JsonParser"]

_START = re.compile(r'\s*\{\s*"nftables"\s*:\s*\[\s*')
_NEXT = re.compile(r"\s*(,|\])\s*")
_ADVICE = "give the output of: nft -j list ruleset"
#: No rule has this word.
_NOT_UNDERSTOOD = "?"
#: Longer lines of the file are not shown with a complaint: nft prints all on one.
_MAX_SHOWN = 160
Fields = Mapping[str, Any]


@dataclass(slots=True)
class _MappedSource(Source):
    """nftables text whose lines stand at places of a JSON file."""

    #: (line, column) of each line's object.
    origins: list[tuple[int, int]] = field(default_factory=list)
    #: Lines of the file.
    original: list[str] = field(default_factory=list)
    #: By number of the text's line: what is wrong with a rule that is written in part, and the rule as JSON has it.
    partial: dict[int, tuple[Diagnostic, str]] = field(default_factory=dict)

    def line_column(self, position: int) -> tuple[int, int]:
        """Line and column of the object that the text at a position was made of."""
        line, _ = Source.line_column(self, position)
        return self.origins[line - 1] if line <= len(self.origins) else (1, 1)

    def line_text(self, line: int) -> str:
        """A line of the JSON file; empty if it is too long to be shown."""
        found = self.original[line - 1] if line <= len(self.original) else ""
        return found if len(found) <= _MAX_SHOWN else ""


class JsonParser(Parser):
    """Reads a file of JSON."""

    def __init__(self) -> None:
        super().__init__()
        #: What is no JSON, or no ruleset.
        self.problems: list[Diagnostic] = []
        #: Warnings about what is left out of the text.
        self.early: list[Diagnostic] = []
        #: What each object's place is called.
        self._names: dict[tuple[int, int], str] = {}

    def parse(self, text: str, path: str) -> Ruleset:
        """The ruleset; complaints are in ``cursor.diagnostics``."""
        ruleset = super().parse(text, path)
        self.cursor.diagnostics[:] = [*self.problems, *map(self._named, self.cursor.diagnostics)]
        warnings = *self.early, *map(self._named, ruleset.warnings), *_deviceless(ruleset)
        return replace(ruleset, tables=tuple(map(_with_dynamic, ruleset.tables)), warnings=warnings)

    def _named(self, diagnostic: Diagnostic) -> Diagnostic:
        """The complaint with the name of the object that it is about."""
        name = self._names.get((diagnostic.line, diagnostic.column), "")
        if not name or name in diagnostic.message:
            return diagnostic
        return replace(diagnostic, message=f"{diagnostic.message} ({name})")

    def _forgive(self, problem: SyntaxProblem, saved: tuple[Source, int, int, int]) -> str:
        """As for text; of a rule that was written in part it is said what stopped it, and the rule is shown as the file has it."""
        source = saved[0]
        line, _ = Source.line_column(source, source.starts[min(saved[1], len(source.starts) - 1)])
        text = super()._forgive(problem, saved)
        if isinstance(source, _MappedSource) and line in source.partial:
            diagnostic, text = source.partial[line]
            self.cursor.warnings[-1] = not_understood(diagnostic)
        return text

    def _open(self, text: str, path: str) -> Source:
        text = text.removeprefix("\ufeff")
        made: list[str] = []
        origins: list[tuple[int, int]] = []
        partial: dict[int, tuple[Diagnostic, str]] = {}
        line, counted = 1, 0
        for number, (position, thing) in enumerate(self._objects(text, path)):
            line, counted = line + text.count("\n", counted, position), position
            place = line, position - text.rfind("\n", 0, position)
            name = self._names[place] = f"nftables[{number}]" + (f".{next(iter(thing))}" if isinstance(thing, dict) and thing else "")
            try:
                commands = list(_commands(thing))
            except (JsonProblem, RecursionError) as problem:
                message = f"{problem} ({name}{problem.path})" if isinstance(problem, JsonProblem) else f"expressions nest too deep ({name})"
                found = Diagnostic(path, *place, message, "or load what nft list ruleset prints")
                commands = self._what_is_understood(thing, found)
                if commands:
                    partial[len(made) + 1] = found, json.dumps(thing["rule"].get("expr") if isinstance(thing, dict) else thing)
            made += commands
            origins += [place] * len(commands)
        source = tokenize("\n".join(made), path)
        mapped = _MappedSource(
            path, source.text, source.kinds, source.texts, source.starts, source.lines, origins, text.split("\n"), partial
        )
        self.sources[path] = mapped
        return mapped

    def _what_is_understood(self, thing: object, found: Diagnostic) -> list[str]:
        """What is made of an object with a problem: an undecidable rule, or nothing, and then rules that ask for it are undecidable."""
        name = next(iter(thing)) if isinstance(thing, dict) and thing else ""
        if not self.undecidable or name in ("", "table", "chain"):
            self.problems.append(found)
            return []
        if name == "rule":
            try:
                return [f"add {_partial_rule(thing['rule'])}"] if isinstance(thing, dict) else []
            except JsonProblem:
                self.problems.append(found)
                return []
        self.early.append(not_understood(found))
        return []

    def _objects(self, text: str, path: str) -> Iterator[tuple[int, object]]:
        """(position, value) of each thing in the list."""
        decoder = json.JSONDecoder()
        start = _START.match(text)
        if start is None:
            self.problems.append(Diagnostic(path, 1, 1, 'JSON without a list called "nftables" at its beginning', _ADVICE))
            return
        position = start.end()
        while position < len(text) and text[position] != "]":
            try:
                thing, end = decoder.raw_decode(text, position)
            except (json.JSONDecodeError, RecursionError) as error:
                position = error.pos if isinstance(error, json.JSONDecodeError) else position
                self._broken(
                    text, path, position, f"not JSON: {error.msg.lower()}" if isinstance(error, json.JSONDecodeError) else "too deep"
                )
                return
            yield position, thing
            after = _NEXT.match(text, end)
            if after is None:
                self._broken(text, path, end, "not JSON: expected a comma or the end of the list")
                return
            position = after.end() if after[1] == "," else len(text)

    def _broken(self, text: str, path: str, position: int, message: str) -> None:
        line = text.count("\n", 0, position) + 1
        self.problems.append(Diagnostic(path, line, position - text.rfind("\n", 0, position), message, "is the file whole?"))


def _with_dynamic(table: Table) -> Table:
    """Sets that packets write to are dynamic, which nft's JSON (1.0.6) does not say."""
    written = {each.name for chain in table.chains for rule in chain.rules for each in rule.statements if isinstance(each, SetUpdate)}
    sets = (
        replace(each, flags=("dynamic", *each.flags)) if each.name in written and "dynamic" not in each.flags else each
        for each in table.sets
    )
    return replace(table, sets=tuple(sets))


def _deviceless(ruleset: Ruleset) -> Iterator[Diagnostic]:
    """Chains whose device the file does not tell: some versions of nft (1.0.6) leave it out."""
    for table in ruleset.tables:
        for chain in table.chains:
            if chain.base is not None and table.family == "netdev" and not chain.base.devices:
                place, message = chain.place, f"the file does not say which device chain {chain.name} watches: it is taken to watch all"
                yield Diagnostic(place.path, place.line, place.column, message, "load what nft list ruleset prints: there it stands")


def _commands(thing: object) -> Iterator[str]:
    """The commands that an object stands for."""
    name, inner = only(thing, "an object such as a table or a rule")
    if name == "metainfo":
        return
    if name in ("add", "create", "insert"):
        kind, inner = only(inner, f"what to {name}")
        yield from _added(name, kind, inner)
    elif name == "flush":
        kind, inner = only(inner, "what to flush")
        if kind != "ruleset":
            raise JsonProblem(f"flush {kind} is not supported in JSON")
        yield "flush ruleset"
    else:
        yield from _added("add", name, inner)


def _added(command: str, kind: str, inner: object) -> Iterator[str]:
    writer = _WRITERS.get(kind)
    if writer is None:
        raise JsonProblem(f'nothing in a ruleset is called "{kind}"')
    if not isinstance(inner, dict):
        raise JsonProblem(f"{kind} has no properties")
    text = f"{command} {writer(kind, inner)}"
    if "\n" in text:
        raise JsonProblem("a text with a line end in it")
    yield text


def _table_of(inner: Fields) -> str:
    return f"{_name(inner, 'family')} {_name(inner, 'table')}"


def _name(inner: Fields, key: str) -> str:
    found = inner.get(key)
    if not isinstance(found, str) or not re.fullmatch(r"[A-Za-z0-9_.*/\\-]+", found):
        raise JsonProblem(f"{key}: found {found!r}, expected a name")
    return found


def _block(items: list[str]) -> str:
    return f" {{ {'; '.join(items)}; }}" if items else ""


def _listed(thing: object) -> list[Any]:
    return [] if thing is None else thing if isinstance(thing, list) else [thing]


def _table(_: str, inner: Fields) -> str:
    items = [f"flags {value(each)}" for each in _listed(inner.get("flags"))]
    items += [f"comment {quoted(inner['comment'])}"] if "comment" in inner else []
    return f"table {_name(inner, 'family')} {_name(inner, 'name')}{_block(items)}"


def _chain(_: str, inner: Fields) -> str:
    items = []
    if "hook" in inner:
        devices = [quoted(each) for each in _listed(inner.get("dev"))]
        shown = f" devices = {{ {', '.join(devices)} }}" if len(devices) > 1 else f" device {devices[0]}" if devices else ""
        items.append(f"type {_name(inner, 'type')} hook {_name(inner, 'hook')}{shown} priority {_integer(inner, 'prio')}")
        items += [f"policy {_name(inner, 'policy')}"] if "policy" in inner else []
    items += [f"comment {quoted(inner['comment'])}"] if "comment" in inner else []
    return f"chain {_table_of(inner)} {_name(inner, 'name')}{_block(items)}"


def _integer(inner: Fields, key: str) -> int:
    found = inner.get(key)
    if type(found) is not int:
        raise JsonProblem(f"{key}: found {found!r}, expected a number")
    return found


def _rule(_: str, inner: Fields) -> str:
    words = []
    for number, each in enumerate(_listed(inner.get("expr"))):
        try:
            words.append(statement(each))
        except JsonProblem as problem:
            problem.path = f".expr[{number}]"
            raise
    words += [f"comment {quoted(inner['comment'])}"] if "comment" in inner else []
    return f"rule {_table_of(inner)} {_name(inner, 'chain')} {' '.join(words)}"


def _partial_rule(inner: object) -> str:
    """A rule up to what is not understood."""
    if not isinstance(inner, dict):
        raise JsonProblem("a rule has no properties")
    words = []
    for each in _listed(inner.get("expr")):
        try:
            words.append(statement(each))
        except (JsonProblem, RecursionError):
            break
    return f"rule {_table_of(inner)} {_name(inner, 'chain')} {' '.join(words)} {_NOT_UNDERSTOOD}"


def _type(thing: object) -> str:
    if isinstance(thing, dict) and "typeof" in thing:
        return f"typeof {expression(thing['typeof'])}"
    return f"type {' . '.join(value(each) for each in _listed(thing))}"


def _set(kind: str, inner: Fields) -> str:
    items = [_type(inner.get("type"))]
    if "map" in inner:
        data = inner["map"]
        items[0] += " : " + (expression(data["typeof"]) if isinstance(data, dict) and "typeof" in data else _type(data)[5:].strip('"'))
    items += [f"policy {_name(inner, 'policy')}"] if "policy" in inner else []
    flags = [value(each) for each in _listed(inner.get("flags"))]
    items += [f"flags {','.join(flags)}"] if flags else []
    items += [f"{key} {_integer(inner, key)}s" for key in ("timeout", "gc-interval") if key in inner]
    items += [f"size {_integer(inner, 'size')}"] if "size" in inner else []
    items += ["auto-merge"] if inner.get("auto-merge") else []
    items += [_of_elements(each) for each in _listed(inner.get("stmt"))]
    items += [f"comment {quoted(inner['comment'])}"] if "comment" in inner else []
    items += [f"elements = {elements(inner['elem'])}"] if inner.get("elem") else []
    return f"{kind} {_table_of(inner)} {_name(inner, 'name')}{_block(items)}"


def _of_elements(thing: object) -> str:
    """A statement that every element carries; what a counter has reached does not matter."""
    return "counter" if isinstance(thing, dict) and "counter" in thing else statement(thing)


def _elements_of(_: str, inner: Fields) -> str:
    return f"element {_table_of(inner)} {_name(inner, 'name')} {elements(inner.get('elem'))}"


def _amount(kind: str, inner: Fields) -> str:
    return f"{kind} {_table_of(inner)} {_name(inner, 'name')} {{ {limit(inner) if kind == 'limit' else quota(inner)}; }}"


def _object(kind: str, inner: Fields) -> str:
    """A thing whose inside does not enter the evaluation: its properties as they are."""
    items = []
    if kind == "counter":
        items = [f"packets {_integer(inner, 'packets')} bytes {_integer(inner, 'bytes')}"] if "packets" in inner else []
    elif kind == "ct helper":
        items = [f"type {quoted(inner.get('type'))} protocol {_name(inner, 'protocol')}"]
        items += [f"l3proto {_name(inner, 'l3proto')}"] if "l3proto" in inner else []
    elif kind == "synproxy":
        items = [f"{key} {_integer(inner, key)}" for key in ("mss", "wscale") if key in inner]
        flags = " ".join(value(each) for each in _listed(inner.get("flags")))
        items += [flags] if flags else []
    return f"{kind} {_table_of(inner)} {_name(inner, 'name')}{_block(items)}"


_WRITERS: dict[str, Callable[[str, Fields], str]] = {
    "table": _table,
    "chain": _chain,
    "rule": _rule,
    "set": _set,
    "map": _set,
    "element": _elements_of,
    "limit": _amount,
    "quota": _amount,
    **dict.fromkeys(("counter", "ct helper", "ct timeout", "ct expectation", "synproxy", "secmark", "flowtable"), _object),
}
