"""The state that commands act on, in file order: what the kernel holds while a file is being loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pcapaudit.rules.model import NOWHERE, BaseChain, Chain, Element, NamedObject, NamedSet, Place, Rule, Table

__all__ = ["ChainState", "TableState", "freeze"]


@dataclass(slots=True)
class ChainState:
    """A chain while it grows."""

    name: str
    place: Place
    base: BaseChain | None = None
    rules: list[Rule] = field(default_factory=list)
    comment: str = ""

    def freeze(self) -> Chain:
        """The chain as a value."""
        return Chain(self.name, tuple(self.rules), self.base, self.comment, self.place)


@dataclass(slots=True)
class TableState:
    """A table while it grows."""

    family: str
    name: str
    place: Place = NOWHERE
    chains: dict[str, ChainState] = field(default_factory=dict)
    sets: dict[str, NamedSet] = field(default_factory=dict)
    objects: dict[tuple[str, str], NamedObject] = field(default_factory=dict)
    dormant: bool = False
    comment: str = ""

    def add_elements(self, name: str, elements: Iterable[Element]) -> None:
        """Put elements into a set, each once."""
        known = self.sets[name]
        self.sets[name] = replace(known, elements=tuple(dict.fromkeys((*known.elements, *elements))))

    def remove_elements(self, name: str, elements: Iterable[Element]) -> None:
        """Take elements out of a set, by their keys."""
        gone = {each.parts for each in elements}
        known = self.sets[name]
        self.sets[name] = replace(known, elements=tuple(each for each in known.elements if each.parts not in gone))

    def remove(self, kind: str, name: str) -> bool:
        """Take a chain, a set or an object out; False if there is none."""
        if kind == "chain":
            return self.chains.pop(name, None) is not None
        if kind in ("set", "map"):
            return self.sets.pop(name, None) is not None
        return self.objects.pop((kind, name), None) is not None

    def freeze(self) -> Table:
        """The table as a value."""
        chains = tuple(chain.freeze() for chain in self.chains.values())
        return Table(
            self.family, self.name, chains, tuple(self.sets.values()), tuple(self.objects.values()), self.dormant, self.comment, self.place
        )


def freeze(tables: Iterable[TableState]) -> tuple[Table, ...]:
    """All tables as values."""
    return tuple(table.freeze() for table in tables)
