"""Holds judged batches back while a fragment in them waits for the rest of its datagram: all frames of a datagram get one verdict.

What becomes of a fragment that waits:

* Its datagram becomes whole: its row gets what was said of the datagram, the verdict, the rule, the connection and the flow.
* Its datagram is thrown away, by a fragment that overlaps or contradicts, or because its time is over: the row says *drop*, and why.
* Neither, to the end of the capture: the row goes on saying that it waits.
* Its datagram stays open for more than ``MOST_FRAGMENT_FRAMES`` frames or ``MOST_FRAGMENT_BYTES`` captured bytes: nobody waits for that,
  the row says so (``fragment-open``), and the column ``datagram`` still links it to the frame that has the verdict.

The limits count frames and bytes of the stream, so it makes no difference how it is cut into batches or files. Without fragments a batch
goes on as it is; held back are copies, small batches put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch

if TYPE_CHECKING:
    from pcapaudit.replay.reassembly import End, Reassembly
    from pcapaudit.replay.trace import Tracer

__all__ = ["MOST_FRAGMENT_BYTES", "MOST_FRAGMENT_FRAMES", "Hold", "Judged"]

#: So much of the stream may lie between a fragment and the frame that settles its datagram; as much is held in memory at most.
MOST_FRAGMENT_FRAMES = 131_072
MOST_FRAGMENT_BYTES = 64 << 20
#: Batches whose memory is kept for the next time.
_SPARE = 4
#: Columns that say where bytes lie; 0: there are none.
_PLACES = ("l4_off", "payload_off")


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch of which nothing more will change."""

    batch: PacketBatch
    #: Of each side.
    verdicts: tuple[VerdictBatch, ...]
    #: What was given to ``take`` for it.
    extras: tuple[Any, ...]


class Hold:
    """What lies between engines that judge the same batches and whoever takes their results.

    ``sides``: the verdicts of each engine, and its fragments; None for a side that has the verdicts of whole datagrams already.
    """

    def __init__(self, batch: PacketBatch, sides: Sequence[tuple[VerdictBatch, Reassembly | None]], tracer: Tracer | None = None) -> None:
        self._batch = batch
        self._live = tuple(verdicts for verdicts, _ in sides)
        self._tracer = tracer
        self._sides = [_Side(self, number, reassembly) for number, (_, reassembly) in enumerate(sides) if reassembly is not None]
        self._kept: deque[_Kept] = deque()
        self._spare: list[_Kept] = []
        self._total = 0

    def take(self, extra: Any = None) -> Iterator[Judged]:
        """All sides have judged the batch. Yields what is settled, in order, each valid until the next is asked for."""
        if self._kept or any(side.is_stirred() for side in self._sides):
            self._settle()
            if any(side.waits for side in self._sides):
                self._keep(extra)
                yield from self._release()
                return
            yield from self._release()
        yield Judged(self._batch, self._live, (extra,))

    def rest(self) -> Iterator[Judged]:
        """Nothing more comes: yields what is left."""
        for side in self._sides:
            side.waits.clear()
        yield from self._release()

    def row(self, number: int, frame: int) -> tuple[PacketBatch, VerdictBatch, int] | None:
        """Where the row of a frame is, for the side of that number; None if it is gone."""
        if frame >= self._batch.first_frame:
            return self._batch, self._live[number], int(frame - self._batch.first_frame)
        for kept in reversed(self._kept):
            if frame >= kept.batch.first_frame:
                return kept.batch, kept.verdicts[number], int(frame - kept.batch.first_frame)
        return None

    def tell(self, frame: int, verdicts: VerdictBatch, row: int) -> None:
        """A fragment's row says something else than it did."""
        if self._tracer is not None:
            self._tracer.settled(frame, {name: int(verdicts.arrays[name][row]) for name in ("verdict", "reason", "hook")})

    def _settle(self) -> None:
        """Write to the rows of fragments what became of them."""
        count = self._batch.count
        lengths = self._batch.arrays["caplen"][:count].astype(np.int64)
        before = np.cumsum(lengths) - lengths + self._total
        self._total = int(before[-1] + lengths[-1])
        for side in self._sides:
            side.settle(self._batch, self._live[side.number], before)

    def _keep(self, extra: Any) -> None:
        """Copy the batch."""
        kept = self._kept[-1] if self._kept else None
        if kept is None or not kept.has_room(self._batch):
            kept = self._spare.pop() if self._spare else _Kept(len(self._live))
            kept.begin(self._batch)
            self._kept.append(kept)
        kept.add(self._batch, self._live, extra)

    def _release(self) -> Iterator[Judged]:
        """The batches in which nothing waits any more."""
        oldest = min((next(iter(side.waits)) for side in self._sides if side.waits), default=None)
        while self._kept and (oldest is None or self._kept[0].batch.first_frame + self._kept[0].batch.count <= oldest):
            kept = self._kept.popleft()
            yield Judged(kept.batch, kept.verdicts, tuple(kept.extras))
            if len(self._spare) < _SPARE:
                self._spare.append(kept)


