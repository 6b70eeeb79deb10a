"""A packet's way through the ruleset as values: base chains, rules, jumps and returns, in the order in which the evaluator took them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ChainStep", "Outcome", "RuleStep", "Seen", "Step", "WayStep", "World"]


class Outcome(StrEnum):
    """What a rule, or a base chain, came to."""

    MATCHED = "matched"
    NOT_MATCHED = "not-matched"
    #: Something that the capture does not hold decides: both may be.
    UNKNOWN = "unknown"
    #: The chain is not asked: a nat chain and no first packet, another device.
    NOT_ASKED = "not-asked"
    #: No rule decided: the policy did.
    POLICY = "policy"
    #: A rule ended the chain.
    ENDED = "ended"


class World(StrEnum):
    """For whom a step is taken (``evaluate``): the packet as its verdict has it, or only as it might be if unknown matches hold."""

    MAIN = "main"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of a rule that failed, or is unknown, and what it looked at."""

    #: The expression, normalised.
    expression: str
    #: The packet's value in the ruleset's words; empty where it has none, or it is no matter of a value.
    value: str
    #: Why, in a few words.
    why: str


@dataclass(frozen=True, slots=True)
class ChainStep:
    """A base chain begins."""

    #: Id, as in the column ``chain``.
    chain: int
    #: Family, table, name.
    name: str
    hook: str
    priority: int
    #: ``filter`` or ``nat``.
    type: str
    policy: str
    #: ``file:line`` of the policy.
    at: str
    #: Outcome.POLICY, ENDED or NOT_ASKED.
    outcome: Outcome
    world: World
    #: It stands before conntrack.
    raw: bool


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A rule is looked at."""

    #: Id, as in the column ``rule``.
    rule: int
    #: ``file:line``.
    at: str
    #: Family, table, chain.
    chain: str
    #: Jumps taken so far in the base chain.
    depth: int
    text: str
    outcome: Outcome
    world: World
    #: What failed, or what is unknown; None for a rule that matched for sure.
    seen: Seen | None
    #: Statements that were run: counters, marks, limits, the verdict.
    ran: tuple[str, ...]
    #: ``accept``, ``jump NAME`` …; empty for a rule without.
    verdict: str


@dataclass(frozen=True, slots=True)
class WayStep:
    """A chain that was jumped to ends without a verdict: back to the caller."""

    #: Family, table, name of the chain that ended.
    chain: str
    depth: int
    world: World


Step = ChainStep | RuleStep | WayStep
