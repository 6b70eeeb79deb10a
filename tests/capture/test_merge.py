"""Files merged in time order."""

from __future__ import annotations

import pytest
from capture_files import Frame, enhanced, frames, interface, pcap, section, simple
from captured import read, rows_of

from pcapaudit.capture import merge
from pcapaudit.capture.stream import open_stream
from pcapaudit.core.errors import CaptureError

US = 1000


def save(tmp_path, *groups):
    """One pcap file a group, with its number as link type; the paths."""
    paths = [tmp_path / f"{number}.pcap" for number in range(len(groups))]
    for number, group in enumerate(groups):
        paths[number].write_bytes(pcap(group, link=number))
    return paths


def at(*times):
    """A frame at each microsecond, that says which."""
    return [Frame(time * US, b"%d" % time) for time in times]


def texts(rows):
    return " ".join(each.data.decode() + "abcdef"[each.file_id] for each in rows)


def test_rotated_set_in_any_order(tmp_path):
    """Files that do not overlap are read in the order of their first frames, whatever their order on the command line."""
    assert texts(read(*save(tmp_path, at(5, 6), at(1, 2), at(3, 4)))) == "1b 2b 3c 4c 5a 6a"


def test_overlapping_files(tmp_path):
    """Frame by frame, more than two at a time."""
    assert texts(read(*save(tmp_path, at(1, 4, 7, 10), at(2, 5, 8), at(3, 6, 9, 11)))) == "1a 2b 3c 4a 5b 6c 7a 8b 9c 10a 11c"


def test_equal_times(tmp_path):
    """The file that began earlier comes first; of equal beginnings, the one named first."""
    assert texts(read(*save(tmp_path, at(2, 3, 3), at(1, 3, 4), at(2, 4)))) == "1b 2a 2c 3b 3a 3a 4b 4c"


def test_time_backwards_inside_a_file(tmp_path):
    """The order of a file is its own: a late frame comes with the one before it, and keeps its anomaly."""
    rows = read(*save(tmp_path, at(1, 6, 2, 8), at(3, 5, 7)))
    assert texts(rows) == "1a 3b 5b 6a 2a 7b 8a"
    assert [each.anomalies for each in rows if each.anomalies] == [("time-backwards",)]


def test_file_within_another(tmp_path):
    """A long file goes on after a short one has ended."""
    assert texts(read(*save(tmp_path, at(1, 2, 9, 10), at(4), at(5), []))) == "1a 2a 4b 5c 9a 10a"


@pytest.mark.parametrize("size", [40, 900])
def test_many_frames(tmp_path, size):
    """More than a batch and more than a buffer in each file; bytes stay with their frames."""
    items = frames(12000, size=size, step_ns=US)
    groups = items[::3], items[1::3], items[2:9000:3]
    rows = read(*save(tmp_path, *groups))
    assert [(each.ts_ns, each.data) for each in rows] == sorted((each.ts_ns, each.data) for group in groups for each in group)
    for file_id in range(3):
        assert [each.file_frame for each in rows if each.file_id == file_id] == list(range(1, len(groups[file_id]) + 1))
    assert all(each.linktype == each.file_id for each in rows)


def test_equal_times_over_batches(tmp_path):
    """Thousands of frames at one moment: all of the first file, then all of the second."""
    groups = [Frame(5 * US, bytes(9))] * 6000, [*at(1), *[Frame(5 * US, b"")] * 5000]
    assert [each.file_id for each in read(*save(tmp_path, *groups))] == [1] * 5001 + [0] * 6000


def test_frames_without_time(tmp_path):
    """They stay behind the frame before them."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(section() + interface() + enhanced(Frame(3 * US, b"3")) + simple(Frame(0, b"none")) + enhanced(Frame(9 * US, b"9")))
    two.write_bytes(pcap(at(1, 4)))
    assert texts(read(one, two)) == "1b 3a nonea 4b 9a"


def test_more_files_at_a_time_than_may_be(tmp_path, monkeypatch):
    """Too many open files are an error that says what to do; one behind the other they are none."""
    monkeypatch.setattr(merge, "MAX_LANES", 2)
    with pytest.raises(CaptureError, match="mergecap"):
        read(*save(tmp_path, at(1, 9), at(2, 8), at(3, 7)))
    assert len(read(*save(tmp_path, at(1, 2), at(3, 4), at(5, 6)))) == 6


def test_files_are_opened_one_after_another(tmp_path):
    """Bytes are read when it is a file's turn, and all of them in the end."""
    paths = save(tmp_path, frames(10), frames(10, start_ns=2 * 10**12))
    with open_stream([str(each) for each in paths]) as stream:
        assert stream.bytes_total == sum(each.stat().st_size for each in paths)
        assert [each.format for each in stream.files] == ["pcap", "pcap"]
        rows_of(stream)
        assert stream.bytes_read == stream.bytes_total
        assert [(each.frames, each.bytes) for each in stream.files] == [(10, 784)] * 2
        assert [each.file_id for each in stream.interfaces] == [0, 1]
