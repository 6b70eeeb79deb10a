"""What must hold in a ruleset as a whole: names that are used exist, keys fit their sets, jumps end."""

from __future__ import annotations

from collections.abc import Iterator

from pcapaudit.rules.model import (
    Assign,
    Chain,
    Key,
    MapLookup,
    Match,
    NamedSet,
    Nat,
    ObjectRef,
    Place,
    Rule,
    SetLiteral,
    SetRef,
    SetUpdate,
    Statement,
    Table,
    Tproxy,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.model import Ruleset as _Ruleset
from pcapaudit.rules.nft.cursor import did_you_mean

__all__ = ["MAX_JUMPS", "check", "jump_targets"]

#: Jumps and gotos that may nest below a base chain: the kernel's jump stack holds 16 chains, the base chain included.
MAX_JUMPS = 15
Complaint = tuple[Place, str, str]


def check(ruleset: _Ruleset) -> Iterator[Complaint]:
    """(place, message, advice) of each thing that is wrong."""
    for table in ruleset.tables:
        sets = {each.name: each for each in table.sets}
        chains = {each.name: each for each in table.chains}
        for chain in table.chains:
            for rule in chain.rules:
                yield from _check_rule(rule, table, chains, sets)
        yield from _check_depth(chains, sets)


def jump_targets(rule: Rule, sets: dict[str, NamedSet]) -> Iterator[str]:
    """Chains that a rule may go to."""
    for statement in rule.statements:
        if isinstance(statement, Verdict):
            verdicts = [statement]
        elif isinstance(statement, VerdictMap):
            right = statement.right
            elements = (
                sets[right.name].elements
                if isinstance(right, SetRef) and right.name in sets
                else ()
                if isinstance(right, SetRef)
                else right.elements
            )
            verdicts = [each.verdict for each in elements if each.verdict is not None]
        else:
            continue
        yield from (verdict.target for verdict in verdicts if verdict.target)


def _check_rule(rule: Rule, table: Table, chains: dict[str, Chain], sets: dict[str, NamedSet]) -> Iterator[Complaint]:
    for statement in rule.statements:
        if isinstance(statement, (Match, VerdictMap)):
            yield from _check_reference(statement, statement.right, table, sets)
        elif isinstance(statement, SetUpdate):
            yield from _check_update(statement, table, sets)
        elif isinstance(statement, ObjectRef) and statement.chosen is None:
            yield from _check_object(statement, table)
        for lookup in _lookups(statement):
            yield from _check_reference(lookup, lookup.right, table, sets)
    for target in dict.fromkeys(jump_targets(rule, sets)):
        if target not in chains:
            yield (
                rule.place,
                f"table {table.name} has no chain {target}",
                did_you_mean(target, chains) or "define the chain in the same table",
            )
        elif chains[target].base is not None:
            yield (
                rule.place,
                f"chain {target} is a base chain: the kernel refuses to jump to it",
                "move its rules into a chain without a hook",
            )


def _lookups(statement: Statement) -> Iterator[MapLookup]:
    """The maps that a statement takes values from."""
    if isinstance(statement, (Nat, Tproxy)):
        values: tuple[object, ...] = (statement.address, statement.port)
    elif isinstance(statement, Assign):
        values = (statement.value,)
    elif isinstance(statement, ObjectRef):
        values = (statement.chosen,)
    else:
        return
    yield from (each for each in values if isinstance(each, MapLookup))


def _check_reference(
    statement: Match | VerdictMap | MapLookup, right: SetLiteral | SetRef, table: Table, sets: dict[str, NamedSet]
) -> Iterator[Complaint]:
    if not isinstance(right, SetRef):
        return
    name, place = right.name, statement.place
    known = sets.get(name)
    if known is None:
        yield place, f"table {table.name} has no set {name}", did_you_mean(name, sets) or "define the set in the same table"
        return
    if isinstance(statement, VerdictMap):
        fits, what = known.data_type == "verdict", "a verdict map"
    elif isinstance(statement, MapLookup):
        fits, what = known.data_type not in ("", "verdict"), "a map"
    else:
        # The kernel takes a map for a set, too.
        fits, what = True, "a set"
    if not fits:
        yield place, f"{name} is not {what}", ""
    yield from _check_keys(statement.keys, known, place)


def _check_keys(keys: tuple[Key, ...], known: NamedSet, place: Place) -> Iterator[Complaint]:
    used = tuple(_type_of(key) for key in keys)
    if not _same_types(used, known.types):
        yield (
            place,
            f"set {known.name} holds {' . '.join(known.types)}, and is asked for {' . '.join(used)}",
            "use a set of the right type",
        )


def _same_types(used: tuple[str, ...], known: tuple[str, ...]) -> bool:
    """Types go together when they are equal, or when one is a plain number, which fits any width."""
    return len(used) == len(known) and all(one == other or "integer" in (one, other) for one, other in zip(used, known, strict=True))


def _check_update(statement: SetUpdate, table: Table, sets: dict[str, NamedSet]) -> Iterator[Complaint]:
    known = sets.get(statement.name)
    if known is None:
        yield (
            statement.place,
            f"table {table.name} has no set {statement.name}",
            did_you_mean(statement.name, sets) or "define the set in the same table",
        )
        return
    yield from _check_keys(statement.keys, known, statement.place)
    if "interval" in known.flags:
        yield statement.place, f"set {known.name} is an interval set: the kernel lets no packet write to it", "remove: flags interval"


def _check_object(statement: ObjectRef, table: Table) -> Iterator[Complaint]:
    known = [each.name for each in table.objects if each.kind == statement.kind]
    if statement.name not in known:
        yield (
            statement.place,
            f"table {table.name} has no {statement.kind} {statement.name}",
            did_you_mean(statement.name, known) or "define it in the same table",
        )


def _type_of(key: Key) -> str:
    return key.selector.type_name


def _check_depth(chains: dict[str, Chain], sets: dict[str, NamedSet]) -> Iterator[Complaint]:
    """Follow jumps from the base chains; each chain remembers the longest way below it."""
    edges = {name: [(rule.place, target) for rule in chain.rules for target in jump_targets(rule, sets)] for name, chain in chains.items()}
    below: dict[str, int] = {}
    for start in chains:
        if start in below:
            continue
        open_chains: dict[str, int] = {start: 0}
        stack = [(start, iter(edges[start]))]
        while stack:
            name, rest = stack[-1]
            for place, target in rest:
                if target in open_chains:
                    yield place, f"a loop: chain {target} leads back to itself through this rule", "remove one of the jumps"
                elif target in below:
                    open_chains[name] = max(open_chains[name], below[target] + 1)
                elif target in chains:
                    open_chains[target] = 0
                    stack.append((target, iter(edges[target])))
                    break
            else:
                stack.pop()
                below[name] = open_chains.pop(name)
                if stack:
                    above = stack[-1][0]
                    open_chains[above] = max(open_chains[above], below[name] + 1)
    for name, chain in chains.items():
        if chain.base is not None and below.get(name, 0) > MAX_JUMPS:
            yield chain.place, f"jumps nest {below[name]} deep below chain {name}; the kernel allows {MAX_JUMPS}", "flatten the chains"
