r"""IRC's direct client connections (CTCP DCC): a client tells another to connect to it, as Linux's nf_conntrack_irc reads it.

``PRIVMSG nick :\1DCC SEND file 3232235777 5000\1``: address as one number, then the port. Only what the client sends is read, only the
beginning of a packet, only the first message in it, at most 4095 bytes. An address that is not the client's own is passed over. Anybody
may connect: whom the message went to, the server alone knows.
"""

from __future__ import annotations

from pcapaudit.conntrack.expectations import ANY, Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Params, Policy
from pcapaudit.core.consts import DIR_ORIGINAL, HELPER_IRC, PROTO_TCP

__all__ = ["IRC", "announced"]

_COMMANDS = (b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT ")
_SEARCHED = 4095
_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def announced(data: bytes) -> tuple[int, int] | None:
    """Address and port of the DCC message that a packet begins with."""
    data = data[:_SEARCHED]
    limit, at = len(data), 0
    while at < limit - 10 and data[at] in b" \r\n":
        at += 1
    if at < limit - 10:
        if data[at : at + 8].upper() != b"PRIVMSG ":
            return None
        at += 8
    while at < limit - 26:
        at = data.find(b" :", at, limit - 25)
        if at < 0:
            return None
        at += 2
        if data[at : at + 5] != b"\1DCC ":
            return None
        at += 5
        for command in _COMMANDS:
            if data.startswith(command, at):
                return _arguments(data, at + len(command))
    return None


def _arguments(data: bytes, at: int) -> tuple[int, int] | None:
    """Behind the command: a name, the address, the port; a line feed must follow somewhere."""
    blank = data.find(b" ", at)
    # Twelve bytes are the least that can follow.
    if blank < 0 or (blank > at and blank > len(data) - 12) or data.find(b"\n", blank + 1) < 0:
        return None
    address, at = _number(data, blank + 1)
    while at < len(data) and data[at] == 0x20:
        at += 1
    port, _ = _number(data, at)
    return address & _M32, port & 0xFFFF


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A decimal number, of which 64 bits are kept, and where it ends; 0 if there is none."""
    value = 0
    while at < len(data) and 48 <= data[at] <= 57:
        value = (value * 10 + data[at] - 48) & _M64
        at += 1
    return value, at


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet of a connection to a server."""
    if packet.direction != DIR_ORIGINAL or not packet.established or not packet.size:
        return Answer.ACCEPT
    found = announced(packet.data)
    if found is None:
        return Answer.BLIND if packet.cut and len(packet.data) < _SEARCHED else Answer.ACCEPT
    address, port = found
    one = master.original
    if address != one.src or port == 0:
        return Answer.ACCEPT
    wanted = Tuple(one.l3, PROTO_TCP, 0, 0, one.src, port, one.zone)
    made = desk.expect(Expectation(master, wanted, src_mask=ANY), packet)
    return Answer.ACCEPT if made == Outcome.MADE else Answer.DROP


def _policies(params: Params) -> tuple[Policy, ...]:
    return (Policy(params["irc.max_dcc_channels"], params["irc.dcc_timeout"] * NS),)


IRC = Helper(
    number=HELPER_IRC,
    name="irc",
    protos=(PROTO_TCP,),
    port=6667,
    versions=(4,),
    policies=(Policy(8, 300 * NS),),
    read=_read,
    params=(("irc.max_dcc_channels", 8), ("irc.dcc_timeout", 300)),
    tune=_policies,
    from_anywhere=True,
)
