"""The folder that a run writes to: files appear in it whole or not at all.

Each file is written under a temporary name beside its place (``.verdicts.csv.1234.part``) and renamed when the run is over. What stops
a run (an error, Ctrl-C) leaves nothing that looks finished, and no older result is lost to a failed run.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from pcapaudit.core.errors import OutputError

__all__ = ["OutputFolder", "PartFile"]


def _fail(path: Path, error: OSError) -> NoReturn:
    raise OutputError(f"{path}: cannot write: {error.strerror or error}") from None


class PartFile:
    """A file in the making. ``write`` and ``flush`` make it a binary stream as far as other writers (pyarrow) need one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._size = 0
        try:
            # Not "x": a part of that name can only be what a killed process with our id left behind.
            self._file = self._part.open("wb", buffering=0)
        except OSError as error:
            _fail(path, error)

    def write(self, data: Any) -> int:
        """Append all of ``data`` (bytes or a contiguous buffer of bytes)."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            _fail(self.path, error)
        self._size += done
        return done

    def tell(self) -> int:
        """Bytes written."""
        return self._size

    def flush(self) -> None:
        """Nothing is held back."""

    @property
    def closed(self) -> bool:
        """Whether no more can be written."""
        return self._file.closed

    def close(self) -> None:
        """No more will be written."""
        try:
            self._file.close()
        except OSError as error:  # network file systems report a full disk here
            _fail(self.path, error)

    def commit(self) -> None:
        """Put the file in its place."""
        self.close()
        try:
            self._part.replace(self.path)
        except OSError as error:
            _fail(self.path, error)

    def discard(self) -> None:
        """Leave no trace of the file."""
        try:
            self._file.close()
        finally:
            self._part.unlink(missing_ok=True)


class OutputFolder:
    """A folder and the files being made in it. As a context: an exception discards them all; without one, ``commit`` must be called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[PartFile] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise OutputError(f"{folder}: is a file, and results need a directory; give -o another name") from None
        except OSError as error:
            raise OutputError(f"{folder}: cannot make the directory: {error.strerror or error}") from None

    def open(self, name: str) -> PartFile:
        """Begin the file ``name``."""
        self._files.append(PartFile(self.folder / name))
        return self._files[-1]

    def commit(self) -> list[Path]:
        """Put every file in its place, in the order in which they were begun; returns where."""
        for file in self._files:
            file.commit()
        made = [file.path for file in self._files]
        self._files.clear()
        return made

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        while self._files:
            self._files.pop().discard()
        if kind is not None:
            # An interrupt can come between the making of a part and its entry in the list.
            for part in self.folder.glob(f".*.{os.getpid()}.part"):
                part.unlink(missing_ok=True)
