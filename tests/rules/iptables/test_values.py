"""Values of iptables options."""

from __future__ import annotations

import pytest

from pcapaudit.rules.iptables import values
from pcapaudit.rules.iptables.words import Line, Option
from pcapaudit.rules.nft.cursor import SyntaxProblem

OPTION = Option("--x", ("v",), False, Line("f", 1, "--x v").split(), 1)


@pytest.mark.parametrize(("text", "expected"), [("10", 10), ("0x10", 16), ("010", 8), ("0", 0)])
def test_number(text, expected):
    """Decimal, hexadecimal, octal."""
    assert values.number(OPTION, text, 255) == expected


@pytest.mark.parametrize("text", ["256", "-1", "x", ""])
def test_number_that_is_none(text):
    """Told."""
    with pytest.raises(SyntaxProblem):
        values.number(OPTION, text, 255)


@pytest.mark.parametrize(("text", "expected"), [("5", (5, 5)), ("5:", (5, 255)), (":5", (0, 5)), ("1:2", (1, 2))])
def test_interval(text, expected):
    """Missing ends."""
    assert values.interval(OPTION, text, 255) == expected


@pytest.mark.parametrize(
    ("text", "l3", "expected"),
    [
        ("10.0.0.1", 4, (0x0A000001, None)),
        ("10.1.2.3/8", 4, (0x0A000000, 0xFF000000)),
        ("10/8", 4, (0x0A000000, 0xFF000000)),
        ("10.0.0.1/255.255.255.255", 4, (0x0A000001, None)),
        ("2001:db8::/32", 6, (0x20010DB8 << 96, 0xFFFFFFFF << 96)),
    ],
)
def test_parse_address(text, l3, expected):
    """Address and mask."""
    assert values.parse_address(OPTION, text, l3) == expected


def test_parse_mark_and_ports():
    """VALUE/MASK; ports by name."""
    assert values.parse_mark(OPTION, "0x1/0xff") == (1, 255)
    assert values.parse_ports(OPTION, "ssh,80:90", many=True) == [(22, 22), (80, 90)]
    assert values.protocol(OPTION, "ALL") == 0
