"""The header of a pcap file: what it says of the records behind it. No I/O.

Read as libpcap reads it: both byte orders, micro- and nanoseconds, the modified format of Alexey Kuznetzov (eight more bytes a record),
versions before 2.4 with the two lengths of a record swapped, and FCS bits beside the link type. Close relatives that no current
tool writes (NAVTEL, IXIA, FMESQUITA) are refused by name.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pcapaudit.capture.signals import LENGTHS_GUESS, LENGTHS_NORMAL, LENGTHS_SWAPPED
from pcapaudit.core.errors import CaptureError

__all__ = ["HEADER_BYTES", "PcapHeader", "is_pcap", "max_caplen", "read_header"]

#: Bytes of the file header.
HEADER_BYTES = 24
#: magic → (nanoseconds a tick, bytes of a record's header)
_FORMATS = {
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),
}
_REFUSED = {
    0xA12B3C4D: "NAVTEL",
    0xA1B234CD: "FMESQUITA",
    0x1C0001AC: "IXIA (hardware)",
    0x1C0001AB: "IXIA (software)",
}
#: The longest frame of a link type, where it may be longer than usual: D-Bus, EBHSCR, USB (as libpcap has it).
_MAX_CAPLEN = {231: 128 << 20, 279: 8 << 20, 189: 128 << 20, 220: 128 << 20, 249: 128 << 20}
_USUAL_MAX_CAPLEN = 262144


@dataclass(frozen=True, slots=True)
class PcapHeader:
    """What the file header says."""

    #: Whether numbers stand in the file with the most significant byte first.
    big: bool
    #: Nanoseconds in one unit of the second half of a time stamp: 1000 or 1.
    tick_ns: int
    #: Bytes before the frame in each record.
    record_head: int
    #: LENGTHS_: which of the two lengths comes first.
    lengths: int
    #: LINKTYPE_ number.
    linktype: int
    #: Most bytes captured of a frame, as the file says; 0 for no limit.
    snaplen: int
    #: Most bytes that a record may hold; more is a broken file.
    max_caplen: int
    #: Bytes of frame check sequence at the end of each frame, 0 when the file does not say.
    fcs_len: int


def is_pcap(head: bytes) -> bool:
    """Whether a file that begins with these bytes (four are enough) is pcap or one of its relatives."""
    return any(int.from_bytes(head[:4], order) in {*_FORMATS, *_REFUSED} for order in ("little", "big"))


def max_caplen(linktype: int) -> int:
    """Most bytes that a frame of a link type may have."""
    return _MAX_CAPLEN.get(linktype, _USUAL_MAX_CAPLEN)


def read_header(head: bytes, path: str) -> PcapHeader:
    """Read a file header. ``head``: the first HEADER_BYTES of a file for which ``is_pcap`` holds. Raises CaptureError."""
    if len(head) < HEADER_BYTES:
        raise CaptureError(path, len(head), "the end of the file", "the rest of the 24-byte pcap header", "The file holds no frames.")
    big = int.from_bytes(head[:4], "big") in {*_FORMATS, *_REFUSED}
    magic, major, minor, _, _, snaplen, link = struct.unpack((">" if big else "<") + "IHHIIII", head[:HEADER_BYTES])
    if magic in _REFUSED:
        advice = f"Convert it, if your Wireshark reads it: editcap -F pcap {path} converted.pcap"
        raise CaptureError(path, 0, f"the {_REFUSED[magic]} variant of pcap", "pcap or pcapng", advice)
    if (major, minor) != (543, 0) and major != 2:
        raise CaptureError(path, 4, f"pcap version {major}.{minor}", "version 2.x", "The file header is damaged, or the format is unknown.")
    if link & 0x03FF0000:
        found = f"the link type field {link:#010x}, with reserved bits set"
        raise CaptureError(path, 20, found, "a link type below 65536", "The file header is damaged, or the format is unknown.")
    tick_ns, record_head = _FORMATS[magic]
    linktype = link & 0xFFFF
    fcs_len = 2 * (link >> 28) if link & 0x04000000 else 0
    return PcapHeader(big, tick_ns, record_head, _lengths(major, minor), linktype, snaplen & 0x7FFFFFFF, max_caplen(linktype), fcs_len)


def _lengths(major: int, minor: int) -> int:
    """Versions before 2.3 had the length on the wire first, 2.3 had either, as had DG/UX tcpdump (543.0)."""
    if major == 543 or minor < 3:
        return LENGTHS_SWAPPED
    return LENGTHS_GUESS if minor == 3 else LENGTHS_NORMAL
