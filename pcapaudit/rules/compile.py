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
    Counter,
    Element,
    Limit,
    Log,
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
    #: The rule, normalised.
    text: str
    comment: str


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
    slot_rule: array[int] = field(default_factory=lambda: array("I"))
    #: First slot, and slot after the last, of each chain, by index (id - 1).
    chain_first: array[int] = field(default_factory=lambda: array("I"))
    chain_stop: array[int] = field(default_factory=lambda: array("I"))
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
        text = format_rule(rule)
        program.rules.append(
            RuleInfo(number, table.family, table.name, chain.name, place.path, place.line, place.column, text, rule.comment)
        )
        maps = [each for each in rule.statements if isinstance(each, VerdictMap)]
        choices = self._elements(maps[0].right) if maps else (None,)
        for order, choice in enumerate(choices):
            program.slot_start.append(len(program.code))
            program.slot_rule.append(number)
            for statement in rule.statements:
                self._statement(statement, choice, again=order > 0)
            if program.code[-4] < ops.OP_ACCEPT:
                self._emit(ops.OP_END)

    def _statement(self, statement: Statement, choice: Element | None, *, again: bool) -> None:
        """One statement's instructions. ``choice`` is the element of the rule's verdict map that this slot stands for."""
        if isinstance(statement, Match):
            self._match(statement)
        elif isinstance(statement, VerdictMap):
            assert choice is not None and choice.verdict is not None  # noqa: S101 (elements of verdict maps have verdicts)
            self._match(Match(statement.keys, "==", SetLiteral((choice,), braces=True), statement.place))
            self._verdict(choice.verdict)
        elif isinstance(statement, Limit):
            self._limit(statement, again)
        elif isinstance(statement, Reject):
            self._emit(ops.OP_REJECT)
        elif isinstance(statement, Verdict):
            self._verdict(statement)
        else:
            assert isinstance(statement, (Counter, Log))  # noqa: S101 (nothing else is a Statement)

    def _verdict(self, verdict: Verdict) -> None:
        if verdict.kind == "continue":
            self._emit(ops.OP_END)
        else:
            self._emit(_VERDICT_OPS[verdict.kind], self.targets.get(verdict.target, 0))

    def _emit(self, *words: int) -> None:
        self.program.code.extend((*words, 0, 0, 0)[:4])

    # Matches --------------------------------------------------------------------------------------------------------------------

    def _match(self, match: Match) -> None:
        inverted = ops.TEST_NOT if match.op == "!=" else 0
        if len(match.keys) > 1:
            self._tuple(match, inverted)
            return
        key = match.keys[0]
        load = load_of(key)
        bounds = [bound for each in self._elements(match.right) for bound in compare_bounds(match.op, *each.parts[0], key.selector.bits)]
        if load.field in (ops.FIELD_IIF, ops.FIELD_OIF):
            test = ops.TEST_IFACE, self._interface_test(bounds, match.place)
        elif match.op == "any":
            test = self._test(ops.TEST_ANY, [bounds[0][0]])
        else:
            test = self._test(*interval_test(merge(bounds), key.selector.bits))
        self._emit(ops.OP_MATCH, self._load(load), test[0] | inverted, test[1])

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

    def _limit(self, limit: Limit, again: bool) -> None:
        """Words as LIMIT_WORDS says; the bucket is full at the start."""
        if again:
            self._emit(ops.OP_SAME_LIMIT)
            return
        period = limit.per_s * NS_PER_SECOND
        cost = period // limit.rate
        largest = period * (limit.rate + limit.burst) // limit.rate if limit.of_bytes else cost * limit.burst
        flags = ops.LIMIT_OVER * limit.over | ops.LIMIT_BYTES * limit.of_bytes
        self._emit(ops.OP_LIMIT, len(self.program.limits))
        self.program.limits.extend((largest, -1, largest, cost, period, limit.rate, flags, 0))
        self.program.has_global_state = True


_LOW = (1 << 64) - 1
_FULL = (1 << 128) - 1


def _name_number(name: str) -> int:
    """An interface name as the number that ``datatypes`` makes of it."""
    return int.from_bytes(name.encode()[:15].ljust(16, b"\0"), "big")


def _is_raw(base: BasePlan) -> bool:
    return base.priority < CONNTRACK_PRIORITY and base.hook in (tables.HOOK_NUMBERS["prerouting"], tables.HOOK_NUMBERS["output"])
