"""Expressions of the JSON schema as nftables text: what is matched, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["JsonProblem", "element", "elements", "expression", "only", "quoted", "value", "verdict"]

_PLAIN = re.compile(
    r"[A-Za-z_][A-Za-z0-9_./-]*\*?|[0-9][A-Za-z0-9_.]*|(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f.:]*|\*|@[A-Za-z_][A-Za-z0-9_./-]*"
)
_VERDICTS = frozenset({"accept", "drop", "continue", "return", "jump", "goto"})


class JsonProblem(Exception):  # noqa: N818  # ends in a Diagnostic, never reaches a person as an exception
    """What of an object cannot be understood."""

    #: Where in the object it stands.
    path = ""


def quoted(text: object) -> str:
    """A text in quotes. nftables knows no escapes, so some texts cannot be written."""
    if not isinstance(text, str) or '"' in text or "\n" in text:
        raise JsonProblem(f"found {_shown(text)}, expected a text without quotes and line ends")
    return f'"{text}"'


def only(thing: object, what: str) -> tuple[str, Any]:
    """Name and value of an object with one key."""
    if not isinstance(thing, dict) or len(thing) != 1:
        raise JsonProblem(f"found {_shown(thing)}, expected {what}")
    ((name, inner),) = thing.items()
    return name, inner


def value(thing: object) -> str:
    """A plain value: number, word or text."""
    if isinstance(thing, bool):
        return "exists" if thing else "missing"
    if isinstance(thing, int):
        return str(thing)
    if isinstance(thing, str):
        return thing if _PLAIN.fullmatch(thing) else quoted(thing)
    raise JsonProblem(f"found {_shown(thing)}, expected a value")


def expression(thing: object) -> str:
    """Anything that can stand on a side of a comparison. A list is a comma list of bits, as in ``ct state established,related``."""
    if isinstance(thing, list):
        return ",".join(value(each) for each in thing)
    if not isinstance(thing, dict):
        return value(thing)
    name, inner = only(thing, "an expression")
    writer = _WRITERS.get(name)
    if writer is None:
        if name in _OPERATORS:
            return _binary(name, inner)
        raise JsonProblem(f'no expression is called "{name}"')
    if writer in _OF_OBJECTS and not isinstance(inner, dict):
        raise JsonProblem(f"found {_shown(inner)}, expected the properties of {name}")
    return writer(inner)


def verdict(thing: object) -> str:
    """``{"jump": {"target": "x"}}``."""
    name, inner = only(thing, "a verdict")
    if name not in _VERDICTS:
        raise JsonProblem(f'no verdict is called "{name}"')
    return f"{name} {_word(inner, 'target')}" if name in ("jump", "goto") else name


def elements(thing: object) -> str:
    """``{ a, b : c }`` from a list, or from a single element."""
    return "{ " + ", ".join(element(each) for each in (thing if isinstance(thing, list) else [thing])) + " }"


def element(thing: object) -> str:
    """An element of a set, or a pair of a map: value, ``elem`` with its properties, or ``[key, value]``."""
    if isinstance(thing, list):
        if len(thing) != 2:
            raise JsonProblem(f"found {_shown(thing)}, expected a key and a value")
        right = thing[1]
        is_verdict = isinstance(right, dict) and len(right) == 1 and next(iter(right)) in _VERDICTS
        return f"{element(thing[0])} : {verdict(right) if is_verdict else expression(right)}"
    if isinstance(thing, dict) and "elem" in thing:
        return _elem(only(thing, "an element")[1])
    return expression(thing)


def _elem(inner: object) -> str:
    if not isinstance(inner, dict) or "val" not in inner:
        raise JsonProblem(f"found {_shown(inner)}, expected an element with val")
    words = [expression(inner["val"])]
    words += [f"{name} {_number(inner, name)}s" for name in ("timeout", "expires") if name in inner]
    if "comment" in inner:
        words.append(f"comment {quoted(inner['comment'])}")
    return " ".join(words)


# Selectors -------------------------------------------------------------------------------------------------------------------------


def _word(inner: object, name: str) -> str:
    found = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(found, str) or not found or any(char in found for char in '"\n{};'):
        raise JsonProblem(f"found {_shown(found)}, expected the name that {name} stands for")
    return found


def _number(inner: Mapping[str, object], name: str) -> int:
    found = inner.get(name)
    if type(found) is not int or found < 0:
        raise JsonProblem(f"{name}: found {_shown(found)}, expected a number")
    return found


def _payload(inner: Mapping[str, object]) -> str:
    if "base" in inner:
        return f"@{_word(inner, 'base')},{_number(inner, 'offset')},{_number(inner, 'len')}"
    return f"{_word(inner, 'protocol')} {_word(inner, 'field')}"


def _ct(inner: Mapping[str, object]) -> str:
    key = _word(inner, "key")
    family = f"{_word(inner, 'family')} " if "family" in inner else ""
    return f"ct {_word(inner, 'dir')} {family}{key}" if "dir" in inner else f"ct {key}"


def _fib(inner: Mapping[str, object]) -> str:
    flags = inner.get("flags")
    names = flags if isinstance(flags, list) else [flags]
    return f"fib {' . '.join(_word({'flags': each}, 'flags') for each in names)} {_word(inner, 'result')}"


def _option(inner: Mapping[str, object]) -> str:
    if "base" in inner:
        raise JsonProblem("raw TCP options are not supported")
    return f"tcp option {_word(inner, 'name')}" + (f" {_word(inner, 'field')}" if "field" in inner else "")


def _exthdr(inner: Mapping[str, object]) -> str:
    return f"{_word(inner, 'name')} {_word(inner, 'field')}" if "field" in inner else f"exthdr {_word(inner, 'name')}"


def _chunk(inner: Mapping[str, object]) -> str:
    return f"sctp chunk {_word(inner, 'name')}" + (f" {_word(inner, 'field')}" if "field" in inner else "")


def _modulo(inner: Mapping[str, object]) -> str:
    return f"mod {_number(inner, 'mod')}" + (f" offset {_number(inner, 'offset')}" if inner.get("offset") else "")


def _jhash(inner: Mapping[str, object]) -> str:
    seed = f" seed {_number(inner, 'seed')}" if "seed" in inner else ""
    offset = f" offset {_number(inner, 'offset')}" if inner.get("offset") else ""
    return f"jhash {expression(inner.get('expr'))} mod {_number(inner, 'mod')}{seed}{offset}"


def _ipsec(inner: Mapping[str, object]) -> str:
    number = f" spnum {_number(inner, 'spnum')}" if inner.get("spnum") else ""
    family = f" {_word(inner, 'family')}" if "family" in inner else ""
    return f"ipsec {_word(inner, 'dir')}{number}{family} {_word(inner, 'key')}"


def _route(inner: Mapping[str, object]) -> str:
    family = f"{_word(inner, 'family')} " if "family" in inner else ""
    return f"rt {family}{_word(inner, 'key')}"


# Values --------------------------------------------------------------------------------------------------------------------------


def _pair(inner: object) -> tuple[object, object]:
    if not isinstance(inner, list) or len(inner) != 2:
        raise JsonProblem(f"found {_shown(inner)}, expected two values")
    return inner[0], inner[1]


def _range(inner: object) -> str:
    first, last = _pair(inner)
    return f"{expression(first)}-{expression(last)}"


def _concat(inner: object) -> str:
    if not isinstance(inner, list) or not inner:
        raise JsonProblem(f"found {_shown(inner)}, expected the parts of a concatenation")
    return " . ".join(expression(each) for each in inner)


def _map(inner: Mapping[str, object]) -> str:
    return f"{expression(inner.get('key'))} map {_data(inner.get('data'))}"


def _data(thing: object) -> str:
    return thing if isinstance(thing, str) and thing.startswith("@") else expression(thing)


_OPERATORS = ("&", "|", "^", "<<", ">>")


def _binary(operator: str, inner: object) -> str:
    if not isinstance(inner, list) or len(inner) < 2:
        raise JsonProblem(f"found {_shown(inner)}, expected two values")
    return f" {operator} ".join(_operand(each) for each in inner)


def _operand(thing: object) -> str:
    if isinstance(thing, list):
        return "(" + " | ".join(value(each) for each in thing) + ")"
    text = expression(thing)
    return f"({text})" if isinstance(thing, dict) and next(iter(thing)) in _OPERATORS else text


def _shown(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 60 else text[:57] + "..."


_OF_OBJECTS: frozenset[Callable[[Any], str]] = frozenset({_payload, _ct, _fib, _option, _exthdr, _chunk, _jhash, _ipsec, _route, _map})
_WRITERS: dict[str, Callable[[Any], str]] = {
    "payload": _payload,
    "meta": lambda inner: f"meta {_word(inner, 'key')}",
    "ct": _ct,
    "rt": _route,
    "socket": lambda inner: f"socket {_word(inner, 'key')}",
    "osf": lambda inner: f"osf {_word(inner, 'key')}",
    "fib": _fib,
    "tcp option": _option,
    "exthdr": _exthdr,
    "sctp chunk": _chunk,
    "numgen": lambda inner: f"numgen {_word(inner, 'mode')} {_modulo(inner)}",
    "symhash": lambda inner: f"symhash {_modulo(inner)}",
    "jhash": _jhash,
    "ipsec": _ipsec,
    "prefix": lambda inner: f"{value(inner.get('addr'))}/{_number(inner, 'len')}",
    "range": _range,
    "concat": _concat,
    "set": elements,
    "elem": _elem,
    "map": _map,
}
