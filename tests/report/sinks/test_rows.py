"""Numbers become the texts that Python's own formatting gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pcapaudit.report.sinks.rows import KINDS, NOTHING, ROWS, FieldPlan, RowFormatter

U64 = st.integers(0, 2**64 - 1)


def plan(kind, **changes):
    """A field between square brackets."""
    return FieldPlan(kind, **{"before": b"[", "after": b"]", "null": b"-", **changes})


def texts(fields, rows, row_end=b"\n"):
    """What a formatter makes of rows of cells."""
    formatter = RowFormatter(fields, row_end)
    for k, row in enumerate(rows):
        formatter.cells[:, k] = np.array(row, np.uint64)
    return bytes(formatter.format(len(rows))).decode().split(row_end.decode())[:-1]


def one(field, *cells):
    """The text of a single field."""
    return texts([field], [cells])[0]


@settings(deadline=None, max_examples=60)
@given(U64.filter(lambda value: value != NOTHING))
def test_number_is_decimal(value):
    """Any unsigned number; nothing stands behind it."""
    assert one(plan("number", after=b""), value) == f"[{value}"


@pytest.mark.parametrize("value", [10**k + d for k in range(1, 20) for d in (-1, 0, 1)])
def test_number_at_powers_of_ten(value):
    """Where the number of digits changes."""
    assert one(plan("number", after=b""), value) == f"[{value}"


def test_number_nothing_is_null():
    """The value that stands for no value."""
    assert one(plan("number"), NOTHING) == "-"


@settings(deadline=None, max_examples=60)
@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_is_decimal(value):
    """Any signed number."""
    assert one(plan("signed", after=b""), value & (2**64 - 1)) == f"[{value}"


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_address_of_ipv4(value):
    """Any IPv4 address."""
    assert one(plan("address"), 0, value, 4) == f"[{IPv4Address(value)}]"


@settings(deadline=None, max_examples=120)
@given(st.lists(st.sampled_from([0, 0, 0, 1, 0xF, 0x10, 0xABC, 0xFFFF]), min_size=8, max_size=8))
def test_address_of_ipv6(groups):
    """IPv6 addresses with many zero groups: which run is shortened is what goes wrong."""
    value = int.from_bytes(b"".join(group.to_bytes(2, "big") for group in groups), "big")
    assert one(plan("address"), value >> 64, value & (2**64 - 1), 6) == f"[{IPv6Address(value)}]"


def test_address_without_family_is_null():
    """A frame without an IP packet."""
    assert one(plan("address"), 1, 2, 0) == "-"


@settings(deadline=None, max_examples=100)
@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-(2**63))
@example(-1)
@example(0)
def test_time_is_iso(ns):
    """Any 64-bit time stamp, before 1970 too."""
    seconds, rest = divmod(ns, 10**9)
    expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    assert one(plan("time"), ns & (2**64 - 1)) == f"[{expected}.{rest:09d}Z]"


@pytest.mark.parametrize(
    "day", ["1999-12-31", "2000-02-28", "2000-02-29", "2000-03-01", "2000-12-31", "2100-02-28", "2100-03-01", "2024-02-29"]
)
def test_time_at_leap_days(day):
    """Days at which calendars go wrong."""
    ns = int(datetime.fromisoformat(f"{day}T23:59:59+00:00").timestamp()) * 10**9
    assert one(plan("time"), ns) == f"[{day}T23:59:59.000000000Z]"


@pytest.mark.parametrize(("code", "text"), [(0, "[zero]"), (1, "-"), (2, "[two]"), (3, "-"), (NOTHING, "-")])
def test_code_has_text_or_null(code, text):
    """A name, no name, beyond the table."""
    assert one(plan("code", texts=[b"zero", None, b"two"]), code) == text


@pytest.mark.parametrize(("mask", "text"), [(0, "[]"), (1, "[a]"), (4, "[c]"), (5, "[a|c]"), (7, "[a|b|c]"), (8, "[]")])
def test_mask_lists_its_bits(mask, text):
    """Lowest bit first; bits without a name are left out."""
    assert one(plan("mask", texts=[b"a", b"b", b"c"], between=b"|"), mask) == text


def test_letters_without_letters_are_null():
    """An empty text is no value."""
    assert one(plan("letters", words=2), 0, 0) == "-"


@pytest.mark.parametrize("text", [b"S", b"ShADadFf", b"ABCDEFGHIJKLMNOP"])
def test_letters_end_at_zero(text):
    """Texts that fill no word, one word, both words."""
    cells = np.frombuffer(text.ljust(16, b"\0"), "<u8")
    assert one(plan("letters", words=2), *cells) == f"[{text.decode()}]"


def test_long_fragments_are_whole():
    """Texts longer than the sixteen bytes of a short copy."""
    long = bytes(range(65, 91)) * 9
    assert one(plan("code", texts=[long]), 0) == f"[{long.decode()}]"


def combinations():
    """Four fields that form a group, between two that do not."""
    code = [str(k).encode() for k in range(11)]
    return [
        plan("number", after=b""),
        plan("code", texts=code),
        plan("mask", texts=[b"x", b"y", b"z"], between=b","),
        plan("code", texts=code),
        plan("number", after=b""),
    ]


def test_group_is_remembered_right():
    """A group's text comes from memory the second time, whatever combinations lie between."""
    rng = np.random.default_rng(1)
    rows = [(k, rng.integers(0, 14), rng.integers(0, 8), rng.integers(0, 14), k) for k in range(ROWS)]
    name = lambda code: f"[{code}]" if code < 11 else "-"  # noqa: E731
    expected = [f"[{a}{name(b)}[{','.join(bit for k, bit in enumerate('xyz') if c >> k & 1)}]{name(d)}[{e}" for a, b, c, d, e in rows]
    assert texts(combinations(), rows) == expected
    formatter = RowFormatter(combinations(), b"\n")
    for _ in range(2):
        formatter.cells[:, :ROWS] = np.array(rows, np.uint64).T
        assert bytes(formatter.format(ROWS)).decode().split("\n")[:-1] == expected


def test_group_wider_than_64_bits_is_split():
    """Masks of 40 bits each do not fit into one number."""
    field = plan("mask", texts=[str(k).encode() for k in range(40)], between=b",")
    rows = [(1 << 39, 1), (1, 1 << 39), (0, 0)]
    assert texts([field, field], rows) == ["[39][0]", "[0][39]", "[][]"]


def test_group_longer_than_its_memory_is_written():
    """A text too long to be remembered is made anew each time."""
    field = plan("code", texts=[b"x" * 400])
    assert texts([field, field], [(0, 0), (0, 0)]) == [f"[{'x' * 400}]" * 2] * 2


def test_format_refuses_more_than_a_block():
    """There is no room for more rows."""
    with pytest.raises(ValueError, match="at most"):
        RowFormatter([plan("number")], b"\n").format(ROWS + 1)


def test_every_kind_is_tested():
    """A new kind needs its tests here."""
    assert set(KINDS) == {"number", "signed", "code", "mask", "address", "time", "letters"}
