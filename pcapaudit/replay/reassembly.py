"""Between the packets of a batch and ``conntrack.fragments``: reads a fragment from its row, writes a whole datagram to the scratch row.

The scratch row (BATCH_FRAMES) then looks like any other: its bytes lie behind the capture's in ``data``, and it is decoded and placed like
a frame of LINKTYPE_RAW.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack.fragments import Fragment, Fragments, Outcome, Thrown, Whole
from pcapaudit.core import consts

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.flows import FlowTable
    from pcapaudit.replay.vantage import Vantage
    from pcapaudit.wire.decode import Decoder

__all__ = ["ALONE", "QUEUED", "REFUSED", "WHOLE", "End", "Reassembly"]

#: What ``Reassembly.take`` answers: the fragment waits, is refused, goes on alone, or has made the scratch row a whole datagram.
QUEUED, REFUSED, ALONE, WHOLE = 0, 1, 2, 3

_LINKTYPE_RAW = 101
_ANOMALIES = {
    Outcome.OVERLAP: consts.ANOM_FRAGMENT_OVERLAP,
    Outcome.LIMIT: consts.ANOM_FRAGMENT_LIMIT,
}
_ANSWERS = {Outcome.QUEUED: QUEUED, Outcome.ALONE: ALONE}
_TIMER4, _TIMER6 = 35, 36
_EXTENSIONS = (consts.PROTO_HOPOPT, consts.PROTO_ROUTING, consts.PROTO_AH, consts.PROTO_DSTOPTS)


@dataclass(frozen=True, slots=True)
class End:
    """What became of fragments that waited."""

    #: Their frames.
    frames: tuple[int, ...]
    #: Row of the batch at which it happened.
    at: int
    #: The datagram was judged as a whole at that row; if not, it was thrown away.
    whole: bool = False
    #: It was, because its time was over.
    is_late: bool = False


class Reassembly:
    """The fragments of one run. Marks the parts of a datagram in the column ``datagram`` and tells the flows how many frames it had.

    ``queued`` holds the rows of the batch whose fragments wait, ``ends`` what became of some since the batch began.
    """

    def __init__(
        self,
        config: ConntrackConfig,
        batches: tuple[PacketBatch, VerdictBatch],
        flows: FlowTable,
        decoder: Decoder,
        vantage: Vantage,
    ) -> None:
        timers = config.timeout_list()
        self.fragments = Fragments(timers[_TIMER4], timers[_TIMER6], config)
        self._batch, verdicts = batches
        self._marks = verdicts.arrays["datagram"]
        self._flows = flows
        self._marked = False
        self._decoder = decoder
        self._vantage = vantage
        self.queued: list[int] = []
        self.ends: list[End] = []
        self._thrown: list[Thrown] = []
        self._clock = 0

    def begin(self, now: int) -> None:
        """A new batch, before which the clock showed ``now``: nothing is marked."""
        self._clock = now
        if self._marked:
            self._marks[:] = 0
            self._marked = False
        if self.queued or self.ends:
            self.queued.clear()
            self.ends.clear()

    def settled(self, times: Any) -> list[End]:
        """What became of fragments in the batch whose time stamps are ``times``, also by the mere course of time."""
        times = np.maximum.accumulate(np.maximum(times, self._clock))
        self.fragments.expire(int(times[-1]))
        self._note_thrown(0)
        late = [End(each.frames, int(np.searchsorted(times, each.until)), is_late=True) for each in self._thrown if each.until is not None]
        self._thrown.clear()
        return self.ends + late

    def take(self, i: int, now: int) -> int:
        """Take the fragment of row ``i`` at ``now`` (ns). Returns one of the four answers."""
        fragment = self._fragment4(i) if self._batch.arrays["l3"][i] == 4 else self._fragment6(i)
        if fragment is None:
            return ALONE
        outcome = self.fragments.add(fragment, now)
        self._note_thrown(i)
        if self.fragments.first:
            self._marks[i] = self.fragments.first
            self._marked = True
        if isinstance(outcome, Whole):
            self.ends.append(End(outcome.frames, i, whole=True))
            self._write(i, fragment.version, outcome)
            return WHOLE
        if outcome == Outcome.QUEUED:
            self.queued.append(i)
        if outcome in _ANOMALIES:
            self._batch.arrays["anomalies"][i] |= np.uint64(1 << _ANOMALIES[outcome])
        return _ANSWERS.get(outcome, REFUSED)

    def _note_thrown(self, i: int) -> None:
        """What was thrown away by the fragment in row ``i``, or because its time was over: when that was is told by ``settled``."""
        thrown = self.fragments.thrown
        if thrown:
            self.ends += [End(each.frames, i) for each in thrown if each.until is None]
            self._thrown += [each for each in thrown if each.until is not None]
            thrown.clear()

    def _fragment4(self, i: int) -> Fragment:
        column = self._batch.arrays
        start = int(column["l3_off"][i])
        header = bytes(self._batch.buffer[start : start + (int(self._batch.buffer[start]) & 15) * 4])
        source, target = int(column["src_lo"][i]), int(column["dst_lo"][i])
        key = (source, target, int(column["ip_id"][i]), int(column["proto"][i]), int(column["zone"][i]))
        return self._made(i, 4, key, source, header, start + len(header))

    def _fragment6(self, i: int) -> Fragment | None:
        """None for what Linux leaves alone: no fragment header among those it follows, or a first fragment without whole headers."""
        column, data = self._batch.arrays, self._batch.buffer
        start, end = int(column["l3_off"][i]), int(column["end_off"][i])
        at, following = start + 40, start + 6
        while int(data[following]) != consts.PROTO_FRAGMENT:
            kind = int(data[following])
            if kind not in _EXTENSIONS or at + 8 > end:
                return None
            following, at = at, at + ((int(data[at + 1]) + 2) * 4 if kind == consts.PROTO_AH else (int(data[at + 1]) + 1) * 8)
        if at + 8 > end or (int(column["frag"][i]) & 0x1FFF == 0 and self._headers_cut(i, at)):
            return None
        header = bytearray(data[start:at])
        header[following - start] = data[at]
        source = int(column["src_hi"][i]) << 64 | int(column["src_lo"][i])
        target = int(column["dst_hi"][i]) << 64 | int(column["dst_lo"][i])
        key = (source, target, int(column["ip_id"][i]), int(column["zone"][i]))
        return self._made(i, 6, key, source, bytes(header), at + 8)

    def _headers_cut(self, i: int, at: int) -> bool:
        """Whether a first fragment lacks a part of its transport header (RFC 8200, section 4.5)."""
        column = self._batch.arrays
        proto, size = int(column["proto"][i]), int(column["l3_off"][i]) + int(column["ip_len"][i]) - at - 8
        needed = {consts.PROTO_TCP: 20, consts.PROTO_UDP: 8, consts.PROTO_ICMPV6: 8}.get(proto, 1)
        if proto in _EXTENSIONS:
            return False
        start = int(column["l4_off"][i])
        return (int(column["l4_len"][i]) if start else size) < needed

    def _made(self, i: int, version: int, key: tuple[int, ...], source: int, header: bytes, start: int) -> Fragment:
        column = self._batch.arrays
        field, end = int(column["frag"][i]), int(column["end_off"][i])
        size = int(column["l3_off"][i]) + int(column["ip_len"][i]) - start
        data = bytes(self._batch.buffer[start : min(start + size, end)])
        return Fragment(
            version,
            key,
            source,
            (field & 0x1FFF) * 8,
            size,
            bool(field & 0x8000),
            data,
            header,
            int(column["tos"][i]) & 3,
            int(self._batch.first_frame) + i,
            int(column["ip_len"][i]),
        )

    def _write(self, i: int, version: int, whole: Whole) -> None:
        """Make the scratch row the whole datagram, otherwise like row ``i``."""
        batch, row, column = self._batch, consts.BATCH_FRAMES, self._batch.arrays
        header = bytearray(whole.header)
        if version == 4:
            header[2:4] = struct.pack("!H", len(header) + whole.size)
            header[6:8] = b"\0\0"
            header[10:12] = b"\0\0"
            header[10:12] = struct.pack("!H", _header_sum(header))
        else:
            header[4:6] = struct.pack("!H", len(header) - 40 + whole.size)
        packet = bytes(header) + whole.data
        start = int(batch.data_len)
        batch.buffer[start : start + len(packet)] = np.frombuffer(packet, np.uint8)
        for name in ("ts_ns", "if_id", "file_id", "file_frame"):
            column[name][row] = column[name][i]
        column["offset"][row], column["caplen"][row], column["origlen"][row] = start, len(packet), len(header) + whole.size
        column["linktype"][row], column["frame_flags"][row], column["anomalies"][row] = _LINKTYPE_RAW, 0, 0
        self._decoder.decode_row(row)
        column["vlan"][row] = column["vlan"][i]
        self._vantage.place_row(row)
        column["zone"][row] = column["zone"][i]
        self._flows.others = whole.fragments - 1
        self._flows.more_bytes = whole.ip_bytes - int(column["ip_len"][row])


def _header_sum(header: bytearray) -> int:
    """The checksum of an IPv4 header whose checksum field is 0."""
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
