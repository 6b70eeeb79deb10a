"""What detectors share: the run's context and, for the batch at hand, columns and masks that several of them need.

A detector costs next to nothing while nothing is wrong: ``Scene.view`` sorts the rows of a batch once (``marks``), and each detector
looks at the short lists that concern it. None goes through the columns of a batch again.

One packet belongs to one finding: a detector **claims** the rows it has explained, and those behind it in the registry's order leave
them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.addresses import address_text, endpoint_text
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import PATH_INPUT, PROTO_TCP, VERDICT_DROP
from pcapaudit.findings.channels import Channels
from pcapaudit.findings.marks import Marks
from pcapaudit.findings.past import Past, Stretch
from pcapaudit.findings.recent import tuple_keys
from pcapaudit.findings.thresholds import Thresholds, with_defaults

if TYPE_CHECKING:
    from pcapaudit.findings.udp_hole_punch import Path
    from pcapaudit.replay.consumer import Context

__all__ = ["SERVICE_PORTS", "FlowView", "Refusal", "Scene", "View", "address_text", "endpoint_text", "flow_ends", "flow_hosts", "sides_of"]

Made = TypeVar("Made")

#: Reasons that need a connection whose state or window the packet does not fit.
_OF_A_CONNECTION = np.zeros(0x10000, np.bool_)
_OF_A_CONNECTION[
    [
        consts.REASON_TCP_STATE,
        consts.REASON_TCP_SEQ_OVER,
        consts.REASON_TCP_SEQ_UNDER,
        consts.REASON_TCP_ACK_OVER,
        consts.REASON_TCP_ACK_UNDER,
        consts.REASON_TCP_RST_SEQ,
        consts.REASON_ICMP_QUOTE_MISMATCH,
        consts.REASON_SCTP_VTAG,
        consts.REASON_SCTP_CHUNK,
    ]
] = True

#: Reasons for which a packet is thrown away whatever it is part of: for who looks at closed connections, and who sorts what came uninvited.
_UNREADABLE = np.zeros(0x10000, np.bool_)
_UNREADABLE[[consts.REASON_BAD_CHECKSUM, consts.REASON_TCP_FLAGS, consts.REASON_SHORT_HEADER, consts.REASON_TRUNCATED]] = True
_UNSORTED = np.zeros(0x10000, np.bool_)
_UNSORTED[[consts.REASON_BAD_CHECKSUM, consts.REASON_SHORT_HEADER, consts.REASON_BAD_LENGTH, consts.REASON_TRUNCATED]] = True
_UNSORTED[[consts.REASON_TABLE_FULL, consts.REASON_CLASH, consts.REASON_BAD_IP_HEADER, consts.REASON_FRAGMENT_DROPPED]] = True

#: Ports whose answers are told by their source port: the well-known ones, and some services above port 1023.
SERVICE_PORTS = np.zeros(0x10000, np.bool_)
SERVICE_PORTS[1:1024] = True
SERVICE_PORTS[[1194, 1701, 1900, 3478, 4500, 5060, 5061, 5349, 5353, 5355, 11211, 19302, 51820]] = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An ICMP error about a flow: somebody does not want it."""

    #: Frame of the error.
    frame: int
    #: Address of its sender.
    sender: str
    #: Whether it came from inside.
    from_inside: bool
    #: Frame of an earlier error from the peer's side; 0 for none.
    peer_frame: int = 0


