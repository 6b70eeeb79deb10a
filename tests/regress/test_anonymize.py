"""Frames with their addresses replaced: everything else stays, and nothing of the addresses and payloads does."""

from __future__ import annotations

import functools
import struct
from ipaddress import ip_address

import numpy as np
import pytest
from checkout import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapaudit.capture.stream import open_stream
from pcapaudit.capture.write import Frame, PcapWriter
from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import CaptureError
from pcapaudit.regress.anonymize import LINK_ADDRESSES, Anonymizer
from pcapaudit.regress.prefix_map import MacMap, PrefixMap
from pcapaudit.wire.decode import Decoder

CAPTURES = sorted(path for path in (ROOT / "captures").iterdir() if path.suffix in (".pcap", ".pcapng"))
#: Columns that say what a packet is, but for its addresses.
_SAME = """
ts_ns caplen origlen linktype ethertype vlan l3 proto ip_len l4_len payload_len sport dport icmp_type icmp_code ttl tos ip_id frag
tcp_flags tcp_opts seq ack win_raw wscale mss sack_max ip_csum l4_csum anomalies
"""
SAME = tuple(_SAME.split())
KEY = b"k" * 16


def substitutes(path, **options):
    """(frames, substitutes, columns) of a capture."""
    maker = Anonymizer(PrefixMap(KEY), MacMap(KEY), **options)
    frames, made, columns = [], [], []
    with open_stream([str(path)]) as stream:
        batch = PacketBatch()
        decoder = Decoder(batch, "auto")
        while stream.read_into(batch):
            decoder.decode()
            for i in range(batch.count):
                start = int(batch.arrays["offset"][i])
                frames.append(bytes(batch.buffer[start : start + int(batch.arrays["caplen"][i])]))
                made.append(maker.frame(batch, i))
            columns.append({name: batch.arrays[name][: batch.count].copy() for name in (*SAME, "src_hi", "src_lo", "dst_hi", "dst_lo")})
    return frames, made, {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}


@functools.cache
def rewritten(path):
    """Columns of a capture, and of its substitutes written to rows again."""
    frames, made, columns = substitutes(path)
    batch = PacketBatch()
    decoder = Decoder(batch, "auto")
    again = []
    for number, frame in enumerate(made):
        batch.buffer[: len(frame.data)] = np.frombuffer(frame.data, np.uint8)
        batch.count = 1
        for name, value in (("offset", 0), ("caplen", len(frame.data)), ("origlen", frame.wire_len), ("ts_ns", frame.ts_ns)):
            batch.arrays[name][0] = value
        batch.arrays["linktype"][0] = columns["linktype"][number]
        batch.arrays["frame_flags"][0] = frame.flags
        batch.arrays["anomalies"][0] = 0
        decoder.decode()
        again.append({name: batch.arrays[name][0] for name in columns})
    return frames, made, columns, {name: np.array([each[name] for each in again]) for name in columns}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_all_but_addresses_stays(path):
    """Every column that the decoder fills, checksums' rightness among them."""
    _, _, before, after = rewritten(path)
    capture = np.uint64(1 << consts.ANOM_TIME_BACKWARDS)
    for name in SAME:
        one, other = before[name], after[name]
        if name == "anomalies":
            one, other = one & ~capture, other & ~capture
        differ = np.flatnonzero(one != other)
        assert len(differ) == 0, f"frame {differ[0] + 1}: {name} {one[differ[0]]} became {other[differ[0]]}"


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_no_address_is_left(path):
    """Neither in headers, nor in quotes, ARP or options; groups, and what everybody has, may stay."""
    frames, made, before, _ = rewritten(path)
    maker = PrefixMap(KEY)
    for number, frame in enumerate(made):
        for end in ("src", "dst"):
            bits = 32 if before["l3"][number] == 4 else 128
            address = int(before[f"{end}_hi"][number]) << 64 | int(before[f"{end}_lo"][number])
            if before["l3"][number] == 0 or maker.map(address, bits) == address:
                continue
            assert address.to_bytes(bits // 8, "big") not in frame.data, (
                f"frame {number + 1}: {ip_address(address.to_bytes(bits // 8, 'big'))}"
            )
        mac = frames[number][6:12] if before["linktype"][number] == 1 else b""
        if len(mac) == 6 and any(mac) and not mac[0] & 1:
            assert mac not in frame.data


def test_payloads_are_empty():
    """But for two bytes of each."""
    frames, made, before, _ = rewritten(ROOT / "captures" / "web.pcap")
    full = [n for n in range(len(frames)) if before["payload_len"][n] > 100]
    assert full
    for number in full:
        assert b"HTTP" not in made[number].data
        assert sum(map(bool, made[number].data[-int(before["payload_len"][number]) :])) <= 2


def test_payloads_stay_on_request():
    """Names and all."""
    _, made, _ = substitutes(ROOT / "captures" / "web.pcap", keep_payload=True)
    assert any(b"HTTP/1." in frame.data for frame in made)


def written(tmp_path, data, linktype):
    """A capture of one frame."""
    path = tmp_path / "one.pcap"
    with path.open("wb") as file:
        PcapWriter(file, linktype).write(Frame(10**18, data))
    return path


def test_unknown_link_type_is_refused(tmp_path):
    """Addresses may stand anywhere in it."""
    with pytest.raises(CaptureError, match="link type 105, in which addresses may stand anywhere"):
        substitutes(written(tmp_path, bytes(60), 105))


@pytest.mark.parametrize("linktype", sorted(LINK_ADDRESSES))
def test_short_frames_are_no_trouble(tmp_path, linktype):
    """Every length from nothing on."""
    for size in range(50):
        _, (frame,), _ = substitutes(written(tmp_path, bytes(range(1, size + 1)), linktype))
        assert len(frame.data) == size


ETHERNET = bytes(12)


@settings(max_examples=200)
@given(
    st.sampled_from([b"\x08\x00\x45", b"\x08\x00\x48", b"\x86\xdd\x60", b"\x08\x06\x00"]),
    st.sampled_from([1, 6, 17, 58, 132, 47, 43, 136]),
    st.data(),
)
def test_property_any_bytes_have_a_substitute(tmp_path_factory, head, proto, data):
    """Of their length, whatever they claim to be."""
    rest = bytearray(data.draw(st.binary(max_size=120)))
    if len(rest) > 8:
        rest[5 if head[2] >> 4 == 6 else 8] = proto
    frame = ETHERNET + head + bytes(rest)
    _, (made,), _ = substitutes(written(tmp_path_factory.mktemp("any"), frame, 1))
    assert len(made.data) == len(frame)


def test_options_of_tcp_and_ip_hold_no_address(tmp_path):
    """A record route, and Multipath TCP telling another address of its host."""
    address, other = ip_address("198.51.100.77").packed, ip_address("198.51.100.88").packed
    route = bytes([7, 7, 4]) + other + b"\0"
    tcp = struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 7 << 4, 16, 100, 0, 0) + bytes([30, 8, 0x34, 1]) + other
    packet = struct.pack(">BBHHHBBH", 0x47, 0, 28 + len(tcp), 0, 0, 64, 6, 0) + address + address + route + tcp
    _, (made,), _ = substitutes(written(tmp_path, packet, 101))
    assert address not in made.data
    assert other not in made.data
    assert made.data[20:23] == route[:3]
