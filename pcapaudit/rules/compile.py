"""Turns a ruleset into the flat arrays that ``evaluate`` runs on.

Rules of a chain lie side by side; a rule's instructions end in its verdict, or in OP_END. Sets become bitmaps (ports, protocols) or
sorted intervals; a match on interface names becomes one byte for each interface of the topology, because which names there are is
known now: 0 no, 1 yes, 2 unknown. What the capture can never show (a local user, a fib) is a field whose every match is unknown.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pcapaudit.core.consts import VERDICT_ACCEPT, VERDICT_DROP
from pcapaudit.rules import ops, tables
from pcapaudit.rules.datatypes import NS_PER_SECOND
from pcapaudit.rules.fields import Load, load_of
from pcapaudit.rules.intervals import compare_bounds, interval_test, merge
from pcapaudit.rules.model import (
    Chain,
    Element,
    Key,
    Limit,
    Match,
    NamedSet,
    Place,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetRef,
    Statement,
    Table,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.nft.printer import format_rule
from pcapaudit.rules.prefilter import ALL_PROTOCOLS, Filters, SlotFilter

__all__ = ["BasePlan", "ChainInfo", "Program", "RuleInfo", "compile_ruleset"]

#: Chains of lower priority at prerouting and output run before conntrack, which stands at this one (NF_IP_PRI_CONNTRACK).
CONNTRACK_PRIORITY = -200
_PATHS = {1: ("prerouting", "forward", "postrouting"), 2: ("prerouting", "input"), 3: ("output", "postrouting")}
_FAMILY_L3 = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_VERDICT_OPS = {"accept": ops.OP_ACCEPT, "drop": ops.OP_DROP, "return": ops.OP_RETURN, "jump": ops.OP_JUMP, "goto": ops.OP_GOTO}


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What reports say of a rule."""

    #: Its id, as in the column ``rule``; ids count from 1 through the chains in order.
    id: int
    family: str
    table: str
    chain: str
    #: File, 1-based line and column of its first word.
    path: str
    line: int
    column: int
    #: The rule itself.
    rule: Rule

    @property
    def text(self) -> str:
        """The rule, normalised."""
        return format_rule(self.rule)

    @property
    def comment(self) -> str:
        """The person's remark."""
        return self.rule.comment


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """What reports say of a chain."""

    #: Its id, as in the column ``chain``; from 1.
    id: int
    family: str
    table: str
    name: str
    #: Hook, priority and policy of a base chain; empty, 0 and empty for others.
    hook: str
    priority: int
    policy: str
    #: Where the policy is written (or the chain, if it is not), as ``file`` and line.
    path: str
    policy_line: int


@dataclass(frozen=True, slots=True)
class BasePlan:
    """A base chain in the order of evaluation."""

    #: Index of the chain.
    chain: int
    #: HOOK_ number.
    hook: int
    priority: int
    #: VERDICT_ of its policy.
    policy: int
    #: IP versions it sees.
    l3: tuple[int, ...]


@dataclass(slots=True)
class Program:
    """A compiled ruleset. The arrays are described in ``ops``."""

    #: By id; index 0 is None.
    rules: list[RuleInfo | None] = field(default_factory=lambda: [None])
    #: By id; index 0 is None.
    chains: list[ChainInfo | None] = field(default_factory=lambda: [None])
    #: What the person should know.
    notes: list[str] = field(default_factory=list)
    #: Base chains before conntrack exist.
    has_raw: bool = False
    #: Verdicts depend on packets of other flows (limits): must not be sharded.
    has_global_state: bool = False
    code: array[int] = field(default_factory=lambda: array("I", [0] * 4))
    loads: array[int] = field(default_factory=lambda: array("I"))
    pool: array[int] = field(default_factory=lambda: array("Q", [0]))
    #: Answer of each interface test for each interface; the last two columns are "none" and "unknown".
    ifaces: array[int] = field(default_factory=lambda: array("B", [0]))
    #: Names of the interfaces as numbers, hi and lo.
    iface_names: array[int] = field(default_factory=lambda: array("Q"))
    #: Names of the interfaces, in the order of the columns iif and oif.
    interfaces: tuple[str, ...] = ()
    #: A rule takes one slot, or one for each element of its verdict map: first instruction, and rule id, of each slot.
    slot_start: array[int] = field(default_factory=lambda: array("I"))
    #: The same without the matches that the chain's filter has answered.
    slot_short: array[int] = field(default_factory=lambda: array("I"))
    slot_rule: array[int] = field(default_factory=lambda: array("I"))
    #: First slot, and slot after the last, of each chain, by index (id - 1).
    chain_first: array[int] = field(default_factory=lambda: array("I"))
    chain_stop: array[int] = field(default_factory=lambda: array("I"))
    #: Head of each chain's filter, by index; 0 for none.
    chain_filter: array[int] = field(default_factory=lambda: array("I"))
    filters: Filters = field(default_factory=Filters)
    limits: array[int] = field(default_factory=lambda: array("q"))
    #: plan[raw][path][l3 is 6]: base chains in order.
    plans: list[list[list[list[BasePlan]]]] = field(default_factory=list)
    #: Path taken for the truth when a packet's is unknown.
    main_path: int = 1

    def location(self, rule_id: int) -> str:
        """``file:line`` of a rule."""
        rule = self.rules[rule_id]
        return "" if rule is None else f"{rule.path}:{rule.line}"


