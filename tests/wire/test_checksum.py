"""Checksums: the modes, what an unfinished one looks like, CRC32c."""

from __future__ import annotations

from types import SimpleNamespace

import dpkt
import pytest
from wire_rows import RAW, decode_one

from pcapaudit.core import consts
from pcapaudit.wire.checksum import Summer, fold

UNCHECKED, GOOD, BAD = consts.CSUM_UNCHECKED, consts.CSUM_GOOD, consts.CSUM_BAD
OFFLOADED, ABSENT = consts.CSUM_OFFLOADED, consts.CSUM_ABSENT


def ip_packet(proto, payload):
    """An IPv4 packet from 192.0.2.1 to 198.51.100.1, the transport checksum as given."""
    head = bytearray(
        b"\x45\0" + (20 + len(payload)).to_bytes(2, "big") + bytes([0, 0, 0, 0, 64, proto, 0, 0]) + b"\xc0\0\2\1\xc6\x33\x64\1"
    )
    head[10:12] = dpkt.in_cksum(bytes(head)).to_bytes(2, "big")
    return bytes(head) + payload


def pseudo(proto, size):
    """The folded sum of such a packet's pseudo-header."""
    return fold(0xC000 + 0x0201 + 0xC633 + 0x6401 + proto + size)


def summed(payload, proto, at):
    """A payload with its checksum filled in at ``at``, by dpkt."""
    head = b"\xc0\0\2\1\xc6\x33\x64\1\0" + bytes([proto]) + len(payload).to_bytes(2, "big") if proto in (6, 17, 136) else b""
    data = bytearray(payload)
    data[at : at + 2] = b"\0\0"
    data[at : at + 2] = dpkt.in_cksum(head + bytes(data)).to_bytes(2, "big")
    return bytes(data)


TCP = bytes(dpkt.tcp.TCP(sport=1, dport=2, seq=3, ack=4, flags=16, win=5, data=b"odd number of bytes!"[:19]))
UDP = bytes(dpkt.udp.UDP(sport=1, dport=2, ulen=13, data=b"hello"))
ICMP = b"\x08\0\0\0\1\2\3\4hello"
PAYLOADS = [("tcp", 6, TCP, 16), ("udp", 17, UDP, 6), ("icmp", 1, ICMP, 2), ("udplite", 136, UDP, 6)]
EACH = pytest.mark.parametrize(("proto", "payload", "at"), [each[1:] for each in PAYLOADS], ids=[each[0] for each in PAYLOADS])


def test_unknown_mode():
    """The message says what is allowed."""
    with pytest.raises(ValueError, match="expected auto, verify, ignore"):
        Summer("maybe")


@EACH
def test_good_and_bad(proto, payload, at):
    """One wrong bit shows; without its mode nothing is summed."""
    good = ip_packet(proto, summed(payload, proto, at))
    assert decode_one(good, linktype=RAW).l4_csum == GOOD
    assert decode_one(good, linktype=RAW, checksum="ignore").l4_csum == UNCHECKED
    bad = good[:-1] + bytes([good[-1] ^ 4])
    row = decode_one(bad, linktype=RAW)
    assert (row.l4_csum, row.anomalies) == (BAD, ["l4-checksum"])


@pytest.mark.parametrize("size", range(20, 60))
def test_every_length(size):
    """Eight bytes a step, and what is left over."""
    payload = (TCP[:20] + bytes(range(7, 47)))[:size]
    assert decode_one(ip_packet(6, summed(payload, 6, 16)), linktype=RAW).l4_csum == GOOD


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(("proto", "payload", "at"), [(6, TCP, 16), (17, UDP, 6)], ids=["tcp", "udp"])
def test_offloaded(proto, payload, at, counted):
    """The folded pseudo-header sum, with the length or without; in mode verify it is just wrong."""
    data = bytearray(payload)
    data[at : at + 2] = pseudo(proto, len(payload) if counted else 0).to_bytes(2, "big")
    row = decode_one(ip_packet(proto, bytes(data)), linktype=RAW)
    assert (row.l4_csum, row.anomalies) == (OFFLOADED, ["l4-checksum-offloaded"])
    assert decode_one(ip_packet(proto, bytes(data)), linktype=RAW, checksum="verify").l4_csum == BAD


