"""Made-up packets, read back by dpkt."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import dpkt
import pytest

from pcapaudit.core import consts
from pcapaudit.regress.standards.packets import (
    HIP,
    SHIM6,
    Header,
    dccp,
    fragments,
    icmp_error,
    icmp_query,
    packet,
    sctp,
    tcp,
    transport,
    udp,
    udplite,
)

A4, B4 = ip_address("10.0.0.5"), ip_address("192.0.2.1")
A6, B6 = ip_address("2001:67c:10::5"), ip_address("2a00:1::7")


def test_ipv4_packet_with_options():
    """Length, header length, options and checksum."""
    data = packet(A4, B4, 17, udp((1, 2), b"abc"), options=bytes((148, 4, 0, 0)))
    read = dpkt.ip.IP(data)
    assert (read.hl, read.len, read.opts, bytes(read.data.data)) == (6, len(data), bytes((148, 4, 0, 0)), b"abc")
    assert dpkt.in_cksum(data[:24]) == 0


def test_ipv6_packet_with_headers():
    """Extension headers stand in the order given, the transport last."""
    routing = Header(consts.PROTO_ROUTING, bytes((2, 0, 1)) + bytes(4) + B6.packed)
    data = packet(A6, B6, 17, udp((1, 2), b"abc"), (routing,))
    read = dpkt.ip6.IP6(data)
    assert (read.nxt, list(read.extension_hdrs)) == (consts.PROTO_ROUTING, [consts.PROTO_ROUTING])
    assert bytes(read.data.data) == b"abc"


def test_tcp_segment():
    """Flags and numbers."""
    read = dpkt.tcp.TCP(tcp((1, 2), 18, (7, 9), b"x", 1000))
    assert (read.flags, read.seq, read.ack, read.win, read.data) == (18, 7, 9, 1000, b"x")


def test_udplite_has_a_checksum():
    """Without one Linux calls it invalid."""
    assert udplite((1, 2))[6:] != bytes(2)


@pytest.mark.parametrize(("version", "answer", "kind"), [(4, False, 8), (4, True, 0), (6, False, 128), (6, True, 129)])
def test_icmp_query(version, answer, kind):
    """Its type, and the identifier."""
    data = icmp_query(version, 77, answer=answer)
    assert (data[0], int.from_bytes(data[4:6])) == (kind, 77)


def test_icmp_error_checksum():
    """Right, or wrong on purpose."""
    assert dpkt.in_cksum(icmp_error((3, 1), b"quoted")) == 0
    assert dpkt.in_cksum(icmp_error((3, 1), b"quoted", wrong_checksum=True)) != 0


@pytest.mark.parametrize(("chunk", "kind"), [("init", 1), ("init-ack", 2), ("cookie-echo", 10), ("cookie-ack", 11), ("data", 0)])
def test_sctp_chunks(chunk, kind):
    """One chunk, whose length is right; the tag is the other side's, none for INIT."""
    data = sctp((1, 2), chunk, is_reply=False)
    assert (data[12], int.from_bytes(data[14:16])) == (kind, len(data) - 12)
    assert (data[4:8] == bytes(4)) == (chunk == "init")


@pytest.mark.parametrize(("kind", "words"), [("request", 5), ("response", 7), ("ack", 6), ("dataack", 6)])
def test_dccp_headers(kind, words):
    """The data offset says how long the header is."""
    data = dccp((1, 2), kind, (5, 6))
    assert data[4] == words
    assert len(data) == 4 * words + 4 * (kind == "dataack")


@pytest.mark.parametrize("ends", [(A4, B4), (A6, B6)], ids=["ipv4", "ipv6"])
def test_fragments_are_the_whole(ends):
    """Two parts, the first with more to come."""
    whole = packet(*ends, 17, udp((1, 2), bytes(range(64))))
    first, second = fragments(whole, 40)
    if ends[0].version == 4:
        places = [struct.unpack("!H", part[6:8])[0] for part in (first, second)]
        assert places == [0x2000, 5]
        assert first[20:] + second[20:] == whole[20:]
        assert dpkt.in_cksum(second[:20]) == 0
    else:
        places = [struct.unpack("!H", part[42:44])[0] for part in (first, second)]
        assert places == [1, 40]
        assert first[48:] + second[48:] == whole[40:]


@pytest.mark.parametrize("proto", [6, 17, 33, 50, 58, 132, 135, 136, HIP, SHIM6, 253, 1])
def test_every_protocol_has_an_opening(proto):
    """At least eight bytes, which quotes in ICMP errors need."""
    assert len(transport(proto, (40000, 40001))) >= 8
