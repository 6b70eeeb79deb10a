"""Turns a ruleset into the flat arrays that ``evaluate`` runs on.

Rules of a chain lie side by side; a rule's instructions end in its verdict, or in OP_END. Sets become bitmaps (ports, protocols) or
sorted intervals; a match on interface names becomes one byte for each interface of the topology, because which names there are is
known now: 0 no, 1 yes, 2 unknown. What the capture can never show (a local user, a fib) is a field whose every match is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pcapaudit.core.consts import PROTO_TCP, VERDICT_ACCEPT, VERDICT_DROP
from pcapaudit.rules import ops, tables
from pcapaudit.rules.effects import Effects, changed_fields
from pcapaudit.rules.emitter import Emitter
from pcapaudit.rules.interfaces import wildcard
from pcapaudit.rules.machine import Machine
from pcapaudit.rules.model import (
    BaseChain,
    Chain,
    Element,
    Match,
    Place,
    Reject,
    Rule,
    Ruleset,
    SetLiteral,
    SetRef,
    Statement,
    Table,
    Unsupported,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.prefilter import SlotFilter
from pcapaudit.rules.program import BasePlan, ChainInfo, DynamicSet, Program, RuleInfo
from pcapaudit.rules.reached import ReachedLog

__all__ = ["BasePlan", "ChainInfo", "DynamicSet", "Program", "RuleInfo", "compile_ruleset"]

#: Chains of lower priority at prerouting and output run before conntrack, which stands at this one (NF_IP_PRI_CONNTRACK).
CONNTRACK_PRIORITY = -200
_PATHS = {
    1: ("ingress", "prerouting", "forward", "postrouting", "egress"),
    2: ("ingress", "prerouting", "input"),
    3: ("output", "postrouting", "egress"),
}
_FAMILY_L3 = {"ip": (4,), "ip6": (6,), "inet": (4, 6), "netdev": (4, 6)}
#: What stands on a bridge: its own tables, and those of its ports.
_BRIDGED_L3 = {"bridge": (4, 6), "netdev": (4, 6)}
#: Hook → priority at which the kernel's NAT stands there (NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC).
_NAT_PRIORITY = {0: -100, 1: 100, 3: -100, 4: 100}
#: Hook → how much of a packet is translated before and behind the kernel's NAT there (see ``view``).
_STAGES = {0: (0, 1), 1: (1, 2), 3: (0, 1), 4: (1, 2), 5: (0, 0), 6: (2, 2)}
#: Hooks of packets that arrive and of packets that are made here, where conntrack still lies ahead.
_EARLY_HOOKS = frozenset({tables.HOOK_NUMBERS["prerouting"], tables.HOOK_NUMBERS["output"]})
_VERDICT_OPS = {"accept": ops.OP_ACCEPT, "drop": ops.OP_DROP, "return": ops.OP_RETURN, "jump": ops.OP_JUMP, "goto": ops.OP_GOTO}


def compile_ruleset(
    ruleset: Ruleset, interfaces: Sequence[str] = (), assumed: bool = True, machine: Machine | None = None, *, covered: bool = False
) -> Program:
    """Compile for a topology; ``machine`` is what it says of routes and interfaces.

    ``interfaces`` are the names by index, as in the columns iif and oif. With ``assumed`` these names are the tool's own invention
    (inside, outside): a rule that names any other interface is then unknown, not false. A ``covered`` program logs what packets reach
    (``reached``): the same verdicts, more slowly.
    """
    log = ReachedLog(True) if covered else None
    return _Compiler(ruleset, Program(interfaces=tuple(interfaces), machine=machine or _unsaid(assumed), log=log), assumed).compile()


def _unsaid(assumed: bool) -> Machine:
    """A machine of which no routes are told: packets' ways tell which addresses are own, unless these were assumed, too."""
    return Machine(known=frozenset() if assumed else frozenset((4, 6)))


