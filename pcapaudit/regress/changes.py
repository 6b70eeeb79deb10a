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
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from pcapaudit.core.consts import CT_NEW, CT_RELATED, CT_UNTRACKED

__all__ = ["MAX_CHANGES", "MAX_FLOWS", "Change", "Example", "Fate", "Kind", "Ledger", "Run"]

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


class Run(NamedTuple):
    """Changed packets of one batch, one flow and one kind of change; in order of their first packets."""

    kind: Kind
    old: Fate
    new: Fate
    #: Flow numbers of both sides, 0 for none.
    old_flow: int
    new_flow: int
    #: An ICMP error about a flow: it belongs to it, but does not make it.
    about: bool
    #: The flow has an entry on the side that did not let the packet through.
    entry: bool
    #: Protocol number, 256 for what is not IP.
    proto: int
    #: Interface indexes, in and out.
    way: tuple[int, int]
    packets: int
    #: On the wire.
    frame_bytes: int
    #: Row of the first packet in its batch.
    row: int
    #: Frames.
    first_frame: int
    last_frame: int

    @property
    def state_differs(self) -> bool:
        """Whether the sides knew different things about the flow: another ct state, or another objection of conntrack's."""
        return self.old.ct_state != self.new.ct_state or self.old.reason != self.new.reason


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
    #: Packets by protocol number (256: not IP).
    protocols: Counter[int] = field(default_factory=Counter)
    #: Packets by interface indexes, in and out.
    ways: Counter[tuple[int, int]] = field(default_factory=Counter)
    #: The first packets of the first flows.
    examples: list[Example] = field(default_factory=list)


class _Flow:
    """What is remembered of a changed flow."""

    __slots__ = ("direct", "first", "homes", "order", "strong")

    def __init__(self, order: int) -> None:
        #: Which changed flow this is, from 1.
        self.order = order
        #: First change of each kind.
        self.first: dict[Kind, Change] = {}
        #: First change by which packets passed on one side only.
        self.strong: Change | None = None
        #: The change that consequences of each kind belong to.
        self.homes: dict[Kind, Change] = {}
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

    def book(self, run: Run) -> Change | None:
        """Add a run. Returns its change if the run begins a flow there (without a flow: begins the change): an example."""
        flow = self._flow_of(run)
        if flow is None:
            change = self._add(self._change(run), run, 0)
            return change if change.packets == run.packets else None
        if run.kind not in flow.first and not run.about:
            return self._first(flow, run)
        home = self._home(flow, run) if run.state_differs else None
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
        known = [
            flow
            for number, flows, passed in (
                (run.old_flow, self._by_old, run.kind is not Kind.NEWLY_ALLOWED),
                (run.new_flow, self._by_new, run.kind is not Kind.NEWLY_BLOCKED),
            )
            if number and (passed or not self._passing_flow(run)) and (flow := flows.get(number))
        ]
        flow = min(known, key=lambda each: each.order) if known else self._make(run)
        if flow is not None and not run.about:
            for number, flows in ((run.old_flow, self._by_old), (run.new_flow, self._by_new)):
                if number:
                    flows.setdefault(number, flow)
        return flow

    @staticmethod
    def _passing_flow(run: Run) -> int:
        """Number of the flow on the one side that let the packet through; 0 if it has none."""
        return run.old_flow if run.kind is Kind.NEWLY_BLOCKED else run.new_flow

    def _make(self, run: Run) -> _Flow | None:
        if run.about or not (run.old_flow or run.new_flow):
            return None
        if max(len(self._by_old), len(self._by_new)) >= self._max_flows:
            self.packets_beyond_flows += run.packets
            return None
        self.flows += 1
        return _Flow(self.flows)

    def _first(self, flow: _Flow, run: Run) -> Change | None:
        """The first change of its kind in a flow."""
        if run.state_differs and not run.kind.strong and flow.strong is not None:
            flow.first[run.kind] = flow.homes[run.kind] = flow.strong
            self._add(flow.strong, run, run.packets)
            return None
        change = flow.first[run.kind] = self._change(run)
        if run.kind.strong and flow.strong is None:
            flow.strong = change
        if run.state_differs:
            flow.homes[run.kind] = change
            self._tell_part(change, run)
            return self._direct(flow, change, run, run.packets - 1)
        self._tell_part(change, run)
        return self._direct(flow, change, run)

    def _direct(self, flow: _Flow, change: Change, run: Run, consequences: int = 0) -> Change | None:
        """A change that is no consequence. Returns it if it is new to the flow."""
        self._add(change, run, consequences)
        if any(each is change for each in flow.direct):
            return None
        flow.direct.append(change)
        change.flows += 1
        return change

    def _home(self, flow: _Flow, run: Run) -> Change | None:
        """The change that a consequence belongs to, settled by the first consequence of its kind; None for a packet about the flow
        that has no such change.
        """
        if run.kind not in flow.homes:
            home = flow.first.get(run.kind) if run.kind.strong else flow.strong or flow.first.get(run.kind)
            if home is None:
                return None
            flow.homes[run.kind] = home
        return flow.homes[run.kind]

    def _tell_part(self, change: Change, run: Run) -> None:
        """Whether the whole flow is on one side only, or a part of it."""
        if not run.kind.strong:
            return
        passed = run.old if run.kind is Kind.NEWLY_BLOCKED else run.new
        if passed.ct_state in _BEGINNING and (self._observed or not run.entry):
            change.whole += 1
        else:
            change.part += 1

    def _change(self, run: Run) -> Change:
        differ = run.old.ct_state != run.new.ct_state
        old, new = (run.old, run.new) if differ else (run.old._replace(ct_state=0), run.new._replace(ct_state=0))
        key: tuple[Kind, Fate | None, Fate | None] = (run.kind, old, new)
        if key not in self.changes and len(self.changes) >= self._max_changes:
            self.packets_beyond_changes += run.packets
            key = (run.kind, None, None)
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
        change.protocols[run.proto] += run.packets
        change.ways[run.way] += run.packets
        return change
