"""A look ahead changes nothing of what is read afterwards."""

from __future__ import annotations

import io

import pytest
from capture_files import frames, pcap

from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError


def everything(stream):
    """All that a stream hands out: numbers and bytes of frames."""
    batch, found = PacketBatch(), []
    while stream.read_into(batch):
        for row in range(batch.count):
            at, size = int(batch.arrays["offset"][row]), int(batch.arrays["caplen"][row])
            found.append((batch.first_frame + row, int(batch.arrays["ts_ns"][row]), batch.buffer[at : at + size].tobytes()))
    return found


@pytest.mark.parametrize("count", [0, 1, 7, 4096, 9000, 20000])
def test_frames_are_handed_out_all_the_same(tmp_path, count):
    """However many were looked at; the look ends with the frames that were asked for, or with the capture."""
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames(10000)))
    with open_stream([str(path)]) as stream:
        plain = everything(stream)
    with open_stream([str(path)]) as stream:
        assert sum(rows for _, rows in stream.look_ahead(count)) == min(count, 10000)
        assert stream.frames == 0
        assert everything(stream) == plain


class Dripping(io.RawIOBase):
    """A pipe that gives few bytes at a time."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, view):
        return self.data.readinto(memoryview(view)[:1000])


def test_pipe_is_looked_at_as_far_as_a_file(monkeypatch):
    """Its frames come a few at a time; the look waits for as many."""

    class Terminal:
        buffer = Dripping(pcap(frames(500)))

        @staticmethod
        def isatty():
            return False

    monkeypatch.setattr("sys.stdin", Terminal)
    with open_stream(["-"]) as stream:
        assert sum(rows for _, rows in stream.look_ahead(300)) == 300
        assert [number for number, _, _ in everything(stream)] == list(range(1, 501))


def test_fault_waits_for_its_turn(tmp_path):
    """What is wrong behind the first frames is said when it is read, behind the frames before it."""
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames(10)) + b"\xff" * 40)
    with open_stream([str(path)], strict=True) as stream:
        list(stream.look_ahead(100))
        batch = PacketBatch()
        assert stream.read_into(batch)
        assert batch.count == 10
        with pytest.raises(CaptureError):
            stream.read_into(batch)
