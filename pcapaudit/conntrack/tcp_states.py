"""The TCP state table, as Linux has it.

Viewpoint: we stand between the two hosts. What we saw may be lost further on; what we did not see, nobody received. We always guess
the state of the one who sent last. The original direction is that of the connection's first packet.

What the states mean, by the segment that led there:

==  ============  ==============================================
NO  none          nothing seen yet
SS  syn_sent      SYN
SR  syn_recv      SYN-ACK
ES  established   ACK
FW  fin_wait      FIN
CW  close_wait    ACK after a FIN
LA  last_ack      FIN after a FIN
TW  time_wait     the last ACK
CL  close         RST
S2  syn_sent2     SYN from both sides (simultaneous open)
==  ============  ==============================================

A cell may also say

* ``ig``: let through without any change. The endpoints may be in step while we are not: their answer (a RST, a SYN-ACK) settles it;
* ``iv``: invalid, whatever the endpoints think.

``tcp.py`` applies the table, and handles what one cell cannot say.
"""

from __future__ import annotations

from pcapaudit.conntrack.layout import GO_IGNORE, GO_INVALID
from pcapaudit.core import consts

__all__ = ["FLAG_KINDS", "SEGMENTS", "STATES", "TRANSITIONS", "VALID_FLAGS"]

#: Columns of the table, and the number of each state.
STATES = {
    "NO": consts.TCPS_NONE,
    "SS": consts.TCPS_SYN_SENT,
    "SR": consts.TCPS_SYN_RECV,
    "ES": consts.TCPS_ESTABLISHED,
    "FW": consts.TCPS_FIN_WAIT,
    "CW": consts.TCPS_CLOSE_WAIT,
    "LA": consts.TCPS_LAST_ACK,
    "TW": consts.TCPS_TIME_WAIT,
    "CL": consts.TCPS_CLOSE,
    "S2": consts.TCPS_SYN_SENT2,
}
#: Rows of the table, in the order of the SEG_ numbers.
SEGMENTS = ("syn", "syn-ack", "fin", "ack", "rst", "none")

_ORIGINAL = """
            NO SS SR ES FW CW LA TW CL S2
    syn     SS SS ig ig ig ig ig SS SS S2    opens, opens again (port reuse); on a live connection the receiver will answer
    syn-ack iv iv SR iv iv iv iv iv iv SR    only an answer to the other side's SYN
    fin     iv iv FW FW LA LA LA TW CL iv    closes; the second FIN, and its repetitions
    ack     ES iv ES ES CW CW TW TW CL iv    from nothing: picked up in the middle
    rst     iv CL CL CL CL CL CL CL CL CL
    none    iv iv iv iv iv iv iv iv iv iv
"""
_REPLY = """
            NO SS SR ES FW CW LA TW CL S2
    syn     iv S2 iv iv iv iv iv SS iv S2    simultaneous open; after time_wait the roles may change
    syn-ack iv SR ig ig ig ig ig ig ig SR    the answer, its repetitions, or the answer to a SYN that was let through
    fin     iv iv FW FW LA LA LA TW CL iv
    ack     iv ig SR ES CW CW TW TW CL ig    in syn_sent: the answer of a half-open connection
    rst     iv CL CL CL CL CL CL CL CL CL
    none    iv iv iv iv iv iv iv iv iv iv
"""


def _flatten(text: str) -> bytes:
    """One direction as 6 rows of 16 cells."""
    head, *lines = text.strip().splitlines()
    columns = [STATES[name] for name in head.split()]
    cells = {**STATES, "ig": GO_IGNORE, "iv": GO_INVALID}
    flat = bytearray([GO_INVALID]) * 96
    for line in lines:
        name, *row = line.split()[: len(columns) + 1]
        for column, cell in zip(columns, row, strict=True):
            flat[SEGMENTS.index(name) * 16 + column] = cells[cell]
    return bytes(flat)


#: The cell for (direction, segment, state) is ``TRANSITIONS[(direction * 6 + segment) * 16 + state]``.
TRANSITIONS = _flatten(_ORIGINAL) + _flatten(_REPLY)

_VALID = ("S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU")


def _mask(letters: str) -> int:
    return sum(1 << "FSRPAUEC".index(letter) for letter in letters)


def _flag_sets() -> bytes:
    """By the eight flag bits: 1 for a combination that a TCP may send. PSH, ECE and CWR change nothing."""
    kept = ~_mask("PEC")
    valid = {_mask(letters) for letters in _VALID}
    return bytes(flags & kept in valid for flags in range(256))


def _kind(flags: int) -> int:
    """The row of the table for a flag byte: the strongest flag counts."""
    if flags & consts.TCP_RST:
        return SEGMENTS.index("rst")
    if flags & consts.TCP_SYN:
        return SEGMENTS.index("syn-ack" if flags & consts.TCP_ACK else "syn")
    if flags & consts.TCP_FIN:
        return SEGMENTS.index("fin")
    return SEGMENTS.index("ack" if flags & consts.TCP_ACK else "none")


VALID_FLAGS = _flag_sets()
#: SEG_ number by flag byte.
FLAG_KINDS = bytes(_kind(flags) for flags in range(256))
