"""Checksums that follow a change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.regress.sums import change, empty, ones_sum


def right(data, field):
    """The bytes with the right checksum at ``field``."""
    made = bytearray(data)
    made[field : field + 2] = b"\0\0"
    made[field : field + 2] = (~ones_sum(bytes(made)) & 0xFFFF).to_bytes(2, "big")
    return made


def test_sum_of_the_example():
    """RFC 1071, section 3."""
    assert ones_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2
    assert ones_sum(b"\x01") == 0x0100


@given(st.binary(min_size=8, max_size=41), st.data())
def test_property_right_stays_right(data, draw):
    """For any change of any number of bytes but the field's own."""
    made = right(data, 2)
    old = bytes(made)
    place = draw.draw(st.integers(4, len(made) - 1))
    new = draw.draw(st.binary(min_size=len(made) - place, max_size=len(made) - place))
    made[place:] = new
    change(made, 2, old, bytes(made), len(made))
    assert ones_sum(bytes(made)) in (0xFFFF, 0)


@given(st.binary(min_size=8, max_size=40).filter(any), st.integers(1, 0xFFFE), st.binary(min_size=4, max_size=4))
def test_property_wrong_stays_as_wrong(data, error, new):
    """The sum is off by the same."""
    made = right(data, 2)
    made[2:4] = ((int.from_bytes(made[2:4], "big") + error) % 0x10000).to_bytes(2, "big")
    old, before = bytes(made), ones_sum(bytes(made))
    made[4:8] = new
    change(made, 2, old, bytes(made), len(made))
    assert ones_sum(bytes(made)) % 0xFFFF == before % 0xFFFF


def test_field_that_is_not_there_is_left():
    """The capture ends before it."""
    made = bytearray(b"abcd")
    change(made, 3, b"ab", b"xx", 4)
    assert made == b"abcd"


@given(st.binary(max_size=60), st.integers(0, 10))
def test_property_emptied_bytes_have_their_sum(data, start):
    """And nothing else: all but two bytes are zero."""
    made = bytearray(data)
    empty(made, start, len(made))
    assert made[:start] == data[:start]
    assert ones_sum(bytes(made[start:])) == ones_sum(data[start:])
    assert not any(made[start + 2 :])
