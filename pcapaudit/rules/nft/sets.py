"""Reads sets, maps and the other things of a table that have a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pcapaudit.rules.datatypes import DATATYPES, Datatype
from pcapaudit.rules.model import Element, NamedObject, NamedSet
from pcapaudit.rules.nft.actions import parse_stateful
from pcapaudit.rules.nft.amounts import parse_limit, parse_quota
from pcapaudit.rules.nft.builder import TableState
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.nft.expressions import parse_data, parse_duration_word, parse_elements, parse_keys
from pcapaudit.rules.nft.lexer import Source
from pcapaudit.rules.nft.statements import parse_verdict

__all__ = ["OBJECTS", "OBJECT_KINDS", "parse_object", "parse_set", "read_elements"]

#: First words of objects in a table.
OBJECTS = ("counter", "quota", "limit", "ct", "synproxy", "secmark", "flowtable", "tunnel")
#: What an object map may yield.
OBJECT_KINDS = frozenset({"counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "synproxy", "secmark", "tunnel"})
_SET_FLAGS = ("constant", "interval", "timeout", "dynamic")
_ITEMS = (
    "type",
    "typeof",
    "flags",
    "timeout",
    "gc-interval",
    "size",
    "auto-merge",
    "elements",
    "comment",
    "counter",
    "quota",
    "limit",
    "ct",
    "last",
    "policy",
)

#: Reads ``{ items }``: what reads one item, and what the block is, for messages.
Block = Callable[[Callable[[], None], str], None]


class _SetState:
    """A set block while it is read."""

    def __init__(self, kind: str, value: NamedSet) -> None:
        self.kind = kind
        self.value = value
        self.elements: list[tuple[Source, int, int, int]] = []


def parse_set(cursor: Cursor, table: TableState, kind: str, block: Block) -> None:
    """A ``set`` or ``map`` from its name on."""
    place = cursor.place()
    name = cursor.expect_new_name(f"the name of a {kind}")
    state = _SetState(kind, NamedSet(name, (), place=place))
    at = cursor.index
    block(lambda: _set_item(cursor, state), f"{kind} {name}")
    known = table.sets.get(name)
    if not state.value.types and known is not None:
        state.value = replace(known, elements=())
    if not state.value.types:
        raise cursor.problem(f"{kind} {name} has no type", "write: type ipv4_addr, or another", index=at)
    for start in state.elements:
        saved = cursor.save()
        cursor.restore(start)
        state.value = replace(state.value, elements=read_elements(cursor, state.value))
        cursor.restore(saved)
    if known is not None:
        state.value = replace(state.value, elements=tuple(dict.fromkeys((*known.elements, *state.value.elements))))
    table.sets[name] = state.value


def _set_item(cursor: Cursor, state: _SetState) -> None:
    value = state.value
    if cursor.kind == "word" and cursor.text in ("counter", "quota", "limit", "ct", "last"):
        if cursor.text == "counter" and cursor.ahead() != "packets":
            cursor.advance()
            state.value = replace(value, counter=True)
        else:
            state.value = replace(value, statements=(*value.statements, parse_stateful(cursor)))
        return
    word = cursor.accept_word(*_ITEMS)
    if word == "type":
        types, data = _set_types(cursor, state.kind)
        state.value = replace(value, types=types, data_type=data)
    elif word == "typeof":
        selectors = tuple(key.selector for key in parse_keys(cursor))
        data = _data_type(cursor, of_expression=True) if state.kind == "map" else ""
        state.value = replace(value, types=tuple(each.type_name for each in selectors), typeof=selectors, data_type=data)
    elif word == "flags":
        state.value = replace(value, flags=_set_flags(cursor))
    elif word == "timeout":
        state.value = replace(value, timeout_ns=parse_duration_word(cursor))
    elif word == "gc-interval":
        state.value = replace(value, gc_interval_ns=parse_duration_word(cursor))
    elif word == "size":
        state.value = replace(value, size=cursor.expect_number("a number of elements"))
    elif word == "auto-merge":
        state.value = replace(value, auto_merge=True)
    elif word == "comment":
        state.value = replace(value, comment=cursor.expect("string", "after comment"))
    elif word == "policy":
        state.value = replace(value, policy=cursor.accept_word("performance", "memory") or cursor.expect_name("performance or memory"))
    elif word == "elements":
        _postpone_elements(cursor, state)
    else:
        raise cursor.unexpected("type, flags or elements", f"in a {state.kind}", did_you_mean(cursor.text, _ITEMS))


_ENDS = ("nl", ";", "}")


def _postpone_elements(cursor: Cursor, state: _SetState) -> None:
    """Elements are read when the whole block is known: their type may stand behind them."""
    cursor.expect("=", "after elements")
    state.elements.append(cursor.save())
    kinds, at, depth = cursor.source.kinds, cursor.index, 0
    while at < cursor.stop and (depth or kinds[at] not in _ENDS):
        depth += (kinds[at] == "{") - (kinds[at] == "}")
        at += 1
    cursor.move(at)


def _set_types(cursor: Cursor, kind: str) -> tuple[tuple[str, ...], str]:
    names = [_type_name(cursor)]
    while cursor.accept("."):
        names.append(_type_name(cursor))
    return tuple(names), _data_type(cursor) if kind == "map" else ""


def _type_name(cursor: Cursor) -> str:
    if cursor.kind == "var":
        with cursor.variable():
            return _type_name(cursor)
    name = cursor.expect_name("a type")
    if name not in DATATYPES or name in ("integer", "string"):
        advice = did_you_mean(name, DATATYPES) or "for example ipv4_addr, ipv6_addr, inet_service, inet_proto, ifname, mark"
        raise cursor.problem(f'no type is called "{name}"', advice, index=cursor.index - 1)
    return name


def _data_type(cursor: Cursor, *, of_expression: bool = False) -> str:
    """What stands behind the colon: ``verdict``, an object's kind, types or (behind ``typeof``) expressions."""
    cursor.expect(":", "before what the map yields")
    cursor.accept_word("interval")
    if cursor.text == "ct" and cursor.ahead() in ("helper", "timeout", "expectation"):
        cursor.advance()
        return f"ct {cursor.advance()}"
    if cursor.text in OBJECT_KINDS or cursor.text == "verdict":
        return cursor.advance()
    if of_expression:
        return " . ".join(key.selector.type_name for key in parse_keys(cursor))
    names = [_type_name(cursor)]
    while cursor.accept("."):
        names.append(_type_name(cursor))
    return " . ".join(names)


