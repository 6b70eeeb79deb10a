"""How long connections were silent, and what each of many time-outs would have made of it, from one replay.

The replay runs with the timers in question stretched beyond any capture, so that no connection ends by them: every silence is seen whole.
Each stretched timer has a length of its own, so the time left to an entry tells which of them runs. A silence then is an interval of an
entry's life that began with a packet and a timer; under a time-out T it keeps the entry for at most T of it. Silences of all connections,
added up, give the entries at any time, the time they sat idle, and whose next packet came too late, for every T at once.

What this cannot say: what a connection would have done after it was cut. ``replay`` at the time-out in question does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.consts import CT_RELATED, DIR_ORIGINAL, DIR_REPLY, END_EOF, PROTO_ICMP, PROTO_ICMPV6

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch

__all__ = ["TIMERS", "Idle", "Point", "TimerUse", "stretched"]

#: Timers whose length people argue about, in the order of reports.
TIMERS = ("tcp.established", "udp.unreplied", "udp.stream", "icmp", "icmpv6", "gre.unreplied", "gre.stream", "generic")
#: Index of every other timer: it keeps its length.
_OTHER = len(TIMERS)
_NS = 1_000_000_000
#: Ten years, and a second more for each timer.
_STRETCHED_NS = 3650 * 86_400 * _NS
#: Parts that the capture's time is divided into; when it outgrows them, two become one.
_PARTS = 4096


def stretched(config: ConntrackConfig) -> ConntrackConfig:
    """The same with TIMERS longer than any capture, each of its own length."""
    for index, name in enumerate(TIMERS):
        config = config.with_timeout(name, str(_STRETCHED_NS // _NS + index))
    return config


@dataclass(frozen=True, slots=True)
class Point:
    """What a time-out of one timer would have come to, all others as they are."""

    timeout_ns: int
    #: Connections that the other side spoke on again after their entry had gone: refused, unless a rule lets it open.
    broken: int
    #: Connections that only the side which had opened them spoke on again: a new entry, and with NAT perhaps another address.
    reopened: int
    #: Most entries in the table at once, those under other timers included; to a 4096th of the capture's time.
    most_entries: int
    #: Time that entries sat idle under this timer, ns: memory, and an open door.
    idle_ns: int


@dataclass(frozen=True, slots=True)
class TimerUse:
    """What the capture says of one timer."""

    name: str
    #: As it is set.
    current_ns: int
    #: Connections that it ran for.
    connections: int
    #: Longest silence that the other side ended, and that the side which had opened the connection did; 0 without any.
    longest_reply_ns: int
    longest_original_ns: int
    #: By time-out, ascending.
    points: tuple[Point, ...]


class Idle:
    """A consumer of a replay with stretched timers. ``grid``: time-outs (ns, ascending) of each timer that is looked at."""

    def __init__(self, current: Mapping[str, int], grid: Mapping[str, Sequence[int]]) -> None:
        self._current = current
        self._grid = [np.asarray(grid[name], np.int64) for name in TIMERS]
        #: By flow number: time of the last packet that refreshed the entry (0: none), index of its timer, its length.
        self._last = np.zeros(1024, np.int64)
        self._timer = np.full(1024, _OTHER, np.uint8)
        self._length = np.zeros(1024, np.int64)
        #: By flow number and timer: longest silence ended by the original side, and by the reply side.
        self._longest = np.zeros((1024, len(TIMERS), 2), np.int64)
        self._ran = np.zeros((1024, len(TIMERS)), np.bool_)
        self._start: int | None = None
        self._width = _NS // 16
        #: By timer and time-out (the last column: as it is set): entries that come and go in each part of the time.
        self._changes = [np.zeros((len(each) + 1, _PARTS + 1), np.int64) for each in (*self._grid, np.zeros(0, np.int64))]
        self._idle = [np.zeros(len(each), np.int64) for each in self._grid]
        self._end = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Take the packets that refreshed an entry."""
        count = batch.count
        left = verdicts.arrays["timeout_ns"][:count]
        rows = np.flatnonzero((verdicts.arrays["flow"][:count] != 0) & (left > 0) & (verdicts.arrays["direction"][:count] <= DIR_REPLY))
        # What refreshed nothing ends no silence: ICMP errors, and packets after which a stretched timer is not whole.
        quoting = np.isin(batch.arrays["proto"][rows], (PROTO_ICMP, PROTO_ICMPV6)) & (verdicts.arrays["ct_state"][rows] == CT_RELATED)
        partly = (left[rows] > _STRETCHED_NS // 2) & (left[rows] % _NS != 0)
        rows = rows[~(quoting | partly)]
        times = batch.arrays["ts_ns"][:count]
        # The engine's clock never goes back, within a batch or from one to the next.
        times = np.maximum(np.maximum.accumulate(times), self._end)
        self._note_time(int(times[0]), int(times[-1]))
        if len(rows):
            flows = verdicts.arrays["flow"][rows].astype(np.int64)
            self._grow(int(flows.max()))
            order = np.argsort(flows, kind="stable")
            rows, flows = rows[order], flows[order]
            self._take(flows, times[rows], left[rows], verdicts.arrays["direction"][rows])

    def on_flows(self, rows: Any) -> None:
        """Connections that ended: by a timer that was not stretched, by a packet, or with the capture; their last silence is over."""
        flows = rows["flow"].astype(np.int64)
        mine = flows < len(self._last)
        mine[mine] = self._last[flows[mine]] > 0
        flows, rows = flows[mine], rows[mine]
        if len(flows):
            # What the capture's end cut short goes on until its timer ends it.
            stop = np.where(rows["end"] == END_EOF, np.iinfo(np.int64).max, rows["end_ns"])
            silences = self._last[flows], np.maximum(stop, self._last[flows])
            self._silence(silences, self._timer[flows], self._length[flows], over=True)
            self._last[flows] = 0

    def on_end(self) -> None:
        """Nothing is held back: every flow has ended."""

    def uses(self) -> list[TimerUse]:
        """What the capture says of each timer that ran."""
        as_set = [np.cumsum(changes[-1]) for changes in self._changes]
        total = np.sum(as_set, axis=0)
        return [self._use(index, total - as_set[index]) for index in range(len(TIMERS)) if self._ran[:, index].any()]

    def _use(self, index: int, others: Any) -> TimerUse:
        longest = self._longest[:, index]
        broken = np.sort(longest[:, 1])
        points = []
        for k, timeout in enumerate(self._grid[index].tolist()):
            # At the time-out itself the entry is gone.
            late = longest >= timeout
            points.append(
                Point(
                    timeout,
                    int(len(broken) - np.searchsorted(broken, timeout)),
                    int(np.count_nonzero(late[:, 0] & ~late[:, 1])),
                    int((np.cumsum(self._changes[index][k]) + others).max(initial=0)),
                    int(self._idle[index][k]),
                )
            )
        ran = int(np.count_nonzero(self._ran[:, index]))
        return TimerUse(TIMERS[index], self._current[TIMERS[index]], ran, int(longest[:, 1].max()), int(longest[:, 0].max()), tuple(points))

    def _grow(self, flow: int) -> None:
        """Make room for a flow's number."""
        if flow >= len(self._last):
            more = max(flow + 1, 2 * len(self._last)) - len(self._last)
            self._last = np.concatenate([self._last, np.zeros(more, np.int64)])
            self._timer = np.concatenate([self._timer, np.full(more, _OTHER, np.uint8)])
            self._length = np.concatenate([self._length, np.zeros(more, np.int64)])
            self._longest = np.concatenate([self._longest, np.zeros((more, len(TIMERS), 2), np.int64)])
            self._ran = np.concatenate([self._ran, np.zeros((more, len(TIMERS)), np.bool_)])

    def _note_time(self, first: int, last: int) -> None:
        """Begin with the first packet; widen the parts until the last one fits."""
        if self._start is None:
            self._start = first
        self._end = max(self._end, last)
        while (self._end - self._start) // self._width >= _PARTS:
            for changes in self._changes:
                pairs = changes[:, :_PARTS].reshape(len(changes), _PARTS // 2, 2).sum(axis=2)
                beyond = changes[:, _PARTS].copy()
                changes[:] = 0
                changes[:, : _PARTS // 2] = pairs
                changes[:, _PARTS] = beyond
            self._width *= 2

    def _take(self, flows: Any, times: Any, left: Any, directions: Any) -> None:
        """Packets by flow, and in order within it: end the silence before each, begin the one behind it."""
        timers = left // _NS - _STRETCHED_NS // _NS
        timers = np.where((timers >= 0) & (timers < len(TIMERS)) & (left % _NS == 0), timers, _OTHER).astype(np.uint8)
        self._ran[flows[timers != _OTHER], timers[timers != _OTHER]] = True
        first = np.ones(len(flows), np.bool_)
        first[1:] = flows[1:] != flows[:-1]
        last = np.ones(len(flows), np.bool_)
        last[:-1] = first[1:]
        before = np.where(first, self._last[flows], np.concatenate([[0], times[:-1]]))
        timer_before = np.where(first, self._timer[flows], np.concatenate([[_OTHER], timers[:-1]])).astype(np.uint8)
        length_before = np.where(first, self._length[flows], np.concatenate([[0], left[:-1]]))
        known = before > 0
        self._silence((before[known], times[known]), timer_before[known], length_before[known], over=False)
        counted = known & (timer_before != _OTHER)
        np.maximum.at(
            self._longest,
            (flows[counted], timer_before[counted], (directions[counted] != DIR_ORIGINAL).astype(np.uint8)),
            (times - before)[counted],
        )
        self._last[flows[last]] = times[last]
        self._timer[flows[last]] = timers[last]
        self._length[flows[last]] = left[last]

    def _silence(self, silences: tuple[Any, Any], timers: Any, lengths: Any, *, over: bool) -> None:
        """Book silences (from, to) under the timers that ran; ``over``: they end with their connections, not with a packet."""
        for index in np.unique(timers).tolist():
            mine = timers == index
            begin, end = silences[0][mine], silences[1][mine]
            if index == _OTHER:
                self._book((index, -1), begin, (end, begin + lengths[mine]), over)
                continue
            for k, timeout in enumerate(self._grid[index].tolist()):
                self._idle[index][k] += int((np.minimum(end, begin + timeout) - begin).sum())
                self._book((index, k), begin, (end, begin + timeout), over)
            self._book((index, -1), begin, (end, begin + self._current[TIMERS[index]]), over)

    def _book(self, place: tuple[int, int], begin: Any, ends: tuple[Any, Any], over: bool) -> None:
        """An entry is there from one part of the time to another: until a packet comes, or the time-out."""
        origin = self._start or 0
        changes = self._changes[place[0]][place[1]]
        packet, timeout = ends
        until = np.minimum(packet, timeout)
        # With the packet the next silence begins, in the same part. Where none comes, the entry goes with the part after this.
        gone = (timeout <= packet) | over
        np.add.at(changes, np.minimum((begin - origin) // self._width, _PARTS), 1)
        np.add.at(changes, np.minimum((until - origin) // self._width + gone, _PARTS), -1)
