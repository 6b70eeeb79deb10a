"""Fragments over others, told from duplicates and from fragments side by side."""

from __future__ import annotations

from findings_of import findings_in
from scenes import fragment, fragments, udp

WHOLE = udp("10.0.0.1:4000", "198.51.100.1:9000", bytes(2000))
FIRST, SECOND, THIRD = fragments(WHOLE, 800, 1600)
OVER = fragment(WHOLE, 792, bytes(808), more=True)


def found(*parts):
    """The findings with this code among fragments in a row."""
    return [each for each in findings_in(list(enumerate(parts))) if each.code == "fragment-overlap"]


def test_overlap():
    """A second fragment that begins before the end of the first."""
    (violation,) = found(FIRST, OVER, THIRD)
    assert (violation.count, violation.first_frame) == (1, 2)
    assert "the first from 10.0.0.1 to 198.51.100.1 in frame 2; the datagrams were thrown away" in violation.message


def test_neighbours_and_duplicates_are_none():
    """Side by side, in any order, one of them twice."""
    assert not found(FIRST, SECOND, THIRD)
    assert not found(THIRD, FIRST, FIRST, SECOND)


def test_other_identification_is_another_datagram():
    """The same bytes of two datagrams do not overlap."""
    assert not found(FIRST, fragment(WHOLE, 792, bytes(808), more=True, ident=8))
