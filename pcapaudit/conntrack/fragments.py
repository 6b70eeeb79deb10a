"""Puts fragmented datagrams together before they are tracked, as Linux does (net/ipv4/ip_fragment.c, netfilter/nf_conntrack_reasm.c).

What counts:

* A datagram is known by source, destination, identification and, for IPv4, protocol. Its fragments wait 30 s (IPv4) or 60 s (IPv6)
  from the first of them on; later ones begin a new datagram.
* A fragment that overlaps others throws the whole datagram away (RFC 5722); one that lies within what is there is a duplicate and
  nothing but that. "What is there" is a run of fragments that came one behind the other; one that lies across two runs overlaps.
* The last fragment fixes the length; whatever then lies beyond it, or contradicts it, is refused.
* For IPv4, a datagram whose source sent more than 64 other fragments meanwhile (ipfrag_max_dist) begins anew.
* At most 4 MiB wait for each version (ipfrag_high_thresh, frag6_high_thresh). What does not fit is refused.

Plain Python: fragments are rare, and the copies cost more than the bookkeeping.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace
from enum import IntEnum

from pcapaudit.conntrack.config import ConntrackConfig

__all__ = ["Fragment", "Fragments", "Outcome", "Thrown", "Whole"]

_MAX_DATAGRAM = 65535
#: What the kernel counts for a waiting fragment besides its bytes: about the size of its bookkeeping.
_FRAGMENT_BYTES = 768
_ECN_NOT_ECT = 1


class Outcome(IntEnum):
    """What became of a fragment."""

    #: It waits for others.
    QUEUED = 0
    #: It lies within what is there.
    DUPLICATE = 1
    #: It contradicts the others, or itself.
    REFUSED = 2
    #: It overlaps others: the whole datagram is thrown away.
    OVERLAP = 3
    #: Too much waits already.
    LIMIT = 4
    #: Not a fragment that reassembly takes: it goes on alone.
    ALONE = 5


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment as it arrives."""

    #: 4 or 6.
    version: int
    #: What its datagram is known by.
    key: tuple[int, ...]
    #: Its source address: IPv4 counts how many fragments of others a source sends in between.
    source: int
    #: First byte of the datagram's payload that it holds.
    offset: int
    #: Bytes that it holds, on the wire.
    size: int
    #: Whether more fragments follow.
    more: bool
    #: Its bytes, as far as the capture holds them.
    data: bytes
    #: Headers before the payload: the IPv4 header, or the IPv6 header and what stands before the fragment header (next header mended).
    header: bytes
    #: The two ECN bits of its IP header.
    ecn: int = 0
    #: Number of its frame, and bytes of its IP packet on the wire.
    frame: int = 0
    ip_len: int = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """A datagram that was put together."""

    #: Header of its first fragment, lengths and fragment fields not yet mended.
    header: bytes
    #: Payload on the wire.
    size: int
    #: The payload as far as it was captured without a gap.
    data: bytes
    #: How many fragments it came in, and the bytes of their IP packets on the wire.
    fragments: int = 1
    ip_bytes: int = 0
    #: Numbers of their frames.
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Thrown:
    """Fragments that waited in vain."""

    #: Numbers of their frames.
    frames: tuple[int, ...]
    #: When their time was over (ns); None if a later fragment spoilt the datagram.
    until: int | None


@dataclass(slots=True)
class _Datagram:
    """Fragments that wait."""

    until: int
    #: Offsets in order, and the fragments in the same order.
    offsets: list[int] = field(default_factory=list)
    parts: list[Fragment] = field(default_factory=list)
    #: Runs of bytes [first, behind the last], in order. As in Linux only the last run grows: neighbours that came otherwise stay apart.
    runs: list[list[int]] = field(default_factory=list)
    #: Highest end seen; the datagram's length once the last fragment is there.
    length: int = 0
    last_seen: bool = False
    held: int = 0
    ecn: int = 0
    #: Frame of the fragment that came first.
    first: int = 0
    #: Count of the source's fragments when the latest arrived.
    stamp: int = 0