class Scene:
    """The run, as far as it is the same for every packet."""

    def __init__(self, context: Context, thresholds: Thresholds | None = None) -> None:
        self.context = context
        self._thresholds = with_defaults(thresholds)
        #: By interface index: whether the interface is that of a zone inside, and whether of a known zone that is not.
        self.inside = np.zeros(0x10000, np.bool_)
        self.outside = np.zeros(0x10000, np.bool_)
        for number, zone in enumerate(context.topology.zones):
            (self.inside if zone.inside else self.outside)[number] = True
        #: Refused packets that a detector explains only when the capture is over: (source address, destination address) → how many.
        self.explained: Counter[tuple[str, str]] = Counter()
        #: Numbers of flows that go on with one whose entry timed out.
        self.continued: set[int] = set()
        #: Addresses of hosts that are flooded, and of those that get answers they did not ask for.
        self.flooded: set[str] = set()
        self.reflected: set[str] = set()
        #: Flow → the first ICMP error about it; hosts between which a path was punched; paths that failed, with that error.
        self.refusals: dict[int, Refusal] = {}
        self.punched: set[tuple[str, str]] = set()
        self.failed: list[tuple[Path, Refusal | None]] = []
        #: Numbers of flows into which somebody forges segments, and of those of which packets passed unseen.
        self.attacked: set[int] = set()
        self.holed: set[int] = set()
        #: Whether the topology tells zones by what frames show of their link, not by addresses alone.
        self.has_links = any(zone.vlans or zone.recorded_as or zone.macs for zone in context.topology.zones)
        #: Sorts the rows of each batch.
        self.marks = Marks((self.inside, self.outside), (_OF_A_CONNECTION, _UNREADABLE, _UNSORTED), self.has_links)
        #: Control channels, and what is announced on them.
        self.channels = Channels(self)
        #: Time of the first packet, and the latest of any packet before the batch at hand; None before there is one.
        self.start_ns: int | None = None
        self.before_ns: int | None = None
        #: The latest of any packet so far.
        self.reached_ns: int | None = None
        #: The last frames before the batch at hand.
        self.past = Past()
        self._view: View | None = None
        self._flow_view: FlowView | None = None

    def threshold(self, code: str, name: str) -> float:
        """A number of ``thresholds.THRESHOLDS``, as the run has it."""
        return self._thresholds[code, name]

    def flows(self, rows: Any) -> FlowView:
        """The view of ended flows: the same one for every detector."""
        if self._flow_view is None or self._flow_view.rows is not rows:
            self._flow_view = FlowView(rows)
        return self._flow_view

    def view(self, batch: PacketBatch, verdicts: VerdictBatch) -> View:
        """The view of a batch: the same one for every detector, so that masks are made once and claims meet."""
        if self._view is None or not self._view.shows(batch, verdicts):
            self._view = View(self, batch, verdicts)
            self._note_times(self._view)
        return self._view

    def _note_times(self, view: View) -> None:
        """What time it is: the last packet's, unless one in the batch is older than one before it."""
        self.before_ns = self.reached_ns
        if not view.count:
            return
        times = view["ts_ns"]
        latest = int(times.max() if len(view.marked["late"]) else times[-1])
        self.start_ns = int(times[0]) if self.start_ns is None else self.start_ns
        self.reached_ns = latest if self.reached_ns is None else max(self.reached_ns, latest)


