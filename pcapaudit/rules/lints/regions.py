"""The packets that a rule matches, as a region: for each thing that it reads of a packet the values that match.

A region is used in two ways. As that of a later rule it may be too large: what cannot be expressed is left out. As that of an earlier rule
that is said to cover it, it must be **exact**: ``exact`` is False when anything was left out, or may differ between the two rules (marks
that rules set, sets that packets write to, limits, chance, the clock).

Headers are part of it: ``tcp dport`` matches only where the transport protocol is TCP, which is kept as a value of ``meta l4proto``;
``ip …`` only where ``meta nfproto`` is IPv4. ct state is one of five values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pcapaudit.rules.effects import changed_fields
from pcapaudit.rules.intervals import compare_bounds, merge
from pcapaudit.rules.model import (
    Assign,
    Counter,
    Key,
    Log,
    Match,
    NamedSet,
    Notrack,
    Number,
    ObjectRef,
    Reject,
    Ruleset,
    SetLiteral,
    SetRef,
    SetUpdate,
    Side,
    Statement,
    Table,
)

__all__ = ["IPV4", "IPV6", "L4PROTO", "NFPROTO", "STATE", "STATES", "Known", "Region", "known_of", "region_of", "values_of"]

Intervals = list[tuple[int, int]]
NFPROTO, L4PROTO, STATE = "meta nfproto", "meta l4proto", "ct state"
IPV4, IPV6, _ARP = 2, 10, 3
#: The values that ct state has, as the language's bits: invalid, established, related, new, untracked.
STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
#: What may read differently by the next rule.
_FICKLE = frozenset({"meta random", "meta time", "meta cpu", "meta nftrace"})
_SMALL_BITS = 8
#: Statements that pass on every packet.
_PASSING = (Counter, Log, Notrack, Side)


@dataclass(frozen=True, slots=True)
class Known:
    """What of a ruleset changes while packets pass, by table."""

    #: Fields and marks that some rule overwrites.
    changed: frozenset[str]
    #: Sets that packets write to.
    written: frozenset[str]
    sets: dict[str, NamedSet]
    #: IP versions that the table's chains see, as values of meta nfproto.
    families: tuple[int, ...]


@dataclass(slots=True)
class Region:
    """Packets that match."""

    #: What is read → its values, merged.
    values: dict[str, Intervals] = field(default_factory=dict)
    #: Matches that are understood only as equal or not equal.
    opaque: set[Match] = field(default_factory=set)
    #: Nothing was left out.
    exact: bool = True

    def narrow(self, name: str, allowed: Intervals) -> None:
        """Keep only packets of which ``name`` has an allowed value."""
        known = self.values.get(name)
        self.values[name] = allowed if known is None else _intersect(known, allowed)

    @property
    def empty(self) -> bool:
        """No packet matches."""
        return any(not allowed for allowed in self.values.values())

    def covers(self, other: Region) -> bool:
        """Whether every packet of the other region is in this one, for certain."""
        if not self.exact or not self.opaque <= other.opaque:
            return False
        return all(name in other.values and _inside(other.values[name], allowed) for name, allowed in self.values.items())


def known_of(ruleset: Ruleset, table: Table) -> Known:
    """What changes in a table. Marks are shared by all tables."""
    changed = set(changed_fields(ruleset))
    written = set()
    for each in ruleset.tables:
        for statement in (statement for chain in each.chains for rule in chain.rules for statement in rule.statements):
            if isinstance(statement, Assign):
                changed.add(statement.target.text)
            elif isinstance(statement, SetUpdate) and each is table:
                written.add(statement.name)
    timed = {each.name for each in table.sets if each.statements or each.timeout_ns or any(one.timeout_ns for one in each.elements)}
    # Chains of netdev and bridge tables see ARP and others, too.
    families = {"ip": (IPV4,), "ip6": (IPV6,), "inet": (IPV4, IPV6)}.get(table.family, (IPV4, IPV6, _ARP))
    return Known(frozenset(changed), frozenset(written | timed), {each.name: each for each in table.sets}, families)


def region_of(statements: tuple[Statement, ...], known: Known) -> Region:
    """The packets that pass all statements, which end before a verdict."""
    region = Region()
    if len(known.families) == 1:
        region.narrow(NFPROTO, [(known.families[0], known.families[0])])
    for statement in statements:
        if isinstance(statement, Match):
            _add(region, statement, known)
        elif isinstance(statement, Reject):
            _add_reject(region, statement)
        elif not _passes(statement):
            region.exact = False
    for name, allowed in list(region.values.items()):
        if name == NFPROTO and all(_inside([(each, each)], allowed) for each in known.families):
            del region.values[name]
    return region


def _passes(statement: Statement) -> bool:
    if isinstance(statement, Assign):
        return isinstance(statement.value, Number)
    return isinstance(statement, _PASSING) or (isinstance(statement, ObjectRef) and statement.kind == "counter" and not statement.chosen)


def _add_reject(region: Region, reject: Reject) -> None:
    if reject.kind in ("icmp", "icmpv6"):
        version = IPV4 if reject.kind == "icmp" else IPV6
        region.narrow(NFPROTO, [(version, version)])
    elif reject.kind == "tcp":
        region.narrow(L4PROTO, [(6, 6)])


def _add(region: Region, match: Match, known: Known) -> None:
    """Narrow a region by a match."""
    for name, allowed in _needs(match.keys):
        region.narrow(name, allowed)
    fickle = any(key.selector.text in known.changed or key.selector.text in _FICKLE or key.selector.base == "hash" for key in match.keys)
    if fickle or (isinstance(match.right, SetRef) and match.right.name in known.written):
        region.exact = False
        return
    found = values_of(match, known)
    if found is None:
        region.opaque.add(match)
        return
    name, allowed = found
    if not (match.keys[0].selector.base == "network" and _is_all(allowed, match.keys[0].selector.bits)):
        region.narrow(name, allowed)


def _needs(keys: tuple[Key, ...]) -> Iterator[tuple[str, Intervals]]:
    for key in keys:
        if key.selector.l3:
            version = IPV4 if key.selector.l3 == 4 else IPV6
            yield NFPROTO, [(version, version)]
        if key.selector.proto is not None:
            yield L4PROTO, [(key.selector.proto, key.selector.proto)]


def values_of(match: Match, known: Known) -> tuple[str, Intervals] | None:
    """What a match reads, and the values with which it holds; None when it has no such form."""
    if len(match.keys) != 1:
        return None
    key, right = match.keys[0], match.right
    if isinstance(right, SetRef):
        found = known.sets.get(right.name)
        if found is None or "constant" not in found.flags or found.data_type:
            # Somebody may change a named set at any time.
            return None
        right = SetLiteral(found.elements, braces=True)
    name = L4PROTO if key.selector.text == "ip protocol" else key.selector.text
    bounds = [each.parts[0] for each in right.elements]
    if key.selector.text == STATE:
        return name, [(bit, bit) for bit in STATES.values() if _holds(bit, key, match.op, bounds)]
    bits = key.selector.bits
    if (match.op == "any" or key.mask is not None) and bits <= _SMALL_BITS:
        return name, merge((value, value) for value in range(1 << bits) if _holds(value, key, match.op, bounds))
    if match.op == "any" or key.mask is not None:
        return None
    if match.op == "!=":
        return name, _complement(merge(bounds), bits)
    return name, merge(bound for first, last in bounds for bound in compare_bounds(match.op, first, last, bits))


def _holds(value: int, key: Key, op: str, bounds: list[tuple[int, int]]) -> bool:
    """Whether a match holds for one value."""
    if key.mask is not None:
        value = (value & key.mask) ^ key.xor
    if op == "any":
        return bool(value & bounds[0][0])
    inside = any(
        bound[0] <= value <= bound[1] for first, last in bounds for bound in compare_bounds("==" if op == "!=" else op, first, last, 64)
    )
    return inside != (op == "!=")


def _intersect(one: Intervals, other: Intervals) -> Intervals:
    found = []
    for first, last in one:
        for low, high in other:
            if max(first, low) <= min(last, high):
                found.append((max(first, low), min(last, high)))
    return found


def _inside(one: Intervals, other: Intervals) -> bool:
    """Whether each interval lies in one of the other, merged ones."""
    return all(any(low <= first and last <= high for low, high in other) for first, last in one)


def _complement(intervals: Intervals, bits: int) -> Intervals:
    found, start = [], 0
    for first, last in intervals:
        if start < first:
            found.append((start, first - 1))
        start = last + 1
    return [*found, (start, (1 << bits) - 1)] if start < 1 << bits else found


def _is_all(intervals: Intervals, bits: int) -> bool:
    return intervals == [(0, (1 << bits) - 1)]
