"""Reads keys (``ip saddr . tcp dport``) and the values they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pcapaudit.rules.datatypes import DATATYPES, Datatype, parse_duration
from pcapaudit.rules.model import Counter, Element, Key, MapLookup, Number, SetLiteral, SetRef, Value
from pcapaudit.rules.nft.amounts import parse_limit, parse_quota
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.nft.keys import parse_selector, starts_selector
from pcapaudit.rules.nft.stock import NO_INTERFACE
from pcapaudit.rules.ops import MAX_PARTS

__all__ = ["parse_counter", "parse_data", "parse_duration_word", "parse_elements", "parse_key", "parse_keys", "parse_right", "parse_value"]

#: Words that older files write for operators.
_WORD_OPERATORS = {"and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>"}


def parse_keys(cursor: Cursor) -> tuple[Key, ...]:
    """A key, or several joined by dots."""
    start = cursor.index
    keys = [parse_key(cursor)]
    while cursor.accept("."):
        keys.append(parse_key(cursor))
    if len(keys) > MAX_PARTS:
        raise cursor.problem(f"a concatenation has {MAX_PARTS} parts at most", index=start, width=cursor.span(start))
    return tuple(keys)


def parse_key(cursor: Cursor) -> Key:
    """A selector and the bit operations behind it, folded into one mask and one xor."""
    if cursor.kind == "(":
        cursor.advance()
        key = parse_key(cursor)
        cursor.expect(")", "at the end of the expression")
    else:
        key = Key(parse_selector(cursor))
    selector = key.selector
    full = (1 << selector.bits) - 1
    mask, xor = full if key.mask is None else key.mask, key.xor
    while operator := _bit_operator(cursor):
        at = cursor.index
        cursor.advance()
        if operator in ("<<", ">>"):
            raise cursor.problem("shifts are not supported", "remove the rule", index=at)
        number = _parse_operand(cursor, selector.datatype, operator)
        if operator == "&":
            mask, xor = mask & number, xor & number
        elif operator == "|":
            mask, xor = mask & ~number & full, (xor & ~number) | number
        else:
            xor ^= number
    return Key(selector, None if mask == full and not xor else mask, xor)


def _bit_operator(cursor: Cursor) -> str:
    """``&`` and its kin if one stands here, else an empty text."""
    if cursor.kind == "word":
        return _WORD_OPERATORS.get(cursor.text, "")
    return cursor.kind if cursor.kind in ("&", "|", "^", "<<", ">>") else ""


def parse_value(cursor: Cursor, types: Sequence[Datatype]) -> Value:
    """What a statement sets something to: a value, another property of the packet, or what a map yields.

    With several types (an address and a port) it must be a map; a single value is read as the first type.
    """
    if cursor.kind == "var":
        with cursor.variable():
            return parse_value(cursor, types)
    if cursor.kind == "(" or (starts_selector(cursor) and cursor.text not in types[0].symbols):
        place = cursor.place()
        keys = parse_keys(cursor)
        if cursor.accept_word("map"):
            return MapLookup(keys, _parse_map(cursor, keys, types), tuple(each.name for each in types), place)
        if len(keys) > 1:
            raise cursor.unexpected('"map"', "behind several keys")
        return keys[0]
    if types[0].is_mask:
        number = _parse_mask(cursor, types[0])
        return Number(types[0].name, number, number)
    return Number(types[0].name, *_parse_interval(cursor, types[0]))


def _parse_map(cursor: Cursor, keys: Sequence[Key], types: Sequence[Datatype]) -> SetLiteral | SetRef:
    if cursor.kind == "@":
        cursor.advance()
        return SetRef(cursor.expect_name("the name of a map"))
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_map(cursor, keys, types)
    return SetLiteral(parse_elements(cursor, [key.selector.datatype for key in keys], lambda inner: parse_data(inner, types)), braces=True)


def parse_data(cursor: Cursor, types: Sequence[Datatype]) -> Element:
    """What a map's element yields."""
    return Element((), data=_parse_parts(cursor, types))


#: How tightly operators bind; a comma joins as loosely as ``|``.
_BINDING = {"|": 0, ",": 0, "^": 1, "&": 2}


def _parse_operand(cursor: Cursor, datatype: Datatype, operator: str) -> int:
    """What stands behind one bit operator of a key: a value, a comma list, or more with operators that bind tighter."""
    number = _parse_bits(cursor, datatype, _BINDING[operator])
    while cursor.accept(","):
        number |= _parse_bits(cursor, datatype, _BINDING[operator])
    return number


