"""One file: formats, what is cut off, what is no capture."""

from __future__ import annotations

import gzip
import struct

import pytest
from capture_files import Frame, enhanced, frames, interface, option, pcap, pcapng, section
from captured import expected, read, row, rows_of

from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError
from pcapaudit.core.vocab import FILE_ANOMALIES


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("order", "<>")
def test_both_formats(tmp_path, make, order):
    """The same frames from either format and byte order, over several batches."""
    items = frames(5000, size=70)
    path = tmp_path / "x"
    path.write_bytes(make(items, order=order))
    assert read(path) == expected(items)


def test_frame_longer_than_the_buffer(tmp_path):
    """The buffer grows for a long frame; what comes before and after is there."""
    items = [*frames(2), Frame(2 * 10**12, bytes(range(256)) * 1000), Frame(2 * 10**12, b"after")]
    path = tmp_path / "x"
    path.write_bytes(pcap(items, link=249, snaplen=0))
    assert read(path) == expected(items, linktype=249)


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("cut", [1, 15, 30])
def test_cut_off(tmp_path, make, cut):
    """Whole frames, then a named anomaly and a warning; an error in a strict run."""
    items = frames(3)
    path = tmp_path / "x"
    path.write_bytes(make(items)[:-cut])
    with open_stream([str(path)]) as stream:
        assert rows_of(stream) == expected(items[:2])
        assert stream.files[0].anomalies == {"truncated-record": 1}
        assert stream.files[0].anomalies.keys() <= FILE_ANOMALIES.keys()
        assert len(stream.warnings) == 1
        assert stream.warnings[0].startswith(f"{path}: offset ")
    with pytest.raises(CaptureError, match="--strict"):
        read(path, strict=True)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"hello, this is a note", "text ('hello, this '…)"),
        (gzip.compress(b"", mtime=0), "an empty file, compressed with gzip"),
        (b"\x7fELF\x02\x01\x01\x00", "a program"),
        (pcap([])[:20], "the end of the file"),
    ],
)
def test_no_capture(tmp_path, data, found):
    """One line that says what the file is."""
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as caught:
        read(path)
    assert caught.value.found == found
    assert "\n" not in str(caught.value)


def test_damaged_in_the_middle(tmp_path):
    """The frames before the damage come first, then the error with the damage's place in the file."""
    items = frames(3)
    path = tmp_path / "x"
    path.write_bytes(pcap(items) + b"\xff" * 40)
    batch = PacketBatch()
    with open_stream([str(path)]) as stream:
        assert stream.read_into(batch)
        assert batch.count == 3
        with pytest.raises(CaptureError, match="offset 252: found a record of 4294967295 captured bytes; expected at most 262144"):
            stream.read_into(batch)


def test_facts_of_the_file(tmp_path):
    """Format, sizes, comments and interfaces."""
    path = tmp_path / "x"
    data = section(options=option(1, b"a comment")) + interface(options=option(2, b"eth0")) + enhanced(frames(1)[0])
    path.write_bytes(data)
    with open_stream([str(path)]) as stream:
        rows_of(stream)
        (file,) = stream.files
        assert (file.format, file.compressed, file.frames, file.bytes, file.anomalies) == ("pcapng", "", 1, len(data), {})
        assert (file.comments, [each.name for each in stream.interfaces]) == (["a comment"], ["eth0"])
        assert stream.bytes_read == stream.bytes_total == len(data)


def test_another_batch_each_time(tmp_path):
    """A batch may be kept: the stream goes on in another one."""
    items = frames(9000)
    path = tmp_path / "x"
    path.write_bytes(pcap(items))
    with open_stream([str(path)]) as stream:
        batches = []
        while stream.read_into(batch := PacketBatch()):
            batches.append(batch)
    assert sum(each.count for each in batches) == 9000
    assert [row(each, 0).data for each in batches] == [items[each.first_frame - 1].data for each in batches]


def test_compressed_cut_off(tmp_path):
    """The whole frames of what can be decompressed, and one anomaly: the cut of the compression, not of the record."""
    items = frames(50)
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(pcap(items))[:-20])
    with open_stream([str(path)]) as stream:
        rows = rows_of(stream)
        assert 0 < len(rows) < 50
        assert rows == expected(items[: len(rows)])
        assert stream.files[0].anomalies == {"truncated-compression": 1}
        assert stream.files[0].compressed == "gzip"


def test_compressed_damaged_after_frames(tmp_path):
    """The frames before the damage come out, but for those of the piece that could not be decompressed; then the error."""
    items = frames(30000, size=200)
    data = bytearray(gzip.compress(pcap(items)))
    data[-5] ^= 0xFF
    path = tmp_path / "x.gz"
    path.write_bytes(bytes(data))
    batch, count = PacketBatch(), 0
    with open_stream([str(path)]) as stream, pytest.raises(CaptureError, match="cannot be decompressed"):
        while stream.read_into(batch):
            count += batch.count
    assert 3000 < count < 30000


def test_section_of_another_version_after_frames(tmp_path):
    """The frames of the batch are not lost to the error."""
    path = tmp_path / "x"
    path.write_bytes(pcapng(frames(2)) + section(version=(3, 0)))
    batch = PacketBatch()
    with open_stream([str(path)]) as stream:
        assert stream.read_into(batch)
        assert batch.count == 2
        with pytest.raises(CaptureError, match=r"version 3\.0"):
            stream.read_into(batch)


def test_options_that_do_not_fit(tmp_path):
    """In section, interface and frames: counted, the frames are used; an error in a strict run."""
    bad = struct.pack("<HH", 2, 0xFFFF)
    path = tmp_path / "x"
    items = frames(3)
    path.write_bytes(section(options=bad) + interface(options=bad) + b"".join(enhanced(each, options=bad) for each in items))
    with open_stream([str(path)]) as stream:
        assert rows_of(stream) == expected(items)
        assert stream.files[0].anomalies == {"bad-options": 5}
        assert len(stream.warnings) == 1
    with pytest.raises(CaptureError, match="5 blocks with options"):
        read(path, strict=True)


@pytest.mark.parametrize("end", [4, 13, 27])
def test_section_header_cut_off(tmp_path, end):
    """A file that holds less than its first block is no capture that was cut, but none at all."""
    path = tmp_path / "x"
    path.write_bytes(section()[:end])
    with pytest.raises(CaptureError, match="the rest of the section header"):
        read(path)
