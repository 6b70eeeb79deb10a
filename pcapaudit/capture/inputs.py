"""Where bytes come from: files and standard input, compressed or not. Whoever wants the bytes of a capture gets an ``Input``.

Compression is recognised by content, never by name. Decompressors give no more bytes at a time than there is room for, so that a small
file with huge content costs time and no memory.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from io import RawIOBase
from pathlib import Path
from typing import cast

from pcapaudit.capture.decompress import MAGIC_BYTES, DecodeError, Decoder, decoder_for
from pcapaudit.core.errors import CaptureError

__all__ = ["STDIN", "Input", "label", "open_input"]

#: The path that means standard input.
STDIN = "-"
#: Compressed bytes that are read at a time.
_CHUNK_BYTES = 0x10000


class Input:
    """The bytes of one file or of standard input, in order, decompressed."""

    def __init__(self, path: str, file: RawIOBase, total: int | None) -> None:
        """Look at the first bytes of ``file``. ``total``: its size, None when nobody knows. Raises CaptureError."""
        self.path = path
        #: Bytes taken from the file so far.
        self.bytes_read = 0
        #: Bytes of the file; None when nobody knows.
        self.bytes_total = total
        #: Whether bytes come when they like: an input that is waited for, and cannot be read twice.
        self.live = total is None
        #: How the file is compressed: "" or the name of the format.
        self.compressed = ""
        #: What is odd about the compression, known at the end: "" or the name of the anomaly, and what to say of it.
        self.anomaly = ("", "", "")
        self._file = file
        self._ahead = b""
        self._decoder: Decoder | None = None
        self._recognise()

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``: how many bytes, 0 at the end. Raises CaptureError.

        May give fewer bytes than there will be: what has come so far.
        """
        if self.compressed:
            return self._decompress_into(view)
        if self._ahead:
            count = min(len(view), len(self._ahead))
            view[:count] = self._ahead[:count]
            self._ahead = self._ahead[count:]
            return count
        return self._take(view)

    def close(self) -> None:
        """Give the file back; standard input stays open."""
        if self.path != STDIN:
            self._file.close()

    def _recognise(self) -> None:
        """Read as much as tells a compressed file."""
        while len(self._ahead) < MAGIC_BYTES and (more := self._chunk()):
            self._ahead += more
        self.compressed, self._decoder = decoder_for(self._ahead)

    def _take(self, view: memoryview) -> int:
        """Bytes of the file as they are."""
        try:
            while (count := self._file.readinto(view)) is None:
                select.select([self._file], [], [])
        except OSError as error:
            raise _unreadable(self.path, error) from error
        self.bytes_read += count
        return count

    def _chunk(self) -> bytes:
        buffer = bytearray(_CHUNK_BYTES if self.compressed else MAGIC_BYTES)
        return bytes(buffer[: self._take(memoryview(buffer))])

    def _decompress_into(self, view: memoryview) -> int:
        """Decompress until there are some bytes, or none any more."""
        while self._decoder is not None:
            if self._decoder.hungry:
                more = self._chunk()
                self._ahead += more
                if not more:
                    self._decoder = None
                    self.anomaly = ("truncated-compression", f"the end of the file within its {self.compressed} data", "the rest of it")
                    break
            try:
                data = self._decoder.decode(self._ahead, len(view))
            except DecodeError as error:
                found = f"{self.compressed} data that cannot be decompressed ({error})"
                advice = "The file is damaged: what lies behind this place is lost."
                raise CaptureError(label(self.path), self.bytes_read - len(self._ahead), found, "sound data", advice) from error
            self._ahead = self._decoder.left
            if self._decoder.ended:
                self._next_member()
            if data:
                view[: len(data)] = data
                return len(data)
        return 0

    def _next_member(self) -> None:
        """Compressed files may be strung together, with zero bytes between them; other bytes are not looked at, as gzip does."""
        self._decoder = None
        while not self._ahead.strip(b"\0"):
            self._ahead = self._chunk()
            if not self._ahead:
                return
        self._ahead = self._ahead.lstrip(b"\0")
        while len(self._ahead) < MAGIC_BYTES and (more := self._chunk()):
            self._ahead += more
        name, self._decoder = decoder_for(self._ahead)
        if name != self.compressed:
            self._decoder = None
            found = f"other bytes behind the {self.compressed} data"
            self.anomaly = ("trailing-bytes", found, "the end of the file")


def label(path: str) -> str:
    """How messages call an input."""
    return "standard input" if path == STDIN else path


def open_input(path: str) -> Input:
    """Open a file, or standard input for ``-``. Raises CaptureError."""
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise CaptureError(label(path), None, "a terminal", "a capture", "Pipe one in: tcpdump -w - | pcapaudit audit -")
        # The buffered file would wait until as many bytes are there as were asked for.
        raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return Input(path, cast("RawIOBase", raw), None)
    try:
        file = Path(path).open("rb", buffering=0)  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    status = os.fstat(file.fileno())
    try:
        return Input(path, file, status.st_size if stat.S_ISREG(status.st_mode) else None)
    except BaseException:
        file.close()
        raise


def _unreadable(path: str, error: OSError | ValueError) -> CaptureError:
    reason = getattr(error, "strerror", None) or str(error)
    return CaptureError(label(path), None, f"an error ({reason})", "a readable capture", "Check the name and the permissions.")
