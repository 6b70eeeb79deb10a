"""ASN.1 in packed encoding (ITU-T X.691, aligned PER) as far as H.323 needs it: a syntax goes in, and what a message says comes out.

A syntax is text close to ASN.1's own (``syntax``):

    Name ::= CHOICE { one SEQUENCE { port INTEGER(0..65535), name BMP(1..128)?, ..., later Other, unread }, two NULL, ... }

* ``?`` marks what is optional, ``...`` is the extension marker; what stands behind it are the additions known.
* A name without a type is not read: an addition is passed over by its length, another alternative ends the reading.
* ``|`` ends the reading there, whatever follows; of a choice, whichever alternative behind it comes.
* ``LIST Type`` is SEQUENCE OF, with how many items are kept behind it; ``OPEN Type`` stands behind a length of its own; ``SECONDS`` is
  H.225.0's TimeToLive. The others are ``NULL BOOLEAN OID INTEGER OCTETS BMP DIGITS BITS``, with a range or without.

The reader does what Linux's does with what it does not know and with what it gets wrong: only so is the answer the same for a hostile
message, or one of a newer version. Nothing is searched for: each value comes from its place in the structure. The depth is that of the
syntax, which cannot name itself; every length is held against what the packet has left, and an item of a list takes at least a bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

__all__ = ["Field", "Kind", "Node", "decode", "syntax"]


class Kind(IntEnum):
    """What is encoded at a place."""

    NULL = 0
    BOOLEAN = 1
    OID = 2
    INTEGER = 3
    SECONDS = 4
    OCTETS = 5
    BMP = 6
    DIGITS = 7
    BITS = 8
    SEQUENCE = 9
    LIST = 10
    CHOICE = 11
    OPEN = 12


@dataclass(frozen=True, slots=True)
class Field:
    """A component, an alternative, or the only item of a list or an open type."""

    name: str
    #: None: it is not read.
    node: Node | None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A place of a syntax."""

    kind: Kind
    #: Least and greatest value or length, None for no limit; of a list, how many items are kept.
    low: int = 0
    high: int | None = None
    #: What stands in front of the extension marker, and behind it.
    root: tuple[Field, ...] = ()
    additions: tuple[Field, ...] = ()
    extensible: bool = False
    #: Number of the field, in root and then in additions, where reading ends; -1 if nowhere.
    stop: int = -1


class _UnreadableError(Exception):
    """The message ends too early, or holds what cannot be. ``decode`` catches it."""


def decode(node: Node, data: bytes) -> Any:
    """What the message at the start of data says, None if it cannot be read: a dict for a sequence, name and value for a choice."""
    try:
        return _Reader(data).read(node, keep=True)
    except _UnreadableError:
        return None


# Reading ------------------------------------------------------------------------------------------------------------------------------

#: Additions of one sequence at most; the longest length that one byte holds.
_MOST_ADDITIONS = 32
_SHORT_LENGTH = 0x7F
#: How many values fill a byte, and two.
_BYTE, _WORD = 0x100, 0x10000
_ALIGNED_OCTETS = 2


