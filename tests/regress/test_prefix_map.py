"""Substitutes of addresses."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.regress.prefix_map import SPECIAL, MacMap, PrefixMap, macs_in, prefixes_in

KEY = b"k" * 16
FIXED = [ip_network(text) for text in ("198.51.100.0/24", "198.51.100.64/26", "203.0.113.7/32", "203.0.113.99/32", "2001:db8:5::/48")]
WIDTHS = st.sampled_from([32, 128])
V4 = st.integers(0, 2**32 - 1) | st.sampled_from([int(each.network_address) for each in FIXED[:4]]).map(lambda low: low + 3)


def common(one, other, bits):
    """How many bits two addresses share from the left."""
    return bits - (one ^ other).bit_length()


def mapped(text, **changes):
    """An address's substitute as text."""
    address = ip_address(text)
    return str(type(address)(PrefixMap(**{"key": KEY, "fixed": FIXED, **changes}).map(int(address), address.max_prefixlen)))


@given(st.data(), WIDTHS)
def test_property_prefixes_stay_prefixes(data, bits):
    """Outside the kept ranges, substitutes share as many bits as their addresses do."""
    inside = st.integers(1, 2**64).map(lambda low: (0x20010DB8 << 96) + low) if bits == 128 else st.integers(0x0B000000, 0x5FFFFFFF)
    one, other = data.draw(inside), data.draw(inside)
    prefix_map = PrefixMap(KEY, FIXED)
    assert common(prefix_map.map(one, bits), prefix_map.map(other, bits), bits) == common(one, other, bits)


@given(V4)
def test_property_fixed_prefixes_hold(address):
    """An address is within, before or behind every fixed or special prefix as its substitute is."""
    substitute = PrefixMap(KEY, FIXED).map(address, 32)
    for each in (*FIXED, *SPECIAL):
        if each.version == 4:
            first, last = int(each.network_address), int(each.broadcast_address)
            assert (substitute < first, substitute > last) == (address < first, address > last)


@pytest.mark.parametrize("text", ["0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::", "::1", "ff02::fb", "203.0.113.7"])
def test_address_is_kept(text):
    """Groups and addresses that everybody has; and one that a rule names."""
    assert mapped(text) == text


@pytest.mark.parametrize("text", ["10.1.2.3", "8.8.8.8", "198.51.100.1", "fe80::21b:21ff:fe01:203", "2001:db8:5::1", "ff02::1:ff01:203"])
def test_address_is_not_kept(text):
    """Not even a group that ends like an interface's address; and another key gives another substitute."""
    assert mapped(text) != text
    assert mapped(text) == mapped(text)
    assert mapped(text, key=b"x") != mapped(text)


def test_private_address_stays_private():
    """Whatever is inside by default."""
    assert mapped("192.168.3.4").startswith("192.168.")
    assert mapped("fe80::1").startswith("fe80:") or mapped("fe80::1").startswith("fe")


def test_mac_is_locally_administered():
    """And no group; groups stay, but for those with the end of an address."""
    macs = MacMap(KEY, [b"\x00\x1b\x21\x01\x02\x03"])
    one = macs.map(bytes.fromhex("001b21010204"))
    assert one[0] & 3 == 2
    assert one == macs.map(bytes.fromhex("001b21010204")) != macs.map(bytes.fromhex("001b21010205"))
    for kept in ("001b21010203", "ffffffffffff", "01005e0000fb", "000000000000"):
        assert macs.map(bytes.fromhex(kept)).hex() == kept
    assert macs.map(bytes.fromhex("3333ff010203"))[:3] == b"\x33\x33\xff" != macs.map(bytes.fromhex("3333ff010203"))[3:]


def test_addresses_of_a_ruleset_are_found():
    """Prefixes, single addresses, ends of ranges; not numbers, times and versions."""
    text = """ip saddr { 10.0.0.0/8, 192.0.2.1-192.0.2.99 } tcp dport 80-90 ip6 daddr 2001:db8::/32 limit rate 10/second
    ip6 saddr ::1 dnat to [2001:db8::5]:80 meta hour "10:00:00"-"12:30" ether saddr 00:1B:21:01:02:03 comment "1.2.3" ip daddr 300.1.1.1"""
    expected = "10.0.0.0/8 192.0.2.1/32 192.0.2.99/32 2001:db8::/32 ::1/128 2001:db8::5/128"
    assert [str(each) for each in prefixes_in(text)] == expected.split()
    assert macs_in(text) == [bytes.fromhex("001b21010203")]
