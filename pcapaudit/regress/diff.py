"""Compares two sides over one capture, batch by batch: NumPy finds the packets whose fate changed, the ledger groups them by cause.

newly-blocked    accepted in OLD, dropped or rejected in NEW
newly-allowed    the other way round
reason-changed   let through by neither or by both, but dropped instead of rejected, or for another reason of conntrack's
other-rule       the same verdict, but another rule or policy decided

A reason ``rule`` or ``policy`` says who decided and is no reason of its own here. Only the last of these kinds leaves what is sent over
the wire as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core import consts
from pcapaudit.regress.changes import Example, Fate, Kind
from pcapaudit.regress.deciders import Decider, meanings
from pcapaudit.regress.ledger import Change, Ledger, Run, Sort
from pcapaudit.replay.hold import Hold

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch
    from pcapaudit.regress.sides import Side
    from pcapaudit.replay.hold import Judged
    from pcapaudit.replay.run import Batches

__all__ = ["MAX_EXAMPLES", "NOT_IP", "Comparison", "Difference", "compare"]

#: Examples of a change that are kept unless more are asked for.
MAX_EXAMPLES = 3
#: In place of a protocol for frames without an IP packet.
NOT_IP = 256
#: By reason: 0 where the reason says no more than who decided.
_REASONS = np.arange(256, dtype=np.uint8)
_REASONS[[consts.REASON_POLICY, consts.REASON_RULE]] = 0
#: Kind by OLD verdict * 4 + NEW verdict, for different verdicts.
_KINDS = np.full(16, Kind.REASON_CHANGED, dtype=np.uint64)
_KINDS[[consts.VERDICT_ACCEPT * 4 + other for other in (0, 2, 3)]] = Kind.NEWLY_BLOCKED
_KINDS[[other * 4 + consts.VERDICT_ACCEPT for other in (0, 2, 3)]] = Kind.NEWLY_ALLOWED
#: Sorts of changed packets that are kept at hand; there are rarely more than some hundred.
_MAX_SORTS = 50_000
_PORTS = {consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP}
_ICMP = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a comparison came to."""

    #: Causes: by kind, the most packets first, then by first frame.
    changes: list[Change]
    #: Deciders of both sides by number.
    old: list[Decider]
    new: list[Decider]
    #: Frames compared, and earliest and latest time stamp (ns; 0 without frames).
    frames: int
    first_ns: int
    last_ns: int
    #: Packets by kind of change, and flows with a change of any kind.
    packets: dict[Kind, int]
    flows: int
    #: Packets whose verdict is not certain on one side or both, and how many of them are among the changes.
    undecided: int
    undecided_changed: int
    #: Packets whose cause, or whose flow, is not told apart because there are too many (``changes.MAX_CHANGES``, ``MAX_FLOWS``).
    packets_beyond_changes: int
    packets_beyond_flows: int


