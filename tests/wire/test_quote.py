"""The packet that an ICMP error quotes."""

from __future__ import annotations

import dpkt
import pytest
from wire_rows import RAW, fill

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.wire.decode import Decoder
from pcapaudit.wire.quote import Quote, read_quote

NONE, SHORT = consts.REASON_NONE, consts.REASON_ICMP_QUOTE_SHORT
UNKNOWN, TRUNCATED = consts.REASON_ICMP_QUOTE_UNKNOWN, consts.REASON_TRUNCATED
PORTS = bytes.fromhex("1388 0035")


def quoted(frame, origlen=None):
    """Decode an error; the result of ``read_quote`` and the quote, which held another one before."""
    batch = PacketBatch()
    fill(batch, [b"\xee" * 33, frame], linktype=RAW, origlens=[33, origlen or len(frame)])
    Decoder(batch).decode()
    quote = Quote()
    for name in ("proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "icmp_type", "icmp_code", "frag", "seq"):
        setattr(quote, name, 99)
    quote.has_ports = quote.has_seq = True
    return read_quote(batch, 1, quote), quote


def error(quote, kind=3, code=3):
    """An ICMP error from 203.0.113.9 to 192.0.2.1."""
    icmp = bytes([kind, code, 0, 0, 0, 0, 0, 0]) + quote
    return bytes(dpkt.ip.IP(src=b"\xcb\0\x71\x09", dst=b"\xc0\0\2\1", p=1, data=icmp))


def error6(quote, kind=1):
    """An ICMPv6 error."""
    icmp = bytes([kind, 4, 0, 0, 0, 0, 0, 0]) + quote
    return b"\x60\0\0\0" + len(icmp).to_bytes(2, "big") + b"\x3a\x40" + bytes(15) + b"\x09" + bytes(15) + b"\1" + icmp


def inner(proto, transport, **fields):
    """A quoted IPv4 packet from 192.0.2.1 to 198.51.100.1."""
    return bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=proto, data=transport, **fields))


def inner6(first, chain):
    """A quoted IPv6 packet."""
    return b"\x60\0\0\0\0\x40" + bytes([first, 64]) + bytes(15) + b"\1" + bytes(15) + b"\2" + chain


def test_udp_port_unreachable():
    """Addresses and ports as the quoted packet has them."""
    code, quote = quoted(error(inner(17, PORTS + bytes(4))))
    assert code == NONE
    assert (quote.l3, quote.proto, quote.src_lo, quote.dst_lo) == (4, 17, 0xC0000201, 0xC6336401)
    assert (quote.sport, quote.dport, quote.has_ports, quote.has_seq) == (5000, 53, True, False)
    assert (quote.icmp_type, quote.icmp_code, quote.frag, quote.seq, quote.src_hi) == (0, 0, 0, 0, 0)


#: id, proto, transport bytes, result, ports
QUOTES = [
    ("tcp-four-bytes", 6, PORTS, NONE, (5000, 53)),
    ("tcp-three-bytes", 6, PORTS[:3], SHORT, (0, 0)),
    ("sctp", 132, PORTS, NONE, (5000, 53)),
    ("dccp", 33, PORTS, NONE, (5000, 53)),
    ("udplite", 136, PORTS, NONE, (5000, 53)),
    ("esp-needs-nothing", 50, b"", NONE, (0, 0)),
    ("echo", 1, bytes.fromhex("0800 0000 1234 0001"), NONE, (0x1234, 0)),
    ("echo-seven-bytes", 1, bytes.fromhex("0800 0000 1234 00"), SHORT, (0, 0)),
    ("error-about-an-error", 1, bytes.fromhex("0303 0000 0000 0000"), UNKNOWN, (0, 0)),
    ("gre", 47, bytes.fromhex("0000 0800"), NONE, (0, 0)),
    ("gre-nothing", 47, b"", NONE, (0, 0)),
    ("pptp", 47, bytes.fromhex("3001 880b 0010 beef"), NONE, (0, 0xBEEF)),
    ("gre-version-1-other", 47, bytes.fromhex("2001 0800 0010 beef"), UNKNOWN, (0, 0)),
]


