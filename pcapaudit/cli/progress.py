"""The progress bar: on stderr, on a terminal only, and never in the way of the work."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from pcapaudit.capture.stream import Stream

__all__ = ["RunProgress"]

#: Seconds between two looks at the stream: drawing more often costs time and shows nothing.
INTERVAL = 0.1


class RunProgress:
    """Shows how far a stream is read: bytes of bytes, packets, packets/s and time left; without a known end a spinner and counts.

    Call it after each batch.
    """

    def __init__(self, stream: Stream, *, wanted: bool) -> None:
        self._stream = stream
        self._next = 0.0
        self._progress: Progress | None = None
        if wanted and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(*_columns(stream.bytes_total), console=Console(stderr=True), transient=True)
            self._started = time.monotonic()
            self._task = self._progress.add_task("", total=stream.bytes_total, packets="", bytes="")

    def __call__(self) -> None:
        """Look at the stream, if it is time."""
        if self._progress is None or time.monotonic() < self._next:
            return
        now = time.monotonic()
        self._next = now + INTERVAL
        frames, done = self._stream.frames, self._stream.bytes_read
        rate = frames / max(now - self._started, 0.001)
        self._progress.update(
            self._task,
            completed=done,
            total=self._stream.bytes_total,
            packets=f"{_short(frames)} packets, {_short(rate)}/s",
            bytes=f"{_short(done)}B of {_short(self._stream.bytes_total)}B" if self._stream.bytes_total else f"{_short(done)}B",
        )

    def __enter__(self) -> RunProgress:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()


def _columns(total: int | None) -> list[ProgressColumn]:
    """Bar and time left where the end is known, a spinner where it is not."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn

    text = [TextColumn("{task.fields[bytes]}"), TextColumn("{task.fields[packets]}")]
    if total is None:
        return [SpinnerColumn(), *text]
    return [BarColumn(bar_width=30), *text, TimeRemainingColumn()]


def _short(number: float) -> str:
    """A number of three digits or so and its unit: 950, 1.2 k, 34.5 M."""
    for unit in ("", "k", "M", "G"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} T"
