"""The walk over records and blocks, fed from memory."""

from __future__ import annotations

import struct

import pytest
from capture_files import KUZNETZOV, NANOSECONDS, Frame, block, enhanced, frames, interface, obsolete, option, pcap, section, simple
from captured import BATCH, expected, row

from pcapaudit.capture import signals
from pcapaudit.capture.pcap import HEADER_BYTES, read_header
from pcapaudit.capture.pcapng import read_interface
from pcapaudit.capture.walk import MAX_NS, Walker
from pcapaudit.core.consts import BATCH_FRAMES


def feed(walker, data, rows):
    """Feed bytes from the front of the buffer, take the rows, answer blocks; returns the signal."""
    BATCH.buffer[: len(data)] = list(data)
    at = 0
    while True:
        BATCH.count = 0
        signal = walker.feed(BATCH, at, len(data))
        at = walker.pos
        rows += [row(BATCH, i) for i in range(BATCH.count)]
        order = ">" if walker.big else "<"
        if signal == signals.SIGNAL_SECTION:
            walker.begin_section()
        elif signal == signals.SIGNAL_INTERFACE:
            walker.add_interface(read_interface(data[at : at + walker.block_len], order, 0), 0)
        elif signal != signals.SIGNAL_FULL:
            return signal


def walk_pcap(data):
    """(signal, walker, rows) of a whole pcap file."""
    walker, rows = Walker(0), []
    walker.begin_records(read_header(data, "x"), 0)
    return feed(walker, data[HEADER_BYTES:], rows), walker, rows


def walk_blocks(*blocks):
    """(signal, walker, rows) of blocks behind a little-endian section header and one interface of microseconds."""
    walker, rows = Walker(0), []
    walker.begin_blocks()
    return feed(walker, section() + interface() + b"".join(blocks), rows), walker, rows


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("options", [{}, {"magic": NANOSECONDS}, {"magic": KUZNETZOV}, {"version": (2, 2)}], ids=str)
def test_records_of_every_format(order, options):
    """Both byte orders, units and record layouts give the same rows."""
    items = [*frames(3), Frame(2_000_000_000_000, b"short", 1500)]
    signal, walker, rows = walk_pcap(pcap(items, order=order, **options))
    assert (signal, walker.need, walker.frames) == (signals.SIGNAL_MORE, 24 if options.get("magic") == KUZNETZOV else 16, 4)
    assert rows == expected(items)


def test_records_lengths_guessed():
    """In version 2.3 the smaller length is the captured one."""
    items = [Frame(10**12, b"short", 1500)]
    assert walk_pcap(pcap(items, version=(2, 3)))[2] == expected(items)
    swapped = bytearray(pcap(items, version=(2, 3)))
    swapped[32:40] = swapped[36:40] + swapped[32:36]
    assert walk_pcap(bytes(swapped))[2] == expected(items)


def test_records_time_and_length_anomalies():
    """Backwards against the latest time so far, more than the snaplen, more than the wire had."""
    items = [Frame(3000, b"a"), Frame(1000, b"b"), Frame(2000, b"c"), Frame(3000, b"dddd"), Frame(4000, b"ee", 1)]
    rows = walk_pcap(pcap(items, snaplen=3))[2]
    assert [each.anomalies for each in rows] == [
        (),
        ("time-backwards",),
        ("time-backwards",),
        ("caplen-over-snaplen",),
        ("caplen-over-origlen",),
    ]
    assert [each.ts_ns for each in rows] == [3000, 1000, 2000, 3000, 4000]


def test_records_more_than_a_batch():
    """A full batch stops the walk before the next record."""
    data = pcap([Frame(1000, b"")] * (BATCH_FRAMES + 1))
    walker = Walker(0)
    walker.begin_records(read_header(data, "x"), 0)
    BATCH.buffer[: len(data)] = list(data)
    BATCH.count = 0
    assert walker.feed(BATCH, 24, len(data)) == signals.SIGNAL_FULL
    assert (BATCH.count, walker.pos) == (BATCH_FRAMES, len(data) - 16)
    BATCH.count = 0
    assert walker.feed(BATCH, walker.pos, len(data)) == signals.SIGNAL_MORE
    assert (BATCH.count, walker.frames) == (1, BATCH_FRAMES + 1)


