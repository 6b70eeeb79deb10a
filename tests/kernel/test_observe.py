"""What the observer's table and requests look like; what it reads is tested with the kernel, in test_verify.py."""

from __future__ import annotations

import socket
import struct

import pytest

from pcapaudit.core import consts
from pcapaudit.kernel.netlink import attributes
from pcapaudit.kernel.observe import Tuple, _entry, observer_table

A, B = socket.inet_aton("10.0.0.1"), socket.inet_aton("198.51.100.7")


def inner(tuple_):
    """(addresses, protocol attributes) of an encoded tuple."""
    parts = attributes(attributes(tuple_.encode())[1])
    return attributes(parts[1]), attributes(parts[2])


def test_tuple_with_ports():
    """CTA_IP_V4_*, CTA_PROTO_NUM and the ports in network order."""
    assert inner(Tuple(4, consts.PROTO_TCP, A, B, 1000, 80)) == ({1: A, 2: B}, {1: b"\6", 2: b"\x03\xe8", 3: b"\0\x50"})


def test_tuple_of_icmp():
    """Identifier, type and code have attributes of their own."""
    assert inner(Tuple(4, consts.PROTO_ICMP, A, B, 7, 8 * 256))[1] == {1: b"\1", 4: b"\0\7", 5: b"\x08", 6: b"\0"}


def test_tuple_of_icmp6():
    """Again others, and the addresses too."""
    addresses, proto = inner(Tuple(6, consts.PROTO_ICMPV6, A * 4, B * 4, 7, 128 * 256 + 1))
    assert addresses == {3: A * 4, 4: B * 4}
    assert proto == {1: bytes([58]), 7: b"\0\7", 8: bytes([128]), 9: b"\1"}


def test_table_stands_at_the_hook_asked_for():
    """Both ends of the filter hook, and silence at output."""
    table = observer_table("forward")
    assert table.count("hook forward") == 2
    assert "hook output priority -2000000000; policy drop" in table


@pytest.mark.parametrize("protocol", [1, 2, 3], ids=["tcp", "dccp", "sctp"])
def test_state_of_an_entry(protocol):
    """CTA_PROTOINFO_TCP, _DCCP and _SCTP; the state is the first attribute in each."""
    state = struct.pack("=HHB3x", 5, 1, 4)
    info = struct.pack("=HH", 4 + len(state), protocol | 0x8000) + state
    assert _entry({3: bytes([0, 0, 0, 8]), 4: info, 7: bytes([0, 0, 0, 60])}).state == 4
    assert _entry({}).state == 0
