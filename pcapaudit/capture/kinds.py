"""What a file is that is no capture we read: named, with what to do about it. No I/O."""

from __future__ import annotations

__all__ = ["describe"]

#: (first bytes, what it is, what to do)
_KINDS = (
    (b"PK\x03\x04", "a zip archive", "Unpack it and give the captures in it."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it and give the captures in it."),
    (b"Rar!", "a rar archive", "Unpack it and give the captures in it."),
    (b"\x1f\x9d", "a file of compress(1)", "Decompress it: uncompress FILE."),
    (b"\x02\x21\x4c\x18", "the legacy lz4 format", "Decompress it: lz4 -d FILE."),
    (b"snoop\0\0\0", "a snoop capture", "Convert it: editcap -F pcapng FILE converted.pcapng"),
    (b"RTSS", "a Network Monitor capture", "Convert it: editcap -F pcapng FILE converted.pcapng"),
    (b"GMBU", "a Network Monitor capture", "Convert it: editcap -F pcapng FILE converted.pcapng"),
    (b"TRSNIFF data", "a Sniffer capture", "Convert it: editcap -F pcapng FILE converted.pcapng"),
    (b"\x54\x00\x00\x0e\x4f\x60", "an ERF capture", "Convert it: editcap -F pcapng FILE converted.pcapng"),
    (b"\x7fELF", "a program", "Give a capture: tcpdump -w FILE writes one."),
    (b"PAR1", "a Parquet file", "Give a capture: tcpdump -w FILE writes one."),
)
_TAR_MAGIC_AT = 257
_SHOWN_BYTES = 8


def describe(head: bytes) -> tuple[str, str]:
    """(what was found, what to do) for a file that begins with these bytes and is neither pcap nor pcapng."""
    if not head:
        return "an empty file", "The capture was never written: record it again."
    for magic, found, advice in _KINDS:
        if head.startswith(magic):
            return found, advice
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return "a tar archive", "Unpack it and give the captures in it."
    text = head[:64].decode("ascii", "replace")
    if all((each.isprintable() and each != "\ufffd") or each in "\r\n\t" for each in text):
        return f"text ({text[:12]!r}…)", "Give the capture itself: tcpdump -w FILE writes one."
    shown = head[:_SHOWN_BYTES].hex(" ")
    return f"the bytes {shown}", "The file is of another kind, or its beginning is damaged: ask file(1)."
