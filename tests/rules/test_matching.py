"""Matches on real packets, whole, in fragments and cut: what each field reads, and when the answer is no or unknown.

The class behind it is a C class when compiled, so that its answers are seen by the verdicts of rules: ``replay`` runs packets made by
hand through the whole engine.
"""

from __future__ import annotations

import struct

import pytest
from reference_rules import Packet
from rules_bench import Bench, forward
from scenes import icmp, ip, replay, tcp, udp

SYN = tcp("10.0.0.1:40000", "192.0.2.1:80", "S", seq=1000, win=1234)
SYN6 = tcp("[fd00::1]:40000", "[2001:db8::1]:443", "S")
DNS = udp("10.0.0.1:5353", "192.0.2.1:53", b"query")
DNS6 = udp("[fd00::1]:5353", "[2001:db8::1]:53", b"query")
PING = icmp("10.0.0.1", "192.0.2.1", 8, ident=77)
PING6 = icmp("fd00::1", "2001:db8::1", 128)


def said(text, packet, **options):
    """(verdict, decided) of a rule that accepts, in a chain that drops."""
    (row,) = replay([(0, packet)], forward(f"{text} accept"), **options).rows
    return row.said, row.decided


YES, NO = ("accept", 1), ("drop", 1)

CASES = [
    (SYN, "ip saddr 10.0.0.1", "ip saddr 10.0.0.2"),
    (SYN, "ip saddr != 10.0.0.2", "ip saddr != 10.0.0.0/8"),
    (SYN, "ip daddr { 192.0.2.0/24, 198.51.100.7 }", "ip daddr { 192.0.3.0/24, 198.51.100.7 }"),
    (SYN, "tcp sport 40000", "tcp sport != 40000"),
    (SYN, "tcp dport < 81", "tcp dport < 80"),
    (SYN, "tcp dport <= 80", "tcp dport <= 79"),
    (SYN, "tcp dport > 79", "tcp dport > 80"),
    (SYN, "tcp dport >= 80", "tcp dport >= 81"),
    (SYN, "tcp dport { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 80 }", "tcp dport { 79, 81 }"),
    (SYN, "tcp dport 60-90", "tcp dport 81-90"),
    (SYN, "th dport 80", "th dport 81"),
    (SYN, "@th,16,16 80", "@th,16,16 81"),
    (SYN, "tcp flags syn", "tcp flags ack"),
    (SYN, "tcp flags & (syn | ack) == syn", "tcp flags & (syn | ack) == syn | ack"),
    (SYN, "tcp flags != ack", "tcp flags != syn"),
    (SYN, "tcp sequence 1000", "tcp sequence 1001"),
    (SYN, "tcp window 1234", "tcp window 1235"),
    (SYN, "tcp doff 5", "tcp doff 6"),
    (SYN, "ip ttl 63", "ip ttl != 63"),
    (SYN, "ip ttl & 0x60 == 0x20", "ip ttl & 0x60 == 0x60"),
    (SYN, "ip version 4", "ip version 5"),
    (SYN, "ip hdrlength 5", "ip hdrlength 6"),
    (SYN, "ip length 40", "ip length 41"),
    (SYN, "ip protocol tcp", "ip protocol udp"),
    (SYN, "@nh,72,8 6", "@nh,72,8 7"),
    (SYN, "meta l4proto { tcp, udp }", "meta l4proto { udp, icmp }"),
    (SYN, "meta nfproto ipv4", "meta nfproto ipv6"),
    (SYN, "meta protocol ip", "meta protocol ip6"),
    (SYN, "meta length 40", "meta length > 40"),
    (SYN, "ct state new", "ct state established"),
    (SYN, "ct state { new, related }", "ct state { established, related }"),
    (SYN, "ct state != established", "ct state != new"),
    (SYN, "ct direction original", "ct direction reply"),
    (SYN, 'iifname "inside"', 'iifname "outside"'),
    (SYN, 'oifname "out*"', 'oifname "in*"'),
    (SYN, 'iifname != "outside"', 'iifname != "inside"'),
    (SYN, "ip saddr . tcp dport { 10.0.0.1 . 80 }", "ip saddr . tcp dport { 10.0.0.1 . 81, 10.0.0.2 . 80 }"),
    (SYN, "iifname . tcp dport { inside . 80 }", "iifname . tcp dport { outside . 80 }"),
    (SYN, "ip saddr . tcp dport != { 10.0.0.2 . 80 }", "ip saddr . tcp dport != { 10.0.0.1 . 80 }"),
    (SYN6, "ip6 saddr fd00::/8", "ip6 saddr fe80::/10"),
    (SYN6, "ip6 daddr { 2001:db8::/32, fe80::1 }", "ip6 daddr { fe80::1, fe80::3 }"),
    (SYN6, "ip6 hoplimit 63", "ip6 hoplimit 64"),
    (SYN6, "ip6 nexthdr tcp", "ip6 nexthdr udp"),
    (SYN6, "@nh,64,128 0xfd000000000000000000000000000001", "@nh,64,128 1"),
    (DNS, "udp dport domain", "udp dport 54"),
    (DNS, "udp length 13", "udp length 12"),
    (DNS, "udp sport { 5353, 53 }", "udp sport { 53, 54 }"),
    (PING, "icmp type echo-request", "icmp type echo-reply"),
    (PING, "icmp id 77", "icmp id 78"),
    (PING, "icmp code 0", "icmp code 1"),
    (PING6, "icmpv6 type echo-request", "icmpv6 type echo-reply"),
]


