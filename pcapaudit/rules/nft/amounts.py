"""Reads what counts: limits and quotas."""

from __future__ import annotations

from pcapaudit.rules import tables
from pcapaudit.rules.model import Limit, Quota
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean

__all__ = ["parse_limit", "parse_quota"]

_BYTE_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20, "gbytes": 1 << 30}


def parse_limit(cursor: Cursor) -> Limit:
    """``limit rate [over] 10/minute [burst 5 packets]``."""
    place = cursor.place()
    cursor.advance()
    if not cursor.accept_word("rate"):
        raise cursor.unexpected('"rate"', "after limit")
    over = bool(cursor.accept_word("over"))
    cursor.accept_word("until")
    rate_at = cursor.index
    rate, of_bytes, per_s = _parse_rate(cursor)
    if rate == 0:
        raise cursor.problem("a rate of 0 is no limit", "write a rate of at least 1", index=rate_at)
    burst = 0 if of_bytes else 5
    if cursor.accept_word("burst"):
        burst_at = cursor.index
        burst, burst_of_bytes = _parse_amount(cursor, "a burst")
        if cursor.index - burst_at == 1 and not of_bytes and not burst_of_bytes and cursor.source.kinds[burst_at] != "var":
            advice = f"write: burst {burst} packets"
            cursor.warn("stock nft refuses this: the burst does not say what it counts", advice, index=burst_at)
        burst = burst or (0 if of_bytes else 5)
        if of_bytes != burst_of_bytes and burst:
            raise cursor.problem("rate and burst count different things", "give both in packets or both in bytes", index=burst_at)
    return Limit(rate, per_s, over, of_bytes, burst, place)


def _parse_rate(cursor: Cursor) -> tuple[int, bool, int]:
    """``10/minute`` or ``2 mbytes/second``: amount, whether it counts bytes, seconds."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_rate(cursor)
    unit, slash, period = cursor.ahead().partition("/")
    if slash and (unit in _BYTE_UNITS or unit == "packets"):  # one word to the lexer
        rate = cursor.expect_number("a rate") * _BYTE_UNITS.get(unit, 1)
        of_bytes = unit in _BYTE_UNITS
    else:
        rate, of_bytes = _parse_amount(cursor, "a rate")
        cursor.expect("/", "after the rate")
        period = cursor.text
    per_s = tables.SECONDS_PER.get(period)
    if per_s is None:
        raise cursor.problem(
            f'found "{period}", expected a unit of time', did_you_mean(period, tables.SECONDS_PER) or "second, minute, hour, day, week"
        )
    cursor.advance()
    return rate, of_bytes, per_s


def _parse_amount(cursor: Cursor, what: str) -> tuple[int, bool]:
    """A number of packets, or of bytes with a unit."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_amount(cursor, what)
    number = cursor.expect_number(what)
    unit = cursor.accept_word("packets", *_BYTE_UNITS)
    return (number * _BYTE_UNITS[unit], True) if unit in _BYTE_UNITS else (number, False)


def parse_quota(cursor: Cursor) -> Quota:
    """``quota [over] 10 mbytes [used 5 bytes]``."""
    place = cursor.place()
    cursor.advance()
    over = bool(cursor.accept_word("over"))
    cursor.accept_word("until")
    size = _parse_bytes(cursor)
    used = _parse_bytes(cursor) if cursor.accept_word("used") else 0
    return Quota(size, over, used, place)


def _parse_bytes(cursor: Cursor) -> int:
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_bytes(cursor)
    number = cursor.expect_number("a number of bytes")
    unit = cursor.accept_word(*_BYTE_UNITS)
    if not unit:
        raise cursor.unexpected("bytes, kbytes, mbytes or gbytes")
    return number * _BYTE_UNITS[unit]
