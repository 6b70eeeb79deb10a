"""Expectations: connections that a helper announces, as Linux keeps them (net/netfilter/nf_conntrack_expect.c).

An expectation names the destination exactly (address, port, protocol) and the source under a mask. A new connection that fits one is
RELATED to the connection that announced it, its *master*; a one-shot expectation is used up by that, a permanent one stays.

What counts:

* An expectation dies with its master, when its time is over, when it is used, or when its master's helper takes it back.
* The same tuple announced again by the same master replaces the old one and its time. Two masters cannot expect overlapping tuples: the
  second is refused, and a helper then drops the packet that announced it.
* Each helper limits how many of a class one master may have pending; the oldest makes room.
* All masters together have at most ``limit`` (``nf_conntrack_expect_max``).

Look-up is by destination, then by mask, then by masked source: its cost does not depend on how many are pending. ``ports`` counts
pending expectations by destination port, so that a new connection to any other port need not look.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pcapaudit.conntrack.helpers.helper import Helper

__all__ = ["ANY", "Death", "Expectation", "Expectations", "Master", "Outcome", "Tuple"]

#: Masks of a source that may be anything, and of an exact port or address.
ANY = 0
_ALL_PORT = 0xFFFF
_ALL_ADDRESS = (1 << 128) - 1
#: Classes of expectations that a helper may have.
_CLASSES = 4


class Outcome(IntEnum):
    """What became of an attempt to expect something."""

    #: It is pending, perhaps in place of the same one before.
    MADE = 0
    #: Another master, or another class, expects the same.
    TAKEN = 1
    #: One that overlaps is pending.
    CLASH = 2
    #: Too many are pending.
    FULL = 3


class Death(IntEnum):
    """Why an expectation is no longer pending."""

    #: A connection fitted it.
    USED = 1
    #: Nobody came in time.
    EXPIRED = 2
    #: Its master ended.
    ORPHANED = 3
    #: A newer one took its place.
    REPLACED = 4
    #: More than its class allows were pending, and it was the oldest.
    EVICTED = 5
    #: Its helper took it back.
    WITHDRAWN = 6
    #: The capture ended.
    LEFT = 7


@dataclass(frozen=True, slots=True)
class Tuple:
    """One direction of a connection. Addresses are numbers of 128 bits, IPv4 in the lowest 32; ports are keys for GRE."""

    l3: int
    proto: int
    src: int
    sport: int
    dst: int
    dport: int
    zone: int = 0

    def turned(self) -> Tuple:
        """The other direction."""
        return Tuple(self.l3, self.proto, self.dst, self.dport, self.src, self.sport, self.zone)


@dataclass(slots=True, eq=False)
class Master:
    """A connection that a helper reads."""

    #: Row of the connection table.
    row: int
    #: The helper.
    helper: Helper
    #: Its tuple in the original direction.
    original: Tuple
    #: What the helper remembers.
    state: Any = None
    #: It was expected itself.
    expected: bool = False
    #: Its pending expectations, oldest first, and how many of each class.
    pending: dict[int, Expectation] = field(default_factory=dict)
    expecting: list[int] = field(default_factory=lambda: [0] * _CLASSES)
    #: The firewall gave it the helper; detectors read other connections, too.
    helped: bool = True

    def sender(self, direction: int) -> Tuple:
        """The tuple of packets in a direction."""
        return self.original.turned() if direction else self.original


@dataclass(slots=True, eq=False)
class Expectation:
    """A connection that is expected."""

    master: Master
    #: The tuple; where the mask is 0 the source means nothing.
    tuple: Tuple
    #: Masks of the source address and the source port.
    src_mask: int = _ALL_ADDRESS
    sport_mask: int = ANY
    #: Class: which of the helper's limits holds.
    kind: int = 0
    #: Stays when it was used.
    permanent: bool = False
    #: Cannot be used until its helper says so.
    inactive: bool = False
    #: Number of the helper that the expected connection gets; 0 for none.
    helper: int = 0
    #: Another master may already expect the same: then nothing is made, and that is no failure of the announcement's tuple.
    skip_master: bool = False
    #: Behind NAT: the same as the other side of the firewall shows it, and what a connection that fits it leaves as.
    also: Tuple | None = None
    leaves: Tuple | None = None
    #: Told when it is used: expectation, row of the new connection, time.
    arrived: Callable[[Expectation, int, int], None] | None = None
    #: When it was made and when it expires, ns; frame that announced it; its number in the run.
    made_ns: int = 0
    expires: int = 0
    frame: int = 0
    number: int = 0

    def fits(self, other: Tuple) -> bool:
        """Whether a new connection with this tuple is the expected one."""
        mine = self.tuple
        return (
            (mine.l3, mine.proto, mine.dst, mine.dport, mine.zone) == (other.l3, other.proto, other.dst, other.dport, other.zone)
            and not (mine.src ^ other.src) & self.src_mask
            and not (mine.sport ^ other.sport) & self.sport_mask
        )


#: Expectations by mask, then by masked source.
_Bucket = dict[tuple[int, int], dict[tuple[int, int], Expectation]]


class Expectations:
    """Every pending expectation of a run. ``on_death`` is told of each that goes."""

    def __init__(self, limit: int = 4096, on_death: Callable[[Expectation, Death, int], None] | None = None) -> None:
        self.limit = limit
        self.on_death = on_death
        #: Pending ones by destination port, saturating nowhere: the limit is below.
        self.ports = array("H", bytes(2 * 65536))
        self._buckets: dict[tuple[int, int, int, int, int], _Bucket] = {}
        #: How many are pending.
        self.count = 0
        self._made = 0
        #: End, serial number, expectation: the next to expire first.
        self._heap: list[tuple[int, int, Expectation]] = []
        self._serial = 0

    def __len__(self) -> int:
        return self.count

    def find(self, wanted: Tuple, now: int) -> Expectation | None:
        """The pending expectation that a tuple fits, inactive ones too."""
        self.expire(now)
        for (src_mask, sport_mask), sources in self._buckets.get(_key(wanted), {}).items():
            found = sources.get((wanted.src & src_mask, wanted.sport & sport_mask))
            if found is not None:
                return found
        return None

    def at(self, wanted: Tuple, now: int) -> Expectation | None:
        """A pending expectation of the same destination, whoever is to come."""
        self.expire(now)
        for sources in self._buckets.get(_key(wanted), {}).values():
            return next(iter(sources.values()))
        return None

    def arrive(self, wanted: Tuple, now: int, row: int = 0) -> Expectation | None:
        """The expectation that a new connection, in ``row``, fits; a one-shot one is used up."""
        found = self.find(wanted, now)
        if found is None or found.inactive:
            return None
        if not found.permanent:
            self.remove(found, Death.USED, now)
        if found.arrived is not None:
            found.arrived(found, row, now)
        return found

    def expect(self, wanted: Expectation, now: int) -> Outcome:
        """Make an expectation pending from ``now`` (ns) on, if nothing is in its way."""
        self.expire(now)
        for old in list(self._overlapping(wanted)):
            same = old.tuple == wanted.tuple and (old.src_mask, old.sport_mask) == (wanted.src_mask, wanted.sport_mask)
            if not (same and (wanted.skip_master or old.master is wanted.master)):
                return Outcome.CLASH
            if old.kind != wanted.kind or old.master is not wanted.master:
                return Outcome.TAKEN
            self.remove(old, Death.REPLACED, now)
        master, policy = wanted.master, wanted.master.helper.policies[wanted.kind]
        if policy.most and master.expecting[wanted.kind] >= policy.most:
            oldest = next(each for each in master.pending.values() if each.kind == wanted.kind)
            self.remove(oldest, Death.EVICTED, now)
        if self.count >= self.limit:
            return Outcome.FULL
        self._insert(wanted, now, now + policy.timeout_ns)
        return Outcome.MADE

    def remove(self, gone: Expectation, why: Death, now: int) -> None:
        """Take one out, if it is still pending."""
        if gone.master.pending.pop(gone.number, None) is None:
            return
        gone.master.expecting[gone.kind] -= 1
        self._clear(gone, gone.tuple)
        if gone.also is not None:
            self._clear(gone, gone.also)
        self.count -= 1
        if self.on_death is not None:
            self.on_death(gone, why, now)

    def mirror(self, known: Expectation, other: Tuple) -> None:
        """A pending one is to be met by another tuple as well, unless that is expected already."""
        sources = self._buckets.get(_key(other), {}).get((known.src_mask, known.sport_mask), {})
        if known.also is None and _masked(known, other) not in sources:
            known.also = other
            self._place(known, other)

    def refresh(self, known: Expectation, expires: int) -> None:
        """A pending one gets another end."""
        known.expires = expires
        self._schedule(known)

    def forget(self, master: Master, why: Death, now: int) -> None:
        """A master ends: so does what it expects."""
        for each in list(master.pending.values()):
            self.remove(each, why, now)

    def expire(self, now: int) -> None:
        """Take out what is over."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            until, _, each = heapq.heappop(heap)
            if each.expires == until:
                self.remove(each, Death.EXPIRED, until)
        if len(heap) > 64 + 4 * self.count:
            # Most are of expectations that went before their time.
            self._heap = [entry for entry in heap if entry[2].number in entry[2].master.pending and entry[2].expires == entry[0]]
            heapq.heapify(self._heap)

    def _insert(self, made: Expectation, now: int, expires: int) -> None:
        self._made += 1
        made.number, made.made_ns, made.expires = self._made, now, expires
        made.master.pending[made.number] = made
        made.master.expecting[made.kind] += 1
        self._place(made, made.tuple)
        self.count += 1
        self._schedule(made)

    def _place(self, made: Expectation, place: Tuple) -> None:
        bucket = self._buckets.setdefault(_key(place), {})
        bucket.setdefault((made.src_mask, made.sport_mask), {})[_masked(made, place)] = made
        self.ports[place.dport] += 1

    def _clear(self, gone: Expectation, place: Tuple) -> None:
        key, mask = _key(place), (gone.src_mask, gone.sport_mask)
        bucket = self._buckets[key]
        del bucket[mask][_masked(gone, place)]
        if not bucket[mask]:
            del bucket[mask]
            if not bucket:
                del self._buckets[key]
        self.ports[place.dport] -= 1

    def _schedule(self, known: Expectation) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (known.expires, self._serial, known))

    def _overlapping(self, wanted: Expectation) -> Iterator[Expectation]:
        """Those that some connection would fit as well as the wanted one."""
        for (src_mask, sport_mask), sources in self._buckets.get(_key(wanted.tuple), {}).items():
            if (src_mask, sport_mask) == (wanted.src_mask, wanted.sport_mask):
                found = sources.get(_masked(wanted, wanted.tuple))
                if found is not None:
                    yield found
                continue
            address, port = src_mask & wanted.src_mask, sport_mask & wanted.sport_mask
            for (source, sport), each in sources.items():
                if not ((source ^ wanted.tuple.src) & address or (sport ^ wanted.tuple.sport) & port):
                    yield each


def _key(tuple_: Tuple) -> tuple[int, int, int, int, int]:
    return tuple_.l3, tuple_.proto, tuple_.dst, tuple_.dport, tuple_.zone


def _masked(each: Expectation, place: Tuple) -> tuple[int, int]:
    return place.src & each.src_mask, place.sport & each.sport_mask
