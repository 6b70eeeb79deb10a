"""A look at the first frames of a stream, which are handed out all the same when their turn comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from pcapaudit.capture.merge import CAPTURE_COLUMNS
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError

__all__ = ["Ahead"]


class _Held:
    """What a batch held, as small as it goes: a pipe gives one frame at a time."""

    def __init__(self, batch: PacketBatch) -> None:
        self.count = batch.count
        self._columns: dict[str, Any] = {name: batch.arrays[name][: batch.count].copy() for name in CAPTURE_COLUMNS}
        self._bytes = batch.buffer[: batch.data_len].copy()

    def give(self, batch: PacketBatch) -> None:
        """Put it into a batch."""
        batch.data_len = 0
        batch.resize(len(self._bytes))
        batch.buffer[: len(self._bytes)] = self._bytes
        batch.data_len = len(self._bytes)
        for name, column in self._columns.items():
            batch.arrays[name][: self.count] = column
        batch.count = self.count


class Ahead:
    """Reads through ``read``, as ``Stream.read_into`` does; ``look`` before the first ``read_into``."""

    def __init__(self, read: Callable[[PacketBatch], bool]) -> None:
        self._read = read
        self._held: deque[_Held] = deque()
        self._fault: CaptureError | None = None

    def look(self, frames: int) -> Iterator[tuple[PacketBatch, int]]:
        """Batches with the first frames, and how many of each belong to them. A fault of the capture waits until it is read."""
        batch, left = PacketBatch(), frames
        while left > 0:
            try:
                if not self._read(batch):
                    return
            except CaptureError as error:
                self._fault = error
                return
            self._held.append(_Held(batch))
            yield batch, min(left, batch.count)
            left -= batch.count

    def read_into(self, batch: PacketBatch) -> bool:
        """The next frames. Raises CaptureError."""
        if self._held:
            self._held.popleft().give(batch)
            return True
        if self._fault is not None:
            raise self._fault
        return self._read(batch)
