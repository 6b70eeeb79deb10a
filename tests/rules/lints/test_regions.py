"""Regions: what a rule matches, as values; exact only where nothing is left out."""

from __future__ import annotations

import pytest

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints.regions import known_of, region_of


def region(text, family="inet", more=""):
    """The region of a rule's matches."""
    ruleset = parse_ruleset(f"table {family} t {{\n{more}\nchain c {{\ntype filter hook input priority 0;\n{text} counter\n}}\n}}\n")
    return region_of(ruleset.tables[0].chains[0].rules[0].statements, known_of(ruleset, ruleset.tables[0]))


COVERED = [
    ("tcp dport 22", "tcp dport { 20-25, 80 }"),
    ("tcp dport 22", "meta l4proto tcp"),
    ("tcp dport 22", "tcp dport != 23"),
    ("ip saddr 10.1.0.0/16", "ip saddr 10.0.0.0/8"),
    ("ip saddr 10.1.0.0/16", "meta nfproto ipv4"),
    ("ip saddr 10.1.0.0/16", "ip daddr 0.0.0.0/0"),
    ("ip protocol tcp", "meta l4proto { tcp, udp }"),
    ("tcp flags syn / fin,syn,rst,ack", "tcp flags & (syn | rst) == syn"),
    ("tcp flags & (fin | syn) == fin | syn", "tcp flags syn"),
    ("ct state established", "ct state established,related"),
    ("ct state { new, established }", "ct state != invalid"),
    ('iifname "eth0"', 'iifname "eth*"'),
    ("tcp dport 22 ip saddr 10.0.0.1", "tcp dport 22"),
    ("tcp dport < 20", "tcp dport < 30"),
    ("ip saddr . tcp dport { 10.0.0.1 . 22 }", "ip saddr . tcp dport { 10.0.0.1 . 22 }"),
    ("ct status assured", "ct status assured"),
]
NOT_COVERED = [
    ("tcp dport { 22, 26 }", "tcp dport { 20-25, 80 }"),
    ("meta l4proto tcp", "tcp dport 0-65535"),
    ("udp dport 22", "tcp dport 22"),
    ("ip saddr 10.0.0.0/8", "ip saddr 10.1.0.0/16"),
    ("meta nfproto ipv6", "ip daddr 0.0.0.0/0"),
    ("ip6 nexthdr tcp", "ip protocol tcp"),
    ("meta l4proto tcp", "ip protocol tcp"),
    ("tcp flags syn", "tcp flags & (fin | syn) == fin | syn"),
    ("ct state established,new", "ct state established,related"),
    ("ct state != invalid", "ct state new"),
    ('iifname "eth0"', 'iif "eth0"'),
    ("tcp dport 22", "tcp dport 22 limit rate 1/second"),
    ("tcp dport 22", "tcp dport 22 meta random 1"),
    ("ct status assured", "ct status assured ct status snat"),
    ("ip saddr . tcp dport { 10.0.0.1 . 22 }", "ip saddr . tcp dport { 10.0.0.0/8 . 22 }"),
]


@pytest.mark.parametrize(("later", "earlier"), COVERED)
def test_covers(later, earlier):
    """Every packet of the later rule."""
    assert region(earlier).covers(region(later))


@pytest.mark.parametrize(("later", "earlier"), NOT_COVERED)
def test_does_not_cover(later, earlier):
    """Some packet, or it is not certain."""
    assert not region(earlier).covers(region(later))


def test_family_of_the_table_goes_without_saying():
    """In a table ip every packet is IPv4; in a bridge table not even both versions are all."""
    assert not region("meta nfproto ipv4", "ip").values.get("meta nfproto")
    assert region("ip ttl 1", "ip").covers(region("ip ttl 1 tcp dport 22", "ip"))
    assert region("meta nfproto { ipv4, ipv6 }", "inet").values == {}


def test_sets_that_change_are_not_certain():
    """Packets or people write to them; a constant set is what it says."""
    named = "set s {\ntype inet_service\nelements = { 22 }\n}"
    assert not region("tcp dport @s", more=named).covers(region("tcp dport 22", more=named))
    assert region("tcp dport @s", more=named).covers(region("tcp dport @s ip ttl 1", more=named))
    constant = named.replace("type", "flags constant\ntype")
    assert region("tcp dport @s", more=constant).covers(region("tcp dport 22", more=constant))
    timed = named.replace("type", "flags timeout\ntimeout 1m\ntype")
    assert not region("tcp dport @s", more=timed).covers(region("tcp dport @s", more=timed))


def test_marks_that_rules_set_are_not_certain():
    """They may be another by the next rule."""
    text = "table inet t {\nchain c {\ntype filter hook input priority 0;\nmeta mark 1 counter\nmeta mark set 2\n}\n}\n"
    ruleset = parse_ruleset(text)
    assert not region_of(ruleset.tables[0].chains[0].rules[0].statements, known_of(ruleset, ruleset.tables[0])).exact
    assert region("meta mark 1").covers(region("meta mark 1 tcp dport 22"))


def test_contradiction_is_empty():
    """No packet."""
    assert region("tcp dport 22 tcp dport 23").empty
