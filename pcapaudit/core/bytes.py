"""Numbers out of a batch's bytes. The caller has made sure that they are there.

Compiled modules take the inline twins in ``bytes.pxd``.
"""

from __future__ import annotations

from typing import Any

__all__ = ["be16", "be32", "be64", "le16", "le32", "le64"]


def be16(b: Any, at: int) -> int:
    """Two bytes of ``b.data`` from ``at`` on."""
    return int(b.data[at] << 8 | b.data[at + 1])


def le16(b: Any, at: int) -> int:
    """Two bytes of ``b.data`` from ``at`` on, the first the lowest."""
    return int(b.data[at] | b.data[at + 1] << 8)


def be32(b: Any, at: int) -> int:
    """Four bytes of ``b.data`` from ``at`` on."""
    return int.from_bytes(b.data[at : at + 4], "big")


def le32(b: Any, at: int) -> int:
    """Four bytes of ``b.data`` from ``at`` on, the first the lowest."""
    return int.from_bytes(b.data[at : at + 4], "little")


def be64(b: Any, at: int) -> int:
    """Eight bytes of ``b.data`` from ``at`` on."""
    return int.from_bytes(b.data[at : at + 8], "big")


def le64(b: Any, at: int) -> int:
    """Eight bytes of ``b.data`` from ``at`` on, the first the lowest."""
    return int.from_bytes(b.data[at : at + 8], "little")