class _Reader:
    """A message, and how many bits of it are behind us."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, node: Node, *, keep: bool) -> Any:
        """The value at this place. Where Linux does not ``keep`` a structure it passes over the additions inside."""
        if node.kind == Kind.SEQUENCE:
            return self._sequence(node, keep)
        if node.kind == Kind.CHOICE:
            return self._choice(node, keep)
        if node.kind == Kind.LIST:
            return self._list(node, keep)
        if node.kind == Kind.OPEN:
            # In a sequence Linux takes its length from where it stands, be it in the middle of a byte.
            return self._skip(self._open_size())
        value = self._simple(node, keep)
        self._need(0)
        return value

    def _sequence(self, node: Node, keep: bool) -> dict[str, Any]:
        self._need(1)
        extended = node.extensible and self._bits(1)
        values: dict[str, Any] = {}
        options = sum(field.optional for field in node.root)
        present = self._bits(options)
        for place, field in enumerate(node.root):
            if place == node.stop:
                return values
            if field.optional:
                options -= 1
                if not present >> options & 1:
                    continue
            values[field.name] = None if field.node is None else self.read(field.node, keep=keep)
        if extended:
            self._additions(node, values, keep)
        return values

    def _additions(self, node: Node, values: dict[str, Any], keep: bool) -> None:
        count = self._bits(7) + 1
        self._need(count)
        if count > _MOST_ADDITIONS:
            raise _UnreadableError
        present = self._bitmap(count)
        self._align()
        for place in range(count):
            if place + len(node.root) == node.stop:
                return
            if place >= len(node.additions):
                # One of a newer version: Linux passes over it whether it is there or not.
                self._skip(self._open_size())
            elif present >> (count - 1 - place) & 1:
                field = node.additions[place]
                values[field.name] = self._open(field.node if keep else None, keep=keep)

    def _bitmap(self, count: int) -> int:
        """Which additions are there. Where the map ends 32 bits behind the byte in which it begins, Linux reads it from that byte on."""
        start = self._at
        if start & 7 and (start & 7) + count == _MOST_ADDITIONS:
            self._at -= start & 7
            found = self._bits(count)
            self._at = start + count
            return found
        return self._bits(count)

    def _choice(self, node: Node, keep: bool) -> tuple[str, Any]:
        self._need(1)
        if node.extensible and self._bits(1):
            index = self._bits(7)
            field = node.additions[index] if index < len(node.additions) else Field("", None)
            if 0 <= node.stop <= index + len(node.root) and field.name:
                return field.name, None
            self._align()
            return field.name, self._open(field.node if keep else None, keep=keep)
        index = self._bits((len(node.root) - 1).bit_length())
        if index >= len(node.root):
            raise _UnreadableError
        field = node.root[index]
        return field.name, None if field.node is None else self.read(field.node, keep=keep)

    def _list(self, node: Node, keep: bool) -> list[Any]:
        self._align()
        count, (item,) = self._length(), node.root
        most = count if node.high is None else node.high
        return [self._item(item.node, keep, kept=keep and number < most) for number in range(count)][:most]

    def _item(self, node: Node | None, keep: bool, *, kept: bool) -> Any:
        """An item of a list. Those beyond what Linux has room for are read, but nothing of them is kept."""
        if node is None:
            return None
        if node.kind == Kind.OPEN:
            self._align()
            return self._open(node.root[0].node if keep else None, keep=kept)
        return self.read(node, keep=kept)

    def _open(self, node: Node | None, *, keep: bool) -> Any:
        """An open type at a whole byte: read, if it is wanted, and left behind by its length."""
        end = self._open_size() * 8
        end += self._at
        value = None if node is None else self.read(node, keep=keep)
        self._at = end
        return value

    def _open_size(self) -> int:
        size = self._length()
        self._need(8 * size)
        return size

    # Values -------------------------------------------------------------------------------------------------------------------------

    def _simple(self, node: Node, keep: bool) -> Any:
        """A value without parts."""
        kind = node.kind
        if kind == Kind.BOOLEAN:
            self._at += 1
        elif kind == Kind.OID:
            self._align()
            self._need(8)
            self._skip(self._bits(8))
        elif kind in (Kind.INTEGER, Kind.SECONDS):
            return self._integer(node, keep)
        elif kind == Kind.OCTETS:
            return self._octets(node)
        elif kind == Kind.BMP:
            self._skip(2 * self._size(node))
        elif kind == Kind.DIGITS:
            size = self._size(node)
            self._align()
            self._at += 4 * size
        elif kind == Kind.BITS:
            self._align()
            self._at += self._size(node)
        return None

    def _integer(self, node: Node, keep: bool) -> int:
        if node.high is None:
            self._align()
            self._skip(self._length())
            return 0
        count = node.high - node.low + 1
        if count <= _WORD:
            return node.low + self._number(count)
        size = self._bits(2) + 1
        self._need(8 * size)
        self._align()
        start = self._at >> 3
        value = int.from_bytes(self._data[start : start + size], "big") + node.low
        # Linux leaves the number that it wants behind twice; one that ends the message makes it unreadable.
        self._skip(size * (2 if keep and node.kind == Kind.SECONDS else 1))
        return value & 0xFFFFFFFF

    def _octets(self, node: Node) -> bytes:
        size = self._size(node)
        if node.low != node.high or node.low > _ALIGNED_OCTETS:
            self._align()
        start = self._at >> 3
        self._skip(size)
        return self._data[start : start + size]

    def _size(self, node: Node) -> int:
        """A length within its limits."""
        if node.high is None:
            self._align()
            return node.low + self._length()
        if node.low == node.high:
            return node.low
        size = node.low + self._number(node.high - node.low + 1)
        self._align()
        return size

    def _number(self, count: int) -> int:
        """A number that can have so many values, from 0 on: a few bits, a byte or two of them."""
        if count < _BYTE:
            return self._bits((count - 1).bit_length())
        self._align()
        return self._bits(8 if count == _BYTE else 16)

    # Bits ---------------------------------------------------------------------------------------------------------------------------

    def _length(self) -> int:
        """A length of one or two bytes; Linux wants two to be there."""
        self._need(16)
        start = self._at >> 3
        first, second = self._data[start : start + 2]
        if first <= _SHORT_LENGTH:
            self._at += 8
            return first
        self._at += 16
        return (first & 0x3F) << 8 | second

    def _bits(self, count: int) -> int:
        self._need(count)
        start, self._at = self._at, self._at + count
        stop = self._at + 7 >> 3
        return int.from_bytes(self._data[start >> 3 : stop], "big") >> (8 * stop - self._at) & (1 << count) - 1

    def _skip(self, size: int) -> None:
        self._at += 8 * size

    def _align(self) -> None:
        self._at = self._at + 7 & ~7

    def _need(self, bits: int) -> None:
        if self._at + bits + 7 >> 3 > len(self._data):
            raise _UnreadableError


# Syntaxes -----------------------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"::=|\.\.\.|[{},?|]|\(\d+(?:\.\.\d+)?\)|[\w-]+")
_SIMPLE = {kind.name: kind for kind in Kind if kind not in (Kind.SEQUENCE, Kind.LIST, Kind.CHOICE, Kind.OPEN)}


def syntax(text: str) -> Mapping[str, Node]:
    """The types that a text defines, by name; each may use those in front of it. Raises ValueError for what is no syntax."""
    return _Maker(text).types


class _Maker:
    """Reads the text of a syntax."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(text)
        self._at = 0
        self.types: dict[str, Node] = {}
        while self._at < len(self._tokens):
            name = self._next()
            self._expect("::=")
            self.types[name] = self._type()

    def _type(self) -> Node:
        word = self._next()
        if word in _SIMPLE:
            return Node(_SIMPLE[word], *self._range())
        if word in ("OPEN", "LIST"):
            item = (Field("item", self._type()),)
            low, high = self._range() if word == "LIST" else (0, None)
            return Node(Kind[word], low, high, item)
        if word in ("SEQUENCE", "CHOICE"):
            return self._fields(Kind[word])
        if word not in self.types:
            raise ValueError(f"a syntax names {word}, which no type in front of it is called")
        return self.types[word]

    def _fields(self, kind: Kind) -> Node:
        """The components of a sequence, or the alternatives of a choice."""
        self._expect("{")
        parts: tuple[list[Field], list[Field]] = [], []
        extensible, stop = False, -1
        while not self._found("}"):
            if self._found("..."):
                extensible = True
            elif self._found("|"):
                stop = len(parts[0]) + len(parts[1])
            else:
                name = self._next()
                node = None if self._tokens[self._at] in (",", "}", "?") else self._type()
                parts[extensible].append(Field(name, node, self._found("?")))
            self._found(",")
        return Node(kind, root=tuple(parts[0]), additions=tuple(parts[1]), extensible=extensible, stop=stop)

    def _range(self) -> tuple[int, int | None]:
        """``(1..16)``, ``(4)``, or nothing."""
        if self._at == len(self._tokens) or not self._tokens[self._at].startswith("("):
            return 0, None
        low, _, high = self._next()[1:-1].partition("..")
        return int(low), int(high or low)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _found(self, token: str) -> bool:
        found = self._tokens[self._at] == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._found(token):
            raise ValueError(f"a syntax has {self._tokens[self._at]} where {token} belongs")
