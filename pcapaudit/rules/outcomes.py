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
"""

from __future__ import annotations

from array import array

import cython

if not cython.compiled:
    #: Words of a place: key, verdict | hook << 8 | rules counted << 16, rule, chain, up to four rules counted.
    OUTCOME_WORDS = 8
    OUTCOME_KEY = 0
    OUTCOME_END = 1
    OUTCOME_RULE = 2
    OUTCOME_CHAIN = 3
    OUTCOME_COUNTED = 4
    MAX_COUNTED = 4
    #: Places are named by ten bits.
    PLACES = 1024
    #: A key has twelve bits for an interface.
    MAX_KEY_INTERFACES = 4094

__all__ = ["Outcomes"]


class Outcomes:
    """Outcomes by key. The evaluator reads the words itself."""

    def __init__(self) -> None:
        self.words = memoryview(array("Q", bytes(8 * OUTCOME_WORDS * PLACES)))
        #: Rules that the packet at hand was counted by so far, the first four of them.
        self.counted = 0
        self.rules = memoryview(array("Q", bytes(8 * MAX_COUNTED)))

    def forget(self) -> None:
        """Remember nothing."""
        self.words = memoryview(array("Q", bytes(8 * OUTCOME_WORDS * PLACES)))

    def count(self, rule):
        """The packet at hand matched a rule."""
        if self.counted < MAX_COUNTED:
            self.rules[self.counted] = rule
        self.counted += 1

    def keep(self, at, key, end, rule, chain):
        """The outcome of the packet at hand holds for every packet with its key, and is kept at ``at``; ``end``: verdict | hook << 8."""
        if self.counted > MAX_COUNTED:
            return
        self.words[at + OUTCOME_KEY] = key
        self.words[at + OUTCOME_END] = end | self.counted << 16
        self.words[at + OUTCOME_RULE] = rule
        self.words[at + OUTCOME_CHAIN] = chain
        each = 0
        while each < self.counted:
            self.words[at + OUTCOME_COUNTED + each] = self.rules[each]
            each += 1
