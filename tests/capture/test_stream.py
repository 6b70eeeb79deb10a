"""Several files as one stream."""

from __future__ import annotations

from capture_files import frames, pcap, pcapng
from captured import read, rows_of

from pcapaudit.capture.stream import open_stream


def test_files_follow_each_other(tmp_path):
    """Frames count through the stream, file_frame in the file; each file has its interface."""
    items = frames(10)
    for number, part in enumerate((items[:4], items[4:6], items[6:])):
        (tmp_path / f"{number}").write_bytes((pcapng if number == 1 else pcap)(part, link=number))
    rows = read(*(tmp_path / str(number) for number in range(3)))
    assert [each.data for each in rows] == [each.data for each in items]
    assert [each.file_id for each in rows] == [0] * 4 + [1] * 2 + [2] * 4
    assert [each.linktype for each in rows] == [each.file_id for each in rows]
    assert len({each.if_id for each in rows}) == 3
    assert [each.file_frame for each in rows] == [1, 2, 3, 4, 1, 2, 1, 2, 3, 4]


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