@pytest.mark.parametrize(("proto", "transport", "result", "ports"), [each[1:] for each in QUOTES], ids=[each[0] for each in QUOTES])
def test_transport(proto, transport, result, ports):
    """What Linux needs of each protocol."""
    code, quote = quoted(error(inner(proto, transport)))
    assert (code, quote.proto, (quote.sport, quote.dport)) == (result, proto, ports)


def test_tcp_sequence_number():
    """Four bytes more than the ports."""
    code, quote = quoted(error(inner(6, PORTS + b"\xde\xad\xbe\xef")))
    assert (code, quote.seq, quote.has_seq) == (NONE, 0xDEADBEEF, True)


def test_later_fragment_is_unknown():
    """It has no ports; addresses are there all the same."""
    code, quote = quoted(error(inner(17, PORTS + bytes(4), offset=10)))
    assert (code, quote.frag, quote.src_lo, quote.has_ports) == (UNKNOWN, 10, 0xC0000201, False)


def test_quote_is_shorter_than_an_ip_header():
    """The packet has no more."""
    assert quoted(error(inner(17, PORTS)[:19]))[0] == SHORT
    assert quoted(error6(inner6(17, b"")[:39]))[0] == SHORT


def test_capture_ends_within_the_quote():
    """The same bytes, but the packet on the wire had more."""
    whole = error(inner(17, PORTS + bytes(4)))
    assert quoted(whole[:47], len(whole))[0] == TRUNCATED
    assert quoted(whole[:50], len(whole))[0] == TRUNCATED
    assert quoted(whole[:52], len(whole))[0] == NONE


def test_quoted_header_length_beyond_the_packet():
    """As Linux: too short."""
    data = bytearray(inner(17, PORTS))
    data[0] = 0x4F
    assert quoted(error(bytes(data)))[0] == SHORT


#: id, first next header, chain, result, proto
CHAINS = [
    ("udp", 17, PORTS, NONE, 17),
    ("destination-options", 60, b"\x11\0\1\4\0\0\0\0" + PORTS, NONE, 17),
    ("authentication", 51, b"\x06\1" + bytes(10) + PORTS, NONE, 6),
    ("first-fragment", 44, b"\x11\0\0\1\0\0\0\7" + PORTS, NONE, 17),
    ("later-fragment", 44, b"\x11\0\0\x09\0\0\0\7" + PORTS, UNKNOWN, 17),
    ("no-next-header", 59, b"", SHORT, 59),
    ("chain-cut", 60, b"\x11", SHORT, 60),
    ("echo", 58, bytes.fromhex("8000 0000 1234 0001"), NONE, 58),
    ("neighbour", 58, bytes.fromhex("8700 0000 0000 0000"), UNKNOWN, 58),
]


@pytest.mark.parametrize(("first", "chain", "result", "proto"), [each[1:] for each in CHAINS], ids=[each[0] for each in CHAINS])
def test_ipv6(first, chain, result, proto):
    """Extension headers are skipped."""
    code, quote = quoted(error6(inner6(first, chain)))
    assert (code, quote.l3, quote.proto, quote.src_lo, quote.dst_lo) == (result, 6, proto, 1, 2)
    assert (quote.sport == 5000) is (result == NONE and proto != 58)


def test_icmpv6_redirect():
    """The quoted packet stands in an option behind target and destination."""
    redirect = bytes(32) + b"\4\x08" + bytes(6) + inner6(17, PORTS)
    code, quote = quoted(error6(redirect, kind=137))
    assert (code, quote.sport, quote.dst_lo) == (NONE, 5000, 2)


def test_row_without_transport_header():
    """A later fragment, or no IP at all, quotes nothing."""
    assert quoted(inner(1, bytes(40), offset=3))[0] == SHORT
    assert quoted(b"\x10")[0] == SHORT
