"""Where bytes come from."""

from __future__ import annotations

import io
import os

import pytest

from pcapaudit.capture import inputs
from pcapaudit.core.errors import CaptureError


def take(source):
    """Every byte, in pieces of ten."""
    found, view = b"", memoryview(bytearray(10))
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
    """Standard input is not waited for until the buffer is full."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as file, os.fdopen(writer, "wb", buffering=0) as other:
        monkeypatch.setattr("sys.stdin", file)
        source = inputs.open_input("-")
        other.write(b"abc")
        view = memoryview(bytearray(10))
        assert (source.readinto(view), bytes(view[:3]), source.live, source.bytes_total) == (3, b"abc", True, None)
        source.close()
        assert not file.closed


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
