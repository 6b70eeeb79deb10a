"""The walk over the bytes of one capture file: records of pcap, blocks of pcapng, into the rows of a batch. Compiled; opens nothing.

The walker gets pieces of a file as they lie in a batch's buffer and keeps what must outlast a piece: byte order, interfaces of the
section, the clock. It trusts no length: what stands in the file is compared with what is there before it is used. A frame's row is
written when the frame lies in the buffer whole, so a file may be fed in pieces of any size with the same rows.

Time stamps become nanoseconds since 1970 and stay within ``MAX_NS`` of it; what lies beyond (or is missing) is no time stamp: such a frame
takes the time of the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch

# walk.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.capture.signals import (
        BLOCK_HEAD_BYTES,
        FAULT_BLOCK_CAPLEN,
        FAULT_BLOCK_LEN,
        FAULT_BLOCK_OVER,
        FAULT_BYTE_ORDER,
        FAULT_CAPLEN,
        FAULT_INTERFACE,
        FAULT_TRAILER,
        LENGTHS_GUESS,
        LENGTHS_SWAPPED,
        MAX_BLOCK_BYTES,
        SIGNAL_DONE,
        SIGNAL_FAULT,
        SIGNAL_FULL,
        SIGNAL_INTERFACE,
        SIGNAL_MORE,
        SIGNAL_SECTION,
        TICKS_DIVIDED,
        TICKS_NONE,
        TICKS_TIMES,
    )
    from pcapaudit.core.bytes import be16, be32, le16, le32
    from pcapaudit.core.consts import (
        ANOM_CAPLEN_OVER_ORIGLEN,
        ANOM_CAPLEN_OVER_SNAPLEN,
        ANOM_LINK_ERROR,
        ANOM_NO_TIMESTAMP,
        ANOM_TIME_BACKWARDS,
        BATCH_FRAMES,
        FRAME_CSUM_NOT_READY,
        FRAME_CSUM_VALID,
        FRAME_INBOUND,
        FRAME_LINK_ERROR,
        FRAME_NO_TIME,
        FRAME_OUTBOUND,
        FRAME_TSO,
    )

    BLOCK_SECTION = 0x0A0D0D0A
    BLOCK_INTERFACE = 1
    BLOCK_PACKET = 2
    BLOCK_SIMPLE = 3
    BLOCK_ENHANCED = 6

if TYPE_CHECKING:
    from pcapaudit.capture.pcap import PcapHeader
    from pcapaudit.capture.pcapng import Interface

__all__ = ["MAX_NS", "Walker"]

#: Time stamps lie within this many nanoseconds of 1970: the years 1698 to 2242. Leaves room for time-outs in 64 bits.
MAX_NS = (1 << 33) * 10**9
#: Interfaces of a section for which there is room at first.
_ROOM = 16
_COLUMNS = (
    ("id", np.uint32),
    ("linktype", np.uint32),
    ("snaplen", np.uint32),
    ("max_caplen", np.uint32),
    ("ticks", np.uint32),
    ("factor", np.uint64),
    ("limit", np.uint64),
    ("offset", np.int64),
)


class Walker:
    """Walks one file. Begin with ``begin_records`` or ``begin_blocks``, then ``feed`` it.

    After ``feed``: ``pos`` is where it stopped, ``need`` how many bytes from there on it needs, ``block_len`` the length of the block
    it stopped at, ``fault``, ``found`` and ``limit`` what is wrong. ``frames`` counts the rows written so far, ``bad_options`` those of
    them whose options do not fit into their block.
    """

    def __init__(self, file_id: int) -> None:
        self.file_id = file_id
        self.pos = self.need = self.skip = self.frames = self.bad_options = 0
        self.block_len = self.fault = self.found = self.limit = 0
        self.big = self.blocks = self.timed = False
        self.record_head = self.tick_ns = self.lengths = 0
        self.if_id = self.linktype = self.snaplen = self.max_caplen = 0
        self.if_count = 0
        self.max_ns = MAX_NS
        self.clock_ns = self.last_ns = self.ts_ns = 0
        self._tables: dict[str, Any] = {name: np.zeros(_ROOM, dtype) for name, dtype in _COLUMNS}
        self.bind()

    def bind(self) -> None:
        """Take new views of the interface table."""
        tables = self._tables
        self.if_ids = memoryview(tables["id"])
        self.if_linktypes = memoryview(tables["linktype"])
        self.if_snaplens = memoryview(tables["snaplen"])
        self.if_max_caplens = memoryview(tables["max_caplen"])
        self.if_ticks = memoryview(tables["ticks"])
        self.if_factors = memoryview(tables["factor"])
        self.if_limits = memoryview(tables["limit"])
        self.if_offsets = memoryview(tables["offset"])

    def begin_records(self, header: PcapHeader, if_id: int) -> None:
        """The file is pcap; what is fed begins with its first record. ``if_id``: the stream's number of its one interface."""
        self.big, self.record_head, self.tick_ns, self.lengths = header.big, header.record_head, header.tick_ns, header.lengths
        self.if_id, self.linktype, self.snaplen, self.max_caplen = if_id, header.linktype, header.snaplen, header.max_caplen

    def begin_blocks(self) -> None:
        """The file is pcapng; what is fed begins with its first section header."""
        self.blocks = True

    def begin_section(self) -> None:
        """Pass the section header at ``pos``: a section without interfaces begins."""
        self.if_count = 0
        self.skip = self.block_len

    def add_interface(self, interface: Interface, if_id: int) -> None:
        """Pass the interface description at ``pos``. ``if_id``: the stream's number of this interface."""
        number = self.if_count
        if number == len(self._tables["id"]):
            self._tables = {name: np.concatenate([table, np.zeros_like(table)]) for name, table in self._tables.items()}
            self.bind()
        clock = interface.clock
        row = {
            "id": if_id,
            "linktype": interface.linktype,
            "snaplen": interface.snaplen,
            "max_caplen": interface.max_caplen,
            "ticks": clock.ticks,
            "factor": clock.factor,
            "limit": clock.limit,
            "offset": clock.offset_ns,
        }
        for name, value in row.items():
            self._tables[name][number] = value
        self.if_count = number + 1
        self.skip = self.block_len

    def feed(self, batch: PacketBatch, start: cython.ulonglong, end: cython.ulonglong) -> int:
        """Walk over ``batch.data[start:end]``, adding rows behind ``batch.count``. Returns a SIGNAL_; the rest is in the attributes.

        Nothing is lost or taken twice: the next piece must begin with the byte at ``pos``.
        """
        if end > len(batch.buffer) or start > end:
            raise IndexError("feed: the piece does not lie in the buffer")
        self.pos = start
        with cython.nogil:
            signal = self.walk_blocks(batch, end) if self.blocks else self.walk_records(batch, end)
        return int(signal)

    def word(self, b, at):
        """32 bits in the file's byte order."""
        return be32(b, at) if self.big else le32(b, at)

    def half(self, b, at):
        """16 bits in the file's byte order."""
        return be16(b, at) if self.big else le16(b, at)

    def wrong(self, fault, found, limit):
        """Note a fault."""
        self.fault = fault
        self.found = found
        self.limit = limit
        return SIGNAL_FAULT

    def wait(self, need):
        """Ask for more bytes."""
        self.need = need
        return SIGNAL_MORE

    def put(self, b, ts_ns, at, caplen, origlen):
        """Write the next row. ``timed`` says whether ``ts_ns`` is a time stamp."""
        odd = 0
        b.frame_flags[b.count] = 0
        if not self.timed:
            ts_ns = self.last_ns
            b.frame_flags[b.count] = FRAME_NO_TIME
            odd = 1 << ANOM_NO_TIMESTAMP
        elif ts_ns >= self.clock_ns or self.frames == 0:
            self.clock_ns = ts_ns
        else:
            odd = 1 << ANOM_TIME_BACKWARDS
        self.last_ns = ts_ns
        if caplen > self.snaplen and self.snaplen:
            odd |= 1 << ANOM_CAPLEN_OVER_SNAPLEN
        if caplen > origlen:
            odd |= 1 << ANOM_CAPLEN_OVER_ORIGLEN
        self.frames += 1
        b.ts_ns[b.count] = ts_ns
        b.offset[b.count] = at
        b.caplen[b.count] = caplen
        b.origlen[b.count] = origlen
        b.linktype[b.count] = self.linktype
        b.if_id[b.count] = self.if_id
        b.file_id[b.count] = self.file_id
        b.file_frame[b.count] = self.frames
        b.anomalies[b.count] = odd
        b.count += 1

    def walk_records(self, b, end):
        """The records of a pcap file."""
        pos = self.pos
        head = self.record_head
        self.timed = True
        while True:
            self.pos = pos
            if b.count == BATCH_FRAMES:
                return SIGNAL_FULL
            if end - pos < head:
                return self.wait(head)
            seconds = self.word(b, pos)
            fraction = self.word(b, pos + 4)
            caplen = self.word(b, pos + 8)
            origlen = self.word(b, pos + 12)
            if self.lengths == LENGTHS_SWAPPED or (self.lengths == LENGTHS_GUESS and caplen > origlen):
                other = caplen
                caplen = origlen
                origlen = other
            if caplen > self.max_caplen:
                return self.wrong(FAULT_CAPLEN, caplen, self.max_caplen)
            if end - pos - head < caplen:
                return self.wait(head + caplen)
            self.put(b, seconds * 1000000000 + fraction * self.tick_ns, pos + head, caplen, origlen)
            pos += head + caplen

    def walk_blocks(self, b, end):
        """The blocks of a pcapng file."""
        while True:
            left = end - self.pos
            if self.skip > left:
                self.skip -= left
                self.pos = end
                return self.wait(1)
            self.pos += self.skip
            left -= self.skip
            self.skip = 0
            if b.count == BATCH_FRAMES:
                return SIGNAL_FULL
            if left < 12:
                return self.wait(12)
            kind = self.word(b, self.pos)
            if kind == BLOCK_SECTION:
                return self.section(b, end)
            length = self.word(b, self.pos + 4)
            if length < 12 or length & 3:
                return self.wrong(FAULT_BLOCK_LEN, length, 12)
            if kind in (BLOCK_ENHANCED, BLOCK_PACKET, BLOCK_SIMPLE):
                signal = self.packet(b, end, kind, length)
                if signal != SIGNAL_DONE:
                    return signal
                continue
            if length <= BLOCK_HEAD_BYTES:
                if left < length:
                    return self.wait(length)
                if self.word(b, self.pos + length - 4) != length:
                    return self.wrong(FAULT_TRAILER, self.word(b, self.pos + length - 4), length)
            if kind == BLOCK_INTERFACE:
                if length < 20:
                    return self.wrong(FAULT_BLOCK_LEN, length, 20)
                if left < BLOCK_HEAD_BYTES and left < length:
                    return self.wait(BLOCK_HEAD_BYTES)
                self.block_len = length
                return SIGNAL_INTERFACE
            self.skip = length

    def section(self, b, end):
        """A section header: the byte order is its own, and Python reads the rest."""
        self.big = b.data[self.pos + 8] == 0x1A
        if self.word(b, self.pos + 8) != 0x1A2B3C4D:
            return self.wrong(FAULT_BYTE_ORDER, self.word(b, self.pos + 8), 0)
        length = self.word(b, self.pos + 4)
        if length < 28 or length & 3:
            return self.wrong(FAULT_BLOCK_LEN, length, 28)
        if length <= BLOCK_HEAD_BYTES:
            if end - self.pos < length:
                return self.wait(length)
            if self.word(b, self.pos + length - 4) != length:
                return self.wrong(FAULT_TRAILER, self.word(b, self.pos + length - 4), length)
        elif end - self.pos < BLOCK_HEAD_BYTES:
            return self.wait(BLOCK_HEAD_BYTES)
        self.block_len = length
        return SIGNAL_SECTION

    def packet(self, b, end, kind, length):
        """A block that holds a frame: SIGNAL_DONE when its row is written and ``pos`` stands behind it."""
        pos = self.pos
        head = 12 if kind == BLOCK_SIMPLE else 28
        if length < head + 4:
            return self.wrong(FAULT_BLOCK_LEN, length, head + 4)
        if end - pos < head:
            return self.wait(head)
        number = 0
        if kind == BLOCK_ENHANCED:
            number = self.word(b, pos + 8)
        elif kind == BLOCK_PACKET:
            number = self.half(b, pos + 8)
        if number >= self.if_count:
            return self.wrong(FAULT_INTERFACE, number, self.if_count)
        self.select(number)
        room = length - head - 4
        if kind == BLOCK_SIMPLE:
            caplen = self.word(b, pos + 8)
            if caplen > self.snaplen and self.snaplen:
                caplen = self.snaplen
        else:
            caplen = self.word(b, pos + 20)
        if caplen > self.max_caplen:
            return self.wrong(FAULT_CAPLEN, caplen, self.max_caplen)
        if caplen > room:
            return self.wrong(FAULT_BLOCK_CAPLEN, caplen, room)
        limit = MAX_BLOCK_BYTES
        if self.max_caplen > MAX_BLOCK_BYTES:
            limit = self.max_caplen + 1048576
        if length > limit:
            return self.wrong(FAULT_BLOCK_OVER, length, limit)
        if end - pos < length:
            return self.wait(length)
        if self.word(b, pos + length - 4) != length:
            return self.wrong(FAULT_TRAILER, self.word(b, pos + length - 4), length)
        if kind == BLOCK_SIMPLE:
            self.timed = False
            self.put(b, 0, pos + head, caplen, self.word(b, pos + 8))
        else:
            self.timed = self.time_of(number, self.word(b, pos + 12), self.word(b, pos + 16))
            self.put(b, self.ts_ns, pos + head, caplen, self.word(b, pos + 24))
            if room - caplen > 3:
                self.options(b, b.count - 1, pos + head + ((caplen + 3) & ~3), pos + length - 4)
        self.pos = pos + length
        return SIGNAL_DONE

    def select(self, number):
        """Make an interface of the section the current one."""
        self.if_id = self.if_ids[number]
        self.linktype = self.if_linktypes[number]
        self.snaplen = self.if_snaplens[number]
        self.max_caplen = self.if_max_caplens[number]

    def time_of(self, number, high, low):
        """Turn ticks of an interface into ``ts_ns``; False when they are no time stamp."""
        ticks = high
        ticks = ticks << 32 | low
        mode = self.if_ticks[number]
        factor = self.if_factors[number]
        offset = self.if_offsets[number]
        self.ts_ns = 0
        if mode == TICKS_NONE or ticks > self.if_limits[number]:
            return False
        if mode == TICKS_TIMES:
            ns = ticks * factor
        elif mode == TICKS_DIVIDED:
            ns = ticks // factor
        else:
            if factor > 32:
                ticks >>= factor - 32
                factor = 32
            ns = (ticks >> factor) * 1000000000
            ns += ((ticks - (ticks >> factor << factor)) * 1000000000) >> factor
        self.ts_ns = ns
        if offset > 0 and self.ts_ns > self.max_ns - offset:
            return False
        self.ts_ns += offset
        return True

    def options(self, b, i, start, end):
        """The options behind a frame: its flags are taken, the rest is passed over."""
        at = start
        stop = end
        while at + 4 <= stop:
            code = self.half(b, at)
            size = self.half(b, at + 2)
            if at + 4 + size > stop:
                self.bad_options += 1
                return
            if code == 0:
                return
            if code == 2 and size == 4:
                flags = self.word(b, at + 4)
                bits = b.frame_flags[i]
                if flags & 3 == 1:
                    bits |= FRAME_INBOUND
                if flags & 3 == 2:
                    bits |= FRAME_OUTBOUND
                if flags & 0x200:
                    bits |= FRAME_CSUM_NOT_READY
                if flags & 0x400:
                    bits |= FRAME_CSUM_VALID
                if flags & 0x800:
                    bits |= FRAME_TSO
                if flags >> 16:
                    bits |= FRAME_LINK_ERROR
                    b.anomalies[i] |= 1 << ANOM_LINK_ERROR
                b.frame_flags[i] = bits
            at += 4 + ((size + 3) & ~3)
