"""What the detectors of hole punches have in common: STUN read with dpkt, and under which filtering a punch works."""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["FILTERINGS", "filtering", "is_classic_request", "is_relaying", "read_stun"]

#: RFC 4787 section 5, from the most open to the strictest; Linux conntrack does the last.
FILTERINGS = ("endpoint-independent", "address-dependent", "address-and-port-dependent")

#: STUN methods that only TURN has (RFC 8656): Allocate, Refresh, Send, Data, CreatePermission, ChannelBind.
_RELAY_METHODS = frozenset({0x003, 0x004, 0x006, 0x007, 0x008, 0x009})
_COOKIE = 0x2112A442
_USERNAME, _PRIORITY, _USE_CANDIDATE, _SOFTWARE, _CONTROLLED, _CONTROLLING = 0x0006, 0x0024, 0x0025, 0x8022, 0x8029, 0x802A
#: Characters of a text attribute that are shown.
_SHOWN = 60


def read_stun(payload: bytes) -> dict[str, Any]:
    """What a STUN message says of itself: method and class, ICE role and user name. Empty if it is none; never raises."""
    import dpkt

    if len(payload) < 20 or payload[0] & 0xC0 or int.from_bytes(payload[4:8], "big") != _COOKIE:
        return {}
    number, length = struct.unpack_from("!HH", payload)
    found: dict[str, Any] = {"method": _method(number), "class": ("request", "indication", "response", "error")[_class(number)]}
    rest = payload[20 : 20 + length]
    while len(rest) >= 4:
        try:
            kind, _, data, following = dpkt.stun.tlv(rest)
        except Exception:  # noqa: BLE001  # crafted attributes may raise anything in dpkt; what was read so far stands
            break
        if kind in {_USERNAME, _SOFTWARE}:
            found["username" if kind == _USERNAME else "software"] = _text(data)
        elif kind == _PRIORITY and len(data) == 4:
            found["priority"] = int.from_bytes(data, "big")
        elif kind == _USE_CANDIDATE:
            found["nominates"] = True
        elif kind in {_CONTROLLED, _CONTROLLING}:
            found["ice_role"] = "controlled" if kind == _CONTROLLED else "controlling"
        if len(following) >= len(rest):
            break
        rest = following
    return found


def is_relaying(payload: bytes) -> bool:
    """Whether a message is of TURN: a relay carries what no hole carries."""
    if len(payload) < 20 or payload[0] & 0xC0 or int.from_bytes(payload[4:8], "big") != _COOKIE:
        return False
    return _method(int.from_bytes(payload[:2], "big")) in _RELAY_METHODS


def is_classic_request(head: bytes, payload_len: int) -> bool:
    """Whether a message begins as a binding request of RFC 3489, which had no cookie: ``head`` is at least its first eight bytes."""
    if head[:2] != b"\x00\x01" or int.from_bytes(head[4:8], "big") == _COOKIE:
        return False
    return int.from_bytes(head[2:4], "big") == payload_len - 20 and payload_len % 4 == 0


def filtering(mapped_before: bool, host_known_before: bool, first_from_inside: bool) -> dict[str, bool]:
    """By filtering of RFC 4787: whether the peer's first datagram is let in.

    ``mapped_before``: the socket inside had sent something to anybody; ``host_known_before``: to the peer's address; ``first_from_inside``:
    to the very endpoint.
    """
    return dict(zip(FILTERINGS, (mapped_before, host_known_before, first_from_inside), strict=True))


def _method(number: int) -> int:
    """The twelve bits of the method, between which lie the two of the class (RFC 8489 section 5)."""
    return number & 0x000F | (number & 0x00E0) >> 1 | (number & 0x3E00) >> 2


def _class(number: int) -> int:
    return number >> 4 & 1 | number >> 7 & 2


def _text(data: bytes) -> str:
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in data[:_SHOWN].decode("latin-1"))
