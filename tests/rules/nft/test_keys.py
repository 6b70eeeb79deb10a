"""Selectors with words of their own."""

from __future__ import annotations

import pytest

from pcapaudit.rules.nft.cursor import Cursor, SyntaxProblem
from pcapaudit.rules.nft.keys import parse_selector, starts_selector
from pcapaudit.rules.nft.lexer import tokenize


@pytest.mark.parametrize(
    ("text", "shown", "type_name"),
    [
        ("tcp dport", "tcp dport", "inet_service"),
        ("iifname", "meta iifname", "ifname"),
        ("hour", "meta hour", "hour"),
        ("ct original ip saddr", "ct original ip saddr", "ipv4_addr"),
        ("@th,16,16", "@th,16,16", "integer"),
        ("ip6 hop-limit", "ip6 hoplimit", "integer"),
        ("fib saddr . iif oif missing", "fib saddr . iif oif", "boolean"),
        ("fib daddr type local", "fib daddr type", "fib_addrtype"),
        ("exthdr hbh exists", "exthdr hbh", "boolean"),
        ("frag more-fragments 1", "frag more-fragments", "integer"),
        ("rt type 0", "rt type", "integer"),
        ("tcp option maxseg size 1", "tcp option maxseg size", "integer"),
        ("tcp option sack-perm exists", "tcp option sack-perm", "boolean"),
        ("socket cgroupv2 level 1", "socket cgroupv2 level 1", "string"),
        ("numgen inc mod 2 offset 1", "numgen inc mod 2 offset 1", "integer"),
        ("ipsec in ip saddr", "ipsec in ip saddr", "ipv4_addr"),
    ],
)
def test_selector(text, shown, type_name):
    """Text and type."""
    cursor = Cursor(tokenize(text, ""))
    assert starts_selector(cursor)
    found = parse_selector(cursor)
    assert (found.text, found.type_name) == (shown, type_name)


@pytest.mark.parametrize("text", ["tcp dprot", "fib saddr", "tcp option nope", "@xx,1,1", "@th,0,129", "ct original saddr", "exthdr zz"])
def test_wrong_selector(text):
    """Told."""
    with pytest.raises(SyntaxProblem):
        parse_selector(Cursor(tokenize(text, "")))
