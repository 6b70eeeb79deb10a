"""Result files appear whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from pcapaudit.core.errors import OutputError
from pcapaudit.report.sinks.files import OutputFolder, PartFile


def visible(folder):
    """Names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_at_commit(tmp_path):
    """Until then only a part is there, under a name that nobody takes for a result."""
    with OutputFolder(tmp_path) as folder:
        folder.open("verdicts.csv").write(b"frame\n")
        assert visible(tmp_path) == [f".verdicts.csv.{os.getpid()}.part"]
        assert folder.commit() == [tmp_path / "verdicts.csv"]
    assert visible(tmp_path) == ["verdicts.csv"]
    assert (tmp_path / "verdicts.csv").read_bytes() == b"frame\n"


def test_exception_leaves_nothing_and_old_results_stay(tmp_path):
    """An interrupted run takes its parts with it."""
    (tmp_path / "flows.csv").write_text("old\n")
    with pytest.raises(KeyboardInterrupt), OutputFolder(tmp_path) as folder:
        folder.open("verdicts.csv").write(b"x")
        folder.open("flows.csv").write(b"new")
        raise KeyboardInterrupt
    assert visible(tmp_path) == ["flows.csv"]
    assert (tmp_path / "flows.csv").read_text() == "old\n"


def test_interrupt_while_a_file_is_begun(tmp_path):
    """A part that nobody had noted yet goes, too; another process's stays."""
    (tmp_path / ".flows.csv.0.part").write_text("")
    with pytest.raises(KeyboardInterrupt), OutputFolder(tmp_path):
        PartFile(tmp_path / "verdicts.csv").close()
        raise KeyboardInterrupt
    assert visible(tmp_path) == [".flows.csv.0.part"]


def test_folder_is_made_with_parents(tmp_path):
    """``-o a/b`` needs no mkdir."""
    OutputFolder(tmp_path / "a" / "b").open("x").commit()
    assert (tmp_path / "a" / "b" / "x").is_file()


def test_folder_that_is_a_file(tmp_path):
    """The message says what is wrong and what to do."""
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match=r"out: is a file.*another name"):
        OutputFolder(tmp_path / "out")


def test_folder_below_a_file(tmp_path):
    """A parent that is no directory."""
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot make the directory: Not a directory"):
        OutputFolder(tmp_path / "out" / "deeper")


def test_file_in_a_folder_that_went_away(tmp_path):
    """Opening a part can fail."""
    folder = OutputFolder(tmp_path / "out")
    (tmp_path / "out").rmdir()
    with pytest.raises(OutputError, match=r"verdicts\.csv: cannot write: No such file"):
        folder.open("verdicts.csv")


def test_full_disk_names_the_file(tmp_path):
    """ENOSPC, from a device that is always full."""
    file = PartFile(tmp_path / "verdicts.csv")
    file._file.close()
    file._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123
    with pytest.raises(OutputError, match=rf"verdicts\.csv: cannot write: {os.strerror(errno.ENOSPC)}"):
        file.write(b"x")
    file.discard()
    assert visible(tmp_path) == []


def test_place_that_is_a_directory(tmp_path):
    """Renaming can fail."""
    (tmp_path / "verdicts.csv").mkdir()
    with pytest.raises(OutputError, match="cannot write: Is a directory"), OutputFolder(tmp_path) as folder:
        folder.open("verdicts.csv")
        folder.commit()
    assert visible(tmp_path) == ["verdicts.csv"]


def test_write_takes_buffers(tmp_path):
    """Whatever has contiguous bytes; the size is known."""
    file = PartFile(tmp_path / "x")
    assert file.write(memoryview(b"abc")) == 3
    file.write(bytearray(b"de"))
    assert file.tell() == 5
    file.flush()
    file.commit()
    assert file.closed
    assert (tmp_path / "x").read_bytes() == b"abcde"
