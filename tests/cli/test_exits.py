"""Whatever ends a run: one line and a code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from pcapaudit.cli.exits import Exit, InterruptedRun, explain
from pcapaudit.core.errors import CaptureError, ConfigError, OutputError

CASES = [
    (ConfigError("--own x: no address"), Exit.FAILED, "pcapaudit: --own x: no address\n"),
    (OutputError("out: disk full"), Exit.FAILED, "pcapaudit: out: disk full\n"),
    (
        CaptureError("a.pcap", 7, "x", "y", "Do z."),
        Exit.FAILED,
        "pcapaudit: a.pcap: offset 7: found x; expected y. Do z.\n",
    ),
    (OSError(errno.ENOSPC, "No space left on device"), Exit.FAILED, "pcapaudit: output: No space left on device\n"),
    (PermissionError(errno.EACCES, "Permission denied", "x.nft"), Exit.FAILED, "pcapaudit: x.nft: Permission denied\n"),
    (InterruptedRun(), Exit.INTERRUPTED, "pcapaudit: interrupted: nothing was written\n"),
]


@pytest.mark.parametrize(("error", "code", "line"), CASES, ids=lambda value: type(value).__name__)
def test_error_is_one_line(error, code, line, capsys):
    """On stderr, with its exit code."""
    assert explain(error) == code
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError()], ids=lambda error: type(error).__name__)
def test_bug_is_one_line_too(error, capsys):
    """No traceback, and how to get one."""
    assert explain(error) == Exit.FAILED
    assert capsys.readouterr().err.count("\n") == 1


def test_reader_gone_is_silent():
    """What is left in the buffer of stdout causes no complaint when Python ends."""
    script = "import sys; from pcapaudit.cli.exits import ReaderGone, explain; sys.stdout.write('x' * 100); sys.exit(explain(ReaderGone()))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    with child:
        child.stdout.close()
        assert (child.stderr.read(), child.wait()) == (b"", Exit.READER_GONE)