def _parse_mask(cursor: Cursor, datatype: Datatype) -> int:
    """``syn``, ``(fin | syn | rst)`` or ``fin,syn``: bits as one number."""
    return _parse_bits(cursor, datatype, -1)


def _parse_bits(cursor: Cursor, datatype: Datatype, above: int) -> int:
    """Values joined by operators that bind tighter than ``above``."""
    if cursor.kind == "var":
        with cursor.variable():
            number = _parse_mask(cursor, datatype)
    elif cursor.accept("("):
        number = _parse_mask(cursor, datatype)
        cursor.expect(")", "at the end of the mask")
    else:
        number = _parse_scalar(cursor, datatype)
    while (operator := _bit_operator(cursor) or cursor.kind) in _BINDING and _BINDING[operator] > above:
        cursor.advance()
        other = _parse_bits(cursor, datatype, _BINDING[operator])
        number = number & other if operator == "&" else number ^ other if operator == "^" else number | other
    return number


def parse_right(cursor: Cursor, keys: Sequence[Key]) -> SetLiteral | SetRef:
    """What a match compares with: values, an anonymous set, or a named one."""
    types = [key.selector.datatype for key in keys]
    if cursor.kind == "@":
        cursor.advance()
        return SetRef(cursor.expect_name("the name of a set"))
    if cursor.kind == "var":
        with cursor.variable():
            return parse_right(cursor, keys)
    if cursor.kind == "{":
        at = cursor.index
        elements = parse_elements(cursor, types)
        for element in elements:
            _check_width(cursor, keys, element, at)
        return SetLiteral(elements, braces=True)
    start = cursor.index
    if len(types) == 1 and types[0].is_mask:
        number = _parse_mask(cursor, types[0])
        return SetLiteral((Element(((number, number),)),))
    element = Element(_parse_parts(cursor, types))
    _check_width(cursor, keys, element, start)
    return SetLiteral((element,))


def _check_width(cursor: Cursor, keys: Sequence[Key], element: Element, start: int) -> None:
    """Values must fit into fields that are narrower than their type."""
    for key, (_, last) in zip(keys, element.parts, strict=True):
        selector = key.selector
        if selector.bits < selector.datatype.bits and last >> selector.bits:
            raise cursor.problem(
                f"the value does not fit into the {selector.bits} bits of {selector.text}", index=start, width=cursor.span(start)
            )


def parse_elements(cursor: Cursor, types: Sequence[Datatype], value: Callable[[Cursor], Element] | None = None) -> tuple[Element, ...]:
    """``{ a, b-c, d/len timeout 1h, … }``; braces within braces (from variables) count as one set.

    ``value`` reads what follows the key of a map's element and returns an Element that holds it.
    """
    if cursor.kind == "var":
        with cursor.variable():
            return parse_elements(cursor, types, value)
    cursor.expect("{", "before the elements")
    elements: list[Element] = []
    while True:
        cursor.skip_lines()
        if cursor.accept("}"):
            return tuple(elements)
        if len(types) == 1 and value is None and cursor.kind == "word":
            _parse_plain(cursor, types[0], elements)
            if cursor.accept("}"):
                return tuple(elements)
        if cursor.kind == "{" or (cursor.kind == "var" and _is_set(cursor)):
            elements.extend(parse_elements(cursor, types, value))
        else:
            elements.append(_parse_element(cursor, types, value))
        cursor.skip_lines()
        if cursor.kind != "}" and not cursor.accept(","):
            raise cursor.unexpected('"," or "}"', "in a set")
        while cursor.kind in (",", "nl"):
            # Of several commas nft takes one.
            cursor.move(cursor.index + 1)


def _parse_plain(cursor: Cursor, datatype: Datatype, elements: list[Element]) -> None:
    """The elements from here on that are a plain value or a prefix, up to the first that is not: block lists hold a million of them."""
    kinds, texts, at = cursor.source.kinds, cursor.source.texts, cursor.index
    if datatype.is_mask or datatype.form == "ifname":
        return
    parse, hosts = datatype.parse, _hosts(datatype)
    while at + 3 < cursor.stop and kinds[at] == "word":
        number = parse(texts[at])
        if number is None:
            break
        if kinds[at + 1] == "/":
            mask = hosts.get(texts[at + 2])
            if mask is None or kinds[at + 3] not in (",", "}"):
                break
            elements.append(Element(((number & ~mask, number | mask),)))
            at += 3
        elif kinds[at + 1] in (",", "}"):
            elements.append(Element(((number, number),)))
            at += 1
        else:
            break
        while kinds[at] in (",", "nl"):
            at += 1
    cursor.move(at)


