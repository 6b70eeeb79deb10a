"""Evaluates packets on a compiled ruleset: verdict, the rule that decided, and whether anything unknown could change it.

A match answers yes, no or **unknown**: unknown when it asks for what the capture does not hold (an interface that nobody told us, a
local user, bytes beyond the snap length). Guessing would be silent, and trying out every combination of answers is exponential.
So the packet is walked once, with two kinds of *worlds* in mind:

* the MAIN world, in which every unknown match does not hold; its verdict is the packet's verdict;
* OTHER worlds, in which some of them hold. All that the walk remembers of them is which verdicts can come out.

At each rule the walk knows whether the main world is here, or only others. An unknown match sends other worlds into the rest of the
rule, and the worlds before it go on to the next rule. A jump takes the worlds in the rule along; those that stay behind wait in the
frame. A verdict ends the worlds that reach it; then those that wait in the innermost frame go on. An unknown ``return`` (or ``goto``)
sends other worlds back to the caller, where they join those that come back at the chain's end. When the main world has its verdict
and others are left, the walk goes on for them alone. So every rule is looked at once for each way that a jump leads to it, as in the
kernel, and the set of verdicts is never too small. It can be too large: two unknown matches are taken to be independent.

If some other world ends differently, the packet is undecided (``decided`` 0) and ``cause`` names the rule whose unknown match let
that world part from the main one. ``cause`` 0 then means that the packet's path through the hooks is unknown.

What rules set (marks, elements of sets) is set by the main world. Where other worlds set it differently, or the main one while others are
elsewhere, a look at the packet's mark makes every verdict possible; sets and marks of connections that other worlds alone wrote to answer
every question with unknown from then on.

Facts of the kernel kept here (more in ``matching``): ``accept`` ends a base chain and not the packet's way; ``drop`` ends all. A nat
chain sees the first packet of a connection only, and the first of a hook's nat chains that translates is the last that runs; which of
its rules accepted is no answer to the question which rule let the packet through.

What the loop brings along, for programs that say so: ``matcher.ct_mark`` (with ``ct_mark_known``) before, and takes back after, where
``ct_mark_set``; ``notrack`` after ``evaluate_raw``: the packet goes on untracked.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.rules.compile import Program
from pcapaudit.rules.frames import Frames
from pcapaudit.rules.matching import Matcher
from pcapaudit.rules.memory import Memory
from pcapaudit.rules.outcomes import Outcomes, steady_until
from pcapaudit.rules.reached import ReachedLog

if not cython.compiled:
    from pcapaudit.core.consts import (
        CT_INVALID,
        CT_RELATED,
        CT_UNTRACKED,
        HOOK_INGRESS,
        HOOK_INPUT,
        HOOK_OUTPUT,
        HOOK_POSTROUTING,
        HOOK_PREROUTING,
        IFACE_NONE,
        IFACE_UNKNOWN,
        PATH_INPUT,
        PATH_OUTPUT,
        PATH_UNKNOWN,
        REASON_POLICY,
        REASON_RULE,
        STATUS_CONFIRMED,
        VERDICT_ACCEPT,
        VERDICT_DROP,
        VERDICT_REJECT,
        VERDICT_SKIP,
    )
    from pcapaudit.rules.ops import (
        DROP_AT,
        DROPPED,
        FRAME_WORDS,
        HIDE_DPORT,
        LEAVING,
        NO,
        OP_ACCEPT,
        OP_END,
        OP_GOTO,
        OP_JUMP,
        OP_LIMIT,
        OP_MAP,
        OP_MATCH,
        OP_NAT,
        OP_NOTRACK,
        OP_NUMBER,
        OP_PART,
        OP_RETURN,
        OP_SAME_LIMIT,
        OP_STORE,
        OP_TALLY,
        OP_TUPLE,
        OP_VALUE,
        STORE_ADDRESS,
        STORE_HELPER,
        STORE_TEMPLATE,
        UNKNOWN,
        WATCH_CHAIN,
        WATCH_END,
        WORLD_MAIN,
        WORLD_NONE,
        WORLD_OTHER,
        YES,
    )
    from pcapaudit.rules.outcomes import (
        MAX_KEY_INTERFACES,
        OUTCOME_END,
        OUTCOME_KEY,
        OUTCOME_WORDS,
    )

__all__ = ["Evaluator"]

if not cython.compiled:
    # Words of a base chain in a plan: chain, hook, policy, 1 for a nat chain, gate, stage.
    _PLAN_WORDS = 6

    def _lowest_bit(bits: int) -> int:
        return (bits & -bits).bit_length() - 1


#: Spreads keys of outcomes over their places; odd, with about as many ones as zeros.
_SPREAD = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


class Evaluator:
    """Evaluates the packets of one batch object, which is filled again and again."""

    def __init__(self, program: Program, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        self.program = program
        self.batch = batch
        self.verdicts = verdicts
        self.has_raw = program.has_raw
        self.main_path = program.main_path
        self.code = memoryview(program.code)
        self.matcher = Matcher(program, batch, verdicts)
        #: The packet's stages, where it is translated; whoever evaluates connections sets it up.
        self.view = self.matcher.view
        self.iface_count = len(program.interfaces)
        self.slot_start = memoryview(array("I", [*program.slot_start, 0]))
        self.slot_rule = memoryview(array("I", [*program.slot_rule, 0]))
        self.slot_short = memoryview(array("I", [*program.slot_short, 0]))
        self.chain_filter = memoryview(array("I", [*program.chain_filter, 0]))
        self.filters = memoryview(program.filters.words)
        self.protocol_class = memoryview(program.filters.protocol_class)
        self.dport_class = memoryview(program.filters.dport_class)
        self.dport_classes = len(program.filters.dport_values)
        self.uses_dport = program.filters.uses_dport
        self.state = self.protocol = self.dport = 0
        self.iif = self.oif = 0
        self.all_known = 0
        #: Keys have room for the interfaces (0 turns the memory off); no instruction ran for the packet so far; none but steady ones ran.
        self.remembers = self.iface_count < MAX_KEY_INTERFACES and not program.log
        self.plain = 0
        self.steady = 0
        self.steady_stop = memoryview(steady_until(program))
        #: Number of the outcome of the last packet that ``evaluate`` judged, or 0.
        self.kept = 0
        self.chain_first = memoryview(array("I", [*program.chain_first, 0]))
        self.chain_stop = memoryview(array("I", [*program.chain_stop, 0]))
        self.memory = Memory(program, batch, self.matcher)
        self.pool = memoryview(program.pool)
        #: The packet goes on untracked, says the last ``evaluate_raw``.
        self.notrack = 0
        #: The helper that a rule gave the packet's connection; the one that rules before conntrack give to what begins behind them.
        self.helper = 0
        self.template = 0
        #: Other worlds left the main one at some rule of this packet.
        self.parted = 0
        #: Hook (plus 1) whose nat chains are done with the packet.
        self.translated_at = 0
        #: The base chain that runs is a nat chain.
        self.in_nat = 0
        #: What VALUE, NUMBER and MAP took is not known.
        self.value_unknown = 0
        self.bases, self.plans = program.flat_plans()
        self.rule_packets: Any = np.zeros(len(program.rules), np.uint64)
        self.rule_bytes: Any = np.zeros(len(program.rules), np.uint64)
        self.packets, self.octets = memoryview(self.rule_packets), memoryview(self.rule_bytes)
        self.outcomes = Outcomes(batch, verdicts, self.rule_packets, self.rule_bytes)
        self.reached = program.log or ReachedLog()
        self.frames = Frames()
        self.here = WORLD_NONE
        self.seen_unknown = 0
        self.base_chain = self.parted_at = 0
        self.main_verdict = VERDICT_SKIP
        self.main_rule = self.main_chain = self.main_hook = 0
        self.passed = WORLD_NONE
        self.possible = 0
        self.causes = memoryview(array("I", bytes(4 * 4)))

    # A packet's way through the hooks ---------------------------------------------------------------------------------------------

    def evaluate(self, i, now):
        """Judge packet ``i`` at ``now`` (ns): its base chains behind conntrack. Writes the columns of the verdict; returns the verdict."""
        if not self.memory.started:
            self.memory.start(now)
        self.matcher.ct_mark_set = 0
        self.matcher.before_conntrack = 0
        self._classify(i)
        key = self._key(i)
        at = ((key * _SPREAD & _M64) >> 54) * OUTCOME_WORDS
        if key and self.outcomes.words[at + OUTCOME_KEY] == key:
            self.helper = 0
            self.kept = self.outcomes.words[at + OUTCOME_END] >> 32
            return self.outcomes.repeat(i, at)
        self._forget(i, self.has_raw)
        self.matcher.now = now
        self._run_path(i, now, 0)
        if self.view.on:
            self.view.restore(i)
        self._write(i)
        if key and self.steady and self.possible == 0 and not self.parted:
            way = self.outcomes.way(i, self.verdicts.ct_status[i] & STATUS_CONFIRMED)
            self.kept = self.outcomes.keep(way, self.main_verdict | self.main_hook << 8, self.main_rule, self.main_chain)
            if self.kept and self.plain:
                self.outcomes.remember(at, key, self.kept)
        return self.main_verdict

    def settled(self):
        """Whether the base chains before conntrack left nothing open for those behind it."""
        return not (self.possible or self.parted or self.matcher.looked_unsure)

    def evaluate_raw(self, i, now):
        """The base chains before conntrack. Returns the verdict so far; writes it only when it is not accept."""
        if not self.memory.started:
            self.memory.start(now)
        self._forget(i, 0)
        self.matcher.now = now
        self.matcher.before_conntrack = 1
        self._classify(i)
        self._run_path(i, now, 1)
        if self.main_verdict != VERDICT_ACCEPT:
            self._write(i)
        return self.main_verdict

    def _forget(self, i, keep_possible):
        """Start a packet; after ``evaluate_raw`` the verdicts that were possible there stay possible, and the mark stays."""
        if not keep_possible:
            self.possible = 0
            self.parted = 0
            self.notrack = 0
            self.template = 0
            # A packet that arrives has no mark; the socket of one that is made here may have given it one.
            self.matcher.mark = self.matcher.given_mark
            self.matcher.mark_known = self.batch.path[i] != PATH_OUTPUT or self.matcher.given_mark != 0
            self.matcher.mark_unsure = 0
            self.matcher.looked_unsure = self.matcher.ct_zone_set = 0
            self.matcher.untracked = 0
        self.helper = 0
        self.translated_at = 0
        self.plain = self.steady = 1
        self.kept = 0
        self.outcomes.counted = 0
        self.main_verdict = VERDICT_ACCEPT
        self.main_rule = self.main_chain = 0
        self.parted_at = 0

    def _run_path(self, i, now, raw):
        """The hooks of the packet's path; of all paths when it is unknown, with the main world on the likeliest."""
        path = self.batch.path[i]
        plan = (raw * 4 + path) * 4 + (2 if self.batch.l3[i] == 6 else 0)
        self.main_hook = HOOK_INPUT if path == PATH_INPUT else HOOK_POSTROUTING
        if path != PATH_UNKNOWN:
            self._run_plan(i, now, plan, WORLD_MAIN)
            return self._other_ways(i, now) if self.view.ways else 0
        self.parted = 1
        self._run_plan(i, now, plan + 4 * self.main_path, WORLD_MAIN)
        other = 1
        while other < 4:
            if other != self.main_path:
                self.parted_at = 0
                self._run_plan(i, now, plan + 4 * other, WORLD_OTHER)
            other += 1
        return 0

    def _classify(self, i):
        """The packet's classes in the filters. ``all_known``: what the filters answer is certain."""
        known = 1
        self.state = CT_INVALID if self.matcher.before_conntrack else self.verdicts.ct_state[i]
        self.protocol = self.protocol_class[self.batch.proto[i] + (256 if self.batch.l3[i] == 6 else 0)]
        if self.uses_dport:
            start = self.batch.l4_off[i]
            if start and self.batch.end_off[i] >= start + 4 and not self.view.hidden & HIDE_DPORT:
                self.dport = self.dport_class[self.batch.dport[i]]
            else:
                self.dport = self.dport_classes
                known = 0
        self.iif = self._column(self.batch.iif[i])
        self.oif = self._column(self.batch.oif[i])
        if self.iif == self.iface_count + 1 or self.oif == self.iface_count + 1:
            known = 0
        self.all_known = known and not self.matcher.state_unsure

    def _key(self, i):
        """Key of the packet's outcome (``outcomes``), or 0 where the outcome depends on more than the key."""
        path = self.batch.path[i]
        if not (self.all_known and self.remembers) or path == PATH_UNKNOWN or self.matcher.watched or self.view.on or self.view.ways:
            return 0
        if self.has_raw and not self.settled():
            return 0
        key = 8 | path << 1 | (self.batch.l3[i] == 6)
        key = key << 1 | (self.verdicts.ct_status[i] & STATUS_CONFIRMED != 0)
        key = key << 3 | self.state
        key = key << 9 | self.protocol
        key = key << 12 | self.iif
        key = key << 12 | self.oif
        return key << 17 | self.dport

    def _column(self, index):
        """As ``Matcher.column``, which is far away for every packet."""
        if index < self.iface_count:
            return index
        return self.iface_count if index == IFACE_NONE else self.iface_count + 1

    def _run_plan(self, i, now, plan, world):
        """Base chains one after the other, while some world goes on."""
        at = self.plans[plan]
        stop = self.plans[plan + 1]
        while True:
            if self.view.on:
                stage = 2 if at >= stop else self.bases[at + 5]
                if stage != self.view.stage and not self.matcher.before_conntrack:
                    path = self.batch.path[i]
                    self._move(i, stage, world)
                    if self.batch.path[i] != path:
                        # Routed elsewhere: the chains at prerouting are the same, what comes behind them is not.
                        at -= self.plans[plan]
                        plan += 4 * self.batch.path[i] - 4 * path
                        at += self.plans[plan]
                        stop = self.plans[plan + 1]
                        self.main_hook = HOOK_INPUT if self.batch.path[i] == PATH_INPUT else HOOK_POSTROUTING
                        continue
            if at >= stop:
                break
            self.matcher.hook = self.bases[at + 1]
            self.base_chain = self.bases[at]
            self.in_nat = self.bases[at + 3]
            if self.matcher.watched:
                self.matcher.tell(i, WATCH_CHAIN, self.base_chain, world)
            if self.in_nat and not self._translates(i):
                at += _PLAN_WORDS
                continue
            here = world
            if self.bases[at + 4]:
                here = self._at_device(self.bases[at + 4], world)
                if here == WORLD_NONE:
                    at += _PLAN_WORDS
                    continue
            self.passed = WORLD_NONE
            left = self._walk_nat(i, now, here) if self.in_nat and self.view.on else self._walk(i, now, here)
            if self.matcher.watched:
                self.matcher.tell(i, WATCH_END, left, here)
            if left:
                self._end(self.bases[at + 2], left, 0)
            if here != world:
                self.passed = world
            world = self.passed
            if world == WORLD_NONE:
                return 0
            at += _PLAN_WORDS
        if world == WORLD_OTHER:
            self._allow(VERDICT_ACCEPT)
        return 0

    def _other_ways(self, i, now):
        """Worlds in which the packet is translated otherwise than in the main one, goes somewhere else, or has another ct state."""
        self.view.deciding = 0
        self.view.hides[LEAVING] |= self.view.doubt
        self.parted = 1
        self.all_known = 0
        self.matcher.state_unsure = self.matcher.in_doubt or self.matcher.state_unsure
        out = self.batch.oif[i]
        other = 1
        while other < 4:
            if self.view.ways >> other & 1:
                self.parted_at = self.view.cause if self.view.on else 0
                if self.view.on:
                    self.batch.oif[i] = IFACE_UNKNOWN
                    self.view.move(i, 0)
                self._run_plan(i, now, 4 * other + (2 if self.batch.l3[i] == 6 else 0), WORLD_OTHER)
            other += 1
        self.batch.oif[i] = out
        self.view.ways = self.matcher.in_doubt = 0
        return 0

    def _move(self, i, stage, world):
        """Bring the packet to a stage. On a connection's first packet what its nat chains said takes effect on the way."""
        if self.view.deciding and world == WORLD_MAIN:
            self.view.decide(i, stage)
        self.view.move(i, stage)
        self._classify(i)
        return 0

    def _walk_nat(self, i, now, world):
        """Walk a nat chain. Worlds that part from the main one in it may translate where that does not, or the other way round."""
        before = self.parted
        self.parted = 0
        left = self._walk(i, now, world)
        if self.parted:
            self.view.part(self.view.slot(self.matcher.hook), self.parted_at)
        self.parted = self.parted or before
        return left

    def _translates(self, i):
        """Whether nat chains see the packet: the first of a connection, not translated at this hook yet, and no ICMP error."""
        if self.verdicts.ct_status[i] & STATUS_CONFIRMED or (self.view.on and not self.view.deciding):
            return 0
        self.plain = self.steady = 0
        return self.translated_at != self.matcher.hook + 1 and self.matcher.opens(i)

    def _at_device(self, gate, world):
        """The worlds in which the packet is at one of a chain's devices."""
        index = self.iif if self.matcher.hook == HOOK_INGRESS else self.oif
        answer = self.matcher.ifaces[gate + index]
        if answer == UNKNOWN:
            if world == WORLD_MAIN:
                self.parted_at = 0
            self.parted = 1
            return WORLD_OTHER
        return world if answer == YES else WORLD_NONE

    def _end(self, verdict, worlds, rule):
        """Some worlds reach a verdict: of ``rule``, or of the base chain's policy when it is 0."""
        if verdict == VERDICT_ACCEPT and worlds > self.passed:
            self.passed = worlds
        if worlds == WORLD_OTHER:
            if verdict != VERDICT_ACCEPT:
                self._allow(verdict)
            return
        self.main_verdict = verdict
        if self.in_nat and verdict == VERDICT_ACCEPT:
            return
        # An accepting rule is remembered over later chains that only pass the packet on by their policy.
        if rule or self.main_rule == 0 or verdict != VERDICT_ACCEPT:
            self.main_rule = rule
            self.main_chain = self.base_chain + 1
        if verdict != VERDICT_ACCEPT:
            self.main_hook = self.matcher.hook

    def _allow(self, verdict):
        """Another world may end like this; the first cause of each verdict is kept."""
        if not self.possible >> verdict & 1:
            self.possible |= 1 << verdict
            self.causes[verdict] = self.parted_at

    def _write_decided(self, i):
        """Write the verdict of a packet that nothing unknown could change."""
        verdict = self.main_verdict
        self.verdicts.verdict[i] = verdict
        self.verdicts.rule[i] = self.main_rule
        self.verdicts.chain[i] = self.main_chain
        self.verdicts.hook[i] = self.main_hook
        self.verdicts.decided[i] = 1
        self.verdicts.cause[i] = 0
        if verdict != VERDICT_ACCEPT and self.verdicts.reason[i] == 0:
            self.verdicts.reason[i] = REASON_RULE if self.main_rule else REASON_POLICY

    def _write(self, i):
        """Write the verdict, and whether anything unknown could change it."""
        self._write_decided(i)
        verdict = self.main_verdict
        if self.matcher.looked_unsure:
            self._allow(VERDICT_ACCEPT)
            self._allow(VERDICT_DROP)
        if self.possible & ~(1 << verdict):
            self.verdicts.decided[i] = 0
            other = VERDICT_ACCEPT
            while other <= VERDICT_REJECT:
                if other != verdict and self.possible >> other & 1:
                    self.verdicts.cause[i] = self.causes[other]
                    break
                other += 1

    # A base chain and what it jumps to --------------------------------------------------------------------------------------------

    def _walk(self, i, now, world):
        """Walk ``base_chain``; returns the worlds that reach its policy."""
        chain = self.base_chain
        slot = self._next(chain, self.chain_first[chain])
        top = 0
        self.frames.words[3] = WORLD_NONE
        while True:
            if slot >= self.chain_stop[chain]:
                self.frames.come_back(top, world, self.parted_at)
                world = WORLD_NONE
            else:
                pc = self._match_rule(i, now, slot, world)
                if (pc or self.matcher.stopped_at) >= self.steady_stop[slot]:
                    self.steady = 0
                if self.matcher.watched:
                    self.matcher.tell(i, slot, pc, world)
                slot += 1
                if pc == 0:
                    slot = self._next(chain, slot)
                    continue
                here = self.here
                op = self.code[pc]
                if here == WORLD_MAIN:
                    self.outcomes.count(self.slot_rule[slot - 1])
                    self.packets[self.slot_rule[slot - 1]] += 1
                    self.octets[self.slot_rule[slot - 1]] += self.batch.ip_len[i]
                    if self.reached.on:
                        self.reached.reach(i, slot - 1)
                if op == OP_END:
                    slot = self._next(chain, slot)
                    continue
                if not self.seen_unknown:
                    world = WORLD_NONE
                if op == OP_RETURN:
                    self.frames.come_back(top, here, self.parted_at)
                elif op < OP_RETURN and op >= OP_JUMP:
                    if op == OP_JUMP or world:
                        top = self.frames.push(top, slot, chain, world, self.parted_at, op == OP_GOTO)
                    world = here
                    chain = self.code[pc + 1]
                    slot = self._next(chain, self.chain_first[chain])
                    continue
                elif op < OP_NAT:
                    self._end(op - OP_ACCEPT + VERDICT_ACCEPT, here, self.slot_rule[slot - 1])
                else:
                    self._end_specially(op, here, self.slot_rule[slot - 1], self.code[pc + 1])
                if world:
                    slot = self._next(chain, slot)
                    continue
            # Nobody is left here: back to the caller, with those who came back and those who waited.
            while world == WORLD_NONE:
                if top == 0:
                    if self.frames.words[3] == WORLD_OTHER:
                        self.parted_at = self.frames.words[5]
                    return self.frames.words[3]
                slot = self.frames.words[top]
                chain = self.frames.words[top + 1]
                world = self.frames.pop(top)
                if world == WORLD_OTHER:
                    self.parted_at = self.frames.parted_at
                top -= FRAME_WORDS
            slot = self._next(chain, slot)

    def _end_specially(self, op, here, rule, operand):
        """NAT accepts, and no other nat chain of the hook runs; a program's verdict is taken as accept and may be drop."""
        if op == OP_NAT:
            if here == WORLD_MAIN:
                self.translated_at = self.matcher.hook + 1
                self.view.number[self.view.slot(self.matcher.hook)] = operand + 1
            else:
                self.view.unsure[self.view.slot(self.matcher.hook)] = 1
                self.view.part(self.view.slot(self.matcher.hook), self.parted_at)
        else:
            self.parted_at = rule
            self.parted = 1
            self._allow(VERDICT_DROP)
        self._end(VERDICT_ACCEPT, here, rule)

    def _next(self, chain, slot):
        """The first slot from ``slot`` on that the packet can match; the chain's end if there is none."""
        head = self.chain_filter[chain]
        if head == 0 or self.matcher.state_unsure == 2:
            return slot
        first = self.chain_first[chain]
        width = self.filters[head]
        word = (slot - first) >> 6
        skipped = (slot - first) & 63
        while word < width:
            bits = self._candidates(head, width, word) >> skipped << skipped
            if bits:
                return first + (word << 6) + _lowest_bit(bits)
            skipped = 0
            word += 1
        return self.chain_stop[chain]

    def _candidates(self, head, width, word):
        """One word of the chain's filter: the rows of the packet's classes, and-ed."""
        bits = self.filters[self.filters[head + 1] + self.state * width + word]
        if self.matcher.state_unsure:
            bits |= self.filters[self.filters[head + 1] + CT_RELATED * width + word]
        bits &= self.filters[self.filters[head + 2] + self.protocol * width + word]
        table = self.filters[head + 5]
        if table:
            bits &= self.filters[table + self.dport * width + word]
        table = self.filters[head + 3]
        if table:
            bits &= self.filters[table + (self.iface_count if self.matcher.hook == HOOK_OUTPUT else self.iif) * width + word]
        table = self.filters[head + 4]
        if table:
            no_output = self.matcher.hook in (HOOK_PREROUTING, HOOK_INPUT)
            bits &= self.filters[table + (self.iface_count if no_output else self.oif) * width + word]
        return bits

    # One rule ---------------------------------------------------------------------------------------------------------------------

    def _match_rule(self, i, now, slot, world):
        """Run the matches of a rule: index of its last instruction, with ``here`` the worlds that reach it; or 0 if none does."""
        pc = self.slot_short[slot] if self.all_known else self.slot_start[slot]
        self.seen_unknown = 0
        while True:
            op = self.code[pc]
            if op == OP_MATCH:
                answer = self.matcher.match(i, pc)
            elif op >= OP_ACCEPT or op == OP_END:
                self.here = world
                if self.seen_unknown:
                    self.here = WORLD_OTHER
                    if world == WORLD_MAIN or (self.matcher.in_doubt and self.parted_at == 0):
                        self.parted_at = self.slot_rule[slot]
                return pc
            elif op == OP_PART:
                self.matcher.read_part(i, pc)
                answer = YES
            elif op == OP_LIMIT:
                is_main = self.seen_unknown == 0 and world == WORLD_MAIN
                answer = self.memory.take(i, now, pc, is_main)
            elif op == OP_SAME_LIMIT:
                answer = self.memory.answer
            elif op == OP_TUPLE:
                answer = self.matcher.look_up(pc, 0)
            else:
                answer = self._effect(i, now, pc, self.seen_unknown == 0 and world == WORLD_MAIN)
            self.plain = 0
            if answer == NO:
                self.matcher.stopped_at = pc
                return 0
            if answer == DROPPED:
                self.steady = 0
                self.here = WORLD_OTHER if self.seen_unknown else world
                return DROP_AT
            if answer == UNKNOWN and not self.seen_unknown:
                self.seen_unknown = 1
                self.matcher.unknown_at = pc
                self.parted = 1
            pc += 4

    # What rules do besides matching -----------------------------------------------------------------------------------------------

    def _effect(self, i, now, pc, is_main):
        """The instructions that few rules have; the answer as of a match."""
        op = self.code[pc]
        where = self.code[pc + 1]
        if op == OP_NUMBER:
            self.value_unknown = 0
            self.matcher.value_lo = self.pool[where + 1]
            return YES
        if op in (OP_VALUE, OP_MAP):
            answer = self.matcher.load(i, where) if op == OP_VALUE else self.matcher.look_up(pc, 1)
            self.value_unknown = answer >= UNKNOWN
            return YES if op == OP_VALUE and answer >= UNKNOWN else answer
        if op == OP_STORE:
            if where == STORE_HELPER:
                return self._store_helper(i, is_main)
            if where < STORE_ADDRESS:
                return self.matcher.store(i, where, is_main, self.value_unknown, self.parted)
            if is_main and not self.value_unknown:
                self.view.keep(self.view.slot(self.matcher.hook), where, self.matcher.value_hi, self.matcher.value_lo)
            return UNKNOWN if self.value_unknown else YES
        if op == OP_TALLY:
            if is_main and self.matcher.parts_known(self.code[pc + 2]) == YES:
                self.reached.look(i, where, self.matcher.parts, self.code[pc + 2])
            return YES
        if op != OP_NOTRACK:
            return self.memory.act(i, now, pc, is_main)
        if self.matcher.before_conntrack and is_main:
            self.notrack = 1
            self.state = CT_UNTRACKED
            self.matcher.untracked = 1
        elif self.matcher.before_conntrack:
            self.matcher.looked_unsure = 1
        return YES

    def _store_helper(self, i, is_main):
        """Choose the connection's helper; the first choice stands. Before conntrack there is no connection but a template for one."""
        value = self.matcher.value_lo
        if is_main and value & STORE_TEMPLATE:
            if self.matcher.before_conntrack:
                self.template = value & 0xFF
        elif is_main and not self.matcher.before_conntrack and self.helper == 0 and self.batch.proto[i] == value >> 8:
            self.helper = value & 0xFF
        return YES
