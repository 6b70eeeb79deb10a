"""Which interfaces of the topology a match means, answered once and for all: by name, by number (``iif 5``), by group.

An answer is a row: one for each interface, then for "no interface", then for "not known".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pcapaudit.rules import ops
from pcapaudit.rules.model import Place
from pcapaudit.rules.program import Program

__all__ = ["BELONGING", "Interfaces", "name_number", "wildcard"]

Bounds = Sequence[tuple[int, int]]

_FULL = (1 << 128) - 1

#: Selector of a group → field of the interface that it belongs to.
GROUPS = {"meta iifgroup": ops.FIELD_IIF, "meta oifgroup": ops.FIELD_OIF}
#: Selector of a type → field of the interface.
_TYPES = {"meta iiftype": ops.FIELD_IIF, "meta oiftype": ops.FIELD_OIF}
#: Selector of the bridge of a port → field of the port.
_BRIDGES = {"meta ibrname": ops.FIELD_IIF, "meta obrname": ops.FIELD_OIF}
#: Selectors of what belongs to an interface, besides its name.
BELONGING = GROUPS | _TYPES | _BRIDGES


class Interfaces:
    """Appends rows to ``Program.ifaces``, and keeps what the person should know."""

    def __init__(self, program: Program, *, assumed: bool) -> None:
        self.program = program
        self.assumed = assumed
        #: What nobody said, as a person reads it, and the first rule that asks for it.
        self.notes: dict[str, Place] = {}
        for name in program.interfaces:
            program.iface_names.extend((name_number(name) >> 64, name_number(name) & 0xFFFFFFFFFFFFFFFF))

    def test(self, bounds: Bounds, place: Place, text: str = "") -> int:
        """Place of the row for a match of the selector ``text`` with any of the bounds."""
        if text in GROUPS:
            groups = [facts.group for facts in self.program.machine.facts]
            return self._row(bounds, self._known(groups, "the group", "group", place, text))
        if text in _TYPES:
            kinds = [facts.kind for facts in self.program.machine.facts]
            return self._row(bounds, self._known(kinds, "the type", "type", place, text))
        if text in _BRIDGES:
            answer = _within(name_number(self.program.machine.bridge), bounds) if self.program.machine.bridge else ops.UNKNOWN
            return self._add([answer] * (len(self.program.interfaces) + 2))
        numbered = text in ("meta iif", "meta oif") or text.startswith("fib ")
        if numbered and len(bounds) == 1 and (number := self.number_of(bounds[0])) is not None:
            indexes = [facts.index for facts in self.program.machine.facts]
            return self._row([(number, number)], self._known(indexes, f'the number of the interface in "{number}"', "index", place, text))
        return self.named(bounds, place)

    def named(self, bounds: Bounds, place: Place) -> int:
        """Place of the row for a match with names."""
        foreign = self.foreign_names(bounds, place)
        answer: Callable[[int], int] = lambda name: _within(name, bounds)  # noqa: E731  # as short as it is
        row = [ops.UNKNOWN if not answer(name_number(name)) and foreign else answer(name_number(name)) for name in self.program.interfaces]
        return self._add([*row, answer(0), ops.YES if (0, _FULL) in bounds else ops.UNKNOWN])

    def number_of(self, bound: tuple[int, int]) -> int | None:
        """The interface's number, where what nft reads as a name is one: digits, and no interface is called so."""
        name = bound[0].to_bytes(16, "big").rstrip(b"\0")
        if bound[0] != bound[1] or not name.isdigit() or name.decode() in self.program.interfaces:
            return None
        return int(name)

    def foreign_names(self, bounds: Iterable[tuple[int, int]], place: Place) -> set[tuple[int, int]]:
        """The bounds that want a name which the assumed topology does not have, noted for the person.

        ``lo`` is not one of them: a packet that was captured between assumed zones did not come by the loopback interface.
        """
        if not self.assumed:
            return set()
        names = [name_number(name) for name in (*self.program.interfaces, "lo")]
        foreign = {(first, last) for first, last in bounds if not any(first <= number <= last for number in names)}
        for first, last in sorted(foreign):
            text = first.to_bytes(16, "big").rstrip(b"\0").decode(errors="replace") + ("*" if first != last else "")
            self.notes.setdefault(f'interface "{text}" ({{place}}) is not one of the assumed interfaces: what depends on it is', place)
        return foreign

    def _known(self, facts: Sequence[int | None], what: str, key: str, place: Place, text: str) -> list[int | None]:
        """The facts of all interfaces; a note where one is missing."""
        found = [*facts, *[None] * (len(self.program.interfaces) - len(facts))]
        if None in found:
            example = '"ether"' if key == "type" else "NUMBER"
            said = f"{text} ({{place}}) asks for {what}; say {key} = {example} for each zone of a topology file: what depends on it is"
            self.notes.setdefault(said, place)
        return found

    def _row(self, bounds: Bounds, facts: Sequence[int | None]) -> int:
        return self._add([*(ops.UNKNOWN if each is None else _within(each, bounds) for each in facts), ops.NO, ops.UNKNOWN])

    def _add(self, row: Sequence[int]) -> int:
        at = len(self.program.ifaces)
        self.program.ifaces.extend(row)
        return at


def _within(number: int, bounds: Bounds) -> int:
    return ops.YES if any(first <= number <= last for first, last in bounds) else ops.NO


def name_number(name: str) -> int:
    """An interface name as the number that ``datatypes`` makes of it."""
    return int.from_bytes(name.encode()[:15].ljust(16, b"\0"), "big")


def wildcard(name: str) -> tuple[int, int]:
    """The interval of an interface name, or of all names that begin with what stands before a ``*``."""
    if not name.endswith("*"):
        return name_number(name), name_number(name)
    stem = name[:-1].encode()[:15]
    return int.from_bytes(stem.ljust(16, b"\0"), "big"), int.from_bytes(stem.ljust(16, b"\xff"), "big")
