"""Remembers what became of packets on whose way no rule had to look at them: all packets alike have the same outcome. Compiled.

Most packets belong to connections that stand, and most rulesets let these through with a rule that asks for the ct state alone. The
filters (``prefilter``) find that rule from the packet's classes; nothing else of the packet matters. Such an outcome depends on these and
nothing more:

* the base chains that the packet passes: its path, its IP version;
* its class of ct state, protocol, destination port, input and output interface, all of them known;
* whether its connection is confirmed: nat chains look at no packet of one that is.

These make the *key*. An outcome is kept only if the walk that found it ran no instruction (``Evaluator.plain``), left no other world
behind, and counted at most four rules; so a packet with the same key takes the same walk. Who gives a walk something new to depend on
puts it into the key, or clears ``plain`` where the walk depends on it.

One outcome a place, the last one found: a place is eight words. Which packets share a place changes no result.

Rules that ask for addresses must look at a packet, but not at every packet of a connection: these have the same tuple. So outcomes are
*kept* under numbers, too, for whoever knows that a packet is whole, belongs to the connection of an earlier one and runs the same way
(the loop writes the number into the connection's row). Such an outcome holds as long as the packet's *way* is the same: path, interfaces,
ct state, confirmed or not, all of it known. It is kept only if the walk was *steady*: as far as it went in each rule, nothing was asked for
but what the tuple and the way say (``_STEADY``), and nothing was set. Where a limit, a quota, a set that packets write to, a mark, a
length, a flag, a time is met, every packet walks. A kept outcome is never changed, its number never used again; when there is no room,
nothing more is kept.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.rules import ops
from pcapaudit.rules.program import Program

if not cython.compiled:
    from pcapaudit.core.consts import REASON_POLICY, REASON_RULE, VERDICT_ACCEPT

    #: Words of a place: key, verdict | hook << 8 | rules counted << 16 | number << 32, rule, chain, up to four rules counted.
    OUTCOME_WORDS = 8
    OUTCOME_KEY = 0
    OUTCOME_END = 1
    OUTCOME_RULE = 2
    OUTCOME_CHAIN = 3
    OUTCOME_COUNTED = 4
    MAX_COUNTED = 4
    #: Places are named by ten bits; kept outcomes, with the way as their key, lie behind them and are found by thirteen.
    PLACES = 1024
    KEPT = 8192
    #: How many places behind its own a kept outcome may lie.
    MAX_LOOKED = 8
    #: A key has twelve bits for an interface.
    MAX_KEY_INTERFACES = 4094

__all__ = ["Outcomes", "steady_until"]

#: What all packets of a connection that run one way have in common, where these are whole and the way is the same.
_STEADY = frozenset(
    {
        ops.FIELD_CT_STATE,
        ops.FIELD_CT_DIRECTION,
        ops.FIELD_CT_L3PROTO,
        ops.FIELD_CT_PROTOCOL,
        ops.FIELD_NFPROTO,
        ops.FIELD_PROTO,
        ops.FIELD_PROTOCOL,
        ops.FIELD_SOURCE,
        ops.FIELD_DESTINATION,
        ops.FIELD_SPORT,
        ops.FIELD_DPORT,
        ops.FIELD_IIF,
        ops.FIELD_OIF,
    }
)
#: Behind every instruction.
_NEVER = 0xFFFFFFFF
#: As in ``evaluate``; and what tells a way from a key.
_SPREAD = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_WAY = cython.declare(cython.ulonglong, 0x8000000000000000)


def steady_until(program: Program) -> array[int]:
    """By slot: its first instruction that asks for something that is not steady, or changes something, where all classes are known."""
    found = array("I")
    for pc in program.slot_short:
        while program.code[pc] < ops.OP_ACCEPT and program.code[pc] != ops.OP_END:
            op = program.code[pc]
            if op != ops.OP_TUPLE and (op not in (ops.OP_MATCH, ops.OP_PART) or program.loads[program.code[pc + 1]] not in _STEADY):
                found.append(pc)
                break
            pc += 4  # noqa: PLW2901 (a program counter)
        else:
            found.append(_NEVER)
    found.append(_NEVER)
    return found


class Outcomes:
    """Outcomes by key, and by number. The evaluator reads the words itself."""

    def __init__(self, batch: PacketBatch, verdicts: VerdictBatch, packets: Any, octets: Any) -> None:
        self.batch = batch
        self.verdicts = verdicts
        #: Counters of the rules.
        self.packets = memoryview(packets)
        self.octets = memoryview(octets)
        self.words = memoryview(array("Q", bytes(8 * OUTCOME_WORDS * (PLACES + KEPT))))
        #: Rules that the packet at hand was counted by so far, the first four of them.
        self.counted = 0
        self.rules = memoryview(array("Q", bytes(8 * MAX_COUNTED)))

    def forget(self) -> None:
        """Remember nothing by key. What is kept by number stays: rows know the numbers."""
        at: cython.uint = 0
        while at < PLACES * OUTCOME_WORDS:
            self.words[at] = 0
            at += 1

    def count(self, rule):
        """The packet at hand matched a rule."""
        if self.counted < MAX_COUNTED:
            self.rules[self.counted] = rule
        self.counted += 1

    def remember(self, at, key, number):
        """What is kept under ``number`` holds for every packet with ``key``, and is found at ``at`` from now on."""
        kept = number * OUTCOME_WORDS
        self.words[at + OUTCOME_KEY] = key
        word = OUTCOME_END
        while word < OUTCOME_WORDS:
            self.words[at + word] = self.words[kept + word]
            word += 1

    def keep(self, way, end, rule, chain):
        """Keep the outcome of the packet at hand; ``end``: verdict | hook << 8. Returns its number, or 0: no room, or too many counted."""
        if self.counted > MAX_COUNTED:
            return 0
        end |= self.counted << 16
        each = self.counted
        while each < MAX_COUNTED:
            self.rules[each] = 0
            each += 1
        mixed = (way ^ end << 40) * _SPREAD & _M64
        mixed = (mixed ^ mixed >> 32 ^ rule << 32 ^ chain << 16 ^ self.rules[0] << 4) * _SPREAD & _M64
        place = mixed >> 51
        looked = 0
        while looked < MAX_LOOKED:
            number = PLACES + place
            if self.words[number * OUTCOME_WORDS + OUTCOME_KEY] == 0:
                self._write(number, way, end, rule, chain)
                return number
            if self._same(number, way, end, rule, chain):
                return number
            place = (place + 1) & (KEPT - 1)
            looked += 1
        return 0

    def _write(self, number, way, end, rule, chain):
        """Fill a place among the kept ones."""
        at = number * OUTCOME_WORDS
        self.words[at + OUTCOME_KEY] = way
        self.words[at + OUTCOME_END] = end | number << 32
        self.words[at + OUTCOME_RULE] = rule
        self.words[at + OUTCOME_CHAIN] = chain
        each = 0
        while each < MAX_COUNTED:
            self.words[at + OUTCOME_COUNTED + each] = self.rules[each]
            each += 1

    def _same(self, number, way, end, rule, chain):
        """Whether a kept outcome is that of the packet at hand."""
        at = number * OUTCOME_WORDS
        same = self.words[at + OUTCOME_KEY] == way and self.words[at + OUTCOME_END] == (end | number << 32)
        same = same and self.words[at + OUTCOME_RULE] == rule and self.words[at + OUTCOME_CHAIN] == chain
        each = 0
        while each < MAX_COUNTED:
            same = same and self.words[at + OUTCOME_COUNTED + each] == self.rules[each]
            each += 1
        return same

    def way(self, i, status):
        """What besides its tuple packet ``i`` goes by: where it passes, its ct state, and what ``status`` says of its connection."""
        devices = self.batch.oif[i]
        devices = devices << 16 | self.batch.iif[i]
        return _WAY | status << 44 | devices << 8 | self.verdicts.ct_state[i] << 4 | self.batch.path[i]

    def recall(self, i, number, status):
        """The verdict of packet ``i`` if the outcome ``number`` of its connection still holds, which is written then; else 0."""
        at = number * OUTCOME_WORDS
        if self.words[at + OUTCOME_KEY] != self.way(i, status):
            return 0
        return self.repeat(i, at)

    def accepts(self, i, number, status):
        """As ``recall``, where the outcome is to accept; otherwise nothing is written."""
        at = number * OUTCOME_WORDS
        if self.words[at + OUTCOME_KEY] != self.way(i, status) or self.words[at + OUTCOME_END] & 0xFF != VERDICT_ACCEPT:
            return 0
        self.repeat(i, at)
        return 1

    def repeat(self, i, at):
        """The remembered outcome at ``at`` is packet ``i``'s, too. Returns its verdict."""
        end = self.words[at + OUTCOME_END]
        rule = self.words[at + OUTCOME_RULE]
        verdict = end & 0xFF
        self.verdicts.verdict[i] = verdict
        self.verdicts.rule[i] = rule
        self.verdicts.chain[i] = self.words[at + OUTCOME_CHAIN]
        self.verdicts.hook[i] = end >> 8 & 0xFF
        self.verdicts.decided[i] = 1
        self.verdicts.cause[i] = 0
        if verdict != VERDICT_ACCEPT and self.verdicts.reason[i] == 0:
            self.verdicts.reason[i] = REASON_RULE if rule else REASON_POLICY
        left = end >> 16 & 0xFF
        at += OUTCOME_COUNTED
        while left:
            self.packets[self.words[at]] += 1
            self.octets[self.words[at]] += self.batch.ip_len[i]
            at += 1
            left -= 1
        return verdict
