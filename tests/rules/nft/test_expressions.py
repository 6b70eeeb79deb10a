"""Keys and values: what each way of writing means, and what is said of one that means nothing."""

from __future__ import annotations

import pytest
from nft_texts import chain, complaints, match, statements

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.datatypes import DATATYPES

MILLION = 1_000_000_000


def name(text):
    return int.from_bytes(text.encode().ljust(16, b"\0"), "big")


def wildcard(stem):
    return name(stem), int.from_bytes(stem.encode().ljust(16, b"\xff"), "big")


MATCHES = [
    ("ip saddr 192.0.2.1", ("ip saddr", "==", [(0xC0000201, 0xC0000201)])),
    ("ip saddr != 192.0.2.0/24", ("ip saddr", "!=", [(0xC0000200, 0xC00002FF)])),
    ("ip saddr 192.0.2.77/255.255.255.0", ("ip saddr", "==", [(0xC0000200, 0xC00002FF)])),
    ("ip saddr 0.0.0.0/0", ("ip saddr", "==", [(0, 0xFFFFFFFF)])),
    ("ip daddr 192.0.2.1-192.0.2.9", ("ip daddr", "==", [(0xC0000201, 0xC0000209)])),
    ("ip6 daddr 2001:db8::/32", ("ip6 daddr", "==", [(0x20010DB8 << 96, (0x20010DB9 << 96) - 1)])),
    ("ip6 saddr [2001:db8::1]", ("ip6 saddr", "==", [((0x20010DB8 << 96) + 1,) * 2])),
    ("tcp dport 22", ("tcp dport", "==", [(22, 22)])),
    ("tcp dport ssh", ("tcp dport", "==", [(22, 22)])),
    ("tcp dport 1024-65535", ("tcp dport", "==", [(1024, 65535)])),
    ("tcp dport { 22, 80-90, https }", ("tcp dport", "==", [(22, 22), (80, 90), (443, 443)])),
    ("tcp dport != { 22 }", ("tcp dport", "!=", [(22, 22)])),
    ("tcp dport @ports", ("tcp dport", "==", "ports")),
    ("udp dport > 1023", ("udp dport", ">", [(1023, 1023)])),
    ("meta l4proto { tcp, udp }", ("meta l4proto", "==", [(6, 6), (17, 17)])),
    ("l4proto icmp", ("meta l4proto", "==", [(1, 1)])),
    ('iifname "eth0"', ("meta iifname", "==", [(name("eth0"),) * 2])),
    ("iifname eth0", ("meta iifname", "==", [(name("eth0"),) * 2])),
    ('oifname "ppp*"', ("meta oifname", "==", [wildcard("ppp")])),
    ("oifname ppp*", ("meta oifname", "==", [wildcard("ppp")])),
    ("iif lo", ("meta iif", "==", [(name("lo"),) * 2])),
    ("ct state new", ("ct state", "any", [(8, 8)])),
    ("ct state established,related", ("ct state", "any", [(6, 6)])),
    ("ct state { established, related }", ("ct state", "==", [(2, 2), (4, 4)])),
    ("ct state == new", ("ct state", "==", [(8, 8)])),
    ("ct state != invalid", ("ct state", "!=", [(1, 1)])),
    ("ct status assured", ("ct status", "any", [(4, 4)])),
    ("ct direction reply", ("ct direction", "==", [(1, 1)])),
    ("tcp flags syn", ("tcp flags", "any", [(2, 2)])),
    ("tcp flags syn / fin,syn,rst,ack", ("tcp flags", "==", [(2, 2)])),
    ("tcp flags & (fin | syn | rst | ack) == syn", ("tcp flags", "==", [(2, 2)])),
    ("tcp flags & (syn|ack) != syn|ack", ("tcp flags", "!=", [(0x12, 0x12)])),
    ("tcp flags { syn, syn | ack }", ("tcp flags", "==", [(2, 2), (0x12, 0x12)])),
    ("icmp type echo-request", ("icmp type", "==", [(8, 8)])),
    ("icmpv6 type { nd-router-advert, nd-neighbor-solicit }", ("icmpv6 type", "==", [(134, 134), (135, 135)])),
    ("ip dscp ef", ("ip dscp", "==", [(46, 46)])),
    ("ether saddr 00:00:5e:00:53:01", ("ether saddr", "==", [(0x5E005301,) * 2])),
    ("ether type ip6", ("ether type", "==", [(0x86DD,) * 2])),
    ("@th,16,16 53", ("@th,16,16", "==", [(53, 53)])),
    ("@nh,0,4 4", ("@nh,0,4", "==", [(4, 4)])),
    ("ip saddr . tcp dport { 192.0.2.1 . 22, 192.0.2.0/24 . 80-90 }",
     ("ip saddr . tcp dport", "==", [((0xC0000201,) * 2, (22, 22)), ((0xC0000200, 0xC00002FF), (80, 90))])),
    ("ip saddr . tcp dport { 192.0.2.1 . *, }", ("ip saddr . tcp dport", "==", [((0xC0000201,) * 2, (0, 65535))])),
    ("ip saddr . tcp dport @pairs", ("ip saddr . tcp dport", "==", "pairs")),
]  # fmt: skip
SETS = """table inet t {
set ports { type inet_service; }
set pairs { type ipv4_addr . inet_service; }
chain c { type filter hook forward priority 0;
%s
}
}
"""


