"""How selectors are read: every one has a load, or is named as what nobody can read yet."""

from __future__ import annotations

import pytest

from pcapaudit.rules import ops
from pcapaudit.rules.fields import Load, is_supported, load_of
from pcapaudit.rules.model import Key
from pcapaudit.rules.selectors import SELECTORS, raw_payload

#: Refused by the parser; a selector that leaves this list gets its test below.
NOT_YET = {text for text, each in SELECTORS.items() if each.base in ("meta", "ct") and not is_supported(each)}


@pytest.mark.parametrize("text", [text for text in SELECTORS if text not in NOT_YET])
def test_supported_selector_has_a_load(text):
    """Header fields carry their place, columns their number; what the headers need comes along."""
    selector = SELECTORS[text]
    load = load_of(Key(selector))
    if load.field == ops.FIELD_UNKNOWN:
        assert selector.base in ("meta", "ct")
        return
    assert load.l3 == selector.l3
    assert load.proto == (0 if selector.proto is None else selector.proto + 1)
    assert load.mask is None
    if load.field in (ops.FIELD_NETWORK, ops.FIELD_TRANSPORT, ops.FIELD_LINK):
        assert (load.offset, load.bits) == (selector.offset, selector.bits)
        assert 8 * load.reach >= selector.offset + selector.bits > 8 * (load.reach - 1)


def test_header_fields_are_all_supported():
    """Only what is no part of a packet can be missing."""
    assert {SELECTORS[text].base for text in NOT_YET} <= {"meta", "ct"}


def test_key_of_the_common_rules_is_a_column():
    """What most rules ask for is not read bit by bit."""
    common = ("ct state", "ip saddr", "ip6 daddr", "tcp dport", "udp sport", "meta l4proto", "meta iifname", "tcp flags", "icmp type")
    slow = {ops.FIELD_UNKNOWN, ops.FIELD_NETWORK, ops.FIELD_TRANSPORT, ops.FIELD_LINK}
    assert not [text for text in common if load_of(Key(SELECTORS[text])).field in slow]


@pytest.mark.parametrize("text", ["meta skuid", "meta cgroup", "meta priority", "ct id", "meta pkttype"])
def test_what_no_capture_holds_is_unknown(text):
    """It is supported: every match on it is unknown, whatever the mask."""
    assert is_supported(SELECTORS[text])
    assert load_of(Key(SELECTORS[text], mask=1)) == Load(ops.FIELD_UNKNOWN)


@pytest.mark.parametrize(
    ("selector", "field", "reach"),
    [
        (SELECTORS["ip saddr"], ops.FIELD_SOURCE, 16),
        (SELECTORS["ip dscp"], ops.FIELD_NETWORK, 2),
        (SELECTORS["tcp dport"], ops.FIELD_DPORT, 4),
        (SELECTORS["tcp flags"], ops.FIELD_TCP_FLAGS, 14),
        (SELECTORS["icmpv6 code"], ops.FIELD_ICMP_CODE, 2),
        (SELECTORS["th dport"], ops.FIELD_TRANSPORT, 4),
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
