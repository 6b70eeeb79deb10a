"""Values as text and as numbers."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.rules.datatypes import DATATYPES, Datatype, format_duration, parse_duration

SECOND = 1_000_000_000
#: Names that nft 1.0.6 knows from files of the machine, or under the words of its grammar only.
NOT_DESCRIBED = {"inet_service", "ecn", "devgroup"}
#: Names that it understands without listing them.
UNLISTED = {"hopopt", "icmpv6", "true", "false"}

VALUES = [
    ("ipv4_addr", "192.0.2.1", 0xC0000201),
    ("ipv4_addr", "0.0.0.0", 0),
    ("ipv4_addr", "255.255.255.255", 0xFFFFFFFF),
    ("ipv6_addr", "2001:db8::1", 0x20010DB8 << 96 | 1),
    ("ipv6_addr", "::", 0),
    ("ipv6_addr", "::ffff:192.0.2.1", 0xFFFF << 32 | 0xC0000201),
    ("ether_addr", "00:00:5e:00:53:01", 0x00005E005301),
    ("ether_addr", "0:0:5E:0:53:1", 0x00005E005301),
    ("inet_service", "https", 443),
    ("inet_service", "65535", 65535),
    ("inet_service", "0x1F90", 8080),
    ("inet_proto", "tcp", 6),
    ("inet_proto", "ipv6-icmp", 58),
    ("inet_proto", "icmpv6", 58),
    ("ether_type", "ip6", 0x86DD),
    ("nf_proto", "ipv6", 10),
    ("ifname", "eth0", int.from_bytes(b"eth0".ljust(16, b"\0"), "big")),
    ("ifname", "fifteen-letters", int.from_bytes(b"fifteen-letters\0", "big")),
    ("ct_state", "established", 2),
    ("ct_dir", "reply", 1),
    ("icmp_type", "echo-request", 8),
    ("icmpv6_type", "nd-neighbor-solicit", 135),
    ("tcp_flag", "syn", 2),
    ("mark", "0x10", 16),
    ("dscp", "ef", 46),
    ("dscp", "63", 63),
    ("boolean", "missing", 0),
    ("time", "1h", 3600 * SECOND),
    ("integer", "0", 0),
]
REFUSED = [
    ("ipv4_addr", "192.0.2"),
    ("ipv4_addr", "192.0.2.256"),
    ("ipv4_addr", "192.0.2.01"),
    ("ipv4_addr", "192.0.2.1.5"),
    ("ipv4_addr", "192.0.2.x"),
    ("ipv4_addr", "192.0.2.٣"),
    ("ipv4_addr", "example"),
    ("ipv6_addr", "2001:db8:::1"),
    ("ipv6_addr", "192.0.2.1"),
    ("ether_addr", "00:00:5e:00:53"),
    ("ether_addr", "00:00:5e:00:53:1g"),
    ("inet_service", "65536"),
    ("inet_service", "-1"),
    ("inet_service", "htps"),
    ("inet_service", "²"),
    ("inet_service", "0x"),
    ("inet_service", "0x_1"),
    ("inet_proto", "256"),
    ("ifname", ""),
    ("ifname", "sixteen-letters-"),
    ("dscp", "64"),
    ("ct_state", "open"),
    ("time", "soon"),
]


@pytest.mark.parametrize(("name", "text", "number"), VALUES, ids=str)
def test_text_becomes_its_number(name, text, number):
    """By name or as written."""
    assert DATATYPES[name].parse(text) == number


@pytest.mark.parametrize(("name", "text"), REFUSED, ids=lambda value: value or "empty")
def test_text_that_is_no_value(name, text):
    """Is None, never an exception and never a number that does not fit."""
    assert DATATYPES[name].parse(text) is None


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("inet_service", 443, "443"),
        ("inet_proto", 58, "icmpv6"),
        ("inet_proto", 0, "hopopt"),
        ("inet_proto", 253, "253"),
        ("pkt_type", 0, "host"),
        ("dscp", 0, "cs0"),
        ("dscp", 1, "lephb"),
        ("dscp", 63, "0x0000003f"),
        ("mark", 16, "0x00000010"),
        ("ct_state", 6, "established,related"),
        ("ct_state", 0, "0x0"),
        ("ct_state", 0x82, "0x82"),
        ("tcp_flag", 0x12, "syn,ack"),
        ("ifname", int.from_bytes(b"eth0".ljust(16, b"\0"), "big"), '"eth0"'),
        ("ether_addr", 0x00005E005301, "00:00:5e:00:53:01"),
        ("ipv6_addr", 1, "::1"),
        ("time", 90 * SECOND, "1m30s"),
    ],
)
def test_number_becomes_its_text(name, number, text):
    """The first name of several; ports as numbers, because they say more."""
    assert DATATYPES[name].format(number) == text


@pytest.mark.parametrize("name", DATATYPES)
def test_every_symbol_fits(name):
    """And its text is read as the number that the table says."""
    datatype = DATATYPES[name]
    assert datatype.name == name
    assert datatype.example
    assert all(datatype.parse(symbol) == number for symbol, number in datatype.symbols.items())
    if not datatype.is_mask:
        assert all(datatype.parse(datatype.format(number)) == number for number in datatype.symbols.values())


@given(st.data())
def test_printed_value_is_read_again(data):
    """For every type and number, but for names, which are bytes, and for times, which have a coarser grain."""
    plain = [each for each in DATATYPES.values() if each.form in ("integer", "ipv4", "ipv6", "mac") and not each.is_mask]
    datatype = data.draw(st.sampled_from(plain))
    number = data.draw(st.integers(0, (1 << datatype.bits) - 1))
    assert datatype.parse(datatype.format(number)) == number


@given(st.text(max_size=30))
def test_any_text_is_a_number_that_fits_or_none(text):
    """No type raises, whatever it is given."""
    for datatype in DATATYPES.values():
        number = datatype.parse(text)
        assert number is None or 0 <= number < 1 << datatype.bits


@pytest.mark.parametrize(
    "text", ["9" * 5000, "0x" + "f" * 5000, "9" * 5000 + "s", ".".join(["9" * 5000] * 4)], ids=["dec", "hex", "s", "ip"]
)
def test_number_of_thousands_of_digits_is_none(text):
    """Python's int() raises at these."""
    assert [name for name, datatype in DATATYPES.items() if datatype.parse(text) is not None] == []


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("30", 30 * SECOND),
        ("0", 0),
        ("30s", 30 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1d2h3m4s5ms", ((26 * 60 + 3) * 60 + 4) * SECOND + 5_000_000),
        ("1w", 604800 * SECOND),
        ("500ms", 500_000_000),
        ("", None),
        ("1m1h", None),
        ("s", None),
        ("1.5s", None),
        ("-1s", None),
        ("1y", None),
    ],
)
def test_duration(text, ns):
    """Units in falling order, each once; a bare number counts seconds."""
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (86400, "1d"), (604800, "7d"), (0.25, "250ms"), (3661.5, "1h1m1s500ms")]
)
def test_duration_as_nft_prints_it(seconds, text):
    """Days are the largest unit."""
    assert format_duration(round(seconds * SECOND)) == text


