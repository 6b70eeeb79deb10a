"""The base chains of a ruleset in the order in which the kernel runs them: what a person wants to see first of a ruleset of many tables."""

from __future__ import annotations

from collections.abc import Iterator

from pcapaudit.rules.model import BaseChain, Chain, Ruleset, Table

__all__ = ["overview"]

_HOOKS = ("ingress", "prerouting", "input", "forward", "output", "postrouting", "egress")
#: Where the kernel's NAT stands (NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC): nat chains of a hook all run there.
_NAT_PRIORITY = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}


def overview(ruleset: Ruleset) -> Iterator[str]:
    """Lines: each hook that has chains, then these. Of two chains with one priority the kernel runs first the one made last."""
    found = [(table, chain, chain.base) for table in ruleset.tables for chain in table.chains if chain.base is not None]
    found.reverse()
    for hook in _HOOKS:
        here = sorted((each for each in found if each[2].hook == hook), key=lambda each: _order(each[2]))
        if here:
            yield hook
        yield from (_line(*each) for each in here)


def _order(base: BaseChain) -> tuple[int, int]:
    return (_NAT_PRIORITY.get(base.hook, 0) if base.type == "nat" else base.priority, base.priority)


def _line(table: Table, chain: Chain, base: BaseChain) -> str:
    rules = f"{len(chain.rules)} {'rule' if len(chain.rules) == 1 else 'rules'}"
    devices = f", device {' '.join(base.devices)}" if base.devices else ""
    dormant = ", dormant" if table.dormant else ""
    name = f"{table.family} {table.name} {chain.name}"
    place = f"({chain.place.path}:{chain.place.line})"
    return f"  {base.priority:5}  {base.type:6}  {name}: {rules}, policy {base.policy}{devices}{dormant}  {place}"
