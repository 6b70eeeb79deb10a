"""The blocks of a pcapng file that describe others: section header and interface description. No I/O.

Blocks with frames are walked in ``walk.py``; here stands what happens once a section or an interface. Options that do not fit into
their block end the reading of options, never that of the file; ``options_fit`` tells.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pcapaudit.capture.pcap import max_caplen
from pcapaudit.capture.signals import TICKS_BINARY, TICKS_DIVIDED, TICKS_NONE, TICKS_TIMES
from pcapaudit.capture.walk import MAX_NS
from pcapaudit.core.errors import CaptureError

__all__ = ["Clock", "Interface", "is_pcapng", "options_fit", "read_interface", "read_section"]

_U64 = (1 << 64) - 1
_COMMENT, _NAME, _DESCRIPTION, _RESOLUTION, _FCS_LEN, _OFFSET = 1, 2, 3, 9, 13, 14
_MICROSECONDS = 6


@dataclass(frozen=True, slots=True)
class Clock:
    """How the ticks of an interface become nanoseconds since 1970."""

    #: TICKS_
    ticks: int
    #: What they are multiplied with or divided by, or the power of two that makes a second.
    factor: int
    #: More ticks than this are no time stamp.
    limit: int
    #: What is added.
    offset_ns: int


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a stream: where frames were captured."""

    #: if_name, or "" when the file has none.
    name: str
    #: LINKTYPE_ number.
    linktype: int
    #: Most bytes captured of a frame; 0 for no limit.
    snaplen: int
    #: Most bytes that a frame may have; more is a broken file.
    max_caplen: int
    #: Index of the file in the stream.
    file_id: int
    #: Bytes of frame check sequence at the end of each frame, 0 when the file does not say.
    fcs_len: int = 0
    #: if_description, or "".
    description: str = ""
    #: Comments, in file order.
    comments: tuple[str, ...] = ()
    #: Its time stamps.
    clock: Clock = field(default=Clock(TICKS_TIMES, 1, MAX_NS, 0))


def is_pcapng(head: bytes) -> bool:
    """Whether a file that begins with these bytes (four are enough) is pcapng."""
    return head[:4] == b"\x0a\x0d\x0d\x0a"


def read_section(block: bytes, order: str, path: str, offset: int) -> tuple[str, ...]:
    """The comments of a section. ``block``: the beginning of a section header block, 28 bytes at least. Raises CaptureError.

    ``order``: "<" or ">"; ``path`` and ``offset`` are for the message.
    """
    major, minor = struct.unpack(order + "HH", block[12:16])
    if major != 1:
        raise CaptureError(path, offset, f"a pcapng section of version {major}.{minor}", "version 1.x", "No tool writes such a version.")
    return tuple(_text(value) for code, value in _options(block, 24, order) if code == _COMMENT)


def read_interface(block: bytes, order: str, file_id: int) -> Interface:
    """An interface. ``block``: the beginning of an interface description block, 20 bytes at least."""
    linktype, _, snaplen = struct.unpack(order + "HHI", block[8:16])
    name, description, comments = "", "", []
    resolution, fcs_len, offset_s = _MICROSECONDS, 0, 0
    for code, value in _options(block, 16, order):
        if code == _COMMENT:
            comments.append(_text(value))
        elif code == _NAME:
            name = _text(value)
        elif code == _DESCRIPTION:
            description = _text(value)
        elif code == _RESOLUTION and len(value) == 1:
            resolution = value[0]
        elif code == _FCS_LEN and len(value) == 1:
            fcs_len = value[0]
        elif code == _OFFSET and len(value) == 8:
            (offset_s,) = struct.unpack(order + "q", value)
    clock = _clock(resolution, offset_s)
    return Interface(name, linktype, snaplen, max_caplen(linktype), file_id, fcs_len, description, tuple(comments), clock)


def options_fit(block: bytes, order: str, block_len: int) -> bool:
    """Whether the options of a section header or interface block all lie within it.

    ``block``: its beginning, of ``block_len`` bytes in all; options behind what is there are not looked at.
    """
    at = 24 if is_pcapng(block) else 16
    for _, value in _options(block, at, order):
        at += 4 + len(value) + -len(value) % 4
    stop = len(block) - 4
    return block_len > len(block) or at + 4 > stop or block[at : at + 2] == b"\0\0"


def _clock(resolution: int, offset_s: int) -> Clock:
    """if_tsresol and if_tsoffset as a rule of calculation. Finer than 2**-64 or 10**-28 s, all ticks are the same moment."""
    offset_ns = offset_s * 10**9
    if abs(offset_ns) > MAX_NS:
        return Clock(TICKS_NONE, 0, 0, 0)
    power = resolution & 0x7F
    if resolution & 0x80:
        if power >= 64:
            return Clock(TICKS_TIMES, 0, _U64, offset_ns)
        return Clock(TICKS_BINARY, power, min(_U64, ((MAX_NS // 10**9) << power) - 1), offset_ns)
    if power <= 9:
        factor = 10 ** (9 - power)
        return Clock(TICKS_TIMES, factor, MAX_NS // factor, offset_ns)
    factor = 10 ** (power - 9)
    if factor > _U64:
        return Clock(TICKS_TIMES, 0, _U64, offset_ns)
    return Clock(TICKS_DIVIDED, factor, min(_U64, MAX_NS * factor), offset_ns)


def _options(block: bytes, start: int, order: str) -> Iterator[tuple[int, bytes]]:
    """(code, value) of the options that lie in a block whole; the last four bytes of a block are its length."""
    at, stop = start, len(block) - 4
    while at + 4 <= stop:
        code, size = struct.unpack(order + "HH", block[at : at + 4])
        at += 4
        if code == 0 or at + size > stop:
            return
        yield code, block[at : at + size]
        at += size + -size % 4


def _text(value: bytes) -> str:
    """Text of a file, on one line, whatever it holds; some writers end it with a zero byte."""
    return value.rstrip(b"\0").decode("utf-8", "replace")
