"""Capture files written: pcap with one interface, pcapng with several, comments and flags. Little-endian, nanoseconds.

The writers put bytes into an open binary file and leave it to the caller to make that file a whole one (temporary name, then rename).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import OutputError

__all__ = ["Frame", "PcapWriter", "PcapngWriter", "frame_of"]

_NANOSECONDS = 0xA1B23C4D
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_END, _COMMENT, _FLAGS = 0, 1, 2
_APPLICATION, _NAME, _RESOLUTION = 4, 2, 9
_MAX_OPTION_BYTES = 0xFFFF
#: FRAME_ bit → bits of epb_flags.
_EPB_FLAGS = (
    (consts.FRAME_INBOUND, 0x001),
    (consts.FRAME_OUTBOUND, 0x002),
    (consts.FRAME_CSUM_NOT_READY, 0x200),
    (consts.FRAME_CSUM_VALID, 0x400),
    (consts.FRAME_TSO, 0x800),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame to be written."""

    #: Time stamp, ns since 1970.
    ts_ns: int
    #: The captured bytes.
    data: bytes
    #: Bytes on the wire; None for as many as were captured.
    origlen: int | None = None
    #: pcapng: number that ``add_interface`` gave.
    interface: int = 0
    #: pcapng: FRAME_ bits; what epb_flags has no bit for is not written.
    flags: int = 0
    #: pcapng: a comment, "" for none; cut at 65 535 bytes of UTF-8.
    comment: str = ""
    #: pcapng: further options, (code, value).
    options: tuple[tuple[int, bytes], ...] = ()

    @property
    def wire_len(self) -> int:
        """Bytes on the wire."""
        return len(self.data) if self.origlen is None else self.origlen


def frame_of(batch: PacketBatch, i: int) -> Frame:
    """Row ``i`` of a batch as a frame; ``interface`` is the stream's number of its interface."""
    arrays = batch.arrays
    start = int(arrays["offset"][i])
    data = bytes(batch.buffer[start : start + int(arrays["caplen"][i])])
    return Frame(int(arrays["ts_ns"][i]), data, int(arrays["origlen"][i]), int(arrays["if_id"][i]), int(arrays["frame_flags"][i]))


class PcapWriter:
    """A pcap file of one link type. Comments and flags are not written: pcap has no place for them."""

    def __init__(self, file: BinaryIO, linktype: int, snaplen: int = 262144) -> None:
        """Write the file header."""
        self._file = file
        file.write(struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, snaplen, linktype))

    def write(self, frame: Frame) -> None:
        """Write a frame. Raises OutputError for a time that pcap cannot hold."""
        seconds, nanoseconds = divmod(frame.ts_ns, 10**9)
        if not 0 <= seconds < 1 << 32:
            raise OutputError(f"pcap holds times from 1970 to 2106, not {seconds} s since 1970: write pcapng")
        self._file.write(struct.pack("<4I", seconds, nanoseconds, len(frame.data), frame.wire_len) + frame.data)


class PcapngWriter:
    """A pcapng file of one section. Add an interface before its first frame."""

    def __init__(self, file: BinaryIO, comment: str = "") -> None:
        """Write the section header. ``comment``: of the whole section, "" for none."""
        self._file = file
        self._interfaces = 0
        options = [(_COMMENT, _text(comment))] if comment else []
        self._block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), [*options, (_APPLICATION, b"pcapaudit")])

    def add_interface(self, linktype: int, name: str = "", snaplen: int = 0) -> int:
        """Describe an interface; its number. ``snaplen`` 0: no limit."""
        options = [(_NAME, _text(name))] if name else []
        self._block(_INTERFACE, struct.pack("<HHI", linktype, 0, snaplen), [*options, (_RESOLUTION, b"\x09")])
        self._interfaces += 1
        return self._interfaces - 1

    def write(self, frame: Frame) -> None:
        """Write a frame. Raises OutputError for a time before 1970 or an interface that was not added."""
        if frame.ts_ns < 0:
            raise OutputError(f"pcapng holds times from 1970 on, not {-frame.ts_ns} ns before it")
        if not 0 <= frame.interface < self._interfaces:
            raise OutputError(f"a frame of interface {frame.interface}, of which the file has {self._interfaces}")
        head = struct.pack("<5I", frame.interface, frame.ts_ns >> 32, frame.ts_ns & 0xFFFFFFFF, len(frame.data), frame.wire_len)
        flags = sum(bits for bit, bits in _EPB_FLAGS if frame.flags & bit)
        options = [(_FLAGS, struct.pack("<I", flags))] if flags else []
        if frame.comment:
            options.append((_COMMENT, _text(frame.comment)))
        self._block(_PACKET, head + _padded(frame.data), [*options, *frame.options])

    def _block(self, kind: int, body: bytes, options: list[tuple[int, bytes]]) -> None:
        if options:
            body += b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in [*options, (_END, b"")])
        length = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(text: str) -> bytes:
    """UTF-8, cut between two characters where it is too long for an option."""
    return text.encode("utf-8", "replace")[:_MAX_OPTION_BYTES].decode("utf-8", "ignore").encode("utf-8")
