"""Where bytes come from: files and standard input. Whoever wants the bytes of a capture gets an ``Input``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from pcapaudit.core.errors import CaptureError

__all__ = ["STDIN", "Input", "open_input"]

#: The path that means standard input.
STDIN = "-"


class Input:
    """The bytes of one file or of standard input, in order."""

    def __init__(self, path: str, file: BinaryIO, total: int | None) -> None:
        self.path = path
        #: Bytes taken from the file so far.
        self.bytes_read = 0
        #: Bytes of the file; None when nobody knows.
        self.bytes_total = total
        #: How the file is compressed: "" or the name of the format.
        self.compressed = ""
        #: Whether bytes come when they like: an input that is waited for.
        self.live = total is None
        #: Why the bytes ended early, a name; "" when they did not.
        self.cut = ""
        self._file = file
        # A buffered file would wait until the view is full.
        self._readinto: Callable[[memoryview], int] = getattr(file, "readinto1", None) or cast("FileIO", file).readinto

    def readinto(self, view: memoryview) -> int:
        """Fill the beginning of ``view``: how many bytes, 0 at the end. Raises CaptureError.

        May give fewer bytes than there will be: what has come so far.
        """
        try:
            count = self._readinto(view)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        self.bytes_read += count
        return count

    def close(self) -> None:
        """Give the file back; standard input stays open."""
        if self.path != STDIN:
            self._file.close()


def open_input(path: str) -> Input:
    """Open a file, or standard input for ``-``. Raises CaptureError."""
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise CaptureError("standard input", None, "a terminal", "a capture", "Pipe one in: tcpdump -w - | pcapaudit audit -")
        return Input(path, sys.stdin.buffer, None)
    try:
        file = Path(path).open("rb", buffering=0)  # noqa: SIM115
        size = Path(path).stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    regular = Path(path).is_file()
    return Input(path, cast("BinaryIO", file), size.st_size if regular else None)


def _unreadable(path: str, error: OSError | ValueError) -> CaptureError:
    reason = getattr(error, "strerror", None) or str(error)
    return CaptureError(path, None, f"an error ({reason})", "a readable capture", "Check the name and the permissions.")
