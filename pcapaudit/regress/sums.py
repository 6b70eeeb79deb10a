"""Internet checksums that take part in a change of what they cover (RFC 1071, RFC 1624)."""

from __future__ import annotations

import struct

__all__ = ["change", "empty", "ones_sum"]


def ones_sum(*parts: bytes) -> int:
    """One's complement sum of the 16-bit words of some parts, each padded with a zero to whole words."""
    total = 0
    for part in parts:
        even = part + bytes(len(part) % 2)
        total += sum(struct.unpack(f">{len(even) // 2}H", even))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def change(data: bytearray, field: int, old: bytes, new: bytes, end: int) -> None:
    """Let the checksum at ``field`` follow a change from ``old`` to ``new``: right stays right, wrong stays as wrong.

    ``old`` and ``new`` may hold the field itself, unchanged. Nothing is done where the field does not lie before ``end``.
    """
    if field + 2 > end or old == new:
        return
    found = int.from_bytes(data[field : field + 2], "big")
    total = ones_sum((~found & 0xFFFF).to_bytes(2, "big"), bytes(~each & 0xFF for each in old), bytes(len(old) % 2), new)
    if len(old) % 2:
        # The padding of the complemented part counted as zero, and should have counted as its complement.
        total = ones_sum(total.to_bytes(2, "big"), b"\x00\xff")
    data[field : field + 2] = (~total & 0xFFFF).to_bytes(2, "big")


def empty(data: bytearray, start: int, end: int) -> None:
    """Fill bytes with zeroes, but for the sum of all, which stands in the first two of them; a single byte is kept, it is its own sum."""
    if end - start < 2:
        return
    total = ones_sum(bytes(data[start:end]))
    data[start:end] = total.to_bytes(2, "big") + bytes(end - start - 2)