@pytest.mark.parametrize(("text", "found"), MATCHES, ids=[text for text, _ in MATCHES])
def test_match(text, found):
    """Key, operator and intervals."""
    if "@ports" in text or "@pairs" in text:
        (rule,) = parse_ruleset(SETS % text).tables[0].chains[0].rules
        (only,) = rule.statements
        assert (" . ".join(key.selector.text for key in only.keys), only.op, only.right.name) == found
    else:
        assert match(text) == found


@pytest.mark.parametrize(
    ("text", "op"),
    [("==", "=="), ("eq", "=="), ("!=", "!="), ("ne", "!="), ("<", "<"), ("lt", "<"), ("le", "<="), ("gt", ">"), (">=", ">="), ("", "==")],
)
def test_operators(text, op):
    """Signs and words; none means is equal, or is in."""
    assert match(f"ip ttl {text} 64")[1] == op


@pytest.mark.parametrize(
    ("text", "mask", "xor"),
    [
        ("meta skuid", None, 0),
        ("tcp flags & syn", 2, 0),
        ("tcp flags & (fin | syn) & syn", 2, 0),
        ("ip ttl & 0xf0", 0xF0, 0),
        ("ip ttl | 0x0f", 0xF0, 0x0F),
        ("ip ttl ^ 0xff", 0xFF, 0xFF),
        ("ip ttl & 0xf0 ^ 0x10", 0xF0, 0x10),
        ("ip ttl | 0x0f ^ 0x01", 0xF1, 0x0E),
        ("ip ttl ^ 0xff & 0x0f", 0xFF, 0x0F),
        ("ip ttl | 0x01 & 0x03 ^ 0x02", 0xFC, 0x03),
        ("(ip ttl & 0xff)", None, 0),
        ("(ip ttl & 0xf0) ^ 0x10", 0xF0, 0x10),
        ("tcp flags & fin,syn", 3, 0),
        ("tcp flags and (fin or syn)", 3, 0),
    ],
)
def test_bit_operations_fold_into_mask_and_xor(text, mask, xor):
    """Whatever is written, value & mask ^ xor is what is compared; & binds tighter than ^, and ^ tighter than |."""
    (found,) = statements(f"{text} == 2")
    assert (found.keys[0].mask, found.keys[0].xor) == (mask, xor)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("{ 1.2.3.4 timeout 1h }", [(3600 * MILLION, None, "")]),
        ("{ 1.2.3.4 timeout 1h expires 59m }", [(3600 * MILLION, 3540 * MILLION, "")]),
        ('{ 1.2.3.4 comment "why" }', [(None, None, "why")]),
        ("{ 1.2.3.4 counter packets 5 bytes 600 timeout 1s }", [(MILLION, None, "")]),
        ("{ 1.2.3.4 counter, }", [(None, None, "")]),
    ],
)
def test_what_stands_behind_an_element(text, elements):
    """Lifetimes, remarks; saved counters are passed over."""
    text = f"table ip t {{ set s {{ type ipv4_addr; flags timeout; counter; elements = {text}; }} }}"
    (known,) = parse_ruleset(text).tables[0].sets
    assert [(each.timeout_ns, each.expires_ns, each.comment) for each in known.elements] == elements


