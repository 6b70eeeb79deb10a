"""What a rule can look at: every selector by its words, and what is said of words that name none."""

from __future__ import annotations

import pytest
from nft_texts import chain, complaints, match

from pcapaudit.rules.nft.cursor import Cursor
from pcapaudit.rules.nft.keys import parse_selector, starts_selector
from pcapaudit.rules.nft.lexer import tokenize
from pcapaudit.rules.selectors import SELECTORS


def selector(text):
    """The selector that a text makes, without a value behind it."""
    cursor = Cursor(tokenize(text, "x.nft"))
    assert starts_selector(cursor)
    found = parse_selector(cursor)
    assert cursor.kind == "eof"
    return found


@pytest.mark.parametrize("text", SELECTORS)
def test_every_selector_is_read(text):
    """By the words that it has in the table."""
    assert selector(text) == SELECTORS[text]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("iifname", "meta iifname"),
        ("mark", "meta mark"),
        ("l4proto", "meta l4proto"),
        ("ip6 hop-limit", "ip6 hoplimit"),
        ("ip6 hopcount", "ip6 hoplimit"),
        ("meta uid", "meta skuid"),
        ("ct proto", "ct protocol"),
        ("ct original ip saddr", "ct original ip saddr"),
        ("ct reply proto-dst", "ct reply proto-dst"),
        ("@th,16,16", "@th,16,16"),
        ("@nh, 72, 8", "@nh,72,8"),
        ("tcp option maxseg size", "tcp option maxseg size"),
        ("exthdr frag", "exthdr frag"),
        ("frag more-fragments", "frag more-fragments"),
        ("hbh nexthdr", "hbh nexthdr"),
        ("fib daddr type", "fib daddr type"),
        ("fib saddr . iif oif", "fib saddr . iif oif"),
        ("numgen inc mod 2", "numgen inc mod 2"),
        ("jhash ip saddr mod 4 seed 0x1", "jhash ip saddr mod 4 seed 0x1"),
        ("ipsec in reqid", "ipsec in reqid"),
        ("socket transparent", "socket transparent"),
        ("sctp chunk data stream", "sctp chunk data stream"),
        ("rt type", "rt type"),
        ("hour", "meta hour"),
        ("socket cgroupv2 level 1", "socket cgroupv2 level 1"),
        ("numgen inc mod 2 offset 1", "numgen inc mod 2 offset 1"),
        ("ipsec in ip saddr", "ipsec in ip saddr"),
    ],
)
def test_selector(text, name):
    """Short forms, other spellings, and expressions with words of their own."""
    assert selector(text).text == name


@pytest.mark.parametrize("text", ["tcp option sack-perm exists", "fib daddr oif exists", "exthdr hbh missing"])
def test_existence(text):
    """Is a yes or no."""
    name, op, right = match(text)
    assert text.startswith(name)
    assert (op, right) == ("==", [(int(text.endswith("exists")),) * 2])


@pytest.mark.parametrize(
    ("text", "message", "advice", "where"),
    [
        ("tcp dprt 22", 'tcp has no field "dprt"', 'did you mean "dport"?', (5, 4)),
        ("udp 22", 'udp has no field "22"', "one of: sport, dport,", (5, 2)),
        ("udp", "found the end of the line, expected a field of udp", "one of: sport", (4, 1)),
        ("ct stat new", 'ct has no field "stat"', 'did you mean "state"?', (4, 4)),
        ("saddr 1.2.3.4", 'found "saddr", expected an expression or a statement', "", (1, 5)),
        ("iifnam lo", 'found "iifnam", expected an expression or a statement', 'did you mean "iifname"?', (1, 6)),
        ("acept", 'found "acept", expected an expression or a statement', 'did you mean "accept"?', (1, 5)),
        ("{ 1 }", 'found "{", expected an expression such as ip saddr', "", (1, 1)),
        ("ct original saddr 1.2.3.4", "ct original saddr does not say which family", "write: ct original ip saddr", (1, 17)),
        ("ct reply port 1", 'ct reply has no field "port"', "", (10, 4)),
        ("@xx,0,8 1", 'no header is called "xx"', "use ll (link), nh (network), th (transport) or ih (inner)", (2, 2)),
        ("@th,0,129 1", "a raw expression reads 1 to 128 bits", "", (1, 9)),
        ("@nh,4096,8 1", "at most 2048 bits into the header", "", (1, 10)),
        ("tcp option maxsg size 1", 'no TCP option is called "maxsg"', 'did you mean "maxseg"?', (12, 5)),
        ("tcp option maxseg siz 1", 'TCP option maxseg has no field "siz"', 'did you mean "size"?', (19, 3)),
        ("exthdr hhb exists", 'no extension header is called "hhb"', "", (8, 3)),
        ("frag more 1", 'frag has no field "more"', "", (6, 4)),
        ("fib dadr type local", 'found "dadr", expected one of saddr, daddr', 'did you mean "daddr"?', (5, 4)),
    ],
)
def test_words_that_name_nothing(text, message, advice, where):
    """Message, advice, and what the caret line underlines."""
    (found,) = complaints(chain(text))
    assert message in found.message
    assert advice in found.advice
    assert (found.line, found.column, found.width) == (4, *where)


@pytest.mark.parametrize(
    ("text", "type_name"),
    [
        ("fib daddr type", "fib_addrtype"),
        ("fib saddr . iif oif", "iface_index"),
        ("fib saddr . iif oif missing", "boolean"),
        ("exthdr hbh exists", "boolean"),
        ("tcp option sack-perm exists", "boolean"),
        ("socket cgroupv2 level 1", "string"),
        ("ipsec in ip saddr", "ipv4_addr"),
        ("ipsec in reqid", "integer"),
    ],
)
def test_type_of_an_expression(text, type_name):
    """What stands behind it is read as a value of this type."""
    assert parse_selector(Cursor(tokenize(text, "x.nft"))).type_name == type_name
