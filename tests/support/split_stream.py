"""A stream whose batches hold a few frames each: what does not depend on batches stays the same."""

from __future__ import annotations

from pcapaudit.core.columns import PACKET_COLUMNS, PacketBatch

__all__ = ["SplitStream"]

_COLUMNS = [name for name, _, by, _ in PACKET_COLUMNS if by in {"capture", "all"}]


class SplitStream:
    """Hands out another stream's batches, at most ``rows`` frames at a time."""

    def __init__(self, stream, rows):
        self._stream, self._rows = stream, rows
        self._whole, self._at = PacketBatch(), 0

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def read_into(self, batch):
        """The next frames."""
        whole = self._whole
        if self._at == whole.count:
            if not self._stream.read_into(whole):
                return False
            self._at = 0
        rows = slice(self._at, min(self._at + self._rows, whole.count))
        batch.count = rows.stop - rows.start
        for name in _COLUMNS:
            batch.arrays[name][: batch.count] = whole.arrays[name][rows]
        batch.first_frame = whole.first_frame + self._at
        batch.resize(whole.data_len)
        batch.data_len = whole.data_len
        batch.buffer[: whole.data_len] = whole.buffer[: whole.data_len]
        self._at = rows.stop
        return True
