"""Link types: number → name → the header that a frame of it begins with.

Names are those of the registry at tcpdump.org, without ``LINKTYPE_``. A link type that is not here, or has LAYER_UNKNOWN, is not
decoded: its frames are counted, with the anomaly ``unknown-linktype``. The low numbers 12 and 14 are what systems wrote for raw IP before
there was a registry.
"""

from __future__ import annotations

from pcapaudit.wire import layers

__all__ = ["LINKTYPES", "first_layers", "linktype_name"]

#: number → (name, layer)
LINKTYPES: dict[int, tuple[str, int]] = {
    0: ("NULL", layers.LAYER_NULL),
    1: ("ETHERNET", layers.LAYER_ETHERNET),
    12: ("RAW", layers.LAYER_IP),
    14: ("RAW", layers.LAYER_IP),
    101: ("RAW", layers.LAYER_IP),
    108: ("LOOP", layers.LAYER_LOOP),
    113: ("LINUX_SLL", layers.LAYER_SLL),
    228: ("IPV4", layers.LAYER_IPV4),
    229: ("IPV6", layers.LAYER_IPV6),
    276: ("LINUX_SLL2", layers.LAYER_SLL2),
}


def linktype_name(linktype: int) -> str:
    """The name of a link type, or its number where it has none here."""
    return LINKTYPES[linktype][0] if linktype in LINKTYPES else str(linktype)


def first_layers() -> bytes:
    """LAYER_ by link type number, for numbers below 512."""
    return bytes(LINKTYPES[number][1] if number in LINKTYPES else layers.LAYER_UNKNOWN for number in range(512))
