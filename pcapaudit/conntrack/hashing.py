"""The keyed hash of the connection table: two endpoints in either order give the same number.

Keyed, so that a hostile capture cannot choose packets that all fall into one place. ``hashing.pxd`` holds the same for compiled modules.
"""

from __future__ import annotations

__all__ = ["endpoint_hash", "pair_hash"]

_M64 = 0xFFFFFFFFFFFFFFFF
#: Odd numbers with about as many ones as zeros, spread evenly: fractional bits of the golden ratio and of the square root of 3.
_A = 0x9E3779B97F4A7C15
_B = 0xBB67AE8584CAA73B


def endpoint_hash(hi: int, lo: int, port: int, key: int) -> int:
    """64 bits of an address (two halves), a port and a key."""
    return _fold((_fold((_fold((lo ^ key) * _A, 32) ^ hi) * _B, 29) + port) * _A, 32) * _B & _M64


def pair_hash(one: int, other: int, rest: int, key: int) -> int:
    """32 bits of two endpoint hashes in either order and of what else belongs to the tuple."""
    return ((_fold(one + other, 31) ^ rest ^ key) * _B & _M64) >> 32


def _fold(number: int, shift: int) -> int:
    """Bring upper bits down into the lower ones."""
    return number & _M64 ^ (number & _M64) >> shift
