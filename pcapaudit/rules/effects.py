"""Compiles the statements that do something besides matching: limits, quotas, marks, NAT, queues, updates of sets.

What cannot be computed from a capture becomes an unknown match or an undecidable verdict, and is noted once for each kind; what changes
nothing that is computed here is noted too. Nothing of a ruleset goes missing without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pcapaudit.core.consts import PROTO_TCP
from pcapaudit.core.vocab import HELPERS, IPV4_HELPERS
from pcapaudit.rules import ops
from pcapaudit.rules.datatypes import DATATYPES, NS_PER_SECOND
from pcapaudit.rules.emitter import Emitter
from pcapaudit.rules.fields import Load
from pcapaudit.rules.model import (
    Assign,
    ConnCount,
    Element,
    Key,
    Limit,
    MapLookup,
    NamedObject,
    NamedSet,
    Nat,
    Notrack,
    Number,
    ObjectRef,
    Opaque,
    Place,
    Queue,
    Quota,
    Recent,
    Ruleset,
    SetUpdate,
    Side,
    Statement,
    Synproxy,
    Table,
    Tproxy,
    Unsupported,
    Value,
)
from pcapaudit.rules.program import DynamicSet, NatPlan
from pcapaudit.rules.selectors import SELECTORS

__all__ = ["Effects", "changed_fields"]

#: Elements of a set that packets write to and that states no size, as the kernel's hash table has it.
_DEFAULT_SIZE = 0xFFFF
#: A larger set takes more memory than it is worth; it is filled up to here.
_MAX_SIZE = 1 << 20
#: Times that a list of recent addresses keeps of one, where no rule asks for more hits.
_RECENT_RING = 32
_UPDATE_OPS = {"add": ops.UPDATE_ADD, "update": ops.UPDATE_UPDATE, "delete": ops.UPDATE_DELETE}
#: IP versions of a helper, as in conntrack/layout.py.
_HELPER_IPV4 = 0x40
_HELPER_IPV6 = 0x80
_STORES = {"meta mark": ops.STORE_MARK, "ct mark": ops.STORE_CT_MARK, "ct zone": ops.STORE_CT_ZONE}
#: Targets of assignments that no match can see, so that nothing hangs on them.
_INVISIBLE = frozenset({"meta nftrace", "ct label", "ct event"})


def changed_fields(ruleset: Ruleset) -> frozenset[str]:
    """Header fields that some rule overwrites, and those that share their bits."""
    found: set[str] = set()
    for statement in _statements(ruleset):
        if not isinstance(statement, Assign) or statement.target.text in _STORES:
            continue
        target = statement.target
        found.add(target.text)
        word = target.text.rpartition(" ")[2]
        if target.base == "transport":
            found.update(text for text, each in SELECTORS.items() if each.base == "transport" and text.endswith(f" {word}"))
    return frozenset(found)


def _statements(ruleset: Ruleset) -> Iterator[Statement]:
    for table in ruleset.tables:
        for chain in table.chains:
            for rule in chain.rules:
                yield from rule.statements


class Effects:
    """Compiles into an emitter; ``notes`` collects what the person should know."""

    def __init__(self, emitter: Emitter) -> None:
        self.out = emitter
        self.program = emitter.program
        self._objects: dict[tuple[str, str], NamedObject] = {}
        self._shared: dict[tuple[str, str, str, str], int] = {}
        self._table: tuple[str, str] = ("", "")
        self._noted: dict[str, dict[Place, None]] = {}
        #: What is said of a kind that ``_NOTES`` does not list.
        self._texts: dict[str, str] = {}

    # A table ----------------------------------------------------------------------------------------------------------------------

    def begin(self, table: Table) -> None:
        """Get ready for the rules of a table."""
        self._table = table.family, table.name
        self._objects = {(each.kind, each.name): each for each in table.objects}
        self.out.sets = {each.name: each for each in table.sets}
        self.out.dynamic = {}
        self.out.fading = {}
        self.out.written = set()
        written = {
            statement.name
            for chain in table.chains
            for rule in chain.rules
            for statement in rule.statements
            if isinstance(statement, SetUpdate)
        }
        for each in table.sets:
            is_map = bool(each.data_type)
            if each.name in written and is_map:
                self.out.written.add(each.name)
            elif each.name in written or (each.statements and not is_map):
                self._dynamic_set(each)
            elif _lives_for_a_time(each):
                self._fading_set(each)

    def _fading_set(self, known: NamedSet) -> None:
        """Nobody writes to the set: what it lists is there for a time from the first packet on."""
        self.out.fading[known.name] = len(self.program.lifetimes)
        self.program.lifetimes.extend(_lifetime(known, each) for each in known.elements)
        self.program.has_global_state = True

    def _dynamic_set(self, known: NamedSet) -> None:
        elements = []
        for each in known.elements:
            if any(first != last for first, last in each.parts):
                self._note(f"intervals that packets write to (set {known.name})", known.place)
                self.out.written.add(known.name)
                return
            left = _lifetime(known, each)
            elements.append((tuple(word for first, _ in each.parts for word in (first >> 64, first & (1 << 64) - 1)), left))
        size = min(known.size or max(_DEFAULT_SIZE, 2 * len(elements)), _MAX_SIZE)
        self.out.dynamic[known.name] = len(self.program.dynamic_sets)
        family, table = self._table
        own = 0
        if known.statements:
            own = len(self.program.updates) + 1
            self._add_update([len(self.program.dynamic_sets), ops.UPDATE_ADD, 0, *self._own_words(known.statements)])
        self.program.dynamic_sets.append(
            DynamicSet((family, table, known.name), len(known.types), size, known.timeout_ns or 0, own, tuple(elements))
        )
        self.program.has_global_state = True

    def notes(self) -> Iterator[str]:
        """A line for each kind of statement that is not computed."""
        for kind, places in self._noted.items():
            place, count = next(iter(places)), len(places)
            where = f"{place.path}:{place.line}" + (f" and {count - 1} more" if count > 1 else "")
            said = _NOTES.get(kind.partition(" (")[0]) or _NOTES.get(kind.rpartition(" ")[0]) or self._texts[kind]
            yield f"{kind} ({where}): {said}"

    def _note(self, kind: str, place: Place, text: str = "") -> None:
        self._texts.setdefault(kind, text or "read, and changes nothing here")
        # By place: the code of a rule may be written more than once.
        self._noted.setdefault(kind, {})[place] = None

    # Statements -------------------------------------------------------------------------------------------------------------------

    def emit(self, statement: Statement, known: dict[int, int], position: int, *, again: bool) -> bool:
        """Instructions for a statement. True when it has an effect even if what stands behind it in the rule does not match.

        ``known`` keeps what belongs to the statement at a position of its rule: the code of a rule is written more than once. The
        slots of a verdict map (``again``: not the first) share the answer of what was run once.
        """
        if isinstance(statement, ObjectRef):
            return self._object(statement, again=again)
        if isinstance(statement, (Limit, Quota, ConnCount, SetUpdate, Recent)):
            if again:
                self.out.emit(ops.OP_SAME_LIMIT)
            elif isinstance(statement, Recent):
                if position not in known:
                    known[position] = self._recent(statement)
                self.out.emit(ops.OP_RECENT, known[position])
            elif isinstance(statement, ConnCount):
                if position not in known:
                    known[position] = len(self.program.counts)
                    self.program.counts.append(statement)
                    self.program.has_global_state = True
                self.out.emit(ops.OP_COUNT, known[position])
            elif isinstance(statement, SetUpdate):
                self._update(statement, known, position)
            else:
                if position not in known:
                    known[position] = self._bucket(statement)
                self.out.emit(ops.OP_LIMIT if isinstance(statement, Limit) else ops.OP_QUOTA, known[position])
            return True
        if isinstance(statement, Assign):
            if not again:
                self._assign(statement)
            return True
        if isinstance(statement, Opaque):
            self._note(statement.name or statement.text, statement.place, "no capture tells: unknown")
            self.out.unknown()
        if isinstance(statement, Nat):
            self._nat(statement, known, position)
            return False
        return self._other(statement)

    def unsupported(self, statement: Unsupported) -> None:
        """A rule that was not understood: some packets it may accept, or drop."""
        self._note("a rule that is not understood", statement.place)
        self.out.unknown()
        self.out.emit(ops.OP_QUEUE)

    def _other(self, statement: Statement) -> bool:
        if isinstance(statement, Tproxy):
            self._note("tproxy", statement.place)
            self.out.unknown()
        elif isinstance(statement, Synproxy):
            self._synproxy(statement.place)
        elif isinstance(statement, Queue):
            self._note("queue", statement.place)
            self.out.emit(ops.OP_QUEUE)
        elif isinstance(statement, Notrack):
            self.program.has_notrack = True
            self.out.emit(ops.OP_NOTRACK)
            return True
        elif isinstance(statement, Side):
            self._note(statement.kind, statement.place)
        return False

    def _bucket(self, statement: Limit | Quota) -> int:
        """Index of a new limit (words as LIMIT_WORDS says; the bucket is full at the start) or quota."""
        program = self.program
        program.has_global_state = True
        if isinstance(statement, Quota):
            program.quotas.extend((statement.used, statement.size, int(statement.over), 0))
            return len(program.quotas) - ops.QUOTA_WORDS
        largest, cost, period, rate, flags = _limit_words(statement)
        program.limits.extend((largest, -1, largest, cost, period, rate, flags, 0))
        return len(program.limits) - ops.LIMIT_WORDS

    def _object(self, statement: ObjectRef, *, again: bool) -> bool:
        """A named object: all rules that name it share it."""
        if statement.chosen is not None:
            self.out.map(statement.chosen)
            if statement.kind in ("limit", "quota"):
                self._note(f"{statement.kind} map", statement.place)
                self.out.unknown()
            return False
        if statement.kind == "synproxy":
            self._synproxy(statement.place)
            return False
        if statement.kind == "ct helper":
            if not again:
                self._helper(statement)
            return True
        if statement.kind not in ("limit", "quota"):
            if statement.kind != "counter":
                self._note(f"{statement.kind} set", statement.place)
            return False
        found = self._objects[(statement.kind, statement.name)].value
        assert found is not None  # noqa: S101 (its reader saw to it)
        key = (*self._table, statement.kind, statement.name)
        if key not in self._shared:
            self._shared[key] = self._bucket(found)
        if again:
            self.out.emit(ops.OP_SAME_LIMIT)
        else:
            self.out.emit(ops.OP_LIMIT if statement.kind == "limit" else ops.OP_QUOTA, self._shared[key])
        return True

    def _helper(self, statement: ObjectRef) -> None:
        """The rule gives a new connection a helper, as its object says."""
        found = self._objects.get(("ct helper", statement.name))
        text = " ".join(found.lines) if found is not None else ""
        name, proto, l3 = (_property(text, word) for word in ("type", "protocol", "l3proto"))
        number = next((each for each, known in HELPERS.items() if each and known == name), 0)
        value = DATATYPES["inet_proto"].parse(proto)
        if not number or value is None:
            self._note(f"ct helper {name or statement.name}", statement.place)
            return
        family = l3 or self._table[0]
        bits = _HELPER_IPV4 * (family != "ip6") | _HELPER_IPV6 * (family != "ip" and number not in IPV4_HELPERS)
        # The CT target of iptables attaches a template; which connections get it, the rule itself says.
        template = statement.template
        self.program.sets_helpers = True
        self.program.pool.extend((0, number | bits | (ops.STORE_TEMPLATE if template else value << 8)))
        self.out.emit(ops.OP_NUMBER, len(self.program.pool) - 2)
        self.out.emit(ops.OP_STORE, ops.STORE_HELPER)

    def _update(self, statement: SetUpdate, known: dict[int, int], position: int) -> None:
        if statement.name not in self.out.dynamic:
            # Of a map, or of a set of intervals, which the kernel lets no packet write to: who asks it is told unknown.
            return
        if position not in known:
            known[position] = len(self.program.updates)
            own = statement.statements or self.out.sets[statement.name].statements
            words = [self.out.dynamic[statement.name], _UPDATE_OPS[statement.op], statement.timeout_ns or 0, *self._own_words(own)]
            self._add_update(words)
            self.program.has_global_state = True
        self.out.parts(statement.keys)
        self.out.emit(ops.OP_UPDATE, known[position])

    def _add_update(self, words: list[int]) -> None:
        self.program.updates.extend((*words, *[0] * (ops.UPDATE_WORDS - len(words))))

    def _recent(self, statement: Recent) -> int:
        """Index of a look at a list; all rules of an IP version share the lists, whatever their table."""
        program = self.program
        key = (str(statement.l3), "", "recent", statement.name)
        if key not in self._shared:
            self._shared[key] = len(program.recent_rings)
            program.recent_rings.append(_RECENT_RING)
        number = self._shared[key]
        if statement.hitcount:
            program.recent_rings[number] = max(program.recent_rings[number], 1 << (statement.hitcount - 1).bit_length())
        action = {"set": ops.RECENT_SET, "rcheck": ops.RECENT_CHECK, "update": ops.RECENT_UPDATE, "remove": ops.RECENT_REMOVE}
        mask = statement.mask
        at = len(program.recent_rules)
        program.recent_rules.extend(
            (
                *(number, action[statement.action], int(statement.by_source), mask >> 64, mask & (1 << 64) - 1),
                *(statement.seconds * NS_PER_SECOND, statement.hitcount, int(statement.with_ttl), int(statement.inverted)),
            )
        )
        program.has_global_state = True
        return at

    def _own_words(self, statements: Iterable[object]) -> tuple[int, ...]:
        """Words of the statement that each element holds."""
        for each in statements:
            if isinstance(each, Limit):
                largest, cost, period, rate, flags = _limit_words(each)
                return ops.UPDATE_LIMIT, cost, largest, period, rate, flags
            if isinstance(each, Quota):
                return ops.UPDATE_QUOTA, each.size, int(each.over)
            if isinstance(each, ConnCount):
                return ops.UPDATE_COUNT, each.count, int(each.over)
        return (0,)

    def _assign(self, statement: Assign) -> None:
        target, value = statement.target.text, statement.value
        store = _STORES.get(target)
        if store is None:
            if isinstance(value, MapLookup):
                self.out.map(value)
            if target not in _INVISIBLE:
                is_header = statement.target.base not in ("meta", "ct")
                self._note(f"{target} set", statement.place, "not applied: what asks for the field is undecidable" if is_header else "")
            return
        self.program.uses_ct_mark |= store == ops.STORE_CT_MARK
        if isinstance(value, Number):
            self.program.pool.extend((value.first >> 64, value.first & (1 << 64) - 1))
            self.out.emit(ops.OP_NUMBER, len(self.program.pool) - 2)
        elif isinstance(value, Key):
            self.out.emit(ops.OP_VALUE, self.out.load(self.out.load_of(value)))
        else:
            self.out.map(value)
        self.out.emit(ops.OP_STORE, store)

    def _nat(self, statement: Nat, known: dict[int, int], position: int) -> None:
        """Keep what the maps yield, and end: what is made of it is decided once a connection (``replay.nat``)."""
        l3 = {"ip": 4, "ip6": 6}.get(statement.family, 0)
        if l3:
            self.out.need(l3)
        choices = []
        for value, store in ((statement.address, ops.STORE_ADDRESS), (statement.port, ops.STORE_PORT)):
            choices.append(self._nat_value(value, store))
        if position not in known:
            known[position] = len(self.program.nats)
            self.program.nats.append(
                NatPlan(statement, l3, choices[0], choices[1], isinstance(statement.address, Key), isinstance(statement.port, Key))
            )
        self.out.emit(ops.OP_NAT, known[position])

    def _nat_value(self, value: Value | None, store: int) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Instructions that keep which of the values returned holds for the packet."""
        if isinstance(value, Number):
            return (((value.first, value.last),),)
        if isinstance(value, Key):
            self.out.emit(ops.OP_VALUE, self.out.load(self.out.load_of(value)))
            self.out.emit(ops.OP_STORE, store)
        elif isinstance(value, MapLookup):
            self.out.map(value, numbered=True)
            self.out.emit(ops.OP_STORE, store)
            return tuple(each.data or () for each in self.out.elements(value.right))
        return ()

    def _synproxy(self, place: Place) -> None:
        self._note("synproxy", place)
        self.out.emit(
            ops.OP_MATCH, self.out.load(Load(ops.FIELD_TCP_FLAGS, 0, PROTO_TCP + 1, 104, 8, 14)), *self.out.test(ops.TEST_ANY, [0x12])
        )
        self.out.emit(ops.OP_QUEUE)


