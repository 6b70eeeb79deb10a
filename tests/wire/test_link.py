"""Link layers: from a frame's first byte to its IP header."""

from __future__ import annotations

import pytest
from wire_rows import decode_one

IP4 = bytes.fromhex("45000014000000004011b6e5c0000201c6336401")
IP6 = bytes.fromhex("60000000 0000 3b40") + bytes(15) + b"\1" + bytes(15) + b"\2"
MACS = bytes(range(12))

#: id, linktype, bytes before the IP header, ethertype, VLAN
HEADERS = [
    ("ethernet", 1, MACS + b"\x08\x00", 0x0800, 0xFFFF),
    ("vlan", 1, MACS + bytes.fromhex("8100 a064 0800"), 0x0800, 100),
    ("priority-tag", 1, MACS + bytes.fromhex("8100 e000 0800"), 0x0800, 0),
    ("qinq", 1, MACS + bytes.fromhex("88a8 0007 8100 0064 0800"), 0x0800, 7),
    ("three-tags", 1, MACS + bytes.fromhex("9100 0007 9200 0008 8100 0009 0800"), 0x0800, 7),
    ("sll", 113, bytes.fromhex("0000 0001 0006 000102030405 0000 0800"), 0x0800, 0xFFFF),
    ("sll-vlan", 113, bytes.fromhex("0000 0001 0006 000102030405 0000 8100 0005 0800"), 0x0800, 5),
    ("sll2", 276, bytes.fromhex("0800 0000 00000002 0001 00 06 0001020304050000"), 0x0800, 0xFFFF),
    ("null-little", 0, bytes.fromhex("02000000"), 0, 0xFFFF),
    ("null-big", 0, bytes.fromhex("00000002"), 0, 0xFFFF),
    ("loop", 108, bytes.fromhex("00000002"), 0, 0xFFFF),
    ("raw", 101, b"", 0, 0xFFFF),
    ("raw-bsd", 12, b"", 0, 0xFFFF),
    ("raw-openbsd", 14, b"", 0, 0xFFFF),
    ("ipv4", 228, b"", 0, 0xFFFF),
]


@pytest.mark.parametrize(("linktype", "header", "ethertype", "vlan"), [each[1:] for each in HEADERS], ids=[each[0] for each in HEADERS])
def test_header_leads_to_ipv4(linktype, header, ethertype, vlan):
    """The IP header is found behind each kind of link layer header."""
    row = decode_one(header + IP4, linktype=linktype)
    assert (row.l3, row.l3_off, row.ethertype, row.vlan) == (4, len(header), ethertype, vlan)
    assert row.src_lo == 0xC0000201


@pytest.mark.parametrize(("linktype", "header", "ethertype", "vlan"), [each[1:] for each in HEADERS], ids=[each[0] for each in HEADERS])
def test_header_cut_off(linktype, header, ethertype, vlan):
    """A frame that ends anywhere within the link layer holds no IP, and says so."""
    for size in range(len(header)):
        row = decode_one(header[:size], linktype=linktype)
        assert row.l3 == 0
        assert row.anomalies == ["link-truncated"], size


@pytest.mark.parametrize("family", [24, 28, 30, 10])
def test_null_ipv6(family):
    """Each system has its own number for IPv6, in its own byte order."""
    assert decode_one(family.to_bytes(4, "little") + IP6, linktype=0).l3 == 6
    assert decode_one(family.to_bytes(4, "big") + IP6, linktype=0).l3 == 6
    assert decode_one(family.to_bytes(4, "big") + IP6, linktype=108).l3 == 6


def test_raw_tells_the_version():
    """Without a link layer the first four bits say."""
    assert decode_one(IP6, linktype=101).l3 == 6
    assert decode_one(b"\x50" + IP6[1:], linktype=101).anomalies == ["ip-version"]


def test_other_ethertypes_are_no_anomaly():
    """ARP is counted, and is not IP."""
    row = decode_one(MACS + b"\x08\x06" + bytes(28))
    assert (row.l3, row.ethertype, row.anomalies) == (0, 0x0806, [])


def test_unknown_linktype():
    """A link layer that is not decoded."""
    assert decode_one(bytes(60), linktype=147).anomalies == ["unknown-linktype"]
    assert decode_one(bytes(60), linktype=60000).anomalies == ["unknown-linktype"]


def test_layer_limit():
    """A frame of nothing but tags ends at the limit."""
    assert decode_one(MACS + bytes.fromhex("81000001") * 40).anomalies == ["layer-limit"]
