"""Capture files written and read by hand, byte for byte the same at every run: the makers' own, independent of pcapaudit.

A frame is ``(ts_ns, bytes, origlen)``. Only what the makers need is here: classic pcap in every byte order and resolution, and
pcapng with several interfaces. ``read_pcap`` reads what tcpdump writes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ETHERNET = 1
RAW = 101
LINUX_SLL2 = 276
SNAPLEN = 262144
MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D


class Frame(NamedTuple):
    """One record of a capture file."""

    #: Time stamp, ns since 1970.
    ts_ns: int
    #: The bytes that the file holds.
    data: bytes
    #: Length on the wire.
    origlen: int


class Interface(NamedTuple):
    """One interface of a pcapng file and the frames captured there."""

    #: Name, for the option if_name.
    name: str
    #: LINKTYPE_ number.
    linktype: int
    #: What was captured there, in time order.
    frames: Sequence[Frame]


def read_pcap(path: Path) -> tuple[int, list[Frame]]:
    """Link type and frames of a classic pcap file; ValueError when it is not one or stops inside a record."""
    data = path.read_bytes()
    for order in "<>":
        magic = struct.unpack(order + "I", data[:4])[0]
        if magic in (MICROSECONDS, NANOSECONDS):
            break
    else:
        raise ValueError(f"{path}: not a classic pcap file")
    unit = 1000 if magic == MICROSECONDS else 1
    linktype = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    frames, at = [], 24
    while at < len(data):
        seconds, fraction, caplen, origlen = struct.unpack(order + "4I", data[at : at + 16])
        if at + 16 + caplen > len(data):
            raise ValueError(f"{path}: cut off at offset {at}")
        frames.append(Frame(seconds * 10**9 + fraction * unit, data[at + 16 : at + 16 + caplen], origlen))
        at += 16 + caplen
    return linktype, frames


def pcap_bytes(frames: Iterable[Frame], linktype: int = ETHERNET, *, order: str = "<", magic: int = MICROSECONDS) -> bytes:
    """A classic pcap file. ``order``: "<" little-endian, ">" big-endian; ``magic``: MICROSECONDS or NANOSECONDS."""
    unit = 1000 if magic == MICROSECONDS else 1
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, SNAPLEN, linktype)]
    for ts_ns, data, origlen in frames:
        seconds, rest = divmod(ts_ns, 10**9)
        parts.append(struct.pack(order + "4I", seconds, rest // unit, len(data), origlen) + data)
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def pcapng_bytes(interfaces: Sequence[Interface], *, comment: str = "") -> bytes:
    """A pcapng file of one section: the interfaces' frames merged by time, in nanoseconds."""
    options = (_option(1, comment.encode()) if comment else b"") + _option(4, b"pcapaudit captures/make") + struct.pack("<HH", 0, 0)
    parts = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)]
    for each in interfaces:
        options = _option(2, each.name.encode()) + _option(9, b"\x09") + struct.pack("<HH", 0, 0)
        parts.append(_block(1, struct.pack("<HHI", each.linktype, 0, SNAPLEN) + options))
    merged = sorted(((number, frame) for number, each in enumerate(interfaces) for frame in each.frames), key=lambda pair: pair[1].ts_ns)
    for number, frame in merged:
        head = struct.pack("<5I", number, frame.ts_ns >> 32, frame.ts_ns & 0xFFFFFFFF, len(frame.data), frame.origlen)
        parts.append(_block(6, head + _padded(frame.data)))
    return b"".join(parts)