class _Side:
    """The fragments of one engine that wait."""

    def __init__(self, hold: Hold, number: int, reassembly: Reassembly) -> None:
        self.number = number
        #: Frame → captured bytes of the stream before it, in the order of the frames.
        self.waits: dict[int, int] = {}
        self._hold = hold
        self._reassembly = reassembly

    def is_stirred(self) -> bool:
        """Whether fragments wait, or were settled in the batch."""
        return bool(self.waits or self._reassembly.queued or self._reassembly.ends)

    def settle(self, batch: PacketBatch, verdicts: VerdictBatch, before: Any) -> None:
        """Write what became of fragments; ``before``: captured bytes of the stream before each row of the batch."""
        first, last = int(batch.first_frame), int(batch.count) - 1
        self.waits.update((first + row, int(before[row])) for row in self._reassembly.queued)
        for end in self._reassembly.settled(batch.arrays["ts_ns"][: batch.count]):
            for frame in end.frames:
                since = self.waits.pop(frame, None)
                if since is None:
                    continue
                if _is_far(first + end.at - frame, int(before[end.at]) - since):
                    self._give_up(frame)
                else:
                    self._write(frame, end, verdicts)
        for frame, since in list(self.waits.items()):
            if not _is_far(first + last - frame, int(before[last]) - since):
                break
            del self.waits[frame]
            self._give_up(frame)

    def _write(self, frame: int, end: End, live: VerdictBatch) -> None:
        """The row of a frame says what became of its datagram."""
        place = self._hold.row(self.number, frame)
        if place is None:
            return
        batch, verdicts, row = place
        if end.whole:
            for name, array in verdicts.arrays.items():
                if name != "datagram":
                    array[row] = live.arrays[name][end.at]
            return
        verdicts.arrays["verdict"][row] = consts.VERDICT_DROP
        verdicts.arrays["hook"][row] = consts.HOOK_PREROUTING
        verdicts.arrays["reason"][row] = consts.REASON_FRAGMENT_TIMEOUT if end.is_late else consts.REASON_FRAGMENT_DROPPED
        if end.is_late:
            batch.arrays["anomalies"][row] |= np.uint64(1 << consts.ANOM_FRAGMENT_TIMEOUT)
        self._hold.tell(frame, verdicts, row)

    def _give_up(self, frame: int) -> None:
        place = self._hold.row(self.number, frame)
        if place is not None:
            _, verdicts, row = place
            verdicts.arrays["reason"][row] = consts.REASON_FRAGMENT_OPEN
            self._hold.tell(frame, verdicts, row)


def _is_far(frames: int, size: int) -> bool:
    return frames > MOST_FRAGMENT_FRAMES or size > MOST_FRAGMENT_BYTES


class _Kept:
    """A copy of judged batches, as one."""

    def __init__(self, sides: int) -> None:
        self.batch = PacketBatch()
        self.verdicts = tuple(VerdictBatch() for _ in range(sides))
        self.extras: list[Any] = []

    def begin(self, batch: PacketBatch) -> None:
        """Forget what is there; ``batch`` is the first to come."""
        self.batch.first_frame, self.batch.count, self.batch.data_len = batch.first_frame, 0, 0
        self.extras.clear()

    def has_room(self, batch: PacketBatch) -> bool:
        """Whether another batch fits in."""
        size = int(self.batch.data_len) + int(batch.data_len)
        return int(self.batch.count) + int(batch.count) <= consts.BATCH_FRAMES and size <= consts.BUFFER_BYTES

    def add(self, batch: PacketBatch, verdicts: Sequence[VerdictBatch], extra: Any) -> None:
        """Append a batch."""
        mine, base, start, count = self.batch, int(self.batch.data_len), int(self.batch.count), int(batch.count)
        size = int(batch.data_len)
        mine.resize(base + size)
        mine.buffer[base : base + size] = batch.buffer[:size]
        rows = slice(start, start + count)
        for name, array in mine.arrays.items():
            array[rows] = batch.arrays[name][:count]
        if base:
            there = mine.arrays["l3"][rows] != 0
            mine.arrays["offset"][rows] += base
            mine.arrays["l3_off"][rows][there | (mine.arrays["l3_off"][rows] != 0)] += base
            mine.arrays["end_off"][rows][there] += base
            for name in _PLACES:
                mine.arrays[name][rows][mine.arrays[name][rows] != 0] += base
        mine.count, mine.data_len = start + count, base + size
        for copy, original in zip(self.verdicts, verdicts, strict=True):
            for name, array in copy.arrays.items():
                array[rows] = original.arrays[name][:count]
        self.extras.append(extra)
