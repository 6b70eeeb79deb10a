"""The ledger of changes: packets whose fate changed, grouped by cause.

A **kind** says how a packet's fate changed, a **change** is one cause: kind, what decided in OLD, what decided in NEW. Packets are told
apart by what the rules saw:

direct       conntrack said the same on both sides, or the flow changed for the first time here: the rules or the settings did it
consequence  it said different things because of an earlier change of the same flow: it belongs to the cause of that change

A packet's flow is that of the side which let it through, since only there the connection is known for certain; where both did or neither,
the flow that changed first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from pcapaudit.core.consts import CT_NEW, CT_RELATED, CT_UNTRACKED

__all__ = ["MAX_CHANGES", "MAX_FLOWS", "Change", "Example", "Fate", "Kind", "Ledger", "Run", "Sort"]

#: Causes that are told apart; what comes beyond them is one change a kind. Rulesets of a thousand rules stay far below.
MAX_CHANGES = 5000
#: Changed flows that are remembered at the same time, until they end (some 600 bytes each).
MAX_FLOWS = 250_000
#: ct states of packets that begin a flow: what is RELATED and does not speak about another flow is an expected connection.
_BEGINNING = (CT_NEW, CT_RELATED, CT_UNTRACKED)


class Kind(IntEnum):
    """How the fate of a packet changed."""

    NEWLY_BLOCKED = 0
    NEWLY_ALLOWED = 1
    REASON_CHANGED = 2
    OTHER_RULE = 3

    @property
    def code(self) -> str:
        """Its name in options and files."""
        return self.name.lower().replace("_", "-")

    @property
    def strong(self) -> bool:
        """Whether packets pass on one side only."""
        return self <= Kind.NEWLY_ALLOWED


class Fate(NamedTuple):
    """What became of a packet on one side."""

    #: VERDICT_ number.
    verdict: int
    #: REASON_ number; 0 where a rule or a policy is the reason.
    reason: int
    #: Number of the decider on that side.
    decider: int
    #: CT_ number as the rules saw it; 0 where both sides saw the same and it tells nothing.
    ct_state: int


@dataclass(frozen=True, slots=True)
class Sort:
    """What changed packets have in common; made once and shared by all runs of the sort."""

    kind: Kind
    old: Fate
    new: Fate
    #: An ICMP error about a flow: it belongs to it, but does not make it.
    about: bool
    #: The flow has an entry on the side that did not let the packet through.
    entry: bool
    #: Protocol number (256 for what is not IP), and above its nine bits interface indexes, in and out, eight bits each.
    part: int
    #: The kind's number: hashing and comparing an enumeration's members is slow.
    number: int = field(init=False)
    blocked: bool = field(init=False)
    #: Whether the sides knew different things about the flow: another ct state, or another objection of conntrack's.
    state_differs: bool = field(init=False)
    #: Whether it is strong as well, and no packet about a flow: what usually follows a blocked or allowed beginning.
    followed: bool = field(init=False)
    #: What tells its change from others: ct states only where they differ.
    key: tuple[Kind, Fate | None, Fate | None] = field(init=False)

    def __post_init__(self) -> None:
        """Look once at what every run asks for."""
        states = self.old.ct_state != self.new.ct_state
        old, new = (self.old, self.new) if states else (self.old._replace(ct_state=0), self.new._replace(ct_state=0))
        object.__setattr__(self, "state_differs", states or self.old.reason != self.new.reason)
        object.__setattr__(self, "followed", self.state_differs and self.kind.strong and not self.about)
        object.__setattr__(self, "number", int(self.kind))
        object.__setattr__(self, "blocked", self.kind is Kind.NEWLY_BLOCKED)
        object.__setattr__(self, "key", (self.kind, old, new))


class Run(NamedTuple):
    """Changed packets of one sort and flow in one batch."""

    sort: Sort
    #: Flow numbers of both sides, 0 for none.
    old_flow: int
    new_flow: int
    packets: int
    #: On the wire.
    frame_bytes: int
    #: Row of the first packet in its batch.
    row: int
    #: Frames.
    first_frame: int
    last_frame: int


@dataclass(slots=True)
class Example:
    """A packet that stands for others."""

    frame: int
    ts_ns: int
    #: Protocol number, 256 for what is not IP.
    proto: int
    #: Addresses; empty for what is not IP.
    src: str
    dst: str
    #: Ports; for ICMP None, and its type and code in ``icmp``.
    sport: int | None
    dport: int | None
    icmp: tuple[int, int] | None
    #: Flow numbers of both sides, 0 for none.
    old_flow: int
    new_flow: int


@dataclass(slots=True)
class Change:
    """One cause and all that it changed."""

    kind: Kind
    #: What became of the packets on both sides; None where causes beyond the limit are summed up.
    old: Fate | None
    new: Fate | None
    packets: int = 0
    #: Of these packets, those that changed because an earlier packet of their flow did.
    consequences: int = 0
    #: Bytes of the frames on the wire.
    frame_bytes: int = 0
    #: Flows with a packet that is no consequence …
    flows: int = 0
    #: … of these, where it is their first of this kind, those that begin on one side only (never began, or now begin) …
    whole: int = 0
    #: … and those that were cut, or now go on, in the middle.
    part: int = 0
    first_frame: int = 0
    last_frame: int = 0
    #: Packets by ``Sort.part``.
    parts: Counter[int] = field(default_factory=Counter)
    #: The first packets of the first flows.
    examples: list[Example] = field(default_factory=list)

    @property
    def protocols(self) -> Counter[int]:
        """Packets by protocol number (256: not IP)."""
        return self._sums(lambda part: part & 511)

    @property
    def ways(self) -> Counter[tuple[int, int]]:
        """Packets by interface indexes, in and out."""
        return self._sums(lambda part: (part >> 9 & 255, part >> 17 & 255))

    def _sums(self, cut: Callable[[int], Any]) -> Counter[Any]:
        sums: Counter[Any] = Counter()
        for part, packets in self.parts.items():
            sums[cut(part)] += packets
        return sums


class _Flow:
    """What is remembered of a changed flow."""

    __slots__ = ("direct", "first", "homes", "order", "strong")

    def __init__(self, order: int) -> None:
        #: Which changed flow this is, from 1.
        self.order = order
        #: First change of each kind.
        self.first: list[Change | None] = [None] * len(Kind)
        #: First change by which packets passed on one side only.
        self.strong: Change | None = None
        #: The change that consequences of each kind belong to.
        self.homes: list[Change | None] = [None] * len(Kind)
        #: Changes that count the flow.
        self.direct: list[Change] = []


class Ledger:
    """Books runs of changed packets. What it says does not depend on how the capture was cut into batches."""

    def __init__(self, observed: bool = False, max_changes: int = MAX_CHANGES, max_flows: int = MAX_FLOWS) -> None:
        self.changes: dict[tuple[Kind, Fate | None, Fate | None], Change] = {}
        #: Flows with a change of any kind.
        self.flows = 0
        #: Packets whose cause is not told apart, because there are too many.
        self.packets_beyond_changes = 0
        #: Packets whose flow is not remembered, because there are too many.
        self.packets_beyond_flows = 0
        self._observed = observed
        self._max_changes, self._max_flows = max_changes, max_flows
        self._by_old: dict[int, _Flow] = {}
        self._by_new: dict[int, _Flow] = {}

    def book_all(self, runs: Iterable[Run]) -> Iterator[tuple[Change, Run]]:
        """Add runs, which come in the order of their first packets. Yields those whose first packet is an example of its change: it begins
        a flow there, or the change, where there is no flow.
        """
        by_old, by_new = self._by_old, self._by_new
        for run in runs:
            sort, old, new, packets, frame_bytes, _, _, last_frame = run
            # Where much changed, nearly all are consequences of what is known of their flow: a short way for them.
            if sort.followed:
                one, other = by_old.get(old), by_new.get(new)
                flow = one if sort.blocked else other
                if flow is not None and one is not None and other is not None and (home := flow.homes[sort.number]) is not None:
                    home.packets += packets
                    home.consequences += packets
                    home.frame_bytes += frame_bytes
                    home.last_frame = max(home.last_frame, last_frame)
                    home.parts[sort.part] += packets
                    continue
            change = self.book(run)
            if change is not None:
                yield change, run

    def book(self, run: Run) -> Change | None:
        """Add one run; returns its change if it is an example."""
        sort = run.sort
        flow = self._flow_of(run)
        if flow is None:
            change = self._add(self._change(run), run, 0)
            return change if change.packets == run.packets else None
        if flow.first[sort.number] is None and not sort.about:
            return self._first(flow, run)
        home = self._home(flow, sort) if sort.state_differs else None
        if home is not None:
            self._add(home, run, run.packets)
            return None
        return self._direct(flow, self._change(run), run)

    def forget(self, old_flows: list[int], new_flows: list[int]) -> None:
        """These flows have ended."""
        for flows, known in ((old_flows, self._by_old), (new_flows, self._by_new)):
            if known:
                for number in flows:
                    known.pop(number, None)

    def _flow_of(self, run: Run) -> _Flow | None:
        """The changed flow that a run belongs to, made if need be; None without a flow."""
        flow = self._known(run) or self._make(run)
        if flow is not None and not run.sort.about:
            for number, flows in ((run.old_flow, self._by_old), (run.new_flow, self._by_new)):
                if number:
                    flows.setdefault(number, flow)
        return flow

    def _known(self, run: Run) -> _Flow | None:
        """The changed flow by the number on the side which let the packet through, else the older one by either number."""
        kind = run.sort.kind
        if kind is Kind.NEWLY_BLOCKED and run.old_flow:
            return self._by_old.get(run.old_flow)
        if kind is Kind.NEWLY_ALLOWED and run.new_flow:
            return self._by_new.get(run.new_flow)
        one, other = self._by_old.get(run.old_flow), self._by_new.get(run.new_flow)
        return one if other is None or (one is not None and one.order < other.order) else other

    def _make(self, run: Run) -> _Flow | None:
        if run.sort.about or not (run.old_flow or run.new_flow):
            return None
        if max(len(self._by_old), len(self._by_new)) >= self._max_flows:
            self.packets_beyond_flows += run.packets
            return None
        self.flows += 1
        return _Flow(self.flows)

    def _first(self, flow: _Flow, run: Run) -> Change | None:
        """The first change of its kind in a flow."""
        sort = run.sort
        if sort.state_differs and not sort.kind.strong and flow.strong is not None:
            flow.first[sort.number] = flow.homes[sort.number] = flow.strong
            self._add(flow.strong, run, run.packets)
            return None
        change = flow.first[sort.number] = self._change(run)
        if sort.kind.strong and flow.strong is None:
            flow.strong = change
        self._tell_part(change, sort)
        if sort.state_differs:
            flow.homes[sort.number] = change
            return self._direct(flow, change, run, run.packets - 1)
        return self._direct(flow, change, run)

    def _direct(self, flow: _Flow, change: Change, run: Run, consequences: int = 0) -> Change | None:
        """A change that is no consequence. Returns it if it is new to the flow."""
        self._add(change, run, consequences)
        if any(each is change for each in flow.direct):
            return None
        flow.direct.append(change)
        change.flows += 1
        return change

    @staticmethod
    def _home(flow: _Flow, sort: Sort) -> Change | None:
        """The change that a consequence belongs to, settled by the first consequence of its kind; None for a packet about the flow
        that has no such change.
        """
        if flow.homes[sort.number] is None:
            first = flow.first[sort.number]
            flow.homes[sort.number] = first if sort.kind.strong else flow.strong or first
        return flow.homes[sort.number]

    def _tell_part(self, change: Change, sort: Sort) -> None:
        """Whether the whole flow is on one side only, or a part of it."""
        if not sort.kind.strong:
            return
        passed = sort.old if sort.kind is Kind.NEWLY_BLOCKED else sort.new
        if passed.ct_state in _BEGINNING and (self._observed or not sort.entry):
            change.whole += 1
        else:
            change.part += 1

    def _change(self, run: Run) -> Change:
        key = run.sort.key
        if key not in self.changes and len(self.changes) >= self._max_changes:
            self.packets_beyond_changes += run.packets
            key = (run.sort.kind, None, None)
        if key not in self.changes:
            self.changes[key] = Change(*key, first_frame=run.first_frame)
        return self.changes[key]

    @staticmethod
    def _add(change: Change, run: Run, consequences: int) -> Change:
        change.packets += run.packets
        change.consequences += consequences
        change.frame_bytes += run.frame_bytes
        change.first_frame = min(change.first_frame, run.first_frame)
        change.last_frame = max(change.last_frame, run.last_frame)
        change.parts[run.sort.part] += run.packets
        return change
