"""Headers that are refused whatever the connection, and those that only the capture cuts short."""

import struct

import pytest
from scenes import ip, replay

A, B = "10.0.0.1", "192.0.2.1"


def one(packet):
    """The row of a single packet."""
    (row,) = replay([(0, packet)]).rows
    return row


@pytest.mark.parametrize(("length", "reason"), [(8, ""), (7, "bad-length"), (0, "bad-length"), (13, "bad-length"), (12, "")])
def test_udp_length(length, reason):
    """Eight to what the packet holds; less than that is let through, as Linux does."""
    row = one(ip(A, B, 17, struct.pack("!HHHH", 1, 2, length, 0) + b"data"))
    assert row.why == reason


@pytest.mark.parametrize(
    ("coverage", "check", "reason"),
    [(0, 1, ""), (8, 1, ""), (12, 1, ""), (7, 1, "udplite-coverage"), (13, 1, "udplite-coverage"), (0, 0, "bad-checksum")],
)
def test_udplite_coverage(coverage, check, reason):
    """0 means all; a missing checksum is an error."""
    assert one(ip(A, B, 136, struct.pack("!HHHH", 1, 2, coverage, check) + b"data")).why == reason


@pytest.mark.parametrize(("proto", "size"), [(6, 19), (17, 7), (1, 7), (136, 7), (132, 11)])
def test_header_that_was_never_whole(proto, size):
    """Shorter on the wire than its protocol needs: invalid."""
    row = one(ip(A, B, proto, bytes(size)))
    assert (row.state, row.why) == ("invalid", "short-header")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_short_gre_is_tracked(size):
    """Like a protocol without keys, together with that of version 0, as Linux does."""
    rows = replay([(0, ip(A, B, 47, bytes(size))), (1, ip(B, A, 47, bytes(8)))]).rows
    assert [(row.state, row.why) for row in rows] == [("new", ""), ("established", "")]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (struct.pack("!HHHH", 0x3001, 0x880B, 0, 7), ("new", "")),
        (struct.pack("!HHHH", 0x3001, 0x0800, 0, 7), ("invalid", "not-trackable")),
        (struct.pack("!HHHH", 0x3001, 0x0800, 0, 7)[:7], ("new", "")),
        (struct.pack("!HHHH", 0x3002, 0x0800, 0, 7), ("new", "")),
    ],
)
def test_gre_of_version_1_carries_ppp(header, said):
    """Anything else in PPTP's version has no tuple, unless the header ends before the call id."""
    row = one(ip(A, B, 47, header))
    assert (row.state, row.why) == said


def test_tcp_header_longer_than_the_packet():
    """Data offset 15 in a packet of twenty bytes."""
    row = one(ip(A, B, 6, struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 0xF0, 2, 0, 0, 0)))
    assert (row.state, row.why) == ("invalid", "bad-length")
