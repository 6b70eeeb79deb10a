"""Comparisons of rulesets over packets made by hand, for tests."""

from __future__ import annotations

from scenes import context_for, tcp

from pcapaudit.core import vocab
from pcapaudit.regress.diff import Comparison, compare
from pcapaudit.regress.sides import EngineSide
from pcapaudit.replay.run import Source

__all__ = ["CLIENT", "SERVER", "WEB_ONLY", "conversation", "difference", "sides", "told"]

CLIENT, SERVER = "10.0.0.1:40000", "192.0.2.1:443"
#: INSIDE_OUT that lets the inside open connections to port 80 alone.
WEB_ONLY = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "inside" tcp dport 80 ct state new accept } }"""


def conversation(client=CLIENT, server=SERVER, at=0.0):
    """A TCP connection of eight packets, from SYN to the last ACK."""
    steps = (
        (client, server, "S", 0, 0, 0),
        (server, client, "SA", 0, 1, 0),
        (client, server, "A", 1, 1, 0),
        (client, server, "PA", 1, 1, 100),
        (server, client, "A", 1, 101, 0),
        (server, client, "FA", 1, 101, 0),
        (client, server, "FA", 101, 2, 0),
        (server, client, "A", 2, 102, 0),
    )
    return [(at + n / 10, tcp(src, dst, flags, seq, ack, data=data)) for n, (src, dst, flags, seq, ack, data) in enumerate(steps)]


def sides(packets, old, new, *, old_options=None, **options):
    """A source over packets, and two engines."""
    shared = {"rows": 4096, **options}
    contexts = context_for(packets, old, **{**shared, **(old_options or {})}), context_for([], new, **shared)
    source = Source(contexts[0].stream, "ignore")
    return source, (EngineSide(contexts[0], source, 1), EngineSide(contexts[1], source, 1))


def difference(packets, old, new, *, ledger=None, max_examples=3, **options):
    """What changes between two rulesets."""
    source, both = sides(packets, old, new, **options)
    return compare(source, Comparison(*both, ledger, max_examples), both)


def told(found):
    """The changes as short texts: kind, verdicts and deciders' lines, packets, consequences, flows."""
    return [
        f"{each.kind.code} {vocab.VERDICTS[each.old.verdict]}@{line(found.old, each.old)} > {vocab.VERDICTS[each.new.verdict]}"
        f"@{line(found.new, each.new)}: {each.packets} packets, {each.consequences} consequences, {each.flows} flows"
        f" ({each.whole} whole, {each.part} part)"
        for each in found.changes
    ]


def line(deciders, fate):
    """Line of what decided."""
    return deciders[fate.decider].at.rpartition(":")[2]
