"""SIP (RFC 3261): calls announce their media (SDP, RFC 4566), registrations the calls to come, as Linux's nf_conntrack_sip reads them.

What counts:

* The media of INVITE, UPDATE, ACK, PRACK and of their 1xx and 2xx answers: for each of up to three ``m=`` lines (audio, video, image) the
  port and the next one (RTP and RTCP, beginning at the even one) are expected for three minutes. A new INVITE, a BYE, or an answer that
  refuses the INVITE takes them back.
* With ``sip.sip_direct_media`` (default) media flow between the two ends of the signalling: an address that is not the sender's own is
  passed over. Without it, anybody may send to any address.
* A REGISTER makes a call to its Contact expected, for good and from the registrar alone (``sip.sip_direct_signalling``), with this helper;
  it counts from the registrar's 2xx answer on, for the time that this one states. An answer without the contact, or one that refuses,
  takes it back. Registrations for somebody else are passed over; an expected connection does not register.
* Any packet with payload gives the signalling connection ``sip.sip_timeout`` (an hour).
* A message that cannot be read where it matters is dropped: no CSeq, no status code, a media port below 1024, media without an address.
* Over TCP a packet holds whole messages; one that goes on in the next packet is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pcapaudit.conntrack.expectations import ANY, Death, Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.conntrack.helpers.siptext import Found, Message
from pcapaudit.core.consts import HELPER_SIP, PROTO_TCP, PROTO_UDP

__all__ = ["SIP"]

_SHORTEST = len("SIP/2.0 200")
_ALL_ADDRESS = (1 << 128) - 1
_SIGNALLING, _AUDIO, _VIDEO, _IMAGE = range(4)
_MEDIA = ((b"audio ", _AUDIO), (b"video ", _VIDEO), (b"image ", _IMAGE))
_FIRST_PORT, _LAST_PORT = 1024, 65535


@dataclass(slots=True)
class _State:
    """Sequence numbers of the last INVITE and REGISTER."""

    invite: int = 0
    register: int = 0


@dataclass(slots=True)
class _Turn:
    """One message and what it is read with."""

    message: Message
    packet: Control
    master: Master
    desk: Desk
    cseq: int = 0

    @property
    def sender(self) -> Tuple:
        """The tuple of the packet."""
        return self.master.sender(self.packet.direction)

    def expect(self, wanted: Expectation) -> Outcome:
        """Make an expectation."""
        return self.desk.expect(wanted, self.packet)

    def withdraw(self, *, media: bool) -> None:
        """Take back all media, or the latest registration."""
        for each in reversed(list(self.master.pending.values())):
            if (each.kind != _SIGNALLING) == media:
                self.desk.table.remove(each, Death.WITHDRAWN, self.packet.now)
                if not media:
                    return


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet of a signalling connection."""
    tcp = master.original.proto == PROTO_TCP
    if not packet.size or (tcp and not packet.established):
        return Answer.ACCEPT
    desk.refresh(master, desk.params["sip.sip_timeout"] * NS)
    if packet.size < _SHORTEST:
        return Answer.ACCEPT
    if packet.cut:
        return Answer.BLIND
    if not tcp:
        return _message(_Turn(Message(packet.data, master.original.l3), packet, master, desk))
    return _stream(packet, master, desk)


def _error(master: Master, desk: Desk) -> None:
    """An ICMP error, taken for a packet with payload: Linux looks for that behind eight bytes of either header."""
    if master.original.proto != PROTO_TCP:
        desk.refresh(master, desk.params["sip.sip_timeout"] * NS)


def _stream(packet: Control, master: Master, desk: Desk) -> Answer:
    """The whole messages of a TCP segment."""
    data, answer = packet.data, Answer.ACCEPT
    while answer == Answer.ACCEPT:
        size = _whole(Message(data, master.original.l3))
        if not 0 < size <= len(data):
            break
        answer = _message(_Turn(Message(data[:size], master.original.l3), packet, master, desk))
        data = data[size:]
    return answer


def _whole(message: Message) -> int:
    """Bytes of the message that data begins with, 0 if nobody can say: headers, an empty line, Content-Length bytes."""
    spot = message.header(b"Content-Length")
    if spot.found != Found.YES:
        return 0
    length, digits = message.number(spot.at)
    if not digits or length > len(message.data):
        return 0
    end = message.data.find(b"\r\n\r\n", spot.at + digits)
    return 0 if end < 0 else end + 4 + length


