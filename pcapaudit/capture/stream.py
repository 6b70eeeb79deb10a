"""Captures as one stream of frames: several files, one numbering of frames, files and interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pcapaudit.capture.inputs import Input, open_input
from pcapaudit.capture.pcapng import Interface
from pcapaudit.capture.source import CaptureFile, Source
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError

__all__ = ["Stream", "open_stream"]

#: The columns if_id and file_id have 16 bits.
_MOST = 1 << 16


class Stream:
    """The frames of some captures, in order. Made by ``open_stream``."""

    def __init__(self, paths: Sequence[str], *, strict: bool = False) -> None:
        #: The files, in the order of reading; the column file_id counts in it.
        self.files: list[CaptureFile] = []
        #: The interfaces met so far; the column if_id counts in it.
        self.interfaces: list[Interface] = []
        #: What a person should know, one line each.
        self.warnings: list[str] = []
        #: Frames read so far.
        self.frames = 0
        self._inputs: list[Input] = []
        self._sources: list[Source] = []
        try:
            for number, path in enumerate(paths):
                self._inputs.append(open_input(path))
                self._sources.append(Source(self._inputs[-1], number, self._register, strict=strict))
                self._sources[-1].warnings = self.warnings
                self.files.append(self._sources[-1].file)
        except BaseException:
            self.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Bytes of the files that were read so far, compressed ones as they lie there."""
        return sum(each.bytes_read for each in self._inputs)

    @property
    def bytes_total(self) -> int | None:
        """What ``bytes_read`` will be at the end; None when nobody knows."""
        totals = [each.bytes_total for each in self._inputs]
        return None if None in totals else sum(each or 0 for each in totals)

    def read_into(self, batch: PacketBatch) -> bool:
        """Replace the rows of ``batch`` with the next frames of the stream: the capture columns, count, first_frame, data and data_len.

        False at the end, ``batch.count`` is 0 then. Raises CaptureError; every whole frame before the fault was handed out then.
        """
        while self._sources:
            batch.first_frame = self.frames + 1
            if self._sources[0].fill(batch):
                self.frames += batch.count
                return True
            self._sources.pop(0).close()
        batch.count = 0
        return False

    def close(self) -> None:
        """Close the files. The lists and numbers stay."""
        for each in self._inputs:
            each.close()

    def _register(self, interface: Interface) -> int:
        if len(self.interfaces) == _MOST:
            found = f"more than {_MOST} interfaces"
            raise CaptureError("the captures", None, found, "fewer", "Audit the files one by one.")
        self.interfaces.append(interface)
        return len(self.interfaces) - 1


@contextmanager
def open_stream(paths: Sequence[str], strict: bool = False, reorder_ns: int = 0) -> Iterator[Stream]:  # noqa: ARG001
    """The captures as one stream, closed at the end of the block. Raises CaptureError.

    ``paths``: files, ``-`` for standard input; ``strict``: a file that is cut off is an error.
    """
    stream = Stream(paths, strict=strict)
    try:
        yield stream
    finally:
        stream.close()
