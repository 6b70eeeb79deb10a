"""Connections that NAT translates: what their first packets get, what later ones look like, which frames show one packet twice. Compiled.

``docs/nat.md`` is the model. In short: a connection's first packet is taken as it comes in, unless the capture is known to be made where
it goes out (``Topology.captured``). Its nat chains run in the kernel's order and say what it leaves as. From then on a frame with the
connection's original tuple (or its inverse) is a packet *before* the firewall, one with the translated tuple a packet *behind* it.

- Before only: packets of both directions are taken at that, and what rules see of them is put together by ``rules.view``.
- Behind, too: a packet is counted where it comes in. The frame that shows it again is skipped (``seen-translated``).
- A translated tuple that nobody can know (a port by chance, an address not given) is found where a new tuple's first frame shows the same
  packet as one that just went in; until then, and without such a frame, what depends on it is unknown.

What is decided once a connection is decided in Python; what is done for every packet of a translated connection is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cython

from pcapaudit.conntrack.tracker import Tracker
from pcapaudit.replay.nat import CHANGEABLE, Packet, Translation, translate
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.vantage import Vantage
from pcapaudit.rules.evaluate import Evaluator

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        KIND_BLOCKED,
        KIND_TRANSLATION,
        NOTE_INDEXED,
        NOTE_KEY_LEAVES,
        NOTE_SEEN_BEHIND,
        NOTE_STATUS_OPEN,
        Q_DST_HI,
        Q_DST_LO,
        Q_EXPIRES,
        Q_SRC_HI,
        Q_SRC_LO,
        ROW_QUADS,
        ROW_TRANSLATED,
        ROW_WORDS,
        TO_DROP,
        TO_RULES,
        TO_SKIP,
        W_NAT_CAUSE,
        W_NAT_NOTES,
        W_PARENT,
        W_PORTS,
        W_PROTO,
        W_STATUS,
    )
    from pcapaudit.core.consts import (
        CT_NONE,
        DIR_NONE,
        DIR_REPLY,
        IFACE_NONE,
        IFACE_UNKNOWN,
        PATH_FORWARD,
        PATH_INPUT,
        PATH_OUTPUT,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_TCP,
        REASON_ICMP_QUOTE_SHORT,
        REASON_SEEN_TRANSLATED,
        STATUS_DST_NAT,
        STATUS_DST_NAT_DONE,
        STATUS_SRC_NAT,
        STATUS_SRC_NAT_DONE,
    )
    from pcapaudit.rules.ops import (
        ENTERING,
        HIDE_DESTINATION,
        HIDE_DPORT,
        HIDE_SOURCE,
        HIDE_SPORT,
        LEAVING,
        NAT_DESTINATION,
        NAT_SOURCE,
        ORIGINAL,
        REPLY,
    )

__all__ = ["Translations"]

_NOBODY = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
#: How long after a packet went in the frame that shows it going out is looked for (ns), and how many such packets are kept.
_DELAY_NS = 1_000_000_000
_MAX_WAITING = 4096
#: So many translated sources are looked through for those of ended connections.
_FEW_SOURCES = 65536
#: Bytes of a payload that tell one packet from another.
_TELLING_BYTES = 64


class Translations:
    """The translations of one run. ``meet`` before the rules, ``confirm`` once a connection is in the table."""

    def __init__(self, tracker: Tracker, evaluator: Evaluator, vantage: Vantage, topology: Topology, batches: Sequence[Any]) -> None:
        self.tracker = tracker
        self.evaluator = evaluator
        self.vantage = vantage
        self.view = evaluator.view
        self.batch, self.verdicts = batches
        program = evaluator.program
        self.nats = program.nats
        #: Whether packets of IPv4, and of IPv6, meet NAT at all.
        self.on4 = 4 in program.nat_l3
        self.on6 = 6 in program.nat_l3
        #: The first packet at hand gets another tuple, or may get one.
        self.changed = 0
        self.own = _own_addresses(topology)
        #: Zone on whose link the capture was made, by index; IFACE_NONE when nobody said.
        self.captured = next((index for index, zone in enumerate(topology.zones) if zone.name == topology.captured), 0xFFFE)
        #: Packets whose leaving tuple is not known, by what tells them from others: (time, translation, connection).
        self.waiting: dict[Any, tuple[int, int, int]] = {}
        self.waiting_count = 0
        #: Connections whose source is translated, with their translations, by protocol, address and port; the newest last.
        self.sources: dict[Any, list[tuple[int, int]]] = {}
        self.most_sources = _FEW_SOURCES
        #: Time of the first packet at hand.
        self.now = 0

    # Before the rules ---------------------------------------------------------------------------------------------------------------

    def meet(self, b, v, i, now):
        """Set the view up for packet ``i``, which was tracked. Returns where it goes (TO_)."""
        self.changed = 0
        row = self.tracker.row
        if row == 0:
            return TO_RULES
        if self.tracker.fresh:
            if self.on4 if b.l3[i] == 4 else self.on6:
                return self._meet_first(v, i, now)
        elif self.tracker.table.w[row * ROW_WORDS + W_STATUS] & ROW_TRANSLATED:
            if self.tracker.quoted and self._quotes_too_little(b, i):
                # The address that is changed before the rules, or behind them.
                early = STATUS_SRC_NAT if v.direction[i] == DIR_REPLY else STATUS_DST_NAT
                if self.tracker.table.w[row * ROW_WORDS + W_STATUS] & early:
                    v.reason[i] = REASON_ICMP_QUOTE_SHORT
                    return TO_DROP
                self.changed = 3
            self._meet_known(b, v, i, row)
        return TO_RULES

    def _quotes_too_little(self, b, i):
        """Whether an ICMP error holds fewer than eight bytes of the quoted transport header: NAT cannot change them, and drops it."""
        start = b.l4_off[i] + 8
        head = 40
        if b.l3[i] == 4:
            head = (b.data[start] & 15) * 4
        return b.l4_len[i] < 16 + head

    def _meet_first(self, v, i, now):
        """A connection's first packet: its nat chains are ahead, unless it is a packet that was seen coming in."""
        self.now = now
        if self.waiting_count:
            with cython.gil:
                if self.adopt(i, now):
                    v.ct_state[i] = CT_NONE
                    v.direction[i] = DIR_NONE
                    v.reason[i] = REASON_SEEN_TRANSLATED
                    return TO_SKIP
        self.view.begin(i)
        self.view.put(ENTERING, 0)
        self.view.put(LEAVING, 0)
        self.view.put(ORIGINAL, 0)
        self.view.put(REPLY, 1)
        if self.tracker.relations.follows:
            with cython.gil:
                self.follow(i)
            return TO_RULES
        self.view.deciding = 1
        if self.tracker.relations.unsure and self.batch.path[i] == PATH_INPUT:
            # If a translated connection announced it, it goes where that one goes.
            self.view.ways |= 1 << PATH_FORWARD
        if self.captured != IFACE_NONE and self.batch.oif[i] == self.captured and self.batch.iif[i] != self.captured:
            with cython.gil:
                self.begin_behind(i)
        self.tracker.table.w[self.tracker.row * ROW_WORDS + W_STATUS] |= STATUS_SRC_NAT_DONE | STATUS_DST_NAT_DONE
        return TO_RULES

    def _meet_known(self, b, v, i, row):
        """A later packet of a translated connection, or an ICMP error about one."""
        translation = self.tracker.aliases.partner[row]
        notes = self.tracker.table.w[translation * ROW_WORDS + W_NAT_NOTES]
        self.view.begin(i)
        if self.tracker.quoted:
            self._meet_error(v, i, row, translation)
        else:
            self._put_tuples(row, translation, notes)
            if v.direction[i] == DIR_REPLY:
                self.view.copy(ENTERING, REPLY, 0)
                self.view.copy(LEAVING, ORIGINAL, 1)
            else:
                self.view.copy(ENTERING, ORIGINAL, 0)
                self.view.copy(LEAVING, REPLY, 1)
        self.view.status_known = not notes & NOTE_STATUS_OPEN
        self.view.cause = self.tracker.table.w[translation * ROW_WORDS + W_NAT_CAUSE]
        self._route(b, i)
        self.view.move(i, 0)

    def _put_tuples(self, row, translation, notes):
        """The tuples of a connection."""
        if notes & NOTE_KEY_LEAVES:
            self._put_key(ORIGINAL, row, 0)
            self._put_key(REPLY, row, 1)
            self.view.hides[ORIGINAL] = notes >> 4 & 15
            return
        self._put_key(ORIGINAL, row, 0)
        self._put_key(LEAVING, translation, 0)
        self.view.hides[LEAVING] = notes & 15
        self.view.copy(REPLY, LEAVING, 1)

    def _put_key(self, which, row, turned):
        """The key of a row, or its inverse, as a tuple."""
        quad = row * ROW_QUADS
        ports = self.tracker.table.w[row * ROW_WORDS + W_PORTS]
        at = 4 * which
        source = 2 if turned else 0
        self.view.tuples[at + source] = self.tracker.table.q[quad + Q_SRC_HI]
        self.view.tuples[at + source + 1] = self.tracker.table.q[quad + Q_SRC_LO]
        self.view.tuples[at + 2 - source] = self.tracker.table.q[quad + Q_DST_HI]
        self.view.tuples[at + 3 - source] = self.tracker.table.q[quad + Q_DST_LO]
        self.view.ports[2 * which + (1 if turned else 0)] = ports & 0xFFFF
        self.view.ports[2 * which + (0 if turned else 1)] = ports >> 16
        self.view.hides[which] = 0

    def _meet_error(self, v, i, row, translation):
        """An ICMP error goes to whoever sent the quoted packet; that address is what NAT changes of it."""
        self._put_tuples(row, translation, self.tracker.table.w[translation * ROW_WORDS + W_NAT_NOTES])
        self.view.put(ENTERING, 0)
        hidden = self.view.hides[LEAVING]
        if v.direction[i] == DIR_REPLY:
            # Coming in it goes to the reply tuple's destination, going out to the original source.
            self._put_target(ENTERING, REPLY, 2)
            self.view.copy(LEAVING, ENTERING, 0)
            self._put_target(LEAVING, ORIGINAL, 0)
            self.view.hides[ENTERING] = (hidden & HIDE_SOURCE) << 1
        else:
            self._put_target(ENTERING, ORIGINAL, 2)
            self.view.copy(LEAVING, ENTERING, 0)
            self._put_target(LEAVING, REPLY, 0)
            self.view.hides[LEAVING] = hidden & HIDE_DESTINATION

    def _put_target(self, which, other, end):
        """Make the source (``end`` 0) or destination (2) of one tuple the destination of another."""
        self.view.tuples[4 * which + 2] = self.view.tuples[4 * other + end]
        self.view.tuples[4 * which + 3] = self.view.tuples[4 * other + end + 1]

    def _route(self, b, i):
        """Interfaces and path: by the source that the packet has and the destination that it gets."""
        self.view.move(i, 1)
        self.vantage.place_row(i)
        if self.view.hidden & HIDE_SOURCE:
            # An own address that is shown for a source may stand for a host behind the firewall, or be the firewall's.
            if b.path[i] == PATH_OUTPUT:
                b.path[i] = PATH_FORWARD
                self.view.ways |= 1 << PATH_OUTPUT
            b.iif[i] = IFACE_UNKNOWN
        if self.view.hidden & HIDE_DESTINATION:
            b.oif[i] = IFACE_UNKNOWN
            if b.path[i] != PATH_OUTPUT:
                b.path[i] = PATH_FORWARD
                self.view.ways |= 1 << PATH_INPUT

    def sides(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """What the packet at hand comes in with and leaves with (source, port, destination, port); None if a part of it is unknown."""
        view = self.view
        if view.hides[ENTERING] | view.hides[LEAVING]:
            return None
        both = []
        for which in (ENTERING, LEAVING):
            at, ports = 4 * which, 2 * which
            source, target = _whole(view.tuples[at], view.tuples[at + 1]), _whole(view.tuples[at + 2], view.tuples[at + 3])
            both.append((source, view.ports[ports], target, view.ports[ports + 1]))
        return both[0], both[1]

    def follow(self, i: int) -> None:
        """The first packet of a connection that a translated one announced: it is translated likewise, and meets no nat chain."""
        view, row = self.view, self.tracker.row
        self.tracker.table.w[row * ROW_WORDS + W_STATUS] |= STATUS_SRC_NAT_DONE | STATUS_DST_NAT_DONE
        leaving = self.tracker.relations.related.leaving
        if leaving is None:
            # It is shown where it goes out.
            return
        source, sport, target, dport = leaving
        low = 0xFFFFFFFFFFFFFFFF
        at, bits = 4 * LEAVING, 0
        if (source, sport) != (_whole(view.tuples[at], view.tuples[at + 1]), view.ports[2 * LEAVING]):
            bits |= STATUS_SRC_NAT
        if (target, dport) != (_whole(view.tuples[at + 2], view.tuples[at + 3]), view.ports[2 * LEAVING + 1]):
            bits |= STATUS_DST_NAT
        view.tuples[at], view.tuples[at + 1], view.tuples[at + 2], view.tuples[at + 3] = (
            source >> 64,
            source & low,
            target >> 64,
            target & low,
        )
        view.ports[2 * LEAVING], view.ports[2 * LEAVING + 1] = sport, dport
        view.copy(REPLY, LEAVING, 1)
        self.changed = 1
        self.tracker.table.w[row * ROW_WORDS + W_STATUS] |= bits
        self.verdicts.arrays["ct_status"][i] |= bits
        self._route(self.batch, i)
        view.move(i, 0)

    # A connection's first packet ------------------------------------------------------------------------------------------------------

    def begin_behind(self, i: int) -> None:
        """The first packet is seen where it goes out: what NAT may have changed of it is hidden, and its nat chains lie behind."""
        view = self.view
        packet = self._packet(i)
        is_own = self.batch.path[i] == PATH_OUTPUT
        view.deciding = 0
        hides = 0
        for plan in self.nats:
            if plan.l3 in (0, packet.l3):
                hides |= _may_have_changed(plan, packet, is_own)
        if not hides:
            return
        view.hides[ENTERING] = view.hides[ORIGINAL] = hides
        view.status_known = 0
        self.changed = 2
        self._route(self.batch, i)
        view.move(i, 0)

    def choose(self, i: int, slot: int) -> None:
        """The nat chains of a slot (NAT_) have spoken about packet ``i``: bring its view up to date."""
        view = self.view
        number = view.number[slot]
        is_source = slot != NAT_DESTINATION
        self.changed = 1
        if number:
            self._apply(i, self.nats[number - 1], slot)
        if view.unsure[slot]:
            view.status_known = 0
            view.cause = view.causes[slot]
            if is_source:
                view.hides[LEAVING] |= HIDE_SOURCE | HIDE_SPORT
            else:
                view.doubt = HIDE_DESTINATION | HIDE_DPORT
                path = self.batch.path[i]
                view.ways |= 1 << PATH_OUTPUT if path == PATH_OUTPUT else 1 << PATH_FORWARD | 1 << PATH_INPUT
        view.copy(REPLY, LEAVING, 1)

    def _apply(self, i: int, plan: Any, slot: int) -> None:
        """Translate as a statement says."""
        view = self.view
        is_source = slot != NAT_DESTINATION
        at = 4 * LEAVING + (0 if is_source else 2)
        packet = self._packet(i)
        own = self._own_address(i, plan.statement.kind, packet)
        values = view.values
        kept = (_whole(values[3 * slot], values[3 * slot + 1]), values[3 * slot + 2])
        earlier = self._earlier(i) if is_source else ()
        found = translate(plan, kept, packet, own, lambda wanted: self._taken(i, wanted), earlier)
        before = (packet.source, packet.sport) if is_source else (packet.target, packet.dport)
        if found.address is None:
            view.hides[LEAVING] |= HIDE_SOURCE if is_source else HIDE_DESTINATION
        else:
            view.tuples[at], view.tuples[at + 1] = found.address >> 64, found.address & 0xFFFFFFFFFFFFFFFF
        if found.port is None:
            view.hides[LEAVING] |= HIDE_SPORT if is_source else HIDE_DPORT
        else:
            view.ports[2 * LEAVING + (0 if is_source else 1)] = found.port
        if (found.address, found.port) != before:
            bit = STATUS_SRC_NAT if is_source else STATUS_DST_NAT
            self.tracker.table.w[self.tracker.row * ROW_WORDS + W_STATUS] |= bit
            self.verdicts.ct_status[i] |= bit
        if not is_source:
            self._route(self.batch, i)
            if plan.statement.kind == "redirect" and self.batch.path[i] != PATH_OUTPUT:
                # To the firewall itself, whatever its address is.
                self.batch.path[i] = PATH_INPUT
                self.batch.oif[i] = IFACE_NONE
                view.ways = 0

    def _earlier(self, i: int) -> list[Translation]:
        """What connections from the same address and port as packet ``i``'s leave with, the newest first."""
        view, b = self.view, self.batch
        at = 4 * ORIGINAL
        key = b.proto[i] | b.l3[i] << 8 | b.zone[i] << 16, view.tuples[at], view.tuples[at + 1], view.ports[2 * ORIGINAL]
        found = []
        for row, translation in reversed(self.sources.get(key, ())):
            if self._leaves(key, row, translation):
                at, ports = translation * ROW_QUADS, self.tracker.table.w[translation * ROW_WORDS + W_PORTS]
                hides = self.tracker.table.w[translation * ROW_WORDS + W_NAT_NOTES] & 15
                address = _whole(self.tracker.table.q[at + Q_SRC_HI], self.tracker.table.q[at + Q_SRC_LO])
                found.append(Translation(None if hides & HIDE_SOURCE else address, None if hides & HIDE_SPORT else ports & 0xFFFF))
        return found

    def _leaves(self, key: Any, row: int, translation: int) -> bool:
        """Whether a translation is still that of the connection from a source in a row, whose time is not over. Rows are used again."""
        table = self.tracker.table
        if self._source(row) != key:
            return False
        if table.w[translation * ROW_WORDS + W_STATUS] >> 24 != KIND_TRANSLATION or self.tracker.aliases.partner[row] != translation:
            return False
        return table.w[translation * ROW_WORDS + W_PARENT] == row and table.t[row * ROW_QUADS + Q_EXPIRES] > self.now

    def _note_source(self, row: int, translation: int) -> None:
        """A connection's source is translated: others from there get the same. Those of connections that ended are dropped now and then."""
        key = self._source(row)
        known = self.sources.get(key)
        if known is None:
            if len(self.sources) >= self.most_sources:
                self.sources = {each: rows for each, rows in self.sources.items() if any(self._leaves(each, *pair) for pair in rows)}
                self.most_sources = max(_FEW_SOURCES, 2 * len(self.sources))
            self.sources[key] = [(row, translation)]
        else:
            self.sources[key] = [*(pair for pair in known if self._leaves(key, *pair)), (row, translation)]

    def _source(self, row: int) -> tuple[int, int, int, int]:
        """Protocol, IP version and zone, address and port from which a connection began."""
        table, quad = self.tracker.table, row * ROW_QUADS
        ports = table.w[row * ROW_WORDS + W_PORTS]
        return table.w[row * ROW_WORDS + W_PROTO], table.q[quad + Q_SRC_HI], table.q[quad + Q_SRC_LO], ports & 0xFFFF

    def _packet(self, i: int) -> Packet:
        """The leaving tuple so far."""
        view = self.view
        source = _whole(view.tuples[4 * LEAVING], view.tuples[4 * LEAVING + 1])
        target = _whole(view.tuples[4 * LEAVING + 2], view.tuples[4 * LEAVING + 3])
        return Packet(self.batch.l3[i], self.batch.proto[i], source, target, view.ports[2 * LEAVING], view.ports[2 * LEAVING + 1])

    def _own_address(self, i: int, kind: str, packet: Packet) -> int | None:
        """The address that masquerade takes of the interface ahead, and redirect of the one behind, if just one is known."""
        if kind == "redirect" and self.batch.path[i] == PATH_OUTPUT:
            return 0x7F000001 if packet.l3 == 4 else 1
        interface = self.batch.oif[i] if kind == "masquerade" else self.batch.iif[i]
        found = self.own.get((interface, packet.l3), ())
        return found[0] if len(found) == 1 else None

    def _taken(self, i: int, wanted: Packet) -> bool:
        """Whether a connection in the table uses a leaving tuple, as its replies' inverse."""
        if self.view.hides[LEAVING]:
            return False
        self._write_tuple(i, wanted)
        used = self._in_use(i)
        self.view.move(i, self.view.stage)
        return used

    def _in_use(self, i: int) -> bool:
        """Whether a connection whose time is not over has the inverse of the tuple that row ``i`` shows now, as one of its two."""
        tracker, b = self.tracker, self.batch
        table = tracker.table
        kept = b.hash[i]
        tracker.keys.hash(b, i)
        tracker.keys.take(b, i)
        b.hash[i] = kept
        slot = table.find_from(table.key_hash & (table.slots - 1))
        while slot != table.slots:
            if self._holds(table.index[slot] & 0xFFFFFF):
                return True
            slot = table.find_from((slot + 1) & (table.slots - 1))
        return False

    def _holds(self, row: int) -> bool:
        """Whether a row, found by a tuple or its inverse, keeps the inverse from others."""
        table = self.tracker.table
        status = table.w[row * ROW_WORDS + W_STATUS]
        if status >> 24 == KIND_BLOCKED:
            return False
        turned = table.direction_of(row) == DIR_REPLY
        if status >> 24 == KIND_TRANSLATION:
            # Its replies come with the inverse of what it left with; nothing comes with that itself.
            if turned:
                return False
            row = table.w[row * ROW_WORDS + W_PARENT]
        elif not turned and status & ROW_TRANSLATED:
            return False
        return table.t[row * ROW_QUADS + Q_EXPIRES] > self.now

    def _write_tuple(self, i: int, packet: Packet) -> None:
        low = 0xFFFFFFFFFFFFFFFF
        self.batch.src_hi[i], self.batch.src_lo[i] = packet.source >> 64, packet.source & low
        self.batch.dst_hi[i], self.batch.dst_lo[i] = packet.target >> 64, packet.target & low
        self.batch.sport[i], self.batch.dport[i] = packet.sport, packet.dport

    def clashes(self, i: int) -> bool:
        """Whether another connection has the tuple that replies to packet ``i`` would have, so that the kernel drops the packet.

        Where no rule translates its source, the kernel gives it another source port instead, by chance. An ICMP error that quotes too
        little to be translated is dropped here, too.
        """
        view = self.view
        if self.changed == 3:
            return True
        if view.hides[LEAVING] | view.doubt or self.changed > 1:
            return False
        view.move(i, 2)
        used = self._in_use(i)
        view.restore(i)
        if not used or view.number[NAT_SOURCE] or self.batch.proto[i] not in CHANGEABLE:
            return used
        view.hides[LEAVING] |= HIDE_SPORT
        self.tracker.table.w[self.tracker.row * ROW_WORDS + W_STATUS] |= STATUS_SRC_NAT
        self.verdicts.ct_status[i] |= STATUS_SRC_NAT
        return False

    # Behind the rules -----------------------------------------------------------------------------------------------------------------

    def confirm(self, i: int, now: int) -> None:
        """The connection that packet ``i`` began is in the table: its translation follows."""
        behind = self.changed > 1
        self.changed = 0
        tracker, view, b = self.tracker, self.view, self.batch
        table = tracker.table
        row = tracker.row
        if not (row and tracker.fresh and table.w[row * ROW_WORDS + W_STATUS] >> 24 == 1):
            return
        translation = table.take()
        if translation == 0:
            return
        if behind:
            self._link(row, translation, view.hides[ORIGINAL] << 4 | NOTE_KEY_LEAVES | NOTE_STATUS_OPEN)
            return
        hides = view.hides[LEAVING] | view.doubt
        kept = b.hash[i]
        view.move(i, 2)
        tracker.keys.hash(b, i)
        tracker.keys.take(b, i)
        table.write_key(translation)
        view.restore(i)
        b.hash[i] = kept
        self._link(row, translation, hides | (0 if view.status_known else NOTE_STATUS_OPEN))
        if table.w[row * ROW_WORDS + W_STATUS] & STATUS_SRC_NAT:
            self._note_source(row, translation)
        if hides:
            self._wait(i, now, translation, row, hides)
        else:
            self._enter(translation)

    def _link(self, row: int, translation: int, notes: int) -> None:
        table = self.tracker.table
        table.w[translation * ROW_WORDS + W_STATUS] = KIND_TRANSLATION << 24
        table.w[translation * ROW_WORDS + W_PARENT] = row
        table.w[translation * ROW_WORDS + W_NAT_NOTES] = notes
        table.w[translation * ROW_WORDS + W_NAT_CAUSE] = self.view.cause
        table.t[translation * ROW_QUADS + Q_EXPIRES] = _NOBODY
        table.w[row * ROW_WORDS + W_STATUS] |= ROW_TRANSLATED
        self.tracker.aliases.partner[row] = translation

    def _enter(self, translation: int) -> None:
        table = self.tracker.table
        table.enter(translation)
        table.w[translation * ROW_WORDS + W_NAT_NOTES] |= NOTE_INDEXED

    # The same packet on both sides ------------------------------------------------------------------------------------------------------

    def _wait(self, i: int, now: int, translation: int, row: int, hides: int) -> None:
        """Look out for the frame that shows packet ``i`` going out."""
        while len(self.waiting) >= _MAX_WAITING:
            del self.waiting[next(iter(self.waiting))]
        self.waiting[self._telling(i, bool(hides & HIDE_DESTINATION))] = (now, translation, row)
        self.waiting_count = len(self.waiting)

    def _telling(self, i: int, anywhere: bool) -> tuple[Any, ...]:
        """What tells packet ``i`` from others and does not change on its way through NAT."""
        view, b = self.view, self.batch
        proto, l3 = b.proto[i], b.l3[i]
        start, end = b.payload_off[i], b.end_off[i]
        payload = bytes(b.buffer[start : min(end, start + _TELLING_BYTES)]) if 0 < start < end else b""
        target: tuple[int, ...] = ()
        if not anywhere:
            target = (b.dst_hi[i], b.dst_lo[i], b.dport[i])
            if view.deciding:
                target = (view.tuples[4 * LEAVING + 2], view.tuples[4 * LEAVING + 3], view.ports[2 * LEAVING + 1])
        numbers = [b.ip_id[i], b.l4_len[i], b.tos[i]]
        if proto == PROTO_TCP:
            numbers += [b.seq[i], b.ack[i], b.tcp_flags[i]]
        elif proto in (PROTO_ICMP, PROTO_ICMPV6):
            numbers += [b.icmp_type[i], b.sport[i]]
        return (l3, proto, target, payload, *numbers)

    def adopt(self, i: int, now: int) -> bool:
        """Whether packet ``i``, which seems to open a connection, is one that just went in, now behind its translation."""
        tracker = self.tracker
        self.view.deciding = 0
        for anywhere in (False, True):
            key = self._telling(i, anywhere)
            found = self.waiting.get(key)
            if found is None:
                continue
            since, translation, row = found
            if now - since > _DELAY_NS:
                del self.waiting[key]
                continue
            if not self._fits(i, translation, row):
                continue
            del self.waiting[key]
            self.waiting_count = len(self.waiting)
            self._learn(i, translation, row)
            tracker.table.release(tracker.row)
            tracker.row, tracker.fresh, tracker.known, tracker.quoted = 0, 0, row, 1
            return True
        self.waiting_count = len(self.waiting)
        return False

    def _fits(self, i: int, translation: int, row: int) -> bool:
        """Whether the translation is still the connection's, and packet ``i`` has the parts of its tuple that are known."""
        table, columns = self.tracker.table, self.batch.arrays
        status = table.w[translation * ROW_WORDS + W_STATUS]
        if status >> 24 != KIND_TRANSLATION or table.w[translation * ROW_WORDS + W_PARENT] != row:
            return False
        notes = table.w[translation * ROW_WORDS + W_NAT_NOTES]
        quad, ports = translation * ROW_QUADS, table.w[translation * ROW_WORDS + W_PORTS]
        same = [
            (HIDE_SOURCE, int(columns["src_hi"][i]) == table.q[quad + Q_SRC_HI] and int(columns["src_lo"][i]) == table.q[quad + Q_SRC_LO]),
            (
                HIDE_DESTINATION,
                int(columns["dst_hi"][i]) == table.q[quad + Q_DST_HI] and int(columns["dst_lo"][i]) == table.q[quad + Q_DST_LO],
            ),
        ]
        if int(columns["proto"][i]) not in (PROTO_ICMP, PROTO_ICMPV6):
            same.append((HIDE_SPORT, int(columns["sport"][i]) == ports & 0xFFFF))
            same.append((HIDE_DPORT, int(columns["dport"][i]) == ports >> 16))
        if notes & NOTE_INDEXED or notes & NOTE_KEY_LEAVES:
            return False
        return all(held or notes & bit for bit, held in same)

    def _learn(self, i: int, translation: int, row: int) -> None:
        """The frame of packet ``i`` shows the leaving tuple."""
        tracker, table = self.tracker, self.tracker.table
        source = [table.q[row * ROW_QUADS + quad] for quad in range(4)]
        tracker.keys.take(self.batch, i)
        table.write_key(translation)
        new = [table.q[translation * ROW_QUADS + quad] for quad in range(4)]
        ports, original = table.w[translation * ROW_WORDS + W_PORTS], table.w[row * ROW_WORDS + W_PORTS]
        bits = STATUS_SRC_NAT if new[:2] != source[:2] or ports & 0xFFFF != original & 0xFFFF else 0
        bits |= STATUS_DST_NAT if new[2:] != source[2:] or ports >> 16 != original >> 16 else 0
        status = table.w[row * ROW_WORDS + W_STATUS]
        table.w[row * ROW_WORDS + W_STATUS] = status | bits
        table.w[translation * ROW_WORDS + W_NAT_NOTES] = NOTE_SEEN_BEHIND
        self._enter(translation)


def _whole(high: Any, low: Any) -> int:
    """An address of its halves; their sum has no C type."""
    address: int = high << 64 | low
    return address


def _may_have_changed(plan: Any, packet: Packet, is_own: bool) -> int:
    """HIDE_ bits of what a NAT statement may have given to a packet that is seen behind it."""
    kind = plan.statement.kind
    if kind == "masquerade":
        return HIDE_SOURCE | HIDE_SPORT if is_own else 0
    if kind == "redirect":
        return 0
    address, hides = (packet.source, HIDE_SOURCE | HIDE_SPORT) if kind == "snat" else (packet.target, HIDE_DESTINATION | HIDE_DPORT)
    known = bool(plan.addresses) and not plan.reads_address
    return 0 if known and not any(each and each[0][0] <= address <= each[0][1] for each in plan.addresses) else hides


def _own_addresses(topology: Topology) -> dict[tuple[int, int], list[int]]:
    """Own addresses by zone and IP version: those that interfaces have."""
    found: dict[tuple[int, int], list[int]] = {}
    for own in topology.own:
        if own.prefixlen != own.max_prefixlen:
            continue
        holding = [
            (prefix.prefixlen, -index)
            for index, zone in enumerate(topology.zones)
            for prefix in zone.prefixes
            if prefix.version == own.version and own.network_address in prefix
        ]
        if holding:
            found.setdefault((-max(holding)[1], own.version), []).append(int(own.network_address))
    return found