def _property(text: str, word: str) -> str:
    """What stands behind a word of an object's block."""
    found = re.search(rf'(?<![\w-]){word} "?([\w.-]+)', text)
    return found[1] if found else ""


def _limit_words(limit: Limit) -> tuple[int, int, int, int, int]:
    """Size of the bucket, cost of a packet, period, rate, flags: tokens are nanoseconds, as in nft_limit."""
    period = limit.per_s * NS_PER_SECOND
    cost = period // limit.rate
    largest = period * (limit.rate + limit.burst) // limit.rate if limit.of_bytes else cost * limit.burst
    return largest, cost, period, limit.rate, ops.LIMIT_OVER * limit.over | ops.LIMIT_BYTES * limit.of_bytes


def _lifetime(known: NamedSet, element: Element) -> int:
    """How long an element lives from the first packet on, when the file is loaded (ns; 0: for ever)."""
    return element.expires_ns or element.timeout_ns or known.timeout_ns or 0


def _lives_for_a_time(known: NamedSet) -> bool:
    return known.timeout_ns is not None or any(each.timeout_ns is not None for each in known.elements)


_NOTES = {
    "queue": "a program decides: what reaches it is accepted here and marked undecidable",
    "synproxy": "the firewall answers in the server's place: what reaches it is accepted here and marked undecidable",
    "tproxy": "whether a local socket takes the packet is unknown",
    "ct helper set": "unknown",
    "ct helper": "not one of Linux's own helpers: nothing that it would announce is expected",
    "ct timeout set": "not applied: connections keep the time-outs of the profile",
    "ct expectation set": "not applied: no expectation is made",
    "flow add": "offloaded packets are evaluated as if they were not",
    "intervals that packets write to": "Linux refuses this: what asks the set is undecidable",
    "limit map": "unknown",
    "a rule that is not understood": "whom it matches and what it does is unknown: what depends on it is undecidable",
    "quota map": "unknown",
}
