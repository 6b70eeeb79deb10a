"""What a NAT does to its mappings, told from the statement that translates and from how Linux chooses addresses and ports.

Linux keeps a source port as long as no other connection to the same destination has it, and else (or with ``random``) picks one by chance,
for this connection alone; an address of a range is picked by a hash of source and destination, or of the source alone (``persistent``);
packets from inside to a translated address are not turned round. Whether the statement is met is tried with packets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pcapaudit.core import consts
from pcapaudit.regress.standards.bench import NotAsked, NotTried, World
from pcapaudit.regress.standards.probes import Probe
from pcapaudit.regress.standards.talks import PROTOCOLS, open_talk
from pcapaudit.regress.standards.tried import Tried
from pcapaudit.rules.model import Nat
from pcapaudit.rules.steps import Outcome, RuleStep

if TYPE_CHECKING:
    from pcapaudit.replay.trace import FrameTrace

__all__ = ["NAT_PROBES", "source_nat"]

_RANDOM = frozenset({"random", "fully-random"})


def source_nat(world: World, trace: FrameTrace) -> tuple[Nat, str] | None:
    """The statement that translates a packet's source, and its ``file:line``; None if none does."""
    for step in trace.steps:
        if not isinstance(step, RuleStep) or step.outcome is not Outcome.MATCHED:
            continue
        rule = world.context.program.rules[step.rule]
        for statement in rule.rule.statements if rule is not None else ():
            if isinstance(statement, Nat) and statement.kind in ("snat", "masquerade"):
                return statement, step.at
    return None


def _met(world: World, given: Mapping[str, Any]) -> tuple[Nat, str]:
    """The statement that a flow of the protocol meets. Raises NotTried."""
    proto = consts.PROTO_ICMP if given.get("proto") == "icmp" else PROTOCOLS[given.get("proto", "udp")]
    talk = open_talk(world, proto, 4)
    trace = talk.open()
    found = source_nat(world, trace)
    if found is None:
        raise NotTried(f"{talk} is not translated: no snat or masquerade rule sees it")
    return found


def _words(statement: Nat, at: str) -> str:
    return " ".join((statement.kind, *statement.flags, at))


def _mapping(world: World, given: Mapping[str, Any]) -> Tried:
    """One mapping for an endpoint, whomever it talks to."""
    statement, at = _met(world, given)
    if _RANDOM.isdisjoint(statement.flags):
        return Tried(
            False,
            f"{_words(statement, at)}: the port is kept only while no connection to the same destination has it; else each gets another",
        )
    return Tried(False, f"{_words(statement, at)}: a port by chance for each connection")


def _pooling(world: World, given: Mapping[str, Any]) -> Tried:
    """One address for a host."""
    statement, at = _met(world, given)
    plan = next((each for each in world.context.program.nats if each.statement == statement), None)
    spread = [part for parts in (plan.addresses if plan else ()) for part in parts[:1]]
    if statement.kind == "masquerade" or not any(first != last for first, last in spread):
        raise NotAsked(f"{_words(statement, at)}: one address, no pool")
    if "persistent" in statement.flags:
        return Tried(True, f"{_words(statement, at)}: the address hangs on the source alone")
    return Tried(False, f"{_words(statement, at)}: the address is picked by source and destination: a host gets several")


def _overloading(world: World, given: Mapping[str, Any]) -> Tried:
    """Two hosts never share a port."""
    statement, at = _met(world, given)
    return Tried(False, f"{_words(statement, at)}: hosts share a port, told apart by their destinations")


def _overlapping(world: World, given: Mapping[str, Any]) -> Tried:
    """A port may be shared by connections to different destinations."""
    statement, at = _met(world, given)
    return Tried(True, f"{_words(statement, at)}: connections to different destinations may share a port, each found by its five-tuple")


def _port_range(world: World, given: Mapping[str, Any]) -> Tried:
    """Well-known ports stay below 1024, others above."""
    statement, at = _met(world, given)
    if statement.port is None:
        return Tried(True, f"{_words(statement, at)}: ports below 512, below 1024 and above are replaced by such of the same kind")
    return Tried(False, f"{_words(statement, at)}: all ports come from the range that it names")


def _parity(world: World, given: Mapping[str, Any]) -> Tried:
    """Even ports stay even."""
    statement, at = _met(world, given)
    if _RANDOM.isdisjoint(statement.flags):
        return Tried(False, f"{_words(statement, at)}: a port that is taken is replaced by one of either parity")
    return Tried(False, f"{_words(statement, at)}: ports by chance, of either parity")


def _randomness(world: World, given: Mapping[str, Any]) -> Tried:
    """Ports cannot be guessed."""
    statement, at = _met(world, given)
    if _RANDOM.isdisjoint(statement.flags):
        return Tried(False, f"{_words(statement, at)}: ports are kept where they can be: as hard to guess as the host made them")
    return Tried(True, f"{_words(statement, at)}: ports by chance")


def _hairpin(world: World, given: Mapping[str, Any]) -> Tried:
    """The inside reaches a mapping by its outer address."""
    statement, at = _met(world, given)
    return Tried(False, f"{_words(statement, at)}: packets from inside to the outer address go to the firewall itself")


def _per_protocol(world: World, given: Mapping[str, Any]) -> Tried:
    """Mappings of TCP and UDP are apart."""
    statement, at = _met(world, given)
    return Tried(True, f"{_words(statement, at)}: the protocol is part of every mapping")


def _with_sessions(world: World, _given: Mapping[str, Any]) -> Tried:
    """A mapping goes with its last session."""
    statement, at = _met(world, {"proto": "icmp"})
    return Tried(True, f"{_words(statement, at)}: a mapping is a connection and ends with it")


NAT_PROBES: dict[str, Probe] = {
    "nat-mapping": _mapping,
    "nat-pooling": _pooling,
    "nat-overloading": _overloading,
    "nat-overlapping": _overlapping,
    "nat-port-range": _port_range,
    "nat-parity": _parity,
    "nat-randomness": _randomness,
    "nat-hairpin": _hairpin,
    "nat-per-protocol": _per_protocol,
    "nat-with-sessions": _with_sessions,
}
