"""H.323: calls (H.225.0 in Q.931 over TCP), channels (H.245), registration and admission (RAS over UDP), as nf_conntrack_h323 reads them.

What counts:

* TCP carries messages in TPKT frames (RFC 1006), several in a packet; a frame's four bytes of header may come alone, its message in the
  next packet. A frame that a segment holds in part is not read, nor is what stands behind one that cannot be read.
* A call's Setup, CallProceeding, Connect, Alerting, Progress and Facility announce the H.245 connection (h245Address), and channels
  at once (fastStart, H.245 messages inside); H.245's OpenLogicalChannel and its Ack announce media: RTP and RTCP at the even port and the
  next, T.120 for good. Only an address that is the sender's own counts, and whoever comes is the other end of the signalling.
* RAS: a gatekeeper that is confirmed at another address is expected to be asked there; a registration makes calls to it expected, from
  the gatekeeper alone (``h323.gkrouted_only``); a confirmed admission or location makes a call to there expected. The registration's
  lifetime (``h323.default_rrq_ttl`` without one) is the RAS connection's. Linux means to give it to the expected calls, too, but looks
  for one from nobody: with ``gkrouted_only`` it finds none, and they stay expected for four minutes. An unregistration ends all.
* A call that is forwarded is followed to its new end; with ``h323.callforward_filter`` only if that lies elsewhere than the caller, by
  the routes of the firewall. No capture shows these: what then begins is undecidable.
* What cannot be read changes nothing; a packet that announces what cannot be expected is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pcapaudit.conntrack.expectations import ANY, Death, Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.h323_syntax import messages
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.conntrack.helpers.per import decode
from pcapaudit.core.consts import HELPER_H245, HELPER_Q931, HELPER_RAS, PROTO_TCP, PROTO_UDP

__all__ = ["H245", "Q931", "RAS", "Frames", "h323_part"]

_ALL_ADDRESS = (1 << 128) - 1
#: Linux reads no more of a packet.
_MOST = 65535
_TPKT_HEADER, _TPKT_VERSION = 4, b"\3\0"
_Q931_CALLS, _USER_USER = 0x08, 0x7E
_TIMEOUT_NS = 240 * NS
_UNREGISTERED_NS = 30 * NS


@dataclass(slots=True)
class Frames:
    """TPKT frames of both directions: how long a message is whose header came alone."""

    waiting: list[int] = field(default_factory=lambda: [0, 0])

    def read(self, direction: int, data: bytes) -> Iterator[bytes]:
        """The messages in a packet's payload."""
        waiting, self.waiting[direction] = self.waiting[direction], 0
        if len(data) < _TPKT_HEADER or not data.startswith(_TPKT_VERSION):
            if not 0 < waiting <= len(data):
                return
            yield data[:waiting]
            data = data[waiting:]
            # Behind such a message one more byte is wanted than a header has.
            if len(data) <= _TPKT_HEADER:
                return
        while data.startswith(_TPKT_VERSION) and len(data) >= _TPKT_HEADER:
            size = int.from_bytes(data[2:4], "big")
            if size < _TPKT_HEADER:
                return
            if size > len(data):
                if len(data) == _TPKT_HEADER:
                    self.waiting[direction] = size - _TPKT_HEADER
                return
            yield data[_TPKT_HEADER:size]
            data = data[size:]
            if len(data) <= _TPKT_HEADER:
                return


def h323_part(data: bytes) -> bytes | None:
    """What of a Q.931 message is H.225.0's: the user-user information behind its protocol discriminator; None if there is none.

    As in Linux every information element in front of it is taken for one with a length, those of a single byte as well.
    """
    if len(data) < 2 or data[0] != _Q931_CALLS:
        return None
    at = 2 + data[1]
    if len(data) - at < 2:
        return None
    at += 2 if data[at + 1] & 0x80 else 1
    while at < len(data):
        if data[at] == _USER_USER:
            size = int.from_bytes(data[at + 1 : at + 3], "big")
            found = data[at + 4 : at + 3 + size]
            return found if found and len(found) == size - 1 else None
        if at + 1 >= len(data):
            return None
        at += 2 + data[at + 1]
    return None


