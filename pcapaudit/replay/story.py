"""A flow packet by packet: a consumer that keeps the packets of one flow, or of everything between two endpoints, in bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core import consts
from pcapaudit.replay.matcher import Matcher, packet_columns
from pcapaudit.replay.selector import parse_selector

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.rules.compile import Program

__all__ = ["ENDED_FLOWS", "MOST_PAIRS", "Story", "StoryPacket", "selector_of"]

#: Ended flows that are kept, the last ones.
ENDED_FLOWS = 256
#: Pairs of endpoints that are kept, for an error that names some.
MOST_PAIRS = 6
_OFFSET = 0x1FFF
_ICMP = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)
_PACKET = ("ts_ns", "l3", "proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "tcp_flags", "seq", "ack", "win_raw")
_MORE = ("payload_len", "icmp_type", "icmp_code", "anomalies", "ip_len", "frag")
_VERDICT = ("verdict", "decided", "reason", "rule", "chain", "ct_state", "direction", "tcp_state", "ct_status", "timeout_ns", "flow")
_COLUMNS = (*_PACKET, *_MORE, *_VERDICT)


@dataclass(frozen=True, slots=True)
class StoryPacket:
    """One packet of the story."""

    #: Number of the frame through the whole stream.
    frame: int
    #: Columns by name, those of ``_COLUMNS``.
    values: dict[str, int]


def selector_of(text: str) -> str:
    """A five-tuple as a selector of packets of both directions: ``A > B`` becomes ``A <> B``."""
    return text if "<>" in text else text.replace(">", "<>", 1)


class Story:
    """Keeps the first and the last packets of a flow, and counts those between.

    ``wanted``: the number of a flow, or a selector of packets. A flow's number takes the packets that the flow table attributes to it, ICMP
    errors about it and refused packets of its tuple among them. Raises SelectorError.
    """

    def __init__(self, wanted: int | str, program: Program, most: int | None = None) -> None:
        self.wanted = wanted
        self._matcher = Matcher(parse_selector(wanted, "packet"), program) if isinstance(wanted, str) else None
        self._most = most
        #: The first packets, and the last; with ``most`` None all are in the first.
        self.head: list[StoryPacket] = []
        self.tail: deque[StoryPacket] = deque(maxlen=None if most is None else most - most // 2)
        #: Packets of the story.
        self.count = 0
        #: Rows of ended flows that packets of the story belong to, in the order of their ends.
        self.ended: deque[Any] = deque(maxlen=ENDED_FLOWS)
        #: Pairs of endpoints that a selector met, with an example of each, the first ones; a story has one.
        self.pairs: dict[frozenset[tuple[int, ...]], StoryPacket] = {}
        self._flows: set[int] = set()
        self._start_ns = 0

    @property
    def left_out(self) -> int:
        """Packets between ``head`` and ``tail``."""
        return self.count - len(self.head) - len(self.tail)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Keep the packets that belong to the story."""
        columns = packet_columns(batch, verdicts)
        if self._start_ns == 0 and batch.count:
            self._start_ns = int(columns["ts_ns"][0])
        mask = (
            columns["flow"] == self.wanted if self._matcher is None else self._matcher.mask(columns, self._start_ns) & (columns["l3"] != 0)
        )
        if self._matcher is not None:
            # Fragments without ports may stand before the one that names them.
            self._add_flows(columns, mask)
        if self._flows:
            mask |= np.isin(columns["flow"], list(self._flows)) & (columns["flow"] != 0)
        for row in np.flatnonzero(mask).tolist():
            self._keep(StoryPacket(int(columns["frame"][row]), {name: int(columns[name][row]) for name in _COLUMNS}))

    def on_flows(self, rows: Any) -> None:
        """Keep the flows of the story."""
        wanted = list(self._flows) if self._matcher is not None else [self.wanted]
        for row in rows[np.isin(rows["flow"], wanted)]:
            self.ended.append(row.copy())

    def on_end(self) -> None:
        """Nothing is held back."""

    def _add_flows(self, columns: Any, mask: Any) -> None:
        """The flows of packets that the selector means belong to the story as a whole, the last ones."""
        found = np.unique(columns["flow"][mask & ~np.isin(columns["proto"], _ICMP)])
        self._flows.update(found[found != 0].tolist())
        while len(self._flows) > ENDED_FLOWS:
            self._flows.discard(min(self._flows))

    def _keep(self, packet: StoryPacket) -> None:
        self.count += 1
        # A later fragment has no ports.
        if self._matcher is not None and len(self.pairs) < MOST_PAIRS and not packet.values["frag"] & _OFFSET:
            self.pairs.setdefault(_pair(packet.values), packet)
        if self._most is None or len(self.head) < self._most // 2:
            self.head.append(packet)
        else:
            self.tail.append(packet)


def _pair(values: dict[str, int]) -> frozenset[tuple[int, ...]]:
    """The two endpoints of a packet, and its protocol; identifiers of ICMP queries are told by the source port column."""
    ends = [(values[f"{end}_hi"], values[f"{end}_lo"], values[port], values["proto"]) for end, port in (("src", "sport"), ("dst", "dport"))]
    if values["proto"] in _ICMP:
        ends = [(*end[:2], values["sport"], end[3]) for end in ends]
    return frozenset(ends)
