"""What Linux's SIP helper finds in a message: headers (RFC 3261, section 7.3), addresses, parameters, and lines of SDP (RFC 4566).

It is no full parser; where it is lenient or strict, so is Linux: a header's name ends at its colon or the search ends without it; a list of
values goes on over continuation lines; an address is a number, never a name; a port is 1024 or more, and something must follow it.

Places are offsets into the message. A search that finds a header it cannot read says so (``BAD``), with the place to go on from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import AddressValueError, IPv6Address

__all__ = ["DEFAULT_PORT", "Found", "Message", "Spot"]

DEFAULT_PORT = 5060
_FIRST_PORT, _LAST_PORT = 1024, 65535
_PORT_DIGITS, _NUMBER_DIGITS = 5, 11
_M32 = 0xFFFFFFFF
_NEWLINE = re.compile(rb"[\r\n]")
_V4 = re.compile(rb"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)(?![0-9a-fA-F.])")
_V6 = re.compile(rb"[0-9a-fA-F:.]+")
_DIGITS = re.compile(rb"[0-9]*")
_LETTERS = re.compile(rb"[A-Za-z]*")
#: Header → its short form, and what stands before the value that is wanted.
_HEADERS = {
    b"CSeq": (b"", b""),
    b"Contact": (b"m", b"sip:"),
    b"Expires": (b"", b""),
    b"Content-Length": (b"l", b""),
}


class Found(IntEnum):
    """What a search came to."""

    NO = 0
    YES = 1
    #: There is such a header, and it cannot be read.
    BAD = 2


@dataclass(frozen=True, slots=True)
class Spot:
    """A value in a message: where it starts, and how long it is."""

    found: Found
    at: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes of a message, and the IP version of the connection that carries it."""

    data: bytes
    l3: int

    # Headers ------------------------------------------------------------------------------------------------------------------------

    def header(self, name: bytes, start: int = 0) -> Spot:
        """The value of the first header of a name behind ``start``."""
        short, before = _HEADERS[name]
        for line in self._lines(start):
            at = self._behind_name(line, name, short)
            if at is None:
                continue
            colon = self._skip_blanks(at)
            if colon is None or self.data[colon] != 0x3A:
                return Spot(Found.NO)
            value = self._skip_blanks(colon + 1)
            if value is None:
                return Spot(Found.NO)
            return self._value(value, before)
        return Spot(Found.NO)

    def _behind_name(self, line: int, name: bytes, short: bytes) -> int | None:
        """Where a header's name ends, if it is this one."""
        data = self.data
        if data[line : line + len(name)].lower() == name.lower():
            return line + len(name)
        if short and data[line : line + 1].lower() == short and line + 1 < len(data) and not data[line + 1 : line + 2].isalpha():
            return line + 1
        return None

    def _value(self, start: int, before: bytes) -> Spot:
        """The number, or the address in a URI, that a header's value holds."""
        at: int | None = start
        if not before:
            size = self._digits(start)
            return Spot(Found.YES if size else Found.BAD, start, size)
        at = self.search(start, len(self.data), before)
        if at is None:
            return Spot(Found.BAD, start)
        return self._uri(at + len(before))

    def _uri(self, at: int) -> Spot:
        """The address of a ``sip:`` URI, behind its user."""
        end = _NEWLINE.search(self.data, at)
        user = self.data.find(b"@", at, end.start() if end else len(self.data))
        start = user + 1 if user >= 0 else at
        size = self._address_size(start)
        return Spot(Found.YES if size else Found.BAD, start if size else at, size)

    def next_value(self, start: int) -> Spot:
        """The next address in a comma separated list of URIs."""
        comma = self.search(start, len(self.data), b",")
        at = None if comma is None else self.search(comma, len(self.data), b"sip:")
        return Spot(Found.NO) if at is None else self._uri(at + 4)

    def contacts(self) -> Iterator[tuple[Spot, tuple[int, int] | None]]:
        """Every address that the Contact headers hold, with its address and port (None: they cannot be read)."""
        start, inside = 0, False
        while True:
            spot = self._next_contact(start, inside=inside)
            if spot is None:
                return
            end = self.end_point(spot.at)
            yield spot, None if end is None else end[:2]
            if end is None:
                return
            start, inside = end[2], True

    def _next_contact(self, start: int, *, inside: bool) -> Spot | None:
        while inside:
            spot = self.next_value(start)
            if spot.found == Found.YES:
                return spot
            if spot.found == Found.NO:
                break
            start = spot.at
        while True:
            spot = self.header(b"Contact", start)
            if spot.found == Found.YES:
                return spot
            if spot.found == Found.NO:
                return None
            start = spot.at

    # Values -------------------------------------------------------------------------------------------------------------------------

    def number(self, at: int) -> tuple[int, int]:
        """A number of 32 bits, and how many bytes it takes; 0 and 0 if there is none, or a larger one."""
        found = _DIGITS.match(self.data, at)
        text = found[0] if found else b""
        if not text or len(text) > _NUMBER_DIGITS or int(text) > _M32:
            return 0, 0
        return int(text), len(text)

    def address(self, at: int, *, bracketed: bool) -> tuple[int, int] | None:
        """An address and where it ends. ``bracketed``: an IPv6 address must stand in brackets."""
        if self.l3 == 4:
            found = _V4.match(self.data, at)
            if found is None or max(octets := [int(each) for each in found.groups()]) > 255:
                return None
            return int.from_bytes(bytes(octets), "big"), found.end()
        opened = self.data[at : at + 1] == b"["
        if bracketed and not opened:
            return None
        found = _V6.match(self.data, at + opened)
        if found is None:
            return None
        try:
            value = int(IPv6Address(found[0].decode("ascii")))
        except AddressValueError:
            return None
        closed = self.data[found.end() : found.end() + 1] == b"]"
        return None if bracketed and not closed else (value, found.end() + closed)

    def end_point(self, at: int) -> tuple[int, int, int] | None:
        """Address, port (5060 if none is given), and where they end."""
        found = self.address(at, bracketed=True)
        if found is None:
            return None
        address, end = found
        if end >= len(self.data):
            return None
        if self.data[end] != 0x3A:
            return address, DEFAULT_PORT, end
        size = self._digits(end + 1)
        stop = end + 1 + size
        if not 0 < size <= _PORT_DIGITS or stop >= len(self.data):
            return None
        port = int(self.data[end + 1 : stop])
        return (address, port, stop) if _FIRST_PORT <= port <= _LAST_PORT else None

    def parameter(self, start: int, name: bytes) -> Spot:
        """The value of a parameter such as ``transport=``, up to the next semicolon; the list's next value ends the search."""
        comma = self.search(start, len(self.data), b",")
        limit = len(self.data) if comma is None else comma
        at = self.search(start, limit, name)
        if at is None:
            return Spot(Found.NO)
        at += len(name)
        end = self.search(at, limit, b";")
        return Spot(Found.YES, at, (limit if end is None else end) - at)

    # SDP ----------------------------------------------------------------------------------------------------------------------------

    def sdp(self, kind: bytes, start: int, stop: bytes = b"") -> Spot:
        """The next line of a kind (``v=``, ``c=``, ``m=``) behind ``start``, unless one of the kind ``stop`` comes first."""
        for line in self._lines(start):
            found = self.data[line : line + 2].lower()
            if stop and found == stop:
                break
            if found == kind:
                return self._sdp_value(kind, line + 2)
        return Spot(Found.NO)

    def _sdp_value(self, kind: bytes, at: int) -> Spot:
        if kind == b"v=":
            size = self._digits(at)
            return Spot(Found.YES if size else Found.BAD, at, size)
        if kind == b"m=":
            letters = _LETTERS.match(self.data, at)
            blank = letters.end() if letters else at
            if self.data[blank : blank + 1] != b" ":
                return Spot(Found.BAD, at)
            return Spot(Found.YES, at, blank + 1 - at + self._digits(blank + 1))
        before = b"IN IP4 " if self.l3 == 4 else b"IN IP6 "
        end = _NEWLINE.search(self.data, at)
        # As in every search here, something has to follow.
        place = self.data.find(before, at, min(end.start() + len(before) if end else len(self.data), len(self.data) - 1))
        if place < 0 or (end and place >= end.start()):
            return Spot(Found.BAD, at)
        place += len(before)
        address = self.address(place, bracketed=False)
        return Spot(Found.BAD, at) if address is None else Spot(Found.YES, place, address[1] - place)

    # Lines and blanks -----------------------------------------------------------------------------------------------------------------

    def _lines(self, start: int) -> Iterator[int]:
        """Where lines begin behind ``start``, continuation lines left out. The first byte of a line is not looked at for its end."""
        data, at = self.data, start
        while True:
            found = _NEWLINE.search(data, at)
            if found is None:
                return
            line = found.end()
            if data[line - 1 : line + 1] == b"\r\n":
                line += 1
            if line >= len(data):
                return
            if data[line] not in b" \t":
                yield line
            at = line + 1

    def _continued(self, at: int, limit: int) -> int | None:
        """From the end of a line at ``at`` into the next one, if that continues it."""
        at += 1
        if at >= limit:
            return None
        if self.data[at - 1 : at + 1] == b"\r\n":
            at += 1
            if at >= limit:
                return None
        if self.data[at] not in b" \t":
            return None
        while at < limit and self.data[at] in b" \t":
            at += 1
        return at

    def _skip_blanks(self, at: int) -> int | None:
        """Behind blanks and one end of line with its continuation; None at the end."""
        data, limit = self.data, len(self.data)
        while at < limit and data[at] in b" \t":
            at += 1
        if at < limit and data[at] in b"\r\n":
            found = self._continued(at, limit)
            if found is None:
                return None
            at = found
        return at if at < limit else None

    def search(self, at: int, limit: int, needle: bytes) -> int | None:
        """Where a needle (any case) stands in a header's value that begins at ``at``, something behind it."""
        data, low = self.data, needle.lower()
        limit -= len(needle)
        while at < limit:
            if data[at] in b"\r\n":
                found = self._continued(at, limit)
                if found is None:
                    return None
                at = found + 1
                continue
            if data[at : at + len(needle)].lower() == low:
                return at
            at += 1
        return None

    def _digits(self, at: int) -> int:
        found = _DIGITS.match(self.data, at)
        return len(found[0]) if found else 0

    def _address_size(self, at: int) -> int:
        """Bytes of an address and its port; 0 if they cannot be read."""
        found = self.end_point(at)
        return 0 if found is None else found[2] - at