def _hosts(datatype: Datatype) -> dict[str, int]:
    """Length of a prefix → the bits behind it."""
    if datatype.form not in ("ipv4", "ipv6"):
        return {}
    return {str(length): (1 << (datatype.bits - length)) - 1 for length in range(datatype.bits + 1)}


def _is_set(cursor: Cursor) -> bool:
    """The variable here holds a set in braces."""
    definition = cursor.lookup(cursor.text)
    if definition is None:
        return False
    kind = definition.source.kinds[definition.start]
    if kind == "var":
        with cursor.variable():
            found = _is_set(cursor)
            cursor.move(cursor.stop)
            return found
    return kind == "{"


def _parse_element(cursor: Cursor, types: Sequence[Datatype], value: Callable[[Cursor], Element] | None) -> Element:
    parts = _parse_parts(cursor, types)
    timeout = expires = None
    comment = ""
    while cursor.kind == "word":
        word = cursor.text
        if word in ("timeout", "expires"):
            cursor.advance()
            duration = parse_duration_word(cursor)
            timeout, expires = (duration, expires) if word == "timeout" else (timeout, duration)
        elif word == "comment":
            cursor.advance()
            comment = cursor.expect("string", "after comment")
        elif word in _ELEMENT_STATEMENTS:
            _ELEMENT_STATEMENTS[word](cursor)
        else:
            break
    found = Element(parts)
    if value is not None:
        cursor.expect(":", "between key and value")
        cursor.skip_lines()
        found = value(cursor)
    return Element(parts, found.verdict, found.data, found.named, timeout, expires, comment)


def parse_counter(cursor: Cursor) -> Counter:
    """``counter [packets N bytes N]``."""
    cursor.advance()
    packets = cursor.expect_number("a number of packets") if cursor.accept_word("packets") else None
    size = cursor.expect_number("a number of bytes") if cursor.accept_word("bytes") else None
    return Counter(packets, size or 0 if packets is not None else size)


#: What saved output shows behind an element. The set says what its elements carry; the values reached are not taken over.
_ELEMENT_STATEMENTS: dict[str, Callable[[Cursor], object]] = {"counter": parse_counter, "limit": parse_limit, "quota": parse_quota}


def parse_duration_word(cursor: Cursor) -> int:
    """``1h30m``, in ns."""
    if cursor.kind == "var":
        with cursor.variable():
            return parse_duration_word(cursor)
    duration = parse_duration(cursor.text) if cursor.kind in ("word", "string") else None
    if duration is None:
        raise cursor.unexpected("a duration such as 30s or 1h30m")
    cursor.advance()
    return duration


def _parse_parts(cursor: Cursor, types: Sequence[Datatype]) -> tuple[tuple[int, int], ...]:
    """One interval for each type, joined by dots."""
    if cursor.kind == "var" and len(types) > 1:
        definition = cursor.lookup(cursor.text)
        if definition is not None and "." in definition.source.kinds[definition.start : definition.stop]:
            with cursor.variable():
                return _parse_parts(cursor, types)
    start = cursor.index
    parts = [_parse_interval(cursor, types[0])]
    while cursor.accept("."):
        if len(parts) == len(types):
            raise cursor.problem(f"the element has more parts than its key, which has {len(types)}", index=start, width=cursor.span(start))
        parts.append(_parse_interval(cursor, types[len(parts)]))
    if len(parts) < len(types):
        raise cursor.problem(
            f"the element has {len(parts)} of {len(types)} parts",
            f"expected {' . '.join(each.name for each in types)}",
            index=start,
            width=cursor.span(start),
        )
    return tuple(parts)