class Fragments:
    """Datagrams that wait for fragments. ``timed_out`` counts those that did not become whole in time.

    ``first`` is the frame with which the datagram began whose part the last added fragment became, 0 if it became none's; ``thrown`` gets
    what waited in vain, and is emptied by whoever reads it.
    """

    def __init__(self, timeout4_ns: int, timeout6_ns: int, limits: ConntrackConfig | None = None) -> None:
        limits = limits or ConntrackConfig()
        self._timeouts = {4: timeout4_ns, 6: timeout6_ns}
        self._most = {4: limits.ipfrag_high_thresh, 6: limits.frag6_high_thresh}
        self._distance = limits.ipfrag_max_dist
        self._waiting: dict[int, dict[tuple[int, ...], _Datagram]] = {4: {}, 6: {}}
        self._bytes = {4: 0, 6: 0}
        self._sent: dict[int, int] = {}
        self.timed_out = 0
        self.first = 0
        self.thrown: list[Thrown] = []

    def expire(self, now: int) -> None:
        """Throw away what waited for too long at ``now`` (ns)."""
        for version in self._waiting:
            self._expire(version, now)

    def add(self, fragment: Fragment, now: int) -> Outcome | Whole:
        """Take a fragment at ``now`` (ns). Returns the whole datagram if it was the last one missing."""
        self._expire(fragment.version, now)
        self.first = 0
        end = fragment.offset + fragment.size
        if fragment.version == 6 and end > _MAX_DATAGRAM:
            return Outcome.REFUSED
        datagram = self._datagram(fragment, now)
        if datagram is None:
            return Outcome.LIMIT
        if fragment.more and end & 7:
            if fragment.version == 6:
                self._throw(fragment)
                return Outcome.ALONE
            end &= ~7
        if not self._fits(datagram, fragment, end):
            return self._refuse(fragment)
        clash = self._clash(datagram, fragment.offset, end)
        if clash is not None:
            if clash == Outcome.OVERLAP:
                self._throw(fragment)
            return clash
        part = fragment if end == fragment.offset + fragment.size else replace(fragment, size=end - fragment.offset)
        self._keep(datagram, part)
        if datagram.last_seen and datagram.offsets[0] == 0 and datagram.held == datagram.length:
            self._drop(fragment)
            found = _whole(datagram)
            if found == Outcome.REFUSED:
                self.thrown.append(Thrown(_frames(datagram), None))
            return found
        return Outcome.QUEUED

    def _keep(self, datagram: _Datagram, part: Fragment) -> None:
        """Put a fragment among those that wait."""
        if not datagram.parts:
            datagram.first = part.frame
        place = bisect_left(datagram.offsets, part.offset)
        datagram.offsets.insert(place, part.offset)
        datagram.parts.insert(place, part)
        datagram.held += part.size
        datagram.ecn |= 1 << part.ecn
        self._bytes[part.version] += part.size + _FRAGMENT_BYTES
        self.first = datagram.first

    def _datagram(self, fragment: Fragment, now: int) -> _Datagram | None:
        """The datagram that a fragment belongs to, perhaps a new one; None if nothing more can wait."""
        waiting = self._waiting[fragment.version]
        until = now + self._timeouts[fragment.version]
        datagram = waiting.get(fragment.key)
        if datagram is None:
            most = self._most[fragment.version]
            if not most or self._bytes[fragment.version] > most:
                return None
            datagram = waiting[fragment.key] = _Datagram(until)
        if fragment.version == 4:
            sent = self._sent[fragment.source] = self._sent.get(fragment.source, 0) + 1
            if datagram.parts and 0 < self._distance < sent - datagram.stamp:
                self._throw(fragment)
                datagram = waiting[fragment.key] = _Datagram(until)
            datagram.stamp = sent
        return datagram

    def _fits(self, datagram: _Datagram, fragment: Fragment, end: int) -> bool:
        """Whether the fragment's end agrees with what is known of the datagram's length, which it may settle."""
        if not fragment.more:
            if end < datagram.length or (datagram.last_seen and end != datagram.length):
                return False
            datagram.last_seen, datagram.length = True, end
        elif end > datagram.length:
            if datagram.last_seen:
                return False
            datagram.length = end
        return end != fragment.offset

    def _clash(self, datagram: _Datagram, offset: int, end: int) -> Outcome | None:
        """Whether bytes from ``offset`` to ``end`` are there already, all of them in one run or some; if not, they join the runs."""
        runs = datagram.runs
        for first, stop in runs:
            if offset >= first and end <= stop:
                return Outcome.DUPLICATE
            if offset < stop and end > first:
                return Outcome.OVERLAP
        if runs and runs[-1][1] == offset:
            runs[-1][1] = end
        else:
            insort(runs, [offset, end])
        return None

    def _refuse(self, fragment: Fragment) -> Outcome:
        """A fragment that contradicts: IPv4 throws the datagram away with it."""
        if fragment.version == 4:
            self._throw(fragment)
        return Outcome.REFUSED

    def _throw(self, fragment: Fragment) -> None:
        """Throw the fragment's datagram away."""
        datagram = self._drop(fragment)
        if datagram.parts:
            self.thrown.append(Thrown(_frames(datagram), None))

    def _drop(self, fragment: Fragment) -> _Datagram:
        datagram = self._waiting[fragment.version].pop(fragment.key)
        self._bytes[fragment.version] -= _size(datagram)
        return datagram

    def _expire(self, version: int, now: int) -> None:
        """Forget datagrams whose time is over: they stand in the order in which they began."""
        waiting = self._waiting[version]
        over = []
        for key, datagram in waiting.items():
            if datagram.until > now:
                break
            over.append(key)
        for key in over:
            datagram = waiting.pop(key)
            self._bytes[version] -= _size(datagram)
            self.timed_out += 1
            if datagram.parts:
                self.thrown.append(Thrown(_frames(datagram), datagram.until))
        if not waiting and len(self._sent) > _MAX_DATAGRAM:
            self._sent.clear()


def _frames(datagram: _Datagram) -> tuple[int, ...]:
    return tuple(part.frame for part in datagram.parts)


def _size(datagram: _Datagram) -> int:
    return datagram.held + _FRAGMENT_BYTES * len(datagram.parts)


def _whole(datagram: _Datagram) -> Outcome | Whole:
    """Put the parts together, unless they are too long or their ECN bits contradict (RFC 3168, section 5.3)."""
    header = datagram.parts[0].header
    room = _MAX_DATAGRAM - len(header) if datagram.parts[0].version == 4 else _MAX_DATAGRAM - (len(header) - 40)
    if datagram.length > room or (datagram.ecn & _ECN_NOT_ECT and datagram.ecn != _ECN_NOT_ECT):
        return Outcome.REFUSED
    data = bytearray()
    for part in datagram.parts:
        data += part.data[: part.size]
        if len(part.data) < part.size:
            break
    ip_bytes = sum(part.ip_len for part in datagram.parts)
    return Whole(header, datagram.length, bytes(data), len(datagram.parts), ip_bytes, _frames(datagram))