def compile_ruleset(ruleset: Ruleset, interfaces: Sequence[str] = (), assumed: bool = True) -> Program:
    """Compile for a topology.

    ``interfaces`` are the names by index, as in the columns iif and oif. With ``assumed`` these names are the tool's own invention
    (inside, outside): a rule that names any other interface is then unknown, not false.
    """
    return _Compiler(ruleset, tuple(interfaces), assumed).compile()


class _Compiler:
    def __init__(self, ruleset: Ruleset, interfaces: tuple[str, ...], assumed: bool) -> None:
        self.ruleset = ruleset
        self.assumed = assumed
        self.program = Program(interfaces=interfaces)
        self.load_index: dict[Load, int] = {}
        self.test_index: dict[tuple[int, ...], int] = {}
        self.slot_filters: list[SlotFilter] = []
        self.sets: dict[str, NamedSet] = {}
        self.targets: dict[str, int] = {}
        self.foreign: dict[str, Place] = {}
        for name in interfaces:
            self.program.iface_names.extend((_name_number(name) >> 64, _name_number(name) & _LOW))

    def compile(self) -> Program:
        program = self.program
        bases: list[BasePlan] = []
        index = 0
        for table in self.ruleset.tables:
            self.sets = {each.name: each for each in table.sets}
            self.targets = {chain.name: index + offset for offset, chain in enumerate(table.chains)}
            for chain in table.chains:
                self._chain(table, chain)
                if chain.base is not None and not table.dormant and table.family in _FAMILY_L3:
                    policy = VERDICT_DROP if chain.base.policy == "drop" else VERDICT_ACCEPT
                    hook = tables.HOOK_NUMBERS[chain.base.hook]
                    bases.append(BasePlan(index, hook, chain.base.priority, policy, _FAMILY_L3[table.family]))
                index += 1
        self._filter()
        self._plan(bases)
        self._notes(bases)
        return program

    # Order of evaluation --------------------------------------------------------------------------------------------------------

    def _plan(self, bases: list[BasePlan]) -> None:
        """Base chains by hook and priority. Of two with one priority the kernel runs first the one made last."""
        bases.reverse()
        ordered = sorted(bases, key=lambda each: each.priority)
        program = self.program
        for raw in (False, True):
            paths: list[list[list[BasePlan]]] = [[[], []]]
            for hooks in _PATHS.values():
                numbers = [tables.HOOK_NUMBERS[name] for name in hooks]
                chains = [each for number in numbers for each in ordered if each.hook == number and _is_raw(each) == raw]
                paths.append([[each for each in chains if l3 in each.l3] for l3 in (4, 6)])
            program.plans.append(paths)
        program.has_raw = any(_is_raw(each) for each in bases)
        hooked = {each.hook for each in bases}
        program.main_path = 1 if hooked & {2, 4} or not hooked & {1, 3} else 2 if 1 in hooked else 3
        if 2 not in hooked and 1 in hooked:
            program.main_path = 2
        for path, l3 in ((path, l3) for path in (1, 2, 3) for l3 in (0, 1)):
            program.plans[0][0][l3].extend(program.plans[0][path][l3] if path == program.main_path else [])

    def _notes(self, bases: list[BasePlan]) -> None:
        notes = self.program.notes
        if not bases:
            notes.append("the ruleset has no base chain that sees IP packets: everything is accepted")
        for l3, name in ((4, "IPv4"), (6, "IPv6")):
            if bases and not any(l3 in each.l3 for each in bases):
                notes.append(f"no chain of the ruleset sees {name} packets: they are all accepted")
        for name, place in self.foreign.items():
            notes.append(
                f'interface "{name}" ({place.path}:{place.line}) is not one of the assumed interfaces: what depends on it is undecidable'
            )
        for table in self.ruleset.tables:
            if table.family not in _FAMILY_L3:
                notes.append(f"table {table.family} {table.name} is read and not evaluated: it sees no IP packet at an IP hook")
            elif table.dormant:
                notes.append(f"table {table.family} {table.name} is dormant: it sees no packet")

    def _filter(self) -> None:
        program, filters = self.program, self.program.filters
        filters.classify(self.slot_filters)
        for first, stop in zip(program.chain_first, program.chain_stop, strict=True):
            head = filters.add_chain(self.slot_filters[first:stop], len(program.interfaces))
            program.chain_filter.append(head)
            if head and not filters.words[head + 5]:
                # No table of ports: nobody has answered their matches.
                for slot in range(first, stop):
                    if self.slot_filters[slot].dports is not None:
                        program.slot_short[slot] = program.slot_start[slot]

    # Chains and rules -----------------------------------------------------------------------------------------------------------

    def _chain(self, table: Table, chain: Chain) -> None:
        program, base = self.program, chain.base
        place = base.policy_place if base is not None else chain.place
        info = ChainInfo(
            len(program.chains),
            table.family,
            table.name,
            chain.name,
            base.hook if base else "",
            base.priority if base else 0,
            base.policy if base else "",
            place.path,
            place.line,
        )
        program.chains.append(info)
        program.chain_first.append(len(program.slot_rule))
        for rule in chain.rules:
            self._rule(table, chain, rule)
        program.chain_stop.append(len(program.slot_rule))

    def _rule(self, table: Table, chain: Chain, rule: Rule) -> None:
        program, place = self.program, rule.place
        number = len(program.rules)
        program.rules.append(RuleInfo(number, table.family, table.name, chain.name, place.path, place.line, place.column, rule))
        maps = [each for each in rule.statements if isinstance(each, VerdictMap)]
        choices = self._elements(maps[0].right) if maps else (None,)
        limits: dict[int, int] = {}
        for order, choice in enumerate(choices):
            slot = _Slot(_chosen(rule.statements, choice), limits, again=order > 0)
            program.slot_rule.append(number)
            program.slot_start.append(self._slot(slot))
            # The shorter code leaves out what the filter has answered.
            program.slot_short.append(self._slot(slot) if slot.answered else program.slot_start[-1])
            self.slot_filters.append(slot.filter)

    def _slot(self, slot: _Slot) -> int:
        """Instructions of one slot; returns where they start."""
        start = len(self.program.code)
        narrowing = not slot.done
        for position, statement in enumerate(slot.statements):
            if slot.done and position in slot.answered:
                continue
            if isinstance(statement, Match):
                if self._match(statement, slot.filter if narrowing else SlotFilter()) and narrowing:
                    slot.answered.add(position)
            elif isinstance(statement, Limit):
                self._limit(statement, slot, position)
                narrowing = False
            elif isinstance(statement, Reject):
                self._emit(ops.OP_REJECT)
            elif isinstance(statement, Verdict):
                self._verdict(statement)
        if len(self.program.code) == start or self.program.code[-4] < ops.OP_ACCEPT:
            self._emit(ops.OP_END)
        slot.done = True
        return start

    def _verdict(self, verdict: Verdict) -> None:
        if verdict.kind == "continue":
            self._emit(ops.OP_END)
        else:
            self._emit(_VERDICT_OPS[verdict.kind], self.targets.get(verdict.target, 0))

    def _emit(self, *words: int) -> None:
        self.program.code.extend((*words, 0, 0, 0)[:4])

    # Matches --------------------------------------------------------------------------------------------------------------------

    def _match(self, match: Match, narrowed: SlotFilter) -> bool:
        """One match. True when the narrowed filter answers it for good (for packets whose columns are all known)."""
        inverted = ops.TEST_NOT if match.op == "!=" else 0
        for key in match.keys:
            narrowed.protocols &= _protocols(key.selector.l3, key.selector.proto)
        if len(match.keys) > 1:
            self._tuple(match, inverted)
            return False
        key = match.keys[0]
        load = load_of(key)
        bounds = [bound for each in self._elements(match.right) for bound in compare_bounds(match.op, *each.parts[0], key.selector.bits)]
        if load.field in (ops.FIELD_IIF, ops.FIELD_OIF):
            at = self._interface_test(bounds, match.place)
            self._emit(ops.OP_MATCH, self._load(load), ops.TEST_IFACE | inverted, at)
            return self._narrow_interface(narrowed, load.field, at, bool(inverted))
        merged = merge(bounds)
        test = self._test(ops.TEST_ANY, [bounds[0][0]]) if match.op == "any" else self._test(*interval_test(merged, key.selector.bits))
        self._emit(ops.OP_MATCH, self._load(load), test[0] | inverted, test[1])
        return _narrow(narrowed, match, key, load.field, merged)

    def _narrow_interface(self, narrowed: SlotFilter, number: int, at: int, inverted: bool) -> bool:
        row = self.program.ifaces[at : at + len(self.program.interfaces) + 2]
        bits = sum(1 << index for index, answer in enumerate(row) if answer != (ops.YES if inverted else ops.NO))
        narrowed.narrow_interface("iif" if number == ops.FIELD_IIF else "oif", bits)
        return ops.UNKNOWN not in row[:-1]

    def _elements(self, right: SetLiteral | SetRef) -> tuple[Element, ...]:
        return right.elements if isinstance(right, SetLiteral) else self.sets[right.name].elements

    def _test(self, kind: int, words: list[int]) -> tuple[int, int]:
        """A test and the index of its words in the pool; equal tests are kept once."""
        key = (kind, *words)
        known = self.test_index.get(key)
        if known is None:
            known = self.test_index[key] = len(self.program.pool)
            self.program.pool.extend(words)
        return kind, known

    def _load(self, load: Load) -> int:
        """Index of a load; equal loads are kept once."""
        known = self.load_index.get(load)
        if known is None:
            known = self.load_index[load] = len(self.program.loads)
            mask_at = 0
            if load.mask is not None:
                mask_at = len(self.program.pool)
                self.program.pool.extend(load.mask)
            self.program.loads.extend((load.field, load.l3, load.proto, load.offset, load.bits, load.reach, mask_at, 0))
        return known

    # Interfaces -----------------------------------------------------------------------------------------------------------------

    def _interface_test(self, bounds: Sequence[tuple[int, int]], place: Place) -> int:
        """A row of answers: one for each interface, then for "no interface", then for "not known"."""
        foreign = self._foreign_names(bounds, place)
        row = []
        for name in (*self.program.interfaces, ""):
            number = _name_number(name)
            inside = any(first <= number <= last for first, last in bounds)
            row.append(ops.YES if inside else ops.UNKNOWN if foreign and name else ops.NO)
        row.append(ops.YES if (0, _FULL) in bounds else ops.UNKNOWN)
        at = len(self.program.ifaces)
        self.program.ifaces.extend(row)
        return at

    def _foreign_names(self, bounds: Iterable[tuple[int, int]], place: Place) -> set[tuple[int, int]]:
        """The bounds that want a name which the assumed topology does not have, noted for the person.

        ``lo`` is not one of them: a packet that was captured between assumed zones did not come by the loopback interface.
        """
        if not self.assumed:
            return set()
        names = [_name_number(name) for name in (*self.program.interfaces, "lo")]
        foreign = {(first, last) for first, last in bounds if not any(first <= number <= last for number in names)}
        for first, last in sorted(foreign):
            text = first.to_bytes(16, "big").rstrip(b"\0").decode(errors="replace") + ("*" if first != last else "")
            self.foreign.setdefault(text, place)
        return foreign

    # Concatenations and verdict maps --------------------------------------------------------------------------------------------

    def _tuple(self, match: Match, inverted: int) -> None:
        for slot, key in enumerate(match.keys):
            self._emit(ops.OP_PART, self._load(load_of(key)), slot)
        self._emit(ops.OP_TUPLE, len(match.keys), inverted, self._boxes(match))

    def _boxes(self, match: Match) -> int:
        """count, then for each element the bounds of each part: first hi, lo, last hi, lo.

        An interface that the topology does not have is written as the empty interval, which the evaluator answers with unknown.
        """
        pool = self.program.pool
        at = len(pool)
        elements = self._elements(match.right)
        pool.append(len(elements))
        names = [load_of(key).field in (ops.FIELD_IIF, ops.FIELD_OIF) for key in match.keys]
        for element in elements:
            for (first, last), is_name in zip(element.parts, names, strict=True):
                if is_name and self._foreign_names([(first, last)], match.place):
                    pool.extend((_LOW, _LOW, 0, 0))
                else:
                    pool.extend((first >> 64, first & _LOW, last >> 64, last & _LOW))
        return at

    # Limits ---------------------------------------------------------------------------------------------------------------------

    def _limit(self, limit: Limit, slot: _Slot, position: int) -> None:
        """Words as LIMIT_WORDS says; the bucket is full at the start. The slots of a verdict map take from it once."""
        if slot.again:
            self._emit(ops.OP_SAME_LIMIT)
            return
        if position not in slot.limits:
            period = limit.per_s * NS_PER_SECOND
            cost = period // limit.rate
            largest = period * (limit.rate + limit.burst) // limit.rate if limit.of_bytes else cost * limit.burst
            flags = ops.LIMIT_OVER * limit.over | ops.LIMIT_BYTES * limit.of_bytes
            slot.limits[position] = len(self.program.limits)
            self.program.limits.extend((largest, -1, largest, cost, period, limit.rate, flags, 0))
            self.program.has_global_state = True
        self._emit(ops.OP_LIMIT, slot.limits[position])


