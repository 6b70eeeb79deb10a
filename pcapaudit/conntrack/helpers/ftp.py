"""FTP (RFC 959, RFC 1123, RFC 2428): PORT and EPRT from the client, 227 and 229 from the server, as Linux's nf_conntrack_ftp reads them.

What counts:

* A line is read only where a packet begins with it, and only if the packet begins where a line is known to begin: behind a packet that
  ended in a line feed. Two such places are remembered for each direction, so that a repeated packet is read again. Hence the first
  packet of each direction is never read.
* A packet that begins with such a command and does not hold all of it (or whose numbers cannot be read) is dropped: the sender will send
  it again, whole. So is one that announces what cannot be expected. "227 Logout." is one of these, and so is a server's lone "2".
* Numbers are not checked: 300 is taken into an address as it overflows, PORT may name port 0; EPRT and 229 may not.
* Unless ``ftp.loose`` is set, an address that is not the sender's own is passed over: no expectation, no complaint.
* The data connection comes from the other end of the control channel, from any port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import AddressValueError, IPv6Address

from pcapaudit.conntrack.expectations import Expectation, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy
from pcapaudit.conntrack.seqnum import after, before, wrap
from pcapaudit.core.consts import HELPER_FTP, PROTO_TCP

__all__ = ["FTP", "Announcement", "Found", "announcement"]

_M32 = 0xFFFFFFFF
_CR, _LF, _COMMA, _DOT = b"\r\n,."
#: Line beginnings that are remembered.
_REMEMBERED = 2


class Found(IntEnum):
    """What a line turned out to be."""

    NOTHING = 0
    #: All of an announcement.
    WHOLE = 1
    #: The beginning of one, or one that cannot be read.
    PARTIAL = 2


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where the sender of a line wants to be connected to."""

    #: The command: PORT, EPRT, 227 or 229.
    command: str
    #: Address, or None where the command names none: the sender's own.
    address: int | None
    port: int


@dataclass(slots=True)
class _Lines:
    """Where lines are known to begin: sequence numbers of each direction."""

    starts: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))

    def note(self, direction: int, seq: int) -> None:
        """A line begins at ``seq``; of two known beginnings the older makes room, if the new one is not older still."""
        known = self.starts[direction]
        if seq in known:
            return
        if len(known) < _REMEMBERED:
            known.append(seq)
            return
        oldest = 0 if before(known[0], known[1]) else 1
        if after(seq, known[oldest]):
            known[oldest] = seq


def announcement(line: bytes, direction: int, l3: int) -> tuple[Found, Announcement | None]:
    """What the payload of a packet announces: commands come in the original direction (0), replies in the other."""
    if len(line) > _LONGEST and line[:_LONGEST].upper() not in _COMMANDS[direction]:
        return _NOTHING
    for command, skip, read in _PATTERNS[direction]:
        size = len(command)
        if len(line) <= size:
            if line.upper() == command[: len(line)]:
                return Found.PARTIAL, None
            continue
        if line[:size].upper() != command:
            continue
        if skip:
            place = line.find(skip, size)
            if place < 0:
                return Found.PARTIAL, None
            size = place + 1
        found = read(line[size:], l3)
        if found is None:
            return Found.PARTIAL, None
        return Found.WHOLE, Announcement(command.decode().strip(), *found)
    return _NOTHING


def _read(packet: Control, master: Master, desk: Desk) -> Answer:
    """One packet of a control channel."""
    if not packet.established or not packet.size:
        return Answer.ACCEPT
    direction, lines, data = packet.direction, master.state, packet.data
    answer, cut = Answer.ACCEPT, len(data) < packet.size
    if packet.seq in lines.starts[direction]:
        found, said = announcement(data, direction, master.original.l3)
        if cut and found != Found.WHOLE:
            answer = Answer.BLIND
        elif found == Found.PARTIAL:
            return Answer.DROP
        elif said is not None and not _expect(said, packet, master, desk):
            answer = Answer.DROP
    # Where the packet was cut off, its end is taken for the end of a line: most are.
    if cut or data[-1] == _LF:
        lines.note(direction, wrap(packet.seq + packet.size))
    return answer


def _expect(said: Announcement, packet: Control, master: Master, desk: Desk) -> bool:
    """Expect what was announced. Returns False if it cannot be."""
    sender = master.sender(packet.direction)
    address = sender.src if said.address is None else said.address
    if address != sender.src and not desk.params["ftp.loose"]:
        return True
    wanted = Tuple(sender.l3, PROTO_TCP, sender.dst, 0, address, said.port, sender.zone)
    return desk.expect(Expectation(master, wanted), packet) == Outcome.MADE


