"""Invariant: any bytes give frames or a CaptureError, nothing else; and any prefix of a file gives the whole records before the cut.

Properties beside it: pcap equals pcapng, byte order does not matter, how bytes arrive does not matter, splitting a capture over several
files changes nothing. Run longer: HYPOTHESIS_MAX_EXAMPLES=100000 pytest tests/capture/test_stream_fuzz.py
"""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import os
import struct
import tempfile
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from capture_files import (
    KUZNETZOV,
    NANOSECONDS,
    Frame,
    block,
    enhanced,
    frames,
    interface,
    obsolete,
    option,
    pcap,
    pcapng,
    section,
    simple,
)
from captured import BATCH, expected, read, row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcapaudit.capture.inputs import Input
from pcapaudit.capture.source import Source
from pcapaudit.core.errors import CaptureError

EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "40"))
QUICK = settings(max_examples=EXAMPLES, deadline=None, derandomize="HYPOTHESIS_MAX_EXAMPLES" not in os.environ)
FUZZ = settings(QUICK, max_examples=3 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


class Trickle(io.BytesIO):
    """Bytes that arrive in pieces."""

    def __init__(self, data, sizes):
        super().__init__(data)
        self.sizes, self.turn = sizes, 0

    def readinto(self, view):
        self.turn += 1
        return super().readinto(memoryview(view)[: self.sizes[self.turn % len(self.sizes)]])


def rows_of_bytes(data, sizes=None):
    """(rows, the CaptureError that ended them or None, anomalies) of a file with these bytes."""
    rows = []
    try:
        file = Trickle(data, sizes) if sizes else io.BytesIO(data)
        source = Source(Input("x", file, None if sizes else len(data)), 0, lambda _: 0)
        while source.fill(BATCH):
            assert BATCH.data_len <= len(BATCH.buffer)
            for i in range(BATCH.count):
                assert int(BATCH.arrays["offset"][i]) + int(BATCH.arrays["caplen"][i]) <= BATCH.data_len
                rows.append(row(BATCH, i))
        assert source.file.frames == len(rows)
    except CaptureError as error:
        assert "\n" not in str(error)
        return rows, error, {}
    return rows, None, source.file.anomalies


ITEMS = [*frames(3), Frame(2 * 10**12, b"", 1500), Frame(10**12, b"odd")]
OPTIONS = option(1, b"a comment") + option(2, b"eth0") + option(9, b"\x09") + option(14, struct.pack("<q", 5)) + option(0, b"")
MANY = b"".join(
    [
        section(options=option(1, b"comment")),
        interface(options=OPTIONS),
        interface(link=113, options=option(9, b"\x94")),
        *(enhanced(each, options=option(1, b"text")) for each in ITEMS),
        block(4, bytes(40)),
        obsolete(ITEMS[0]),
        simple(ITEMS[1]),
        enhanced(Frame(10**12, b"12345", 900, 1, 0x01000E02)),
        block(0xBAD, bytes(8)),
        section(">"),
        interface(">"),
        enhanced(ITEMS[2], ">"),
    ]
)
#: Bytes of the section header that MANY begins with.
FIRST_BLOCK = len(section(options=option(1, b"comment")))
SEEDS = {
    "pcap": pcap(ITEMS),
    "pcap big": pcap(ITEMS, order=">", magic=NANOSECONDS),
    "pcap modified": pcap(ITEMS, magic=KUZNETZOV),
    "pcap 2.3": pcap(ITEMS, version=(2, 3)),
    "pcapng": MANY,
    "gzip": gzip.compress(pcap(ITEMS), mtime=0) + gzip.compress(b"", mtime=0),
    "bzip2": bz2.compress(pcap(ITEMS)),
    "xz": lzma.compress(MANY),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(MANY) + zstandard.compress(b"end"),
    "lz4": lz4.frame.compress(MANY),
}

WORD = st.sampled_from([0, 1, 4, 12, 27, 28, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, 262144, 262145, 0x0A0D0D0A])


@st.composite
def mutated(draw, seed):
    """A capture with some bytes changed, cut out or doubled."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == 1:
            at &= ~3
            data[at : at + 4] = struct.pack(draw(st.sampled_from("<>")) + "I", draw(WORD))
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == 3:
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", SEEDS)
def test_mutated_bytes(name):
    """Damage anywhere in any format."""

    @FUZZ
    @given(mutated(SEEDS[name]))
    def check(data):
        rows_of_bytes(data)

    check()


@FUZZ
@given(st.sampled_from([b"", pcap([]), section(), section() + interface(), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]), st.binary(max_size=300))
def test_any_bytes(head, tail):
    """Noise, alone or behind a sound beginning."""
    rows_of_bytes(head + tail)


@pytest.mark.parametrize("name", ["pcap", "pcap big", "pcap modified", "pcapng"])
def test_every_prefix(name):
    """Cut anywhere: the whole records before the cut, and an anomaly unless the cut falls between two records."""
    whole, error, anomalies = rows_of_bytes(SEEDS[name])
    assert error is None
    assert (len(whole) > 4, anomalies) == (True, {})
    counts = set()
    for end in range(len(SEEDS[name])):
        rows, error, anomalies = rows_of_bytes(SEEDS[name][:end])
        assert rows == whole[: len(rows)]
        assert error is None or end < max(24, FIRST_BLOCK * (name == "pcapng"))
        assert not anomalies or anomalies == {"truncated-record": 1}
        counts.add(len(rows))
    assert counts == set(range(len(whole)))


FRAMES = st.lists(
    st.builds(
        Frame,
        st.integers(0, 4_000_000_000_000_000).map(lambda us: us * 1000),
        st.binary(max_size=200),
        st.one_of(st.none(), st.integers(0, 70000)),
    ),
    max_size=20,
)


@QUICK
@given(FRAMES)
def test_pcap_equals_pcapng(items):
    """The same frames in every format and byte order give the same rows."""
    plain = rows_of_bytes(pcap(items))[0]
    assert [each[:3] for each in plain] == [each[:3] for each in expected(items)]
    for make in (pcap, pcapng):
        for order in "<>":
            assert rows_of_bytes(make(items, order=order))[0] == plain
    assert rows_of_bytes(pcap(items, magic=NANOSECONDS))[0] == plain
    assert rows_of_bytes(section() + interface() + b"".join(obsolete(each) for each in items))[0] == plain


@QUICK
@given(st.sampled_from(sorted(SEEDS)), st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_how_bytes_arrive(name, sizes):
    """A pipe that gives a few bytes at a time gives the same frames."""
    assert rows_of_bytes(SEEDS[name], sizes)[0] == rows_of_bytes(SEEDS[name])[0]


@QUICK
@given(FRAMES, st.lists(st.integers(0, 20), max_size=3), st.randoms(use_true_random=False))
def test_split_over_files(items, cuts, random):
    """A capture in time order, cut into files that are named in any order, is the same stream."""
    items = sorted(items, key=lambda each: each.ts_ns)
    edges = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    parts = [items[start:end] for start, end in itertools.pairwise(edges)]
    # Which of two files that begin at the same moment comes first is told by their order on the command line.
    numbered = list(enumerate(parts))
    if len({part[0].ts_ns for part in parts if part}) == len([part for part in parts if part]):
        random.shuffle(numbered)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, part in numbered:
            paths.append(Path(folder) / f"{number}.pcap")
            paths[-1].write_bytes(random.choice([pcap, pcapng])(part))
        rows = read(*paths)
    assert [each[:3] for each in rows] == [(each.ts_ns, each.data, each.wire) for each in items]


@QUICK
@given(st.lists(FRAMES, min_size=2, max_size=4))
def test_merge_is_a_merge(groups):
    """Whatever overlaps: every frame once, each file in its own order, and the whole in time order where the files are."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(groups))]
        for path, group in zip(paths, groups, strict=True):
            path.write_bytes(pcap(group))
        rows = read(*paths)
        sorted_rows = read(*paths, reorder_ns=1 << 62)
    for number, group in enumerate(groups):
        assert [(each.ts_ns, each.data) for each in rows if each.file_id == number] == [(each.ts_ns, each.data) for each in group]
    if all(group == sorted(group, key=lambda each: each.ts_ns) for group in groups):
        assert [each.ts_ns for each in rows] == sorted(each.ts_ns for each in rows)
    assert [each.ts_ns for each in sorted_rows] == sorted(each.ts_ns for each in rows)
    assert not any("time-backwards" in each.anomalies for each in sorted_rows)
