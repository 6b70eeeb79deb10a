"""The progress bar shows how far the stream is, on a terminal only."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from pcapaudit.cli import progress as module


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self):
        return True


def shown(monkeypatch, total, *, terminal=True, wanted=True):
    """What a run of two steps writes to stderr."""
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    stream = SimpleNamespace(frames=0, bytes_read=0, bytes_total=total)
    with module.RunProgress(stream, wanted=wanted) as progress:
        for step in (1, 2):
            stream.frames, stream.bytes_read = step * 1500, step * 500_000
            progress()
            if progress._progress is not None:
                progress._progress.refresh()
    return stderr.getvalue()


def test_known_end_shows_bytes_of_bytes(monkeypatch):
    """With packets and packets a second."""
    text = shown(monkeypatch, 1_000_000)
    assert "500.0 kB of 1.0 MB" in text
    assert "3.0 k packets" in text


def test_unknown_end_shows_counts(monkeypatch):
    """A pipe."""
    text = shown(monkeypatch, None)
    assert "1.0 MB" in text
    assert " of " not in text


@pytest.mark.parametrize(("terminal", "wanted"), [(False, True), (True, False)])
def test_silent_without_a_terminal_or_on_request(monkeypatch, terminal, wanted):
    """Logs of CI servers stay readable."""
    assert shown(monkeypatch, 1000, terminal=terminal, wanted=wanted) == ""


@pytest.mark.parametrize(("number", "text"), [(0, "0 "), (999, "999 "), (1000, "1.0 k"), (2.5e6, "2.5 M"), (3e9, "3.0 G"), (4e12, "4.0 T")])
def test_short(number, text):
    """Three digits or so."""
    assert module._short(number) == text
