"""Writes instructions: loads, tests, matches. What the parts of the compiler share."""

from __future__ import annotations

from array import array
from collections.abc import Container, Sequence

from pcapaudit.core.vocab import HELPERS
from pcapaudit.rules import ops
from pcapaudit.rules.fields import Load, is_interface, load_of
from pcapaudit.rules.interfaces import BELONGING, Interfaces, name_number
from pcapaudit.rules.intervals import compare_bounds, interval_test, merge
from pcapaudit.rules.model import Element, Key, MapLookup, Match, NamedSet, Place, SetLiteral, SetRef
from pcapaudit.rules.prefilter import ALL_PROTOCOLS, SlotFilter
from pcapaudit.rules.program import Program, Tally

__all__ = ["Emitter", "helper_names"]


class Emitter:
    """Appends to the arrays of a program. Equal loads and tests are kept once."""

    def __init__(self, program: Program, *, assumed: bool, changed: Container[str]) -> None:
        self.program = program
        #: Fields that rules overwrite: what is in the capture is not what later rules see.
        self.changed = changed
        #: Sets of the table that is being compiled, and the number of those that packets write to.
        self.sets: dict[str, NamedSet] = {}
        self.dynamic: dict[str, int] = {}
        #: Those that nobody writes to and whose elements live for a time: index of their first element's lifetime.
        self.fading: dict[str, int] = {}
        #: Those that packets write to in a way that is not followed: what asks them is unknown.
        self.written: set[str] = set()
        self.interfaces = Interfaces(program, assumed=assumed)
        #: Reverse path tests, and where the first of each stands.
        self.reverse: dict[str, Place] = {}
        #: Place, within its rule, of the statement that is being compiled.
        self.position = 0
        self._loads: dict[Load, int] = {}
        self._tests: dict[tuple[int, ...], int] = {}
        self._tallies: dict[tuple[int, int], int] = {}

    def emit(self, *words: int) -> None:
        """One instruction."""
        self.program.code.extend((*words, 0, 0, 0)[:4])
        self.program.origins.append(self.position)

    def unknown(self, l3: int = 0, proto: int = 0) -> None:
        """A match that holds, fails, or is unknown: unknown whenever the packet is of that IP version and protocol (plus 1; 0: any)."""
        self.emit(ops.OP_MATCH, self.load(Load(ops.FIELD_UNKNOWN, l3, proto)), ops.TEST_EQUAL, 0)

    def need(self, l3: int, proto: int | None = None) -> None:
        """A match that holds for packets of one IP version (0: of any) and protocol (None: of any)."""
        first, last = (0, 255) if proto is None else (proto, proto)
        self.emit(ops.OP_MATCH, self.load(Load(ops.FIELD_PROTO, l3)), *self.test(ops.TEST_RANGE, [0, first, 0, last]))

    def elements(self, right: SetLiteral | SetRef) -> tuple[Element, ...]:
        """Elements of a set, wherever it is written."""
        return right.elements if isinstance(right, SetLiteral) else self.sets[right.name].elements

    def load_of(self, key: Key) -> Load:
        """The load for a key in this topology."""
        found = load_of(key, changed=self.changed)
        self.program.uses_ct_mark |= found.field == ops.FIELD_CT_MARK
        self.program.uses_ct_helper |= found.field == ops.FIELD_CT_HELPER
        self.program.uses_ct_account |= found.field in _ACCOUNT
        return found

    def match(self, match: Match, narrowed: SlotFilter) -> bool:
        """One match. True when the narrowed filter answers it for good (for packets whose columns are all known)."""
        right = match.right
        if isinstance(right, SetRef) and right.name in self.written:
            self.unknown()
            return False
        if isinstance(right, SetRef) and right.name in self.fading:
            for key in match.keys:
                narrowed.protocols &= _protocols(key.selector.l3, key.selector.proto)
            self._fade(match.keys, right.name, match.place, inverted=match.op == "!=")
            if self._counts(match) and match.op == "==":
                self.tally(match.keys, right)
            return False
        if not self._counts(match):
            return self._match(match, narrowed)
        # What the filter passes over is not looked up.
        self._match(match, SlotFilter())
        return False

    def alive(self, name: str, order: int) -> None:
        """The element of a map that matched must still be there."""
        if name in self.written:
            self.unknown()
        if name in self.fading and self.program.lifetimes[self.fading[name] + order]:
            self.emit(ops.OP_ALIVE, self.fading[name] + order)

    def _fade(self, keys: Sequence[Key], name: str, place: Place, *, inverted: bool = False) -> None:
        """Some element that lives holds the key."""
        self.parts(keys)
        self.program.pool.append(int(inverted))
        at = self._boxes(keys, self.sets[name].elements, place, self.fading[name])
        self.emit(ops.OP_FADE, len(keys), 0, at)

    def _match(self, match: Match, narrowed: SlotFilter) -> bool:
        inverted = ops.TEST_NOT if match.op == "!=" else 0
        for key in match.keys:
            narrowed.protocols &= _protocols(key.selector.l3, key.selector.proto)
        self._note_reverse(match)
        if len(match.keys) > 1:
            self._tuple(match, inverted)
            return False
        key = match.keys[0]
        load = self.load_of(key)
        if isinstance(match.right, SetRef) and match.right.name in self.dynamic:
            self._ask(match, match.right.name, inverted)
            return False
        if self._counts(match):
            self.parts(match.keys)
            self.tally(match.keys, match.right)
        if key.selector.text in BELONGING and key.mask is None:
            load = Load(BELONGING[key.selector.text])
        if load.field == ops.FIELD_UNKNOWN:
            self.emit(ops.OP_MATCH, self.load(load), ops.TEST_EQUAL | inverted, 0)
            return False
        bounds = [bound for each in self.elements(match.right) for bound in compare_bounds(match.op, *each.parts[0], key.selector.bits)]
        if is_interface(load):
            at = self.interfaces.test(bounds, match.place, key.selector.text)
            self.emit(ops.OP_MATCH, self.load(load), ops.TEST_IFACE | inverted, at)
            return load.field in (ops.FIELD_IIF, ops.FIELD_OIF) and self._narrow_interface(narrowed, load.field, at, bool(inverted))
        merged = merge(bounds)
        test = self.test(ops.TEST_ANY, [bounds[0][0]]) if match.op == "any" else self.test(*interval_test(merged, key.selector.bits))
        self.emit(ops.OP_MATCH, self.load(load), test[0] | inverted, test[1])
        return _narrow(narrowed, match, key, load.field, merged)

    def _narrow_interface(self, narrowed: SlotFilter, number: int, at: int, inverted: bool) -> bool:
        row = self.program.ifaces[at : at + len(self.program.interfaces) + 2]
        bits = sum(1 << index for index, answer in enumerate(row) if answer != (ops.YES if inverted else ops.NO))
        narrowed.narrow_interface("iif" if number == ops.FIELD_IIF else "oif", bits)
        return ops.UNKNOWN not in row[:-1]

    def _note_reverse(self, match: Match) -> None:
        """Remember the reverse path tests, which need to know more than most topologies say."""
        for key in match.keys:
            if key.selector.base in ("fib", "rpfilter") and "saddr" in key.selector.text and "iif" in key.selector.text:
                self.reverse.setdefault(key.selector.text, match.place)

    def test(self, kind: int, words: list[int]) -> tuple[int, int]:
        """A test and the index of its words in the pool; equal tests are kept once."""
        key = (kind, *words)
        known = self._tests.get(key)
        if known is None:
            known = self._tests[key] = len(self.program.pool)
            self.program.pool.extend(words)
        return kind, known

    def load(self, load: Load) -> int:
        """Index of a load; equal loads are kept once."""
        known = self._loads.get(load)
        if known is None:
            known = self._loads[load] = len(self.program.loads)
            mask_at = 0
            if load.mask is not None:
                mask_at = len(self.program.pool)
                self.program.pool.extend(load.mask)
            self.program.loads.extend((load.field, load.l3, load.proto, load.offset, load.bits, load.reach, mask_at, 0))
        return known

    # Concatenations and verdict maps --------------------------------------------------------------------------------------------

    def _tuple(self, match: Match, inverted: int) -> None:
        if isinstance(match.right, SetRef) and match.right.name in self.dynamic:
            self._ask(match, match.right.name, inverted)
            return
        self.parts(match.keys)
        if self._counts(match):
            self.tally(match.keys, match.right)
        self.emit(ops.OP_TUPLE, len(match.keys), inverted, self._boxes(match.keys, self.elements(match.right), match.place))

    def _ask(self, match: Match, name: str, inverted: int) -> None:
        """Ask a set that packets write to. For coverage only what it holds at that moment was reached."""
        self.look_up(match.keys, name, inverted)
        if self._counts(match) and not inverted:
            self.tally(match.keys, match.right)

    # Coverage -------------------------------------------------------------------------------------------------------------------

    def _counts(self, match: Match) -> bool:
        """Whether the elements of what is asked are told apart: several, and no flags of one value."""
        right = match.right
        several = isinstance(right, SetRef) or (right.braces and len(right.elements) > 1)
        return self.program.log is not None and several and match.op in ("==", "!=")

    def tally(self, keys: tuple[Key, ...], right: SetLiteral | SetRef, slot: int | None = None) -> None:
        """Note what the parts just read were looked up in; ``slot``: a verdict map, whose slots tell it."""
        number = self._tallies.setdefault((len(self.program.rules) - 1, self.position), len(self.program.tallies))
        if number == len(self.program.tallies):
            known = self.sets[right.name] if isinstance(right, SetRef) else None
            self.program.tallies.append(Tally(len(self.program.rules) - 1, known, keys, self.elements(right), slot))
        if slot is None:
            self.emit(ops.OP_TALLY, number, len(keys))

    # Keys -----------------------------------------------------------------------------------------------------------------------

    def parts(self, keys: Sequence[Key]) -> None:
        """Read the parts of a key."""
        for slot, key in enumerate(keys):
            self.emit(ops.OP_PART, self.load(self.load_of(key)), slot)

    def look_up(self, keys: Sequence[Key], name: str, inverted: int) -> None:
        """Ask a set that packets write to."""
        self.parts(keys)
        self.emit(ops.OP_LOOKUP, len(keys), inverted, self.dynamic[name])

    def map(self, lookup: MapLookup, *, numbered: bool = False) -> None:
        """Take the value from a map, or the number of its element; the rule ends where the map has no such key."""
        name = lookup.right.name if isinstance(lookup.right, SetRef) else ""
        if name in self.written or name in self.dynamic:
            self.unknown()
            return
        if name in self.fading:
            self._fade(lookup.keys, name, lookup.place)
        self.parts(lookup.keys)
        if self.program.log is not None:
            self.tally(lookup.keys, lookup.right)
        elements = self.elements(lookup.right)
        self.emit(ops.OP_MAP, len(lookup.keys), 0, self._boxes(lookup.keys, elements, lookup.place, 0 if numbered else _DATA))

    def _boxes(self, keys: Sequence[Key], elements: Sequence[Element], place: Place, behind: int | None = None) -> int:
        """count, then for each element the bounds of each part: first hi, lo, last hi, lo; for a map its value (``_DATA``), or
        the element's number from ``behind`` on, hi, lo, behind them.

        An interface that the topology does not have is written as the empty interval, which the evaluator answers with unknown.
        """
        pool = self.program.pool
        at = len(pool)
        pool.append(len(elements))
        names = [is_interface(self.load_of(key)) for key in keys]
        for order, element in enumerate(elements):
            for (first, last), is_name in zip(element.parts, names, strict=True):
                if is_name and self.interfaces.foreign_names([(first, last)], place):
                    pool.extend((_LOW, _LOW, 0, 0))
                else:
                    pool.extend((first >> 64 & _LOW, first & _LOW, last >> 64 & _LOW, last & _LOW))
            if behind is not None:
                number = behind + order if behind != _DATA else element.data[0][0] if element.data else 0
                pool.extend((number >> 64 & _LOW, number & _LOW))
        return at


