"""Reads the values of options, and makes matches of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.iptables.words import Option
from pcapaudit.rules.model import Element, Key, Match, SetLiteral
from pcapaudit.rules.nft.cursor import did_you_mean
from pcapaudit.rules.selectors import SELECTORS, Selector

__all__ = [
    "address_match",
    "any_bit",
    "compare",
    "flag_bits",
    "interval",
    "is_in",
    "number",
    "one_of",
    "parse_address",
    "parse_mark",
    "parse_port",
    "parse_ports",
    "protocol",
]


def compare(selector: str | Selector, bounds: Iterable[tuple[int, int]], option: Option, mask: int | None = None) -> Match:
    """The field lies in one of the intervals (or, negated, in none)."""
    found = SELECTORS[selector] if isinstance(selector, str) else selector
    elements = tuple(Element((each,)) for each in bounds)
    op = "!=" if option.negated else "=="
    return Match((Key(found, mask),), op, SetLiteral(elements, braces=len(elements) != 1), option.place)


def is_in(selector: str | Selector, value: int, option: Option) -> Match:
    """The field has one value."""
    return compare(selector, [(value, value)], option)


def any_bit(selector: str, mask: int, option: Option) -> Match:
    """One of the bits is set, or, negated, none is."""
    if not option.negated:
        return Match((Key(SELECTORS[selector]),), "any", SetLiteral((Element(((mask, mask),)),)), option.place)
    return Match((Key(SELECTORS[selector], mask),), "==", SetLiteral((Element(((0, 0),)),)), option.place)


def number(option: Option, text: str, top: int) -> int:
    """A decimal, hexadecimal or octal number up to ``top``."""
    try:
        found = int(text, 0) if not (len(text) > 1 and text[0] == "0" and text.isdecimal()) else int(text, 8)
    except ValueError:
        found = -1
    if not 0 <= found <= top:
        raise option.problem(f'"{text}" is no number from 0 to {top}')
    return found


def interval(option: Option, text: str, top: int) -> tuple[int, int]:
    """``N`` or ``N:M``; a missing end is the lowest or the highest number."""
    first, colon, last = text.partition(":")
    if not colon:
        return (number(option, text, top),) * 2
    found = number(option, first, top) if first else 0, number(option, last, top) if last else top
    if found[1] < found[0]:
        raise option.problem(f'the range "{text}" ends before it begins', "write the smaller number first")
    return found


def parse_mark(option: Option, text: str) -> tuple[int, int]:
    """``VALUE[/MASK]``."""
    value, slash, mask = text.partition("/")
    top = 0xFFFFFFFF
    return number(option, value, top), number(option, mask, top) if slash else top


def parse_port(option: Option, text: str) -> int:
    """A port, as a number or as a service's name."""
    services = DATATYPES["inet_service"]
    found = services.parse(text)
    if found is None:
        raise option.problem(f'"{text}" is no port', did_you_mean(text, services.symbols) or "write a number from 0 to 65535, or a service")
    return found


def parse_ports(option: Option, text: str, *, many: bool = False) -> list[tuple[int, int]]:
    """``N``, ``N:M``; with ``many`` a comma list of them."""
    found = []
    for part in text.split(",") if many else [text]:
        first, colon, last = part.partition(":")
        low = parse_port(option, first) if first else 0
        high = low if not colon else parse_port(option, last) if last else 65535
        if high < low:
            raise option.problem(f'the range "{part}" ends before it begins', "write the smaller port first")
        found.append((low, high))
    return found


def protocol(option: Option, text: str) -> int:
    """Number of a protocol; 0 for all."""
    if text.lower() == "all":
        return 0
    found = DATATYPES["inet_proto"].parse(text.lower())
    if found is None:
        known = DATATYPES["inet_proto"].symbols
        raise option.problem(f'"{text}" is no protocol', did_you_mean(text.lower(), known) or "tcp, udp, icmp or a number up to 255")
    return found


def parse_address(option: Option, text: str, l3: int) -> tuple[int, int | None]:
    """``ADDRESS[/LENGTH|/MASK]``: address and mask; None for a whole address."""
    datatype = DATATYPES["ipv4_addr" if l3 == 4 else "ipv6_addr"]
    address, slash, length = text.partition("/")
    if l3 == 4 and slash and 1 <= address.count(".") + 1 < 4 and address.replace(".", "").isdecimal():
        # 10/8 and 172.16.0/24: what is missing is zero.
        address += ".0" * (3 - address.count("."))
    found = datatype.parse(address)
    if found is None:
        other = DATATYPES["ipv6_addr" if l3 == 4 else "ipv4_addr"]
        advice = (
            f"this is an IPv{10 - l3} address in a file for IPv{l3}"
            if other.parse(address) is not None
            else "write an address: names of hosts are not looked up"
        )
        raise option.problem(f'"{address}" is no IPv{l3} address', advice)
    full = (1 << datatype.bits) - 1
    if not slash:
        return found, None
    if length.isdecimal() and int(length) <= datatype.bits:
        mask = full ^ ((1 << (datatype.bits - int(length))) - 1)
    else:
        parsed = datatype.parse(length)
        if parsed is None:
            raise option.problem(f'"{length}" is no network mask', f"write a prefix length from 0 to {datatype.bits}")
        mask = parsed
    return found & mask, None if mask == full else mask


def address_match(selector: str, option: Option, text: str, l3: int) -> Match | None:
    """A match on an address; None when every address will do."""
    address, mask = parse_address(option, text, l3)
    bits = 32 if l3 == 4 else 128
    full = (1 << bits) - 1
    if mask is None:
        return is_in(selector, address, option)
    hosts = mask ^ full
    if mask == 0:
        return None if not option.negated else compare(selector, [(0, full)], option)
    if hosts & (hosts + 1):
        return compare(selector, [(address, address)], option, mask)
    return compare(selector, [(address, address | hosts)], option)


def flag_bits(option: Option, text: str, known: dict[str, int]) -> int:
    """A comma list of names as bits."""
    found = 0
    for name in text.split(","):
        if name not in known:
            raise option.problem(f'"{name}" is not known here', did_you_mean(name, known) or f"one of: {', '.join(known)}")
        found |= known[name]
    return found


def one_of(option: Option, text: str, known: Sequence[str]) -> str:
    """One of some words."""
    if text not in known:
        raise option.problem(f'"{text}" is not known here', did_you_mean(text, known) or f"one of: {', '.join(known)}")
    return text
