"""A memory of recent five-tuples in constant space: direct-mapped, the newer of two in one place wins.

Keys come from ``tuple_keys``: the same for both directions of a five-tuple. A hostile capture can make places collide, and thereby
make a detector forget; it cannot make memory or time grow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Recent", "tuple_keys"]

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xFF51AFD7ED558CCD))


def tuple_keys(columns: Any, rows: Any) -> tuple[Any, Any]:
    """Key of the unordered five-tuple of each row, never 0, and which of its two ends sent (0 or 1).

    ``columns`` maps src_hi, src_lo, sport, dst_hi, dst_lo, dport and proto to arrays: a view, or flow rows.
    """
    source = _ends(columns, rows, "src_hi", "src_lo", "sport")
    destination = _ends(columns, rows, "dst_hi", "dst_lo", "dport")
    proto = columns["proto"][rows].astype(np.uint64)
    return _finish(source + destination + proto * _MIX[1]) | np.uint64(1), (source > destination).astype(np.uint8)


class Recent:
    """Places for ``2 ** bits`` five-tuples, each with the fields asked for."""

    def __init__(self, bits: int, fields: list[tuple[str, str]]) -> None:
        self._mask = np.uint64((1 << bits) - 1)
        self._shift = np.uint64(64 - bits)
        #: The places, a structured array: ``key`` (0 for none) and the fields.
        self.places = np.zeros(1 << bits, [("key", "u8"), *fields])

    def find(self, keys: Any) -> tuple[Any, Any]:
        """Place of each key, and whether the key is in it."""
        places = self._places(keys)
        return places, self.places["key"][places] == keys

    def put(self, keys: Any, **fields: Any) -> None:
        """Write the fields of keys, over whatever is in their places; of equal keys the last counts."""
        places = self._places(keys)
        self.places["key"][places] = keys
        for name, values in fields.items():
            self.places[name][places] = values

    def _places(self, keys: Any) -> Any:
        return (keys >> self._shift & self._mask).astype(np.intp)


def _ends(columns: Any, rows: Any, high: str, low: str, port: str) -> Any:
    mixed = columns[high][rows] * _MIX[0] ^ _finish(columns[low][rows] + columns[port][rows].astype(np.uint64) * _MIX[1])
    return _finish(mixed)


def _finish(values: Any) -> Any:
    values = (values ^ values >> np.uint64(33)) * _MIX[2]
    return values ^ values >> np.uint64(29)
