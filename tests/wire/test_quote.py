"""The packet that an ICMP error quotes."""

from __future__ import annotations

import dpkt
from wire_rows import RAW, fill

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.wire.decode import Decoder
from pcapaudit.wire.quote import Quote, read_quote


def quoted(frame, **options):
    """Decode an error; the result of ``read_quote`` and the quote."""
    batch = PacketBatch()
    fill(batch, [b"\xee" * 33, frame], linktype=RAW, **options)
    Decoder(batch).decode()
    quote = Quote()
    return read_quote(batch, 1, quote), quote


def error(quote, kind=3, code=3):
    """An ICMP error from 203.0.113.9 to 192.0.2.1."""
    icmp = bytes([kind, code, 0, 0, 0, 0, 0, 0]) + quote
    return bytes(dpkt.ip.IP(src=b"\xcb\0\x71\x09", dst=b"\xc0\0\2\1", p=1, data=icmp))


def test_udp_port_unreachable():
    """Eight bytes of transport are enough."""
    inner = bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=17, data=dpkt.udp.UDP(sport=5000, dport=53, data=b"x" * 40)))
    code, quote = quoted(error(inner[:28]))
    assert code == consts.REASON_NONE
    assert (quote.l3, quote.proto, quote.src_lo, quote.dst_lo) == (4, 17, 0xC0000201, 0xC6336401)
    assert (quote.sport, quote.dport, quote.has_ports) == (5000, 53, True)
