"""Frames to columns: the loop, IPv4 and IPv6."""

from __future__ import annotations

import dpkt
import pytest
from wire_rows import RAW, decode_one, fill, named, soil

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.wire.decode import MAX_EXTENSION_HEADERS, Decoder

SOURCE, DESTINATION = b"\xc0\0\2\1", b"\xc6\x33\x64\1"
UDP = bytes(dpkt.udp.UDP(sport=5000, dport=53, ulen=13, data=b"hello"))
GOOD = bytes(dpkt.ip.IP(src=SOURCE, dst=DESTINATION, p=17, id=77, ttl=9, tos=0xB9, data=UDP))


def patched(at, value):
    """GOOD with other bytes at a place, its header checksum set right."""
    data = bytearray(GOOD)
    data[at : at + len(value)] = value
    data[10:12] = b"\0\0"
    data[10:12] = dpkt.in_cksum(bytes(data[:20])).to_bytes(2, "big")
    return bytes(data)


def ip6(chain, first, *, length=None):
    """An IPv6 packet whose first next header is ``first``; ``chain`` is all behind the fixed header."""
    size = len(chain) if length is None else length
    return b"\x60\x10\0\0" + size.to_bytes(2, "big") + bytes([first, 64]) + bytes(15) + b"\1" + bytes(15) + b"\2" + chain


def test_ipv4_fields():
    """Every field of the header."""
    row = decode_one(GOOD, linktype=RAW)
    assert (row.l3, row.proto, row.src_hi, row.src_lo, row.dst_hi, row.dst_lo) == (4, 17, 0, 0xC0000201, 0, 0xC6336401)
    assert (row.ip_len, row.l4_len, row.payload_len, row.ip_id, row.ttl, row.tos, row.frag) == (33, 13, 5, 77, 9, 0xB9, 0)
    assert (row.ip_csum, row.anomalies) == (consts.CSUM_GOOD, [])


def test_ethernet_padding_is_cut_off():
    """``end_off`` is the packet's end, not the frame's."""
    row = decode_one(bytes(12) + b"\x08\0" + GOOD + bytes(13))
    assert (row.ip_len, row.l4_len, row.payload_len) == (33, 13, 5)
    assert (row.l3_off, row.l4_off, row.payload_off, row.end_off) == (14, 34, 42, 47)
    assert row.anomalies == []


def test_empty_frame():
    """No bytes: no IP, and a name for it."""
    assert decode_one(b"", linktype=RAW).anomalies == ["link-truncated"]


def test_ipv4_length_zero():
    """The frame's length stands in."""
    row = decode_one(patched(2, b"\0\0"), linktype=RAW)
    assert (row.ip_len, row.payload_len) == (33, 5)
    assert "ip-len-zero" in row.anomalies


def test_ipv4_length_over_frame():
    """The wire length is what the header says; the frame, whole, is shorter, which no snap length explains."""
    row = decode_one(patched(2, b"\0\x28"), linktype=RAW)
    assert (row.ip_len, row.l4_len, row.end_off) == (40, 20, 33)
    assert row.anomalies == ["ip-len-over-frame"]


def test_ipv4_length_over_capture():
    """A snap length is no fault of the packet."""
    row = decode_one(GOOD[:29], linktype=RAW, origlen=33)
    assert (row.ip_len, row.end_off, row.payload_len, row.anomalies) == (33, 29, 5, ["payload-truncated"])


@pytest.mark.parametrize("first", [0x40, 0x44])
def test_ipv4_header_length_too_small(first):
    """Addresses are where they always are, a transport header is nowhere."""
    row = decode_one(patched(0, bytes([first])), linktype=RAW)
    assert (row.l3, row.src_lo, row.l4_off, row.anomalies) == (4, 0xC0000201, 0, ["ip-header-len"])


def test_ipv4_header_longer_than_packet():
    """Likewise."""
    row = decode_one(patched(0, b"\x4f"), linktype=RAW)
    assert (row.l4_off, row.anomalies) == (0, ["ip-header-len"])


