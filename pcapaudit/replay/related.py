"""Between the packets of a batch and the helpers: which connections a helper reads, what it is shown, and what its expectations become.

The compiled loop calls back here for three rare things only: a packet of a connection that has a helper (``read``), a new connection to a
port for which something is pending (``arrive``), the end of a connection that had a helper (``forget``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack.expectations import Death, Expectation, Expectations, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import Answer, Control, Desk
from pcapaudit.conntrack.helpers.registry import BY_NUMBER, DEFAULT_PARAMS
from pcapaudit.conntrack.layout import (
    HELPER_IPV4,
    HELPER_IPV6,
    HELPER_SHIFT,
    Q_EXPIRES,
    ROW_QUADS,
    ROW_WORDS,
    W_FLOW,
    W_MARK,
    W_PARENT,
    W_STATUS,
)
from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig
    from pcapaudit.conntrack.tracker import Tracker
    from pcapaudit.core.columns import VerdictBatch

__all__ = ["Related"]

_BLIND = np.uint64(1 << consts.ANOM_HELPER_BLIND)
_LIMIT = np.uint64(1 << consts.ANOM_EXPECT_LIMIT)
_LOW = (1 << 64) - 1
_TRANSLATED = consts.STATUS_SRC_NAT | consts.STATUS_DST_NAT
_PORTED = frozenset({consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_GRE})


class Related:
    """Helpers and expectations of one run. The tracker's ``relations`` call it."""

    def __init__(
        self,
        config: ConntrackConfig,
        batch: PacketBatch,
        verdicts: VerdictBatch,
        tracker: Tracker,
        networks: Iterable[IPv4Network | IPv6Network] = (),
    ) -> None:
        self._batch, self._verdicts, self._relations = batch, verdicts, tracker.relations
        view = memoryview(tracker.table.memory)
        self._words, self._times = view.cast("I"), view.cast("q")
        self.expectations = Expectations(config.expect_max, self._gone)
        params = {**DEFAULT_PARAMS, **config.helper_params}
        self.desk = Desk(self.expectations, params, self._kill, self._refresh, self._doubt, self._translate, self._netmask)
        self._helpers = {each.number: replace(each, policies=each.tune(params)) if each.tune else each for each in BY_NUMBER.values()}
        self._networks = {int(each.broadcast_address): int(each.netmask) for each in networks if each.version == 4 and each.prefixlen < 31}
        #: Connections with a helper, by row.
        self.masters: dict[int, Master] = {}
        #: Row of a connection that was expected and has a helper of its own → the helper that announced it.
        self.announcers: dict[int, int] = {}
        #: Row of a connection that was expected → the one that announced it, where its helper wants to hear of the end.
        self._children: dict[int, Master] = {}
        #: Hosts between which something may have been announced that the capture does not hold: (version, protocol, source, destination,
        #: zone), -1 for any host → until when, ns.
        self._blind: dict[tuple[int, int, int, int, int], int] = {}
        #: Says what the packet at hand comes in and leaves with, where the rules translate connections.
        self.sides: Callable[[], tuple[tuple[int, ...], tuple[int, ...]] | None] = lambda: None
        #: The packet at hand: its tuple as shown, and ``sides`` if its connection is translated.
        self._shown: Tuple | None = None
        self._both: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        #: What the new connection at hand leaves as: source, port, destination, port; None if it is shown as it leaves.
        self.leaving: tuple[int, int, int, int] | None = None
        self._now = 0
        #: A packet that never came, to look tuples up.
        self._aside = PacketBatch()
        self._keys = tracker.keys
        #: What the tracker was told last: expectations, blind pairs, keys.
        self._counted = (0, 0, 0)
        self._take_columns()
        self._relations.watch(self, memoryview(self.expectations.ports), _ports_of(config), by_tuple=bool(config.helper))

    def _take_columns(self) -> None:
        """The columns that every packet of a control channel needs: elements of a memory view are plain numbers."""
        column, said = self._batch.arrays, self._verdicts.arrays
        #: Whose memory the batch shows.
        self._column = column
        self._starts, self._sizes, self._ends, self._seqs, self._paths = (
            memoryview(column[name]) for name in ("payload_off", "payload_len", "end_off", "seq", "path")
        )
        self._directions, self._states = memoryview(said["direction"]), memoryview(said["ct_state"])

    # Called by the loop -----------------------------------------------------------------------------------------------------------

    def read(self, i: int, row: int, now: int) -> int:
        """Show packet ``i`` of the connection in ``row`` to its helper. Returns an Answer."""
        self._now = now
        if self._column is not self._batch.arrays:
            self._take_columns()
        master = self.masters.get(row) or self._master(i, row)
        self._both = None
        if self._words[row * ROW_WORDS + W_STATUS] & _TRANSLATED:
            self._see(i, master)
        start, size = self._starts[i], self._sizes[i]
        packet = Control(
            self._directions[i],
            self._states[i] == consts.CT_ESTABLISHED,
            self._batch.buffer[start : min(start + size, self._ends[i])].tobytes() if start else b"",
            size,
            self._seqs[i],
            now,
            self._batch.first_frame + i if i < self._batch.count else 0,
            self._paths[i] == consts.PATH_OUTPUT,
        )
        answer = master.helper.read(packet, master, self.desk)
        if answer == Answer.BLIND:
            self._batch.arrays["anomalies"][i] |= _BLIND
            self._go_blind(master, now)
            answer = Answer.ACCEPT
        if self.desk.full:
            self._batch.arrays["anomalies"][i] |= _LIMIT
            self.desk.full = False
        self._count()
        return int(answer)

    def arrive(self, i: int, row: int, now: int) -> int:
        """A new connection, packet ``i``, its unconfirmed entry in ``row``: was it announced? Returns 1 if nobody can say."""
        self._now = now
        wanted = self._tuple(i)
        self._pending(wanted, now)
        found = self.expectations.arrive(wanted, now, row)
        self._count()
        if found is None:
            return int(bool(self._blind) and self._unsure(wanted, now))
        if found.leaves is not None:
            self._follow(wanted, found.leaves)
        word, master = row * ROW_WORDS, found.master
        self._words[word + W_PARENT] = self._words[master.row * ROW_WORDS + W_FLOW]
        self._words[word + W_MARK] = self._words[master.row * ROW_WORDS + W_MARK]
        status = self._words[word + W_STATUS] | consts.STATUS_EXPECTED
        if master.helper.child_ended is not None:
            self._children[row] = master
        if found.helper:
            self.announcers[row] = master.helper.number
            status |= consts.STATUS_HELPER | found.helper << HELPER_SHIFT
        else:
            status |= master.helper.number << HELPER_SHIFT
        self._words[word + W_STATUS] = status
        return 0

    def _pending(self, wanted: Tuple, now: int) -> Expectation | None:
        """What is expected with this tuple, by a connection whose time is not over (which nobody may have noticed yet)."""
        pending = self.expectations.find(wanted, now)
        if pending is not None and self._times[pending.master.row * ROW_QUADS + Q_EXPIRES] <= now:
            self.forget(pending.master.row, now)
            return self.expectations.find(wanted, now)
        return pending

    def forget(self, row: int, when: int) -> None:
        """The connection in ``row`` ended, or never came to be."""
        self.announcers.pop(row, None)
        self._end_child(row)
        master = self.masters.pop(row, None)
        if master is None:
            return
        if master.helper.ended is not None:
            master.helper.ended(master, self.desk, when)
        self.expectations.forget(master, Death.ORPHANED, when)
        self._count()

    # Behind it --------------------------------------------------------------------------------------------------------------------

    def read_error(self, row: int, now: int) -> None:
        """An ICMP error in the original direction about the connection in ``row``: Linux shows it to the helper as if it were UDP."""
        self._now = now
        master = self.masters.get(row)
        if master is not None and master.helper.quoted is not None:
            master.helper.quoted(master, self.desk)

    def spend(self, i: int, now: int) -> None:
        """Packet ``i`` fits what is expected, and is no connection's first: it uses the expectation up all the same."""
        found = self._pending(self._tuple(i), now)
        if found is not None and not found.inactive and not found.permanent:
            self.expectations.remove(found, Death.USED, now)
        self._count()

    def _master(self, i: int, row: int) -> Master:
        """A connection that its helper sees for the first time."""
        status = self._words[row * ROW_WORDS + W_STATUS]
        helper = self._helpers[status >> HELPER_SHIFT & 15]
        seen = self._tuple(i)
        original = seen.turned() if self._verdicts.arrays["direction"].item(i) == consts.DIR_REPLY else seen
        master = self.masters[row] = Master(row, helper, original, helper.state(), expected=bool(status & consts.STATUS_EXPECTED))
        return master

    def _tuple(self, i: int) -> Tuple:
        """The tuple of packet ``i`` as it stands."""
        column = self._batch.arrays
        proto = column["proto"].item(i)
        ports = (column["sport"].item(i), column["dport"].item(i)) if proto in _PORTED else (0, 0)
        return Tuple(
            column["l3"].item(i),
            proto,
            column["src_hi"].item(i) << 64 | column["src_lo"].item(i),
            ports[0],
            column["dst_hi"].item(i) << 64 | column["dst_lo"].item(i),
            ports[1],
            column["zone"].item(i),
        )

    def _count(self) -> None:
        """Tell the tracker whether new connections are worth a look."""
        counted = self.expectations.count, len(self._blind), len(self.desk.keys)
        if counted == self._counted:
            return
        self._counted = counted
        self._relations.blind = len(self._blind)
        self._relations.keyed = bool(self.desk.keys)
        self._relations.expecting = self.expectations.count + len(self._blind)

    def _gone(self, gone: Expectation, why: Death, now: int) -> None:
        """An expectation is no longer pending."""

    def find_key(self, i: int) -> None:
        """Give packet ``i``, version 1 of GRE, the key of its sender, if a helper knows it."""
        column = self._batch.arrays
        start = column["l4_off"].item(i)
        if self._batch.buffer[start + 1] & 7 == 1:
            seen = self._tuple(i)
            known = self.desk.keys.get((seen.l3, seen.src, seen.dst, seen.dport))
            column["sport"][i] = known[0] if known else 0

    def _kill(self, wanted: Tuple, now: int) -> bool:
        """End the connection with a tuple at once."""
        array = self._aside.arrays
        for end, address, port in (("src", wanted.src, "sport"), ("dst", wanted.dst, "dport")):
            array[f"{end}_hi"][0], array[f"{end}_lo"][0] = address >> 64, address & _LOW
            array[port][0] = wanted.sport if port == "sport" else wanted.dport
        array["l3"][0], array["proto"][0], array["zone"][0] = wanted.l3, wanted.proto, wanted.zone
        row = self._keys.peek_aside(self._aside, 0)
        at = row * ROW_QUADS + Q_EXPIRES
        if row == 0 or self._times[at] <= now:
            return False
        self._times[at] = now
        self._end_child(row)
        return True

    def _end_child(self, row: int) -> None:
        """Tell whoever announced the connection in ``row`` that it ended."""
        parent = self._children.pop(row, None)
        if parent is not None and parent.helper.child_ended is not None:
            parent.helper.child_ended(parent, self.desk, row)
            self._count()

    def _netmask(self, address: int) -> int:
        """Mask of the network of this broadcast address; 0 if the topology has none."""
        return self._networks.get(address, 0)

    def _refresh(self, master: Master, ns: int) -> None:
        """Give a master's connection ``ns`` from now on."""
        if not self._words[master.row * ROW_WORDS + W_STATUS] & consts.STATUS_FIXED_TIMEOUT:
            self._times[master.row * ROW_QUADS + Q_EXPIRES] = self._now + ns

    # NAT --------------------------------------------------------------------------------------------------------------------------------

    def _see(self, i: int, master: Master) -> None:
        """A packet of a translated connection: the helper reads it as the capture shows it, addresses in the payload and all."""
        shown = self._tuple(i)
        master.original = shown.turned() if self._directions[i] == consts.DIR_REPLY else shown
        self._shown, self._both = shown, self.sides() if master.helper.follows_nat else None

    def _translate(self, wanted: Expectation, outcome: Outcome) -> Outcome:
        """Who is expected may be seen on either side of the firewall. It comes in where the announcement went out.

        Where another expectation is in the way the kernel announces another port: which one the capture need not show, so that whatever
        begins between the two is undecidable.
        """
        if self._both is None or self._shown is None or outcome not in (Outcome.MADE, Outcome.CLASH):
            return outcome
        enters, leaves = (self._put(wanted.tuple, self._shown, place) for place in reversed(self._both))
        if outcome == Outcome.CLASH:
            for each in (enters, leaves):
                self._doubt(each, wanted.master.helper.policies[wanted.kind].timeout_ns)
            return Outcome.MADE
        # Whoever comes is shown as the one whom the announcement was sent to.
        wanted.leaves = replace(leaves, src=self._both[0][2])
        for each in (enters, leaves):
            if each != wanted.tuple:
                self.expectations.mirror(wanted, each)
        return outcome

    def _put(self, wanted: Tuple, shown: Tuple, place: tuple[int, ...]) -> Tuple:
        """What is expected, as the side of the firewall has it on which the announcement's packet has this tuple."""
        source, sport, target, _ = place
        return replace(
            wanted,
            src=target if wanted.src == shown.dst else wanted.src,
            dst=source if wanted.dst == shown.src else wanted.dst,
            dport=sport if wanted.dst == shown.src and wanted.dport == shown.sport else wanted.dport,
        )

    def _follow(self, comer: Tuple, leaves: Tuple) -> None:
        """A connection that a translated one announced has come."""
        shown_behind = (comer.src, comer.dst, comer.dport) == (leaves.src, leaves.dst, leaves.dport)
        self.leaving = None if shown_behind else (leaves.src, comer.sport, leaves.dst, leaves.dport)
        self._relations.follows = 1

    # Blindness --------------------------------------------------------------------------------------------------------------------

    def _go_blind(self, master: Master, now: int) -> None:
        """What a helper could not read may have announced something: remember between whom, as long as it would have been pending."""
        helper, one = master.helper, master.original
        until = now + max(policy.timeout_ns for policy in helper.policies)
        for proto in helper.announces:
            for source, target in ((one.dst, one.src), (one.src, one.dst)):
                ends = -1 if helper.from_anywhere else source, -1 if helper.to_anybody else target
                self._remember((one.l3, proto, *ends, one.zone), until)

    def _doubt(self, wanted: Tuple, ns: int) -> None:
        """Nobody can say whether a helper expects this: remember it for so long."""
        self._remember((wanted.l3, wanted.proto, wanted.src, wanted.dst, wanted.zone), self._now + ns)

    def _remember(self, ends: tuple[int, int, int, int, int], until: int) -> None:
        if len(self._blind) >= self.expectations.limit:
            self._blind = {key: end for key, end in self._blind.items() if end > self._now}
            while len(self._blind) >= self.expectations.limit:
                del self._blind[next(iter(self._blind))]
        self._blind[ends] = max(until, self._blind.get(ends, 0))

    def _unsure(self, wanted: Tuple, now: int) -> bool:
        """Whether a new connection may be one that was announced unseen."""
        return any(
            self._blind.get((wanted.l3, wanted.proto, source, target, wanted.zone), 0) > now
            for source in (wanted.src, -1)
            for target in (wanted.dst, -1)
        )


def _ports_of(config: ConntrackConfig) -> Any:
    """Which helper reads new connections to a port: a byte for each of TCP, then of UDP: HELPER_ and HELPER_IPV bits."""
    table = bytearray(2 * 65536)
    wanted = list(config.helper_ports)
    if config.helper:
        wanted += [(each.name, each.port) for each in BY_NUMBER.values() if each.port]
    for name, port in wanted:
        helper = next(each for each in BY_NUMBER.values() if each.name == name)
        bits = helper.number | (HELPER_IPV4 if 4 in helper.versions else 0) | (HELPER_IPV6 if 6 in helper.versions else 0)
        for proto in helper.protos:
            table[port + (65536 if proto == consts.PROTO_UDP else 0)] = bits
    return memoryview(table)