@dataclass(slots=True)
class _Registration:
    """What a RAS connection has agreed on."""

    #: Port of signalling of each direction's sender, 0 if none is expected; seconds that the registration counts.
    ports: list[int] = field(default_factory=lambda: [0, 0])
    seconds: int = 0


@dataclass(slots=True)
class _Turn:
    """A packet, and what it is read with."""

    packet: Control
    master: Master
    desk: Desk

    @property
    def sender(self) -> Tuple:
        """The tuple of the packet."""
        return self.master.sender(self.packet.direction)

    def expect(self, proto: int, address: int, port: int, **more: Any) -> Expectation | None:
        """Expect the other end of the signalling at a place; None if it cannot be."""
        one = self.sender
        made = Expectation(self.master, Tuple(one.l3, proto, one.dst, 0, address, port, one.zone), **more)
        return made if self.desk.expect(made, self.packet) == Outcome.MADE else None

    def own(self, place: tuple[int, int] | None) -> tuple[int, int] | None:
        """An address and port, if they are the sender's."""
        return place if place is not None and place[0] == self.sender.src and place[1] else None


#: What a message has done: False if something could not be expected.
_Done = bool


def _read_stream(read: Callable[[bytes, _Turn], _Done | None], packet: Control, master: Master, desk: Desk) -> Answer:
    """A packet of a TCP connection: its frames one by one, up to one that cannot be read (None)."""
    if not packet.established:
        return Answer.ACCEPT
    if not packet.size or packet.cut:
        # A header that came alone is forgotten, as it is by any packet of its direction.
        master.state.waiting[packet.direction] = 0
        return Answer.BLIND if packet.cut else Answer.ACCEPT
    turn = _Turn(packet, master, desk)
    for frame in master.state.read(packet.direction, packet.data[:_MOST]):
        done = read(frame, turn)
        if not done:
            return Answer.ACCEPT if done is None else Answer.DROP
    return Answer.ACCEPT


# Channels: H.245 ----------------------------------------------------------------------------------------------------------------------


def _control(frame: bytes, turn: _Turn) -> _Done | None:
    """A frame of H.245."""
    said = decode(messages().control, frame)
    return None if said is None else _channel_message(said, turn)


def _channel_message(said: tuple[str, Any], turn: _Turn) -> _Done:
    """A message of H.245, on its own connection or inside a call's."""
    message = said[1]
    if not isinstance(message, tuple) or message[1] is None:
        return True
    if message[0] == "openLogicalChannel":
        return _open_channel(message[1], turn)
    return message[0] != "openLogicalChannelAck" or _open_channel_ack(message[1], turn)


def _open_channel(said: Mapping[str, Any], turn: _Turn) -> _Done:
    forward = said["forward"]
    sides = (forward, said.get("reverse") or {})
    if not all(_media(side.get("multiplex"), turn) for side in sides):
        return False
    stack = said.get("separateStack")
    return stack is None or not _is_t120(forward["dataType"]) or _t120(stack, turn)


def _open_channel_ack(said: Mapping[str, Any], turn: _Turn) -> _Done:
    both = (said.get("reverse") or {}).get("multiplex"), said.get("forwardAck")
    stack = said.get("separateStack")
    return all(_media(each, turn) for each in both) and (stack is None or _t120(stack, turn))


def _is_t120(kind: tuple[str, Any]) -> bool:
    """Whether a channel is T.120's, over TCP."""
    if kind[0] != "data":
        return False
    application = kind[1]["application"]
    return bool(application[0] == "t120" and application[1][0] == "separateLANStack")


def _media(multiplex: tuple[str, Any] | None, turn: _Turn) -> _Done:
    """The media of a channel: RTP and RTCP of both the places that it names."""
    if multiplex is None or multiplex[0] != "h2250" or multiplex[1] is None:
        return True
    for name in ("mediaChannel", "mediaControlChannel"):
        place = turn.own(_channel_place(multiplex[1].get(name), turn.sender.l3))
        if place is None:
            continue
        rtp = turn.expect(PROTO_UDP, place[0], place[1] & ~1)
        if rtp is None:
            return False
        if turn.expect(PROTO_UDP, place[0], place[1] | 1) is None:
            turn.desk.table.remove(rtp, Death.WITHDRAWN, turn.packet.now)
            return False
    return True


