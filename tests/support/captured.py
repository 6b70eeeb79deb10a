"""The rows of a stream as plain tuples, and files to read them from."""

from __future__ import annotations

from typing import NamedTuple

from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.vocab import anomaly_names

BATCH = PacketBatch()


class Row(NamedTuple):
    """A frame as the stream gives it."""

    ts_ns: int
    data: bytes
    origlen: int
    linktype: int = 1
    if_id: int = 0
    file_id: int = 0
    file_frame: int = 1
    flags: int = 0
    anomalies: tuple[str, ...] = ()


def row(batch, i):
    """Row ``i`` of a batch."""
    column = {name: int(batch.arrays[name][i]) for name in ("ts_ns", "offset", "caplen", "origlen", "linktype", "if_id", "file_id")}
    start = column.pop("offset")
    data = bytes(batch.buffer[start : start + column.pop("caplen")])
    flags, names = int(batch.arrays["frame_flags"][i]), anomaly_names(int(batch.arrays["anomalies"][i]))
    return Row(data=data, file_frame=int(batch.arrays["file_frame"][i]), flags=flags, anomalies=tuple(names), **column)


def rows_of(stream, batch=BATCH):
    """Every row of a stream; checks what holds for every batch."""
    rows = []
    while stream.read_into(batch):
        assert batch.first_frame == len(rows) + 1
        rows += [row(batch, i) for i in range(batch.count)]
        assert stream.frames == len(rows)
    assert batch.count == 0
    return rows


def read(*paths, **options):
    """Every row of some files."""
    with open_stream([str(each) for each in paths], **options) as stream:
        return rows_of(stream)


def expected(items, **changes):
    """The rows that frames should come back as, from one file."""
    return [Row(each.ts_ns, each.data, each.wire, file_frame=number, **changes) for number, each in enumerate(items, 1)]
