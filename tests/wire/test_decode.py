"""Frames to columns: the loop, IPv4 and IPv6."""

from __future__ import annotations

import dpkt
from wire_rows import RAW, decode_one


def test_ethernet_padding_is_cut_off():
    """``end_off`` is the packet's end, not the frame's."""
    ip = bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=17, data=dpkt.udp.UDP(sport=1, dport=2, ulen=13, data=b"hello")))
    row = decode_one(bytes(12) + b"\x08\0" + ip + bytes(13))
    assert (row.ip_len, row.l4_len, row.payload_len) == (33, 13, 5)
    assert (row.l3_off, row.l4_off, row.payload_off, row.end_off) == (14, 34, 42, 47)
    assert row.anomalies == []


def test_empty_frame():
    """No bytes: no IP, and a name for it."""
    assert decode_one(b"", linktype=RAW).anomalies == ["link-truncated"]
