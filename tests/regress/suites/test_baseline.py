"""Baselines: the lines of a run, and what is shown of a difference."""

from __future__ import annotations

from office import flow_rows
from suite_texts import outcomes

from pcapaudit.regress.suites.baseline import HEAD, MAX_DIFF_LINES, difference


def test_lines_tell_the_run(tmp_path):
    """Frames, verdicts, flows, findings; no line number of a rule."""
    (found,) = outcomes(tmp_path, "baseline: x.baseline.txt\n", update=True)
    assert found.status == "passed"
    lines = (tmp_path / "x.baseline.txt").read_text().splitlines()
    assert lines[:2] == [HEAD, "frames 244"]
    assert sum(line.startswith("flow ") for line in lines) == len(flow_rows())
    assert any(line.startswith("packets drop (policy): ") for line in lines)
    assert lines[-1].startswith("finding ")
    assert "policy.toml" not in "".join(lines)


def test_same_run_same_bytes(tmp_path):
    """Whatever the seed: written twice, and it passes."""
    outcomes(tmp_path, "baseline: x.baseline.txt\n", update=True)
    first = (tmp_path / "x.baseline.txt").read_bytes()
    outcomes(tmp_path, "seed: 99\nbaseline: x.baseline.txt\n", update=True)
    assert (tmp_path / "x.baseline.txt").read_bytes() == first
    (found,) = outcomes(tmp_path, "baseline: x.baseline.txt\n")
    assert found.status == "passed"


def test_differences():
    """Lines that went and came; nothing else."""
    assert difference(["a", "b", "c"], ["a", "x", "c"]) == ["-b", "+x"]
    assert difference(["a"], ["a"]) == []
    many = [str(number) for number in range(100)]
    assert difference(many, [])[-1] == f"… and {100 - MAX_DIFF_LINES} more lines"
