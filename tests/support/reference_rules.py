"""A slow and obvious evaluator of rulesets, to hold the compiled one against.

It reads the model as a person would: base chains by hook and priority, rules from top to bottom, a Python function for each statement.
What is unknown is asked of ``choose``: called with every combination of answers, it gives every verdict that the packet can get.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from pcapaudit.core import consts
from pcapaudit.rules.model import Limit, Match, Reject, SetRef, Verdict, VerdictMap

PATHS = {
    consts.PATH_FORWARD: ("prerouting", "forward", "postrouting"),
    consts.PATH_INPUT: ("prerouting", "input"),
    consts.PATH_OUTPUT: ("output", "postrouting"),
}
STATE_BITS = {
    consts.CT_NONE: 1,
    consts.CT_INVALID: 1,
    consts.CT_ESTABLISHED: 2,
    consts.CT_RELATED: 4,
    consts.CT_NEW: 8,
    consts.CT_UNTRACKED: 64,
}
PORTS = {"tcp": 6, "udp": 17, "sctp": 132}


@dataclass(frozen=True)
class Packet:
    """A packet as rules see it."""

    l3: int = 4
    proto: int = 6
    src: int = 0x0A000001
    dst: int = 0xC0000201
    sport: int = 40000
    dport: int = 80
    tcp_flags: int = 2
    icmp_type: int = 8
    icmp_code: int = 0
    #: Names; None for not known, "" for none.
    iif: str | None = "inside"
    oif: str | None = "outside"
    ct_state: int = consts.CT_NEW
    direction: int = consts.DIR_ORIGINAL
    path: int = consts.PATH_FORWARD
    #: ``whole``, ``fragment`` (a later one: no transport header), ``cut`` (header beyond the snap length).
    form: str = "whole"
    length: int = 60
    ttl: int = 64
    #: Mark of the connection, None when nobody knows it; and whether its entry is in the table already.
    ct_mark: int | None = 0
    confirmed: bool = False
    now: int = 0


class Unknown(Exception):  # noqa: N818
    """The answer to a match is not in the capture."""


class Ended(Exception):  # noqa: N818
    """A verdict."""

    def __init__(self, verdict):
        self.verdict = verdict


class Returned(Exception):  # noqa: N818
    """The chain is left."""


@dataclass
class Reference:
    """Evaluates packets one after the other (limits remember)."""

    ruleset: object
    interfaces: tuple[str, ...]
    assumed: bool = True
    buckets: dict = field(default_factory=dict)

    def verdict(self, packet, answers=()):
        """Verdict when the unknown matches, in the order they are met, hold as ``answers`` says (False beyond its end)."""
        self.answers, self.asked = list(answers), 0
        for raw in (True, False):
            for hook in PATHS[packet.path]:
                for table, chain in self._bases(hook, raw):
                    if (packet.l3 == 4 and table.family == "ip6") or (packet.l3 == 6 and table.family == "ip"):
                        continue
                    verdict = self._base(packet, table, chain, raw, hook)
                    if verdict != "accept":
                        return verdict
        return "accept"

    def all_verdicts(self, packet, limit=8):
        """Every verdict over all combinations of answers, or None when more than ``limit`` unknown matches are met."""
        found, seen, queue = set(), set(), [()]
        while queue:
            answers = queue.pop()
            if answers in seen:
                continue
            seen.add(answers)
            found.add(self.verdict(packet, answers))
            if self.asked > limit:
                return None
            queue.extend((*answers, *(False for _ in range(index - len(answers))), True) for index in range(len(answers), self.asked))
        return found

    def _bases(self, hook, raw):
        bases = []
        for table in self.ruleset.tables:
            if table.dormant:
                continue
            for chain in table.chains:
                if (
                    chain.base is not None
                    and chain.base.hook == hook
                    and (chain.base.priority < -200 and hook in ("prerouting", "output")) == raw
                ):
                    bases.append((chain.base.priority, -len(bases), table, chain))
        return [(table, chain) for _, _, table, chain in sorted(bases, key=lambda each: each[:2])]

    def _base(self, packet, table, chain, raw, hook):
        try:
            self._chain(packet, table, chain, (raw, hook))
        except Ended as end:
            return end.verdict
        except Returned:
            pass
        return chain.base.policy

    def _chain(self, packet, table, chain, where):
        """Goes through; Returned and Ended come out as exceptions."""
        chains = {each.name: each for each in table.chains}
        for rule in chain.rules:
            target = self._rule(packet, table, rule, where)
            if target is None:
                continue
            if target.kind in ("accept", "drop"):
                raise Ended(target.kind)
            if target.kind == "reject":
                raise Ended("reject")
            if target.kind == "return":
                raise Returned
            if target.kind == "jump":
                with contextlib.suppress(Returned):
                    self._chain(packet, table, chains[target.target], where)
            if target.kind == "goto":
                self._chain(packet, table, chains[target.target], where)
                raise Returned

    def _rule(self, packet, table, rule, where):
        """The verdict of the rule, or None when it does not match or has none."""
        sets = {each.name: each for each in table.sets}
        for statement in rule.statements:
            if isinstance(statement, Match):
                if not self._ask(lambda s=statement: self._match(packet, s, sets, where)):
                    return None
            elif isinstance(statement, VerdictMap):
                right = statement.right
                for element in sets[right.name].elements if isinstance(right, SetRef) else right.elements:
                    if self._ask(lambda e=element, s=statement: self._matches(packet, s.keys, [e], where)):
                        return element.verdict
                return None
            elif isinstance(statement, Limit):
                if not self._limit(packet, statement):
                    return None
            elif isinstance(statement, Reject):
                return Verdict("reject")
            elif isinstance(statement, Verdict):
                return statement
        return None

    def _ask(self, match):
        try:
            return match()
        except Unknown:
            self.asked += 1
            return self.answers[self.asked - 1] if self.asked <= len(self.answers) else False

    def _match(self, packet, match, sets, where):
        elements = sets[match.right.name].elements if isinstance(match.right, SetRef) else match.right.elements
        if match.op == "!=":
            values = [self._value(packet, key, where) for key in match.keys]
            return None not in values and not self._matches(packet, match.keys, elements, where)
        if match.op == "any":
            value = self._value(packet, match.keys[0], where)
            return value is not None and bool(value & elements[0].parts[0][0])
        if match.op == "==":
            return self._matches(packet, match.keys, elements, where)
        value = self._value(packet, match.keys[0], where)
        first, last = elements[0].parts[0]
        return value is not None and {"<": value < first, "<=": value <= last, ">": value > last, ">=": value >= first}[match.op]

    def _matches(self, packet, keys, elements, where):
        values = [self._value(packet, key, where) for key in keys]
        if None in values:
            return False
        unsure = False
        for element in elements:
            answers = [self._inside(value, key, *part) for value, key, part in zip(values, keys, element.parts, strict=True)]
            if False in answers:
                continue
            if None not in answers:
                return True
            unsure = True
        if unsure:
            raise Unknown
        return False

    def _inside(self, value, key, first, last):
        """True, False, or None for unknown."""
        if key.selector.text in ("meta iifname", "meta oifname", "meta iif", "meta oif"):
            if (first, last) == (0, (1 << 128) - 1):
                return True
            if value == "?":
                return None
            number = number_of(value)
            if first <= number <= last:
                return True
            known = [number_of(name) for name in (*self.interfaces, "lo")]
            return None if value and self.assumed and not any(first <= each <= last for each in known) else False
        if value == "?":
            return None
        return first <= value <= last

    def _value(self, packet, key, where):
        """What the key reads; None when the packet has no such field; "?" when it is unknown."""
        value = self._field(packet, key.selector.text, where)
        if isinstance(value, int) and key.mask is not None:
            value = value & key.mask ^ key.xor
        return value

    def _field(self, packet, text, where):
        raw, hook = where
        first, _, name = text.partition(" ")
        if text in ("meta iif", "meta iifname"):
            return "" if hook == "output" else "?" if packet.iif is None else packet.iif
        if text in ("meta oif", "meta oifname"):
            return "" if hook in ("prerouting", "input") else "?" if packet.oif is None else packet.oif
        if text == "meta skuid":
            return "?"
        if text == "ct state":
            return 1 if raw else STATE_BITS[packet.ct_state]
        if text == "ct direction":
            tracked = not raw and packet.ct_state in (consts.CT_NEW, consts.CT_ESTABLISHED, consts.CT_RELATED)
            return packet.direction if tracked else None
        if text == "meta nfproto":
            return 2 if packet.l3 == 4 else 10
        if text == "meta l4proto":
            return packet.proto
        if text == "meta length":
            return packet.length
        if first == "ip" and packet.l3 != 4:
            return None
        if first == "ip6" and packet.l3 != 6:
            return None
        if first in ("ip", "ip6"):
            ttl = packet.ttl - (packet.path == consts.PATH_FORWARD and hook in ("forward", "postrouting"))
            return {"saddr": packet.src, "daddr": packet.dst, "protocol": packet.proto, "ttl": ttl, "hoplimit": ttl}[name]
        if first in ("icmp", "icmpv6") and (packet.l3, packet.proto) != ((4, 1) if first == "icmp" else (6, 58)):
            return None
        if first in PORTS and packet.proto != PORTS[first]:
            return None
        if packet.form == "fragment":
            return None
        if packet.form == "cut":
            # An unknown value makes the whole match unknown, whatever the operator.
            raise Unknown
        return {
            "sport": packet.sport,
            "dport": packet.dport,
            "flags": packet.tcp_flags,
            "type": packet.icmp_type,
            "code": packet.icmp_code,
        }[name]

    def _limit(self, packet, limit):
        """A token bucket in exact fractions of the kernel's integers."""
        period = limit.per_s * 1_000_000_000
        cost = period * packet.length // limit.rate if limit.of_bytes else period // limit.rate
        largest = period * (limit.rate + limit.burst) // limit.rate if limit.of_bytes else period // limit.rate * limit.burst
        tokens, last = self.buckets.get(id(limit), (largest, packet.now))
        tokens = min(largest, tokens + packet.now - last)
        enough = tokens >= cost
        self.buckets[id(limit)] = (tokens - cost if enough else tokens, packet.now)
        return enough != limit.over


