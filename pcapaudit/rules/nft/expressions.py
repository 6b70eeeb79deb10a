"""Reads keys (``ip saddr . tcp dport``) and the values they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pcapaudit.rules.datatypes import DATATYPES, Datatype, parse_duration
from pcapaudit.rules.fields import is_supported
from pcapaudit.rules.model import Element, Key, SetLiteral, SetRef
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.selectors import CT_DIRECTED, SELECTORS, Selector, raw_payload

__all__ = ["BARE_META", "HEADERS", "parse_duration_word", "parse_elements", "parse_keys", "parse_right", "parse_selector"]

#: First words of header expressions.
HEADERS = frozenset(text.split()[0] for text, each in SELECTORS.items() if each.base in ("link", "network", "transport"))
#: Selectors that may stand without ``meta`` before them.
BARE_META = frozenset(
    {
        *("iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup", "ibrname", "obrname", "sdif", "sdifname"),
        *("mark", "skuid", "skgid", "pkttype", "cpu", "cgroup", "rtclassid", "l4proto", "protocol", "nfproto"),
    }
)
_UNSUPPORTED_KEYS = {
    "vlan": "VLAN header fields",
    "arp": "ARP fields (a table that sees ARP decides nothing about IP)",
    "rt": "routing expressions",
    "fib": "routing look-ups (fib)",
    "socket": "socket expressions",
    "exthdr": "extension header expressions",
    "frag": "fragment header fields",
    "hbh": "hop-by-hop header fields",
    "dst": "destination options header fields",
    "mh": "mobility header fields",
    "igmp": "IGMP fields",
    "numgen": "numgen",
    "jhash": "jhash",
    "symhash": "symhash",
    "osf": "passive OS fingerprints (osf)",
    "ipsec": "IPsec expressions",
    "gre": "GRE fields",
    "vxlan": "VXLAN fields",
    "geneve": "GENEVE fields",
    "xt": "xtables compatibility expressions",
}
_TYPE_ALIASES = {"ip6 hoplimit": ("ip6 hop-limit", "ip6 hopcount"), "ip frag-off": ("ip frag_off",)}


def parse_selector(cursor: Cursor) -> Selector:
    """One selector: ``tcp dport``, ``meta l4proto``, ``iifname``, ``ct original ip saddr``, ``@th,16,16``."""
    start = cursor.index
    word = cursor.text
    if cursor.kind == "@" and cursor.ahead(2) == ",":
        return _raw_payload(cursor)
    if cursor.kind != "word":
        raise cursor.unexpected("an expression such as ip saddr, tcp dport, iifname or ct state")
    if word in _UNSUPPORTED_KEYS:
        raise cursor.problem(f"{_UNSUPPORTED_KEYS[word]} are not supported yet", "remove the rule, or wait for a later version")
    if word == "ct":
        cursor.advance()
        return _directed(cursor, start) if cursor.text in ("original", "reply") else _second_word(cursor, "ct")
    if word == "meta" or word in HEADERS:
        if word == "tcp" and cursor.ahead() == "option":
            raise cursor.problem("tcp option expressions are not supported yet", "remove the rule, or wait for a later version")
        cursor.advance()
        return _second_word(cursor, word)
    if word in BARE_META:
        cursor.advance()
        return SELECTORS[f"meta {word}"]
    known = [*HEADERS, *BARE_META, "meta", "ct", "accept", "drop", "reject", "log", "counter", "limit", "jump", "goto", "return"]
    raise cursor.problem(f'found "{word}", expected an expression or a statement', did_you_mean(word, known))


def _second_word(cursor: Cursor, first: str) -> Selector:
    word = cursor.text if cursor.kind == "word" else ""
    selector = SELECTORS.get(f"{first} {word}")
    if selector is None:
        fields = [text.split(" ", 1)[1] for text in SELECTORS if text.startswith(first + " ")]
        if word == "" or cursor.at_end():
            raise cursor.unexpected(f"a field of {first}", advice=f"one of: {', '.join(fields)}" if len(fields) < 20 else "")
        raise cursor.problem(f'{first} has no field "{word}"', did_you_mean(word, fields) or f"one of: {', '.join(fields)}")
    cursor.advance()
    return selector


def _directed(cursor: Cursor, start: int) -> Selector:
    side = cursor.advance()
    name = cursor.advance()
    if name in ("ip", "ip6"):
        name += " " + cursor.advance()
    if name in ("saddr", "daddr"):
        raise cursor.problem(
            f"ct {side} {name} does not say which family",
            f"write: ct {side} ip {name}, or ct {side} ip6 {name}",
            index=start,
            width=cursor.span(start),
        )
    if name not in CT_DIRECTED:
        raise cursor.problem(f'ct {side} has no field "{name}"', did_you_mean(name, CT_DIRECTED), index=cursor.index - 1)
    return SELECTORS[f"ct {side} {name}"]


def _raw_payload(cursor: Cursor) -> Selector:
    start = cursor.index
    cursor.advance()
    base = cursor.expect_name("ll, nh or th")
    cursor.expect(",", "after the header's name")
    offset = cursor.expect_number("an offset in bits")
    cursor.expect(",", "after the offset")
    bits = cursor.expect_number("a length in bits")
    if base not in ("ll", "nh", "th"):
        raise cursor.problem(f'no header is called "{base}"', "use ll (link), nh (network) or th (transport)", index=start + 1)
    if not 1 <= bits <= 128 or offset > 2048:
        raise cursor.problem(
            "a raw expression reads 1 to 128 bits, at most 2048 bits into the header", index=start, width=cursor.span(start)
        )
    return raw_payload(base, offset, bits)


def parse_keys(cursor: Cursor) -> tuple[Key, ...]:
    """A key, or several joined by dots."""
    keys = [_parse_key(cursor)]
    while cursor.accept("."):
        keys.append(_parse_key(cursor))
    return tuple(keys)


def _parse_key(cursor: Cursor) -> Key:
    """A selector and the bit operations behind it, folded into one mask and one xor."""
    start = cursor.index
    wrapped = cursor.accept("(")
    selector = parse_selector(cursor)
    full = (1 << selector.bits) - 1
    mask, xor = full, 0
    while cursor.kind in ("&", "|", "^", "<<", ">>"):
        operator = cursor.advance()
        if operator in ("<<", ">>"):
            raise cursor.problem("shifts are not supported yet", index=cursor.index - 1)
        number = _parse_mask(cursor, selector.datatype)
        if operator == "&":
            mask, xor = mask & number, xor & number
        elif operator == "|":
            mask, xor = mask & ~number & full, (xor & ~number) | number
        else:
            xor ^= number
    if wrapped:
        cursor.expect(")", "at the end of the expression")
    if not is_supported(selector):
        raise cursor.problem(
            f"{selector.text} is not supported yet", "remove the rule, or wait for a later version", index=start, width=cursor.span(start)
        )
    return Key(selector, None if mask == full and not xor else mask, xor)


def _parse_mask(cursor: Cursor, datatype: Datatype) -> int:
    """``syn``, ``(fin | syn | rst)`` or ``fin,syn``: bits as one number."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_mask(cursor, datatype)
    if cursor.accept("("):
        number = _parse_mask(cursor, datatype)
        cursor.expect(")", "at the end of the mask")
    else:
        number = _parse_scalar(cursor, datatype)
    while cursor.kind in ("|", ",", "&", "^"):
        operator = cursor.advance()
        other = _parse_mask(cursor, datatype)
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
        if cursor.kind == "{" or (cursor.kind == "var" and _is_set(cursor)):
            elements.extend(parse_elements(cursor, types, value))
        else:
            elements.append(_parse_element(cursor, types, value))
        cursor.skip_lines()
        if cursor.kind != "}" and not cursor.accept(","):
            raise cursor.unexpected('"," or "}"', "in a set")


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
        elif word == "counter":
            cursor.advance()
            for name in ("packets", "bytes"):
                if cursor.accept_word(name):
                    cursor.expect_number("a number")
        else:
            break
    verdict = None
    if value is not None:
        cursor.expect(":", "between key and value")
        cursor.skip_lines()
        verdict = value(cursor).verdict
    return Element(parts, verdict, timeout, expires, comment)


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
    number = datatype.parse(cursor.text)
    if number is None:
        raise _bad_value(cursor, datatype)
    cursor.advance()
    if wrapped:
        cursor.expect("]", "after the address")
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
