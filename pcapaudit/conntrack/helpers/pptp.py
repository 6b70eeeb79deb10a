"""PPTP (RFC 2637): the control channel agrees on call identifiers, which are the keys of the GRE packets, as nf_conntrack_pptp reads it.

Viewpoint: the client (PNS) opened the control channel, the server (PAC) answers. When a call is connected, GRE in either direction is
expected; whichever comes first uses up the other. A GRE packet names the key of its receiver alone; from the agreed pair the key map
(``Desk.keys``) knows the sender's, so that both directions are one connection. The end of the call or of the control channel ends the
GRE connection at once.

Packets hold one message each; what does not begin with one, or holds less of it than its type needs, is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from pcapaudit.conntrack.expectations import Death, Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.core.consts import DIR_ORIGINAL, HELPER_PPTP, PROTO_GRE, PROTO_TCP

__all__ = ["PPTP", "Call", "Session"]

_CONTROL, _MAGIC = 1, 0x1A2B3C4D
_HEADER = 12
#: Message types, and the bytes that each needs behind the header.
_START_REQUEST, _START_REPLY, _STOP_REQUEST, _STOP_REPLY = 1, 2, 3, 4
_OUT_REQUEST, _OUT_REPLY, _IN_REQUEST, _IN_REPLY, _IN_CONNECT, _CLEAR, _DISCONNECT = 7, 8, 9, 10, 11, 12, 13
_SIZES = {1: 144, 2: 144, 3: 4, 4: 4, 7: 156, 8: 20, 9: 208, 10: 12, 11: 16, 12: 4, 13: 136, 14: 28, 15: 12}
#: Result code of every message that says yes.
_YES = 1


class Session(IntEnum):
    """State of the control session."""

    NONE = 0
    ERROR = 1
    STOP_REQUESTED = 2
    REQUESTED = 3
    CONFIRMED = 4


class Call(IntEnum):
    """State of its call."""

    NONE = 0
    OUT_REQUESTED = 2
    OUT_CONFIRMED = 3
    IN_REQUESTED = 4
    IN_REPLIED = 5
    IN_CONFIRMED = 6
    CLEAR_REQUESTED = 7


@dataclass(slots=True)
class _State:
    """What was agreed so far."""

    session: Session = Session.NONE
    call: Call = Call.NONE
    #: Call identifiers of the server and of the client.
    pac: int = 0
    pns: int = 0
    #: Tuples in the key map, by direction.
    keys: dict[int, Tuple] = field(default_factory=dict)


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet of the control channel."""
    if not packet.established or packet.size < _HEADER:
        return Answer.ACCEPT
    if len(packet.data) < _HEADER:
        return Answer.BLIND
    _, kind, magic, message = struct.unpack_from("!HHIH", packet.data)
    if kind != _CONTROL or magic != _MAGIC or packet.size - _HEADER < _SIZES.get(message, 0):
        return Answer.ACCEPT
    body = packet.data[_HEADER:]
    if message in _SIZES and len(body) < min(_SIZES[message], 6):
        return Answer.BLIND
    if packet.direction == DIR_ORIGINAL:
        _from_client(message, body, master.state)
    elif _from_server(message, body, master.state):
        _expect_gre(packet, master, desk)
    elif message == _DISCONNECT:
        master.state.call = Call.NONE
        _hang_up(master, desk, packet.now)
    return Answer.ACCEPT


def _from_client(message: int, body: bytes, state: _State) -> None:
    """What the client says."""
    if message == _START_REQUEST and state.session == Session.NONE:
        state.session = Session.REQUESTED
    elif message == _STOP_REQUEST:
        state.session = Session.STOP_REQUESTED
    elif message == _OUT_REQUEST and state.session == Session.CONFIRMED:
        state.call, state.pns = Call.OUT_REQUESTED, _call_id(body, 0)
    elif message == _IN_REPLY and state.call in (Call.IN_REQUESTED, Call.IN_REPLIED) and state.pac == _call_id(body, 2):
        state.call = Call.NONE
        if body[4] == _YES:
            state.call, state.pns = Call.IN_REPLIED, _call_id(body, 0)
    elif message == _CLEAR and state.session == Session.CONFIRMED:
        state.call = Call.CLEAR_REQUESTED


