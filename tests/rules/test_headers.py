"""Bits of headers, options and extension headers, as rules read them: seen by the verdicts, as in ``test_matching``."""

from __future__ import annotations

import struct

import pytest
from rules_bench import forward
from scenes import icmp, replay, tcp, udp

DNS = udp("10.0.0.1:5353", "192.0.2.1:53", b"query")
DNS6 = udp("[fd00::1]:5353", "[2001:db8::1]:53", b"query")
PING = icmp("10.0.0.1", "192.0.2.1", 8, ident=77)
YES, NO = ("accept", 1), ("drop", 1)


def said(text, packet, **options):
    """(verdict, decided) of a rule that accepts, in a chain that drops."""
    (row,) = replay([(0, packet)], forward(f"{text} accept"), **options).rows
    return row.said, row.decided


STAMPED = tcp("10.0.0.1:40000", "192.0.2.1:80", "S", options=b"\x02\x04\x05\x78\x08\x0a\0\0\0\x07\0\0\0\x09\x01\x01")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tcp option maxseg exists", YES),
        ("tcp option maxseg length 4", YES),
        ("tcp option timestamp tsval 7 tcp option timestamp tsecr 9", YES),
        ("tcp option 8 exists", YES),
        ("tcp option sack-perm missing", YES),
        ("tcp option sack-perm exists", NO),
        ("tcp option window count 0", NO),
    ],
)
def test_fields_of_tcp_options(text, found):
    """By their places in the option; what is not there matches nothing but its absence."""
    assert said(text, STAMPED) == found


def test_cut_options_are_unknown():
    """One that lies before the cut is known, all others are not."""
    assert said("tcp option maxseg exists", STAMPED, snaplen=46) == YES
    assert said("tcp option timestamp exists", STAMPED, snaplen=46) == ("drop", 0)


def extended(number, body, inner=DNS6):
    """An IPv6 packet with one extension header."""
    return inner[:4] + struct.pack("!HB", len(inner) - 40 + len(body) + 1, number) + inner[7:40] + inner[6:7] + body + inner[40:]


@pytest.mark.parametrize(
    ("packet", "text", "found"),
    [
        (extended(0, b"\0\1\4\0\0\0\0"), "exthdr hbh exists", YES),
        (extended(0, b"\0\1\4\0\0\0\0"), "hbh nexthdr udp udp dport 53", YES),
        (extended(60, b"\1\1\x0c" + bytes(12)), "dst hdrlength 1", YES),
        (extended(60, b"\1\1\x0c" + bytes(12)), "exthdr hbh exists", NO),
        (extended(43, b"\0\4\2" + bytes(4)), "rt type 4 rt seg-left 2", YES),
        (extended(44, b"\0\0\0\0\0\0\7"), "exthdr frag exists", NO),
        (extended(44, b"\0\0\0\0\0\0\7"), "ip6 nexthdr udp", YES),
        (DNS6, "exthdr rt missing", YES),
        (DNS6, "rt type 0", NO),
    ],
)
def test_extension_headers(packet, text, found):
    """Wherever they stand; a fragment header is gone by the time that rules look."""
    assert said(text, packet) == found


def test_payload_behind_the_transport_header():
    """Of UDP and TCP."""
    assert said("@ih,0,8 0x71", DNS) == YES
    assert said("@ih,0,8 0x72", DNS) == NO
    assert said("@ih,0,8 0", PING) == NO
