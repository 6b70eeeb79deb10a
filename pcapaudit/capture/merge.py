"""Several files as one sequence of frames in time order.

A file is opened when the sequence reaches its first frame, so a rotated set is read one file after another whatever its length; files that
overlap are merged frame by frame. Within a file the order of frames is never changed: a frame whose time stamp is earlier than one
before it counts as late as that one. Of equally late frames, those of the file that began earlier come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcapaudit.capture.source import Source
from pcapaudit.core.columns import PACKET_COLUMNS, PacketBatch
from pcapaudit.core.consts import BATCH_FRAMES, BUFFER_BYTES
from pcapaudit.core.errors import CaptureError

__all__ = ["CAPTURE_COLUMNS", "MAX_LANES", "Lane", "Merge", "Planned"]

#: What the readers fill.
CAPTURE_COLUMNS = tuple(name for name, _, who, _ in PACKET_COLUMNS if who in ("capture", "all"))
#: Files that may be open at the same time; each takes half a megabyte.
MAX_LANES = 256
_LONG_AGO = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Planned:
    """A file that waits for its turn."""

    #: Time stamp of its first frame; None when it has none.
    first_ns: int | None
    #: Opens it.
    open: Callable[[], Lane]

    @property
    def begins_ns(self) -> int:
        """When it is to be opened."""
        return _LONG_AGO if self.first_ns is None else self.first_ns


class Lane:
    """An open file and those of its frames that were read and not yet taken."""

    def __init__(self, source: Source) -> None:
        self.source = source
        #: The frames: rows ``row`` to ``count - 1`` of ``batch``.
        self.batch = PacketBatch()
        self.row = self.count = 0
        #: When each row of ``batch`` is due: the latest time stamp up to it.
        self.due: Any = np.zeros(0, np.int64)
        #: The latest time stamp so far.
        self.clock = _LONG_AGO

    @property
    def left(self) -> int:
        """How many frames wait."""
        return self.count - self.row

    @property
    def last_ns(self) -> int:
        """When the last frame that waits is due."""
        return int(self.due[-1])

    def fill(self) -> bool:
        """Read frames; False at the end of the file. Raises CaptureError."""
        self.source.fill(self.batch)
        self._queue()
        return self.count > 0

    def keep(self, batch: PacketBatch, first: int) -> None:
        """Take over the rows of a batch that the source has filled, from row ``first`` on."""
        start = int(batch.arrays["offset"][first])
        self.source.move(self.batch, start)
        self.batch.count = batch.count - first
        for name in CAPTURE_COLUMNS:
            self.batch.arrays[name][: self.batch.count] = batch.arrays[name][first : batch.count]
        self.batch.arrays["offset"][: self.batch.count] -= np.uint32(start)
        self._queue()

    def _queue(self) -> None:
        self.row, self.count = 0, self.batch.count
        if self.count:
            self.due = np.maximum(np.maximum.accumulate(self.batch.arrays["ts_ns"][: self.count]), self.clock)
            self.clock = self.last_ns


class Merge:
    """Reads lanes and what is planned as one."""

    def __init__(self, planned: list[Planned]) -> None:
        #: In order of their beginning.
        self._planned = sorted(planned, key=lambda each: each.begins_ns)
        #: In the order in which they were opened.
        self._lanes: list[Lane] = []

    def read_into(self, batch: PacketBatch) -> bool:
        """Replace the capture columns of ``batch`` with the next frames; False when there are none. Raises CaptureError."""
        while self._lanes or self._planned:
            if not self._lanes:
                self._open_next()
            if len(self._lanes) == 1 and not self._lanes[0].left:
                found = self._read_alone(self._lanes[0], batch)
            else:
                found = self._read_merged(batch)
            if found:
                return True
        batch.count = 0
        return False

    def close(self) -> None:
        """Close what is open, and what was opened to wait."""
        for lane in self._lanes:
            lane.source.close()
        self._lanes, self._planned = [], []

    def _open_next(self) -> None:
        if len(self._lanes) == MAX_LANES:
            advice = "Merge some of them first: mergecap -w merged.pcapng FILE..."
            raise CaptureError("the captures", None, f"more than {MAX_LANES} captures of the same time", "fewer", advice)
        self._lanes.append(self._planned.pop(0).open())

    def _end(self, lane: Lane) -> None:
        self._lanes.remove(lane)
        lane.source.close()

    def _read_alone(self, lane: Lane, batch: PacketBatch) -> bool:
        """The only open file reads into the caller's batch, up to where another one begins."""
        if not lane.source.fill(batch):
            self._end(lane)
            return False
        if not self._planned:
            return True
        stamps = batch.arrays["ts_ns"][: batch.count]
        late = np.flatnonzero(stamps > self._planned[0].begins_ns)
        count = int(late[0]) if len(late) else batch.count
        if count:
            lane.clock = max(lane.clock, int(stamps[:count].max()))
        if count < batch.count:
            lane.keep(batch, count)
            batch.count = count
        return count > 0

    def _read_merged(self, batch: PacketBatch) -> bool:
        """Merge what is known to be complete: up to the last frame of the file whose frames in hand end first."""
        for lane in list(self._lanes):
            if not lane.left and not lane.fill():
                self._end(lane)
        while self._lanes and self._planned and self._planned[0].begins_ns <= min(each.last_ns for each in self._lanes):
            self._open_next()
            if not self._lanes[-1].left and not self._lanes[-1].fill():
                self._end(self._lanes[-1])
        if not self._lanes:
            return False
        horizon, last = min((lane.last_ns, number) for number, lane in enumerate(self._lanes))
        ready = []
        for number, lane in enumerate(self._lanes):
            due = lane.due[lane.row :]
            ready.append(int(np.searchsorted(due, horizon, "right") if number <= last else np.searchsorted(due, horizon, "left")))
        due = np.concatenate([lane.due[lane.row : lane.row + count] for lane, count in zip(self._lanes, ready, strict=True)])
        order = np.argsort(due, kind="stable")
        self._take(batch, ready, order)
        return True

    def _take(self, batch: PacketBatch, ready: list[int], order: Any) -> None:
        """Give the first of the ready frames, as many as a batch holds."""
        slices = [(lane, slice(lane.row, lane.row + count)) for lane, count in zip(self._lanes, ready, strict=True)]
        sizes = np.concatenate([lane.batch.arrays["caplen"][rows] for lane, rows in slices])[order]
        fitting = int(np.searchsorted(np.cumsum(sizes, dtype=np.int64), BUFFER_BYTES, "right"))
        order = order[: max(1, min(fitting, BATCH_FRAMES))]
        owner = np.repeat(np.arange(len(ready)), ready)[order]
        taken = np.bincount(owner, minlength=len(ready))
        shifts = self._take_bytes(batch, taken)
        for name in CAPTURE_COLUMNS:
            column = np.concatenate([lane.batch.arrays[name][rows] for lane, rows in slices])[order]
            if name == "offset":
                column = column.astype(np.int64) + shifts[owner]
            batch.arrays[name][: len(order)] = column
        batch.count = len(order)
        for lane, count in zip(self._lanes, taken, strict=True):
            lane.row += int(count)

    def _take_bytes(self, batch: PacketBatch, taken: Any) -> Any:
        """Copy the bytes of the taken frames, lane behind lane; by how much they moved, for each lane."""
        spans = []
        for lane, count in zip(self._lanes, taken, strict=True):
            offsets, caplens = lane.batch.arrays["offset"], lane.batch.arrays["caplen"]
            start = int(offsets[lane.row]) if count else 0
            last = lane.row + int(count) - 1
            spans.append((start, int(offsets[last]) + int(caplens[last]) if count else 0))
        batch.data_len = 0
        batch.resize(sum(end - start for start, end in spans))
        shifts, at = [], 0
        for lane, (start, end) in zip(self._lanes, spans, strict=True):
            batch.buffer[at : at + end - start] = lane.batch.buffer[start:end]
            shifts.append(at - start)
            at += end - start
        batch.data_len = at
        return np.array(shifts, np.int64)
