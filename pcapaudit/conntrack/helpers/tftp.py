"""TFTP (RFC 1350): the server answers a request from a port of its own choice, as Linux's nf_conntrack_tftp expects it.

A read or write request from either side makes the server's answer, from any port to the client's, expected for five minutes. The request
is usually the first packet of its connection: the expectation is there before the connection is confirmed.
"""

from __future__ import annotations

from pcapaudit.conntrack.expectations import Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.core.consts import HELPER_TFTP, PROTO_UDP

__all__ = ["TFTP"]

_READ, _WRITE = 1, 2


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """A datagram: what counts is its opcode."""
    if packet.size < 2:
        return Answer.ACCEPT
    if len(packet.data) < 2:
        return Answer.BLIND
    if int.from_bytes(packet.data[:2], "big") not in (_READ, _WRITE):
        return Answer.ACCEPT
    one = master.original
    wanted = Tuple(one.l3, PROTO_UDP, one.dst, 0, one.src, one.sport, one.zone)
    return Answer.ACCEPT if desk.expect(Expectation(master, wanted), packet) == Outcome.MADE else Answer.DROP


TFTP = Helper(
    number=HELPER_TFTP,
    name="tftp",
    protos=(PROTO_UDP,),
    port=69,
    versions=(4, 6),
    policies=(Policy(1, 300 * NS),),
    read=_read,
    announces=(PROTO_UDP,),
)
