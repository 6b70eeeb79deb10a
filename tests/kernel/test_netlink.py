"""Netlink messages, against bytes written out by hand (linux/netlink.h; a little-endian or big-endian machine packs its own order)."""

from __future__ import annotations

import struct

import pytest

from pcapaudit.kernel.netlink import ACK, ERROR, NetfilterSocket, attribute, attributes, message, messages, nested


def test_attribute_is_padded_behind_its_length():
    """The length counts header and value, not the padding."""
    assert attribute(7, b"abcde") == struct.pack("=HH", 9, 7) + b"abcde\0\0\0"


def test_nested_attributes_come_back():
    """What is written is read; the bit that says "nested" is no part of the type."""
    data = nested(1, attribute(2, b"\x06"), attribute(3, b"\0\x50"))
    assert struct.unpack_from("=HH", data) == (len(data), 0x8001)
    assert attributes(attributes(data)[1]) == {2: b"\x06", 3: b"\0\x50"}


@pytest.mark.parametrize("data", [b"", b"\1", struct.pack("=HH", 3, 1), struct.pack("=HH", 99, 1) + b"ab"])
def test_attributes_that_do_not_fit_end_the_list(data):
    """A length below four or beyond the data."""
    assert attributes(attribute(5, b"x") + data) == {5: b"x"}


def test_message_has_both_headers():
    """nlmsghdr, then nfgenmsg with the resource number in network order."""
    built = message(0x0401, ACK, 9, 2, attribute(1, b"z"), 0x0105)
    assert struct.unpack_from("=IHHII", built) == (28, 0x0401, ACK, 9, 0)
    assert built[16:20] == b"\2\0\1\5"
    assert [(each.kind, each.sequence, each.values) for each in messages(built + b"junk")] == [(0x0401, 9, {1: b"z"})]


def test_error_message_gives_the_number():
    """NLMSG_ERROR holds a negative errno; 0 is success."""
    failed = struct.pack("=IHHIIi", 20, ERROR, 0, 4, 0, -2)
    assert [(each.sequence, each.error) for each in messages(failed)] == [(4, 2)]


def test_netfilter_socket_without_messages_drains_nothing():
    """Opening needs no privilege; nothing waits on it."""
    netlink = NetfilterSocket()
    assert list(netlink.drain()) == []
    netlink.close()
