"""captures/INDEX.md holds what is in the folder: each file once, with its frames, and the script that made it."""

from __future__ import annotations

import re

import pytest
from checkout import ROOT

from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch

FOLDER = ROOT / "captures"
INDEX = (FOLDER / "INDEX.md").read_text(encoding="utf-8")
#: The rows of the tables: name and the cells behind it.
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| \S+\.pcap.*\|$", INDEX, re.M)]
NAMES = [row[0] for row in ROWS]
FILES = sorted(path.name for path in FOLDER.iterdir() if ".pcap" in path.name)
BATCH = PacketBatch()


def test_every_file_is_listed_once():
    """And nothing is listed that is not there."""
    assert sorted(NAMES) == FILES


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_frames_are_as_listed(row):
    """What the reader finds."""
    with open_stream([str(FOLDER / row[0])]) as stream:
        while stream.read_into(BATCH):
            pass
        assert stream.frames == int(row[1])


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_story_and_script(row):
    """Each says what it shows; each that was recorded names its script, its programs and what was edited."""
    assert row[2]
    if len(row) > 3:
        script, programs, edits = row[3:]
        assert (FOLDER / "make" / script.split()[0]).is_file()
        assert programs
        assert edits


def test_captures_are_small():
    """They are read by tests, again and again, and live in the repository for ever."""
    assert [name for name in FILES if (FOLDER / name).stat().st_size > 200_000] == []
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 2_000_000
