"""The ledger of changes: packets whose fate changed, grouped by cause. Compiled: a new ruleset may change every packet's.

Packets are told apart by what the rules saw:

direct       conntrack said the same on both sides, or the flow changed for the first time here: the rules or the settings did it
consequence  it said different things because of an earlier change of the same flow: it belongs to the cause of that change

A packet's flow is that of the side which let it through, since only there the connection is known for certain; where both did or neither,
the flow that changed first.

Packets come in **runs**: those of one sort and flow in one batch. A run is a tuple: its ``Sort``, the flow's numbers on both sides (0 for
none), packets, bytes of their frames on the wire, row of the first in its batch, first and last frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pcapaudit.core.consts import CT_NEW, CT_RELATED, CT_UNTRACKED
from pcapaudit.regress.changes import MAX_CHANGES, MAX_FLOWS, Example, Fate, Kind

__all__ = ["Change", "Flow", "Ledger", "Run", "Sort"]

#: ct states of packets that begin a flow: what is RELATED and does not speak about another flow is an expected connection.
_BEGINNING = (CT_NEW, CT_RELATED, CT_UNTRACKED)
#: See above.
Run = tuple["Sort", int, int, int, int, int, int, int]


class Sort:
    """What changed packets have in common; made once and shared by all runs of the sort."""

    def __init__(self, kind: Kind, old: Fate, new: Fate, about: bool, entry: bool, part: int) -> None:
        """``about``: ICMP errors about a flow, which belong to it but do not make it. ``entry``: the flow has an entry on the side that did
        not let the packet through. ``part``: protocol number (256 for what is not IP), and above its nine bits interface indexes, in and
        out, eight bits each.
        """
        self.kind, self.old, self.new = kind, old, new
        self.about, self.entry, self.part = about, entry, part
        #: Where ``Flow`` keeps what it knows of the kind.
        self.shift = 16 * int(kind)
        self.strong = kind.strong
        self.blocked = kind is Kind.NEWLY_BLOCKED
        self.allowed = kind is Kind.NEWLY_ALLOWED
        states = old.ct_state != new.ct_state
        #: Whether the sides knew different things about the flow: another ct state, or another objection of conntrack's.
        self.state_differs = states or old.reason != new.reason
        #: Where it passed it began its flow.
        self.begins = (old if self.blocked else new).ct_state in _BEGINNING
        #: What tells its change from others: ct states only where they differ.
        self.key = (kind, old, new) if states else (kind, old._replace(ct_state=0), new._replace(ct_state=0))


class Change:
    """One cause and all that it changed."""

    def __init__(self, key: tuple[Kind, Fate | None, Fate | None], number: int, first_frame: int) -> None:
        """``key``: its kind, and what became of the packets on both sides; None where causes beyond the limit are summed up.

        ``number``: which change this is, from 1.
        """
        self.kind, self.old, self.new = key
        self.number = number
        self.packets = 0
        #: Of these packets, those that changed because an earlier packet of their flow did.
        self.consequences = 0
        #: Bytes of the frames on the wire.
        self.frame_bytes = 0
        #: Flows with a packet that is no consequence …
        self.flows = 0
        #: … of these, where it is their first of this kind, those that begin on one side only (never began, or now begin) …
        self.whole = 0
        #: … and those that were cut, or now go on, in the middle.
        self.part = 0
        self.first_frame, self.last_frame = first_frame, 0
        #: Packets by ``Sort.part``.
        self.parts: dict[int, int] = {}
        #: The first packets of the first flows.
        self.examples: list[Example] = []

    @property
    def protocols(self) -> Counter[int]:
        """Packets by protocol number (256: not IP)."""
        return _sums(self.parts, lambda part: part & 511)

    @property
    def ways(self) -> Counter[tuple[int, int]]:
        """Packets by interface indexes, in and out."""
        return _sums(self.parts, lambda part: (part >> 9 & 255, part >> 17 & 255))


def _sums(parts: dict[int, int], cut: Callable[[int], Any]) -> Counter[Any]:
    sums: Counter[Any] = Counter()
    for part, packets in parts.items():
        sums[cut(part)] += packets
    return sums


class Flow:
    """What is remembered of a changed flow. Changes stand here by their number (0: none), sixteen bits for each kind; there may be hundreds
    of thousands of flows, and lists would have the garbage collector walk them all.
    """

    def __init__(self, order: int) -> None:
        """``order``: which changed flow this is, from 1."""
        self.order = order
        #: First change of each kind.
        self.first = 0
        #: The change that consequences of each kind belong to.
        self.homes = 0
        #: First change by which packets passed on one side only.
        self.strong = 0
        #: Changes that count the flow: up to four, and those beyond.
        self.direct = 0
        self.more: list[int] | None = None

    def counts(self, number):
        """Whether a change counts the flow already; from now on it does."""
        bits = self.direct
        shift = 0
        while bits:
            if bits & 0xFFFF == number:
                return 1
            bits >>= 16
            shift += 16
        if shift < 64:
            self.direct |= number << shift
        elif self.more is None:
            self.more = [number]
        elif number in self.more:
            return 1
        else:
            self.more.append(number)
        return 0


class Ledger:
    """Books runs of changed packets. What it says does not depend on how the capture was cut into batches."""

    def __init__(self, observed: bool = False, max_changes: int = MAX_CHANGES, max_flows: int = MAX_FLOWS) -> None:
        self.changes: dict[tuple[Kind, Fate | None, Fate | None], Change] = {}
        #: By number.
        self._numbered: list[Change | None] = [None]
        #: Flows with a change of any kind.
        self.flows = 0
        #: Packets whose cause is not told apart, because there are too many.
        self.packets_beyond_changes = 0
        #: Packets whose flow is not remembered, because there are too many.
        self.packets_beyond_flows = 0
        self._observed = observed
        self._max_changes, self._max_flows = max_changes, max_flows
        self._by_old: dict[int, Flow] = {}
        self._by_new: dict[int, Flow] = {}

    def book_all(self, runs: Iterable[Run]) -> list[tuple[Change, Run]]:
        """Add runs, which come in the order of their first packets. Returns those whose first packet is an example of its change: it begins
        a flow there, or the change, where there is no flow.
        """
        found = []
        for run in runs:
            change = self._book(run)
            if change is not None:
                found.append((change, run))
        return found

    def forget(self, old_flows: list[int], new_flows: list[int]) -> None:
        """These flows have ended."""
        for flows, known in ((old_flows, self._by_old), (new_flows, self._by_new)):
            if known:
                for number in flows:
                    known.pop(number, None)

    def _book(self, run):
        """Add one run; returns its change if it is an example."""
        sort = run[0]
        flow = self._flow_of(sort, run[1], run[2], run[3])
        if flow is None:
            change = self._change(sort, run)
            self._add(change, sort, run, 0)
            return change if change.packets == run[3] else None
        if not (flow.first >> sort.shift & 0xFFFF or sort.about):
            return self._first(flow, sort, run)
        home = self._home(flow, sort) if sort.state_differs else 0
        if home:
            self._add(self._numbered[home], sort, run, run[3])
            return None
        return self._direct(flow, self._change(sort, run), run, 0)

    def _flow_of(self, sort, old, new, packets):
        """The changed flow that a run belongs to, made if need be; None without a flow."""
        one = self._by_old.get(old)
        other = self._by_new.get(new)
        # The flow of the side which let the packet through, else the older one.
        if sort.blocked and old:
            flow = one
        elif (sort.allowed and new) or one is None:
            flow = other
        else:
            flow = one if other is None or one.order < other.order else other
        if flow is None:
            if sort.about or not (old or new):
                return None
            if max(len(self._by_old), len(self._by_new)) >= self._max_flows:
                self.packets_beyond_flows += packets
                return None
            self.flows += 1
            flow = Flow(self.flows)
        if not sort.about:
            if old and one is None:
                self._by_old[old] = flow
            if new and other is None:
                self._by_new[new] = flow
        return flow

    def _first(self, flow, sort, run):
        """The first change of its kind in a flow."""
        if sort.state_differs and not sort.strong and flow.strong:
            flow.first |= flow.strong << sort.shift
            flow.homes |= flow.strong << sort.shift
            self._add(self._numbered[flow.strong], sort, run, run[3])
            return None
        change = self._change(sort, run)
        flow.first |= change.number << sort.shift
        if sort.strong:
            if flow.strong == 0:
                flow.strong = change.number
            # Whether the whole flow is on one side only, or a part of it.
            if sort.begins and (self._observed or not sort.entry):
                change.whole += 1
            else:
                change.part += 1
        if sort.state_differs:
            flow.homes |= change.number << sort.shift
            return self._direct(flow, change, run, run[3] - 1)
        return self._direct(flow, change, run, 0)

    def _direct(self, flow, change, run, consequences):
        """A change that is no consequence. Returns it if it is new to the flow."""
        self._add(change, run[0], run, consequences)
        if flow.counts(change.number):
            return None
        change.flows += 1
        return change

    def _home(self, flow, sort):
        """Number of the change that a consequence belongs to, settled by the first consequence of its kind; 0 for a packet about the flow
        that has no such change.
        """
        home = flow.homes >> sort.shift & 0xFFFF
        if home == 0:
            home = flow.strong
            if sort.strong or home == 0:
                home = flow.first >> sort.shift & 0xFFFF
            flow.homes |= home << sort.shift
        return home

    def _change(self, sort, run):
        change = self.changes.get(sort.key)
        if change is not None:
            return change
        key = sort.key
        if len(self.changes) >= self._max_changes:
            self.packets_beyond_changes += run[3]
            key = (sort.kind, None, None)
        if key not in self.changes:
            change = Change(key, len(self._numbered), run[6])
            self.changes[key] = change
            self._numbered.append(change)
        return self.changes[key]

    def _add(self, change, sort, run, consequences):
        packets = run[3]
        change.packets += packets
        change.consequences += consequences
        change.frame_bytes += run[4]
        change.first_frame = min(change.first_frame, run[6])
        change.last_frame = max(change.last_frame, run[7])
        change.parts[sort.part] = change.parts.get(sort.part, 0) + packets
