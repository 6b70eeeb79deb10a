"""Reading ahead changes nothing: the same batches, errors in the same place, and no thread behind it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from checkout import ROOT

from pcapaudit.api import ahead
from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PACKET_COLUMNS
from pcapaudit.core.errors import CaptureError
from pcapaudit.replay.run import Source

CAPTURES = sorted(path for path in (ROOT / "captures").iterdir() if path.suffix in (".pcap", ".pcapng", ".gz"))
#: Columns that reading and decoding fill.
NAMES = [name for name, _, who, _ in PACKET_COLUMNS if who in ("capture", "wire", "all")]


def batches(source):
    """All that a source reads, and the error that ends it."""
    found, error = [], None
    try:
        while source.read():
            batch = source.batch
            columns = {name: batch.arrays[name][: batch.count].tolist() for name in NAMES}
            found.append((batch.first_frame, batch.count, columns, batch.buffer[: batch.data_len].tobytes()))
    except CaptureError as raised:
        error = str(raised)
    return found, error


def threads():
    """Names of the threads there are."""
    return [each.name for each in threading.enumerate() if each.name.startswith("pcapaudit")]


def both(paths, **options):
    """What is read with a thread, which must be what is read without."""
    with open_stream([str(path) for path in paths], **options) as stream:
        plain = batches(Source(stream))
    with open_stream([str(path) for path in paths], **options) as stream, ahead.AheadSource(stream) as source:
        assert source._thread.ident is not None
        found = batches(source)
    assert threads() == []
    assert found == plain
    return found


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_batches_are_the_same(path):
    """Every capture of ours: rows, places, bytes."""
    both([path])


def test_several_captures(tmp_path):
    """Files that meet in time, and one with more frames than a batch holds."""
    one = (ROOT / "captures" / "web.pcap").read_bytes()
    many = tmp_path / "many.pcap"
    many.write_bytes(one[:24] + one[24:] * 300)
    found, error = both([many, ROOT / "captures" / "dns.pcap", ROOT / "captures" / "office.pcapng"])
    assert error is None and len(found) > 3


@pytest.mark.parametrize("strict", [False, True])
def test_errors_come_where_they_would_have_come(tmp_path, strict):
    """Frames before the fault are handed out first; what cannot be read is told in the same words."""
    one = (ROOT / "captures" / "web.pcap").read_bytes()
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(one[:24] + one[24:] * 200 + b"\xff" * 64)
    found, error = both([bad], strict=strict)
    assert found and error is not None


def test_whoever_stops_early_leaves_no_thread():
    """An error of the judge, or Ctrl-C: the thread ends, wherever it was."""
    for error in (ValueError, KeyboardInterrupt):
        path = str(ROOT / "captures" / "web.pcap")
        with pytest.raises(error), open_stream([path]) as stream, ahead.AheadSource(stream) as source:
            assert source.read()
            raise error
        assert threads() == []
    with open_stream([path]) as stream, ahead.AheadSource(stream):
        pass
    assert threads() == []


def test_what_is_no_capture_error_is_raised_too(monkeypatch):
    """Nothing that happens in the thread is lost there."""
    with open_stream([str(ROOT / "captures" / "web.pcap")]) as stream:
        monkeypatch.setattr(type(stream), "read_into", lambda _stream, _batch: 1 // 0)
        with ahead.AheadSource(stream) as source, pytest.raises(ZeroDivisionError):
            source.read()


def kind_of(stream):
    """The class of the source that a stream gets."""
    with ahead.open_source(stream, "auto") as source:
        return type(source)


def test_a_thread_is_used_where_it_gains(monkeypatch, tmp_path):
    """Large files on two processors; not small ones, not one processor, not a pipe."""
    path = tmp_path / "large.pcap"
    one = (ROOT / "captures" / "web.pcap").read_bytes()
    path.write_bytes(one[:24] + one[24:] * (1 + (5 << 20) // len(one)))
    with open_stream([str(path)]) as stream:
        for cpus, kind in (({0, 1}, ahead.AheadSource), ({0}, Source)):
            monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _, cpus=cpus: cpus)
            assert kind_of(stream) is kind
        monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _: {0, 1})
        monkeypatch.setattr(type(stream), "live", True)
        assert kind_of(stream) is Source
    with open_stream([str(ROOT / "captures" / "web.pcap")]) as stream:
        assert kind_of(stream) is Source


def test_columns_are_shown_not_copied():
    """The judge's batch and the thread's are one memory."""
    with open_stream([str(ROOT / "captures" / "web.pcap")]) as stream, ahead.AheadSource(stream) as source:
        assert source.read()
        assert all(np.shares_memory(source.batch.arrays[name], source._shown.batch.arrays[name]) for name in NAMES)
