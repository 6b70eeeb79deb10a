"""Capture files built in memory, for tests: every field can be chosen, wrong ones too."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
KUZNETZOV = 0xA1B2CD34


@dataclass(frozen=True)
class Frame:
    """One frame: ``origlen`` None for the length of ``data``; ``interface`` and ``flags`` (epb_flags) are for pcapng."""

    ts_ns: int
    data: bytes
    origlen: int | None = None
    interface: int = 0
    flags: int | None = None

    @property
    def wire(self):
        return len(self.data) if self.origlen is None else self.origlen


def frames(count, *, start_ns=1_000_000_000_000, step_ns=1_000_000, size=60):
    """``count`` frames, each with other bytes."""
    return [Frame(start_ns + i * step_ns, bytes((i + k) & 0xFF for k in range(size))) for i in range(count)]


def pcap_header(*, order="<", magic=MICROSECONDS, snaplen=65535, link=1, version=(2, 4)):
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link)


def pcap(items, *, order="<", magic=MICROSECONDS, snaplen=65535, link=1, version=(2, 4)):
    """A pcap file."""
    unit = 1 if magic == NANOSECONDS else 1000
    extra = bytes(8) if magic == KUZNETZOV else b""
    parts = [pcap_header(order=order, magic=magic, snaplen=snaplen, link=link, version=version)]
    for each in items:
        seconds, rest = divmod(each.ts_ns, 10**9)
        lengths = (len(each.data), each.wire)
        if version < (2, 3):
            lengths = lengths[::-1]
        parts += [struct.pack(order + "4I", seconds & 0xFFFFFFFF, rest // unit, *lengths), extra, each.data]
    return b"".join(parts)


def padded(data):
    return data + bytes(-len(data) % 4)


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def block(kind, body, order="<", trailer=None):
    """A block; ``trailer``: another length behind it than the one in front."""
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length if trailer is None else trailer)


def section(order="<", options=b"", version=(1, 0), length=-1):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, *version, length) + options, order)


def interface(order="<", *, link=1, snaplen=65535, options=b""):
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(frame, order="<", *, ticks=None, options=b""):
    """An enhanced packet block; ``ticks`` None for microseconds."""
    ticks = frame.ts_ns // 1000 if ticks is None else ticks
    if frame.flags is not None:
        options = option(2, struct.pack(order + "I", frame.flags), order) + options
    head = struct.pack(order + "5I", frame.interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.wire)
    return block(6, head + padded(frame.data) + options, order)


def obsolete(frame, order="<"):
    """An obsolete packet block, in microseconds."""
    ticks = frame.ts_ns // 1000
    head = struct.pack(order + "HH4I", frame.interface, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.wire)
    return block(2, head + padded(frame.data), order)


def simple(frame, order="<"):
    """A simple packet block."""
    return block(3, struct.pack(order + "I", frame.wire) + padded(frame.data), order)


def pcapng(items, *, order="<", link=1, snaplen=65535, options=b""):
    """A pcapng file of one section and one interface, in microseconds unless ``options`` say otherwise."""
    head = section(order) + interface(order, link=link, snaplen=snaplen, options=options)
    return head + b"".join(enhanced(each, order) for each in items)


def truncated(frame, caplen):
    """The frame as a capture with this snaplen has it."""
    return replace(frame, data=frame.data[:caplen], origlen=frame.wire)
