"""What decided a packet (a rule, a chain's policy, nothing) and when two sides mean the same by it.

Rule ids and lines move when a file is edited: a rule is the same if it stands in the same chain with the same words. Where a side knows
only places (a saved run without its summary), both sides are told apart by file name and line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pcapaudit.rules.compile import Program

__all__ = ["NOBODY", "Decider", "meanings", "program_deciders"]


@dataclass(frozen=True, slots=True)
class Decider:
    """A rule, a policy, or nothing at all."""

    #: ``file:line``, empty for nothing.
    at: str
    #: Family, table and chain.
    chain: str
    #: The rule's words, ``policy drop``, or empty where they are not known.
    text: str


NOBODY = Decider("", "", "")


def program_deciders(program: Program) -> list[Decider]:
    """By number: rule ids first, then (behind the last rule) chain ids, for policies."""
    rules = [
        Decider(program.location(rule.id), f"{rule.family} {rule.table} {rule.chain}", rule.text) if rule else NOBODY
        for rule in program.rules
    ]
    policies = [
        Decider(f"{chain.path}:{chain.policy_line}", f"{chain.family} {chain.table} {chain.name}", f"policy {chain.policy}")
        if chain
        else NOBODY
        for chain in program.chains
    ]
    return rules + policies


def meanings(old: Sequence[Decider], new: Sequence[Decider]) -> tuple[Any, Any]:
    """A number for each decider of both sides; equal numbers mean the same. Two arrays of uint32."""
    by_words = all(each.text for each in (*old, *new) if each.at)
    numbers: dict[tuple[str, ...], int] = {}

    def number(decider: Decider) -> int:
        words = "policy" if decider.text.startswith("policy ") else decider.text
        key = (decider.chain, words) if by_words else (decider.at.rpartition("/")[2],)
        return numbers.setdefault(key, len(numbers))

    arrays = [np.array([number(each) for each in side], dtype=np.uint32) for side in (old, new)]
    return arrays[0], arrays[1]
