"""Hashes of what decoding makes of the captures; as a script, prints them as JSON: for comparing the compiled core with the uncompiled."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from capture_frames import CAPTURES, Frame, read_frames
from wire_rows import WIRE_COLUMNS, decode

from pcapaudit.wire.linktypes import LINKTYPES

__all__ = ["digests", "seeds"]


def seeds() -> list[Frame]:
    """The first frames of every capture, without doubles."""
    return sorted({frame for path in CAPTURES for frame in read_frames(path)[:6]}, key=lambda frame: (len(frame.data), frame.data))


def _digest(batch: Any, count: int) -> str:
    return hashlib.sha256(b"".join(batch.arrays[name][:count].tobytes() for name in (*WIRE_COLUMNS, "anomalies"))).hexdigest()


def digests() -> dict[str, str]:
    """Of every capture, and of damaged frames taken for each link type in turn: a hash of all wire columns."""
    found = {}
    for path in CAPTURES:
        frames = read_frames(path)
        batch = decode([each.data for each in frames], linktype=frames[0].linktype, origlens=[each.origlen for each in frames])
        found[path.name] = _digest(batch, len(frames))
    for number in sorted(LINKTYPES):
        damaged = [_damage(each.data, number) for each in seeds()]
        found[f"linktype {number}"] = _digest(decode(damaged, linktype=number), len(damaged))
    return found


def _damage(data: bytes, number: int) -> bytes:
    """Change every eleventh byte, differently for each number."""
    return bytes(byte ^ (number * 37 + at) & 0xFF if at % 11 == number % 11 else byte for at, byte in enumerate(data))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests()))
