"""A saved run as a side of a comparison."""

from __future__ import annotations

import csv
import json

import pytest

from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.deciders import NOBODY, Decider
from pcapaudit.regress.saved import SavedSide, saved_table

HEADER = ["frame", "ts_ns", "verdict", "decided", "reason", "rule", "rule_at", "chain", "ct_state", "ct_status", "flow"]
ROWS = [
    ["1", "100", "accept", "true", "", "2", "fw.nft:7", "inet t c", "new", "confirmed", "1"],
    ["2", "200", "drop", "false", "policy", "", "fw.nft:3", "inet t c", "new", "", "2"],
    ["3", "300", "skip", "true", "not-ip", "", "", "", "", "", ""],
    ["4", "400", "accept", "true", "tcp-ignored", "2", "fw.nft:7", "inet t c", "established", "seen_reply|confirmed", "1"],
]


def batch(count=4, first_frame=1):
    """Frames with the table's times."""
    made = PacketBatch()
    made.count, made.first_frame = count, first_frame
    made.arrays["ts_ns"][:count] = [100 * (first_frame + n) for n in range(count)]
    return made


@pytest.fixture
def table(tmp_path):
    """The rows as CSV, without a summary."""
    path = tmp_path / "verdicts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *ROWS])
    return path


def test_columns(table):
    """Numbers as an engine would give them."""
    with SavedSide(table, batch()) as side:
        assert side.judge() == []
        columns = {name: array.tolist() for name, array in side.columns(side.verdicts, 4).items() if name != "rule"}
        side.finish()
    assert columns == {
        "verdict": [1, 2, 0, 1],
        "decided": [1, 0, 1, 1],
        "reason": [0, 1, 3, 40],
        "ct_state": [1, 1, 0, 2],
        "ct_status": [8, 0, 0, 8],
        "flow": [1, 2, 0, 1],
        "decided_by": [1, 2, 0, 1],
    }
    assert side.deciders == [NOBODY, Decider("fw.nft:7", "inet t c", ""), Decider("fw.nft:3", "inet t c", "policy drop")]


def test_summary_gives_the_words(table):
    """And the chain in which a rule stands."""
    rules = [{"rule": 2, "at": "fw.nft:7", "chain": "inet t jumped", "text": "accept"}]
    table.with_name("summary.json").write_text(json.dumps({"rules": rules}))
    with SavedSide(table, batch()) as side:
        side.judge()
    assert side.deciders[1] == Decider("fw.nft:7", "inet t jumped", "accept")


@pytest.mark.parametrize("text", ["", "[]", '{"rules": [{"rule": 2}]}', '{"rules": 7}'])
def test_odd_summary_is_left_aside(text, table):
    """An older one, or none of ours."""
    table.with_name("summary.json").write_text(text)
    with SavedSide(table, batch()) as side:
        side.judge()
    assert side.deciders[1].text == ""


def test_batches_follow_each_other(table):
    """Whatever their size."""
    frames = batch(3)
    with SavedSide(table, frames) as side:
        side.judge()
        frames.count, frames.first_frame = 1, 4
        frames.arrays["ts_ns"][0] = 400
        side.judge()
        assert side.columns(side.verdicts, 1)["decided_by"].tolist() == [1]
        side.finish()


def test_json_lines(tmp_path):
    """The same values with their types."""
    path = tmp_path / "verdicts.jsonl"
    given = {"ts_ns": 100, "verdict": "accept", "decided": True, "rule": 1, "rule_at": "a:1", "ct_status": ["assured"], "flow": 5}
    row = dict.fromkeys(HEADER) | given
    path.write_text(json.dumps(row) + "\n")
    with SavedSide(path, batch(1)) as side:
        side.judge()
        columns = side.columns(side.verdicts, 1)
    assert [int(columns[name][0]) for name in ("verdict", "decided", "ct_status", "flow", "decided_by")] == [1, 1, 8, 5, 1]


def test_table_of_other_frames(table):
    """Shorter, longer, at another time."""
    with SavedSide(table, batch(5)) as side, pytest.raises(ConfigError, match="ends after 4 frames"):
        side.judge()
    with SavedSide(table, batch(3)) as side:
        side.judge()
        with pytest.raises(ConfigError, match="has more frames than the capture"):
            side.finish()
    other = batch()
    other.arrays["ts_ns"][2] += 1
    with SavedSide(table, other) as side, pytest.raises(ConfigError, match="frame 3 "):
        side.judge()


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "a,b\n1,2\n"),
        (".csv", ",".join(HEADER) + "\n1,x,accept,true,,,,,,,\n"),
        (".csv", ",".join(HEADER) + "\n1,100,perhaps,true,,,,,,,\n"),
        (".csv", ",".join(HEADER) + "\n1\n"),
        (".csv", "\xff"),
        (".jsonl", "{}\n"),
        (".jsonl", "[1]\n"),
        (".jsonl", "{"),
        (".parquet", "PAR1"),
    ],
)
def test_broken_table(suffix, text, tmp_path):
    """A line that says after which frame."""
    path = tmp_path / f"verdicts{suffix}"
    path.write_bytes(text.encode("latin-1"))
    with SavedSide(path, batch(1)) as side, pytest.raises(ConfigError, match="after frame 0: no verdicts table"):
        side.judge()


def test_missing_table(tmp_path):
    """Said before anything is read."""
    with pytest.raises(ConfigError, match="cannot be read"):
        SavedSide(tmp_path / "verdicts.csv", batch())


def test_what_is_a_saved_run(tmp_path):
    """By its suffix, or a folder with a table; Parquet first."""
    assert saved_table("x/verdicts.csv").name == "verdicts.csv"
    assert saved_table("fw.nft") is None
    assert saved_table(str(tmp_path)) is None
    for name in ("verdicts.csv", "verdicts.jsonl", "verdicts.parquet"):
        (tmp_path / name).write_text("")
        assert saved_table(str(tmp_path)) == tmp_path / name