@dataclass(slots=True)
class _Slot:
    """A rule, or one element of its verdict map, while it is compiled: first whole, then without what the filter answers."""

    statements: tuple[Statement, ...]
    #: Index of each limit by its position in the rule.
    limits: dict[int, int]
    #: Not the first slot of its rule.
    again: bool
    filter: SlotFilter = field(default_factory=SlotFilter)
    #: Positions of matches that the filter answers.
    answered: set[int] = field(default_factory=set)
    #: Compiled whole.
    done: bool = False


def _chosen(statements: tuple[Statement, ...], choice: Element | None) -> tuple[Statement, ...]:
    """The statements, with a verdict map replaced by one of its elements: a match and its verdict."""
    if choice is None or choice.verdict is None:
        return statements
    chosen: list[Statement] = []
    for each in statements:
        if isinstance(each, VerdictMap):
            chosen += [Match(each.keys, "==", SetLiteral((choice,), braces=True), each.place), choice.verdict]
        else:
            chosen.append(each)
    return tuple(chosen)


def _protocols(l3: int, proto: int | None) -> int:
    """Bits of SlotFilter.protocols for a header's needs."""
    bits = ALL_PROTOCOLS if proto is None else (1 << proto) | (1 << (proto + 256))
    return bits & {0: ALL_PROTOCOLS, 4: _V4, 6: _V4 << 256}[l3]