class Comparison:
    """Compares batches; ``difference`` at the end."""

    def __init__(self, old: Side, new: Side, ledger: Ledger | None = None, max_examples: int = MAX_EXAMPLES) -> None:
        self._old, self._new = old, new
        self._ledger = ledger or Ledger()
        self._max_examples = max_examples
        self._hold: Hold | None = None
        self._meaning: tuple[Any, Any] = ((), ())
        self._packets: Counter[Kind] = Counter()
        self._runs = _Runs()
        self._frames = self._undecided = self._undecided_changed = 0
        self._first_ns: int | None = None
        self._last_ns = 0

    def add(self, batch: PacketBatch) -> None:
        """Judge the batch on both sides and book what differs, in batches that are settled. Raises PcapauditError."""
        if self._hold is None:
            self._hold = Hold(batch, [(side.verdicts, side.reassembly) for side in (self._old, self._new)])
        ended = self._old.judge(), self._new.judge()
        for judged in self._hold.take(ended):
            self._book(judged)

    def finish(self) -> None:
        """Book what was held back."""
        for judged in self._hold.rest() if self._hold is not None else ():
            self._book(judged)

    def _book(self, judged: Judged) -> None:
        batch = judged.batch
        old, new = (side.columns(each, batch.count) for side, each in zip((self._old, self._new), judged.verdicts, strict=True))
        self._note(batch)
        undecided = (old["decided"] == 0) | (new["decided"] == 0)
        self._undecided += int(np.count_nonzero(undecided))
        rows, kinds = self._changed(old, new)
        if len(rows):
            self._undecided_changed += int(np.count_nonzero(undecided[rows]))
            for kind, packets in enumerate(np.bincount(kinds.astype(np.int64), minlength=len(Kind)).tolist()):
                self._packets[Kind(kind)] += packets
            for change, run in self._ledger.book_all(self._runs.of(batch, _keys(batch, (old, new), rows, kinds), rows)):
                if len(change.examples) < self._max_examples:
                    change.examples.append(_example(batch, run))
        for old_ended, new_ended in judged.extras:
            self._ledger.forget(old_ended, new_ended)

    def difference(self) -> Difference:
        """What was found."""
        ledger = self._ledger
        changes = sorted(
            ledger.changes.values(), key=lambda each: (each.kind, -each.packets, each.first_frame, each.old or (), each.new or ())
        )
        return Difference(
            changes=changes,
            old=list(self._old.deciders),
            new=list(self._new.deciders),
            frames=self._frames,
            first_ns=self._first_ns or 0,
            last_ns=self._last_ns,
            packets={kind: self._packets[kind] for kind in Kind},
            flows=ledger.flows,
            undecided=self._undecided,
            undecided_changed=self._undecided_changed,
            packets_beyond_changes=ledger.packets_beyond_changes,
            packets_beyond_flows=ledger.packets_beyond_flows,
        )

    def _note(self, batch: PacketBatch) -> None:
        times = batch.arrays["ts_ns"][: batch.count]
        low, high = int(times.min()), int(times.max())
        self._last_ns = high if self._first_ns is None else max(self._last_ns, high)
        self._first_ns = low if self._first_ns is None else min(self._first_ns, low)
        self._frames += batch.count

    def _changed(self, old: dict[str, Any], new: dict[str, Any]) -> tuple[Any, Any]:
        """Rows of the packets whose fate changed, and the kind of each."""
        if (len(self._meaning[0]), len(self._meaning[1])) != (len(self._old.deciders), len(self._new.deciders)):
            self._meaning = meanings(self._old.deciders, self._new.deciders)
        verdict = old["verdict"] != new["verdict"]
        reason = (old["reason"] != new["reason"]) & (_REASONS[old["reason"]] != _REASONS[new["reason"]])
        decider = self._meaning[0][old["decided_by"]] != self._meaning[1][new["decided_by"]]
        rows = np.flatnonzero(verdict | reason | decider)
        kinds = _KINDS[old["verdict"][rows] * np.uint8(4) + new["verdict"][rows]]
        same = ~verdict[rows]
        kinds[same] = np.where(reason[rows][same], np.uint64(Kind.REASON_CHANGED), np.uint64(Kind.OTHER_RULE))
        return rows, kinds


def compare(source: Batches, comparison: Comparison, sides: tuple[Side, Side], progress: Callable[[], None] | None = None) -> Difference:
    """Read a source to its end; ``progress`` is called after every batch. Raises PcapauditError."""
    while source.read():
        comparison.add(source.batch)
        if progress is not None:
            progress()
    comparison.finish()
    for side in sides:
        side.finish()
    return comparison.difference()


