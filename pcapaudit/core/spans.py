"""Spans of time as people say them."""

from __future__ import annotations

__all__ = ["span"]

_SECOND = 1_000_000_000
#: (unit, its smaller one, how many seconds each).
_UNITS = (("day", "h", 86_400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1))


def span(ns: int) -> str:
    """A span in its two largest units (``3 h 45 min``), below a minute in seconds of three digits (``0.199 s``); ``0 s`` for none."""
    if ns < 0:
        return f"-{span(-ns)}"
    if round(ns / _SECOND, 1) < 60:
        return _seconds(ns)
    # To the nearest of what is said, so that 59 min 59.9 s are an hour.
    for unit, smaller, length, part in _UNITS:
        parts = (ns + part * _SECOND // 2) // (part * _SECOND)
        whole, rest = divmod(parts, length // part)
        if whole:
            name = f"{unit}s" if unit == "day" and whole > 1 else unit
            return f"{whole} {name} {rest} {smaller}" if rest else f"{whole} {name}"
    raise AssertionError("unreachable: nearly a minute, or more")


def _seconds(ns: int) -> str:
    """Less than a minute."""
    if ns == 0 or ns >= _SECOND // 1000:
        return f"{ns / _SECOND:.3g} s"
    return f"{ns / 1000:.3g} µs" if ns >= 1000 else f"{ns} ns"
