"""Arithmetic on 32-bit sequence numbers, which wrap around (RFC 9293, section 3.4). Nothing else compares or subtracts them.

``seqnum.pxd`` holds the same functions for the compiled modules, where unsigned numbers wrap by themselves.
"""

from __future__ import annotations

__all__ = ["after", "before", "wrap"]


def wrap(number: int) -> int:
    """A sum or difference of sequence numbers as a sequence number."""
    return number & 0xFFFFFFFF


def before(left: int, right: int) -> int:
    """1 if ``left`` comes before ``right``: at most half the circle lies between them."""
    return (left - right) >> 31 & 1


def after(left: int, right: int) -> int:
    """1 if ``left`` comes after ``right``."""
    return (right - left) >> 31 & 1
