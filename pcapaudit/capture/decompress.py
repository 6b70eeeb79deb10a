"""Decompressors of one kind for gzip, bzip2, xz, zstd and lz4: bytes in, no more bytes out than asked for. No I/O.

zstandard and lz4 are imported when such a file is met. A file whose decompression takes more memory than ``_MEMORY_BYTES`` is refused.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any, Protocol

__all__ = ["MAGIC_BYTES", "DecodeError", "Decoder", "decoder_for"]

#: As many bytes tell the format.
MAGIC_BYTES = 6
#: Window of a decompressor at most. xz -9 takes 65 MB; zstd --long=31 asks for 2 GiB and is refused.
_MEMORY_BYTES = 1 << 28
_GZIP_WINDOW = 31


class DecodeError(Exception):
    """Data that cannot be decompressed; the text says why."""


class Decoder(Protocol):
    """Decompresses one member or frame."""

    #: Whether it needs bytes to go on.
    hungry: bool
    #: Whether the member is over.
    ended: bool
    #: Bytes given to ``decode`` and not taken.
    left: bytes

    def decode(self, data: bytes, limit: int) -> bytes:
        """At most ``limit`` bytes, perhaps none. ``data`` begins with what was ``left`` last time. Raises DecodeError."""


def decoder_for(head: bytes) -> tuple[str, Decoder | None]:
    """Name of the format of a file that begins with ``head``, and a decoder for its first member; ("", None) when it is none."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip", _Gzip()
    if head.startswith(b"BZh") and head[3:4] in b"123456789" and head[4:6] in (b"1A", b"\x17\x72"):
        return "bzip2", _Plain(bz2.BZ2Decompressor())
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz", _Plain(lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES))
    if head.startswith(b"\x28\xb5\x2f\xfd") or _is_skippable(head):
        return "zstd", _Zstd()
    if head.startswith(b"\x04\x22\x4d\x18"):
        import lz4.frame

        return "lz4", _Plain(lz4.frame.LZ4FrameDecompressor())
    return "", None


def _is_skippable(head: bytes) -> bool:
    """A frame of user data: pzstd and others begin with one."""
    return len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18"


class _Gzip:
    """zlib: what it did not take must be given again."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_WINDOW)
        self.hungry, self.ended, self.left = False, False, b""

    def decode(self, data: bytes, limit: int) -> bytes:
        try:
            out = self._inner.decompress(data, limit)
        except zlib.error as error:
            raise DecodeError(str(error)) from error
        self.ended = self._inner.eof
        self.left = self._inner.unused_data if self.ended else self._inner.unconsumed_tail
        # Output that did not fit is asked for again with no input.
        self.hungry = not self.left and len(out) < limit
        return out


class _Plain:
    """bz2, lzma and lz4: they keep what they did not take."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.hungry, self.ended, self.left = False, False, b""

    def decode(self, data: bytes, limit: int) -> bytes:
        try:
            out: bytes = self._inner.decompress(data, max_length=limit)
        except (OSError, ValueError, EOFError, RuntimeError, MemoryError, lzma.LZMAError) as error:
            raise DecodeError(str(error) or type(error).__name__) from error
        self.ended = bool(self._inner.eof)
        self.left = (self._inner.unused_data or b"") if self.ended else b""
        self.hungry = bool(self._inner.needs_input)
        return out


class _Zstd:
    """zstandard, fed block by block: a block is 128 KiB at most, and following them tells where a frame ends."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._inner = zstandard.ZstdDecompressor(max_window_size=_MEMORY_BYTES).decompressobj()
        #: What comes next: "frame", "block", "checksum", "user data".
        self._next = "frame"
        self._checksum = 0
        self._user_data = 0
        self._out = b""
        self._over = False
        self.hungry, self.ended, self.left = False, False, b""

    def decode(self, data: bytes, limit: int) -> bytes:
        at = 0
        while not self._out and not self._over:
            size = self._piece(data, at)
            self.hungry = size == 0 or len(data) - at < size
            if self.hungry:
                break
            at += size
        out, self._out = self._out[:limit], self._out[limit:]
        if out:
            self.hungry = False
        self.ended = self._over and not self._out
        self.left = data[at:]
        return out

    def _piece(self, data: bytes, at: int) -> int:
        """Decode the piece that begins at ``at`` if it is there whole: its size, 0 when that cannot be told yet."""
        if self._next == "user data":
            return self._skip(len(data) - at)
        size, then = self._frame(data, at) if self._next == "frame" else self._block(data, at)
        if size == 0 or len(data) - at < size:
            return size
        if then != "user data":
            self._feed(data[at : at + size])
        self._next = then
        self._over = then == "" or (then == "user data" and self._user_data == 0)
        return size

    def _skip(self, there: int) -> int:
        """User data, in whatever pieces."""
        size = min(there, self._user_data)
        self._user_data -= size
        self._over = self._user_data == 0
        return size

    def _frame(self, data: bytes, at: int) -> tuple[int, str]:
        """Size of the frame's header (RFC 8878, 3.1.1.1) and what comes behind it."""
        if len(data) - at < 8:
            return 0, ""
        if _is_skippable(data[at : at + 4]):
            self._user_data = int.from_bytes(data[at + 4 : at + 8], "little")
            return 8, "user data"
        flags = data[at + 4]
        single = flags >> 5 & 1
        self._checksum = 4 if flags & 4 else 0
        return 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6], "block"

    def _block(self, data: bytes, at: int) -> tuple[int, str]:
        """Size of a block (RFC 8878, 3.1.1.2), the checksum with the last one, and what comes behind it."""
        if len(data) - at < 3:
            return 0, ""
        head = int.from_bytes(data[at : at + 3], "little")
        size = 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
        if size > 3 + (1 << 17):
            raise DecodeError("a block that is too long")
        return (size + self._checksum, "") if head & 1 else (size, "block")

    def _feed(self, piece: bytes) -> None:
        try:
            self._out += self._inner.decompress(piece)
        except self._error as error:
            raise DecodeError(str(error)) from error
