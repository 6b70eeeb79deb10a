"""Which rules of a chain a packet can match at all: one bit for each slot, from a few table look-ups.

For each of five properties that most rules ask for (ct state, IP version with protocol, input and output interface, destination port)
a chain has a table: for each class of values, a row of bits, one for each slot, that says whether the slot's rule can match a packet of
that class. The rows of a packet's classes, and-ed, leave the slots worth running: of a chain of a thousand rules, a handful. This is
the bit-vector scheme of Lakshman and Stiliadis (SIGCOMM 1998), on fields with few classes.

A bit is 0 only when a match is certain to fail, so nothing is decided here and "unknown" stays a matter of the evaluator. Only matches
in front of a rule's first limit count: a limit takes tokens even if what stands behind it fails.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["ALL_PROTOCOLS", "ALL_STATES", "FILTER_WORDS", "Filters", "SlotFilter"]

#: CT_ numbers from 0 to 5, one bit each.
ALL_STATES = (1 << 6) - 1
#: Protocols of IPv4 packets in the lower 256 bits, of IPv6 packets in the upper.
ALL_PROTOCOLS = (1 << 512) - 1
#: Words of a chain's head: words of a row, then where the tables start: state, protocol, iif, oif, dport (0: no table).
FILTER_WORDS = 6
#: A table may take so many words (8 bytes each) for each chain; a larger one is left out.
_MAX_TABLE = 1 << 20

_BIG_ENDIAN = array("H", [1]).tobytes()[0] == 0

Interval = tuple[int, int]


@dataclass(slots=True)
class SlotFilter:
    """What a slot's rule asks of the five properties."""

    #: Bit for each CT_ number.
    states: int = ALL_STATES
    #: Bit for each protocol and IP version.
    protocols: int = ALL_PROTOCOLS
    #: Bit for each interface index, then none, then unknown; None for any.
    iif: int | None = None
    oif: int | None = None
    #: Destination ports; None for any.
    dports: list[Interval] | None = None

    def narrow_interface(self, name: str, bits: int) -> None:
        """One more match on ``iif`` or ``oif``."""
        known = getattr(self, name)
        setattr(self, name, bits if known is None else known & bits)

    def narrow_dports(self, ports: list[Interval]) -> None:
        """One more match on the destination port."""
        if self.dports is not None:
            ports = [(max(a, c), min(b, d)) for a, b in self.dports for c, d in ports if max(a, c) <= min(b, d)]
        self.dports = ports


@dataclass(slots=True)
class Filters:
    """The tables of all chains, and the classes they share."""

    #: Heads and tables, one after the other.
    words: array[int] = field(default_factory=lambda: array("Q", [0]))
    #: Class of each protocol (IPv4, then IPv6).
    protocol_class: array[int] = field(default_factory=lambda: array("H", bytes(2 * 512)))
    #: Class of each destination port.
    dport_class: array[int] = field(default_factory=lambda: array("H", bytes(2 * 65536)))
    #: Some chain looks at ports.
    uses_dport: bool = False
    protocol_values: list[int] = field(default_factory=list)
    dport_values: list[int] = field(default_factory=list)

    def classify(self, slots: Sequence[SlotFilter]) -> None:
        """Values that every slot treats alike share a class."""
        masks = sorted({each.protocols for each in slots})
        classes: dict[tuple[bool, ...], int] = {}
        for protocol in range(512):
            key = tuple(bool(mask >> protocol & 1) for mask in masks)
            if key not in classes:
                classes[key] = len(self.protocol_values)
                self.protocol_values.append(protocol)
            self.protocol_class[protocol] = classes[key]
        starts = {0}
        for each in slots:
            for first, last in each.dports or ():
                starts.update((first, last + 1))
        self.dport_values = sorted(start for start in starts if start < 65536)
        self.uses_dport = len(self.dport_values) > 1
        for number, (start, stop) in enumerate(zip(self.dport_values, [*self.dport_values[1:], 65536], strict=True)):
            self.dport_class[start:stop] = array("H", [number]) * (stop - start)

    def add_chain(self, slots: Sequence[SlotFilter], interface_count: int) -> int:
        """The tables of one chain; returns where its head stands, 0 for an empty chain.

        A table of ports that would be too large is left out; its place in the head then stays 0.
        """
        if not slots:
            return 0
        width = (len(slots) + 63) // 64
        head = len(self.words)
        self.words.extend([width] + [0] * (FILTER_WORDS - 1))
        everything = (1 << len(slots)) - 1
        columns = range(interface_count + 2)
        self._table(head, 1, [_row(slots, lambda each, value=state: each.states >> value) for state in range(6)])
        self._table(head, 2, [_row(slots, lambda each, value=value: each.protocols >> value) for value in self.protocol_values])
        if any(each.iif is not None for each in slots):
            self._table(head, 3, [_row(slots, lambda each, value=value: 1 if each.iif is None else each.iif >> value) for value in columns])
        if any(each.oif is not None for each in slots):
            self._table(head, 4, [_row(slots, lambda each, value=value: 1 if each.oif is None else each.oif >> value) for value in columns])
        if any(each.dports is not None for each in slots) and (len(self.dport_values) + 1) * width <= _MAX_TABLE:
            self._table(head, 5, [*self._port_rows(slots), everything])
        return head

    def _port_rows(self, slots: Sequence[SlotFilter]) -> Iterable[int]:
        """A row for each class of ports: slots that ask for no port, and those whose intervals hold the class."""
        free = sum(1 << number for number, each in enumerate(slots) if each.dports is None)
        changes = [0] * (len(self.dport_values) + 1)
        index = {value: number for number, value in enumerate(self.dport_values)}
        for number, each in enumerate(slots):
            for first, last in each.dports or ():
                changes[index[first]] ^= 1 << number
                changes[index.get(last + 1, len(self.dport_values))] ^= 1 << number
        row = free
        for change in changes[:-1]:
            row ^= change
            yield row

    def _table(self, head: int, place: int, rows: Sequence[int]) -> None:
        width = self.words[head]
        self.words[head + place] = len(self.words)
        for row in rows:
            words = array("Q", row.to_bytes(8 * width, "little"))
            if _BIG_ENDIAN:
                words.byteswap()
            self.words.extend(words)


def _row(slots: Sequence[SlotFilter], allows: object) -> int:
    """Bits of the slots that allow a class."""
    row = 0
    for number, each in enumerate(slots):
        row |= (allows(each) & 1) << number  # type: ignore[operator]
    return row