@given(st.integers(0, 10**9).map(lambda ms: ms * 1_000_000))
def test_printed_duration_is_read_again(ns):
    """To the millisecond."""
    assert parse_duration(format_duration(ns)) == ns


def test_first_name_of_a_number_is_printed():
    """Later names of the table are read only."""
    datatype = Datatype("x", 8, symbols={"a": 1, "b": 1})
    assert (datatype.parse("b"), datatype.format(1)) == (1, "a")


@pytest.mark.parametrize("name", [name for name, each in DATATYPES.items() if each.symbols and name not in NOT_DESCRIBED])
def test_symbols_are_those_of_nft(name):
    """What ``nft describe`` lists; a newer nft may list more."""
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    shown = subprocess.run(["nft", "describe", name], capture_output=True, text=True, check=True).stdout
    listed = {symbol: int(number, 0) for symbol, number in re.findall(r"^\t(\S+)\s+(0x[0-9a-f]+|\d+)\s*$", shown, re.M)}
    datatype = DATATYPES[name]
    if name in ("ether_type", "arp_op") and 0x0008 in (listed.get("ip"), listed.get("request", 0) >> 5):
        # On a little-endian machine nft shows the bytes turned over.
        listed = {symbol: int.from_bytes(number.to_bytes(2, "little"), "big") for symbol, number in listed.items()}
    assert {symbol: number for symbol, number in listed.items() if symbol in datatype.symbols and datatype.symbols[symbol] != number} == {}
    assert set(datatype.symbols) - set(listed) - UNLISTED == set()
