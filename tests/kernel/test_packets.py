"""Frames on their way to the kernel: what is completed, what is left as it is, what cannot be given."""

from __future__ import annotations

import socket
import struct

import pytest
from scenes import icmp, ip, tcp, udp
from wire_rows import RAW, fill

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.kernel.packets import Tuples, addresses, is_multicast, packet_of
from pcapaudit.wire.decode import Decoder

A, B = socket.inet_aton("10.0.0.1"), socket.inet_aton("198.51.100.7")
SYN = tcp("10.0.0.1:1000", "198.51.100.7:80", "S")


def batch_of(*packets):
    """A decoded batch."""
    batch = PacketBatch()
    fill(batch, list(packets), linktype=RAW)
    Decoder(batch, "ignore").decode()
    return batch


def test_whole_packet_is_given_as_it_is():
    """Odd or not: the kernel is to judge it."""
    assert packet_of(batch_of(SYN), 0) == SYN


def test_padding_of_the_link_stays_behind():
    """What follows the IP packet in its frame is no part of it."""
    assert packet_of(batch_of(SYN + bytes(6)), 0) == SYN


def test_offloaded_checksum_is_finished():
    """As the network card would have done; ones' complement over all of it is then zero."""
    batch = batch_of(SYN)
    batch.arrays["l4_csum"][0] = consts.CSUM_OFFLOADED
    done = packet_of(batch, 0)
    total = sum(struct.unpack("!10H", done[20:])) + sum(struct.unpack("!4H", done[12:20])) + 20 + 6
    assert total % 0xFFFF == 0


def test_cut_payload_is_filled_with_zeroes():
    """The length on the wire is kept."""
    long = udp("10.0.0.1:1000", "198.51.100.7:53", b"x" * 100)
    done = packet_of(batch_of(long[:60]), 0)
    assert len(done) == len(long)
    assert done[60:] == bytes(len(long) - 60)


@pytest.mark.parametrize("packet", [SYN[:30], b"\x00" * 20], ids=["header-cut", "no-ip"])
def test_packet_without_its_headers_is_not_given(packet):
    """There is nothing to fill them with."""
    assert packet_of(batch_of(packet), 0) is None


def test_tuple_of_ports_and_of_queries():
    """TCP by ports, echo by identifier, type and code."""
    tuples = Tuples(batch_of(SYN, icmp("10.0.0.1", "198.51.100.7", 8, ident=9)))
    assert (tuples.of(0).sport, tuples.of(0).dport) == (1000, 80)
    assert (tuples.of(1).sport, tuples.of(1).dport) == (9, 8 * 256)


def test_tuple_of_an_error_is_that_of_its_quote():
    """Conntrack finds the connection by the quoted packet."""
    error = tcp("10.0.0.1:1000", "198.51.100.7:80", "S")
    tuples = Tuples(batch_of(icmp("203.0.113.1", "10.0.0.1", 11, ident=0, data=error)))
    assert (tuples.of(0).source, tuples.of(0).target, tuples.of(0).dport) == (A, B, 80)


def test_tuple_of_a_later_fragment_is_that_of_the_first():
    """The ports stand in the first one only."""
    first, last = bytearray(udp("10.0.0.1:1000", "198.51.100.7:53", bytes(24))), bytearray(ip("10.0.0.1", "198.51.100.7", 17, bytes(8)))
    first[6:8], last[6:8] = b"\x20\x00", b"\x00\x04"
    tuples = Tuples(batch_of(bytes(first), bytes(last)))
    assert tuples.of(0) == tuples.of(1)
    assert tuples.of(1).dport == 53


def test_tuple_of_a_protocol_without_ports():
    """Nobody can ask for it."""
    assert Tuples(batch_of(ip("10.0.0.1", "198.51.100.7", 89, bytes(30)))).of(0) is None


def test_addresses_and_groups():
    """Packed, of both families."""
    assert addresses(batch_of(SYN), 0) == (A, B)
    assert is_multicast(socket.inet_aton("224.0.0.251"))
    assert is_multicast(socket.inet_pton(socket.AF_INET6, "ff02::1"))
    assert not is_multicast(A)