def _from_server(message: int, body: bytes, state: _State) -> bool:
    """What the server says. Returns whether a call is connected by it."""
    if message == _START_REPLY and state.session in (Session.REQUESTED, Session.CONFIRMED):
        state.session = Session.CONFIRMED if body[2] == _YES else Session.ERROR
    elif message == _STOP_REPLY and state.session in (Session.NONE, Session.ERROR, Session.STOP_REQUESTED):
        state.session = Session.NONE if body[0] == _YES else Session.ERROR
    elif state.session != Session.CONFIRMED:
        return False
    elif message == _OUT_REPLY and state.call in (Call.OUT_REQUESTED, Call.OUT_CONFIRMED) and state.pns == _call_id(body, 2):
        if body[4] != _YES:
            state.call = Call.NONE
            return False
        state.call, state.pac = Call.OUT_CONFIRMED, _call_id(body, 0)
        return True
    elif message == _IN_REQUEST:
        state.call, state.pac = Call.IN_REQUESTED, _call_id(body, 0)
    elif message == _IN_CONNECT and state.call in (Call.IN_REPLIED, Call.IN_CONFIRMED) and state.pns == _call_id(body, 0):
        state.call = Call.IN_CONFIRMED
        return True
    return False


def _call_id(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 2], "big")


# GRE ----------------------------------------------------------------------------------------------------------------------------------


def _expect_gre(packet: Control, master: Master, desk: Desk) -> None:
    """Both directions of the call's GRE."""
    one, state = master.original, master.state
    there = Tuple(one.l3, PROTO_GRE, one.src, state.pns, one.dst, state.pac, one.zone)
    both = [Expectation(master, tuple_, sport_mask=0xFFFF, arrived=_came(desk)) for tuple_ in (there, there.turned())]
    if desk.expect(both[0], packet) != Outcome.MADE:
        return
    if desk.expect(both[1], packet) != Outcome.MADE:
        desk.table.remove(both[0], Death.WITHDRAWN, packet.now)
        return
    for direction, wanted in enumerate(both):
        known = state.keys.get(direction)
        if known is not None and _receiver(known) != _receiver(wanted.tuple):
            # One call at a time has its keys known; Linux takes the new one back.
            if direction:
                _forget_keys(master, desk)
            for each in both:
                desk.table.remove(each, Death.WITHDRAWN, packet.now)
            return
        if known is None:
            state.keys[direction] = wanted.tuple
            desk.keys.setdefault(_receiver(wanted.tuple), []).append(wanted.tuple.sport)


def _came(desk: Desk) -> Callable[[Expectation, int, int], None]:
    """What happens when one of the two comes: the other is no longer expected."""

    def arrived(found: Expectation, _row: int, now: int) -> None:
        other = desk.table.find(found.tuple.turned(), now)
        if other is not None:
            desk.table.remove(other, Death.WITHDRAWN, now)

    return arrived


def _receiver(tuple_: Tuple) -> tuple[int, int, int, int]:
    """What a GRE packet shows of its tuple."""
    return tuple_.l3, tuple_.src, tuple_.dst, tuple_.dport


def _forget_keys(master: Master, desk: Desk) -> None:
    for tuple_ in master.state.keys.values():
        known = desk.keys[_receiver(tuple_)]
        known.remove(tuple_.sport)
        if not known:
            del desk.keys[_receiver(tuple_)]
    master.state.keys.clear()


def _hang_up(master: Master, desk: Desk, now: int) -> None:
    """The call is over: a GRE connection with its identifiers ends, announced or not, and what is expected of it is taken back."""
    _forget_keys(master, desk)
    state, one = master.state, master.original
    there = Tuple(one.l3, PROTO_GRE, one.src, state.pns, one.dst, state.pac, one.zone)
    for tuple_ in (there, there.turned()):
        pending = None if desk.kill(tuple_, now) else desk.table.find(tuple_, now)
        if pending is not None:
            desk.table.remove(pending, Death.WITHDRAWN, now)


def _child_ended(master: Master, desk: Desk, _row: int) -> None:
    """A GRE connection ended, and the keys go with it."""
    _forget_keys(master, desk)


PPTP = Helper(
    follows_nat=False,
    number=HELPER_PPTP,
    name="pptp",
    protos=(PROTO_TCP,),
    port=1723,
    versions=(4,),
    policies=(Policy(2, 300 * NS),),
    read=_read,
    state=_State,
    ended=_hang_up,
    child_ended=_child_ended,
    announces=(PROTO_GRE,),
)
