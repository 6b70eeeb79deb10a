"""Rows of numbers as lines of text: the inner loop of the CSV and JSON Lines files. Compiled.

A ``RowFormatter`` is given, once, what stands before, in and behind each field (``FieldPlan``), and then blocks of ``ROWS`` rows
as a matrix of unsigned 64-bit cells, one matrix row per cell. It knows no dialect: separators, quotes, braces and the texts of
numbered names are all fragments of bytes that it copies. Signed values travel as their two's complement.

Neighbouring fields with few possible values (codes and masks) form a *group*: their values, packed into one number, are looked up in a
small memory of texts made before, since a capture shows few combinations of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cython
import numpy as np

__all__ = ["KINDS", "NOTHING", "ROWS", "FieldPlan", "RowFormatter"]

#: Rows of a block: few enough that the cells of some twenty columns stay in the second-level cache. A column of cells is a little longer
#: (STRIDE), lest all columns fall on the same cache lines.
ROWS = 512
#: Value of a cell that has no value (an absent port, no VLAN).
NOTHING = 0xFFFFFFFFFFFFFFFF

#: kind of a field → cells it takes, bytes it writes at most (besides fragments). LETTERS take as many cells as their plan says.
KINDS = {
    "number": (1, 20),
    "signed": (1, 20),
    "code": (1, 0),
    "mask": (1, 0),
    "address": (3, 39),
    "time": (1, 30),
    "letters": (0, 0),
}

# Numbers of the kinds, and the columns of the plan; rows.pxd has the same as C constants.
if not cython.compiled:
    K_NUMBER, K_SIGNED, K_CODE, K_MASK, K_ADDRESS, K_TIME, K_LETTERS = range(7)
    P_KIND, P_CELL, P_CELLS, P_BEFORE, P_AFTER, P_NULL, P_TABLE, P_TABLE_LEN, P_BETWEEN, P_GROUP, P_SHIFT, P_COUNT = range(12)
    STRIDE = ROWS + 8
    SLOTS, SLOT_BYTES = 1024, 512

    def put(out: Any, place: int, pool: Any, start: int, length: int) -> int:
        """Copy ``length`` bytes of ``pool`` to ``out``; returns the place behind them. The compiled twin is in rows.pxd."""
        out[place : place + length] = pool[start : start + length]
        return place + length

    # The compiled loop reads and writes through bare pointers (three times faster here than views held by an object);
    # that is safe because no length comes from a capture: room for the longest possible row is made beforehand.
    at_bytes = at_words = at_longs = memoryview


_NOTHING = NOTHING
_TOP_BIT = 1 << 63
_LOW_64 = 0xFFFFFFFFFFFFFFFF
# Odd, with scattered bits: a product with it has all of its factor's bits in the upper half.
_SPREAD = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """How one field is written. All texts are bytes in the file's encoding, escaped and quoted."""

    #: A name in KINDS.
    kind: str
    #: What comes before a value (separator, name, opening quote).
    before: bytes
    #: What comes behind a value (closing quote); nothing comes behind numbers.
    after: bytes
    #: What is written instead of before, value and after where there is no value.
    null: bytes
    #: code: the text of each number, None for null. mask: the text of each bit.
    texts: Sequence[bytes | None] = ()
    #: mask: what separates two texts.
    between: bytes = b""
    #: letters: cells of eight bytes that hold the text, padded with zero bytes.
    words: int = 0

    @property
    def cells(self) -> int:
        """Cells that the field takes."""
        return self.words or KINDS[self.kind][0]


def _group(plan: list[list[int]]) -> None:
    """Find the groups: set P_GROUP of the first field of each to its size, P_SHIFT of each field to its place in the packed number."""
    start, shift = 0, 0
    for k, row in enumerate(plan):
        # One value more than the table has: no value.
        width = row[P_TABLE_LEN] if row[P_KIND] == K_MASK else row[P_TABLE_LEN].bit_length()
        if row[P_KIND] not in (K_CODE, K_MASK) or width > 64:
            start, shift = k + 1, 0
            continue
        if shift + width > 64:
            start, shift = k, 0
        row[P_SHIFT] = shift
        shift += width
        plan[start][P_GROUP] = k + 1 - start


