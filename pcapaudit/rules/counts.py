"""Counts of connections that rules keep: ``ct count`` of nftables and ``-m connlimit`` of iptables, as Linux' nf_conncount has them.

A rule of nftables, or an element of a set, has one list; a rule of iptables has one for each masked address and zone. A list holds the
original tuples of the connections whose packets came by. Whether one still stands is asked of the connection table when the list is
looked through: a tuple that the table no longer has is struck off, and so is a TCP connection in TIME_WAIT or CLOSE. That happens

* for a packet of an assured connection, which adds nothing, unless the list was looked through within the same millisecond (a jiffy);
* for any other packet, before its tuple is added, unless it finds itself on the list already. Within a millisecond of the last look
  up to 64 tuples are added unseen. One look strikes off no more than 64 tuples or so.

So a packet that is about to be refused is counted, and struck off with the next look, because a refused packet leaves no connection. A
packet without ports where its protocol has them cannot be counted: the kernel drops it. ``connlimit`` drops a packet, too, that finds its
list empty, which befalls the last packets of the only connection of an address.

Who could not say whether a packet got here, or whether a connection is there, cannot count: from then on the list is unknown, or as
far as the doubt reaches.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from pcapaudit.core.columns import PacketBatch
from pcapaudit.rules import ops
from pcapaudit.rules.program import Program

__all__ = ["ABSENT", "ASSURED", "CLOSED", "CONFIRMED", "MAYBE", "OPEN", "UNCONFIRMED", "ConnectionCounts", "Connections"]

#: How a packet lies to its connection.
UNCONFIRMED, CONFIRMED, ASSURED = range(3)
#: What the table says of a tuple.
ABSENT, OPEN, CLOSED, MAYBE = range(4)

_NS_PER_JIFFY = 1_000_000
#: Tuples that are added within a jiffy before the list is looked through, and that one look strikes off.
_AT_ONCE = 64


class Connections(Protocol):
    """The connection table, as far as counting needs it."""

    #: Some packet was undecidable: ``standing`` may say MAYBE.
    doubts: bool

    def of(self, i: int, now: int) -> tuple[Hashable, int] | None:
        """(original tuple of packet ``i``'s connection, how it lies to it); None when the packet has no tuple."""

    def standing(self, key: Hashable, now: int) -> int:
        """ABSENT, OPEN, CLOSED, or MAYBE when the packet that opened the connection was undecidable."""


class _List:
    """Tuples that one limit counts."""

    __slots__ = ("counted_then", "keys", "looked", "tainted")

    def __init__(self, jiffy: int) -> None:
        self.keys: list[Hashable] = []
        #: When the list was last looked through, and how many tuples it had afterwards.
        self.looked = jiffy
        self.counted_then = 0
        #: Packets that may have got here, or not, were not counted.
        self.tainted = False


class ConnectionCounts:
    """The lists of a program while it runs. ``connections`` is set by whoever has the table; without one nothing can be counted."""

    def __init__(self, program: Program, batch: PacketBatch) -> None:
        self.connections: Connections | None = None
        #: Rules' lists by index, those of addresses and of elements by their keys.
        self._lists: dict[Hashable, _List] = {}
        self._rules: Sequence[Any] = program.counts
        self._batch = batch
        self._start: int | None = None

    def judge(self, i: int, now: int, which: int, is_main: int) -> int:
        """Answer of the rule's count for packet ``i``: NO, YES, UNKNOWN or DROPPED."""
        count = self._rules[which]
        key: Hashable = which
        if count.l3:
            key = which, self._address(i, count), int(self._batch.arrays["zone"][i])
        return self._judge(i, now, key, (count.count, count.over, bool(count.l3)), is_main)

    def judge_element(self, i: int, now: int, place: int, limit: int, over: int) -> int:
        """The same for the list of a set's element, which is known by its place."""
        return self._judge(i, now, ("element", place), (limit, bool(over), False), 1)

    def renew(self, place: int, now: int) -> int:
        """An element was made: its list is empty."""
        self._lists["element", place] = _List(self._jiffy(now))
        return 0

    def is_idle(self, place: int, now: int) -> int:
        """Whether the list of an element is empty, which lets the kernel throw the element away."""
        found = self._lists.get(("element", place))
        if found is None or self.connections is None:
            return 0
        self._look(found, now)
        return not found.keys and not found.tainted

    def _address(self, i: int, count: Any) -> int:
        side = "src" if count.by_source else "dst"
        arrays = self._batch.arrays
        mask: int = count.mask
        return (int(arrays[f"{side}_hi"][i]) << 64 | int(arrays[f"{side}_lo"][i])) & mask

    def _judge(self, i: int, now: int, key: Hashable, limit: tuple[int, bool, bool], is_main: int) -> int:
        most, over, by_address = limit
        if self.connections is None:
            return ops.UNKNOWN
        known = self._lists.get(key)
        found = known
        if found is None:
            found = self._lists[key] = _List(self._jiffy(now))
        if not is_main:
            found.tainted = True
            return ops.UNKNOWN
        own = self.connections.of(i, now)
        if own is None:
            return ops.DROPPED
        if known is None and by_address:
            # The first packet of an address is counted, whatever it is.
            found.keys.append(own[0])
        else:
            self._count(found, own, now)
        if found.tainted:
            return ops.UNKNOWN
        total = len(found.keys)
        if not total and by_address:
            return ops.DROPPED
        answers = {(number > most) == over for number in (total, total - self._unsure(found, now))}
        return ops.UNKNOWN if len(answers) > 1 else ops.YES if answers.pop() else ops.NO

    def _count(self, found: _List, own: tuple[Hashable, int], now: int) -> None:
        """A packet of a connection comes by."""
        key, standing = own
        jiffy = self._jiffy(now)
        if standing == ASSURED:
            if found.looked != jiffy:
                self._look(found, now)
            return
        is_due = standing == CONFIRMED or found.looked != jiffy or len(found.keys) - found.counted_then >= _AT_ONCE
        if not (is_due and self._look(found, now, key)):
            found.keys.append(key)

    def _look(self, found: _List, now: int, own: Hashable = None) -> bool:
        """Strike off what no longer stands. With ``own``: stops at this tuple if it stands, and says so."""
        assert self.connections is not None  # noqa: S101 (asked before)
        kept: list[Hashable] = []
        struck = 0
        for at, key in enumerate(found.keys):
            if struck > _AT_ONCE:
                kept += found.keys[at:]
                break
            standing = self.connections.standing(key, now)
            if standing != ABSENT and own is not None and key == own:
                found.keys = kept + found.keys[at:]
                return True
            if standing in (OPEN, MAYBE):
                kept.append(key)
            else:
                struck += 1
        found.keys = kept
        found.looked = self._jiffy(now)
        found.counted_then = len(kept)
        return False

    def _unsure(self, found: _List, now: int) -> int:
        """How many of the list may not be there."""
        assert self.connections is not None  # noqa: S101 (asked before)
        if not self.connections.doubts:
            return 0
        return sum(self.connections.standing(key, now) == MAYBE for key in found.keys)

    def _jiffy(self, now: int) -> int:
        """Linux' clock of conntrack, from the first packet on."""
        if self._start is None:
            self._start = now
        return (now - self._start) // _NS_PER_JIFFY