def _message(turn: _Turn) -> Answer:
    """One message: a request or an answer."""
    data = turn.message.data
    if data[:8].upper() == b"SIP/2.0 ":
        return _response(turn)
    for method, request, _ in _METHODS:
        size = len(method)
        if request is None or len(data) < size + 2 or data[:size].upper() != method:
            continue
        if data[size] == 0x20 and data[size + 1 : size + 2].isalpha():
            return request(turn) if _sequence(turn) is not None else Answer.DROP
    return Answer.ACCEPT


def _response(turn: _Turn) -> Answer:
    message = turn.message
    if len(message.data) < _SHORTEST:
        return Answer.ACCEPT
    code, _ = message.number(8)
    end = _sequence(turn) if code else None
    if end is None:
        return Answer.DROP
    for method, _, respond in _METHODS:
        if respond is not None and message.data[end + 1 : end + 1 + len(method)].upper() == method:
            return respond(turn, code)
    return Answer.ACCEPT


def _sequence(turn: _Turn) -> int | None:
    """Read the CSeq's number; returns where it ends, None if there is none."""
    spot = turn.message.header(b"CSeq")
    if spot.found != Found.YES:
        return None
    turn.cseq, digits = turn.message.number(spot.at)
    return spot.at + spot.size if digits else None


# Calls --------------------------------------------------------------------------------------------------------------------------------


def _invite(turn: _Turn) -> Answer:
    turn.withdraw(media=True)
    answer = _media(turn)
    if answer == Answer.ACCEPT:
        turn.master.state.invite = turn.cseq
    return answer


def _call_answer(turn: _Turn, code: int) -> Answer:
    """An answer to INVITE, UPDATE or PRACK."""
    if 100 <= code <= 299:
        return _media(turn)
    if turn.master.state.invite == turn.cseq:
        turn.withdraw(media=True)
    return Answer.ACCEPT


def _bye(turn: _Turn) -> Answer:
    turn.withdraw(media=True)
    return Answer.ACCEPT


def _media(turn: _Turn) -> Answer:
    """Expect what the session description says."""
    message = turn.message
    session = message.sdp(b"v=", 0)
    if session.found != Found.YES:
        return Answer.ACCEPT
    common = _connection(message, session.at)
    at, count = session.at, 0
    while count < len(_MEDIA):
        line = message.sdp(b"m=", at)
        if line.found != Found.YES:
            break
        at = line.at
        found = next(((name, kind) for name, kind in _MEDIA if line.size >= len(name) and message.data.startswith(name, at)), None)
        if found is None:
            at += line.size
            continue
        at += len(found[0])
        port, _ = message.number(at)
        if port == 0:
            continue
        own = _connection(message, at)
        address = common if own is None else own
        if not _FIRST_PORT <= port <= _LAST_PORT or address is None:
            return Answer.DROP
        if not _expect_media(turn, address, port, found[1]):
            return Answer.DROP
        count += 1
    return Answer.ACCEPT


def _connection(message: Message, at: int) -> int | None:
    """The address of the next ``c=`` line before the next ``m=`` line."""
    spot = message.sdp(b"c=", at, b"m=")
    found = message.address(spot.at, bracketed=False) if spot.found == Found.YES else None
    return None if found is None else found[0]


def _expect_media(turn: _Turn, address: int, port: int, kind: int) -> bool:
    """Expect RTP and RTCP. False if they cannot be."""
    sender, master, direct = turn.sender, turn.master, turn.desk.params["sip.sip_direct_media"]
    if direct and address != sender.src:
        return True
    source, mask = (sender.dst, _ALL_ADDRESS) if direct else (0, ANY)
    other = turn.desk.table.find(Tuple(sender.l3, PROTO_UDP, source, 0, address, port, sender.zone), turn.packet.now)
    alike = other is not None and other.master.helper is master.helper and other.master.original.proto == master.original.proto
    if other is not None and alike and other.master is not master and other.kind == kind:
        # Another connection announced the same: the same call on its way through several. Over TCP and UDP Linux has two helpers.
        return True
    made: list[Expectation] = []
    for number in (port & ~1, port | 1):
        tuple_ = Tuple(sender.l3, PROTO_UDP, source, 0, address, number, sender.zone)
        wanted = Expectation(master, tuple_, src_mask=mask, kind=kind, skip_master=True)
        outcome = turn.expect(wanted)
        if outcome not in (Outcome.MADE, Outcome.TAKEN):
            for each in made:
                turn.desk.table.remove(each, Death.WITHDRAWN, turn.packet.now)
            return False
        if outcome == Outcome.MADE:
            made.append(wanted)
    return True