class _Runs:
    """Puts changed packets that are alike and of one flow together."""

    def __init__(self) -> None:
        self._sorts: dict[tuple[int, int], Sort] = {}

    def of(self, batch: PacketBatch, keys: list[Any], rows: Any) -> Iterator[Run]:
        """The runs in the order of their first packets. ``keys`` as ``_keys`` makes them for ``rows``."""
        order = np.lexsort(keys)
        flows, small, deciders = (key[order] for key in keys)
        sorts = np.concatenate([[True], (small[1:] != small[:-1]) | (deciders[1:] != deciders[:-1])])
        news = sorts.copy()
        news[1:] |= flows[1:] != flows[:-1]
        starts = np.flatnonzero(news)
        packets = np.diff(np.append(starts, len(rows)))
        frame_bytes = np.add.reduceat(batch.arrays["origlen"][rows][order].astype(np.uint64), starts)
        # The sort is stable: the first and the last of a run are its first and last packet.
        first, last = rows[order[starts]], rows[order[starts + packets - 1]]
        turn = np.argsort(first, kind="stable")
        flows = flows[starts][turn]
        half = np.uint64(32)
        columns = (
            flows >> half,
            flows & np.uint64(0xFFFFFFFF),
            packets[turn],
            frame_bytes[turn],
            first[turn],
            first[turn] + batch.first_frame,
            last[turn] + batch.first_frame,
        )
        found = [*map(self._sort, small[sorts].tolist(), deciders[sorts].tolist())]
        numbers = (np.cumsum(sorts) - 1)[starts][turn].tolist()
        return zip(map(found.__getitem__, numbers), *(column.tolist() for column in columns), strict=True)

    def _sort(self, small: int, deciders: int) -> Sort:
        """The sort behind two of the three numbers."""
        sort = self._sorts.get((small, deciders))
        if sort is None:
            if len(self._sorts) >= _MAX_SORTS:
                self._sorts.clear()
            ct_state = small >> 24 & 7, small >> 28 & 7
            sort = self._sorts[small, deciders] = Sort(
                kind=Kind(small & 3),
                old=Fate(small >> 2 & 3, small >> 8 & 255, deciders >> 32, ct_state[0]),
                new=Fate(small >> 4 & 3, small >> 16 & 255, deciders & 0xFFFFFFFF, ct_state[1]),
                about=bool(small >> 6 & 1),
                entry=bool(small >> 7 & 1),
                part=small >> 32 & 0x1FFFFFF,
            )
        return sort


def _keys(batch: PacketBatch, sides: tuple[dict[str, Any], dict[str, Any]], rows: Any, kinds: Any) -> list[Any]:
    """Three 64-bit numbers for each changed packet: flows, small things, deciders; the last two are its sort."""
    wide: Callable[[Any], Any] = lambda array: array[rows].astype(np.uint64)  # noqa: E731  # a dozen conversions read better short
    (old, new), packet = sides, batch.arrays
    l3, proto = packet["l3"][rows], packet["proto"][rows]
    related = (old["ct_state"][rows] == consts.CT_RELATED) | (new["ct_state"][rows] == consts.CT_RELATED)
    about = related & np.isin(proto, _ICMP)
    blocking = np.where(kinds == Kind.NEWLY_BLOCKED, new["ct_status"][rows], old["ct_status"][rows])
    parts = (
        (kinds, 0),
        (wide(old["verdict"]), 2),
        (wide(new["verdict"]), 4),
        (about.astype(np.uint64), 6),
        ((blocking != 0).astype(np.uint64), 7),
        (_REASONS[old["reason"][rows]].astype(np.uint64), 8),
        (_REASONS[new["reason"][rows]].astype(np.uint64), 16),
        (wide(old["ct_state"]), 24),
        (wide(new["ct_state"]), 28),
        (np.where(l3 == 0, NOT_IP, proto).astype(np.uint64), 32),
        (np.minimum(packet["iif"][rows], 255).astype(np.uint64), 41),
        (np.minimum(packet["oif"][rows], 255).astype(np.uint64), 49),
    )
    small = np.zeros(len(rows), np.uint64)
    for values, shift in parts:
        small |= values << np.uint64(shift)
    half = np.uint64(32)
    return [wide(old["flow"]) << half | wide(new["flow"]), small, wide(old["decided_by"]) << half | wide(new["decided_by"])]


def _example(batch: PacketBatch, run: Run) -> Example:
    """The first packet of a run."""
    sort, old_flow, new_flow, _, _, row, first_frame, _ = run
    value: Callable[[str], int] = lambda name: int(batch.arrays[name][row])  # noqa: E731
    proto = sort.part & 511
    ports, is_icmp = proto in _PORTS, proto in _ICMP
    return Example(
        frame=first_frame,
        ts_ns=value("ts_ns"),
        proto=proto,
        src=_address(value("l3"), value("src_hi"), value("src_lo")),
        dst=_address(value("l3"), value("dst_hi"), value("dst_lo")),
        sport=value("sport") if ports else None,
        dport=value("dport") if ports else None,
        icmp=(value("icmp_type"), value("icmp_code")) if is_icmp else None,
        old_flow=old_flow,
        new_flow=new_flow,
    )


def _address(l3: int, high: int, low: int) -> str:
    if l3 == 0:
        return ""
    return str(IPv4Address(low) if l3 == 4 else IPv6Address(high << 64 | low))
