"""Transport headers to columns."""

from __future__ import annotations

import dpkt
from wire_rows import RAW, decode_one

from pcapaudit.core import consts


def packet(payload, proto):
    """An IPv4 packet."""
    return bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=proto, data=payload))


def test_tcp_fields():
    """Every field of a SYN-ACK."""
    options = bytes.fromhex("020405b4 0402 01 030307 080a0000000100000002")
    tcp = dpkt.tcp.TCP(sport=443, dport=50000, seq=0xFFFFFFF0, ack=77, flags=0x12, win=65160, opts=options)
    tcp.off = (20 + len(tcp.opts) + 3) // 4
    row = decode_one(packet(tcp, 6), linktype=RAW)
    assert (row.sport, row.dport, row.seq, row.ack, row.tcp_flags, row.win_raw) == (443, 50000, 0xFFFFFFF0, 77, 0x12, 65160)
    assert row.tcp_opts == consts.OPT_MSS | consts.OPT_SACK_PERM | consts.OPT_WSCALE | consts.OPT_TIMESTAMP
    assert (row.mss, row.wscale, row.sack_max) == (1460, 7, 77)