def test_frame_flags_are_believed_in_auto():
    """The capture file knows what the card did."""
    bad = ip_packet(6, TCP[:-1])
    assert decode_one(bad, linktype=RAW, frame_flags=consts.FRAME_CSUM_VALID).l4_csum == GOOD
    assert decode_one(bad, linktype=RAW, frame_flags=consts.FRAME_CSUM_NOT_READY).l4_csum == OFFLOADED
    assert decode_one(bad, linktype=RAW, frame_flags=consts.FRAME_CSUM_VALID, checksum="verify").l4_csum == BAD


def test_part_of_a_datagram_is_not_checked():
    """Cut by the snap length, or a fragment."""
    good = ip_packet(6, summed(TCP, 6, 16))
    assert decode_one(good[:-1], linktype=RAW, origlen=len(good)).l4_csum == UNCHECKED
    first = bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=17, mf=1, data=UDP[:6] + b"\1\1" + UDP[8:]))
    assert decode_one(first, linktype=RAW).l4_csum == UNCHECKED


def test_udp_without_checksum():
    """Allowed over IPv4; over IPv6 conntrack lets it pass too, but it has a name."""
    row = decode_one(ip_packet(17, UDP), linktype=RAW)
    assert (row.l4_csum, row.anomalies) == (ABSENT, [])
    six = b"\x60\0\0\0\0\x0d\x11\x40" + bytes(15) + b"\1" + bytes(15) + b"\2" + UDP
    row = decode_one(six, linktype=RAW)
    assert (row.l4_csum, row.anomalies) == (ABSENT, ["l4-checksum"])


def test_udplite_covers_a_part():
    """Bytes beyond the coverage may change, or be missing from the capture."""
    data = bytearray(UDP[:4] + b"\0\x08" + UDP[6:])
    head = b"\xc0\0\2\1\xc6\x33\x64\1\0\x88\0\x0d"
    data[6:8] = dpkt.in_cksum(head + bytes(data[:6]) + b"\0\0").to_bytes(2, "big")
    frame = ip_packet(136, bytes(data))
    assert decode_one(frame, linktype=RAW).l4_csum == GOOD
    assert decode_one(frame[:-2] + b"??", linktype=RAW).l4_csum == GOOD
    assert decode_one(frame[:-2], linktype=RAW, origlen=len(frame)).l4_csum == GOOD


def test_sctp():
    """CRC32c; a field of zero is left to the card."""
    header = bytes.fromhex("1388 1389 00000001 00000000 0a000008 01020304")
    state = SimpleNamespace(crc=0xFFFFFFFF)
    for byte in header:
        state.crc ^= byte
        for _ in range(8):
            state.crc = state.crc >> 1 ^ (0x82F63B78 if state.crc & 1 else 0)
    good = header[:8] + (state.crc ^ 0xFFFFFFFF).to_bytes(4, "little") + header[12:]
    assert decode_one(ip_packet(132, good), linktype=RAW).l4_csum == GOOD
    assert decode_one(ip_packet(132, header), linktype=RAW).l4_csum == OFFLOADED
    assert decode_one(ip_packet(132, header), linktype=RAW, checksum="verify").l4_csum == BAD
    assert decode_one(ip_packet(132, good[:-1] + b"\x05"), linktype=RAW).l4_csum == BAD


def test_ip_header():
    """Checked in every mode, with options too; a field of zero is left to the card in mode auto."""
    good = ip_packet(6, b"")
    assert decode_one(good, linktype=RAW, checksum="ignore").ip_csum == GOOD
    row = decode_one(good[:8] + b"\x01" + good[9:], linktype=RAW, checksum="ignore")
    assert (row.ip_csum, "ip-checksum" in row.anomalies) == (BAD, True)
    zero = good[:10] + b"\0\0" + good[12:]
    assert decode_one(zero, linktype=RAW).ip_csum == OFFLOADED
    assert decode_one(zero, linktype=RAW, checksum="verify").ip_csum == BAD
    options = bytes(dpkt.ip.IP(src=b"\xc0\0\2\1", dst=b"\xc6\x33\x64\1", p=1, hl=6, opts=b"\x94\4\0\0", data=ICMP))
    assert decode_one(options, linktype=RAW).ip_csum == GOOD
