"""Statements that do something: what is read is printed, and read again as the same."""

from __future__ import annotations

import pytest

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.nft.printer import format_rule

HEAD = """table inet t {
limit l {
rate 5/second
}
counter n {
}
ct helper ftp {
type "ftp" protocol tcp;
}
set s {
type ipv4_addr
flags dynamic
}
map m {
type inet_service : ipv4_addr
elements = { 80 : 10.0.0.1 }
}
chain c {
"""


def rule(text):
    """The only rule of a chain."""
    return parse_ruleset(f"{HEAD}{text}\n}}\n}}\n").tables[0].chains[0].rules[0]


SAME = [
    "masquerade",
    "masquerade to :1024-65535 random,persistent",
    "snat ip to 192.0.2.1-192.0.2.9",
    "dnat ip to 192.0.2.1:80",
    "dnat ip6 to [2001:db8::1]:80",
    "dnat ip to tcp dport map @m",
    "dnat ip to tcp dport map { 80 : 10.0.0.1, 81 : 10.0.0.2 }",
    "dnat ip addr . port to tcp dport map { 80 : 10.0.0.1 . 8080 }",
    "snat ip prefix to ip saddr map { 10.0.0.0/24 : 192.0.2.0/24 }",
    "redirect to :3128",
    "meta mark set 0x00000001",
    "meta mark set ct mark",
    "meta mark set meta mark & 0xff ^ 0x1",
    "ct mark set meta mark",
    "meta priority set 1:10",
    "ip dscp set cs1",
    "tcp option maxseg size set rt mtu",
    "queue flags bypass,fanout to 0-3",
    "tproxy ip to 127.0.0.1:1080",
    "synproxy mss 1460 wscale 7 timestamp sack-perm",
    "notrack",
    "ct count over 20 drop",
    'limit name "l" accept',
    'counter name "n"',
    'ct helper set "ftp"',
    "add @s { ip saddr }",
    "update @s { ip saddr timeout 1m limit rate over 5/second burst 5 packets } drop",
    "delete @s { ip saddr }",
    "quota over 1000 bytes drop",
    "dup to 10.0.0.1",
]


@pytest.mark.parametrize("text", SAME)
def test_statement_is_printed_as_it_is_read(text):
    """The same words."""
    assert format_rule(rule(text)) == text


OTHER = [
    ("dnat to 192.0.2.1:80", "dnat to 192.0.2.1:80"),
    ("meta mark set mark and 0xff or 0x1", "meta mark set meta mark & 0xfe ^ 0x1"),
    ("queue num 1 bypass", "queue flags bypass to 1"),
    ("redirect to 53", "redirect to :53"),
    ("set update ip saddr @s", "update @s { ip saddr }"),
    ("limit name l", 'limit name "l"'),
]


@pytest.mark.parametrize(("text", "expected"), OTHER, ids=[text for text, _ in OTHER])
def test_other_ways_of_writing(text, expected):
    """One way of printing."""
    assert format_rule(rule(text)) == expected


def test_meter_makes_its_set():
    """With the key's type, and a lifetime where it has one."""
    table = parse_ruleset(f"{HEAD}meter x size 100 {{ ip saddr . tcp dport timeout 5s limit rate 1/second }}\n}}\n}}\n").tables[0]
    made = table.sets[-1]
    assert (made.name, made.types, made.flags, made.size) == ("x", ("ipv4_addr", "inet_service"), ("dynamic", "timeout"), 100)
    assert table.chains[0].rules[0].statements[0].op == "update"


WRONG = [
    ("snat", "expected an address"),
    ("ct state set 1", "cannot be set"),
    ('limit name "x"', "has no limit x"),
    ("add @nope { ip saddr }", "has no set nope"),
    ("add @s { ip6 saddr }", "holds ipv4_addr"),
    ("dnat ip to tcp dport map @s", "is not a map"),
    ("dnat ip to 10.0.0.1 accept", "never reached"),
    ("xt target DNAT", "iptables-save"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_wrong_statements_are_told(text, message):
    """With the place."""
    with pytest.raises(RulesetError, match=message):
        rule(text)
