"""How a command ends: exit codes, and one line on stderr in place of a traceback.

0    nothing found
1    findings at or above ``--fail-on``
2    the work could not be done: usage, file, ruleset, output, or a bug of ours
130  interrupted (Ctrl-C), 141 the reader of our output went away: as a shell reports a program ended by these signals
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum

from pcapaudit.core.errors import PcapauditError

__all__ = ["Exit", "InterruptedRun", "ReaderGone", "explain"]


class Exit(IntEnum):
    """Exit codes. A number never stands for two things."""

    CLEAN = 0
    FOUND = 1
    FAILED = 2
    INTERRUPTED = 130
    READER_GONE = 141


class InterruptedRun(Exception):  # noqa: N818  # it is no error
    """Ctrl-C."""


class ReaderGone(Exception):  # noqa: N818
    """Who read our output has closed it, as ``head`` does."""


def explain(error: BaseException) -> Exit:
    """Say on stderr, in one line, what ended the run; returns the exit code."""
    if isinstance(error, ReaderGone):
        # What is still buffered must not raise again when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.READER_GONE
    if isinstance(error, InterruptedRun):
        _say("interrupted: nothing was written")
        return Exit.INTERRUPTED
    if isinstance(error, PcapauditError):
        _say(str(error))
    elif isinstance(error, MemoryError):
        _say("out of memory; set a lower limit of connections or use a machine with more")
    elif isinstance(error, OSError):
        _say(f"{error.filename or 'output'}: {error.strerror or error}")
    else:
        _say(f"internal error: {type(error).__name__}: {error}. This is a bug; PCAPAUDIT_TRACEBACK=1 shows where. Please report it.")
    return Exit.FAILED


def _say(text: str) -> None:
    print(f"pcapaudit: {text}", file=sys.stderr)  # noqa: T201  # the place where it is done
