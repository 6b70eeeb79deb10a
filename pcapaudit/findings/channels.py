"""Control channels as detectors read them: what is announced, whether a helper was there to hear it, and who comes.

The helpers of ``conntrack/helpers`` are run once more, on every control channel of a well-known port, of a port that ``--helper`` or a rule
gives a helper, and on those that such a channel announces, whether the firewall gave it a helper or not. A channel on a port that nobody
has named is not recognised: that would take a look at the payload of every packet, where these packets are told by their columns.
What they announce is kept in a table of its own, in which nothing is used up: a SYN that is sent again fits again.
Detectors look at the ``Heard`` of each batch; the first that asks has it made.

Bounded: channels, expectations and what is remembered of dead ones have limits; the oldest go first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack.expectations import Death, Expectation, Expectations, Master, Tuple
from pcapaudit.conntrack.helpers.ftp import Announcement, announcement
from pcapaudit.conntrack.helpers.helper import NS, Control, Desk, Helper
from pcapaudit.conntrack.helpers.registry import BY_NAME, BY_NUMBER, DEFAULT_PARAMS
from pcapaudit.core import consts
from pcapaudit.rules.helper_ports import helper_ports

if TYPE_CHECKING:
    from pcapaudit.findings.scene import Scene, View

__all__ = ["Arrival", "Channels", "Heard", "Said", "Secret", "rule_to_add"]

_MAX_CHANNELS = 4096
_MAX_PENDING = 16384
#: How long a dead expectation is remembered, and how many.
_LATE_NS = 3600 * NS
_MAX_DEAD = 4096
#: Helpers whose ports are listened to. What is announced on channels without a known port (H.245), and to everybody (NetBIOS, SNMP), is
#: not looked for.
_HEARD = ("ftp", "tftp", "sip", "irc", "pptp", "sane", "amanda", "Q.931", "RAS")


@dataclass(frozen=True, slots=True)
class Said:
    """An FTP announcement."""

    row: int
    direction: int
    what: Announcement


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet that begins a connection which was announced."""

    row: int
    expectation: Expectation
    #: Port of the control channel that a rule would have to name: of the first, where one was announced by another.
    port: int = 0
    #: Its time was over already; its source is not the announced one; nobody but this table expected it.
    late: bool = False
    other_host: bool = False
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A control channel that goes on encrypted."""

    row: int
    #: Number of its flow, and whether it has a helper.
    flow: int
    helped: bool


@dataclass(slots=True)
class Heard:
    """What one batch brought."""

    said: list[Said] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    #: Packets refused between the ends of an encrypted channel: row, flow of the channel.
    behind_secrets: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Channel:
    """A control channel."""

    master: Master
    #: The client asked for TLS; it was agreed.
    asked: bool = False
    secret: bool = False


class Channels:
    """The control channels of one run."""

    def __init__(self, scene: Scene) -> None:
        config = getattr(scene.context, "conntrack", None)
        self._ports: dict[tuple[int, int], Helper] = {}
        wanted = [(name, BY_NAME[name].port) for name in _HEARD]
        given = getattr(scene.context, "ruleset", None)
        of_rules = sorted(each for each in helper_ports(given) if each[0] in BY_NAME) if given is not None else []
        for name, port in (*wanted, *of_rules, *(config.helper_ports if config is not None else ())):
            for proto in BY_NAME[name].protos:
                self._ports[proto, port] = BY_NAME[name]
        scene.marks.watch(port for _, port in self._ports)
        self._table = Expectations(_MAX_PENDING, self._died)
        self._desk = Desk(self._table, {**DEFAULT_PARAMS, **(config.helper_params if config is not None else {})})
        self._channels: OrderedDict[int, _Channel] = OrderedDict()
        #: Numbers of expectations that somebody came for.
        self._met: set[int] = set()
        #: Expectations whose time was over before anybody came, by destination.
        self._dead: OrderedDict[tuple[int, int, int, int], Expectation] = OrderedDict()
        #: Ends of encrypted channels → flow.
        self._secrets: OrderedDict[tuple[int, int], int] = OrderedDict()
        #: Connections that a helper announced for a helper (a call to a registered telephone): both tuples → by whom, for whom.
        self._heirs: OrderedDict[Tuple, Expectation] = OrderedDict()
        #: Flow of a channel that another announced → port of the first.
        self._roots: OrderedDict[int, int] = OrderedDict()
        #: Those that nobody came for, of channels with a helper, since the last ``take_unused``.
        self._unused: list[tuple[Expectation, Death]] = []
        self._now = 0
        self._any = False
        self._heard: tuple[View, Heard] | None = None

    @property
    def any(self) -> bool:
        """Whether there was a channel: before that, nobody is heard."""
        return self._any

    def heard(self, view: View) -> Heard:
        """What a batch brought; made once."""
        if self._heard is None or self._heard[0] is not view:
            self._heard = view, self._listen(view)
        return self._heard[1]

    def take_unused(self) -> list[tuple[Expectation, Death]]:
        """Expectations of channels with a helper that died without anybody coming, since the last call."""
        unused, self._unused = self._unused, []
        return unused

    def ended(self, flows: Any) -> None:
        """Flows ended: their channels are over."""
        if self._channels:
            for flow in flows[np.isin(flows, np.fromiter(self._channels, np.uint32, len(self._channels)))].tolist():
                channel = self._channels.pop(flow, None)
                if channel is not None:
                    self._table.forget(channel.master, Death.ORPHANED, self._now)

    def finish(self) -> None:
        """The capture is over."""
        for channel in self._channels.values():
            self._table.forget(channel.master, Death.LEFT, self._now)

    # A batch ------------------------------------------------------------------------------------------------------------------------

    def _listen(self, view: View) -> Heard:
        heard = Heard()
        said, come = view.marked["control"], view.marked["newcomer"]
        if not len(said) and not (len(self._table) or self._dead or self._secrets):
            return heard
        stops = [*said.tolist(), view.count]
        start = 0
        for stop in stops:
            if len(self._table) or self._dead or self._secrets:
                self._greet(view, come[(come >= start) & (come <= stop)], heard)
            if stop < view.count:
                self._hear(view, stop, heard)
            start = stop + 1
        return heard

    def _hear(self, view: View, row: int, heard: Heard) -> None:
        """A packet of a control channel."""
        flow, proto = int(view["flow"][row]), int(view["proto"][row])
        if not flow or view["verdict"][row] != consts.VERDICT_ACCEPT or view["ct_state"][row] == consts.CT_INVALID:
            return
        self._now = int(view["ts_ns"][row])
        channel = self._channels.get(flow) or self._open(view, row, flow, proto)
        if channel is None or channel.secret:
            return
        direction = int(view["direction"][row])
        data = view.payload(row, 65535)
        if channel.master.helper.name == "ftp":
            self._hear_ftp(heard, row, channel, direction, data)
        packet = Control(
            direction,
            view["ct_state"][row] == consts.CT_ESTABLISHED,
            data,
            int(view["payload_len"][row]),
            int(view["seq"][row]),
            self._now,
            view.frame(row),
        )
        channel.master.helper.read(packet, channel.master, self._desk)

    def _open(self, view: View, row: int, flow: int, proto: int) -> _Channel | None:
        """A channel that is heard for the first time, if it is one."""
        direction = int(view["direction"][row])
        server = "sport" if direction == consts.DIR_REPLY else "dport"
        seen = _tuple(view, row)
        heir = self._heirs.get(seen)
        helper = self._ports.get((proto, int(view[server][row]))) if heir is None else BY_NUMBER[heir.helper]
        if helper is None or int(view["l3"][row]) not in helper.versions:
            return None
        self._any = True
        original = seen.turned() if direction == consts.DIR_REPLY else seen
        status = int(view["ct_status"][row])
        expected, helped = bool(status & consts.STATUS_EXPECTED), bool(status & consts.STATUS_HELPER)
        master = Master(flow, helper, original, helper.state(), expected=expected, helped=helped)
        if len(self._channels) >= _MAX_CHANNELS:
            _, oldest = self._channels.popitem(last=False)
            self._table.forget(oldest.master, Death.ORPHANED, self._now)
        channel = self._channels[flow] = _Channel(master)
        if heir is not None:
            if len(self._roots) >= _MAX_CHANNELS:
                self._roots.popitem(last=False)
            self._roots[flow] = self._roots.get(heir.master.row, heir.master.original.dport)
        return channel

    def _hear_ftp(self, heard: Heard, row: int, channel: _Channel, direction: int, data: bytes) -> None:
        """FTP's announcements as they stand, and the word that makes it fall silent."""
        _, what = announcement(data, direction, channel.master.original.l3)
        if what is not None:
            heard.said.append(Said(row, direction, what))
        if direction == consts.DIR_ORIGINAL:
            channel.asked |= data[:5].upper() == b"AUTH "
        elif channel.asked and data[:4] in (b"234 ", b"334 "):
            channel.secret = True
            heard.secrets.append(Secret(row, channel.master.row, channel.master.helped))
            ends = channel.master.original.src, channel.master.original.dst
            if len(self._secrets) >= _MAX_CHANNELS:
                self._secrets.popitem(last=False)
            self._secrets[ends] = self._secrets[ends[1], ends[0]] = channel.master.row

    def _greet(self, view: View, rows: Any, heard: Heard) -> None:
        """Packets that begin connections: which of them were announced?"""
        if not len(rows):
            return
        wanted = np.frombuffer(self._table.ports, np.uint16)[view["dport"][rows]] > 0
        if self._dead or self._secrets:
            wanted[:] = True
        for row in rows[wanted].tolist():
            self._now = int(view["ts_ns"][row])
            arrival = self._arrival(view, row)
            if arrival is not None:
                heard.arrivals.append(arrival)
            elif self._secrets and view["verdict"][row] >= consts.VERDICT_DROP:
                flow = self._secrets.get((_tuple(view, row).src, _tuple(view, row).dst))
                if flow is not None:
                    heard.behind_secrets.append((row, flow))

    def _arrival(self, view: View, row: int) -> Arrival | None:
        comer = _tuple(view, row)
        found = self._table.find(comer, self._now)
        if found is not None:
            self._met.add(found.number)
            if found.helper:
                self._inherit(comer, found)
            port = self._roots.get(found.master.row, found.master.original.dport)
            return Arrival(row, found, port, unheard=not found.master.helped)
        other = self._table.at(comer, self._now)
        if other is not None:
            return Arrival(row, other, other_host=True)
        dead = self._dead.get((comer.l3, comer.proto, comer.dst, comer.dport))
        if dead is not None and dead.fits(comer) and self._now - dead.expires <= _LATE_NS:
            return Arrival(row, dead, late=True)
        return None

    def _inherit(self, comer: Tuple, found: Expectation) -> None:
        """A connection has come that a helper reads as well."""
        if len(self._heirs) >= _MAX_CHANNELS:
            for _ in range(2):
                self._heirs.popitem(last=False)
        self._heirs[comer] = self._heirs[comer.turned()] = found

    def _died(self, gone: Expectation, why: Death, _: int) -> None:
        """An expectation is over."""
        if gone.number in self._met:
            self._met.discard(gone.number)
            return
        if not gone.master.helped or why not in (Death.EXPIRED, Death.ORPHANED, Death.LEFT):
            return
        if why == Death.EXPIRED:
            if len(self._dead) >= _MAX_DEAD:
                self._dead.popitem(last=False)
            self._dead[gone.tuple.l3, gone.tuple.proto, gone.tuple.dst, gone.tuple.dport] = gone
        self._unused.append((gone, why))


def _tuple(view: View, row: int) -> Tuple:
    """The tuple of a packet."""
    return Tuple(
        int(view["l3"][row]),
        int(view["proto"][row]),
        int(view["src_hi"][row]) << 64 | int(view["src_lo"][row]),
        int(view["sport"][row]),
        int(view["dst_hi"][row]) << 64 | int(view["dst_lo"][row]),
        int(view["dport"][row]),
        int(view["zone"][row]),
    )


def rule_to_add(helper: Helper, proto: str, port: int) -> str:
    """The nftables rules that give a helper its port."""
    name = f"{helper.name}-{port}"
    return (
        f'ct helper {name} {{ type "{helper.name}" protocol {proto}; }} in the table, and in a chain at "hook prerouting priority filter": '
        f'{proto} dport {port} ct helper set "{name}"'
    )