class View:
    """A batch as detectors see it. ``view["name"]`` is a column of packets or verdicts, cut to the packets there are."""

    def __init__(self, scene: Scene, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        self.scene = scene
        self.batch = batch
        self.verdicts = verdicts
        self.count: int = batch.count
        self.first_frame: int = batch.first_frame
        self._packets = batch.arrays
        self._verdicts = verdicts.arrays
        #: Rows that a detector has explained.
        self.claimed = np.zeros(self.count, np.bool_)
        #: Rows by class (``marks.NAMES``), ascending; good while the batch is current.
        self.marked: dict[str, Any] = scene.marks.read(batch, verdicts)

    @cached_property
    def stretch(self) -> Stretch:
        """The batch and the last frames before it."""
        return Stretch(self.scene.past, self)

    def __getitem__(self, name: str) -> Any:
        columns = self._packets if name in self._packets else self._verdicts
        return columns[name][: self.count]

    def shows(self, batch: PacketBatch, verdicts: VerdictBatch) -> bool:
        """Whether this is the view of that batch as it is now."""
        same = self._packets is batch.arrays and self._verdicts is verdicts.arrays
        return same and self.first_frame == batch.first_frame and self.count == batch.count

    def inbound(self, rows: Any) -> Any:
        """Which of the rows are packets that enter from a known zone that is not inside."""
        return self.scene.outside[self["iif"][rows]]

    def refused(self, rows: Any) -> Any:
        """Which of the rows are packets dropped or rejected."""
        return self["verdict"][rows] >= VERDICT_DROP

    def to_inside(self, rows: Any) -> Any:
        """Which of the rows are packets that go to a zone inside or to the firewall itself."""
        return self.scene.inside[self["oif"][rows]] | (self["path"][rows] == PATH_INPUT)

    def frame(self, row: int) -> int:
        """Number of a packet's frame."""
        return int(self.first_frame + row)

    def source(self, row: int) -> str:
        """Source address, with the port where there is one."""
        return endpoint_text(self.address(row, "src"), int(self["sport"][row]))

    def destination(self, row: int) -> str:
        """Destination address, with the port where there is one."""
        return endpoint_text(self.address(row, "dst"), int(self["dport"][row]))

    def address(self, row: int, end: str) -> str:
        """Address of the ``src`` or ``dst`` end."""
        return address_text(int(self[f"{end}_hi"][row]), int(self[f"{end}_lo"][row]), int(self["l3"][row]))

    def payload(self, row: int, most: int = 512) -> bytes:
        """The captured part of the transport payload, at most so many bytes."""
        start, end = int(self["payload_off"][row]), int(self["end_off"][row])
        return bytes(self.batch.buffer[start : min(end, start + most)]) if start else b""


class FlowView:
    """Ended flows by field: ``flows["name"]`` is a field of all rows, side by side, as a row's own fields are too far apart to be fast."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self._fields: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Any:
        field = self._fields.get(name)
        if field is None:
            field = self._fields[name] = np.ascontiguousarray(self.rows[name])
        return field

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What several detectors need of these flows, made by the first that asks."""
        made: Made = self._fields[name] if name in self._fields else self._fields.setdefault(name, make())
        return made

    @cached_property
    def to_one_host(self) -> Any:
        """Mask of flows whose destination is neither a group nor a broadcast address that everybody knows."""
        target = self["dst_lo"]
        group4 = (target >> np.uint64(28) == 14) | (target == 0xFFFFFFFF) | (target & np.uint64(0xFF) == 0xFF)
        return np.where(self["l3"] == 4, ~group4, self["dst_hi"] >> np.uint64(56) != 0xFF)

    @cached_property
    def to_group(self) -> Any:
        """Mask of flows whose destination is a multicast address."""
        return np.where(self["l3"] == 4, self["dst_lo"] >> np.uint64(28) == 14, self["dst_hi"] >> np.uint64(56) == 0xFF)

    @cached_property
    def tcp(self) -> Any:
        """Rows of TCP flows."""
        return np.flatnonzero(self["proto"] == PROTO_TCP)

    @cached_property
    def opener_flags(self) -> Any:
        """Union of the TCP flags of the opening side."""
        return np.ascontiguousarray(self["tcp_flags"][:, 0])

    @cached_property
    def answer_flags(self) -> Any:
        """Union of the TCP flags of the other side."""
        return np.ascontiguousarray(self["tcp_flags"][:, 1])

    @cached_property
    def sent(self) -> Any:
        """Packets of the opening side."""
        return np.ascontiguousarray(self["packets"][:, 0])

    @cached_property
    def answered(self) -> Any:
        """Mask of flows whose other side was heard."""
        return self["packets"][:, 1] > 0

    @cached_property
    def admitted(self) -> Any:
        """Positions of flows that had an entry; all of them as a slice, which costs nothing, when none was blocked."""
        blocked = self["blocked"]
        return np.flatnonzero(blocked == 0) if blocked.any() else slice(None)

    def keys(self, at: Any) -> tuple[Any, Any]:
        """Key of each flow's unordered five-tuple, and which end opened the flow (``recent.tuple_keys``)."""
        return tuple_keys(self, at)


def flow_ends(row: Any) -> tuple[str, str]:
    """Source and destination, with ports, of a flow row."""
    source, destination = flow_hosts(row)
    return endpoint_text(source, int(row["sport"])), endpoint_text(destination, int(row["dport"]))


def sides_of(view: Any, rows: Any) -> Any:
    """Which of the two ends of its five-tuple sent each packet, 0 or 1 by address and port: an invalid packet has no direction."""
    source, target = view["src_hi"][rows], view["dst_hi"][rows]
    low, low_target = view["src_lo"][rows], view["dst_lo"][rows]
    later = (low > low_target) | ((low == low_target) & (view["sport"][rows] > view["dport"][rows]))
    return ((source > target) | ((source == target) & later)).astype(np.int64)


def flow_hosts(row: Any) -> tuple[str, str]:
    """Source and destination address of a flow row."""
    source, destination = (address_text(int(row[f"{end}_hi"]), int(row[f"{end}_lo"]), int(row["l3"])) for end in ("src", "dst"))
    return source, destination
