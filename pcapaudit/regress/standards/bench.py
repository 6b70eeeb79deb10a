"""A bench on which rulesets are tried with made-up packets: an engine of its own for each trial, one packet at a time, each one traced.

``World`` says who talks: hosts inside and outside, from the capture where it has such, else from the zones. A trial never touches the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, ip_address
from typing import TYPE_CHECKING, Any

from pcapaudit.core import consts, vocab
from pcapaudit.replay.made import START_NS, MadeStream
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.trace import FrameTrace, Tracer

if TYPE_CHECKING:
    from pcapaudit.regress.standards.packets import Address
    from pcapaudit.replay.consumer import Context

__all__ = ["Bench", "Ends", "NotAsked", "NotTried", "World", "ends_of"]

_NS = 1_000_000_000
#: Packets of one trial.
_MOST_PACKETS = 200
#: Hosts in the open Internet that no list of addresses without owners names; and of a network nobody said is inside.
_OUTSIDE = {4: ("93.184.216.34", "8.8.4.4", "62.40.98.1"), 6: ("2606:2800:21f::34", "2001:4860:4860::8844", "2001:798:1::1")}
_INSIDE = {4: ("192.168.77.10", "192.168.77.11"), 6: ("fd77::10", "fd77::11")}


class NotTried(Exception):  # noqa: N818  # it is no error
    """A trial came to no answer; the text says why."""


class NotAsked(NotTried):
    """The requirement asks nothing of this ruleset; the text says why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Addresses of one IP version."""

    #: Two hosts inside.
    inside: Address
    inside2: Address
    #: Two hosts outside, and a router on the way.
    outside: Address
    outside2: Address
    router: Address
    #: An address of the firewall itself; None if none is known.
    own: Address | None


@dataclass(frozen=True, slots=True)
class World:
    """What trials know."""

    #: The run's context; its stream is not touched.
    context: Context
    #: By IP version.
    ends: Mapping[int, Ends]
    #: (protocol, IP version) → (source, target, source port, target port) of flows that the capture shows from inside to outside.
    services: Mapping[tuple[int, int], list[tuple[Address, Address, int, int]]]
    #: What was found out already, by key.
    known: dict[Any, Any] = field(default_factory=dict)


def ends_of(topology: Topology, version: int, inside: Iterable[Address] = (), outside: Iterable[Address] = ()) -> Ends:
    """Hosts of a version: those that the capture shows, filled up from the zones. Raises NotTried where there is no side to be on."""
    zones = topology.zones
    within = _hosts(
        topology, version, [*inside, *_of_zones(topology, version, inside=True), *map(ip_address, _INSIDE[version])], inside=True
    )
    beyond = _hosts(
        topology, version, [*outside, *map(ip_address, _OUTSIDE[version]), *_of_zones(topology, version, inside=False)], inside=False
    )
    if len(within) < 2 or len(beyond) < 2:
        side = "inside" if len(within) < 2 else "outside"
        raise NotTried(f"no zone {side} has IPv{version} addresses (zones: {', '.join(zone.name for zone in zones)})")
    owned = [ip_address(net.network_address) for net in topology.own if net.version == version]
    # Whoever comes from outside knocks at the outer address first.
    own = min(owned, key=lambda each: _zone_is_inside(topology, each) is True) if owned else None
    return Ends(within[0], within[1], beyond[0], beyond[1], beyond[-1], own)


def _hosts(topology: Topology, version: int, wanted: Iterable[Address], *, inside: bool) -> list[Address]:
    """Those of a side, each once, at most three; for the inside also the firewall's own, where the capture shows it talking."""
    found: dict[Address, None] = {}
    for each in wanted:
        if each.version == version and _is_inside(topology, each) is inside and len(found) < 3:
            found[each] = None
    return list(found)


def _is_inside(topology: Topology, address: Address) -> bool | None:
    """Whether an address lies in a zone inside; own addresses do; None for no zone."""
    if any(net.version == address.version and address in net for net in topology.own):
        return True
    return _zone_is_inside(topology, address)


def _zone_is_inside(topology: Topology, address: Address) -> bool | None:
    holding = [
        (net.prefixlen, zone.inside)
        for zone in topology.zones
        for net in zone.prefixes
        if net.version == address.version and address in net
    ]
    return max(holding)[1] if holding else None


def _of_zones(topology: Topology, version: int, *, inside: bool) -> list[Address]:
    """The first addresses of the prefixes of a side's zones."""
    found: list[Address] = []
    for zone in topology.zones:
        for net in zone.prefixes:
            if zone.inside is inside and net.version == version and net.prefixlen and not (topology.assumed_inside and inside):
                room = 32 if isinstance(net, IPv4Network) else 128
                first = int(net.network_address)
                found += [type(net.network_address)(first + each) for each in ((10, 11, 12) if room - net.prefixlen >= 4 else range(2))]
    return [each for each in found if _is_inside(topology, each) is inside]


class _Placed(Tracer):
    """Traces every packet, and lets a packet come in by another zone than its source's."""

    come_by: int | None = None
    leave_by: int | None = None

    def before(self, row: int, now: int) -> None:
        """See Tracer."""
        columns = self._batch.arrays
        if self.come_by is not None:
            columns["iif"][row] = self.come_by
        if self.leave_by is not None:
            columns["oif"][row], columns["path"][row] = self.leave_by, consts.PATH_FORWARD
        super().before(row, now)


class Bench:
    """An engine that is given one packet after the other."""

    def __init__(self, world: World, checksum: str = "ignore") -> None:
        self.world = world
        self._frames: list[tuple[int, bytes]] = []
        conntrack = world.context.conntrack if checksum != "ignore" else world.context.conntrack.with_switch("checksum", 0)
        stream: Any = MadeStream(self._frames)
        context = replace(world.context, stream=stream, conntrack=conntrack, checksum=checksum, mode="what-if")
        self._source = Source(stream, checksum)
        self._tracer = _Placed(range(1, _MOST_PACKETS))
        self._engine = Engine(context, self._source, 0, self._tracer)
        self._now = START_NS

    def send(self, data: bytes, after_s: float = 0.001, way: tuple[int | None, int | None] = (None, None)) -> FrameTrace:
        """Judge a packet; ``way``: numbers of the zones by which it comes and, forwarded, leaves, where not its addresses tell them."""
        self._now += round(after_s * _NS)
        self._frames.append((self._now, data))
        self._tracer.come_by, self._tracer.leave_by = way
        self._source.read()
        self._engine.judge(())
        return self._tracer.traces[-1]

    def accepted(self, trace: FrameTrace) -> bool:
        """Whether a packet was let through. Raises NotTried when it is undecidable."""
        if not trace.verdict["decided"]:
            cause = self.world.context.program.location(trace.verdict["cause"])
            raise NotTried(f"undecidable: it depends on what {cause or 'a rule'} asks for and no capture holds")
        return trace.verdict["verdict"] == consts.VERDICT_ACCEPT

    def told(self, trace: FrameTrace) -> str:
        """``drop (new) by office.nft:12``."""
        verdict = trace.verdict
        state = vocab.CT_STATES[verdict["ct_state"]]
        return f"{vocab.VERDICTS[verdict['verdict']]}{f' ({state})' if state else ''}{self.by(trace)}"

    def by(self, trace: FrameTrace) -> str:
        """The place that decided, with a word before it."""
        program = self.world.context.program
        rule, chain = trace.verdict["rule"], program.chains[trace.verdict["chain"]]
        if rule:
            return f" by {program.location(rule)}"
        return f" by the policy at {chain.path}:{chain.policy_line}" if chain else ": no rule sees it"