def _t120(stack: Mapping[str, Any], turn: _Turn) -> _Done:
    """A channel for data: it may be connected to more than once."""
    network = stack["networkAddress"]
    place = turn.own(_channel_place(network[1], turn.sender.l3)) if network[0] == "localAreaAddress" else None
    return place is None or turn.expect(PROTO_TCP, *place, permanent=True) is not None


def _channel_place(said: tuple[str, Any] | None, l3: int) -> tuple[int, int] | None:
    """Address and port in H.245, if they are of the connection's IP version."""
    if said is None or said[0] != "unicast":
        return None
    return _place(said[1], "iPAddress" if l3 == 4 else "iP6Address", "network")


def _call_place(said: tuple[str, Any] | None, l3: int) -> tuple[int, int] | None:
    """Address and port in H.225.0, likewise."""
    return None if said is None else _place(said, "ipAddress" if l3 == 4 else "ip6Address", "ip")


def _place(said: tuple[str, Any], name: str, address: str) -> tuple[int, int] | None:
    return (int.from_bytes(said[1][address], "big"), said[1]["port"]) if said[0] == name else None


# Calls: H.225.0 in Q.931 --------------------------------------------------------------------------------------------------------------


def _call(frame: bytes, turn: _Turn) -> _Done | None:
    """A frame of a call's signalling."""
    part = h323_part(frame)
    said = None if part is None else decode(messages().call, part)
    if said is None:
        return None
    pdu = said["pdu"]
    name, body = pdu["body"]
    if name in _ANNOUNCING and body is not None and not _call_message(name, body, turn):
        return False
    return all(each is None or _channel_message(each, turn) for each in pdu.get("h245Control") or ())


_ANNOUNCING = frozenset({"setup", "callProceeding", "connect", "alerting", "facility", "progress"})


def _call_message(name: str, body: Mapping[str, Any], turn: _Turn) -> _Done:
    if name == "facility" and body["reason"][0] == "callForwarded":
        return _forward(_call_place(body.get("alternativeAddress"), turn.sender.l3), turn)
    place = turn.own(_call_place(body.get("h245Address"), turn.sender.l3))
    if place is not None and turn.expect(PROTO_TCP, *place, helper=HELPER_H245) is None:
        return False
    return all(each is None or _open_channel(each, turn) for each in body.get("fastStart") or ())


def _forward(place: tuple[int, int] | None, turn: _Turn) -> _Done:
    """The call goes on at another place."""
    if place is None or not place[1]:
        return True
    if turn.desk.params["h323.callforward_filter"]:
        one = turn.sender
        if place[0] == one.dst:
            return True
        turn.desk.doubt(Tuple(one.l3, PROTO_TCP, one.dst, 0, *place, one.zone), _TIMEOUT_NS)
        return True
    return turn.expect(PROTO_TCP, *place, helper=HELPER_Q931) is not None


# Registration, admission, status: RAS -------------------------------------------------------------------------------------------------


def _read_ras(packet: Control, master: Master, desk: Desk) -> Answer:
    """One datagram."""
    if not packet.size:
        return Answer.ACCEPT
    if packet.cut:
        return Answer.BLIND
    said = decode(messages().ras, packet.data)
    read = None if said is None else _RAS_MESSAGES.get(said[0])
    if read is None or said[1] is None:
        return Answer.ACCEPT
    return Answer.ACCEPT if read(said[1], _Turn(packet, master, desk)) else Answer.DROP


def _gatekeeper_confirm(said: Mapping[str, Any], turn: _Turn) -> _Done:
    """The gatekeeper wants to be asked at this place."""
    place, one = _call_place(said["rasAddress"], turn.sender.l3), turn.sender
    if place is None or place == (one.src, one.sport) or turn.master.expected:
        return True
    return turn.expect(PROTO_UDP, *place, helper=HELPER_RAS) is not None


