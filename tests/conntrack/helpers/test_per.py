"""Aligned PER: every kind of value, and where reading ends when a message is short, wrong, or of a newer version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from per_writer import encode

from pcapaudit.conntrack.helpers.h323_syntax import messages
from pcapaudit.conntrack.helpers.per import Kind, decode, syntax


def one(text):
    """A type of its own."""
    return syntax(f"T ::= {text}")["T"]


def bits(text):
    """Bits as bytes, the last one filled up."""
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


@pytest.mark.parametrize(
    ("text", "data", "value"),
    [
        ("INTEGER(0..255)", "2a", 42),
        ("INTEGER(1..65535)", "0007", 8),
        ("INTEGER(1..8)", "e0", 8),
        ("INTEGER(0..16777215)", "80 010203", 0x010203),
        ("INTEGER", "01 05", 0),
        ("OCTETS(4)", "0a000001", b"\x0a\0\0\1"),
        ("OCTETS(2)", "0102", b"\1\2"),
        ("OCTETS(1..20)", "10 010203", b"\1\2\3"),
        ("OCTETS(1..256)", "01 0102", b"\1\2"),
        ("OCTETS", "02 0102", b"\1\2"),
        ("OCTETS", "80 02 0102", b"\1\2"),
        ("NULL", "", None),
        ("BOOLEAN", "80", None),
        ("OID", "02 0001", None),
        ("BMP(1..128)", "02 0061 0062", None),
        ("DIGITS(1..128)", "02 45", None),
        ("BITS(9)", "0180", None),
        ("BITS(0..2048)", "0009 0180", None),
        ("BITS", "09 0180", None),
        ("CHOICE { a NULL, b INTEGER(0..255), c NULL }", "40 05", ("b", 5)),
        ("CHOICE { a NULL, ..., b INTEGER(0..255) }", "80 02 0500", ("b", 5)),
        ("CHOICE { a NULL, ..., b }", "80 02 0500", ("b", None)),
        ("CHOICE { a NULL, ... }", "85 02 0500", ("", None)),
        ("CHOICE { a, b NULL }", "00", ("a", None)),
        ("CHOICE { a NULL, ..., | b, c }", "80", ("b", None)),
        ("SEQUENCE { a INTEGER(0..255), b INTEGER(0..255)? }", "80 01 02", {"a": 1, "b": 2}),
        ("SEQUENCE { a INTEGER(0..255), b INTEGER(0..255)? }", "00 01", {"a": 1}),
        ("SEQUENCE { a NULL, ..., b, c INTEGER(0..255) }", "81 c0 02 0909 01 05", {"a": None, "b": None, "c": 5}),
        ("SEQUENCE { a INTEGER(0..255), | b INTEGER(0..255) }", "01 02", {"a": 1}),
        ("SEQUENCE { a NULL, ..., | }", "80 80", {"a": None}),
        ("LIST INTEGER(0..255)", "02 0102", [1, 2]),
        ("LIST INTEGER(0..255) (0..1)", "02 0102", [1]),
        ("LIST OPEN INTEGER(0..255)", "02 01 01 02 02ff", [1, 2]),
    ],
)
def test_value(text, data, value):
    """What is encoded there; a byte more than a length may be wanted, as Linux wants it."""
    data = bytes.fromhex(data)
    assert decode(one(text), data + b"\0") == value


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("INTEGER(0..255)", ""),
        ("INTEGER(0..65535)", "00"),
        ("INTEGER(0..16777215)", "80 0102"),
        ("OCTETS(4)", "0a0000"),
        ("OCTETS", "02 01"),
        ("OCTETS", "01"),
        ("OCTETS(1..20)", "10 0102"),
        ("BOOLEAN", ""),
        ("OID", "02 00"),
        ("OID", ""),
        ("BMP(1..128)", "02 0061"),
        ("DIGITS(1..128)", "06 45"),
        ("BITS", "10 01"),
        ("CHOICE { a NULL, b NULL, c NULL }", "c0"),
        ("CHOICE { a NULL, ..., b }", "80 05 00"),
        ("SEQUENCE { a NULL }", ""),
        ("SEQUENCE { a NULL, ..., b }", "80"),
        ("SEQUENCE { a NULL, ..., b INTEGER(0..65535) }", "80 80 02 01"),
        ("LIST INTEGER(0..255)", "03 0102"),
        ("LIST OPEN INTEGER(0..255)", "01 05 01"),
    ],
)
def test_unreadable(text, data):
    """A message that ends too early, or an alternative that there is none of."""
    assert decode(one(text), bytes.fromhex(data)) is None


def test_newer_addition_counts_whether_it_is_there_or_not():
    """Linux passes over each of them by a length; so what a message says behind an absent one is read from the wrong place."""
    node = one("SEQUENCE { a NULL, ..., b INTEGER(0..255) }")
    assert decode(node, bytes.fromhex("83 80 01 05 02 0909 00 00 00")) == {"a": None, "b": 5}
    two = one("SEQUENCE { x SEQUENCE { a NULL, ..., b }, c INTEGER(0..255) }")
    absent = bytes.fromhex("81 80 01 05 02 0909 07 00")
    assert decode(one("SEQUENCE { a NULL, ..., b }"), absent) == {"a": None, "b": None}
    assert decode(two, absent) == {"x": {"a": None, "b": None}, "c": 7}


def test_additions_are_32_at_most():
    """Linux has a word of 32 bits for them."""
    node = one("SEQUENCE { a NULL, ..., b }")
    for count, found in ((32, {"a": None, "b": None}), (33, None)):
        assert decode(node, bits(f"1{count - 1:07b}1" + "0" * (count - 1)) + bytes(80)) == found


def test_map_of_additions_that_fills_a_word_is_read_from_the_byte_it_begins_in():
    """Linux does not shift it there: of 31 additions behind one bit of another kind, the last is lost and that bit is the first."""
    node = one("SEQUENCE { f BOOLEAN, ..., a INTEGER(0..255), b INTEGER(0..255) }")
    known = "SEQUENCE { f BOOLEAN, ..., a INTEGER(0..255), b INTEGER(0..255)" + "".join(f", n{each}" for each in range(29)) + " }"
    # The extension bit, f, 31 additions (less one in seven bits), and of these a alone: the map begins with the ninth bit, behind f's.
    data = bits("1" + "0" + "0011110" + "1" + "0" * 30) + bytes.fromhex("01 05 00")
    assert decode(one(known), data) == {"f": None, "b": 5}
    # Anywhere else it is read as it stands.
    assert decode(node, bits("1" + "0" + "0000001" + "10") + bytes.fromhex("01 05 00")) == {"f": None, "a": 5}


def test_lifetime_is_left_behind_twice():
    """Where a message ends with the number Linux cannot read it."""
    node = one("SEQUENCE { a NULL, ..., life SECONDS(1..4294967295) }")
    whole = bytes.fromhex("80 80 03 40 012b")
    assert decode(node, whole) is None
    assert decode(node, whole + b"\0\0") == {"a": None, "life": 300}


@pytest.mark.parametrize("text", ["T ::= SEQUENCE { a Missing }", "T INTEGER", "T ::= CHOICE a"])
def test_syntax_error(text):
    """A name that nothing in front has, or a mark that is missing."""
    with pytest.raises(ValueError, match="a syntax"):
        syntax(text)


def test_syntax_keeps_what_it_says():
    """Ranges, options, additions, and the place where reading ends."""
    node = one("SEQUENCE { a INTEGER(1..8)?, | b, ..., c }")
    assert (node.kind, node.stop, node.extensible) == (Kind.SEQUENCE, 1, True)
    assert [(each.name, each.optional) for each in node.root] == [("a", True), ("b", False)]
    assert (node.root[0].node.low, node.root[0].node.high, [each.name for each in node.additions]) == (1, 8, ["c"])


@given(st.binary(max_size=400), st.sampled_from(["call", "control", "ras"]))
def test_any_bytes_are_read_or_not(data, which):
    """Any bytes: a value or None, nothing else."""
    decode(getattr(messages(), which), data)


def test_what_was_written_is_read():
    """By the same syntax, every kind."""
    node = one(
        "SEQUENCE { a INTEGER(1..8)?, b LIST CHOICE { x NULL, ..., y INTEGER(0..255) }, c BMP(1..16), d OID, ..., e, f INTEGER(0..70000) }"
    )
    said = {"b": [("y", 5), ("x", None)], "c": "hi", "d": b"\0\1", "e": b"?", "f": 65536}
    assert decode(node, encode(node, said)) == said | {"c": None, "d": None, "e": None}