def test_variables_in_values():
    """A value, a range's end, a prefix, a list, a list in a list, a list of lists, parts of a concatenation."""
    text = "\n".join(
        [
            "define host = 192.0.2.1",
            "define net = 192.0.2.0/24",
            "define ports = { 22, 80 }",
            "define more = { $ports, 443 }",
            "define pair = 192.0.2.1 . 22",
            "define last = 90",
            chain(
                "ip saddr $host accept\nip saddr $net accept\ntcp dport $ports accept\ntcp dport { $more, 8080 } accept\n"
                "ip saddr . tcp dport { $pair } accept\ntcp dport 80-$last accept\nip saddr { $net, 198.51.100.1 } accept"
            ),
        ]
    )
    rules = parse_ruleset(text).tables[0].chains[0].rules
    found = [[each.parts[0] for each in rule.statements[0].right.elements] for rule in rules]
    assert found[:2] == [[(0xC0000201,) * 2], [(0xC0000200, 0xC00002FF)]]
    assert found[2] == [(22, 22), (80, 80)]
    assert found[3] == [(22, 22), (80, 80), (443, 443), (8080, 8080)]
    assert rules[4].statements[0].right.elements[0].parts == ((0xC0000201,) * 2, (22, 22))
    assert found[5] == [(80, 90)]
    assert found[6] == [(0xC0000200, 0xC00002FF), (0xC6336401,) * 2]


def test_elements_over_several_lines():
    """Line ends, comments and a last comma mean nothing within braces."""
    assert match("tcp dport {\n 22, # shell\n\n 80,\n}")[2] == [(22, 22), (80, 80)]


BAD = [
    ("tcp dprt 22", 'tcp has no field "dprt"', 'did you mean "dport"?', (5, 4)),
    ("ct stat new", 'ct has no field "stat"', 'did you mean "state"?', (4, 4)),
    ("tcp dport 22222222", '"22222222" is no value of type inet_service', "expected a port from 0 to 65535", (11, 8)),
    ("tcp dport htps", '"htps" is no value of type inet_service', 'did you mean "https"?', (11, 4)),
    ("tcp dport 90-80", "the range ends before it begins", "write the smaller value first", (11, 5)),
    ("tcp dport {22 80}", 'found "80", expected "," or "}" in a set', "", (15, 2)),
    ("tcp dport {22-,80}", 'found ",", expected a value of type inet_service', "for example a port", (15, 1)),
    ("ip saddr 1.2.3.256", '"1.2.3.256" is no value of type ipv4_addr', "names of hosts are not looked up", (10, 9)),
    ("ip saddr ::1", '"::1" is no value of type ipv4_addr', "this is an IPv6 address: compare it with ip6 saddr", (10, 3)),
    ("ip6 saddr 1.2.3.4", '"1.2.3.4" is no value of type ipv6_addr', "this is an IPv4 address: compare it with ip saddr", (11, 7)),
    ("ip saddr 1.2.3.4/33", 'found "33", expected a prefix length from 0 to 32', "", (18, 2)),
    ("ip saddr 1.2.3.4/255.0.255.0", "255.0.255.0 is no network mask", "write a prefix length", (18, 11)),
    ("ip6 saddr ::1/129", 'found "129", expected a prefix length from 0 to 128', "", (15, 3)),
    ("iif eth*", "iif and oif take whole interface names", 'write: iifname or oifname "eth*"', (5, 4)),
    ('iifname "a-very-long-interface*"', "is longer than an interface name, 15 characters", "", (9, 24)),
    ("ct state estabished", '"estabished" is no value of type ct_state', 'did you mean "established"?', (10, 10)),
    ("ip ttl << 1 == 2", "shifts are not supported", "", (8, 2)),
    ("ip frag-off 65536", "the value does not fit into the 16 bits of ip frag-off", "", (13, 5)),
    ("tcp doff { 4, 16 }", "the value does not fit into the 4 bits of tcp doff", "", (10, 9)),
    ("ip saddr . tcp dport { 1.2.3.4 }", "the element has 1 of 2 parts", "expected ipv4_addr . inet_service", (24, 7)),
    ("ip saddr . tcp dport { 1.2.3.4 . 22 . 23 }", "the element has more parts than its key, which has 2", "", (24, 14)),
    ("ip saddr { 1.2.3.4 timeout soon }", 'found "soon", expected a duration such as 30s or 1h30m', "", (28, 4)),
    ("tcp dport $nothing", "$nothing is not defined", "add: define NAME = value", (11, 8)),
    ("tcp dport", "found the end of the line, expected a value to compare tcp dport with", "", (10, 1)),
    ("tcp dport @", "found the end of the line, expected the name of a set", "", (12, 1)),
]


@pytest.mark.parametrize(("text", "message", "advice", "where"), BAD, ids=[each[0] for each in BAD])
def test_bad_expression(text, message, advice, where):
    """Message, advice, and the characters that the caret line underlines."""
    (found,) = complaints(chain(text))
    assert message in found.message
    assert advice in found.advice
    assert (found.line, found.column, found.width) == (4, *where)
    assert found.source == text


def test_every_type_has_an_example_in_its_complaint():
    """What a value looks like is said of each."""
    (found,) = complaints(chain("ip dscp 99"))
    assert DATATYPES["dscp"].example in found.advice