class _Compiler:
    def __init__(self, ruleset: Ruleset, program: Program, assumed: bool) -> None:
        self.ruleset = ruleset
        self.program = program
        self.out = Emitter(self.program, assumed=assumed, changed=changed_fields(ruleset))
        self.effects = Effects(self.out)
        self.slot_filters: list[SlotFilter] = []
        self.targets: dict[str, int] = {}
        self.l3: tuple[int, ...] = ()
        self.families = _BRIDGED_L3 if program.machine.bridge else _FAMILY_L3

    def compile(self) -> Program:
        program = self.program
        bases: list[BasePlan] = []
        index = 0
        for table in self.ruleset.tables:
            self.effects.begin(table)
            self.l3 = self.families.get(table.family, ())
            self.targets = {chain.name: index + offset for offset, chain in enumerate(table.chains)}
            for chain in table.chains:
                self._chain(table, chain)
                if chain.base is not None and not table.dormant and table.family in self.families:
                    bases.append(self._base(index, chain.base, self.families[table.family], chain.place))
                index += 1
        self._filter()
        self._plan(bases)
        self._notes(bases)
        return program

    def _base(self, index: int, base: BaseChain, l3: tuple[int, ...], place: Place) -> BasePlan:
        policy = VERDICT_DROP if base.policy == "drop" else VERDICT_ACCEPT
        gate = 0
        if base.devices:
            gate = self.out.interfaces.named([wildcard(name) for name in base.devices], place)
        return BasePlan(index, tables.HOOK_NUMBERS[base.hook], base.priority, policy, l3, base.type == "nat", gate)

    # Order of evaluation --------------------------------------------------------------------------------------------------------

    def _plan(self, bases: list[BasePlan]) -> None:
        """Base chains by hook and priority. Of two with one priority the kernel runs first the one made last.

        The nat chains of a hook all run where the kernel's NAT stands, by priority among themselves.
        """
        bases.reverse()
        ordered = sorted(bases, key=lambda each: (_NAT_PRIORITY.get(each.hook, 0) if each.is_nat else each.priority, each.priority))
        program = self.program
        program.nat_l3 = tuple(l3 for l3 in (4, 6) if any(each.is_nat and l3 in each.l3 for each in bases))
        ordered = _staged(ordered)
        for raw in (False, True):
            paths: list[list[list[BasePlan]]] = [[[], []]]
            for hooks in _PATHS.values():
                numbers = [tables.HOOK_NUMBERS[name] for name in hooks]
                chains = [each for number in numbers for each in ordered if each.hook == number and _is_raw(each) == raw]
                paths.append([[each for each in chains if l3 in each.l3] for l3 in (4, 6)])
            program.plans.append(paths)
        program.has_raw = any(_is_raw(each) for each in bases)
        hooked = {each.hook for each in bases if not each.is_nat} or {each.hook for each in bases}
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
        for text, place in self.out.interfaces.notes.items():
            notes.append(text.format(place=f"{place.path}:{place.line}") + " undecidable")
        if self.program.machine.follows_source:
            for text, place in self.out.reverse.items():
                notes.append(
                    f"{text} ({place.path}:{place.line}): by which interface packets come in is told by their sources alone, so that none "
                    "comes from the wrong side; say what shows the link: vlans, capture-interfaces or macs of a topology file"
                )
        notes.extend(self.effects.notes())
        for table in self.ruleset.tables:
            if table.family not in self.families:
                notes.append(f"table {table.family} {table.name} is read and not evaluated: {self._why_not(table.family)}")
            elif table.dormant:
                notes.append(f"table {table.family} {table.name} is dormant: it sees no packet")

    def _why_not(self, family: str) -> str:
        if family == "bridge":
            return 'it stands on a bridge, and the topology tells of none (bridge = "br0" in a topology file)'
        if self.program.machine.bridge:
            return f"frames that the bridge {self.program.machine.bridge} passes on do not meet it"
        return "it sees no IP packet at an IP hook"

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
        program.resets.append(any(isinstance(each, Reject) and each.kind == "tcp" for each in rule.statements))
        maps = [each for each in rule.statements if isinstance(each, VerdictMap)]
        choices = self.out.elements(maps[0].right) if maps else (None,)
        if maps and program.log:
            self.out.position = -1
            self.out.tally(maps[0].keys, maps[0].right, slot=len(program.slot_rule))
        named = maps[0].right.name if maps and isinstance(maps[0].right, SetRef) else ""
        kept: dict[int, int] = {}
        for order, choice in enumerate(choices):
            slot = _Slot(_chosen(rule.statements, choice), kept, again=order > 0)
            if named:
                slot.map, slot.order, slot.map_at = named, order, rule.statements.index(maps[0])
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
            self.out.position = position
            if slot.done and position in slot.answered:
                continue
            if slot.map and position == slot.map_at + 1:
                # Behind the match that stands for one element of the map.
                self.out.alive(slot.map, slot.order)
            if isinstance(statement, Match):
                if self.out.match(statement, slot.filter if narrowing else SlotFilter()) and narrowing:
                    slot.answered.add(position)
            elif isinstance(statement, Reject):
                self._reject(statement, slot.statements[:position])
            elif isinstance(statement, Verdict):
                self._verdict(statement)
            elif isinstance(statement, Unsupported):
                self.effects.unsupported(statement)
            elif self.effects.emit(statement, slot.kept, position, again=slot.again):
                narrowing = False
        if len(self.program.code) == start or self.program.code[-4] < ops.OP_ACCEPT:
            self.out.emit(ops.OP_END)
        slot.done = True
        return start

    def _reject(self, reject: Reject, before: tuple[Statement, ...]) -> None:
        """As nft does, put a test in front of an answer that only one family or TCP has, unless the rule has asked already."""
        asked = [key.selector for each in before if isinstance(each, Match) for key in each.keys]
        l3 = {"icmp": 4, "icmpv6": 6}.get(reject.kind, 0)
        if l3 and self.l3 != (l3,) and not any(each.l3 or each.text == "meta nfproto" for each in asked):
            self.out.need(l3)
        if reject.kind == "tcp" and not any(each.proto == PROTO_TCP for each in asked):
            self.out.need(0, PROTO_TCP)
        self.out.emit(ops.OP_REJECT)

    def _verdict(self, verdict: Verdict) -> None:
        if verdict.kind == "continue":
            self.out.emit(ops.OP_END)
        else:
            self.out.emit(_VERDICT_OPS[verdict.kind], self.targets.get(verdict.target, 0))