def _narrow(narrowed: SlotFilter, match: Match, key: Key, number: int, merged: list[tuple[int, int]]) -> bool:
    """Put a match into the filter, if its field has a table there; the match's header needs are in already."""
    if key.mask is not None:
        return False
    inverted = match.op == "!="
    if number == ops.FIELD_CT_STATE:
        for state, bit in enumerate(_STATE_BITS):
            held = bool(bit & merged[0][0]) if match.op == "any" else any(first <= bit <= last for first, last in merged)
            if held == inverted:
                narrowed.states &= ~(1 << state)
        return True
    if number in (ops.FIELD_PROTO, ops.FIELD_NFPROTO) and match.op != "any":
        if number == ops.FIELD_PROTO:
            bits = sum(1 << value for first, last in merged for value in range(first, last + 1))
            bits |= bits << 256
        else:
            bits = sum(side for value, side in ((2, _V4), (10, _V4 << 256)) if any(first <= value <= last for first, last in merged))
        narrowed.protocols &= ~bits if inverted else bits
        return True
    if number == ops.FIELD_DPORT:
        narrowed.narrow_dports(_complement(merged) if inverted else merged)
        return True
    return False


def _complement(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ports that a merged list leaves out."""
    found, start = [], 0
    for first, last in intervals:
        if start < first:
            found.append((start, first - 1))
        start = last + 1
    return [*found, (start, 65535)] if start < 65536 else found


_V4 = (1 << 256) - 1
#: nftables' bit of each CT_ number.
_STATE_BITS = (1, 8, 2, 4, 1, 64)
_LOW = (1 << 64) - 1
_FULL = (1 << 128) - 1


def _name_number(name: str) -> int:
    """An interface name as the number that ``datatypes`` makes of it."""
    return int.from_bytes(name.encode()[:15].ljust(16, b"\0"), "big")


def _is_raw(base: BasePlan) -> bool:
    return base.priority < CONNTRACK_PRIORITY and base.hook in (tables.HOOK_NUMBERS["prerouting"], tables.HOOK_NUMBERS["output"])
