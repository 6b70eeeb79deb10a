"""The window drawn as a ruler."""

from __future__ import annotations

import pytest

from pcapaudit.report.ruler import ruler_lines


def window(seq, end, ack, *, failed=None):
    """A window from 1000 to 5300 for sequence numbers, of 66000 behind 9000 for acknowledgements."""
    made = (
        ("I", "seq", seq, "<=", 5300, seq <= 5300),
        ("II", "end", end, ">=", 1000, end >= 1000),
        ("III", "ack", ack, "<=", 9000, ack <= 9000),
        ("IV", "ack", ack, ">=", 2**32 + 9000 - 66000, True),
    )
    keys = ("bound", "value", "seen", "relation", "limit", "holds")
    return {"failed": failed, "remark": None, "bounds": [{**dict(zip(keys, each, strict=True)), "made_of": "x"} for each in made]}


def drawn(*numbers, **more):
    """The lines as text."""
    return [line.plain for line in ruler_lines(window(*numbers, **more))]


def test_segment_within_the_window():
    """From its sequence number to its end, to scale."""
    lines = drawn(1000, 3150, 9000)
    bar = lines[0][9:]
    assert bar.index("█") == 8
    assert bar.rindex("█") == 8 + 43 // 2
    assert lines[1].split() == ["1000", "5300"]
    assert lines[4] == "✓ I   seq 1000 ≤ 5300  = x"


@pytest.mark.parametrize(("seq", "cell"), [(5400, 52), (2_000_000, 59)])
def test_segment_beyond_the_window(seq, cell):
    """Just outside lies beside the end, far away at the edge; the bound says by how much."""
    lines = drawn(seq, seq, 9000, failed="I")
    assert lines[0][9:].rindex("█") == cell
    assert lines[4] == f"✗ I   seq {seq} ≤ 5300  = x  fails by {seq - 5300}"


def test_window_across_zero():
    """The lower bound is a larger number than the upper one."""
    lines = drawn(1000, 1000, 0)
    assert lines[3].split() == ["4294910296", "9000"]


def test_remark_stands_alone():
    """Where nothing was held against the bounds."""
    (line,) = ruler_lines({"failed": None, "remark": "why", "bounds": []})
    assert line.plain == "window  why"
