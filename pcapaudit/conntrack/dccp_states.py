"""The DCCP state table, as Linux has it.

Viewpoint: we stand between the two hosts. What we saw may be lost further on; what we did not see, nobody received. The two sides have
roles: the client is the one that sent the Request. States and packet types are those of RFC 4340, sections 5.1 and 8.

What the states mean, by the packet that led there:

==  =========  =====================================================
NO  none       nothing seen yet
RQ  request    Request from the client
RS  respond    Response from the server
PO  partopen   Ack or DataAck from the client
OP  open       anything but Response, Reset and Sync from the server
CR  closereq   CloseReq from the server
CG  closing    Close
TW  timewait   Reset
==  =========  =====================================================

A cell may also say

* ``ig``: let through without any change. Perhaps the ends know more than we do: if a Request that was let through gets its Response,
  they do, and the connection starts from there. A Sync and its answer are always let through, they change nothing;
* ``iv``: invalid, whatever the ends think.

``dccp.py`` applies the table, and handles what one cell cannot say.
"""

from __future__ import annotations

from pcapaudit.conntrack.layout import GO_IGNORE, GO_INVALID
from pcapaudit.core import consts

__all__ = ["HEADER_LENGTHS", "LONG_ONLY", "PACKETS", "STATES", "TRANSITIONS"]

#: Columns of the table, and the number of each state.
STATES = {
    "NO": consts.DCCPS_NONE,
    "RQ": consts.DCCPS_REQUEST,
    "RS": consts.DCCPS_RESPOND,
    "PO": consts.DCCPS_PARTOPEN,
    "OP": consts.DCCPS_OPEN,
    "CR": consts.DCCPS_CLOSEREQ,
    "CG": consts.DCCPS_CLOSING,
    "TW": consts.DCCPS_TIMEWAIT,
}
#: Rows of the table, in the order of the packet types on the wire (RFC 4340, section 5.1); the others are reserved.
PACKETS = ("request", "response", "data", "ack", "dataack", "closereq", "close", "reset", "sync", "syncack")

_CLIENT = """
             NO RQ RS PO OP CR CG TW
    request  RQ RQ RS ig ig ig ig RQ    opens, or opens again
    response iv ig ig ig ig ig ig iv    may answer a Request that was let through: then the roles change
    data     iv iv iv iv OP CR CG iv    partopen allows DataAck only (section 8.1.5)
    ack      iv iv PO PO OP CR CG iv
    dataack  iv iv PO PO OP CR CG iv
    closereq iv iv iv iv iv iv iv iv    only the server may send it
    close    iv iv iv CG CG CG iv iv    not sent again, though RFC 4340 allows it
    reset    iv TW TW TW TW TW TW ig
    sync     iv ig ig ig ig ig ig ig
    syncack  iv ig ig ig ig ig ig ig
"""
_SERVER = """
             NO RQ RS PO OP CR CG TW
    request  iv ig ig ig ig ig ig RQ    opens in the other direction: the roles change
    response iv RS RS ig ig ig ig iv
    data     iv iv iv OP OP iv CG iv    after a CloseReq only a Close is awaited
    ack      iv iv iv OP OP iv CG iv
    dataack  iv iv iv OP OP iv CG iv
    closereq iv iv iv CR CR CR CR iv
    close    iv iv iv CG CG iv CG iv
    reset    iv TW TW TW TW TW TW TW    the last cell differs from the client's: it refreshes the time-out
    sync     iv ig ig ig ig ig ig ig
    syncack  iv ig ig ig ig ig ig ig
"""


def _flatten(text: str) -> bytes:
    """One role as 10 rows of 16 cells."""
    head, *lines = text.strip().splitlines()
    columns = [STATES[name] for name in head.split()]
    cells = {**STATES, "ig": GO_IGNORE, "iv": GO_INVALID}
    flat = bytearray([GO_INVALID]) * (16 * len(PACKETS))
    for line in lines:
        name, *row = line.split()[: len(columns) + 1]
        for column, cell in zip(columns, row, strict=True):
            flat[PACKETS.index(name) * 16 + column] = cells[cell]
    return bytes(flat)


#: The cell for (role, packet type, state) is ``TRANSITIONS[(role * 10 + type) * 16 + state]``; role 0 is the client, 1 the server.
TRANSITIONS = _flatten(_CLIENT) + _flatten(_SERVER)

#: Types that must carry a 48-bit sequence number (RFC 4340, section 5.1), as a mask.
LONG_ONLY = sum(1 << number for number, name in enumerate(PACKETS) if name not in ("data", "ack", "dataack"))
#: Bytes that a type has behind the generic header. Linux takes the eight of a long acknowledgement number also where it is a short one.
_SUBHEADERS = {"request": 4, "response": 12, "data": 0, "reset": 12}


def _header_length(low: int) -> int:
    """Bytes of the header without options, for the type and X bits (the lowest bit says 48-bit sequence numbers)."""
    kind, is_long = low >> 1, low & 1
    if kind >= len(PACKETS):
        return 12
    return 12 + 4 * is_long + _SUBHEADERS.get(PACKETS[kind], 8)


#: By the five lowest bits of the header's ninth byte, type and X: how long the header is at least.
HEADER_LENGTHS = bytes(_header_length(low) for low in range(32))
