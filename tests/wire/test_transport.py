"""Transport headers to columns."""

from __future__ import annotations

import dpkt
import pytest
from wire_rows import RAW, decode_one

from pcapaudit.core import consts


def packet(payload, proto, **fields):
    """An IPv4 packet from 192.0.2.1 to 198.51.100.1."""
    return bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=proto, data=payload, **fields))


def packet6(payload, proto):
    """An IPv6 packet from 2001:db8::1 to 2001:db8::2."""
    addresses = bytes.fromhex("20010db8000000000000000000000001 20010db8000000000000000000000002")
    return b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes([proto, 64]) + addresses + payload


def tcp(options=b"", payload=b"", **fields):
    """A TCP segment; options are padded with zeroes."""
    options += bytes(-len(options) % 4)
    values = {"sport": 443, "dport": 50000, "seq": 0xFFFFFFF0, "ack": 77, "flags": 0x12, "win": 65160, **fields}
    return bytes(dpkt.tcp.TCP(off=5 + len(options) // 4, opts=options, data=payload, **values))


def udp(payload=b"", **fields):
    """A UDP datagram."""
    return bytes(dpkt.udp.UDP(**{"sport": 5000, "dport": 53, "ulen": 8 + len(payload), "data": payload, **fields}))


def test_tcp_fields():
    """Every field of a SYN-ACK."""
    row = decode_one(packet(tcp(bytes.fromhex("020405b4 0402 01 030307 080a0000000100000002")), 6), linktype=RAW)
    assert (row.sport, row.dport, row.seq, row.ack, row.tcp_flags, row.win_raw) == (443, 50000, 0xFFFFFFF0, 77, 0x12, 65160)
    assert row.tcp_opts == consts.OPT_MSS | consts.OPT_SACK_PERM | consts.OPT_WSCALE | consts.OPT_TIMESTAMP
    assert (row.mss, row.wscale, row.sack_max) == (1460, 7, 77)
    assert (row.l4_off, row.payload_off, row.end_off, row.l4_len, row.payload_len) == (20, 60, 60, 40, 0)


def test_tcp_over_ipv6():
    """The same columns, four times as long addresses."""
    row = decode_one(packet6(tcp(payload=b"abc"), 6), linktype=RAW)
    assert (row.l3, row.sport, row.payload_off, row.payload_len) == (6, 443, 60, 3)
    assert (row.src_hi, row.src_lo, row.dst_lo) == (0x20010DB800000000, 1, 2)


#: id, options, tcp_opts, sack_max with ack 77, anomaly
OPTIONS = [
    ("timestamp-alone", "0101 080a 00000001 00000002", consts.OPT_TIMESTAMP, 77, False),
    ("sack", "0101 050a 00000100 00000200", consts.OPT_SACK, 0x200, False),
    ("sack-second-block-later", "0101 0512 00000100 00000200 00000300 00000400", consts.OPT_SACK, 0x400, False),
    ("sack-first-block-later", "0101 0512 00000300 00000400 00000100 00000200", consts.OPT_SACK, 0x400, False),
    ("sack-behind-ack", "0101 050a fffffff0 fffffff8", consts.OPT_SACK, 77, False),
    ("sack-half-the-circle-ahead", "0101 050a 80000040 8000004d", consts.OPT_SACK, 0x8000004D, False),
    ("sack-further-than-half-the-circle", "0101 050a 80000040 8000004e", consts.OPT_SACK, 77, False),
    ("sack-of-wrong-size", "0101 0509 000001 00000200", consts.OPT_OTHER, 77, False),
    ("end-of-list", "00 030307", 0, 77, False),
    ("unknown", "fe04 0102", consts.OPT_OTHER, 77, False),
    ("wscale-of-wrong-size", "0304 0700", consts.OPT_OTHER, 77, False),
    ("size-zero", "0200 05b4", consts.OPT_BAD, 77, True),
    ("size-beyond-header", "0209 05b4", consts.OPT_BAD, 77, True),
    ("kind-without-size", "010101 02", consts.OPT_BAD, 77, True),
    ("good-before-bad", "020405b4 0304 0500 030a", consts.OPT_MSS | consts.OPT_OTHER | consts.OPT_BAD, 77, True),
]


@pytest.mark.parametrize(("text", "seen", "sack_max", "bad"), [each[1:] for each in OPTIONS], ids=[each[0] for each in OPTIONS])
def test_tcp_options(text, seen, sack_max, bad):
    """Options as Linux reads them."""
    row = decode_one(packet(tcp(bytes.fromhex(text)), 6), linktype=RAW)
    assert (row.tcp_opts, row.sack_max) == (seen, sack_max)
    assert ("tcp-options-bad" in row.anomalies) is bad


def test_tcp_options_cut_by_snaplen():
    """Whole options before the cut are read, those behind it are not, and it is no bad list."""
    frame = packet(tcp(bytes.fromhex("020405b4 01 030307"), b"x" * 10), 6)
    row = decode_one(frame[:46], linktype=RAW, origlen=len(frame))
    assert (row.tcp_opts, row.mss, row.payload_off, row.payload_len) == (consts.OPT_MSS, 1460, 0, 10)
    assert row.anomalies == ["l4-truncated"]


@pytest.mark.parametrize("offset", [0, 4, 11, 15])
def test_tcp_header_length_that_cannot_be(offset):
    """Less than five words, or more than the packet: the fixed fields are still there."""
    data = bytearray(tcp(payload=b"x" * 20))
    data[12] = offset << 4
    row = decode_one(packet(bytes(data), 6), linktype=RAW)
    assert "tcp-header-len" in row.anomalies
    assert (row.seq, row.tcp_flags, row.tcp_opts, row.payload_off, row.payload_len) == (0xFFFFFFF0, 0x12, 0, 0, 0)


def test_tcp_shorter_than_its_header():
    """A packet, not the capture, ends within the header."""
    row = decode_one(packet(tcp()[:12], 6), linktype=RAW)
    assert row.anomalies == ["l4-length"]
    assert (row.sport, row.seq, row.ack, row.tcp_flags, row.payload_len) == (443, 0xFFFFFFF0, 77, 0, 0)


def test_first_fragment_shorter_than_its_header():
    """A tiny fragment."""
    row = decode_one(packet(tcp(payload=b"x" * 20)[:16], 6, mf=1), linktype=RAW)
    assert row.anomalies == ["fragment", "fragment-tiny"]
    assert row.win_raw == 65160


def test_payload_cut_by_snaplen():
    """The header is whole: wire lengths stay."""
    frame = packet(tcp(payload=b"x" * 100), 6)
    row = decode_one(frame[:60], linktype=RAW, origlen=len(frame))
    assert (row.payload_off, row.payload_len, row.end_off, row.l4_csum) == (40, 100, 60, consts.CSUM_UNCHECKED)
    assert row.anomalies == ["payload-truncated"]


@pytest.mark.parametrize(
    ("ulen", "length", "bad"), [(13, 5, False), (10, 2, False), (8, 0, False), (7, 5, True), (0, 5, True), (14, 5, True)]
)
def test_udp_length(ulen, length, bad):
    """The UDP length counts where it can be; what lies behind it is no payload."""
    row = decode_one(packet(udp(b"hello", ulen=ulen), 17), linktype=RAW, checksum="ignore")
    assert row.payload_len == length
    assert ("l4-length" in row.anomalies) is bad


def test_udp_first_fragment_claims_more():
    """The length is the datagram's, not the fragment's."""
    row = decode_one(packet(udp(b"hello", ulen=4000), 17, mf=1), linktype=RAW)
    assert (row.anomalies, row.payload_len, row.sport) == (["fragment"], 5, 5000)


def test_later_fragment_has_no_ports():
    """Its bytes are payload, wherever they came from."""
    row = decode_one(packet(udp(b"hello"), 17, offset=100), linktype=RAW)
    assert (row.frag, row.l4_off, row.payload_off, row.sport, row.l4_len, row.payload_len) == (100, 0, 0, 0, 13, 13)


@pytest.mark.parametrize(("coverage", "bad"), [(0, False), (8, False), (13, False), (7, True), (14, True)])
def test_udplite_coverage(coverage, bad):
    """Zero is all, less than the header and more than the packet are impossible."""
    row = decode_one(packet(udp(b"hello", ulen=coverage, sum=1), 136), linktype=RAW, checksum="ignore")
    assert (row.sport, row.payload_len) == (5000, 5)
    assert ("l4-length" in row.anomalies) is bad


@pytest.mark.parametrize("kind", [0, 8, 13, 14, 15, 16, 17, 18])
def test_icmp_query_has_its_identifier(kind):
    """The identifier takes the place of the source port."""
    row = decode_one(packet(bytes([kind, 1, 0, 0, 0x12, 0x34, 0, 9]), 1), linktype=RAW)
    assert (row.icmp_type, row.icmp_code, row.sport, row.dport) == (kind, 1, 0x1234, 0)


@pytest.mark.parametrize(("kind", "identifier"), [(128, 0x1234), (129, 0x1234), (139, 0x1234), (140, 0x1234), (135, 0), (1, 0)])
def test_icmpv6_identifier(kind, identifier):
    """Echo and node information are queries; errors and neighbour discovery are not."""
    row = decode_one(packet6(bytes([kind, 0, 0, 0, 0x12, 0x34, 0, 9]), 58), linktype=RAW)
    assert (row.icmp_type, row.sport) == (kind, identifier)


#: id, header, dport, payload offset from the header, tunnel
GRE = [
    ("plain", "0000 0800", 0, 4, True),
    ("key", "2000 0800 00000007", 0, 8, True),
    ("checksum-key-sequence", "b000 0800 00000000 00000007 00000001", 0, 16, True),
    ("ethernet", "0000 6558", 0, 4, False),
    ("pptp", "3081 880b 0004 beef 00000001 00000002", 0xBEEF, 16, False),
    ("version-1-other", "2001 0800 0004 beef", 0, 8, False),
]


@pytest.mark.parametrize(("header", "dport", "size", "tunnel"), [each[1:] for each in GRE], ids=[each[0] for each in GRE])
def test_gre(header, dport, size, tunnel):
    """PPTP's call id is the destination; version 0 has no ports, whatever its key."""
    row = decode_one(packet(bytes.fromhex(header) + b"inner", 47), linktype=RAW)
    assert (row.sport, row.dport, row.payload_off - row.l4_off, row.payload_len) == (0, dport, size, 5)
    assert ("tunnel" in row.anomalies) is tunnel


def test_dccp_ports_and_header_length():
    """The data offset says where the payload starts."""
    row = decode_one(packet(bytes.fromhex("1388 0035 04 00 0000 00000000 00000000") + b"abc", 33), linktype=RAW)
    assert (row.sport, row.dport, row.payload_off - row.l4_off, row.payload_len) == (5000, 53, 16, 3)


@pytest.mark.parametrize(
    ("coverage", "changed", "found"), [(0, None, 1), (0, 30, 2), (1, None, 1), (1, 13, 2), (1, 16, 1), (2, 19, 2), (2, 20, 1), (9, None, 1)]
)
def test_dccp_checksum(coverage, changed, found):
    """It covers all, or the header (16 bytes here) and the first words behind it (RFC 4340, section 9.2); too many words count as all."""
    header = bytearray(bytes.fromhex("1388 0035 04 00 0000 05000001 00000002") + b"fifteen of them")
    header[5] = coverage
    cover = 16 + (coverage - 1) * 4 if 0 < coverage < 5 else len(header)
    pseudo = bytes(packet(b"", 33)[12:20]) + bytes([0, 33, 0, len(header)])
    header[6:8] = dpkt.in_cksum(pseudo + bytes(header[:cover])).to_bytes(2, "big")
    if changed is not None:
        header[changed % len(header)] ^= 1
    assert decode_one(packet(bytes(header), 33), linktype=RAW, checksum="verify").l4_csum == found


def test_other_protocol_is_all_payload():
    """ESP, say."""
    row = decode_one(packet(b"x" * 12, 50), linktype=RAW)
    assert (row.proto, row.l4_off, row.payload_off, row.payload_len, row.sport, row.anomalies) == (50, 20, 20, 12, 0, [])


@pytest.mark.parametrize("proto", [4, 41])
def test_ip_in_ip_is_a_tunnel(proto):
    """Not looked into, and named."""
    assert decode_one(packet(packet(b"", 17), proto), linktype=RAW).anomalies == ["tunnel"]


def test_same_endpoints_and_port_zero():
    """LAND, and a port that nobody has."""
    land = bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc0\0\2\1", p=6, data=tcp(sport=80, dport=80)))
    assert decode_one(land, linktype=RAW, checksum="ignore").anomalies == ["same-endpoints"]
    assert decode_one(packet(tcp(sport=0), 6), linktype=RAW, checksum="ignore").anomalies == ["port-zero"]
