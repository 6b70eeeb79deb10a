"""The frames of the captures in ``captures/``, read independently of pcapaudit's own reader."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import dpkt
from checkout import ROOT

__all__ = ["CAPTURES", "Frame", "read_frames"]

CAPTURES = sorted(path for path in (ROOT / "captures").iterdir() if path.suffix in {".pcap", ".pcapng", ".gz"})


class Frame(NamedTuple):
    """One frame of a capture."""

    #: The bytes that the file holds.
    data: bytes
    #: Length on the wire.
    origlen: int
    linktype: int


def read_frames(path: Path) -> list[Frame]:
    """Every whole frame of a capture. dpkt keeps no wire lengths of pcapng; ours are not cut there."""
    opener = gzip.open if path.suffix == ".gz" else Path.open
    with opener(path, "rb") as file:
        if ".pcapng" in path.suffixes:
            reader = dpkt.pcapng.Reader(file)
            return [Frame(data, len(data), reader.datalink()) for _, data in reader]
        return _read_pcap(file.read())


def _read_pcap(data: bytes) -> list[Frame]:
    order = "little" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else "big"
    linktype = int.from_bytes(data[20:24], order) & 0xFFFF
    frames, at = [], 24
    while at + 16 <= len(data):
        caplen = int.from_bytes(data[at + 8 : at + 12], order)
        if at + 16 + caplen > len(data):
            break
        frames.append(Frame(data[at + 16 : at + 16 + caplen], int.from_bytes(data[at + 12 : at + 16], order), linktype))
        at += 16 + caplen
    return frames