def _parse_interval(cursor: Cursor, datatype: Datatype) -> tuple[int, int]:
    """A value, ``first-last``, ``address/length`` or ``name*``."""
    full = (1 << datatype.bits) - 1
    if cursor.text == "*" and cursor.kind == "word":
        cursor.advance()
        return 0, full
    if cursor.kind == "var":
        with cursor.variable():
            first, last = _parse_interval(cursor, datatype)
        if first != last:
            return first, last
    elif datatype.form == "ifname" and cursor.text.endswith("*"):
        return _parse_wildcard(cursor, datatype)
    elif datatype.is_mask:
        return (_parse_mask_element(cursor, datatype),) * 2
    else:
        start = cursor.index
        first = last = _parse_scalar(cursor, datatype)
    if cursor.kind == "/" and datatype.form in ("ipv4", "ipv6"):
        cursor.advance()
        return _parse_prefix(cursor, datatype, first)
    if cursor.kind == "-":
        start = cursor.index - 1
        cursor.advance()
        last = _parse_scalar(cursor, datatype)
        if last < first:
            raise cursor.problem("the range ends before it begins", "write the smaller value first", index=start, width=cursor.span(start))
    return first, last


def _parse_mask_element(cursor: Cursor, datatype: Datatype) -> int:
    """A set's element of a mask type: here a comma separates elements, and only ``|`` joins bits."""
    number = _parse_scalar(cursor, datatype)
    while cursor.accept("|"):
        number |= _parse_scalar(cursor, datatype)
    return number


def _parse_wildcard(cursor: Cursor, datatype: Datatype) -> tuple[int, int]:
    if datatype.name != "ifname":
        raise cursor.problem("iif and oif take whole interface names", f'write: {"iifname"} or oifname "{cursor.text}"')
    stem = cursor.text[:-1].encode()
    if len(stem) > 15:
        raise cursor.problem(f'"{cursor.text}" is longer than an interface name, 15 characters')
    cursor.advance()
    return int.from_bytes(stem.ljust(16, b"\0"), "big"), int.from_bytes(stem.ljust(16, b"\xff"), "big")


def _parse_prefix(cursor: Cursor, datatype: Datatype, address: int) -> tuple[int, int]:
    text = cursor.text
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_prefix(cursor, datatype, address)
    if text.isdecimal() and len(text) < 4 and int(text) <= datatype.bits:
        hosts = (1 << (datatype.bits - int(text))) - 1
    elif datatype.form == "ipv4" and (mask := datatype.parse(text)) is not None:
        hosts = mask ^ 0xFFFFFFFF
        if hosts & (hosts + 1):
            raise cursor.problem(f"{text} is no network mask", f"write a prefix length from 0 to {datatype.bits}")
    else:
        raise cursor.problem(f'found "{text}", expected a prefix length from 0 to {datatype.bits}')
    cursor.advance()
    return address & ~hosts, address | hosts


def _parse_scalar(cursor: Cursor, datatype: Datatype) -> int:
    """One value of a type."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_scalar(cursor, datatype)
    wrapped = datatype.form == "ipv6" and cursor.accept("[")
    if cursor.kind not in ("word", "string"):
        raise cursor.unexpected(f"a value of type {datatype.name}", advice=f"for example {datatype.example}")
    if datatype.name == "classid" and cursor.ahead() == ":":
        return _parse_class(cursor)
    number = datatype.parse(cursor.text)
    if datatype.form == "ifname" and cursor.kind == "word" and cursor.text in NO_INTERFACE:
        cursor.warn(f'stock nft refuses this: "{cursor.text}" is a word of its grammar and no name', f'write: "{cursor.text}"')
    if number is None:
        raise _bad_value(cursor, datatype)
    cursor.advance()
    if wrapped:
        cursor.expect("]", "after the address")
    return number


def _parse_class(cursor: Cursor) -> int:
    """``1:10``, in hexadecimal: a class of a queueing discipline."""
    try:
        number = int(cursor.text, 16) << 16 | int(cursor.ahead(2), 16)
    except ValueError:
        raise cursor.problem(f'"{cursor.text}:{cursor.ahead(2)}" is no class', "write MAJOR:MINOR in hexadecimal") from None
    for _ in range(3):
        cursor.advance()
    return number


def _bad_value(cursor: Cursor, datatype: Datatype) -> Exception:
    text = cursor.text
    advice = did_you_mean(text, datatype.symbols)
    if not advice:
        other, key = {"ipv4": ("ipv6", "ip6"), "ipv6": ("ipv4", "ip")}.get(datatype.form, ("", ""))
        if other and DATATYPES[f"{other}_addr"].parse(text) is not None:
            advice = f"this is an {other.replace('ip', 'IP')} address: compare it with {key} saddr or {key} daddr"
        elif datatype.form in ("ipv4", "ipv6"):
            advice = "write an address: names of hosts are not looked up"
        else:
            advice = f"expected {datatype.example}"
    return cursor.problem(f'"{text}" is no value of type {datatype.name}', advice)
