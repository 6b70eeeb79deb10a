"""Frames that are traced by the audit command."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command

from pcapaudit.cli.tracing import MAX_TRACED, missing_frames
from pcapaudit.replay.trace import Tracer

WINDOW = str(ROOT / "captures" / "tcp-window.pcap")


def test_traces_follow_the_summary():
    """In order, each with its phases."""
    done = pcapaudit_command("audit", WINDOW, "--trace", "9,2-3")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Frame ")] == ["2", "3", "9"]
    assert done.stdout.index("Capture") < done.stdout.index("Frame 2")


def test_trace_file(tmp_path):
    """With -o they are a file, and not on stdout; verdicts are those of a run without."""
    done = pcapaudit_command("audit", WINDOW, "--trace", "2", "-o", str(tmp_path / "a"))
    pcapaudit_command("audit", WINDOW, "-o", str(tmp_path / "b"))
    assert [each["frame"] for each in json.loads((tmp_path / "a" / "trace.json").read_text())["traces"]] == [2]
    assert "Frame 2" not in done.stdout
    for name in ("verdicts.csv", "flows.csv", "violations.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert not (tmp_path / "b" / "trace.json").exists()


def test_trace_in_the_json_summary():
    """One document on stdout."""
    done = pcapaudit_command("audit", WINDOW, "--trace", "2", "--summary", "json")
    assert [each["frame"] for each in json.loads(done.stdout)["traces"]] == [2]


def test_frame_beyond_the_end_is_named():
    """The others are shown."""
    done = pcapaudit_command("audit", WINDOW, "--trace", "2,999")
    assert "--trace 999: the capture has 55 frames" in done.stderr
    assert "Frame 2 " in done.stdout


@pytest.mark.parametrize("text", ["0", "x", "3-1", "1,", "-", f"1-{MAX_TRACED + 1}", "9" * 30, "²"])
def test_what_is_no_frame(text):
    """Exit code 2, and an example."""
    done = pcapaudit_command("audit", WINDOW, "--trace", text)
    assert done.returncode == 2
    assert "--trace" in done.stderr


def test_missing_frames_are_summed_up():
    """Five by number."""
    assert missing_frames(Tracer([1, *range(11, 20)]), 10) == "--trace 11, 12, 13, 14, 15 and 4 more: the capture has 10 frames"
    assert missing_frames(Tracer([1]), 10) == ""
