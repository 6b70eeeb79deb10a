"""The SCTP state table, as Linux has it.

Viewpoint: we stand between the two hosts and follow the association, not one of its ends. The original direction is that of the
association's first packet; a further path of a multihomed association is an entry of its own, which its HEARTBEAT opens.

What the states mean, by the chunk that led there:

==  ==================  ========================================================================
NO  none                nothing seen yet
CL  closed              INIT without its answer; SHUTDOWN COMPLETE; ABORT
CW  cookie_wait         INIT ACK
CE  cookie_echoed       COOKIE ECHO
ES  established         COOKIE ACK; HEARTBEAT ACK on a further path
SS  shutdown_sent       SHUTDOWN from the original side
SR  shutdown_recd       SHUTDOWN from the reply side
SA  shutdown_ack_sent   SHUTDOWN ACK
HS  heartbeat_sent      HEARTBEAT, before anything else
==  ==================  ========================================================================

``iv`` in a cell: invalid. Every chunk without a row (DATA, SACK, ECN, extensions) leaves the state as it is. Which chunks may stand
together, and with which verification tag, ``sctp.py`` says.
"""

from __future__ import annotations

from pcapaudit.conntrack.layout import GO_INVALID
from pcapaudit.core import consts

__all__ = ["CHUNKS", "CHUNK_ROWS", "STATES", "TRANSITIONS"]

#: Columns of the table, and the number of each state.
STATES = {
    "NO": consts.SCTPS_NONE,
    "CL": consts.SCTPS_CLOSED,
    "CW": consts.SCTPS_COOKIE_WAIT,
    "CE": consts.SCTPS_COOKIE_ECHOED,
    "ES": consts.SCTPS_ESTABLISHED,
    "SS": consts.SCTPS_SHUTDOWN_SENT,
    "SR": consts.SCTPS_SHUTDOWN_RECD,
    "SA": consts.SCTPS_SHUTDOWN_ACK_SENT,
    "HS": consts.SCTPS_HEARTBEAT_SENT,
}
#: Chunk types that a state may depend on (RFC 9260, section 3.2).
CHUNKS = {
    "init": 1,
    "init-ack": 2,
    "heartbeat": 4,
    "heartbeat-ack": 5,
    "abort": 6,
    "shutdown": 7,
    "shutdown-ack": 8,
    "error": 9,
    "cookie-echo": 10,
    "cookie-ack": 11,
    "shutdown-complete": 14,
}
#: Rows of the flat table for one direction: chunk types below this have one.
CHUNK_ROWS = 16

_ORIGINAL = """
                      NO CL CW CE ES SS SR SA HS
    init              CL CL CW CE ES CL CL SA CW    opens; on a live association it changes nothing until it is answered
    init-ack          CL CL CW CE ES SS SR SA CL    only an answer counts, see below
    abort             CL CL CL CL CL CL CL CL CL
    shutdown          CL CL CW CE SS SS SR SA CL
    shutdown-ack      SA CL CW CE ES SA SA SA SA    without an association: the answer is SHUTDOWN COMPLETE
    error             CL CL CW CE ES SS SR SA CL    a stale cookie is the other side's error
    cookie-echo       CL CL CE CE ES SS SR SA CL
    cookie-ack        CL CL CW ES ES SS SR SA CL    the two sides opened at the same time
    shutdown-complete CL CL CW CE ES SS SR CL CL
    heartbeat         HS CL CW CE ES SS SR SA HS    opens a further path
    heartbeat-ack     CL CL CW CE ES SS SR SA HS
"""
_REPLY = """
                      NO CL CW CE ES SS SR SA HS
    init              iv CL CW CE ES SS SR SA iv    both sides open: decided by who answers
    init-ack          iv CW CW CE ES SS SR SA iv    the answer to INIT
    abort             iv CL CL CL CL CL CL CL iv
    shutdown          iv CL CW CE SR SS SR SA iv
    shutdown-ack      iv CL CW CE ES SA SA SA iv
    error             iv CL CW CL ES SS SR SA iv    a stale cookie ends the handshake
    cookie-echo       iv CL CE CE ES SS SR SA iv
    cookie-ack        iv CL CW ES ES SS SR SA iv    the handshake is complete
    shutdown-complete iv CL CW CE ES SS SR CL iv    the association is closed
    heartbeat         iv CL CW CE ES SS SR SA HS
    heartbeat-ack     iv CL CW CE ES SS SR SA ES    the further path works
"""


def _flatten(text: str) -> bytes:
    """One direction as CHUNK_ROWS rows of 16 cells, by the type's number; a type without a line stays where it is."""
    head, *lines = text.strip().splitlines()
    columns = [STATES[name] for name in head.split()]
    cells = {**STATES, "iv": GO_INVALID}
    flat = bytearray(range(16)) * CHUNK_ROWS
    for line in lines:
        name, *row = line.split()[: len(columns) + 1]
        for column, cell in zip(columns, row, strict=True):
            flat[CHUNKS[name] * 16 + column] = cells[cell]
    return bytes(flat)


#: The cell for (direction, chunk type, state) is ``TRANSITIONS[(direction * CHUNK_ROWS + type) * 16 + state]``.
TRANSITIONS = _flatten(_ORIGINAL) + _flatten(_REPLY)
