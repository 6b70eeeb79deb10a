"""Frames into a PacketBatch, and rows out of it, for tests of what needs decoded packets but no capture file."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pcapaudit.core import vocab
from pcapaudit.core.columns import PACKET_COLUMNS, PacketBatch
from pcapaudit.wire.decode import Decoder

__all__ = ["ETHERNET", "RAW", "WIRE_COLUMNS", "decode", "decode_one", "fill", "named", "soil"]

ETHERNET = 1
RAW = 101
#: Names of the columns that wire/ fills.
WIRE_COLUMNS = tuple(name for name, _, filler, _ in PACKET_COLUMNS if filler == "wire")


def fill(batch, frames, *, linktype=ETHERNET, origlens=None, frame_flags=0):
    """Put frames (bytes) into the rows of a batch from 0 on, as a reader would. ``origlens``: lengths on the wire, if not those
    captured."""
    at = 0
    batch.resize(sum(len(frame) for frame in frames))
    for row, frame in enumerate(frames):
        batch.buffer[at : at + len(frame)] = np.frombuffer(frame, np.uint8)
        batch.arrays["offset"][row] = at
        batch.arrays["caplen"][row] = len(frame)
        batch.arrays["origlen"][row] = origlens[row] if origlens else len(frame)
        at += len(frame)
    batch.data_len = at
    batch.count = len(frames)
    part = slice(0, len(frames))
    batch.arrays["linktype"][part] = linktype
    batch.arrays["frame_flags"][part] = frame_flags
    batch.arrays["anomalies"][part] = 0
    return batch


def soil(batch):
    """Fill every wire column with ones, so that a test sees what decoding leaves untouched."""
    for name in WIRE_COLUMNS:
        batch.arrays[name][:] = np.iinfo(batch.arrays[name].dtype).max


def decode(frames, *, linktype=ETHERNET, origlens=None, frame_flags=0, checksum="auto"):
    """The batch of some frames, decoded; its rows were not clean before."""
    batch = PacketBatch()
    fill(batch, frames, linktype=linktype, origlens=origlens, frame_flags=frame_flags)
    soil(batch)
    Decoder(batch, checksum).decode()
    return batch


def named(batch, row):
    """One row of a batch: the wire columns as attributes, offsets counted from the frame's start, ``anomalies`` as a list of names."""
    values = {name: int(batch.arrays[name][row]) for name in WIRE_COLUMNS}
    start = int(batch.arrays["offset"][row])
    for name in ("l3_off", "l4_off", "payload_off", "end_off"):
        # 0 stands for absent, but an IP header may begin with the frame.
        if values[name] or (name == "l3_off" and values["l3"]):
            values[name] -= start
    values["anomalies"] = vocab.anomaly_names(int(batch.arrays["anomalies"][row]))
    return SimpleNamespace(**values)


def decode_one(frame, *, linktype=ETHERNET, origlen=None, frame_flags=0, checksum="auto"):
    """One frame's row. It lies behind another frame, so that an offset counted from the wrong place shows."""
    pad = b"\xee" * 61
    origlens = None if origlen is None else [len(pad), origlen]
    batch = decode([pad, frame], linktype=linktype, origlens=origlens, frame_flags=frame_flags, checksum=checksum)
    return named(batch, 1)
