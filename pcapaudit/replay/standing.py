"""The connection table as rules that count connections ask it (``rules/counts.py``)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from pcapaudit.conntrack import layout
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.consts import (
    PROTO_DCCP,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
    STATUS_ASSURED,
    STATUS_CONFIRMED,
    TCPS_CLOSE,
    TCPS_TIME_WAIT,
)
from pcapaudit.rules.counts import ABSENT, ASSURED, CLOSED, CONFIRMED, MAYBE, OPEN, UNCONFIRMED

if TYPE_CHECKING:
    from pcapaudit.conntrack.tracker import Tracker

__all__ = ["Standing"]

#: Bytes of the transport header without which a packet has no tuple.
_LEAST = {PROTO_TCP: 4, PROTO_UDP: 4, PROTO_UDPLITE: 4, PROTO_SCTP: 4, PROTO_DCCP: 4, PROTO_ICMP: 8, PROTO_ICMPV6: 8}


class Standing:
    """Answers from the table as it is when the rules are asked."""

    def __init__(self, tracker: Tracker, batch: PacketBatch) -> None:
        self._tracker = tracker
        self._batch = batch
        self._words = memoryview(tracker.table.memory).cast("I")
        #: Some packet was undecidable, so that connections may be there that are not, or the other way round.
        self.doubts = False

    def of(self, i: int, now: int) -> tuple[Hashable, int] | None:
        """See ``Connections``. A packet without a connection is known by its own tuple, and by that of the connection that has it."""
        row = self._tracker.row
        if row:
            return self._tracker.keys.tuple_of(row), self._lies(row)
        arrays = self._batch.arrays
        if not arrays["l4_off"][i] or arrays["l4_len"][i] < _LEAST.get(int(arrays["proto"][i]), 0):
            return None
        key = self._tracker.keys.tuple_at(self._batch, i)
        row = self._tracker.keys.standing(key, now)
        return key, UNCONFIRMED if row == 0 or self._kind(row) == layout.KIND_BLOCKED else self._lies(row)

    def standing(self, key: Any, now: int) -> int:
        """See ``Connections``."""
        row = self._tracker.keys.standing(key, now)
        if row == 0:
            return ABSENT
        word = row * layout.ROW_WORDS
        status = self._words[word + layout.W_STATUS]
        if status >> 24 == layout.KIND_BLOCKED:
            in_doubt = self._words[word + layout.W_MARK] != 0
            self.doubts |= in_doubt
            return MAYBE if in_doubt else ABSENT
        if self._words[word + layout.W_PROTO] & 0xFF == PROTO_TCP and status >> 16 & 15 in (TCPS_TIME_WAIT, TCPS_CLOSE):
            return CLOSED
        if status & layout.ROW_UNSURE:
            self.doubts = True
            return MAYBE
        return OPEN

    def _kind(self, row: int) -> int:
        return self._words[row * layout.ROW_WORDS + layout.W_STATUS] >> 24

    def _lies(self, row: int) -> int:
        status = self._words[row * layout.ROW_WORDS + layout.W_STATUS]
        if not status & STATUS_CONFIRMED:
            return UNCONFIRMED
        return ASSURED if status & STATUS_ASSURED else CONFIRMED
