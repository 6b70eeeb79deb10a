"""How selectors are read: every one has a load, or is named as what nobody can read yet."""

from __future__ import annotations

import pytest

from pcapaudit.rules import ops, parse_ruleset
from pcapaudit.rules.fields import Load, is_interface, load_of
from pcapaudit.rules.model import Key
from pcapaudit.rules.selectors import SELECTORS, free_selector, raw_payload


@pytest.mark.parametrize("text", SELECTORS)
def test_every_selector_has_a_load(text):
    """Header fields carry their place, columns their number; what the headers need comes along. The rest is unknown."""
    selector = SELECTORS[text]
    load = load_of(Key(selector))
    assert load.l3 == selector.l3
    assert load.proto == (0 if selector.proto is None else selector.proto + 1)
    assert load.mask is None
    if load.field in (ops.FIELD_NETWORK, ops.FIELD_TRANSPORT, ops.FIELD_LINK):
        assert (load.offset, load.bits) == (selector.offset, selector.bits)
        assert 8 * load.reach >= selector.offset + selector.bits > 8 * (load.reach - 1)


@pytest.mark.parametrize("text", [text for text, each in SELECTORS.items() if each.base in ("link", "network", "transport")])
def test_header_fields_are_all_read(text):
    """Only what is no part of a packet can be unknown."""
    assert load_of(Key(SELECTORS[text])).field != ops.FIELD_UNKNOWN


def test_key_of_the_common_rules_is_a_column():
    """What most rules ask for is not read bit by bit."""
    common = ("ct state", "ip saddr", "ip6 daddr", "tcp dport", "udp sport", "meta l4proto", "meta iifname", "tcp flags", "icmp type")
    slow = {ops.FIELD_UNKNOWN, ops.FIELD_NETWORK, ops.FIELD_TRANSPORT, ops.FIELD_LINK}
    assert not [text for text in common if load_of(Key(SELECTORS[text])).field in slow]


def test_overwritten_fields_are_unknown():
    """What rules change is not in the capture."""
    assert load_of(Key(SELECTORS["ip dscp"]), changed={"ip dscp"}) == Load(ops.FIELD_UNKNOWN, 4)


@pytest.mark.parametrize(
    ("text", "type_name", "field", "asked"),
    [
        ("fib daddr type", "fib_addrtype", ops.FIELD_FIB_DESTINATION, ops.FIB_RESULT_TYPE),
        ("fib daddr . iif type", "fib_addrtype", ops.FIELD_FIB_DESTINATION, ops.FIB_RESULT_TYPE | ops.FIB_BY_IIF),
        ("fib saddr . mark . iif oif", "boolean", ops.FIELD_FIB_SOURCE, ops.FIB_RESULT_CHECK | ops.FIB_BY_IIF | ops.FIB_BY_MARK),
        ("fib saddr oif", "iface_index", ops.FIELD_FIB_SOURCE, ops.FIB_RESULT_DEVICE),
        ("fib saddr . oif oifname", "ifname", ops.FIELD_FIB_SOURCE, ops.FIB_RESULT_DEVICE | ops.FIB_BY_OIF),
    ],
)
def test_fib_says_what_it_asks_for(text, type_name, field, asked):
    """In the bits of a load's offset; an interface is compared by name."""
    load = load_of(Key(free_selector(text, type_name, "fib")))
    assert (load.field, load.offset) == (field, asked)
    assert is_interface(load) is (asked & ops.FIB_RESULTS == ops.FIB_RESULT_DEVICE)


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ("tcp option maxseg exists", 2, (0, 0)),
        ("tcp option maxseg size 1", 2, (16, 16)),
        ("tcp option timestamp tsecr 1", 8, (48, 32)),
        ("tcp option sack2 right 1", 5, (16 + 128 + 32, 32)),
        ("tcp option 42 exists", 42, (0, 0)),
        ("tcp option mptcp subtype 1", 30, (16, 4)),
        ("exthdr hbh exists", 0, (0, 0)),
        ("rt type 4", 43, (16, 8)),
        ("frag more-fragments 1", 44, (31, 1)),
        ("dst nexthdr tcp", 60, (0, 8)),
        ("mh checksum 1", 135, (32, 16)),
    ],
)
def test_options_and_extension_headers(text, number, place):
    """Found by their number, read from their own first bit on."""
    rule = parse_ruleset(f"table ip6 t {{\n chain c {{\n {text} accept\n }}\n}}\n").tables[0].chains[0].rules[0]
    found = load_of(rule.statements[0].keys[0])
    assert found.field == (ops.FIELD_OPTION if text.startswith("tcp") else ops.FIELD_EXTENSION)
    assert (found.offset >> 16, found.offset & 0xFFFF, found.bits) == (number, *place)


def test_places_of_no_fixed_offset_are_unknown():
    """A list of addresses in a routing header."""
    assert load_of(Key(free_selector("rt0 addr[1]", "ipv6_addr", "exthdr", (6, None)))) == Load(ops.FIELD_UNKNOWN, 6)


@pytest.mark.parametrize("text", ["meta skuid", "meta cgroup", "meta priority", "ct id"])
def test_what_no_capture_holds_is_unknown(text):
    """Every match on it is unknown, whatever the mask."""
    assert load_of(Key(SELECTORS[text], mask=1)) == Load(ops.FIELD_UNKNOWN)


@pytest.mark.parametrize(
    ("selector", "field", "reach"),
    [
        (SELECTORS["ip saddr"], ops.FIELD_SOURCE, 16),
        (SELECTORS["ip dscp"], ops.FIELD_NETWORK, 2),
        (SELECTORS["tcp dport"], ops.FIELD_DPORT, 4),
        (SELECTORS["tcp flags"], ops.FIELD_TCP_FLAGS, 14),
        (SELECTORS["icmpv6 code"], ops.FIELD_ICMP_CODE, 2),
        (SELECTORS["th dport"], ops.FIELD_TH_DPORT, 4),
        (SELECTORS["ether saddr"], ops.FIELD_LINK, 12),
        (raw_payload("nh", 9, 3), ops.FIELD_NETWORK, 2),
        (raw_payload("th", 0, 8), ops.FIELD_TRANSPORT, 1),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_load(selector, field, reach):
    """Field, and how many bytes of the header must be there."""
    load = load_of(Key(selector))
    assert (load.field, load.reach) == (field, reach)


def test_mask_and_xor_are_cut_in_halves():
    """Upper 64 bits first."""
    load = load_of(Key(SELECTORS["ip6 saddr"], mask=5 << 64 | 6, xor=7 << 64 | 8))
    assert load.mask == (5, 6, 7, 8)
