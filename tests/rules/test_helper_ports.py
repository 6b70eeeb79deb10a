"""Ports that rules give a helper."""

import pytest

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.helper_ports import MAX_PORTS, helper_ports

HEAD = """table inet h { ct helper f { type "ftp" protocol tcp; }
    ct helper t { type "tftp" protocol udp; l3proto ip; }
    set many { type inet_service; flags interval; elements = { 4000-4002, 5000 } }
    chain p { type filter hook prerouting priority 0; """


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ('tcp dport 2121 ct helper set "f"', {("ftp", 2121)}),
        ('tcp dport { 21, 2121 } ct helper set "f"', {("ftp", 21), ("ftp", 2121)}),
        ('tcp dport 3000-3002 ct helper set "f"', {("ftp", 3000), ("ftp", 3001), ("ftp", 3002)}),
        ('tcp dport @many ct helper set "f"', {("ftp", port) for port in (4000, 4001, 4002, 5000)}),
        ('udp dport 6969 ip saddr 10.0.0.1 ct helper set "t"', {("tftp", 6969)}),
        ('ct helper set tcp dport map { 2121 : "f", 2222 : "f" }', {("ftp", 2121), ("ftp", 2222)}),
        ('tcp dport != 2121 ct helper set "f"', set()),
        ('tcp sport 2121 ct helper set "f"', set()),
        ('ct helper set "f"', set()),
        ("tcp dport 2121 accept", set()),
        (f'tcp dport 1-{MAX_PORTS + 1} ct helper set "f"', set()),
    ],
)
def test_rule(rule, found):
    """What it says itself."""
    assert helper_ports(parse_ruleset(f"{HEAD}{rule} }} }}")) == found


def test_iptables():
    """The CT target."""
    text = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 2121 -j CT --helper ftp\nCOMMIT\n"
    assert helper_ports(parse_ruleset(text)) == {("ftp", 2121)}
