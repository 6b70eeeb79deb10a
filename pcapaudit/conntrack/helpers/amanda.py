"""Amanda, the network backup: the client's answer names the ports of its data streams, as Linux's nf_conntrack_amanda reads it.

A packet of the reply direction that holds ``CONNECT DATA 10001 MESG 10002 INDEX 10003`` in one line makes TCP connections from the
control channel's originator to these ports expected. Every reply gives the control channel ``amanda.master_timeout`` (300 s).
"""

from __future__ import annotations

from pcapaudit.conntrack.expectations import Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.core.consts import DIR_ORIGINAL, HELPER_AMANDA, PROTO_TCP, PROTO_UDP

__all__ = ["AMANDA", "ports"]

_STREAMS = (b"DATA ", b"MESG ", b"INDEX ", b"STATE ")
_DIGITS = 5


def ports(data: bytes) -> list[int]:
    """The ports that a reply announces, in order; a stream without a port ends the list."""
    start = data.find(b"CONNECT ")
    stop = data.find(b"\n", start + 8) if start >= 0 else -1
    if stop < 0:
        return []
    found = []
    for word in _STREAMS:
        at = data.find(word, start + 8, stop)
        if at < 0:
            continue
        at += len(word)
        text = data[at : min(at + _DIGITS, stop)]
        digits = len(text) - len(text.lstrip(b"0123456789"))
        port = int(text[:digits] or b"0") & 0xFFFF
        if port == 0:
            break
        found.append(port)
    return found


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet; only replies are looked at."""
    if packet.direction == DIR_ORIGINAL:
        return Answer.ACCEPT
    desk.refresh(master, desk.params["amanda.master_timeout"] * NS)
    if not packet.size:
        return Answer.ACCEPT
    one, answer = master.original, Answer.ACCEPT
    found = ports(packet.data)
    if packet.cut and not found:
        return Answer.BLIND
    for port in found:
        wanted = Tuple(one.l3, PROTO_TCP, one.src, 0, one.dst, port, one.zone)
        if desk.expect(Expectation(master, wanted), packet) != Outcome.MADE:
            answer = Answer.DROP
    return answer


AMANDA = Helper(
    number=HELPER_AMANDA,
    name="amanda",
    protos=(PROTO_UDP,),
    port=10080,
    versions=(4, 6),
    policies=(Policy(4, 180 * NS),),
    read=_read,
    params=(("amanda.master_timeout", 300),),
)
