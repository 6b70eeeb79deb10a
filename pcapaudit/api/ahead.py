"""Reads ahead: the next batch is read and decoded in a second thread while the one at hand is judged.

Reading, decoding and judging hold no lock of the interpreter, so on two processors they overlap; on one, or where there is little to read,
nothing would be gained, and there is no thread. The thread takes turns with two batches. What it hands over it does not touch until the
judge is done with it; the judge's own batch shows that memory as if it had been read there. Frames come in the same order and batches as
without it, and an error comes where it would have come: behind the frames before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING

from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay.run import Source
from pcapaudit.wire.decode import Decoder

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream
    from pcapaudit.replay.run import Batches

__all__ = ["AheadSource", "open_source"]

#: Bytes of captures from which on a thread pays for itself.
_WORTH_BYTES = 1 << 22


@contextmanager
def open_source(stream: Stream, checksum: str) -> Iterator[Batches]:
    """The source of a stream's batches: one that reads ahead, where that gains something. A pipe is read when its frames are wanted."""
    size = None if stream.live else stream.bytes_total
    if size is None or size < _WORTH_BYTES or len(os.sched_getaffinity(0)) < 2:
        yield Source(stream, checksum)
    else:
        with AheadSource(stream, checksum) as source:
            yield source


class AheadSource:
    """As ``Source``, with a thread of its own. ``read`` raises what reading raised. To be used as a context manager."""

    def __init__(self, stream: Stream, checksum: str = "auto") -> None:
        self.stream = stream
        #: Shows the memory of one of the two sources.
        self.batch = PacketBatch()
        self.decoder = Decoder(self.batch, checksum)
        self._shown: Source | None = None
        #: What the thread may fill; None: it shall end. What it has filled: None at the end, an error when it was met.
        self._free: SimpleQueue[Source | None] = SimpleQueue()
        self._filled: SimpleQueue[Source | BaseException | None] = SimpleQueue()
        for _ in range(2):
            self._free.put(Source(stream, checksum))
        self._thread = Thread(target=self._fill, name="pcapaudit-ahead", daemon=True)

    def __enter__(self) -> AheadSource:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._free.put(None)
        self._thread.join()

    def read(self) -> bool:
        """Show the next batch. Returns False at the end. Raises CaptureError."""
        if self._shown is not None:
            self._free.put(self._shown)
            self._shown = None
        filled = self._filled.get()
        if isinstance(filled, BaseException):
            raise filled
        if filled is None:
            self.batch.count = 0
            return False
        self._shown = filled
        self.batch.show(filled.batch)
        return True

    def _fill(self) -> None:
        """The thread: fill what is free, until the end, an error or the wish to end."""
        try:
            while (source := self._free.get()) is not None:
                if not source.read():
                    break
                self._filled.put(source)
            self._filled.put(None)
        except BaseException as error:  # noqa: BLE001 (it is raised again by ``read``)
            self._filled.put(error)
