"""The machine that a ruleset stands on, as far as rules can ask for it: its routes, and what its interfaces are besides their names.

A ruleset is compiled for a machine; the topology knows it (``replay.routing``). What is not said is unknown to the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pcapaudit.core.ranges import flatten
from pcapaudit.rules import ops

__all__ = ["LOOPBACK", "NO_ROUTE", "InterfaceFacts", "Machine", "Route", "Row", "rows"]


#: The loopback interface among the devices of a route, where the topology does not have it.
LOOPBACK = 0xFFFF


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets to some addresses go. Ranges of routes are nested or apart: of those that hold an address the shortest decides."""

    #: 4 or 6, and the first and last address.
    version: int
    first: int
    last: int
    #: FIB_ number.
    kind: int = ops.FIB_UNICAST
    #: Interfaces by index, none where it is not known by which.
    devices: tuple[int, ...] = ()
    #: The kind is not told by anybody: it is what an address like this mostly is.
    vague: bool = False


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """What rules can ask of an interface; None: not said."""

    #: Its number, as ``ip link`` shows it in front of the name.
    index: int | None = None
    #: Its group.
    group: int | None = None
    #: Its type, an ARPHRD_ number.
    kind: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What the topology says of the firewall."""

    routes: tuple[Route, ...] = ()
    #: IP versions of which all routes are known: to an address that none holds there is no way.
    complete: frozenset[int] = frozenset()
    #: IP versions of which all own addresses are known.
    known: frozenset[int] = frozenset()
    #: Of each interface, by index.
    facts: tuple[InterfaceFacts, ...] = ()
    #: The interface by which a packet came in is told by its source alone, so that it can never be the wrong one.
    follows_source: bool = True
    #: Name of the bridge whose ports the interfaces are: packets pass its hooks, and not those of IP. Empty: a router, or a host.
    bridge: str = ""
    #: Whether packets go input or output because somebody said so, not because of their addresses.
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one stretch of addresses."""

    kind: int
    devices: tuple[int, ...] = field(default=())
    vague: bool = False


#: A stretch without a route.
NO_ROUTE = Row(ops.FIB_NOTHING)


def rows(machine: Machine, version: int) -> tuple[list[int], list[Row]]:
    """First addresses of the stretches of one IP version, ascending from 0, and what is known of each."""
    known: Sequence[Route] = [route for route in machine.routes if route.version == version]
    otherwise = NO_ROUTE if version in machine.complete else Row(ops.FIB_VAGUE)
    stretches = flatten(((each.first, each.last, number) for number, each in enumerate(known)), 32 if version == 4 else 128, -1)
    found = [Row(known[code].kind, known[code].devices, known[code].vague) if code >= 0 else otherwise for _, code in stretches]
    return [start for start, _ in stretches], found
