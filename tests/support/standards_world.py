"""Worlds for trials of rulesets against the standards: 10/8 and 2001:67c:10::/48 are inside, behind lan; all else is behind wan."""

from __future__ import annotations

from scenes import INSIDE_OUT, context_for

from pcapaudit.regress.standards.assess import Seen, assess
from pcapaudit.regress.standards.bench import World, ends_of
from pcapaudit.regress.standards.facts import Facts
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology

ZONES = ["lan=lan:10.0.0.0/8,2001:67c:10::/48", "wan=wan:any"]
OWN = ["203.0.113.1", "2a00:1::1", "10.0.0.1"]
OUT = INSIDE_OUT.replace('"inside"', '"lan"').replace("ct state established", "ct state invalid drop\n    ct state established")
#: The same with a line in front of its rules.
WITH = lambda line: OUT.replace("policy drop;", f"policy drop;\n    {line}", 1)  # noqa: E731  # a word for it
NAT = "table ip nat { chain post { type nat hook postrouting priority srcnat; oifname wan masquerade; } }\n" + OUT


def topology():
    """The topology of the zones above."""
    return Topology.from_options(zone=ZONES, own=OWN)


def world(rules=OUT, packets=(), config=None, place=None):
    """A world over packets [(seconds, bytes)]."""
    context = context_for(list(packets), rules, config=config, topology=place or topology())
    return World(context, {version: ends_of(context.topology, version) for version in (4, 6)}, {})


def assessed(rules=OUT, packets=(), config=None, **more):
    """Requirement ("4787 REQ-5") → Assessment, after a replay of the packets."""
    context = context_for(list(packets), rules, config=config, topology=more.pop("place", None) or topology())
    facts = Facts(context)
    run(context, [facts], 1)
    seen = Seen(facts, more.pop("cuts", ()), more.pop("origins", {}))
    return {f"{each.standard.number} {each.requirement.id}": each for each in assess(context, seen, **more)}