# Registrations ------------------------------------------------------------------------------------------------------------------------


def _register(turn: _Turn) -> Answer:
    """A registration: a call to its contact will be expected, once the registrar agrees."""
    if turn.master.expected:
        return Answer.ACCEPT
    message, sender = turn.message, turn.sender
    expires = _expires(message)
    first = next(message.contacts(), None)
    if first is None:
        return Answer.ACCEPT
    spot, end = first
    if end is None:
        return Answer.DROP
    address, port = end
    behind = spot.at + spot.size
    if address != sender.src or not _same_transport(turn, behind):
        return Answer.ACCEPT
    own = _number_parameter(message, behind, expires)
    if own is None:
        return Answer.DROP
    if own:
        source, mask = (sender.dst, _ALL_ADDRESS) if turn.desk.params["sip.sip_direct_signalling"] else (0, ANY)
        tuple_ = Tuple(sender.l3, sender.proto, source, 0, address, port, sender.zone)
        wanted = Expectation(turn.master, tuple_, src_mask=mask, kind=_SIGNALLING, permanent=True, inactive=True, helper=HELPER_SIP)
        if turn.expect(wanted) != Outcome.MADE:
            return Answer.DROP
    turn.master.state.register = turn.cseq
    return Answer.ACCEPT


def _register_answer(turn: _Turn, code: int) -> Answer:
    """The registrar's answer: the contact that it lists is expected from now on, as long as it says."""
    if turn.master.state.register != turn.cseq or 100 <= code <= 199:
        return Answer.ACCEPT
    if 200 <= code <= 299:
        message, common = turn.message, _expires(turn.message)
        for spot, end in message.contacts():
            if end is None:
                return Answer.DROP
            behind = spot.at + spot.size
            if end[0] != turn.sender.dst or not _same_transport(turn, behind):
                continue
            expires = _number_parameter(message, behind, common)
            if expires is None:
                return Answer.DROP
            if expires == 0:
                break
            if _activate(turn, end, expires):
                return Answer.ACCEPT
    turn.withdraw(media=False)
    return Answer.ACCEPT


def _activate(turn: _Turn, end: tuple[int, int], expires: int) -> bool:
    """The registration of an address and port counts for so many seconds. False if there is none."""
    for each in reversed(list(turn.master.pending.values())):
        places = [(place.dst, place.dport) for place in (each.tuple, each.also) if place is not None]
        if each.kind == _SIGNALLING and end in places and each.tuple.proto == turn.master.original.proto:
            each.inactive = False
            turn.desk.table.refresh(each, turn.packet.now + expires * NS)
            return True
    return False


def _expires(message: Message) -> int:
    """The Expires header; 0 without."""
    spot = message.header(b"Expires")
    return message.number(spot.at)[0] if spot.found == Found.YES else 0


def _number_parameter(message: Message, at: int, otherwise: int) -> int | None:
    """The parameter ``expires=`` behind a contact; None if it is no number."""
    spot = message.parameter(at, b"expires=")
    if spot.found != Found.YES:
        return otherwise
    value, digits = message.number(spot.at)
    return value if digits else None


def _same_transport(turn: _Turn, at: int) -> bool:
    """Whether a contact is to be reached by the protocol that the message came by."""
    spot = turn.message.parameter(at, b"transport=")
    if spot.found != Found.YES:
        return True
    wanted = {b"TCP": PROTO_TCP, b"UDP": PROTO_UDP}.get(turn.message.data[spot.at : spot.at + 3].upper())
    return wanted == turn.master.original.proto


_METHODS: tuple[tuple[bytes, Callable[[_Turn], Answer] | None, Callable[[_Turn, int], Answer] | None], ...] = (
    (b"INVITE", _invite, _call_answer),
    (b"UPDATE", _media, _call_answer),
    (b"ACK", _media, None),
    (b"PRACK", _media, _call_answer),
    (b"BYE", _bye, None),
    (b"REGISTER", _register, _register_answer),
)

SIP = Helper(
    number=HELPER_SIP,
    name="sip",
    protos=(PROTO_UDP, PROTO_TCP),
    port=5060,
    versions=(4, 6),
    policies=(Policy(1, 180 * NS), Policy(4, 180 * NS), Policy(4, 180 * NS), Policy(2, 180 * NS)),
    read=_read,
    state=_State,
    quoted=_error,
    params=(("sip.sip_timeout", 3600), ("sip.sip_direct_media", 1), ("sip.sip_direct_signalling", 1)),
    announces=(PROTO_UDP, PROTO_TCP),
)