def _byte_array(content: bytes) -> Any:
    """An array of the bytes, with 32 bytes of slack: short copies are made in one move of 16."""
    return np.frombuffer(bytearray(content + bytes(32)), np.uint8)


class RowFormatter:
    """Writes blocks of rows. ``cells`` (an array, one row per cell, ``ROWS`` columns) is filled by the caller before ``format``."""

    def __init__(self, fields: Sequence[FieldPlan], row_end: bytes) -> None:
        self.fragments: list[bytes] = []
        self.field_count = len(fields)
        self.cells: Any = np.zeros((sum(field.cells for field in fields), ROWS + 8), np.uint64)
        plan: list[list[int]] = []
        row_size = len(row_end)
        cell = 0
        for field in fields:
            row_size += self._plan_field(plan, field, cell)
            cell += field.cells
        self.row_end = self._fragment(row_end)
        _group(plan)
        self._lay_out(np.array(plan, np.uint32).ravel(), row_size)

    def _plan_field(self, plan: list[list[int]], field: FieldPlan, cell: int) -> int:
        """Add the field's row to the plan (columns P_); returns the bytes that the field can take."""
        null = self._fragment(field.null)
        before, after, between = self._fragment(field.before), self._fragment(field.after), self._fragment(field.between)
        table = len(self.fragments)
        if field.kind == "code":
            # The whole field is one fragment: copying it costs one call.
            self.fragments += [field.null if text is None else field.before + text + field.after for text in field.texts]
        else:
            self.fragments += [text or b"" for text in field.texts]
        longest = max((len(text) for text in self.fragments[table:]), default=0)
        bits = len(field.texts) if field.kind == "mask" else 1
        kind = list(KINDS).index(field.kind)
        plan.append([kind, cell, field.cells, before, after, null, table, len(field.texts), between, 1, 0])
        value = KINDS[field.kind][1] + field.words * 8 + bits * (longest + len(field.between))
        return max(len(field.null), len(field.before) + len(field.after) + value)

    def _fragment(self, text: bytes) -> int:
        self.fragments.append(text)
        return len(self.fragments) - 1

    def _lay_out(self, plan: Any, row_size: int) -> None:
        """Make the arrays that the loop reads, and room for a block of rows of ``row_size`` bytes."""
        lengths: Any = np.array([len(text) for text in self.fragments], np.uint32)
        starts: Any = np.zeros(len(lengths), np.uint32)
        starts[1:] = np.cumsum(lengths)[: len(lengths) - 1]
        pool = _byte_array(b"".join(self.fragments))
        digits = _byte_array(b"".join(b"%04d" % number for number in range(10000)))
        octets = _byte_array(b"".join((b"%d." % octet).ljust(4) for octet in range(256)))
        groups: Any = np.zeros(8, np.uint32)
        known: Any = _byte_array(bytes(SLOTS * SLOT_BYTES))
        known_keys: Any = np.zeros(SLOTS, np.uint64)
        known_lengths: Any = np.zeros(SLOTS, np.uint32)
        known_first: Any = np.zeros(SLOTS, np.uint32)
        self.out_array = _byte_array(bytes(ROWS * row_size))
        #: Owners of the memory that the loop points into.
        self.arrays = [plan, starts, lengths, pool, digits, octets, groups, known, known_keys, known_lengths, known_first]
        self.plan, self.starts, self.lengths, self.groups = at_words(plan), at_words(starts), at_words(lengths), at_words(groups)
        self.pool, self.digits, self.octets, self.out = at_bytes(pool), at_bytes(digits), at_bytes(octets), at_bytes(self.out_array)
        self.known, self.known_keys = at_bytes(known), at_longs(known_keys)
        self.known_lengths, self.known_first = at_words(known_lengths), at_words(known_first)
        self.data = at_longs(self.cells.ravel())

    def format(self, count: int) -> memoryview:
        """The lines of the first ``count`` rows; valid until the next call."""
        if count > ROWS:
            raise ValueError(f"a block has at most {ROWS} rows, not {count}")
        return memoryview(self.out_array)[: self.lines(count)]

    def lines(self, count):
        """Write ``count`` lines; returns their length in bytes."""
        place = 0
        with cython.nogil:
            for row in range(count):
                k = 0
                while k < self.field_count:
                    if self.plan[k * P_COUNT + P_GROUP] == 1:
                        place = self.field(k, row, place)
                        k += 1
                    else:
                        place = self.group(k, row, place)
                        k += self.plan[k * P_COUNT + P_GROUP]
                place = self.fragment(self.row_end, place)
        return place

    def fragment(self, number, place):
        """Copy a fragment."""
        return put(self.out, place, self.pool, self.starts[number], self.lengths[number])

    def group(self, first, row, place):
        """Write the fields of a group, from memory if their combination was seen."""
        key = 0
        stop = first + self.plan[first * P_COUNT + P_GROUP]
        for k in range(first, stop):
            value = self.data[self.plan[k * P_COUNT + P_CELL] * STRIDE + row]
            if self.plan[k * P_COUNT + P_KIND] == K_CODE and value > self.plan[k * P_COUNT + P_TABLE_LEN]:
                value = self.plan[k * P_COUNT + P_TABLE_LEN]
            key |= value << self.plan[k * P_COUNT + P_SHIFT]
        slot = ((((key * _SPREAD) & _LOW_64) >> 32) + first) % SLOTS
        if self.known_keys[slot] == key and self.known_first[slot] == first + 1:
            return put(self.out, place, self.known, slot * SLOT_BYTES, self.known_lengths[slot])
        end = place
        for k in range(first, stop):
            end = self.field(k, row, end)
        if end - place <= SLOT_BYTES:
            put(self.known, slot * SLOT_BYTES, self.out, place, end - place)
            self.known_keys[slot] = key
            self.known_lengths[slot] = end - place
            self.known_first[slot] = first + 1
        return end

    def field(self, k, row, place):
        """Write one field."""
        kind = self.plan[k * P_COUNT + P_KIND]
        cell = self.plan[k * P_COUNT + P_CELL]
        value = self.data[cell * STRIDE + row]
        if kind == K_CODE:
            if value < self.plan[k * P_COUNT + P_TABLE_LEN]:
                return self.fragment(self.plan[k * P_COUNT + P_TABLE] + value, place)
            return self.fragment(self.plan[k * P_COUNT + P_NULL], place)
        if kind == K_NUMBER:
            if value == _NOTHING:
                return self.fragment(self.plan[k * P_COUNT + P_NULL], place)
            return self.decimal(value, self.fragment(self.plan[k * P_COUNT + P_BEFORE], place))
        if (kind == K_ADDRESS and self.data[(cell + 2) * STRIDE + row] == 0) or (kind == K_LETTERS and value == 0):
            return self.fragment(self.plan[k * P_COUNT + P_NULL], place)
        place = self.fragment(self.plan[k * P_COUNT + P_BEFORE], place)
        if kind == K_SIGNED:
            return self.signed(value, place)
        if kind == K_MASK:
            place = self.mask(k, value, place)
        elif kind == K_TIME:
            place = self.time(value, place)
        elif kind == K_LETTERS:
            place = self.letters(k, row, place)
        elif self.data[(cell + 2) * STRIDE + row] == 4:
            place = self.address4(self.data[(cell + 1) * STRIDE + row], place)
        else:
            place = self.address6(value, self.data[(cell + 1) * STRIDE + row], place)
        return self.fragment(self.plan[k * P_COUNT + P_AFTER], place)

    def decimal(self, value, place):
        """Write an unsigned number."""
        if value >= 100000000:
            place = self.eight(value % 100000000, self.decimal(value // 100000000, place))
        elif value >= 10000:
            place = self.four(value % 10000, self.leading(value // 10000, place))
        else:
            place = self.leading(value, place)
        return place

    def leading(self, value, place):
        """Write a number below 10000 without leading zeros."""
        width = 1 + (value >= 10) + (value >= 100) + (value >= 1000)
        return put(self.out, place, self.digits, 4 * value + 4 - width, width)

    def four(self, value, place):
        """Write a number below 10000 with four digits."""
        return put(self.out, place, self.digits, 4 * value, 4)

    def eight(self, value, place):
        """Write a number below 100000000 with eight digits."""
        return self.four(value % 10000, self.four(value // 10000, place))

    def two(self, value, place):
        """Write a number below 100 with two digits."""
        return put(self.out, place, self.digits, 4 * value + 2, 2)

    def signed(self, value, place):
        """Write a two's complement number."""
        if value >> 63:
            self.out[place] = 45  # -
            place += 1
            value = (_LOW_64 - value + 1) & _LOW_64
        return self.decimal(value, place)

    def mask(self, k, value, place):
        """Write the texts of the bits that are set, lowest first."""
        table = self.plan[k * P_COUNT + P_TABLE]
        found = 0
        for bit in range(self.plan[k * P_COUNT + P_TABLE_LEN]):
            if value == 0:
                break
            if value & 1:
                if found:
                    place = self.fragment(self.plan[k * P_COUNT + P_BETWEEN], place)
                place = self.fragment(table + bit, place)
                found = 1
            value >>= 1
        return place

    def letters(self, k, row, place):
        """Write a text of single bytes, kept eight to a cell, first byte lowest, up to the first zero byte."""
        cell = self.plan[k * P_COUNT + P_CELL]
        for word in range(self.plan[k * P_COUNT + P_CELLS]):
            value = self.data[(cell + word) * STRIDE + row]
            while value & 0xFF:
                self.out[place] = value & 0xFF
                value >>= 8
                place += 1
        return place

    def address4(self, value, place):
        """Write an IPv4 address."""
        for part in range(4):
            octet = (value >> (24 - 8 * part)) & 0xFF
            put(self.out, place, self.octets, 4 * octet, 4)
            place += 2 + (octet >= 10) + (octet >= 100)
        return place - 1

    def address6(self, high, low, place):
        """Write an IPv6 address as RFC 5952 recommends: lower case, no leading zeros, the longest run of zero groups as ``::``."""
        run_start = 8
        run_length = 1
        zeros = 0
        for k in range(8):
            word = high if k < 4 else low
            self.groups[k] = (word >> (48 - 16 * (k & 3))) & 0xFFFF
            zeros = 0 if self.groups[k] else zeros + 1
            if zeros > run_length:
                run_length = zeros
                run_start = k + 1 - zeros
        k = 0
        while k < 8:
            if k == run_start:
                self.out[place] = 58  # :
                self.out[place + 1] = 58
                place += 2
                k += run_length
            else:
                place = self.hexadecimal(self.groups[k], place)
                k += 1
                if k < 8 and k != run_start:
                    self.out[place] = 58
                    place += 1
        return place

    def hexadecimal(self, value, place):
        """Write 16 bits in lower case without leading zeros."""
        shift = 12
        while shift and value >> shift == 0:
            shift -= 4
        while True:
            digit = (value >> shift) & 15
            self.out[place] = digit + (48 if digit < 10 else 87)
            place += 1
            if shift == 0:
                return place
            shift -= 4

    def time(self, value, place):
        """Write nanoseconds since 1970 as ISO 8601 in UTC: ``2026-11-23T08:36:35.000000001Z``."""
        # With the top bit turned over these are nanoseconds since 1970 less 2**63 ns, which is 763.145224192 s after a midnight, that of
        # 1677-09-21, 106 752 days before 1970.
        value ^= _TOP_BIT
        rest = value % 1000000000 + 145224192
        seconds = value // 1000000000 + 763 + rest // 1000000000
        days = seconds // 86400
        place = self.date(days, place)
        self.out[place] = 84  # T
        place = self.pair(seconds // 3600 % 24, 58, place + 1)
        place = self.pair(seconds // 60 % 60, 58, place)
        place = self.pair(seconds % 60, 46, place)
        rest %= 1000000000
        self.out[place] = 48 + rest // 100000000
        place = self.eight(rest % 100000000, place + 1)
        self.out[place] = 90  # Z
        return place + 1

    def date(self, days, place):
        """Write the date that lies ``days`` after 1677-09-21, in the Gregorian calendar.

        Counted from 1 March of the year 0, so that the day that comes and goes is the last of its year: 146 097 days make 400 years,
        and 153 days each five months.
        """
        days += 719468 - 106752
        era = days // 146097
        day = days % 146097
        year = (day - day // 1460 + day // 36524 - day // 146096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        day -= (153 * month + 2) // 5
        month += 3
        if month > 12:
            month -= 12
            year += 1
        place = self.four(era * 400 + year, place)
        self.out[place] = 45  # -
        place = self.pair(month, 45, place + 1)
        return self.two(day + 1, place)

    def pair(self, value, mark, place):
        """Write two digits and a mark."""
        place = self.two(value, place)
        self.out[place] = mark
        return place + 1
