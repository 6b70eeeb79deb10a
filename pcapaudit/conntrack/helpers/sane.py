"""SANE, network scanners: the answer to a start request names the data port, as Linux's nf_conntrack_sane reads it."""

from __future__ import annotations

from dataclasses import dataclass

from pcapaudit.conntrack.expectations import Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.core.consts import DIR_ORIGINAL, HELPER_SANE, PROTO_TCP

__all__ = ["SANE"]

#: SANE_NET_START, and what its answer begins with: status good, a word of no meaning here.
_START = (7).to_bytes(4, "big")
_GOOD = bytes(6)
#: Bytes of a request; bytes of the answer up to the port.
_REQUEST, _ANSWER = 8, 8


@dataclass(slots=True)
class _State:
    """What was asked."""

    started: bool = False


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet: a request of eight bytes, or the answer to one."""
    state = master.state
    if not packet.established or not packet.size:
        return Answer.ACCEPT
    if packet.direction == DIR_ORIGINAL:
        if packet.size == _REQUEST:
            if packet.cut:
                return Answer.BLIND
            state.started = packet.data[:4] == _START
        return Answer.ACCEPT
    if not state.started:
        return Answer.ACCEPT
    state.started = False
    if packet.size < _ANSWER:
        return Answer.ACCEPT
    if len(packet.data) < _ANSWER:
        return Answer.BLIND
    if packet.data[:6] != _GOOD:
        return Answer.ACCEPT
    one = master.original
    wanted = Tuple(one.l3, PROTO_TCP, one.src, 0, one.dst, int.from_bytes(packet.data[6:8], "big"), one.zone)
    return Answer.ACCEPT if desk.expect(Expectation(master, wanted), packet) == Outcome.MADE else Answer.DROP


SANE = Helper(
    follows_nat=False,
    number=HELPER_SANE,
    name="sane",
    protos=(PROTO_TCP,),
    port=6566,
    versions=(4, 6),
    policies=(Policy(1, 300 * NS),),
    read=_read,
    state=_State,
)
