"""ICMP messages with their addresses replaced. That checksums stay right, ``test_anonymize.py`` sees on captures."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from pcapaudit.regress.anonymize_icmp import IcmpScrubber
from pcapaudit.regress.prefix_map import MacMap, PrefixMap
from pcapaudit.regress.sums import ones_sum

KEY = b"k"
INNER, OUTER = ip_address("192.0.2.1").packed, ip_address("198.51.100.2").packed
TARGET = ip_address("2001:db8::1").packed
MAC = bytes.fromhex("001b21010203")


def scrubbed(message, l3=4):
    """The message after."""
    data = bytearray(message)
    IcmpScrubber(PrefixMap(KEY), MacMap(KEY)).scrub(data, 0, len(data), l3)
    return bytes(data)


def substitute(packed):
    """What stands in the place of an address."""
    return PrefixMap(KEY).map(int.from_bytes(packed, "big"), len(packed) * 8).to_bytes(len(packed), "big")


def quoted(payload=b"secret words"):
    """A whole IPv4 packet with UDP, checksums right."""
    udp = bytearray(struct.pack(">HHHH", 1000, 53, 8 + len(payload), 0) + payload)
    udp[6:8] = (~ones_sum(INNER, OUTER, struct.pack(">HH", 17, len(udp)), bytes(udp)) & 0xFFFF).to_bytes(2, "big")
    header = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0) + INNER + OUTER)
    header[10:12] = (~ones_sum(bytes(header)) & 0xFFFF).to_bytes(2, "big")
    return bytes(header + udp)


def test_quote_keeps_its_form():
    """Other addresses, right checksums, ports, no words."""
    made = scrubbed(bytes([3, 4, 0, 0, 0, 0, 5, 100]) + quoted())
    quote = made[8:]
    assert made[:8] == bytes([3, 4, 0, 0, 0, 0, 5, 100])
    assert (quote[12:16], quote[16:20]) == (substitute(INNER), substitute(OUTER))
    assert ones_sum(quote[:20]) == 0xFFFF
    udp = quote[20:]
    assert ones_sum(quote[12:20], struct.pack(">HH", 17, len(udp)), udp) == 0xFFFF
    assert udp[:4] == struct.pack(">HH", 1000, 53)
    assert b"secret" not in made


@pytest.mark.parametrize("size", range(36))
def test_quote_that_is_cut_off(size):
    """Wherever it ends."""
    assert len(scrubbed(bytes(8) + quoted()[:size])) == 8 + size
    assert INNER not in scrubbed(bytes([11]) + bytes(7) + quoted()[:size])


def test_redirect_names_another_gateway():
    """At 4."""
    made = scrubbed(bytes([5, 1, 0, 0]) + OUTER + quoted())
    assert made[4:8] == substitute(OUTER)


def test_echo_keeps_identifier_and_number():
    """Not its data."""
    made = scrubbed(bytes([8, 0, 1, 2, 3, 4, 5, 6]) + b"abcdefgh")
    assert made[:8] == bytes([8, 0, 1, 2, 3, 4, 5, 6])
    assert made[10:] == bytes(6)


def test_neighbour_discovery_has_other_addresses():
    """The target, a prefix, the link-layer address; a name server's option is emptied, the MTU stays."""
    link, mtu = bytes([1, 1]) + MAC, bytes([5, 1, 0, 0, 0, 0, 5, 220])
    prefix = bytes([3, 4, 64, 0xC0]) + bytes(12) + TARGET
    server = bytes([25, 3]) + bytes(6) + TARGET
    made = scrubbed(bytes([135, 0, 0, 0]) + bytes(4) + TARGET + link + prefix + mtu + server, l3=6)
    assert made[8:24] == substitute(TARGET)
    assert made[26:32] == MacMap(KEY).map(MAC)
    assert made[48:64] == substitute(TARGET)
    assert made[64:72] == mtu
    assert TARGET not in made
    assert made[72:74] == server[:2]


def test_listener_report_keeps_its_group():
    """Groups are nobody's address."""
    group = ip_address("ff02::fb").packed
    assert scrubbed(bytes([131, 0, 0, 0]) + bytes(4) + group, l3=6)[8:] == group


def test_anything_else_is_emptied():
    """But for its first eight bytes."""
    assert scrubbed(bytes([200]) + bytes(7) + b"abcd")[10:] == bytes(2)
    assert scrubbed(b"") == b""