def _set_flags(cursor: Cursor) -> tuple[str, ...]:
    flags = []
    while True:
        flag = cursor.accept_word(*_SET_FLAGS)
        if not flag:
            raise cursor.problem(
                f'no set flag is called "{cursor.text}"', did_you_mean(cursor.text, _SET_FLAGS) or f"one of: {', '.join(_SET_FLAGS)}"
            )
        flags.append(flag)
        if not cursor.accept(","):
            return tuple(flags)


def read_elements(cursor: Cursor, known: NamedSet) -> tuple[Element, ...]:
    """``{ … }`` with elements that go into a set."""
    at = cursor.index
    types: list[Datatype] = [DATATYPES[name] for name in known.types]
    elements = parse_elements(cursor, types, _element_value(known.data_type))
    if not elements:
        cursor.warn(f"set {known.name} gets an empty list of elements, which nft 1.0.6 refuses", "leave the line out", index=at)
    if known.types and "interval" not in known.flags and any(first != last for each in elements for first, last in each.parts):
        raise cursor.problem(f"set {known.name} takes single values only", "add: flags interval", index=at)
    return elements


def _element_value(data_type: str) -> Callable[[Cursor], Element] | None:
    """What reads the other side of a map's element."""
    if not data_type:
        return None
    if data_type == "verdict":
        return lambda inner: Element((), parse_verdict(inner))
    if data_type in OBJECT_KINDS:
        return lambda inner: Element((), named=inner.expect_name("the name of an object"))
    data = [DATATYPES[name] for name in data_type.split(" . ")]
    return lambda inner: parse_data(inner, data)


# Objects ---------------------------------------------------------------------------------------------------------------------------


def parse_object(cursor: Cursor, table: TableState, kind: str, block: Block) -> None:
    """``limit x { rate 10/second }``, ``ct helper x { … }``, ``flowtable f { … }`` from the name on."""
    place = cursor.place()
    name = cursor.expect_new_name(f"the name of a {kind}")
    found = NamedObject(kind, name, place=place)
    if kind in ("limit", "quota"):
        found = _counting_object(cursor, found, block)
    elif cursor.kind == "{":
        lines: list[str] = []
        block(lambda: lines.append(_object_line(cursor)), f"{kind} {name}")
        found = replace(found, lines=tuple(lines))
    elif not cursor.at_end():
        found = replace(found, lines=(_object_line(cursor),))
    table.objects[(kind, name)] = found


def _counting_object(cursor: Cursor, found: NamedObject, block: Block) -> NamedObject:
    """The value of a limit or a quota. Their readers begin at a keyword, which in a block is missing."""
    values = []

    def read() -> None:
        if cursor.accept_word("comment"):
            cursor.expect("string", "after comment")
            return
        cursor.move(cursor.index - 1)  # the readers pass over one word
        values.append(parse_limit(cursor) if found.kind == "limit" else parse_quota(cursor))

    if cursor.kind == "{":
        block(read, f"{found.kind} {found.name}")
    else:
        read()
    if not values:
        raise cursor.problem(f"{found.kind} {found.name} is empty", f"write its {'rate' if found.kind == 'limit' else 'bytes'}")
    return replace(found, value=values[0])


def _object_line(cursor: Cursor) -> str:
    """One line of a block, as text: nothing in it enters the evaluation."""
    words: list[str] = []
    depth = 0
    while cursor.kind != "eof" and (depth or not cursor.at_end()):
        depth += (cursor.kind == "{") - (cursor.kind == "}")
        if cursor.kind == "var":
            with cursor.variable():
                while cursor.kind != "eof":
                    words.append(_word(cursor))
            continue
        if cursor.kind != "nl":
            words.append(_word(cursor))
        else:
            cursor.advance()
    if not words:
        raise cursor.unexpected("a property")
    return " ".join(words).replace(" - ", "-").replace(" ,", ",").replace(" : ", " : ")


def _word(cursor: Cursor) -> str:
    return f'"{cursor.advance()}"' if cursor.kind == "string" else cursor.advance()