@pytest.mark.parametrize(("ethertype", "frame"), [(b"\x08\0", ip6(b"", 59)), (b"\x86\xdd", GOOD + bytes(20))])
def test_version_is_not_the_one_announced(ethertype, frame):
    """No header that could be read."""
    row = decode_one(bytes(12) + ethertype + frame)
    assert (row.l3, row.l3_off, row.anomalies) == (0, 14, ["ip-version"])


@pytest.mark.parametrize(("origlen", "anomaly"), [(33, "ip-truncated"), (19, "ip-len-over-frame")])
def test_ipv4_header_is_not_whole(origlen, anomaly):
    """The capture cut it off, or there never was more."""
    row = decode_one(GOOD[:19], linktype=RAW, origlen=origlen)
    assert (row.l3, row.anomalies) == (0, [anomaly])


def test_ipv4_options():
    """Named; a list that makes no sense too. The transport header lies behind them."""
    for options, names in (
        (b"\x94\4\0\0", ["ip-options"]),
        (b"\1\1\7\x09", ["ip-options", "ip-options-bad"]),
        (b"\1\0\7\0", ["ip-options"]),
    ):
        packet = bytes(dpkt.ip.IP(src=SOURCE, dst=DESTINATION, p=17, hl=6, opts=options, data=UDP))
        row = decode_one(packet, linktype=RAW)
        assert (row.l4_off, row.sport, row.anomalies) == (24, 5000, names)


def test_ipv4_options_cut_by_snaplen():
    """The header's checksum cannot be checked, and a transport header is not captured."""
    packet = bytes(dpkt.ip.IP(src=SOURCE, dst=DESTINATION, p=17, hl=6, opts=b"\x94\4\0\0", data=UDP))
    row = decode_one(packet[:22], linktype=RAW, origlen=len(packet))
    assert (row.l3, row.l4_off, row.l4_len, row.ip_csum) == (4, 0, 13, consts.CSUM_UNCHECKED)
    assert row.anomalies == ["ip-truncated", "ip-options"]


def test_ipv4_reserved_flag_and_fragments():
    """Offset in units of eight bytes, and the bit for more."""
    assert decode_one(patched(6, b"\x80\0"), linktype=RAW).anomalies == ["ip-reserved-flag"]
    assert decode_one(patched(6, b"\x40\0"), linktype=RAW).frag == 0
    row = decode_one(patched(6, b"\x20\x05"), linktype=RAW)
    assert (row.frag, row.l4_off, row.anomalies) == (0x8005, 0, ["fragment"])


def test_transport_header_at_the_end_of_the_capture():
    """``l4_off`` says where it would be."""
    row = decode_one(GOOD[:20], linktype=RAW, origlen=33)
    assert (row.l4_off, row.end_off, row.sport, row.anomalies) == (20, 20, 0, ["l4-truncated"])


#: id, what stands behind the fixed header, first next header, proto, offset of the transport header (0 for none), anomalies
CHAINS = [
    ("none", UDP, 17, 17, 40, []),
    ("hop-by-hop", b"\x11\0\1\4\0\0\0\0" + UDP, 0, 17, 48, []),
    ("routing-long", b"\x11\2\4\0" + bytes(20) + UDP, 43, 17, 64, []),
    ("destination-twice", b"\x3c\0\1\4\0\0\0\0\x11\0\1\4\0\0\0\0" + UDP, 60, 17, 56, []),
    ("authentication", b"\x11\4" + bytes(22) + UDP, 51, 17, 64, []),
    ("esp-is-a-protocol", bytes(20), 50, 50, 40, []),
    ("mobility-is-a-protocol", bytes(20), 135, 135, 40, []),
    ("no-next-header", bytes(8), 59, 59, 0, []),
    ("no-next-header-behind", b"\x3b\0\1\4\0\0\0\0", 60, 59, 0, []),
    ("atomic-fragment", b"\x11\0\0\0\0\0\0\7" + UDP, 44, 17, 48, []),
    ("first-fragment", b"\x11\0\0\1\0\0\0\7" + UDP, 44, 17, 48, ["fragment"]),
    ("later-fragment", b"\x11\0\0\x09\0\0\0\7" + UDP, 44, 17, 0, ["fragment"]),
    ("header-cut", b"\x11\0\1\4", 60, 60, 0, ["ip6-ext-bad"]),
    ("header-too-long", b"\x11\x09\1\4\0\0\0\0" + UDP, 60, 17, 0, ["ip6-ext-bad"]),
    ("first-fragment-cut", b"\x3c\0\0\1\0\0\0\7\x11\0", 44, 60, 0, ["ip6-ext-bad", "fragment", "fragment-tiny"]),
]


