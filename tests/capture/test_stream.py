"""Several files as one stream."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
from capture_files import frames, interface, pcap, pcapng, section
from captured import read, row, rows_of

from pcapaudit.capture import stream as stream_module
from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError


def test_files_follow_each_other(tmp_path):
    """Frames count through the stream, file_frame in the file; each file has its interface."""
    items = frames(10)
    for number, part in enumerate((items[:4], items[4:6], items[6:])):
        (tmp_path / f"{number}").write_bytes((pcapng if number == 1 else pcap)(part, link=number))
    rows = read(*(tmp_path / str(number) for number in range(3)))
    assert [each.data for each in rows] == [each.data for each in items]
    assert [each.file_id for each in rows] == [0] * 4 + [1] * 2 + [2] * 4
    assert [each.linktype for each in rows] == [each.file_id for each in rows]
    assert [each.if_id for each in rows] == [each.file_id for each in rows]
    assert [each.file_frame for each in rows] == [1, 2, 3, 4, 1, 2, 1, 2, 3, 4]


def test_folder(tmp_path):
    """Every capture in it; what is none is passed over with a warning, but not when it was named."""
    (tmp_path / "a.pcap").write_bytes(pcap(frames(2)))
    (tmp_path / "b.gz").write_bytes(gzip.compress(pcapng(frames(3))))
    (tmp_path / "empty.pcap").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"notes")
    with open_stream([str(tmp_path)]) as stream:
        assert len(rows_of(stream)) == 5
        assert [(Path(each.path).name, each.format, each.compressed) for each in stream.files] == [
            ("a.pcap", "pcap", ""),
            ("b.gz", "pcapng", "gzip"),
        ]
        assert [each.split("/")[-1] for each in stream.warnings] == [
            "empty.pcap: found an empty file: passed over.",
            "notes.txt: found text ('notes'…): passed over.",
        ]
    with pytest.raises(CaptureError, match="found text"):
        read(tmp_path / "a.pcap", tmp_path / "notes.txt")
    (tmp_path / "a.pcap").unlink()
    (tmp_path / "b.gz").unlink()
    with pytest.raises(CaptureError, match=r"None of the files is pcap or pcapng\."):
        read(tmp_path)


def test_damaged_file_of_several(tmp_path):
    """Damage and cuts are met when it is the file's turn, and noted there."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(pcap(frames(3))[:-1])
    two.write_bytes(pcap(frames(3, start_ns=2 * 10**12)) + b"\xff" * 16)
    with open_stream([str(one), str(two)]) as stream, pytest.raises(CaptureError, match="found a record"):
        rows_of(stream)
    assert stream.frames == 5
    assert stream.files[0].anomalies == {"truncated-record": 1}


def test_interfaces_over_the_limit(tmp_path, monkeypatch):
    """The column has 16 bits: more interfaces are an error, not a wrong number."""
    monkeypatch.setattr(stream_module, "_MOST", 3)
    path = tmp_path / "x"
    path.write_bytes(section() + interface() * 4)
    with pytest.raises(CaptureError, match="more than 3 interfaces"):
        read(path)


def test_live_stdin(monkeypatch):
    """Frames are handed out as they arrive, while the writer still writes."""
    reader, writer = os.pipe()
    items = frames(4)
    data = pcap(items)
    with os.fdopen(reader) as file, os.fdopen(writer, "wb", buffering=0) as other:
        monkeypatch.setattr("sys.stdin", file)
        other.write(data[:24])
        with open_stream(["-"]) as stream:
            batch = PacketBatch()
            other.write(data[24:100])
            assert stream.read_into(batch)
            assert batch.count == 1
            other.write(data[100:180])
            assert stream.read_into(batch)
            assert (batch.count, batch.first_frame, row(batch, 0).data) == (1, 2, items[1].data)
            other.write(data[180:])
            other.close()
            assert [each.data for each in rows_after(stream, batch)] == [each.data for each in items[2:]]


def rows_after(stream, batch):
    rows = []
    while stream.read_into(batch):
        rows += [row(batch, i) for i in range(batch.count)]
    return rows


def test_pipe_beside_a_file(tmp_path):
    """A pipe cannot be read twice: its first frames are kept until its turn."""
    path = tmp_path / "x"
    path.write_bytes(pcap(frames(3, start_ns=10**9)))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_bytes, args=(pcapng(frames(3, start_ns=2 * 10**9)),))
    thread.start()
    rows = read(pipe, path)
    thread.join()
    assert [each.file_id for each in rows] == [1] * 3 + [0] * 3


def test_stdin(tmp_path, monkeypatch):
    """A dash is standard input."""
    items = frames(3)
    path = tmp_path / "x"
    path.write_bytes(pcap(items))
    with path.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with open_stream(["-"]) as stream:
            assert len(rows_of(stream)) == 3
            assert (stream.bytes_total, stream.files[0].path) == (None, "-")
