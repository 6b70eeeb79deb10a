"""Frames sorted by time within a window: for captures whose writer mixed several queues.

A frame is held until one is seen that is later by the window; what comes later still keeps its place and its anomaly
``time-backwards``. The frames that are held have a limit: beyond it the earliest are let go early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pcapaudit.capture.merge import CAPTURE_COLUMNS
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.consts import ANOM_TIME_BACKWARDS, BATCH_FRAMES, BUFFER_BYTES, FRAME_NO_TIME

__all__ = ["MAX_HELD", "MAX_HELD_BYTES", "Reorder"]

#: Frames, and bytes of frames, that are held at most.
MAX_HELD = 1_000_000
MAX_HELD_BYTES = 1 << 28
_LONG_AGO = -(1 << 63)
_LATE = np.uint64(1 << ANOM_TIME_BACKWARDS)


class Reorder:
    """Sorts what ``read`` gives. ``warn`` is called once with a line of text if the limit is met."""

    def __init__(self, read: Callable[[PacketBatch], bool], window_ns: int, warn: Callable[[str], None]) -> None:
        self._read = read
        self._window_ns = window_ns
        self._warn = warn
        self._warned = False
        self._inner = PacketBatch()
        self._ended = False
        #: The frames that are held, sorted; offsets point into ``_data``.
        self._held: dict[str, Any] = {name: self._inner.arrays[name][:0].copy() for name in CAPTURE_COLUMNS}
        self._data: Any = np.zeros(0, np.uint8)
        self._held_bytes = 0
        self._newest = self._given = _LONG_AGO

    def read_into(self, batch: PacketBatch) -> bool:
        """Replace the capture columns of ``batch`` with the next frames; False when there are none. Raises CaptureError."""
        while not (ready := self._ready()) and not self._ended:
            if self._read(self._inner):
                self._hold()
            else:
                self._ended = True
        self._give(batch, ready)
        return batch.count > 0

    def _ready(self) -> int:
        """How many of the frames that are held may go."""
        stamps = self._held["ts_ns"]
        if self._ended:
            return len(stamps)
        if len(stamps) > MAX_HELD or self._held_bytes > MAX_HELD_BYTES:
            if not self._warned:
                self._warned = True
                self._warn(
                    f"the reorder window holds more than {MAX_HELD} frames or {MAX_HELD_BYTES >> 20} MiB: sorted within what it holds."
                )
            return len(stamps) // 2 + 1
        return int(np.searchsorted(stamps, max(self._newest - self._window_ns, _LONG_AGO), "right")) if len(stamps) else 0

    def _hold(self) -> None:
        """Sort the frames of the inner batch into those that are held."""
        inner, count = self._inner, self._inner.count
        new = {name: inner.arrays[name][:count].copy() for name in CAPTURE_COLUMNS}
        first, size = int(new["offset"].min()), int((new["offset"].astype(np.int64) + new["caplen"]).max())
        new["offset"] = new["offset"] - np.uint32(first) + np.uint32(len(self._data))
        self._data = np.concatenate([self._data, inner.buffer[first:size]])
        self._held_bytes += int(new["caplen"].sum(dtype=np.int64))
        self._newest = max(self._newest, int(new["ts_ns"].max()))
        merged = {name: np.concatenate([self._held[name], column]) for name, column in new.items()}
        order = np.argsort(merged["ts_ns"], kind="stable")
        self._held = {name: column[order] for name, column in merged.items()}

    def _give(self, batch: PacketBatch, ready: int) -> None:
        """Hand out the first of the ready frames, as many as a batch holds."""
        sizes = np.cumsum(self._held["caplen"][: min(ready, BATCH_FRAMES)], dtype=np.int64)
        count = max(int(np.searchsorted(sizes, BUFFER_BYTES, "right")), min(ready, 1))
        data, offsets = self._bytes_of(slice(count))
        batch.data_len = 0
        batch.resize(len(data))
        batch.buffer[: len(data)] = data
        for name in CAPTURE_COLUMNS:
            batch.arrays[name][:count] = self._held[name][:count]
        batch.arrays["offset"][:count] = offsets
        batch.count, batch.data_len = count, len(data)
        if count:
            self._mark_late(batch, count)
            self._held_bytes -= int(sizes[count - 1])
        self._held = {name: column[count:] for name, column in self._held.items()}
        if len(self._data) > 2 * self._held_bytes + BUFFER_BYTES:
            self._data, self._held["offset"] = self._bytes_of(slice(None))

    def _bytes_of(self, rows: slice) -> tuple[Any, Any]:
        """The bytes of some frames, and where each begins in them.

        They are a piece of the data as it is, unless too much of that belongs to other frames.
        """
        caplens = self._held["caplen"][rows].astype(np.int64)
        starts = self._held["offset"][rows].astype(np.int64)
        total = int(caplens.sum())
        if len(starts):
            first, last = int(starts.min()), int((starts + caplens).max())
            if last - first <= total + total // 2 + BUFFER_BYTES // 4:
                return self._data[first:last].copy(), (starts - first).astype(np.uint32)
        packed = np.cumsum(caplens) - caplens
        return self._data[np.repeat(starts - packed, caplens) + np.arange(total)], packed.astype(np.uint32)

    def _mark_late(self, batch: PacketBatch, count: int) -> None:
        """The anomaly is for frames that are late even so."""
        stamps, anomalies = batch.arrays["ts_ns"][:count], batch.arrays["anomalies"][:count]
        timed = (batch.arrays["frame_flags"][:count] & FRAME_NO_TIME) == 0
        late = timed & (stamps < self._given)
        anomalies &= ~_LATE
        anomalies[late] |= _LATE
        self._given = max(self._given, int(stamps[-1]))