@dataclass(slots=True)
class _Slot:
    """A rule, or one element of its verdict map, while it is compiled: first whole, then without what the filter answers."""

    statements: tuple[Statement, ...]
    #: Index of each limit, quota or update by its position in the rule.
    kept: dict[int, int]
    #: Not the first slot of its rule.
    again: bool
    filter: SlotFilter = field(default_factory=SlotFilter)
    #: Positions of matches that the filter answers.
    answered: set[int] = field(default_factory=set)
    #: Name of the verdict map that the slot takes an element of, which one, and where the map stands in the rule.
    map: str = ""
    order: int = 0
    map_at: int = 0
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


def _staged(ordered: list[BasePlan]) -> list[BasePlan]:
    """The base chains, in the order in which they run, with the stages at which they do.

    A chain that shares the priority of the kernel's NAT sees the packet translated if it runs behind the hook's nat chains.
    """
    passed: set[int] = set()
    staged = []
    for each in ordered:
        before, behind = _STAGES.get(each.hook, (1, 1))
        at = _NAT_PRIORITY.get(each.hook, 0)
        if each.is_nat:
            passed.add(each.hook)
        translated = not each.is_nat and (each.priority > at or (each.priority == at and each.hook in passed))
        staged.append(replace(each, stage=behind if translated else before))
    return staged


def _is_raw(base: BasePlan) -> bool:
    return base.hook == tables.HOOK_NUMBERS["ingress"] or (
        base.priority < CONNTRACK_PRIORITY and base.hook in _EARLY_HOOKS and not base.is_nat
    )