def test_records_impossible_length():
    """A length that no frame has is a fault, whatever is behind it."""
    data = pcap(frames(1)) + struct.pack("<4I", 0, 0, 262145, 262145)
    signal, walker, rows = walk_pcap(data)
    assert (signal, walker.fault, walker.found, walker.limit) == (signals.SIGNAL_FAULT, signals.FAULT_CAPLEN, 262145, 262144)
    assert len(rows) == 1


def test_feed_outside_the_buffer():
    """The walker reads the batch's buffer and nothing else."""
    with pytest.raises(IndexError):
        Walker(0).feed(BATCH, 0, len(BATCH.buffer) + 1)
    with pytest.raises(IndexError):
        Walker(0).feed(BATCH, 2, 1)


def test_blocks_that_hold_frames():
    """Enhanced, obsolete and simple packet blocks; other blocks are skipped; the simple one takes the time of the frame before."""
    one, two, three = frames(3)
    signal, _, rows = walk_blocks(enhanced(one), block(4, bytes(20)), obsolete(two), block(0x80000001, bytes(8)), simple(three))
    assert signal == signals.SIGNAL_MORE
    assert rows[:2] == expected([one, two])
    assert (rows[2].ts_ns, rows[2].data, rows[2].origlen) == (two.ts_ns, three.data, 60)
    assert (rows[2].flags, rows[2].anomalies) == (0x20, ("no-timestamp",))


def test_blocks_simple_snaplen():
    """A simple packet block does not say how much was captured: the snaplen does, or the length on the wire."""
    walker, rows = Walker(0), []
    walker.begin_blocks()
    feed(walker, section() + interface(snaplen=8) + simple(Frame(0, bytes(8), 100)) + simple(Frame(0, bytes(4), 4)), rows)
    assert [(len(each.data), each.origlen) for each in rows] == [(8, 100), (4, 4)]


@pytest.mark.parametrize(
    ("flags", "bits", "anomalies"),
    [
        (1, 0x01, ()),
        (2, 0x02, ()),
        (3, 0x00, ()),
        (0x200, 0x04, ()),
        (0x400, 0x08, ()),
        (0x800, 0x10, ()),
        (0x01000000, 0x40, ("link-error",)),
        (0xE01, 0x1D, ()),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_blocks_flags(order, flags, bits, anomalies):
    """Each bit of epb_flags that has a column, behind another option and with padding before."""
    walker, rows = Walker(0), []
    walker.begin_blocks()
    frame = Frame(10**12, b"odd", None, 0, None)
    options = option(1, b"comment", order) + option(2, struct.pack(order + "I", flags), order)
    feed(walker, section(order) + interface(order) + enhanced(frame, order, options=options), rows)
    assert [(each.flags, each.anomalies) for each in rows] == [(bits, anomalies)]


@pytest.mark.parametrize("options", [struct.pack("<HH", 2, 8) + bytes(4), struct.pack("<HH", 0, 0) + option(2, b"\1\0\0\0"), bytes(4)])
def test_blocks_bad_options(options):
    """Options that leave their block, or stand behind the end, are not read."""
    assert [each.flags for each in walk_blocks(enhanced(frames(1)[0], options=options))[2]] == [0]


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "ts_ns"),
    [
        (0, 0, 5, 5 * 10**9),
        (3, 0, 1500, 1_500_000_000),
        (9, 0, 123456789, 123456789),
        (9, -2, 10**9, -(10**9)),
        (12, 0, 10**12 + 1999, 10**9 + 1),
        (0x80 | 10, 0, 1536, 1_500_000_000),
        (0x80 | 32, 7, 1 << 31, 7_500_000_000),
        (0x80 | 62, 0, 3 << 61, 1_500_000_000),
        (127, 0, (1 << 64) - 1, 0),
        (9, 0, MAX_NS, MAX_NS),
        (9, 0, MAX_NS + 1, None),
        (9, 1, MAX_NS, None),
        (0, 0, (1 << 64) - 1, None),
        (0x80, 0, 1 << 33, None),
        (9, 1 << 40, 1, None),
    ],
)
def test_blocks_ticks(resolution, offset, ticks, ts_ns):
    """Every way in which ticks become nanoseconds, and the ends of the range: beyond them there is no time stamp."""
    walker, rows = Walker(0), []
    walker.begin_blocks()
    options = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset))
    feed(walker, section() + interface(options=options) + enhanced(Frame(0, b""), ticks=ticks), rows)
    assert [each.ts_ns if "no-timestamp" not in each.anomalies else None for each in rows] == [ts_ns]


