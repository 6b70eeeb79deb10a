"""Checksums: the Internet checksum (RFC 1071) over captured bytes, and SCTP's CRC32c (RFC 9260). Compiled.

Three modes. ``verify`` sums. ``ignore`` leaves transport checksums unchecked. ``auto`` sums too, but believes the capture file where it
knows better (pcapng epb_flags), and tells a checksum that the sender's network card was to finish from a wrong one: such a field holds the
folded pseudo-header sum, with the length (Linux) or without it (large segments on Windows), and SCTP's holds 0.
"""

from __future__ import annotations

from array import array

import cython

if not cython.compiled:
    from pcapaudit.core.bytes import be16, le64
    from pcapaudit.core.consts import (
        CSUM_BAD,
        CSUM_GOOD,
        CSUM_OFFLOADED,
        CSUM_UNCHECKED,
        FRAME_CSUM_NOT_READY,
        FRAME_CSUM_VALID,
    )

    MODE_AUTO = 0
    MODE_VERIFY = 1
    MODE_IGNORE = 2

__all__ = ["MODES", "Summer", "crc_table", "fold", "pseudo_sum", "sum16"]

#: Values of the option --checksum, in the order of MODE_.
MODES = ("auto", "verify", "ignore")

_CASTAGNOLI = 0x82F63B78
_LOW = cython.declare(cython.ulonglong, 0xFFFFFFFF)


def crc_table() -> array[int]:
    """CRC32c of each byte, for SCTP."""
    table = array("I")
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CASTAGNOLI if crc & 1 else 0)
        table.append(crc)
    return table


def fold(total):
    """Sixteen bits of a sum with its carries added back."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def sum16(b, at, end):
    """One's complement sum of the bytes ``at`` to ``end``, folded. Eight bytes a step, in the order of the machine; swapped at the end."""
    total = 0
    while end - at >= 8:
        word = le64(b, at)
        total += (word & _LOW) + (word >> 32)
        at += 8
    shift = 0
    while at < end:
        word = b.data[at]
        total += word << shift
        shift ^= 8
        at += 1
    total = fold(total)
    return (total >> 8 | total << 8) & 0xFFFF


def pseudo_sum(b, i, proto, l4_len):
    """Sum, not folded, of the pseudo-header of row ``i``: RFC 9293 for IPv4, RFC 8200 section 8.1 for IPv6."""
    each = b.src_hi[i]
    total = (each & _LOW) + (each >> 32)
    each = b.src_lo[i]
    total += (each & _LOW) + (each >> 32)
    each = b.dst_hi[i]
    total += (each & _LOW) + (each >> 32)
    each = b.dst_lo[i]
    total += (each & _LOW) + (each >> 32)
    return total + proto + l4_len


class Summer:
    """Checks transport checksums as a mode asks."""

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"checksum mode {mode!r}: expected {', '.join(MODES)}")
        self.mode = MODES.index(mode)
        self.crc = memoryview(crc_table())

    def _known(self, b, i):
        """What is known of row ``i`` without summing, else CSUM_UNCHECKED."""
        if self.mode == MODE_AUTO and b.frame_flags[i]:
            if b.frame_flags[i] & FRAME_CSUM_NOT_READY:
                return CSUM_OFFLOADED
            if b.frame_flags[i] & FRAME_CSUM_VALID:
                return CSUM_GOOD
        return CSUM_UNCHECKED

    def internet(self, b, i, field, proto, cover):
        """CSUM_ of a whole datagram of row ``i``: ``field`` is where its checksum stands, ``cover`` the bytes it covers from ``l4_off`` on.

        ``proto`` goes into the pseudo-header; PROTO_HOPOPT (0) for none, as in ICMP.
        """
        if self.mode == MODE_IGNORE:
            return CSUM_UNCHECKED
        known = self._known(b, i)
        if known != CSUM_UNCHECKED:
            return known
        end = b.l4_off[i] + cover
        pseudo = pseudo_sum(b, i, proto, b.l4_len[i]) if proto else 0
        if fold(pseudo + sum16(b, b.l4_off[i], end)) == 0xFFFF:
            return CSUM_GOOD
        if self.mode == MODE_AUTO and proto:
            found = be16(b, field)
            if found in (fold(pseudo), fold(pseudo - b.l4_len[i])):
                return CSUM_OFFLOADED
        return CSUM_BAD

    def sctp(self, b, i, at, end):
        """CSUM_ of a whole SCTP packet ``at`` to ``end``: CRC32c with the field itself as zeroes, written least byte first."""
        if self.mode == MODE_IGNORE:
            return CSUM_UNCHECKED
        known = self._known(b, i)
        if known != CSUM_UNCHECKED:
            return known
        crc = _LOW
        j = at
        while j < end:
            byte = 0 if at + 8 <= j < at + 12 else b.data[j]
            crc = (crc >> 8) ^ self.crc[(crc ^ byte) & 0xFF]
            j += 1
        crc ^= _LOW
        found = b.data[at + 8] | b.data[at + 9] << 8 | b.data[at + 10] << 16 | b.data[at + 11] << 24
        if found == crc:
            return CSUM_GOOD
        return CSUM_OFFLOADED if self.mode == MODE_AUTO and found == 0 else CSUM_BAD
