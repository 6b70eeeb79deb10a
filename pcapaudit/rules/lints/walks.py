"""Walks a chain with a packet of which only some things are known, and says how it can end there.

What is known of the packet are *facts*: names of what rules read, each with the values that it may have. A match then holds for certain,
fails for certain, or may do either; so may everything that depends on other packets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pcapaudit.rules.lints.regions import L4PROTO, NFPROTO, Known, values_of
from pcapaudit.rules.model import (
    Assign,
    Chain,
    Counter,
    Log,
    Match,
    Nat,
    Notrack,
    ObjectRef,
    Queue,
    Reject,
    Rule,
    SetLiteral,
    Side,
    Unsupported,
    Verdict,
    VerdictMap,
)

__all__ = ["Facts", "Walk"]

Facts = Mapping[str, list[tuple[int, int]]]
NO, MAYBE, YES = 0, 1, 2
#: A packet leaves a chain without a verdict.
FALL = "fall"
_SURE = (Counter, Log, Notrack, Side, Assign)
#: Jumps nest no deeper in a ruleset that the kernel takes.
_DEPTH = 16


@dataclass(slots=True)
class _Outcome:
    """How a chain can end: ``accept``, ``drop``, ``fall``."""

    ends: set[str] = field(default_factory=set)
    #: Rules looked at until it is certain that the packet is accepted; -1 when it never is.
    until_accept: int = -1
    #: Rules looked at by a packet that gets through.
    looked: int = 0


class Walk:
    """Chains of one table, for one kind of packet."""

    def __init__(self, chains: Mapping[str, Chain], known: Known, facts: Facts) -> None:
        self.chains = chains
        self.known = known
        self.facts = facts
        self._done: dict[str, _Outcome] = {}

    def ends(self, chain: Chain) -> set[str]:
        """``accept`` and ``drop``, as far as they are possible; the policy is one of them."""
        found = set(self._chain(chain, 0).ends)
        if FALL in found:
            found.discard(FALL)
            found.add(chain.base.policy if chain.base is not None else FALL)
        return found

    def until_accept(self, chain: Chain) -> int:
        """Rules that the packet passes in a chain and what it jumps to before a rule accepts it for certain; -1 when none does."""
        return self._chain(chain, 0).until_accept

    def _chain(self, chain: Chain, depth: int) -> _Outcome:
        if chain.name in self._done:
            return self._done[chain.name]
        outcome = _Outcome()
        if depth > _DEPTH:
            outcome.ends = {"accept", "drop", FALL}
            return outcome
        looked = 0
        for rule in chain.rules:
            answer, ends, target_looked = self._rule(rule, depth)
            if answer == NO:
                looked += 1
                continue
            outcome.ends |= ends - {FALL, ""}
            if "return" in ends:
                outcome.ends.add(FALL)
            if answer == YES and ends == {"accept"}:
                outcome.until_accept = looked + max(target_looked, 0)
            looked += 1 + max(target_looked, 0)
            if answer == YES and not ends & {FALL, ""}:
                break
        else:
            outcome.ends.add(FALL)
        outcome.ends.discard("return")
        outcome.looked = looked
        self._done[chain.name] = outcome
        return outcome

    def _rule(self, rule: Rule, depth: int) -> tuple[int, set[str], int]:
        """Whether the rule's verdict is reached, what it comes to ("" for going on behind it), and rules looked at on the way."""
        answer = YES
        for statement in rule.statements:
            if isinstance(statement, (Match, Reject)):
                answer = min(answer, self._match(statement) if isinstance(statement, Match) else self._reject(statement))
                if answer == NO:
                    return NO, set(), 0
                if isinstance(statement, Reject):
                    return answer, {"drop"}, 0
            elif isinstance(statement, VerdictMap):
                return self._map(statement, answer, depth)
            elif isinstance(statement, Verdict):
                return (answer, *self._verdict(statement, depth))
            elif isinstance(statement, Nat):
                return answer, {"accept"}, 0
            elif isinstance(statement, Unsupported):
                return MAYBE, {"accept", "drop", ""}, 0
            elif isinstance(statement, Queue):
                return answer, {"accept", "drop"}, 0
            elif not isinstance(statement, _SURE) and not (isinstance(statement, ObjectRef) and statement.kind in ("counter", "ct helper")):
                answer = min(answer, MAYBE)
        return answer, {""}, 0

    def _verdict(self, verdict: Verdict, depth: int) -> tuple[set[str], int]:
        if verdict.kind in ("jump", "goto"):
            target = self.chains.get(verdict.target)
            outcome = _Outcome({"accept", "drop", FALL}) if target is None else self._chain(target, depth + 1)
            ends = set(outcome.ends)
            if FALL in ends:
                ends.discard(FALL)
                ends.add("return" if verdict.kind == "goto" else "")
            return ends, outcome.until_accept if outcome.until_accept >= 0 else outcome.looked
        return {{"continue": "", "return": "return"}.get(verdict.kind, verdict.kind)}, 0

    def _map(self, statement: VerdictMap, answer: int, depth: int) -> tuple[int, set[str], int]:
        """Each element is like a rule; a packet that no element holds goes on behind the map's rule."""
        if not isinstance(statement.right, SetLiteral):
            elements = self.known.sets[statement.right.name].elements if statement.right.name in self.known.sets else ()
            # Elements may come and go.
            certain, found = False, {"", "accept", "drop"} if not elements else {""}
        else:
            elements, certain, found = statement.right.elements, True, set()
        looked = 0
        for element in elements:
            held = self._match(Match(statement.keys, "==", SetLiteral((element,), braces=True), statement.place))
            if held == NO or element.verdict is None:
                continue
            ends, below = self._verdict(element.verdict, depth)
            found |= ends
            looked = max(looked, below)
            if held == YES and certain:
                return answer, ends, below
        return min(answer, MAYBE), found | {""}, looked

    def _reject(self, reject: Reject) -> int:
        if reject.kind == "tcp":
            return self._answer(L4PROTO, [(6, 6)])
        version = {"icmp": 2, "icmpv6": 10}.get(reject.kind)
        return YES if version is None else self._answer(NFPROTO, [(version, version)])

    def _match(self, match: Match) -> int:
        answer = YES
        for key in match.keys:
            if key.selector.l3:
                version = 2 if key.selector.l3 == 4 else 10
                answer = min(answer, self._answer(NFPROTO, [(version, version)]))
            if key.selector.proto is not None:
                answer = min(answer, self._answer(L4PROTO, [(key.selector.proto, key.selector.proto)]))
        if answer == NO:
            return NO
        found = values_of(match, self.known)
        return min(answer, MAYBE) if found is None else min(answer, self._answer(*found))

    def _answer(self, name: str, allowed: list[tuple[int, int]]) -> int:
        """Whether what is known of a thing lies within the allowed values, outside of them, or neither."""
        values = self.facts.get(name)
        if values is None:
            return MAYBE if allowed else NO
        inside = [any(low <= first and last <= high for low, high in allowed) for first, last in values]
        if all(inside):
            return YES
        touched = any(first <= high and low <= last for first, last in values for low, high in allowed)
        return MAYBE if touched else NO
