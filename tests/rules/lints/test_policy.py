"""Lints about what whole chains do to kinds of packets, and their look-alikes."""

from __future__ import annotations

import pytest

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints.policy import LATE, policy_lints

CT = "ct state established,related accept"


def table(rules, family="inet", policy="drop", hook="input", more=""):
    """A table with one base chain."""
    return f"table {family} t {{ {more}\nchain c {{ type filter hook {hook} priority 0; policy {policy};\n{rules}\n}}\n}}\n"


def lints(text, **options):
    """Codes found."""
    return [each.code for each in policy_lints(parse_ruleset(text), **options)]


MANY = "\n".join(f"tcp dport {n} drop" for n in range(LATE))
FOUND = [
    (table("ct state established accept"), ["related-never-accepted"]),
    (table("ct state established accept\nct state new tcp dport 22 accept", hook="forward"), ["related-never-accepted"]),
    (table("ct state established accept", "ip6"), ["related-never-accepted"]),
    (table('ct state established accept\niifname "lan" oifname "wan" accept', hook="forward"), ["related-never-accepted"]),
    (table("iif lo accept\nip6 nexthdr icmpv6 accept\nct state established accept"), ["related-never-accepted"]),
    (table("ct state vmap { established : accept, invalid : drop }\ntcp dport 22 accept"), ["related-never-accepted"]),
    (table(f"meta l4proto icmp drop\n{CT}"), ["path-mtu-killed"]),
    (table("tcp dport 22 accept"), ["path-mtu-killed"]),
    (table(f"icmpv6 type != echo-request drop\n{CT}"), ["path-mtu-killed"]),
    (table(f"{MANY}\n{CT}"), ["established-late"]),
    (table(f"jump far\n{CT}", more=f"chain far {{\n{MANY}\n}}"), ["established-late"]),
    (table(CT, "ip"), ["ipv6-unfiltered"]),
    (table(CT, "ip", hook="forward") + "table ip6 o {\nchain c {\ntype filter hook input priority 0;\n}\n}\n", ["ipv6-unfiltered"]),
    (table(f"{CT}\ntcp dport 21 accept"), ["helper-not-assigned"]),
    (table(f"{CT}\ntcp dport {{ 20, 21 }} ct state new accept\nudp dport 5060 accept"), ["helper-not-assigned"] * 2),
]
HELPER = 'ct helper h {\ntype "ftp" protocol tcp\n}\n'
ALIKE = [
    table(CT),
    table("ct state established accept", policy="accept"),
    table("ct state established accept\nmeta l4proto { icmp, ipv6-icmp } accept"),
    table("ct state established accept\nct state related jump some", more="chain some {\nicmp type echo-reply drop\naccept\n}"),
    table("ct state established accept\njump some", more="chain some {\nct state related iifname lan accept\n}"),
    table("ct state established accept\nct state != invalid iifname lan accept"),
    table("ct state established accept\nmeta l4proto vmap { icmp : accept, ipv6-icmp : accept }"),
    table("ct state vmap { established : accept, related : accept }"),
    table(f"icmp type echo-request drop\n{CT}"),
    table(f"icmpv6 type echo-request drop\n{CT}"),
    table(f"meta l4proto icmp limit rate over 5/second drop\n{CT}"),
    table("\n".join(MANY.splitlines()[1:]) + f"\n{CT}"),
    table("", hook="forward"),
    table(CT, "ip") + table(CT, "ip6"),
    table(CT, "ip", policy="accept"),
    table(CT, "ip") + "table inet o {\nchain c {\ntype filter hook input priority 5;\n}\n}\n",
    table(f'{CT}\ntcp dport 21 ct helper set "h"\ntcp dport 21 accept', more=HELPER),
    table(f"{CT}\ntcp dport 20-30 accept"),
    table(f"{CT}\ntcp dport 21 drop"),
    table(f"{CT}\nudp dport {{ 5060, 10000-20000 }} accept"),
    table(f"{CT}\nudp dport 21 accept"),
    table(f"{CT}\ntcp dport 21 ct state established accept"),
    table("ct state established accept\nicmp type destination-unreachable accept\nicmpv6 type packet-too-big accept\ntcp dport 21 accept"),
]


@pytest.mark.parametrize(("text", "found"), FOUND)
def test_found(text, found):
    """By code; once for both IP versions."""
    assert lints(text) == found


@pytest.mark.parametrize("text", ALIKE)
def test_look_alikes_are_left_alone(text):
    """No false alarm."""
    assert lints(text) == []


def test_iptables_save_of_one_family_does_not_speak_of_the_other():
    """ip6tables-save has a file of its own."""
    text = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
    assert lints(text) == ["ipv6-unfiltered"]
    assert lints(text, one_family=True) == []
