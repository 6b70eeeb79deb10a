"""The writers, read back by our readers and by capinfos."""

from __future__ import annotations

import io
import shutil
import subprocess

import pytest
from capture_files import frames
from captured import read

from pcapaudit.capture.stream import open_stream
from pcapaudit.capture.write import Frame, PcapngWriter, PcapWriter, frame_of
from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import OutputError

FLAGS = consts.FRAME_OUTBOUND | consts.FRAME_CSUM_NOT_READY | consts.FRAME_CSUM_VALID | consts.FRAME_TSO
ITEMS = [Frame(1_700_000_000_123_456_789, b"odd", 1500), Frame(1_700_000_001_000_000_000, b"four", None, 1, FLAGS, "a ☃ comment")]


def written(tmp_path, *, ng):
    """The two frames in a file."""
    path = tmp_path / "x"
    with path.open("wb") as file:
        if ng:
            writer = PcapngWriter(file, "of the section")
            assert (writer.add_interface(1, "eth0"), writer.add_interface(101, "tun0", 96)) == (0, 1)
        else:
            writer = PcapWriter(file, 1)
        for each in ITEMS:
            writer.write(each)
    return path


def test_pcap(tmp_path):
    """Times to the nanosecond, both lengths."""
    rows = read(written(tmp_path, ng=False))
    assert [(each.ts_ns, each.data, each.origlen, each.anomalies) for each in rows] == [
        (each.ts_ns, each.data, each.wire_len, ()) for each in ITEMS
    ]


def test_pcapng(tmp_path):
    """Interfaces, flags and comments too."""
    path = written(tmp_path, ng=True)
    rows = read(path)
    assert [(each.ts_ns, each.data, each.origlen, each.if_id, each.flags) for each in rows] == [
        (each.ts_ns, each.data, each.wire_len, each.interface, each.flags) for each in ITEMS
    ]
    with open_stream([str(path)]) as stream:
        while stream.read_into(PacketBatch()):
            pass
        assert [(each.name, each.linktype, each.snaplen) for each in stream.interfaces] == [("eth0", 1, 0), ("tun0", 101, 96)]
        assert stream.files[0].comments == ["of the section"]
    assert "a ☃ comment".encode() in path.read_bytes()


def test_frame_of_a_batch(tmp_path):
    """A row goes out as it came in."""
    path = written(tmp_path, ng=True)
    batch = PacketBatch()
    with open_stream([str(path)]) as stream:
        assert stream.read_into(batch)
        found = [frame_of(batch, i) for i in range(batch.count)]
    assert [(each.ts_ns, each.data, each.wire_len, each.interface, each.flags) for each in found] == [
        (each.ts_ns, each.data, each.wire_len, each.interface, each.flags) for each in ITEMS
    ]


@pytest.mark.parametrize("ng", [False, True])
def test_capinfos_reads_it(tmp_path, ng):
    """An independent reader finds the same count and nothing to complain of."""
    if shutil.which("capinfos") is None:
        pytest.skip("capinfos is not installed")
    done = subprocess.run(["capinfos", "-c", "-M", written(tmp_path, ng=ng)], capture_output=True, text=True, check=True)
    assert "Number of packets:   2" in done.stdout
    assert done.stderr == ""


def test_comment_too_long(tmp_path):
    """A comment is cut where a character ends."""
    path = tmp_path / "x"
    with path.open("wb") as file:
        writer = PcapngWriter(file)
        writer.add_interface(1)
        writer.write(Frame(1000, b"data", comment="☃" * 30000, options=((0x8001, b"last"),)))
    assert read(path)[0].data == b"data"
    assert path.read_bytes().count("☃".encode()) == 65535 // 3
    assert b"last" in path.read_bytes()


@pytest.mark.parametrize("ts_ns", [-1, 1 << 62])
def test_pcap_time_that_does_not_fit(ts_ns):
    """A wrong time is never written."""
    with pytest.raises(OutputError, match="1970 to 2106"):
        PcapWriter(io.BytesIO(), 1).write(Frame(ts_ns, b""))


def test_pcapng_refuses():
    """A time before 1970, an interface that is not there."""
    writer = PcapngWriter(io.BytesIO())
    with pytest.raises(OutputError, match="interface 0, of which the file has 0"):
        writer.write(Frame(1, b""))
    writer.add_interface(1)
    with pytest.raises(OutputError, match="1970"):
        writer.write(Frame(-1, b""))


def test_many_frames(tmp_path):
    """What is written is what was given."""
    path = tmp_path / "x"
    items = frames(5000)
    with path.open("wb") as file:
        writer = PcapWriter(file, 1)
        for each in items:
            writer.write(Frame(each.ts_ns, each.data))
    assert [each.data for each in read(path)] == [each.data for each in items]
