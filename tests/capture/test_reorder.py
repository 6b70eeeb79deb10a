"""Sorting within a window."""

from __future__ import annotations

import pytest
from capture_files import Frame, frames, pcap
from captured import read, rows_of

from pcapaudit.capture import reorder
from pcapaudit.capture.stream import open_stream

US = 1000


def sort(tmp_path, times, window):
    """(times, those with the anomaly) as they come with a window, all in microseconds."""
    path = tmp_path / "x"
    path.write_bytes(pcap([Frame(each * US, b"%d" % each) for each in times]))
    rows = read(path, reorder_ns=window * US)
    assert all(each.data == b"%d" % (each.ts_ns // US) for each in rows)
    return [each.ts_ns // US for each in rows], [each.ts_ns // US for each in rows if each.anomalies]


@pytest.mark.parametrize(
    ("times", "window", "sorted_times", "late"),
    [
        ([1, 3, 2, 4], 1, [1, 2, 3, 4], []),
        ([1, 3, 2, 4], 0, [1, 3, 2, 4], [2]),
        ([5, 1, 2], 10, [1, 2, 5], []),
        ([], 10, [], []),
    ],
)
def test_window(tmp_path, times, window, sorted_times, late):
    """Sorted within the window; the anomaly is gone where the order is right."""
    assert sort(tmp_path, times, window) == (sorted_times, late)


def test_later_than_the_window(tmp_path):
    """What comes later than the window has passed by keeps its place and its anomaly."""
    times = [*range(1000, 9000), 500, *range(9000, 10000)]
    found, late = sort(tmp_path, times, 100)
    assert late == [500]
    assert sorted(found) == sorted(times)
    assert found != sorted(times)


def test_many_frames(tmp_path):
    """More than batches and buffers hold; bytes stay with their frames, and equal times stay in order."""
    items = frames(10000, size=100, step_ns=US)
    path = tmp_path / "x"
    path.write_bytes(pcap([items[i ^ 5] for i in range(10000 - 16)]))
    rows = read(path, reorder_ns=20 * US)
    assert [(each.ts_ns, each.data) for each in rows] == [(each.ts_ns, each.data) for each in items[: 10000 - 16]]
    assert not any(each.anomalies for each in rows)


def test_limit(tmp_path, monkeypatch):
    """An hour's window over a dense capture: what is held has a limit, and the stream says so."""
    monkeypatch.setattr(reorder, "MAX_HELD", 1000)
    items = frames(9000)
    path = tmp_path / "x"
    path.write_bytes(pcap(items))
    with open_stream([str(path)], reorder_ns=3600 * 10**9) as stream:
        assert [each.ts_ns for each in rows_of(stream)] == [each.ts_ns for each in items]
        assert len(stream.warnings) == 1
        assert "reorder window" in stream.warnings[0]


def test_frames_from_far_apart(tmp_path):
    """Frames that lie in distant parts of what is held meet in one batch with their own bytes."""
    items = frames(4000, size=300)
    path = tmp_path / "x"
    path.write_bytes(pcap(items[::2] + items[1::2]))
    rows = read(path, reorder_ns=3600 * 10**9)
    assert [(each.ts_ns, each.data) for each in rows] == [(each.ts_ns, each.data) for each in items]