def number_of(name):
    """An interface name as the model's number."""
    return int.from_bytes(name.encode().ljust(16, b"\0"), "big")


def put(packet, batch, verdicts, row, interfaces):
    """Write a packet into the columns."""

    def index(name):
        return consts.IFACE_UNKNOWN if name is None else consts.IFACE_NONE if name == "" else interfaces.index(name)

    columns = batch.arrays
    here = {"whole": (34, 34 + 20), "fragment": (0, 34 + 20), "cut": (34, 34)}[packet.form]
    values = {
        **{name: getattr(packet, name) for name in ("l3", "proto", "sport", "dport", "tcp_flags", "icmp_type", "icmp_code", "path", "ttl")},
        "iif": index(packet.iif),
        "oif": index(packet.oif),
        "ip_len": packet.length,
        "l3_off": 14,
        "l4_off": here[0],
        "end_off": here[1],
        "l4_len": 0 if packet.form == "fragment" else 20,
    }
    for name, value in values.items():
        columns[name][row] = value
    for side, value in (("src", packet.src), ("dst", packet.dst)):
        columns[f"{side}_hi"][row] = value >> 64
        columns[f"{side}_lo"][row] = value & (1 << 64) - 1
    verdicts.arrays["ct_state"][row] = packet.ct_state
    verdicts.arrays["direction"][row] = packet.direction
    verdicts.arrays["reason"][row] = 0
    verdicts.arrays["ct_status"][row] = consts.STATUS_CONFIRMED if packet.confirmed else 0
