"""Sequence numbers wrap around; half the circle lies before, half behind."""

import pytest

from pcapaudit.conntrack.seqnum import after, before, wrap

TOP = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        (1, 2, 1),
        (2, 1, 0),
        (5, 5, 0),
        (TOP, 0, 1),
        (0, TOP, 0),
        (TOP - 10, 10, 1),
        (0, 0x7FFFFFFF, 1),
        (0, 0x80000000, 1),
        (0, 0x80000001, 0),
    ],
)
def test_before_over_the_wrap(left, right, answer):
    """As the sign of a 32-bit difference."""
    assert before(left, right) == answer
    assert after(right, left) == answer


def test_wrap_of_sums_and_differences():
    """Results are sequence numbers again."""
    assert (wrap(TOP + 1), wrap(-1), wrap(7)) == (0, TOP, 7)