def _protocols(l3: int, proto: int | None) -> int:
    """Bits of SlotFilter.protocols for a header's needs."""
    bits = ALL_PROTOCOLS if proto is None else (1 << proto) | (1 << (proto + 256))
    return bits & {0: ALL_PROTOCOLS, 4: _V4, 6: _V4 << 256}[l3]


def _narrow(narrowed: SlotFilter, match: Match, key: Key, number: int, merged: list[tuple[int, int]]) -> bool:
    """Put a match into the filter, if its field has a table there; the match's header needs are in already."""
    if key.mask is not None:
        return False
    inverted = match.op == "!="
    if number == ops.FIELD_CT_STATE:
        for state, bit in enumerate(_STATE_BITS):
            held = bool(bit & merged[0][0]) if match.op == "any" else any(first <= bit <= last for first, last in merged)
            if held == inverted:
                narrowed.states &= ~(1 << state)
        return True
    if number in (ops.FIELD_PROTO, ops.FIELD_NFPROTO) and match.op != "any":
        if number == ops.FIELD_PROTO:
            bits = sum(1 << value for first, last in merged for value in range(first, last + 1))
            bits |= bits << 256
        else:
            bits = sum(side for value, side in ((2, _V4), (10, _V4 << 256)) if any(first <= value <= last for first, last in merged))
        narrowed.protocols &= ~bits if inverted else bits
        return True
    if number == ops.FIELD_DPORT:
        narrowed.narrow_dports(_complement(merged) if inverted else merged)
        return True
    return False


def _complement(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ports that a merged list leaves out."""
    found, start = [], 0
    for first, last in intervals:
        if start < first:
            found.append((start, first - 1))
        start = last + 1
    return [*found, (start, 65535)] if start < 65536 else found


_ACCOUNT = range(ops.FIELD_CT_EXPIRATION, ops.FIELD_CT_AVGPKT + 3)
_V4 = (1 << 256) - 1
#: nftables' bit of each CT_ number.
_STATE_BITS = (1, 8, 2, 4, 1, 64)
_DATA = -1
_LOW = (1 << 64) - 1


def helper_names() -> array[int]:
    """Names of helpers by HELPER_ number as rules compare them: upper and lower half."""
    numbers = [name_number(HELPERS[number]) for number in range(len(HELPERS))]
    return array("Q", [half for number in numbers for half in (number >> 64, number & _LOW)])
