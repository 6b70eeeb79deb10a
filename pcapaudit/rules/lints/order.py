"""Lints about the order of the rules in a chain: what an earlier rule leaves for a later one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pcapaudit.rules.lints.regions import L4PROTO, NFPROTO, STATE, STATES, Known, Region, known_of, region_of, values_of
from pcapaudit.rules.lints.registry import LINTS, Lint
from pcapaudit.rules.model import (
    Chain,
    Counter,
    Match,
    Nat,
    Queue,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    Statement,
    Table,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.nft.printer import format_rule

__all__ = ["order_lints"]

_ENDS = frozenset({"accept", "drop", "return", "goto"})
#: Earlier rules without a narrow value that later ones are compared with, at most: the rest is not looked at.
_MAX_WIDE = 500
_COMMON = frozenset({NFPROTO, L4PROTO, STATE})


@dataclass(slots=True)
class _Cover:
    """An earlier rule that ends the chain for the packets of its region."""

    region: Region
    rule: Rule
    #: What it comes to, for telling duplicates: the statements without counters.
    meaning: tuple[Statement, ...]


class _Covers:
    """The covers so far, found by one aligned block of values (an address, a prefix, a port) that a later rule must lie in."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, int, int], list[_Cover]] = {}
        self._sizes: dict[int, None] = {}
        self._wide: list[_Cover] = []

    def add(self, cover: _Cover) -> None:
        """Remember one more."""
        blocks = []
        for name, allowed in cover.region.values.items():
            if len(allowed) == 1:
                first, size = allowed[0][0], allowed[0][1] - allowed[0][0] + 1
                if size & (size - 1) == 0 and first % size == 0:
                    blocks.append((size, name in _COMMON, name, first))
        if blocks:
            size, _, name, first = min(blocks)
            self._blocks.setdefault((name, first, size), []).append(cover)
            self._sizes.setdefault(size)
        elif len(self._wide) < _MAX_WIDE:
            self._wide.append(cover)

    def find(self, region: Region) -> _Cover | None:
        """A cover of the region."""
        return next((cover for cover in self._candidates(region) if cover.region.covers(region)), None)

    def _candidates(self, region: Region) -> Iterator[_Cover]:
        for name, allowed in region.values.items():
            first, last = allowed[0][0], allowed[-1][1]
            least = 1 << (first ^ last).bit_length()
            for size in self._sizes:
                if size >= least:
                    yield from self._blocks.get((name, first // size * size, size), ())
        yield from self._wide


def order_lints(ruleset: Ruleset) -> Iterator[Lint]:
    """Unreachable, shadowed and duplicate rules, accepted invalid packets, and ``ip6 nexthdr``."""
    for table in ruleset.tables:
        known = known_of(ruleset, table)
        endless = _chains_that_end(table, known)
        for chain in table.chains:
            yield from _of_chain(chain, known, endless)


def _of_chain(chain: Chain, known: Known, endless: set[str]) -> Iterator[Lint]:
    covers = _Covers()
    for number, rule in enumerate(chain.rules):
        yield from _nexthdr(rule)
        ending = _ending(rule.statements, endless)
        yield from _of_rule(rule, ending, covers, known)
        for region in _regions_that_end(rule, ending, known):
            if not region.values and not region.opaque and region.exact:
                yield from _unreachable(chain, number)
                return
            if region.exact and not region.empty:
                covers.add(_Cover(region, rule, _meaning(rule)))


def _unreachable(chain: Chain, number: int) -> Iterator[Lint]:
    behind = chain.rules[number + 1 :]
    if not behind:
        return
    more = f", like the {len(behind) - 1} behind it" if len(behind) > 2 else ", like the one behind it" if len(behind) == 2 else ""
    message = f"never reached{more}: line {chain.rules[number].place.line} ends chain {chain.name} for every packet"
    yield Lint(LINTS["unreachable-rule"], message, behind[0].place, chain.rules[number].place, format_rule(behind[0]))


def _of_rule(rule: Rule, ending: int | None, covers: _Covers, known: Known) -> Iterator[Lint]:
    """What earlier rules leave for one."""
    statements = rule.statements if ending is None else rule.statements[: ending + 1]
    region = region_of(tuple(each for each in statements if not isinstance(each, VerdictMap)), known)
    if region.empty:
        return
    cover = covers.find(region)
    if cover is not None:
        is_same = cover.meaning == _meaning(rule)
        kind = LINTS["duplicate-rule" if is_same else "shadowed-rule"]
        message = f"{'the same as' if is_same else 'covered by'} line {cover.rule.place.line}: {format_rule(cover.rule)}"
        yield Lint(kind, message, rule.place, cover.rule.place, format_rule(rule))
        return
    yield from _invalid(rule, region, covers, known)


def _invalid(rule: Rule, region: Region, covers: _Covers, known: Known) -> Iterator[Lint]:
    """A rule that asks for ct state, and accepts invalid."""
    asks = [each for each in rule.statements if isinstance(each, Match) and each.keys[0].selector.text == STATE and len(each.keys) == 1]
    accepts = any(isinstance(each, Verdict) and each.kind == "accept" for each in rule.statements)
    if not asks or not accepts or any(each.op == "!=" and _names(each, "untracked") for each in asks):
        return
    bit = STATES["invalid"]
    if not all((found := values_of(each, known)) and (bit, bit) in found[1] for each in asks):
        return
    narrowed = replace(region, values={**region.values, STATE: [(bit, bit)]})
    if covers.find(narrowed) is None:
        yield Lint(
            LINTS["invalid-accepted"], f"accepts what conntrack calls invalid: {format_rule(rule)}", rule.place, None, format_rule(rule)
        )


def _names(match: Match, state: str) -> bool:
    right = match.right
    return isinstance(right, SetLiteral) and any(each.parts[0] == (STATES[state], STATES[state]) for each in right.elements)


def _nexthdr(rule: Rule) -> Iterator[Lint]:
    for statement in rule.statements:
        if not isinstance(statement, Match) or statement.op == "!=" or not isinstance(statement.right, SetLiteral):
            continue
        for position, key in enumerate(statement.keys):
            wanted = {first for each in statement.right.elements for first, last in [each.parts[position]] if first == last}
            if key.selector.text == "ip6 nexthdr" and key.mask is None and wanted & _UPPER:
                message = f"misses packets with extension headers: {format_rule(rule)}"
                yield Lint(LINTS["nexthdr-misses-extensions"], message, statement.place, None, format_rule(rule))


#: Transport protocols that stand behind extension headers: TCP, UDP, DCCP, GRE, ICMPv6, SCTP, UDP-Lite.
_UPPER = frozenset({6, 17, 33, 47, 58, 132, 136})


# Where a chain ends ----------------------------------------------------------------------------------------------------------------


def _ending(statements: tuple[Statement, ...], endless: set[str]) -> int | None:
    """Position of the statement with which a packet that gets there leaves the chain for good; None if there is none."""
    for position, statement in enumerate(statements):
        if isinstance(statement, (Reject, Queue, Nat)):
            return position
        if isinstance(statement, Verdict) and (statement.kind in _ENDS or (statement.kind == "jump" and statement.target in endless)):
            return position
    return None


def _regions_that_end(rule: Rule, ending: int | None, known: Known) -> Iterator[Region]:
    """The packets that leave the chain by a rule; of a verdict map, an element at a time."""
    maps = [each for each in rule.statements if isinstance(each, VerdictMap)]
    if not maps:
        if ending is not None:
            yield region_of(rule.statements[: ending + 1] if not _is_verdict(rule.statements[ending]) else rule.statements[:ending], known)
        return
    (found, *_), before = maps, rule.statements[: rule.statements.index(maps[0])]
    for element in found.right.elements if isinstance(found.right, SetLiteral) else ():
        if element.verdict is not None and element.verdict.kind in _ENDS:
            yield region_of((*before, Match(found.keys, "==", SetLiteral((element,), braces=True), found.place)), known)


def _is_verdict(statement: Statement) -> bool:
    return isinstance(statement, (Verdict, Queue, Nat))


def _chains_that_end(table: Table, known: Known) -> set[str]:
    """Chains that no packet leaves without a verdict: they hold an unconditional accept, drop, reject or such a jump."""
    chains = {each.name: each for each in table.chains}
    found: set[str] = set()
    grown = True
    while grown:
        grown = False
        for name, chain in chains.items():
            if name not in found and _always_ends(chain, known, found):
                found.add(name)
                grown = True
    return found


def _always_ends(chain: Chain, known: Known, endless: set[str]) -> bool:
    for rule in chain.rules:
        if any(
            isinstance(each, Verdict) and (each.kind == "return" or (each.kind == "goto" and each.target not in endless))
            for each in rule.statements
        ):
            return False
        if any(isinstance(each, VerdictMap) for each in rule.statements):
            return False
        ending = _ending(rule.statements, endless)
        if ending is None:
            continue
        last = rule.statements[ending]
        region = region_of(rule.statements[: ending + 1] if isinstance(last, Reject) else rule.statements[:ending], known)
        if region.exact and not region.values and not region.opaque:
            return True
    return False


def _meaning(rule: Rule) -> tuple[Statement, ...]:
    return tuple(each for each in rule.statements if not isinstance(each, Counter))
