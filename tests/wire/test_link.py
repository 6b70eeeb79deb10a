"""Link layers: from a frame's first byte to its IP header."""

from __future__ import annotations

import pytest
from wire_rows import decode, decode_one

from pcapaudit.core import consts

IP4 = bytes.fromhex("45000014000000004011b6e5c0000201c6336401")
IP6 = bytes.fromhex("60000000 0000 3b40") + bytes(15) + b"\1" + bytes(15) + b"\2"
MACS = bytes(range(12))
LLC = bytes.fromhex("aaaa03 000000 0800")

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
    ("null-ethertype", 0, bytes.fromhex("0f000800"), 0x0800, 0xFFFF),
    ("loop", 108, bytes.fromhex("00000002"), 0, 0xFFFF),
    ("raw", 101, b"", 0, 0xFFFF),
    ("raw-bsd", 12, b"", 0, 0xFFFF),
    ("raw-openbsd", 14, b"", 0, 0xFFFF),
    ("ipv4", 228, b"", 0, 0xFFFF),
    ("llc-snap", 1, MACS + bytes.fromhex("001c aaaa03 000000 0800"), 0x0800, 0xFFFF),
    ("llc-snap-bridge", 1, MACS + bytes.fromhex("001c aaaa03 0000f8 0800"), 0x0800, 0xFFFF),
    ("llc-ip", 1, MACS + bytes.fromhex("001c 060603"), 0, 0xFFFF),
    ("llc-nlpid", 1, MACS + bytes.fromhex("001c fefe03 cc"), 0, 0xFFFF),
    ("mpls", 1, MACS + bytes.fromhex("8847 0001 00ff 0002 01ff"), 0x8847, 0xFFFF),
    ("mpls-linktype", 219, bytes.fromhex("000201ff"), 0, 0xFFFF),
    ("vlan-mpls", 1, MACS + bytes.fromhex("8100 0005 8847 000201ff"), 0x8847, 5),
    ("pppoe", 1, MACS + bytes.fromhex("8864 1100 0001 0016 0021"), 0x8864, 0xFFFF),
    ("pppoe-linktype", 51, bytes.fromhex("1100 0001 0016 0021"), 0, 0xFFFF),
    ("ppp", 9, bytes.fromhex("0021"), 0, 0xFFFF),
    ("ppp-short-protocol", 9, bytes.fromhex("21"), 0, 0xFFFF),
    ("ppp-hdlc", 50, bytes.fromhex("ff03 0021"), 0, 0xFFFF),
    ("ppp-cisco", 50, bytes.fromhex("0f00 0800"), 0x0800, 0xFFFF),
    ("ppp-mpls", 9, bytes.fromhex("ff03 0281 000201ff"), 0, 0xFFFF),
    ("ppp-pppd", 166, bytes.fromhex("01 ff03 0021"), 0, 0xFFFF),
    ("ppp-direction", 204, bytes.fromhex("00 ff03 0021"), 0, 0xFFFF),
    ("cisco-hdlc", 104, bytes.fromhex("0f00 0800"), 0x0800, 0xFFFF),
    ("cisco-hdlc-direction", 205, bytes.fromhex("01 0f00 0800"), 0x0800, 0xFFFF),
    ("80211", 105, bytes.fromhex("0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("80211-four-addresses", 105, bytes.fromhex("0803 0000") + bytes(26) + LLC, 0x0800, 0xFFFF),
    ("80211-qos", 105, bytes.fromhex("8801 0000") + bytes(22) + LLC, 0x0800, 0xFFFF),
    ("80211-qos-ht", 105, bytes.fromhex("8881 0000") + bytes(26) + LLC, 0x0800, 0xFFFF),
    ("80211-aggregated", 105, bytes.fromhex("8801 0000") + bytes(20) + b"\x80\0" + bytes(14) + LLC, 0x0800, 0xFFFF),
    ("radiotap", 127, bytes.fromhex("0000 0a00 00000000 0000 0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("radiotap-padded", 127, bytes.fromhex("0000 0900 02000000 20 8801 0000") + bytes(24) + LLC, 0x0800, 0xFFFF),
    (
        "radiotap-time",
        127,
        bytes.fromhex("0000 1100 03000000") + bytes(8) + bytes.fromhex("20 8801 0000") + bytes(24) + LLC,
        0x0800,
        0xFFFF,
    ),
    ("prism", 119, bytes.fromhex("00000044 90000000") + bytes(136) + bytes.fromhex("0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("prism-avs", 119, bytes.fromhex("80211001 00000040") + bytes(56) + bytes.fromhex("0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("avs", 163, bytes.fromhex("80211001 00000040") + bytes(56) + bytes.fromhex("0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("token-ring", 6, bytes.fromhex("1040") + bytes(12) + LLC, 0x0800, 0xFFFF),
    ("token-ring-route", 6, bytes.fromhex("1040") + bytes(6) + b"\x80" + bytes(5) + bytes.fromhex("0610 0011 0012") + LLC, 0x0800, 0xFFFF),
    ("fddi", 10, b"\x50" + bytes(12) + LLC, 0x0800, 0xFFFF),
    ("arcnet", 7, bytes.fromhex("0102 d4 00 0001"), 0, 0xFFFF),
    ("arcnet-exception", 7, bytes.fromhex("0102 d4 ff ffff 00000000"), 0, 0xFFFF),
    ("arcnet-old", 7, bytes.fromhex("0102 f0"), 0, 0xFFFF),
    ("arcnet-linux", 129, bytes.fromhex("0102 0000 d4 00 0001"), 0, 0xFFFF),
    ("frame-relay", 107, bytes.fromhex("1841 03 cc"), 0, 0xFFFF),
    ("frame-relay-padded", 107, bytes.fromhex("1841 03 00 cc"), 0, 0xFFFF),
    ("frame-relay-snap", 107, bytes.fromhex("1841 03 00 80 000000 0800"), 0x0800, 0xFFFF),
    ("frame-relay-cisco", 107, bytes.fromhex("1841 0800"), 0x0800, 0xFFFF),
    ("frame-relay-long", 107, bytes.fromhex("18401441 0800"), 0x0800, 0xFFFF),
    ("frame-relay-direction", 206, bytes.fromhex("00 1841 0800"), 0x0800, 0xFFFF),
    ("nflog-little", 239, bytes.fromhex("02 00 0000 0800 0100 08000101 0500 0a00 31000000 1800 0900"), 0, 0xFFFF),
    ("nflog-big", 239, bytes.fromhex("02 00 0000 0008 0001 08000101 0018 0009"), 0, 0xFFFF),
    ("pflog", 117, bytes.fromhex("3d 02") + bytes(62), 0, 0xFFFF),
    ("ipnet", 226, bytes.fromhex("01 02") + bytes(22), 0, 0xFFFF),
    ("ipoib", 242, bytes(40) + bytes.fromhex("0800 0000"), 0x0800, 0xFFFF),
    ("firewire", 138, bytes(16) + bytes.fromhex("0800"), 0x0800, 0xFFFF),
    ("fibre-channel", 122, bytes(16) + LLC, 0x0800, 0xFFFF),
    ("enc", 109, bytes(12), 0, 0xFFFF),
    ("ppi", 192, bytes.fromhex("0000 0c00 69000000 00000000 0801 0000") + bytes(20) + LLC, 0x0800, 0xFFFF),
    ("netanalyzer", 240, bytes(4) + MACS + b"\x08\x00", 0x0800, 0xFFFF),
    ("netanalyzer-preamble", 241, bytes(12) + MACS + b"\x08\x00", 0x0800, 0xFFFF),
    ("mpacket", 274, bytes(8) + MACS + b"\x08\x00", 0x0800, 0xFFFF),
    ("sll-llc", 113, bytes.fromhex("0000 0001 0006 000102030405 0000 0004") + LLC, 0x0800, 0xFFFF),
    ("slip", 8, b"", 0, 0xFFFF),
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


#: id, linktype, frame, anomalies: no IP in them.
OTHERS = [
    ("spanning-tree", 1, MACS + bytes.fromhex("0026 424203") + bytes(35), []),
    ("novell", 1, MACS + bytes.fromhex("0026 ffff00") + bytes(35), []),
    ("snap-cisco", 1, MACS + bytes.fromhex("0026 aaaa03 00000c 2000") + bytes(35), []),
    ("pseudowire", 1, MACS + bytes.fromhex("8847 000201ff 00000000") + bytes(20), []),
    ("pppoe-discovery-code", 1, MACS + bytes.fromhex("8864 1109 0000 0000") + bytes(20), []),
    ("pppoe-version", 1, MACS + bytes.fromhex("8864 2100 0000 0000") + bytes(20), ["link-malformed"]),
    ("ppp-lcp", 9, bytes.fromhex("ff03 c021 01010004"), []),
    ("80211-beacon", 105, bytes.fromhex("8000 0000") + bytes(40), []),
    ("80211-null", 105, bytes.fromhex("4801 0000") + bytes(40), []),
    ("80211-encrypted", 105, bytes.fromhex("0841 0000") + bytes(40), []),
    ("radiotap-length", 127, bytes.fromhex("0000 0400 00000000") + bytes(40), ["link-malformed"]),
    ("token-ring-mac", 6, bytes.fromhex("1000") + bytes(40), []),
    ("fddi-smt", 10, b"\x41" + bytes(40), []),
    ("frame-relay-lmi", 107, bytes.fromhex("0001 03 08 00 75"), []),
    ("frame-relay-address", 107, bytes.fromhex("000000000000"), ["link-malformed"]),
    ("nflog-length", 239, bytes.fromhex("02 00 0000 0200 0100 0000"), ["link-malformed"]),
    ("nflog-without-packet", 239, bytes.fromhex("02 00 0000 0800 0100 08000101"), ["link-truncated"]),
    ("pflog-length", 117, bytes(64), ["link-malformed"]),
    ("ppi-unknown", 192, bytes.fromhex("0000 0800 ffff0000") + bytes(20), ["unknown-linktype"]),
    ("netlink", 113, bytes.fromhex("0004 0338 0000 0000000000000000 0000") + bytes(20), []),
    ("usb", 220, bytes(64), ["unknown-linktype"]),
]


@pytest.mark.parametrize(("linktype", "frame", "anomalies"), [each[1:] for each in OTHERS], ids=[each[0] for each in OTHERS])
def test_frame_without_ip(linktype, frame, anomalies):
    """What holds no IP packet is counted; only what contradicts itself has a name."""
    row = decode_one(frame, linktype=linktype)
    assert (row.l3, row.anomalies) == (0, anomalies)


@pytest.mark.parametrize(
    ("linktype", "header"),
    [(113, lambda kind: bytes([0, kind]) + bytes(12) + b"\x08\x00"), (276, lambda kind: b"\x08\x00" + bytes(8) + bytes([kind]) + bytes(9))],
)
def test_cooked_header_tells_the_way(linktype, header):
    """For this host, for all, for a group; for another host; from here."""
    flags = decode([header(kind) + bytes(20) for kind in range(5)], linktype=linktype).arrays["frame_flags"][:5].tolist()
    assert flags == [consts.FRAME_INBOUND] * 3 + [0, consts.FRAME_OUTBOUND]