@pytest.mark.parametrize(("packet", "yes", "no"), CASES, ids=[yes for _, yes, _ in CASES])
def test_field(packet, yes, no):
    """A match that holds, and one that does not; both are certain."""
    assert said(yes, packet) == YES
    assert said(no, packet) == NO


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (SYN, "ip6 saddr != ::1"),
        (SYN6, "ip saddr != 1.2.3.4"),
        (SYN6, "ip ttl != 1"),
        (SYN, "udp dport != 1"),
        (SYN, "icmp type != 5"),
        (PING, "icmpv6 type != 5"),
        (PING6, "icmp type != 5"),
        (PING, "tcp flags != syn"),
        (PING, "ip saddr . tcp dport != { 1.2.3.4 . 5 }"),
        (ip("10.0.0.1", "192.0.2.1", 47, bytes(8)), "tcp dport != 1"),
    ],
)
def test_missing_header_never_matches(packet, text):
    """With != no more than with ==."""
    assert said(text, packet) == NO


def test_raw_expression_beyond_the_packet_does_not_match():
    """Whatever is asked of bytes that were never there."""
    assert said("@th,800,8 != 1", SYN) == NO
    assert said("@nh,2000,8 != 1", SYN) == NO


def test_link_header_of_a_packet_without_one_is_unknown():
    """A raw IP capture shows no addresses of the link."""
    assert said("ether saddr 00:00:5e:00:53:01", SYN) == ("drop", 0)


@pytest.mark.parametrize("text", ["meta skuid 0", "meta cgroup 1", "meta random 5", 'iifname "eth7"', "meta skuid != 0"])
def test_what_no_capture_holds_is_unknown(text):
    """The verdict is that without the match, and marked undecided."""
    assert said(text, SYN) == ("drop", 0)


def test_unknown_that_changes_nothing_is_decided():
    """Both answers lead to the same verdict."""
    (row,) = replay([(0, SYN)], forward("meta skuid 0 accept", policy="accept")).rows
    assert (row.said, row.decided) == YES


@pytest.mark.parametrize(
    ("form", "text", "found"),
    [
        ("fragment", "tcp dport 80", ("drop", True)),
        ("fragment", "tcp dport != 81", ("drop", True)),
        ("fragment", "meta l4proto tcp", ("accept", True)),
        ("fragment", "ip saddr 10.0.0.1", ("accept", True)),
        ("cut", "tcp dport 80", ("drop", False)),
        ("cut", "tcp dport != 81", ("drop", False)),
        ("cut", "tcp flags syn", ("drop", False)),
        ("cut", "ip saddr . tcp dport { 10.0.0.1 . 80 }", ("drop", False)),
        ("cut", "ip saddr . tcp dport { 10.0.0.2 . 80 }", ("drop", True)),
        ("cut", "ip saddr 10.0.0.1", ("accept", True)),
    ],
)
def test_fragments_and_cut_packets(form, text, found):
    """A later fragment has no transport header: no. Bytes beyond the snap length: unknown, unless another part says no."""
    assert Bench(forward(f"{text} accept")).judge(Packet(form=form)) == found


@pytest.mark.parametrize(
    ("hook", "text", "path", "verdict"),
    [
        ("output", 'iifname "inside" drop', 3, "accept"),
        ("output", 'oifname "outside" drop', 3, "drop"),
        ("input", 'oifname "outside" drop', 2, "accept"),
        ("prerouting", 'oifname "outside" drop', 1, "accept"),
        ("prerouting", 'iifname "inside" drop', 1, "drop"),
        ("postrouting", 'oifname "outside" drop', 1, "drop"),
    ],
)
def test_interface_that_a_hook_does_not_know_is_none(hook, text, path, verdict):
    """There is no input interface at output, and no output interface before routing."""
    ruleset = f"table inet t {{\nchain c {{\ntype filter hook {hook} priority 0\n{text}\n}}\n}}\n"
    assert Bench(ruleset).judge(Packet(path=path))[0] == verdict


