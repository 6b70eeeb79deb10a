"""Where bytes come from."""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import io
import lzma
import os
import tracemalloc

import lz4.frame
import pytest
import zstandard

from pcapaudit.capture import inputs
from pcapaudit.core.errors import CaptureError


def take(source, size=10):
    """Every byte, in pieces."""
    found, view = b"", memoryview(bytearray(size))
    while count := source.readinto(view):
        found += bytes(view[:count])
    return found


def test_file(tmp_path):
    """A file's bytes and size."""
    path = tmp_path / "x"
    path.write_bytes(bytes(range(25)))
    source = inputs.open_input(str(path))
    assert (source.bytes_total, source.live, take(source), source.bytes_read) == (25, False, bytes(range(25)), 25)
    source.close()


def test_stdin_gives_what_is_there(monkeypatch):
    """Standard input is not waited for until the buffer is full: six bytes tell the compression, the rest comes as it arrives."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as file, os.fdopen(writer, "wb", buffering=0) as other:
        monkeypatch.setattr("sys.stdin", file)
        other.write(b"abcdefg")
        source = inputs.open_input("-")
        view = memoryview(bytearray(10))
        assert (source.readinto(view), bytes(view[:6]), source.live, source.bytes_total) == (6, b"abcdef", True, None)
        assert (source.readinto(view), bytes(view[:1])) == (1, b"g")
        other.write(b"hij")
        assert source.readinto(view) == 3
        source.close()
        assert not file.closed


WHOLE = b"The quick brown fox. " * 5000
FORMATS = {
    "gzip": functools.partial(gzip.compress, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": functools.partial(lz4.frame.compress, content_checksum=True),
}


@pytest.fixture
def opened(tmp_path):
    """Makes an input with these bytes, once; closes it."""
    with contextlib.ExitStack() as stack:

        def open_it(data):
            path = tmp_path / "x"
            path.write_bytes(data)
            source = inputs.open_input(str(path))
            stack.callback(source.close)
            return source

        yield open_it


@pytest.mark.parametrize("name", FORMATS)
def test_compressed(opened, name):
    """Every format, recognised by content; sizes are those of the file."""
    data = FORMATS[name](WHOLE)
    source = opened(data)
    assert (source.compressed, take(source, 1000), source.anomaly[0]) == (name, WHOLE, "")
    assert (source.bytes_read, source.bytes_total) == (len(data), len(data))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("between", [b"", bytes(8)])
def test_compressed_members(opened, name, between):
    """Members one behind the other are one file, empty ones and padding too."""
    compress = FORMATS[name]
    source = opened(compress(WHOLE) + between + compress(b"") + compress(b"end") + between)
    assert (take(source, 70000), source.anomaly[0]) == (WHOLE + b"end", "")


@pytest.mark.parametrize("name", FORMATS)
def test_compressed_cut_off(opened, name):
    """What there is comes out, and the file is said to be cut."""
    random = bytes(i * i * 7919 >> 5 & 0xFF for i in range(300_000))
    data = FORMATS[name](random)
    source = opened(data[: len(data) - 2])
    found = take(source, 100_000)
    assert random.startswith(found)
    assert source.anomaly[0] == "truncated-compression"


@pytest.mark.parametrize("name", FORMATS)
def test_compressed_other_bytes_behind(opened, name):
    """Bytes behind the last member are not looked at, as gzip does, and are named."""
    source = opened(FORMATS[name](WHOLE) + b"-- \nsignature")
    assert (take(source, 50_000), source.anomaly[0]) == (WHOLE, "trailing-bytes")


@pytest.mark.parametrize("name", FORMATS)
def test_compressed_damaged(opened, name):
    """Bytes that cannot be decompressed are an error with their place."""
    data = bytearray(FORMATS[name](bytes(i * i * 7919 >> 5 & 0xFF for i in range(50_000))))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(CaptureError, match=f"offset [0-9]+: found {name} data that cannot be decompressed"):
        take(opened(bytes(data)), 100_000)


@pytest.mark.parametrize("name", FORMATS)
def test_compressed_bomb(opened, name):
    """Fifty megabytes of zeros in a small file come in pieces of the size that was asked for."""
    source = opened(FORMATS[name](bytes(50_000_000)))
    view, total = memoryview(bytearray(1 << 16)), 0
    tracemalloc.start()
    while count := source.readinto(view):
        total += count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 50_000_000
    assert peak < 10_000_000


def test_stdin_terminal(monkeypatch):
    """Nobody types a capture."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    with pytest.raises(CaptureError, match="standard input: found a terminal; expected a capture"):
        inputs.open_input("-")


@pytest.mark.parametrize("name", ["missing", "a\0b"])
def test_unreadable(tmp_path, name):
    """A file that is not there, a name that cannot be."""
    with pytest.raises(CaptureError, match="found an error"):
        inputs.open_input(str(tmp_path / name))


def test_folder(tmp_path):
    """A folder cannot be read as a file."""
    with pytest.raises(CaptureError, match="Is a directory"):
        inputs.open_input(str(tmp_path))