def test_blocks_many_interfaces():
    """More interfaces than there is room for at first, each with its own link type."""
    walker, rows = Walker(0), []
    walker.begin_blocks()
    described = b"".join(interface(link=number) for number in range(100))
    feed(walker, section() + described + b"".join(enhanced(Frame(1000, b"", None, n)) for n in (0, 99, 50)), rows)
    assert [each.linktype for each in rows] == [0, 99, 50]


def test_blocks_section_forgets():
    """A new section has its own byte order and interfaces."""
    frame = frames(1)[0]
    signal, walker, rows = walk_blocks(enhanced(frame), section(">"), interface(">", link=101), enhanced(frame, ">"))
    assert (signal, [each.linktype for each in rows], walker.big) == (signals.SIGNAL_MORE, [1, 101], True)
    signal, walker, _ = walk_blocks(section(), enhanced(frame))
    assert (signal, walker.fault, walker.found, walker.limit) == (signals.SIGNAL_FAULT, signals.FAULT_INTERFACE, 0, 0)


FRAME = enhanced(Frame(1000, bytes(8)))
FAULTS = {
    "length below twelve": (struct.pack("<III", 5, 8, 8), signals.FAULT_BLOCK_LEN, 8),
    "odd length": (struct.pack("<III", 5, 13, 13), signals.FAULT_BLOCK_LEN, 13),
    "short packet block": (block(6, bytes(16)), signals.FAULT_BLOCK_LEN, 28),
    "short simple block": (block(3, b""), signals.FAULT_BLOCK_LEN, 12),
    "short interface block": (block(1, bytes(4)), signals.FAULT_BLOCK_LEN, 16),
    "short section": (block(0x0A0D0D0A, struct.pack("<I", 0x1A2B3C4D)), signals.FAULT_BLOCK_LEN, 16),
    "trailer of a frame": (FRAME[:-4] + bytes(4), signals.FAULT_TRAILER, 0),
    "trailer of another block": (block(5, bytes(8), trailer=24), signals.FAULT_TRAILER, 24),
    "trailer of a section": (section()[:-1] + b"\1", signals.FAULT_TRAILER, 28 | 1 << 24),
    "unknown interface": (enhanced(Frame(1000, b"", None, 7)), signals.FAULT_INTERFACE, 7),
    "simple frame over block": (block(3, struct.pack("<I", 9) + bytes(8)), signals.FAULT_BLOCK_CAPLEN, 9),
    "caplen over block": (FRAME[:20] + b"\x09" + FRAME[21:], signals.FAULT_BLOCK_CAPLEN, 9),
    "caplen over all": (FRAME[:22] + b"\x09" + FRAME[23:], signals.FAULT_CAPLEN, 8 | 9 << 16),
    "block over all": (FRAME[:4] + struct.pack("<I", 1 << 25) + FRAME[8:], signals.FAULT_BLOCK_OVER, 1 << 25),
    "byte order": (section()[:8] + b"magi" + section()[12:], signals.FAULT_BYTE_ORDER, int.from_bytes(b"magi", "little")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_blocks_faults(name):
    """Every fault is found where it stands, after the frames before it."""
    data, fault, found = FAULTS[name]
    signal, walker, rows = walk_blocks(FRAME, data, bytes(64))
    assert (signal, walker.fault, walker.found) == (signals.SIGNAL_FAULT, fault, found)
    assert (len(rows), walker.pos) == (1, len(section() + interface() + FRAME))


@pytest.mark.parametrize(("size", "skipped"), [(1, 100), (3, 100), (61, 100), (1000, signals.BLOCK_HEAD_BYTES)])
def test_pieces_of_any_size(size, skipped):
    """Bytes that come in small pieces give the same rows as the whole; a long block is skipped without being kept."""
    items = frames(5)
    data = section() + interface() + enhanced(items[0]) + block(0x0BAD, bytes(skipped)) + b"".join(enhanced(each) for each in items[1:])
    walker, rows, kept = Walker(0), [], b""
    walker.begin_blocks()
    for at in range(0, len(data), size):
        kept += data[at : at + size]
        if len(kept) >= walker.need:
            assert feed(walker, kept, rows) == signals.SIGNAL_MORE
            kept = kept[walker.pos :]
    assert (rows, kept) == (expected(items), b"")
