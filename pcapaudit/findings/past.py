"""The last frames before the batch at hand, for detectors that hold a packet against earlier ones, wherever one batch ends. Compiled.

Nothing is looked up in them while nothing is wrong; they are kept because the buffer of a batch is used again before anybody knows. A
frame's place is given by its number, so that what is kept does not depend on how the frames come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch

if TYPE_CHECKING:
    from pcapaudit.findings.scene import View

# past.pxd has the same as C constants.
if not cython.compiled:
    # Frames kept, and bytes of the payload of each.
    PLACES, SLOT = 512, 1536

    def _copy(to, at, source, start, size):
        """Copy so many bytes."""
        to[at : at + size] = source[start : start + size]


__all__ = ["FRAMES", "PAYLOAD_BYTES", "Past", "Stretch"]

#: A packet is held against those of so many frames before it, and so many bytes of its payload against theirs.
FRAMES = 512
PAYLOAD_BYTES = 1536

_TYPES = {
    "flow": np.uint32,
    "seq": np.uint32,
    "payload_len": np.uint32,
    "reason": np.uint16,
    "tcp_flags": np.uint8,
    "tcp_opts": np.uint8,
    "tcp_state": np.uint8,
    "ct_state": np.uint8,
    "ttl": np.uint8,
    "side": np.uint8,
    "kept": np.uint16,
}


class Past:
    """Columns and payload of the last frames, each at the lower bits of its number."""

    def __init__(self) -> None:
        #: As in batches; ``side`` is that of ``scene.sides_of``, ``kept`` how much of the payload is there.
        self.columns = {name: np.zeros(PLACES, kind) for name, kind in _TYPES.items()}
        self.data = np.zeros(PLACES * SLOT, np.uint8)
        #: Number of the frame after the last one, and how many are kept.
        self.next_frame = 0
        self.count = 0
        self._flow = memoryview(self.columns["flow"])
        self._seq = memoryview(self.columns["seq"])
        self._payload_len = memoryview(self.columns["payload_len"])
        self._reason = memoryview(self.columns["reason"])
        self._tcp_flags = memoryview(self.columns["tcp_flags"])
        self._tcp_opts = memoryview(self.columns["tcp_opts"])
        self._tcp_state = memoryview(self.columns["tcp_state"])
        self._ct_state = memoryview(self.columns["ct_state"])
        self._ttl = memoryview(self.columns["ttl"])
        self._side = memoryview(self.columns["side"])
        self._kept = memoryview(self.columns["kept"])
        self._data = memoryview(self.data)

    def keep(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Keep the last frames of a batch."""
        self._keep(batch, verdicts)
        self.next_frame = batch.first_frame + batch.count
        self.count = min(PLACES, self.count + batch.count)

    def _keep(self, b, v):
        """The loop."""
        with cython.nogil:
            start = b.count - PLACES if b.count > PLACES else 0
            for i in range(start, b.count):
                self._put(b, v, i, (b.first_frame + i) % PLACES)

    def _put(self, b, v, i, at):
        """A frame into its place."""
        self._flow[at] = v.flow[i]
        self._seq[at] = b.seq[i]
        self._payload_len[at] = b.payload_len[i]
        self._reason[at] = v.reason[i]
        self._tcp_flags[at] = b.tcp_flags[i]
        self._tcp_opts[at] = b.tcp_opts[i]
        self._tcp_state[at] = v.tcp_state[i]
        self._ct_state[at] = v.ct_state[i]
        self._ttl[at] = b.ttl[i]
        self._side[at] = _later(b, i)
        size = 0
        if b.tcp_flags[i] and b.payload_off[i]:
            size = b.end_off[i] - b.payload_off[i]
            size = b.payload_len[i] if b.payload_len[i] < size else size
            size = SLOT if size > SLOT else size
            _copy(self._data, at * SLOT, b.data, b.payload_off[i], size)
        self._kept[at] = size


class Stretch:
    """The past and the batch at hand as one: ``stretch["name"]`` is a column of both, rows of the batch come ``shift`` later."""

    def __init__(self, past: Past, view: View) -> None:
        self._past = past
        self._view = view
        self.shift = past.count if past.next_frame == view.first_frame else 0
        self._places = np.arange(view.first_frame - self.shift, view.first_frame) % FRAMES
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        made = self._made.get(name)
        if made is None:
            made = self._view[name]
            if self.shift:
                made = np.concatenate([self._past.columns[name][self._places], made])
            self._made[name] = made
        return made

    def frame(self, row: int) -> int:
        """Number of a packet's frame."""
        return self._view.frame(row - self.shift)

    def before(self, row: int) -> slice:
        """The rows that a row is held against."""
        return slice(max(0, row - FRAMES), row)

    def of_side(self, rows: Any, side: int) -> Any:
        """Those of the rows that an end of their five-tuple sent: 0 or 1, as ``scene.sides_of`` says."""
        from pcapaudit.findings.scene import sides_of

        old = self._past.columns["side"][self._places[rows[rows < self.shift]]]
        return rows[np.concatenate([old, sides_of(self._view, rows[rows >= self.shift] - self.shift)]) == side]

    def payload(self, row: int) -> bytes:
        """The captured part of the transport payload, at most as long as on the wire, and as is kept."""
        if row >= self.shift:
            return self._view.payload(row - self.shift, min(PAYLOAD_BYTES, int(self["payload_len"][row])))
        place = int(self._places[row])
        start = place * PAYLOAD_BYTES
        return bytes(self._past.data[start : start + int(self._past.columns["kept"][place])])


def _later(b, i):
    """Which end of its five-tuple sent a packet, 0 or 1 by address and port."""
    if b.src_hi[i] != b.dst_hi[i]:
        return 1 if b.src_hi[i] > b.dst_hi[i] else 0
    if b.src_lo[i] != b.dst_lo[i]:
        return 1 if b.src_lo[i] > b.dst_lo[i] else 0
    return 1 if b.sport[i] > b.dport[i] else 0
