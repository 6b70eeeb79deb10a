"""What every helper is given and answers: a packet of a control channel in, an answer and perhaps expectations out.

A helper is called for each packet of its connection that the rules accepted, before the connection is confirmed: what was dropped is not
read. It sees the packet's transport payload as it came, not a reassembled stream; what that means for split or repeated commands is each
helper's own business, as it is Linux's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from pcapaudit.conntrack.expectations import Expectation, Expectations, Master, Outcome, Tuple

__all__ = ["NS", "Answer", "Control", "Desk", "Helper", "Params", "Policy"]

#: Nanoseconds in a second.
NS = 1_000_000_000
#: Settings of helpers: ``ftp.loose`` and the like → value.
Params = Mapping[str, int]


class Answer(IntEnum):
    """What a helper says of a packet."""

    ACCEPT = 0
    #: Linux drops it: it announces what cannot be expected, or a part of a command.
    DROP = 1
    #: The capture does not hold what the helper would have read.
    BLIND = 2


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one class of expectations."""

    #: Most pending for one master; 0 for as many as there is room for.
    most: int
    timeout_ns: int


@dataclass(slots=True)
class Control:
    """A packet of a control channel."""

    #: DIR_ORIGINAL or DIR_REPLY.
    direction: int
    #: Traffic was seen both ways.
    established: bool
    #: Payload as far as it was captured, and its length on the wire.
    data: bytes
    size: int
    #: TCP sequence number of the first payload byte.
    seq: int
    #: Time, ns, and number of the frame.
    now: int
    frame: int
    #: The firewall itself sent it.
    local: bool = False

    @property
    def cut(self) -> bool:
        """Whether the capture lacks a part of the payload."""
        return len(self.data) < self.size


@dataclass(slots=True)
class Desk:
    """What a helper works with besides the packet."""

    #: The pending expectations.
    table: Expectations
    #: Settings.
    params: Params
    #: Ends the connection with a tuple, whoever announced it; whether there was one. The last is the time, ns.
    kill: Callable[[Tuple, int], bool] = lambda _tuple, _now: False
    #: Gives the master's connection so many ns from now on.
    refresh: Callable[[Master, int], None] = lambda _master, _ns: None
    #: Remembers for so many ns that nobody can say whether a connection is expected.
    doubt: Callable[[Tuple, int], None] = lambda _tuple, _ns: None
    #: Told of an attempt to expect something, and how it went; says how it went with what NAT makes of it.
    translate: Callable[[Expectation, Outcome], Outcome] | None = None
    #: Mask of the network whose broadcast address this is, 0 if it is none's.
    netmask: Callable[[int], int] = lambda _address: 0
    #: GRE: version, source, destination and receiver's key → the sender's keys.
    keys: dict[tuple[int, int, int, int], list[int]] = field(default_factory=dict)
    #: Something could not be expected because too much is pending already.
    full: bool = False

    def expect(self, wanted: Expectation, packet: Control) -> Outcome:
        """Make an expectation that a packet announces."""
        wanted.frame = packet.frame
        outcome = self.table.expect(wanted, packet.now)
        self.full |= outcome == Outcome.FULL
        return outcome if self.translate is None else self.translate(wanted, outcome)


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper: constant facts, and the function that reads."""

    #: HELPER_ number and Linux's name.
    number: int
    name: str
    #: Transport protocols of the control channel (PROTO_), and the port by which kernels before 6.0 assigned it.
    protos: tuple[int, ...]
    port: int
    #: IP versions that it reads.
    versions: tuple[int, ...]
    #: By class.
    policies: tuple[Policy, ...]
    #: Reads a packet.
    read: Callable[[Control, Master, Desk], Answer]
    #: Makes what the helper remembers of a connection.
    state: Callable[[], Any] = lambda: None
    #: Its settings and their values by default.
    params: tuple[tuple[str, int], ...] = ()
    #: Its policies with other settings than the default.
    tune: Callable[[Params], tuple[Policy, ...]] | None = None
    #: Told when a master ends (ns), and when a connection in a row ends that it announced.
    ended: Callable[[Master, Desk, int], None] | None = None
    child_ended: Callable[[Master, Desk, int], None] | None = None
    #: Told of an ICMP error about the connection, in its original direction.
    quoted: Callable[[Master, Desk], None] | None = None
    #: Protocols of what it announces: a new connection between the same hosts may be one when the helper was blind.
    announces: tuple[int, ...] = (6,)
    #: Anybody may open what it announces, not only the other end of the control channel.
    from_anywhere: bool = False
    #: Linux has a module that translates what it announces like the connection that announced it.
    follows_nat: bool = True
    #: It announces connections to third hosts, too.
    to_anybody: bool = False