# The four forms -------------------------------------------------------------------------------------------------------------------


def _numbers(text: bytes, count: int, between: int, end: int) -> tuple[list[int], int] | None:
    """``count`` numbers with ``between`` between them and ``end`` (0: anything) behind them, and how many bytes they take."""
    values, at = [0] * count, 0
    for length, byte in enumerate(text):
        if 48 <= byte <= 57:
            values[at] = (values[at] * 10 + byte - 48) & _M32
        elif byte == between:
            at += 1
            if at == count:
                return None
        else:
            return (values, length) if length and at == count - 1 and end in (0, byte) else None
    return None


def _address4(values: list[int]) -> int:
    """Four numbers as an address; those over 255 overflow into their neighbours, as Linux has it."""
    return (values[0] << 24 | values[1] << 16 | values[2] << 8 | values[3]) & _M32


def _host_port(text: bytes, end: int) -> tuple[int | None, int] | None:
    """``192,168,1,1,5,6``."""
    found = _numbers(text, 6, _COMMA, end)
    if found is None:
        return None
    values = found[0]
    return _address4(values), (values[4] << 8 | values[5]) & 0xFFFF


def _port(text: bytes, _l3: int) -> tuple[int | None, int] | None:
    """What stands behind PORT."""
    return _host_port(text, _CR)


def _passive(text: bytes, _l3: int) -> tuple[int | None, int] | None:
    """What stands behind 227: RFC 1123 has the numbers begin with the first digit, whatever stands before (section 4.1.2.6)."""
    for at, byte in enumerate(text):
        if 48 <= byte <= 57:
            return _host_port(text[at:], 0)
    return None


def _extended_passive(text: bytes, _l3: int) -> tuple[int | None, int] | None:
    """What stands behind 229 and its parenthesis: ``|||6446|``."""
    if len(text) <= 3 or not _delimits(text[0]) or not text[0] == text[1] == text[2]:
        return None
    port = _number(text, 3, text[0])
    return None if port is None else (None, port)


def _extended_port(text: bytes, l3: int) -> tuple[int | None, int] | None:
    """What stands behind EPRT: ``|1|132.235.1.2|6275|`` or ``|2|1080::8:800:200C:417A|5282|``."""
    if len(text) <= 3 or not _delimits(text[0]) or text[2] != text[0] or text[1] != (49 if l3 == 4 else 50):
        return None
    delimiter = text[0]
    address: int | None
    if l3 == 4:
        found = _numbers(text[3:], 4, _DOT, delimiter)
        if found is None:
            return None
        address, size = _address4(found[0]), found[1]
    else:
        size = text.find(delimiter, 3) - 3
        address = _address6(text[3 : 3 + size]) if size > 0 else None
        if address is None:
            return None
    port = _number(text, 3 + size + 1, delimiter)
    return None if port is None else (address, port)


def _address6(text: bytes) -> int | None:
    try:
        return None if b"%" in text else int(IPv6Address(text.decode("ascii")))
    except (AddressValueError, UnicodeDecodeError):
        return None


def _delimits(byte: int) -> bool:
    """Whether RFC 2428 allows a byte as delimiter."""
    return 33 <= byte <= 126 and not 48 <= byte <= 57


def _number(text: bytes, start: int, delimiter: int) -> int | None:
    """A port of 16 bits (larger numbers lose the rest) up to a delimiter; None for 0 and for what is no number."""
    value = 0
    for byte in text[start:]:
        if byte == delimiter:
            return value or None
        if not 48 <= byte <= 57:
            return None
        value = (value * 10 + byte - 48) & 0xFFFF
    return None


#: By direction: the command, the byte behind which its argument begins (empty: at once), and who reads that.
_PATTERNS: tuple[tuple[tuple[bytes, bytes, Callable[[bytes, int], tuple[int | None, int] | None]], ...], ...] = (
    ((b"PORT", b" ", _port), (b"EPRT", b" ", _extended_port)),
    ((b"227 ", b"", _passive), (b"229 ", b"(", _extended_passive)),
)
#: All four commands are of one length.
_LONGEST = 4
_COMMANDS = tuple(frozenset(command for command, _, _ in patterns) for patterns in _PATTERNS)
_NOTHING = Found.NOTHING, None

FTP = Helper(
    number=HELPER_FTP,
    name="ftp",
    protos=(PROTO_TCP,),
    port=21,
    versions=(4, 6),
    policies=(Policy(1, 300 * NS),),
    read=_read,
    state=_Lines,
    params=(("ftp.loose", 0),),
)
