"""Spans of time in words."""

import pytest

from pcapaudit.core.spans import span

MS, S, MIN, H, DAY = 10**6, 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (7, "7 ns"),
        (999, "999 ns"),
        (12_345, "12.3 µs"),
        (MS, "0.001 s"),
        (199 * MS, "0.199 s"),
        (S, "1 s"),
        (23_684 * MS, "23.7 s"),
        (59_940 * MS, "59.9 s"),
        (59_960 * MS, "1 min"),
        (90 * S, "1 min 30 s"),
        (120 * S, "2 min"),
        (150 * S, "2 min 30 s"),
        (H - 1, "1 h"),
        (13_500 * S, "3 h 45 min"),
        (2 * H, "2 h"),
        (DAY - S, "1 day"),
        (DAY + 3 * H, "1 day 3 h"),
        (6 * DAY, "6 days"),
        (6 * DAY + 29 * MIN, "6 days"),
        (-90 * S, "-1 min 30 s"),
    ],
)
def test_span(ns, text):
    """Two units at most, rounded to what is said, nothing in powers of ten."""
    assert span(ns) == text


def test_every_span_to_a_week_is_said_in_whole_numbers():
    """No 60 of a smaller unit, no 24 h, no exponent."""
    for seconds in range(0, 7 * 86_400, 37):
        text = span(seconds * S)
        assert "e" not in text
        assert not {"60 s", "60 min", "24 h"} & {text, text.partition(" h ")[2], text.partition(" min ")[2]}
