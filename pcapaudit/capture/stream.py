"""Captures as one stream of frames: several files, one numbering of frames, files and interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pcapaudit.capture.ahead import Ahead
from pcapaudit.capture.inputs import Input, open_input
from pcapaudit.capture.merge import Lane, Merge, Planned
from pcapaudit.capture.paths import Candidate, expand
from pcapaudit.capture.pcapng import Interface
from pcapaudit.capture.reorder import Reorder
from pcapaudit.capture.source import CaptureFile, NotACaptureError, Source
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError

__all__ = ["Stream", "open_stream"]

#: The columns if_id and file_id have 16 bits.
_MOST = 1 << 16


class Stream:
    """The frames of some captures, in time order. Made by ``open_stream``."""

    def __init__(self, words: Sequence[str], *, strict: bool = False, reorder_ns: int = 0) -> None:
        #: The files, in the order in which they were named; the column file_id counts in it.
        self.files: list[CaptureFile] = []
        #: The interfaces met so far; the column if_id counts in it.
        self.interfaces: list[Interface] = []
        #: What a person should know, one line each.
        self.warnings: list[str] = []
        #: Frames read so far.
        self.frames = 0
        self._strict = strict
        #: One for each file, closed ones too: they know the sizes.
        self._inputs: list[Input] = []
        planned: list[Planned] = []
        try:
            candidates = expand(words, self.warnings)
            for each in candidates:
                self._plan(each, planned, alone=len(candidates) == 1)
            if not planned:
                raise CaptureError(words[0], None, "no capture", "one at least", "None of the files is pcap or pcapng.")
        except BaseException:
            self.close()
            raise
        self._merge = Merge(planned)
        self._read = self._merge.read_into
        if reorder_ns > 0:
            self._read = Reorder(self._merge.read_into, reorder_ns, self.warnings.append).read_into

    def look_ahead(self, frames: int) -> Iterator[tuple[PacketBatch, int]]:
        """The first frames, before ``read_into`` hands them out: batches, and how many frames of each are wanted. Once, before all else."""
        ahead = Ahead(self._read)
        self._read = ahead.read_into
        return ahead.look(frames)

    @property
    def bytes_read(self) -> int:
        """Bytes of the files that were read so far, compressed ones as they lie there."""
        return sum(each.bytes_read for each in self._inputs)

    @property
    def bytes_total(self) -> int | None:
        """What ``bytes_read`` will be at the end; None when nobody knows."""
        totals = [each.bytes_total for each in self._inputs]
        return None if None in totals else sum(each or 0 for each in totals)

    @property
    def live(self) -> bool:
        """Whether one of the captures is a pipe, whose frames come when they come."""
        return any(each.live for each in self._inputs)

    def read_into(self, batch: PacketBatch) -> bool:
        """Replace the rows of ``batch`` with the next frames of the stream: the capture columns, count, first_frame, data and data_len.

        False at the end, ``batch.count`` is 0 then. Raises CaptureError; every whole frame before the fault was handed out then.
        A batch in which frames of several files meet holds their bytes in another order than its rows.
        """
        batch.first_frame = self.frames + 1
        found = self._read(batch)
        self.frames += batch.count
        return found

    def close(self) -> None:
        """Close the files. The lists and numbers stay."""
        for each in self._inputs:
            each.close()

    def _plan(self, candidate: Candidate, planned: list[Planned], *, alone: bool) -> None:
        """Look at a file's header and first frame, and note when it is its turn."""
        file_id = len(self.files)
        if file_id == _MOST:
            raise CaptureError(candidate.path, None, f"more than {_MOST} captures", "fewer", "Audit them in parts.")
        source = open_input(candidate.path)
        self._inputs.append(source)
        try:
            planned.append(self._wait(source, file_id, alone=alone) if alone or source.live else self._probe(source, file_id))
        except NotACaptureError as error:
            if not candidate.found:
                raise
            self._inputs.pop().close()
            self.warnings.append(f"{candidate.path}: found {error.found}: passed over.")

    def _wait(self, source: Input, file_id: int, *, alone: bool) -> Planned:
        """A file that stays open until its turn: the only one, or a pipe, whose first frames are kept."""
        lane = self._lane(source, file_id)
        self.files.append(lane.source.file)
        first_ns = int(lane.due[0]) if not alone and lane.fill() else None
        return Planned(first_ns, lambda: lane)

    def _probe(self, source: Input, file_id: int) -> Planned:
        """A file that is closed until its turn."""
        probe, batch = Source(source, file_id, lambda _: 0), PacketBatch()
        try:
            first_ns = int(batch.arrays["ts_ns"][0]) if probe.fill(batch, ahead=False) else None
        except CaptureError:
            # It is met again when the file is read.
            first_ns = None
        source.close()
        source.bytes_read = 0
        self.files.append(CaptureFile(source.path, probe.file.format, source.compressed))
        return Planned(first_ns, lambda: self._reopen(source.path, file_id))

    def _reopen(self, path: str, file_id: int) -> Lane:
        self._inputs[file_id] = open_input(path)
        lane = self._lane(self._inputs[file_id], file_id)
        self.files[file_id] = lane.source.file
        return lane

    def _lane(self, source: Input, file_id: int) -> Lane:
        opened = Source(source, file_id, self._register, strict=self._strict)
        opened.warnings = self.warnings
        return Lane(opened)

    def _register(self, interface: Interface) -> int:
        if len(self.interfaces) == _MOST:
            found = f"more than {_MOST} interfaces"
            raise CaptureError("the captures", None, found, "fewer", "Audit the files one by one.")
        self.interfaces.append(interface)
        return len(self.interfaces) - 1


@contextmanager
def open_stream(paths: Sequence[str], strict: bool = False, reorder_ns: int = 0) -> Iterator[Stream]:
    """The captures as one stream, closed at the end of the block. Raises CaptureError.

    ``paths``: files, folders, patterns, ``-`` for standard input; ``strict``: a file that is cut off or otherwise odd is an error;
    ``reorder_ns``: frames are sorted within this many nanoseconds.
    """
    stream = Stream(paths, strict=strict, reorder_ns=reorder_ns)
    try:
        yield stream
    finally:
        stream.close()