def test_conntrack_has_not_looked_yet_in_raw_chains():
    """ct state is invalid there, and other ct expressions fail."""
    rules = "table inet t {{\nchain c {{\ntype filter hook prerouting priority raw\n{} drop\n}}\n}}\n"
    assert [row.said for row in replay([(0, SYN)], rules.format("ct state invalid")).rows] == ["drop"]
    assert [row.said for row in replay([(0, SYN)], rules.format("ct state new")).rows] == ["accept"]
    assert [row.said for row in replay([(0, SYN)], rules.format("ct direction != reply")).rows] == ["accept"]


def test_connection_is_followed():
    """States, directions and status as conntrack gives them."""
    packets = [
        (0.0, SYN),
        (0.1, tcp("192.0.2.1:80", "10.0.0.1:40000", "SA", seq=5000, ack=1001)),
        (0.2, tcp("10.0.0.1:40000", "192.0.2.1:80", "A", seq=1001, ack=5001)),
    ]
    for text, expected in [
        ("ct state new", ["accept", "drop", "drop"]),
        ("ct state established", ["drop", "accept", "accept"]),
        ("ct direction reply", ["drop", "accept", "drop"]),
        ("ct status assured", ["drop", "drop", "accept"]),
        ("ct status seen-reply", ["drop", "accept", "accept"]),
    ]:
        rules = f"table inet t {{ chain c {{ type filter hook postrouting priority 300; {text} counter; }}; }}"
        assert len(replay(packets, rules).rows) == 3
        bits = f"table inet t {{ chain c {{ type filter hook forward priority 0; policy accept; {text} accept; counter; }}; }}"
        rows = replay(packets, bits).rows
        assert ["accept" if row.rule == 1 else "drop" for row in rows] == expected, text


@pytest.mark.parametrize(("bits", "count"), [(8, 40), (16, 40), (32, 40), (128, 40)])
def test_sets_of_every_width_hold_exactly_their_elements(bits, count):
    """First, last, between and beside, by each kind of test."""
    texts = {8: "ip protocol", 16: "tcp dport", 32: "ip saddr", 128: "ip6 saddr"}
    base = {8: 60, 16: 1000, 32: 0x0A000100, 128: 0xFD00 << 112 | 256}[bits]
    held = [base + 3 * step for step in range(count)]
    bench = Bench(forward(f"{texts[bits]} {{ {', '.join(_text(each, bits) for each in held)} }} accept"))
    for value in (held[0] - 1, *range(held[0], held[0] + 7), held[-1] - 1, held[-1], held[-1] + 1):
        field = {8: "proto", 16: "dport"}.get(bits, "src")
        packet = Packet(**{"l3": 6 if bits == 128 else 4, "dst": 0xFD << 120 | 1 if bits == 128 else 0xC0000201, field: value})
        assert bench.judge(packet)[0] == ("accept" if value in held else "drop"), value


def _text(value, bits):
    import ipaddress

    return str(ipaddress.IPv4Address(value) if bits == 32 else ipaddress.IPv6Address(value) if bits == 128 else value)


@pytest.mark.parametrize(("hook", "path", "ttl"), [("prerouting", 1, 64), ("forward", 1, 63), ("postrouting", 1, 63), ("input", 2, 64)])
def test_forwarding_takes_one_off_the_time_to_live(hook, path, ttl):
    """The kernel does so before the hook forward."""
    ruleset = f"table inet t {{\nchain c {{\ntype filter hook {hook} priority 0\nip ttl {ttl} drop\n}}\n}}\n"
    assert Bench(ruleset).judge(Packet(path=path, ttl=64))[0] == "drop"


def test_options_of_tcp():
    """Read where they stand, wherever that is."""
    options = struct.pack("!BBBBH", 1, 1, 2, 4, 1400) + b"\0\0"
    packet = tcp("10.0.0.1:40000", "192.0.2.1:80", "S", options=options)
    assert said("tcp option maxseg size 1400", packet) == YES
    assert said("tcp option maxseg size 1401", packet) == NO
    assert said("tcp option maxseg size 1400", SYN) == NO


def test_reject_asks_for_what_its_answer_needs():
    """In an inet table, an answer in ICMPv6 is for IPv6, a reset for TCP."""
    text = "reject with icmpv6 type no-route\nreject with tcp reset\nreject with icmp type net-unreachable"
    rows = replay([(0, DNS6), (0, SYN), (0, DNS)], forward(text)).rows
    assert [(row.said, row.rule) for row in rows] == [("reject", 1), ("reject", 2), ("reject", 3)]
