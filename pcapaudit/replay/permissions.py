"""Asks a ruleset who may open a connection to whom: the permissions that it gives, apart from what state lets through.

A packet is taken for its tuple alone and asked about as the first packet of a connection: a SYN, a datagram, an echo request; or the tuple
turned round, as its receiver would open one. Every question meets an empty connection table. Rules that look at other fields of the packet
(MAC addresses, sizes, options, payload) see those of the packet that was asked about; limits, quotas and dynamic sets run on their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS
from pcapaudit.conntrack.tracker import Tracker
from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.replay.flows import FlowTable
from pcapaudit.replay.loop import Loop
from pcapaudit.replay.translation import Translations
from pcapaudit.replay.vantage import Vantage
from pcapaudit.rules.evaluate import Evaluator

if TYPE_CHECKING:
    from pcapaudit.replay.consumer import Context

__all__ = ["Permissions"]

#: Rows of the connection table that is kept empty: those of one batch, and blocked records.
_TABLE_ROWS = 200_000
#: Between two questions every time-out runs out.
_STEP_NS = 10_000_000_000
#: Columns that change places when a tuple is turned round.
_ENDS = (("src_hi", "dst_hi"), ("src_lo", "dst_lo"), ("sport", "dport"), ("iif", "oif"))
#: ICMP type → the query that it answers, by version (4 in 0-255, 6 in 256-511); a query is its own.
_QUERIES = np.arange(512, dtype=np.uint16)
for _answer, _query in ((0, 8), (14, 13), (16, 15), (18, 17), (256 + 129, 256 + 128), (256 + 140, 256 + 139)):
    _QUERIES[_answer] = _query
_TURNED = np.array([consts.PATH_UNKNOWN, consts.PATH_FORWARD, consts.PATH_OUTPUT, consts.PATH_INPUT], np.uint8)


class Permissions:
    """Questions to the ruleset of a run. Results are remembered by tuple, interfaces and path, as far as ``most`` allows."""

    def __init__(self, context: Context, most: int = 1_000_000) -> None:
        config = replace(context.conntrack, checksum=0, max=0, helper=0, helper_ports=())
        for name in DEFAULT_TIMEOUTS:
            config = config.with_timeout(name, "1")
        self._batch, self._verdicts = PacketBatch(), VerdictBatch()
        tracker = Tracker(config, 0, _TABLE_ROWS)
        self._flows = FlowTable(tracker)
        evaluator = Evaluator(context.program, self._batch, self._verdicts)
        vantage = Vantage(context.topology, self._batch, context.stream.interfaces)
        translations = Translations(tracker, evaluator, vantage, context.topology, (self._batch, self._verdicts))
        evaluator.view.chooser = translations
        tracker.aliases.on = bool(context.program.nat_l3)
        self._loop = Loop(tracker, translations, self._flows, None, False)
        self._now = 0
        self._asked = 0
        self._most = most
        self._known: dict[bytes, bool] = {}

    def ask(self, batch: PacketBatch, rows: Any, *, turned: bool) -> Any:
        """Whether the sender of each row (``turned``: its receiver) may open this connection to the other end: an array of bools.

        An ICMP query can only open, and its answer only be one, which a filter without state can tell, too.
        """
        keys = self._keys(batch, rows, turned)
        answers = np.fromiter((self._known.get(key, -1) for key in keys), np.int8, len(keys))
        unknown = np.flatnonzero(answers < 0)
        if len(unknown):
            first = list({keys[k]: k for k in reversed(unknown.tolist())}.values())
            self._fill(batch, rows[first], turned)
            found = dict(zip((keys[k] for k in first), self._judged(len(first)), strict=True))
            if len(self._known) + len(found) > self._most:
                self._known.clear()
            self._known.update(found)
            answers[unknown] = [found[keys[k]] for k in unknown.tolist()]
        return (answers == 1) & ~self._other_way(batch, rows, turned)

    @staticmethod
    def _other_way(batch: PacketBatch, rows: Any, turned: bool) -> Any:
        """ICMP messages that are a query where an answer is asked about, or the other way round."""
        is_icmp = np.isin(batch.arrays["proto"][rows], (consts.PROTO_ICMP, consts.PROTO_ICMPV6))
        kinds = batch.arrays["icmp_type"][rows].astype(np.uint16) + 256 * (batch.arrays["l3"][rows] == 6)
        return is_icmp & ((_QUERIES[kinds] == kinds) == turned)

    def _keys(self, batch: PacketBatch, rows: Any, turned: bool) -> list[bytes]:
        """What an answer depends on."""
        names = [name for pair in _ENDS for name in (pair[::-1] if turned else pair)]
        arrays = [batch.arrays[name][rows] for name in (*names, "proto", "l3", "path", "zone")]
        types = _QUERIES[batch.arrays["icmp_type"][rows].astype(np.uint16) + 256 * (batch.arrays["l3"][rows] == 6)] & 0xFF
        columns = np.stack([each.astype(np.uint64) for each in (*arrays, types)], axis=1)
        return [bytes([turned]) + row.tobytes() for row in np.ascontiguousarray(columns)]

    def _fill(self, batch: PacketBatch, rows: Any, turned: bool) -> None:
        """Make the rows' openings the rows of the batch of questions."""
        count = len(rows)
        mine = self._batch.arrays
        for name, array in batch.arrays.items():
            mine[name][:count] = array[rows]
        if turned:
            for one, other in _ENDS:
                mine[one][:count], mine[other][:count] = batch.arrays[other][rows], batch.arrays[one][rows]
            mine["path"][:count] = _TURNED[mine["path"][:count]]
        size = int((mine["offset"][:count].astype(np.int64) + mine["caplen"][:count]).max())
        self._batch.data_len = 0
        self._batch.resize(size)
        self._batch.buffer[:size] = batch.buffer[:size]
        is_tcp = mine["proto"][:count] == consts.PROTO_TCP
        is_icmp = np.isin(mine["proto"][:count], (consts.PROTO_ICMP, consts.PROTO_ICMPV6))
        types = _QUERIES[mine["icmp_type"][:count].astype(np.uint16) + 256 * (mine["l3"][:count] == 6)] & 0xFF
        mine["icmp_type"][:count] = np.where(is_icmp, types, mine["icmp_type"][:count])
        mine["tcp_flags"][:count] = np.where(is_tcp, consts.TCP_SYN, 0)
        for name in ("tcp_opts", "seq", "ack", "frag", "anomalies"):
            mine[name][:count] = 0
        for name in ("ip_csum", "l4_csum"):
            mine[name][:count] = consts.CSUM_UNCHECKED
        mine["ts_ns"][:count] = self._now + _STEP_NS * np.arange(1, count + 1)
        self._now += _STEP_NS * (count + 1)
        self._batch.first_frame, self._batch.count = self._asked + 1, count
        self._asked += count

    def _judged(self, count: int) -> list[bool]:
        """The answers."""
        at = self._loop.run(self._batch, self._verdicts, 0, count)
        while at < count:
            self._flows.take()
            at = self._loop.run(self._batch, self._verdicts, at, count)
        self._flows.take()
        return [verdict == consts.VERDICT_ACCEPT for verdict in self._verdicts.arrays["verdict"][:count].tolist()]