@pytest.mark.parametrize(
    ("chain", "first", "proto", "l4_off", "anomalies"), [each[1:] for each in CHAINS], ids=[each[0] for each in CHAINS]
)
def test_ipv6_extension_headers(chain, first, proto, l4_off, anomalies):
    """Followed as Linux's conntrack follows them."""
    row = decode_one(ip6(chain, first), linktype=RAW, checksum="ignore")
    assert (row.l3, row.proto, row.l4_off) == (6, proto, l4_off)
    assert [name for name in row.anomalies if name != "l4-checksum"] == anomalies


def test_ipv6_fragment_fields():
    """Identification and offset come from the fragment header."""
    row = decode_one(ip6(b"\x11\0\0\x09\0\1\0\7" + UDP, 44), linktype=RAW)
    assert (row.ip_id, row.frag, row.l4_len, row.payload_len) == (0x10007, 0x8001, 13, 13)
    row = decode_one(ip6(b"\x11\0\0\0\0\0\0\7" + UDP, 44), linktype=RAW)
    assert (row.frag, row.payload_len, row.anomalies) == (0x4000, 5, ["l4-checksum"])


def test_ipv6_chain_cut_by_snaplen():
    """Told from a chain that the packet itself cuts off."""
    frame = ip6(b"\x11\2" + bytes(22) + UDP, 60)
    row = decode_one(frame[:50], linktype=RAW, origlen=len(frame))
    assert (row.proto, row.l4_off, row.anomalies) == (17, 0, ["ip-truncated"])


def test_ipv6_chain_limit():
    """A packet of nothing but extension headers."""
    frame = ip6(b"\x3c\0\1\4\0\0\0\0" * (MAX_EXTENSION_HEADERS + 1), 60)
    assert decode_one(frame, linktype=RAW).anomalies == ["ip6-ext-limit"]


def test_ipv6_length_zero():
    """Left to offload: the frame's length. With nothing behind the header: 40."""
    row = decode_one(ip6(UDP, 17, length=0), linktype=RAW, checksum="ignore")
    assert (row.ip_len, row.payload_len) == (53, 5)
    assert "ip-len-zero" in row.anomalies
    assert decode_one(ip6(bytes(10), 59, length=0), linktype=RAW).ip_len == 40


def test_ipv6_jumbogram():
    """The hop-by-hop option has the length."""
    chain = b"\x11\0\xc2\4" + (70_000).to_bytes(4, "big") + UDP
    frame = ip6(chain, 0, length=0)
    row = decode_one(frame, linktype=RAW, origlen=70_040)
    assert (row.ip_len, row.l4_len, row.proto) == (70_040, 69_992, 17)


def test_caplen_over_origlen():
    """A file that says less was on the wire than it holds is not believed."""
    row = decode_one(GOOD, linktype=RAW, origlen=10)
    assert (row.ip_len, row.end_off, row.anomalies) == (33, 33, [])


def test_frame_beyond_the_buffer():
    """A batch whose columns lie is read no further than its bytes."""
    batch = PacketBatch()
    fill(batch, [GOOD], linktype=RAW)
    batch.arrays["offset"][0] = len(batch.buffer) - 10
    Decoder(batch).decode()
    assert named(batch, 0).l3 == 0


def test_scratch_row_of_a_reassembled_datagram():
    """One row by its number, the anomalies that stood there kept."""
    batch = PacketBatch()
    fill(batch, [b"\xee" * 40, GOOD], linktype=RAW)
    soil(batch)
    last = consts.BATCH_FRAMES
    for name in ("offset", "caplen", "origlen", "linktype"):
        batch.arrays[name][last] = batch.arrays[name][1]
    batch.arrays["anomalies"][last] = 1 << consts.ANOM_FRAGMENT_OVERLAP
    Decoder(batch).decode_row(last)
    row = named(batch, last)
    assert (row.sport, row.dport, row.anomalies) == (5000, 53, ["fragment-overlap"])
