"""Watches the evaluator judge one packet, and writes down the way that it took.

The evaluator tells base chains, and the slots whose code it ran. The slots between, which the filters passed over, cannot match; which of
their matches fails is asked of the same matcher at that moment. So nothing here decides anything. What the watcher works out for itself
is where a chain was left: the next slot that is told lies in another one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pcapaudit.core.consts import IFACE_NONE
from pcapaudit.rules import ops
from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.fields import Load, is_interface
from pcapaudit.rules.model import Key, Match, VerdictMap
from pcapaudit.rules.nft.printer import format_statement
from pcapaudit.rules.steps import ChainStep, Outcome, RuleStep, Seen, Step, WayStep, World

if TYPE_CHECKING:
    from pcapaudit.rules.evaluate import Evaluator
    from pcapaudit.rules.program import ChainInfo, RuleInfo

__all__ = ["Watcher"]

_NAMES = {ops.OP_ACCEPT: "accept", ops.OP_DROP: "drop", ops.OP_REJECT: "reject", ops.OP_RETURN: "return", ops.OP_QUEUE: "queue"}
_LOOKS = (ops.OP_MATCH, ops.OP_TUPLE, ops.OP_LOOKUP, ops.OP_FADE)


@dataclass(slots=True)
class _Frame:
    """A chain that is being walked."""

    #: Index of the chain; slot to look at next.
    chain: int
    next: int
    #: The worlds in it.
    world: World
    #: Where in ``steps`` the step of the rule looked at last stands, and the rule; slots of one rule are one step.
    step: int = -1
    rule: int = 0
    #: Nobody comes back from it.
    ended: bool = False


class Watcher:
    """Takes what an evaluator tells of one packet at a time."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._program = evaluator.program
        self._matcher = evaluator.matcher
        self._steps: list[Step] = []
        self._frames: list[_Frame] = []
        nats = [base.chain for paths in self._program.plans for versions in paths for chains in versions for base in chains if base.is_nat]
        self._nats = frozenset(nats)

    def start(self) -> None:
        """Watch from now on."""
        self._steps = []
        self._frames = []
        self._matcher.watcher = self
        self._matcher.watched = True

    def stop(self) -> tuple[Step, ...]:
        """Watch no longer. Returns the steps."""
        self._matcher.watched = False
        return tuple(self._steps)

    def tell(self, i: int, what: int, value: int, world: int) -> None:
        """See ``Matcher.tell``."""
        if what == ops.WATCH_CHAIN:
            self._begin(value, world)
        elif what == ops.WATCH_END:
            self._end(i, value)
        else:
            self._slot(i, what, value, world)

    # Chains -----------------------------------------------------------------------------------------------------------------------

    def _begin(self, chain: int, world: int) -> None:
        """A base chain is next; unless something is told of it, it is not asked."""
        info = self._program.chains[chain + 1]
        assert info is not None  # noqa: S101 (ids count from 1)
        kind = "nat" if chain in self._nats else "filter"
        at = f"{info.path}:{info.policy_line}"
        raw = bool(self._matcher.before_conntrack)
        name = _chain_name(info)
        step = ChainStep(info.id, name, info.hook, info.priority, kind, info.policy, at, Outcome.NOT_ASKED, _world(world), raw)
        self._frames = [_Frame(chain, self._program.chain_first[chain], _world(world), step=len(self._steps))]
        self._steps.append(step)

    def _end(self, i: int, left: int) -> None:
        """The base chain is through; ``left``: the worlds that reached its policy."""
        while len(self._frames) > 1:
            self._leave(i)
        if left:
            self._pass_over(i, self._program.chain_stop[self._frames[0].chain])
        place = max(k for k, step in enumerate(self._steps) if isinstance(step, ChainStep))
        step = self._steps[place]
        assert isinstance(step, ChainStep)  # noqa: S101 (found as one)
        reached = left and _world(left) == step.world
        self._steps[place] = replace(step, outcome=Outcome.POLICY if reached else Outcome.ENDED)

    def _leave(self, i: int) -> None:
        """The innermost chain is through: the rest of its rules did not match."""
        frame = self._frames[-1]
        self._pass_over(i, self._program.chain_stop[frame.chain])
        info = self._program.chains[frame.chain + 1]
        assert info is not None  # noqa: S101 (ids count from 1)
        self._frames.pop()
        if not frame.ended:
            self._steps.append(WayStep(_chain_name(info), len(self._frames), frame.world))

    # Slots ------------------------------------------------------------------------------------------------------------------------

    def _slot(self, i: int, slot: int, pc: int, world: int) -> None:
        chain = bisect_right(self._program.chain_first, slot) - 1
        while self._frames[-1].chain != chain and len(self._frames) > 1:
            self._leave(i)
        here, unknown = self._evaluator.here, self._evaluator.seen_unknown
        stopped = self._matcher.stopped_at
        seen = None
        if pc == 0:
            seen = self._seen(i, slot, stopped)
        elif unknown:
            seen = self._unknown(slot)
        self._pass_over(i, slot)
        frame = self._frames[-1]
        frame.next = slot + 1
        outcome = Outcome.NOT_MATCHED if pc == 0 else Outcome.UNKNOWN if unknown else Outcome.MATCHED
        self._add(slot, _world(here if pc else world), outcome, seen, pc or stopped)
        if pc:
            self._go(frame, pc, here, stays=bool(unknown))

    def _go(self, frame: _Frame, pc: int, here: int, *, stays: bool) -> None:
        """Where the worlds that matched a rule go; others may stay behind in the chain."""
        op, target = self._program.code[pc], self._program.code[pc + 1]
        if op == ops.OP_END:
            return
        if not stays and op != ops.OP_JUMP:
            # Its other rules are not looked at; after a return, the caller's are.
            frame.next = self._program.chain_stop[frame.chain]
            frame.ended = op != ops.OP_RETURN
        if op in (ops.OP_JUMP, ops.OP_GOTO):
            self._frames.append(_Frame(target, self._program.chain_first[target], _world(here)))

    def _pass_over(self, i: int, stop: int) -> None:
        """The slots in front of ``stop`` that were not told: the filters know that they do not match."""
        frame = self._frames[-1]
        while frame.next < stop:
            slot = frame.next
            frame.next += 1
            if self._program.slot_rule[slot] == frame.rule:
                continue
            pc = self._matcher.first_miss(i, self._program.slot_start[slot])
            self._add(slot, frame.world, Outcome.NOT_MATCHED, self._seen(i, slot, pc), pc)

    def _add(self, slot: int, world: World, outcome: Outcome, seen: Seen | None, pc: int) -> None:
        """One step for a rule, whatever the number of its slots: the first slot that did more than fail tells."""
        frame = self._frames[-1]
        rule = self._program.rules[self._program.slot_rule[slot]]
        assert rule is not None  # noqa: S101 (ids count from 1)
        if frame.rule == rule.id:
            before = self._steps[frame.step]
            assert isinstance(before, RuleStep)  # noqa: S101 (a rule's)
            if outcome == Outcome.NOT_MATCHED or before.outcome != Outcome.NOT_MATCHED:
                return
        made = self._made(rule, (world, outcome), seen, pc)
        if frame.rule == rule.id:
            self._steps[frame.step] = made
            return
        frame.rule, frame.step = rule.id, len(self._steps)
        self._steps.append(made)

    def _made(self, rule: RuleInfo, came_to: tuple[World, Outcome], seen: Seen | None, pc: int) -> RuleStep:
        world, outcome = came_to
        statements = rule.rule.statements
        failed = self._place(rule, pc) if outcome == Outcome.NOT_MATCHED and pc else len(statements)
        if outcome == Outcome.NOT_MATCHED and not pc:
            failed = 0
        done = [each for each in statements[:failed] if not isinstance(each, Match)]
        return RuleStep(
            rule=rule.id,
            at=f"{rule.path}:{rule.line}",
            chain=f"{rule.family} {rule.table} {rule.chain}",
            depth=len(self._frames) - 1,
            text=rule.text,
            outcome=outcome,
            world=world,
            seen=seen,
            ran=tuple(format_statement(each) for each in done if not isinstance(each, VerdictMap)),
            verdict=self._verdict(pc) if outcome != Outcome.NOT_MATCHED else "",
        )

    def _verdict(self, pc: int) -> str:
        op, operand = self._program.code[pc], self._program.code[pc + 1]
        if op in (ops.OP_JUMP, ops.OP_GOTO):
            target = self._program.chains[operand + 1]
            return f"{'jump' if op == ops.OP_JUMP else 'goto'} {target.name if target else ''}"
        return "accept (translates)" if op == ops.OP_NAT else _NAMES.get(op, "")

    # What was looked at -----------------------------------------------------------------------------------------------------------

    def _place(self, rule: RuleInfo, pc: int) -> int:
        """Place of an instruction's statement in the rule as it is written: the code has two for a verdict map."""
        place = self._program.origins[pc // 4]
        maps = [k for k, each in enumerate(rule.rule.statements) if isinstance(each, VerdictMap)]
        return place - 1 if maps and place > maps[0] else place

    def _seen(self, i: int, slot: int, pc: int) -> Seen:
        """What a rule failed on."""
        rule = self._program.rules[self._program.slot_rule[slot]]
        assert rule is not None  # noqa: S101 (ids count from 1)
        if pc == 0:
            return Seen(rule.text, "", "cannot match a packet of this kind")
        statement = rule.rule.statements[self._place(rule, pc)]
        text = format_statement(statement)
        op = self._program.code[pc]
        if op not in _LOOKS:
            return Seen(text, "", _effect_text(op))
        if not isinstance(statement, (Match, VerdictMap)):
            return Seen(text, "", "the packet is of another kind")
        values = [self._value(i, where, key) for where, key in zip(self._reads(pc), statement.keys, strict=True)]
        if None in values:
            return Seen(text, "", "the packet has no such field")
        return Seen(text, " . ".join(str(value) for value in values), "")

    def _unknown(self, slot: int) -> Seen:
        """What a rule could not answer."""
        pc = self._matcher.unknown_at
        rule = self._program.rules[self._program.slot_rule[slot]]
        assert rule is not None  # noqa: S101 (ids count from 1)
        return Seen(format_statement(rule.rule.statements[self._place(rule, pc)]), "", "the capture does not tell")

    def _reads(self, pc: int) -> range:
        """Instructions that read what the one at ``pc`` compares."""
        count = self._program.code[pc + 1]
        return range(pc, pc + 1) if self._program.code[pc] == ops.OP_MATCH else range(pc - 4 * count, pc, 4)

    def _value(self, i: int, pc: int, key: Key) -> str | None:
        """The packet's value; None when it has none."""
        answer = self._matcher.read_again(i, pc)
        if answer != ops.YES:
            return None if answer == ops.NO else "?"
        number = self._matcher.value_hi << 64 | self._matcher.value_lo
        load = self._program.code[pc + 1]
        field, offset = self._program.loads[load], self._program.loads[load + 3]
        if is_interface(Load(field, offset=offset)):
            if number < len(self._program.interfaces):
                return f'"{self._program.interfaces[number]}"'
            return "none" if number == IFACE_NONE else "?"
        return DATATYPES[key.selector.type_name].format(number)


def _world(worlds: int) -> World:
    return World.MAIN if worlds == ops.WORLD_MAIN else World.OTHER


def _chain_name(info: ChainInfo) -> str:
    return f"{info.family} {info.table} {info.name}"


def _effect_text(op: int) -> str:
    return {
        ops.OP_LIMIT: "the rate is not within this limit",
        ops.OP_SAME_LIMIT: "the rate is not within this limit",
        ops.OP_QUOTA: "the volume is not within this quota",
        ops.OP_RECENT: "the address is not on the list as asked",
        ops.OP_COUNT: "the number of connections is not as asked",
        ops.OP_ALIVE: "the element's time is over",
        ops.OP_UPDATE: "the element's own statement does not hold, or the set is full",
        ops.OP_MAP: "the map has no such key",
        ops.OP_VALUE: "the packet has no such field to take the value from",
    }.get(op, "")
