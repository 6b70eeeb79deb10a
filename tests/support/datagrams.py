"""Packets cut into fragments, and what a kernel and the engine say of them brought into one form.

The kernel answers for the frame that makes a datagram whole, and says of the others that they wait; the engine says the same of all.
"""

from __future__ import annotations

import struct

from pcapaudit.core import consts

__all__ = ["WAITING", "as_frames", "split4", "split6"]

#: Reasons of fragments of which the kernel has no more to say than that it kept or refused them.
WAITING = (
    consts.REASON_FRAGMENT_QUEUED,
    consts.REASON_FRAGMENT_DROPPED,
    consts.REASON_FRAGMENT_TIMEOUT,
    consts.REASON_FRAGMENT_OPEN,
)


def split4(packet, *sizes):
    """Cut an IPv4 packet into fragments of so many payload bytes, and the rest."""
    header, payload, parts, at = packet[:20], packet[20:], [], 0
    for size in (*sizes, len(payload)):
        piece, more = payload[at : at + size], at + size < len(payload)
        head = bytearray(header)
        head[2:4], head[6:8] = struct.pack("!H", 20 + len(piece)), struct.pack("!H", at // 8 | (0x2000 if more else 0))
        head[10:12] = b"\0\0"
        total = sum(struct.unpack("!10H", head))
        total = (total & 0xFFFF) + (total >> 16)
        head[10:12] = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
        parts.append(bytes(head) + piece)
        at += size
    return [part for part in parts if len(part) > 20]


def split6(packet, *sizes, ident=7):
    """The same for IPv6, with a fragment header."""
    header, payload, parts, at = packet[:40], packet[40:], [], 0
    for size in (*sizes, len(payload)):
        piece, more = payload[at : at + size], at + size < len(payload)
        if piece:
            head = bytearray(header)
            head[4:6], head[6] = struct.pack("!H", 8 + len(piece)), 44
            parts.append(bytes(head) + struct.pack("!BBHI", header[6], 0, at | more, ident) + piece)
        at += size
    return parts


def as_frames(answers, datagrams, waits):
    """The engine's answers as the kernel gives them: ``waits`` for all frames of a datagram but the one that made it whole.

    ``datagrams``: first frame of the datagram of each frame, 0 for none. Where the frames of one do not say the same, all are ``None``.
    """
    parts = {}
    for frame, datagram in enumerate(datagrams):
        if datagram and answers[frame] != waits:
            parts.setdefault(datagram, []).append(frame)
    found = list(answers)
    for frames in parts.values():
        same = all(answers[frame] == answers[frames[-1]] for frame in frames)
        for frame in frames[:-1]:
            found[frame] = waits if same else None
        if not same:
            found[frames[-1]] = None
    return found
