"""Which files the words on a command line mean: files, folders, and patterns that no shell has expanded."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pcapaudit.capture.inputs import STDIN
from pcapaudit.core.errors import CaptureError

__all__ = ["Candidate", "expand"]


class Candidate(NamedTuple):
    """A file that is to be read."""

    #: Its path; "-" for standard input.
    path: str
    #: Whether it was found in a folder: it is passed over when it is no capture.
    found: bool


def expand(words: Sequence[str], warnings: list[str]) -> list[Candidate]:
    """The files that ``words`` mean, in their order, those of a folder or pattern by name. Adds to ``warnings``. Raises CaptureError.

    A folder means the files in it, but not those of its folders, nor hidden ones. A file that is named twice is read once.
    """
    candidates, seen = [], set()
    for each in _named(words):
        identity = each.path if each.path == STDIN else os.path.realpath(each.path)
        if identity in seen:
            warnings.append(f"{each.path}: named twice, read once.")
            continue
        seen.add(identity)
        candidates.append(each)
    if not candidates:
        raise CaptureError("the command line", None, "no capture", "one at least", "Give files, folders or - for standard input.")
    return candidates


def _named(words: Sequence[str]) -> Iterable[Candidate]:
    for word in words:
        if word == STDIN or os.path.isfile(word):  # noqa: PTH113 — a name with a zero byte is no error here
            yield Candidate(word, found=False)
        elif os.path.isdir(word):  # noqa: PTH112
            yield from _folder(word)
        elif glob.has_magic(word) and not os.path.lexists(word):
            matches = sorted(glob.glob(word))  # noqa: PTH207
            if not matches:
                raise CaptureError(word, None, "no file of such a name", "one at least", "Check the pattern.")
            for match in matches:
                yield from _folder(match) if os.path.isdir(match) else [Candidate(match, found=False)]  # noqa: PTH112
        else:
            yield Candidate(word, found=False)


def _folder(path: str) -> Iterable[Candidate]:
    try:
        names = sorted(each.name for each in Path(path).iterdir() if each.is_file() and not each.name.startswith("."))
    except OSError as error:
        raise CaptureError(path, None, f"an error ({error.strerror})", "a readable folder", "Check the permissions.") from error
    if not names:
        raise CaptureError(path, None, "a folder without files", "captures in it", "Its folders are not looked into: name them.")
    for name in names:
        yield Candidate(os.path.join(path, name), found=True)  # noqa: PTH118 — "./x" stays as it was given