def _registration_request(said: Mapping[str, Any], turn: _Turn) -> _Done:
    """An end point can be called at the first of its addresses that is its own."""
    state, params = turn.master.state, turn.desk.params
    places = (turn.own(_call_place(each, turn.sender.l3)) for each in said["callSignalAddress"])
    place = next((each for each in places if each is not None), None)
    if place is not None:
        one = turn.sender
        source, mask = (one.dst, _ALL_ADDRESS) if params["h323.gkrouted_only"] else (0, ANY)
        tuple_ = Tuple(one.l3, PROTO_TCP, source, 0, *place, one.zone)
        wanted = Expectation(turn.master, tuple_, src_mask=mask, helper=HELPER_Q931, permanent=True)
        if turn.desk.expect(wanted, turn.packet) != Outcome.MADE:
            return False
        state.ports[turn.packet.direction] = place[1]
    state.seconds = said.get("timeToLive", params["h323.default_rrq_ttl"])
    return True


def _registration_confirm(said: Mapping[str, Any], turn: _Turn) -> _Done:
    """From now on it counts."""
    state, one, now = turn.master.state, turn.sender, turn.packet.now
    state.seconds = said.get("timeToLive", state.seconds)
    if state.seconds:
        turn.desk.refresh(turn.master, state.seconds * NS)
        known = turn.desk.table.find(Tuple(one.l3, PROTO_TCP, 0, 0, one.dst, state.ports[1 - turn.packet.direction], one.zone), now)
        if known is not None and known.master is turn.master:
            turn.desk.table.refresh(known, now + state.seconds * NS)
    return True


def _unregistration_request(_said: Mapping[str, Any], turn: _Turn) -> _Done:
    """It no longer counts; half a minute is left for the answer."""
    turn.desk.table.forget(turn.master, Death.WITHDRAWN, turn.packet.now)
    turn.master.state.ports = [0, 0]
    turn.desk.refresh(turn.master, _UNREGISTERED_NS)
    return True


def _admission_confirm(said: Mapping[str, Any], turn: _Turn) -> _Done:
    """The caller may call there; one that was asked about its own address is the called one."""
    place = _call_place(said["destCallSignalAddress"], turn.sender.l3)
    if place is None or place[0] == turn.sender.dst:
        return True
    return turn.expect(PROTO_TCP, *place, permanent=True, helper=HELPER_Q931) is not None


def _location_confirm(said: Mapping[str, Any], turn: _Turn) -> _Done:
    """The one that was looked for can be called there."""
    place = _call_place(said["callSignalAddress"], turn.sender.l3)
    return place is None or turn.expect(PROTO_TCP, *place, permanent=True, helper=HELPER_Q931) is not None


_RAS_MESSAGES: Mapping[str, Callable[[Mapping[str, Any], _Turn], _Done]] = {
    "gatekeeperConfirm": _gatekeeper_confirm,
    "registrationRequest": _registration_request,
    "registrationConfirm": _registration_confirm,
    "unregistrationRequest": _unregistration_request,
    "admissionConfirm": _admission_confirm,
    "locationConfirm": _location_confirm,
}


def _read_call(packet: Control, master: Master, desk: Desk) -> Answer:
    return _read_stream(_call, packet, master, desk)


def _read_control(packet: Control, master: Master, desk: Desk) -> Answer:
    return _read_stream(_control, packet, master, desk)


Q931 = Helper(
    number=HELPER_Q931,
    name="Q.931",
    protos=(PROTO_TCP,),
    port=1720,
    versions=(4, 6),
    policies=(Policy(20, _TIMEOUT_NS),),
    read=_read_call,
    state=Frames,
    params=(("h323.default_rrq_ttl", 300), ("h323.gkrouted_only", 1), ("h323.callforward_filter", 1)),
    announces=(PROTO_TCP, PROTO_UDP),
)
#: Announced by Q.931 alone: no port is its own.
H245 = Helper(
    number=HELPER_H245,
    name="H.245",
    protos=(PROTO_TCP,),
    port=0,
    versions=(4, 6),
    policies=(Policy(18, _TIMEOUT_NS),),
    read=_read_control,
    state=Frames,
    announces=(PROTO_TCP, PROTO_UDP),
)
RAS = Helper(
    number=HELPER_RAS,
    name="RAS",
    protos=(PROTO_UDP,),
    port=1719,
    versions=(4, 6),
    policies=(Policy(32, _TIMEOUT_NS),),
    read=_read_ras,
    state=_Registration,
    announces=(PROTO_TCP, PROTO_UDP),
    to_anybody=True,
)
