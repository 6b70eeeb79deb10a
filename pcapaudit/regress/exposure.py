"""What state is worth: recorded traffic under a stateful filter, and under two stateless ones with the same permissions.

The stateful filter is the ruleset as it is: whoever may open a connection gets its replies. Without state every permission takes two rules,
one for packets from those who may open, one for packets that might be the answers: the same tuple turned round.

    two-rules   a packet passes if its sender may open this connection, or its receiver may
    syn-test    the same, but a SYN without ACK passes only if its sender may open: the best that a TCP flag can do; UDP has none
    stateful    the ruleset with connection tracking

What a stateless filter lets in and the stateful one does not is what state keeps out; its way in is open all the time, where state opens
it for a flow at a time. Packets that no tuple describes (fragments behind the first, ICMP errors, anything but IP) are set aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import pcapaudit
from pcapaudit.core import consts, vocab
from pcapaudit.core.addresses import address_text, endpoint_text
from pcapaudit.replay.permissions import Permissions

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.consumer import Context

__all__ = ["FILTERS", "SCHEMA_VERSION", "Exposure", "exposure_record"]

#: Raised when a key changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1
#: From the weakest to the strongest.
FILTERS = ("two-rules", "syn-test", "stateful")
#: Groups of packets that only a stateless filter lets in: those remembered, and the examples kept of them.
_MAX_GROUPS = 4096
_MAX_EXAMPLES = 100
_QUERY_TYPES = {4: (0, 8, 13, 14, 15, 16, 17, 18), 6: (128, 129, 139, 140)}


@dataclass(slots=True)
class _Group:
    """Packets of one source to one service that only stateless filters let through."""

    packets: int = 0
    first_frame: int = 0
    #: Where they went to, and ports that they came from, up to a hundred of each.
    targets: set[str] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    #: Packets that the SYN test keeps out.
    kept_by_syn_test: int = 0


class Exposure:
    """A consumer of a replay."""

    def __init__(self, context: Context) -> None:
        self._permissions = Permissions(context)
        #: Packets asked about, and set aside.
        self.packets = 0
        self.aside = 0
        #: By filter: packets let through; those of them that came from outside; and by flow number, whether one of these was let in.
        self.passed = dict.fromkeys(FILTERS, 0)
        self.inbound = dict.fromkeys(FILTERS, 0)
        self._flows = {name: np.zeros(1024, np.bool_) for name in FILTERS}
        self._outside = np.zeros(0x10000, np.bool_)
        for number, zone in enumerate(context.topology.zones):
            self._outside[number] = not zone.inside
        #: (source, protocol) → packets that came from outside and only stateless filters let through.
        self.groups: dict[tuple[str, str], _Group] = {}
        self.groups_left_out = 0
        #: Times during which some return path was open, flow by flow, ns; flows that had one.
        self.open_ns = 0
        self.open_flows = 0
        self._first_ns: int | None = None
        self._last_ns = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Compare the verdicts on packets with a tuple."""
        columns = {name: batch.arrays[name][: batch.count] for name in ("l3", "proto", "l4_off", "icmp_type", "tcp_flags", "ts_ns", "iif")}
        self._first_ns = int(columns["ts_ns"].min()) if self._first_ns is None else min(self._first_ns, int(columns["ts_ns"].min()))
        self._last_ns = max(self._last_ns, int(columns["ts_ns"].max()))
        rows = np.flatnonzero(_has_tuple(columns) & (verdicts.arrays["verdict"][: batch.count] != consts.VERDICT_SKIP))
        self.packets += len(rows)
        self.aside += batch.count - len(rows)
        if not len(rows):
            return
        opens = self._permissions.ask(batch, rows, turned=False)
        answers = self._permissions.ask(batch, rows, turned=True)
        flags = columns["tcp_flags"][rows]
        is_syn = (columns["proto"][rows] == consts.PROTO_TCP) & (flags & (consts.TCP_SYN | consts.TCP_ACK) == consts.TCP_SYN)
        passes = {
            "two-rules": opens | answers,
            "syn-test": opens | (answers & ~is_syn),
            "stateful": verdicts.arrays["verdict"][rows] == consts.VERDICT_ACCEPT,
        }
        inbound = self._outside[columns["iif"][rows]]
        flows = verdicts.arrays["flow"][rows].astype(np.int64)
        for name, passed in passes.items():
            self.passed[name] += int(np.count_nonzero(passed))
            self.inbound[name] += int(np.count_nonzero(passed & inbound))
            self._note_flows(name, flows[passed & inbound])
        only = np.flatnonzero(passes["two-rules"] & ~passes["stateful"] & inbound)
        for k in only.tolist():
            self._note(batch, int(rows[k]), kept=not passes["syn-test"][k])

    def _note_flows(self, name: str, flows: Any) -> None:
        """Flows into which a filter let a packet."""
        if len(flows) and int(flows.max()) >= len(self._flows[name]):
            more = max(int(flows.max()) + 1, 2 * len(self._flows[name])) - len(self._flows[name])
            self._flows[name] = np.concatenate([self._flows[name], np.zeros(more, np.bool_)])
        self._flows[name][flows] = True

    def flows_let_in(self, name: str) -> int:
        """How many flows, blocked ones too, a filter let packets into."""
        return int(np.count_nonzero(self._flows[name][1:]))

    def _note(self, batch: PacketBatch, i: int, *, kept: bool) -> None:
        """Remember a packet that came from outside and only stateless filters let through."""
        row = {name: int(batch.arrays[name][i]) for name in ("l3", "proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport")}
        source = address_text(row["src_hi"], row["src_lo"], row["l3"])
        key = (source, vocab.PROTOCOLS.get(row["proto"], str(row["proto"])))
        if key not in self.groups:
            if len(self.groups) == _MAX_GROUPS:
                self.groups_left_out += 1
                return
            self.groups[key] = _Group(first_frame=batch.first_frame + i)
        group = self.groups[key]
        group.packets += 1
        group.kept_by_syn_test += kept
        if len(group.targets) < _MAX_EXAMPLES:
            group.targets.add(endpoint_text(address_text(row["dst_hi"], row["dst_lo"], row["l3"]), row["dport"]))
        # It passes as an answer: by the port that it comes from. An ICMP identifier is none.
        if len(group.ports) < _MAX_EXAMPLES and row["proto"] not in (consts.PROTO_ICMP, consts.PROTO_ICMPV6):
            group.ports.add(row["sport"])

    def on_flows(self, rows: Any) -> None:
        """Add the times during which connections were there: so long their return path was open."""
        mine = rows[rows["blocked"] == 0]
        self.open_flows += len(mine)
        self.open_ns += int((mine["end_ns"] - mine["first_ns"]).sum()) if len(mine) else 0

    def on_end(self) -> None:
        """Nothing is held back."""

    @property
    def duration_ns(self) -> int:
        """From the first packet to the last."""
        return self._last_ns - (self._first_ns or 0)


def _has_tuple(columns: Mapping[str, Any]) -> Any:
    """Which packets a tuple describes: transport header there, and no ICMP error."""
    is_icmp = np.isin(columns["proto"], (consts.PROTO_ICMP, consts.PROTO_ICMPV6))
    query = np.where(columns["l3"] == 6, np.isin(columns["icmp_type"], _QUERY_TYPES[6]), np.isin(columns["icmp_type"], _QUERY_TYPES[4]))
    return (columns["l3"] != 0) & (columns["l4_off"] != 0) & (~is_icmp | query)


def exposure_record(found: Exposure, stream: Stream, frames: int, rules: str) -> dict[str, Any]:
    """The comparison, ready for JSON: groups with the most packets first."""
    groups = sorted(found.groups.items(), key=lambda item: (-item[1].packets, item[1].first_frame))
    return {
        "schema_version": SCHEMA_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "capture": {"files": [str(file.path) for file in stream.files], "frames": frames, "warnings": list(stream.warnings)},
        "rules": rules,
        "packets": found.packets,
        "set_aside": found.aside,
        "duration_ns": found.duration_ns,
        "filters": [
            {
                "filter": name,
                "passed": found.passed[name],
                "from_outside": found.inbound[name],
                "flows": found.flows_let_in(name),
                "more_than_stateful": found.inbound[name] - found.inbound["stateful"],
                "open": "flow by flow" if name == "stateful" else "always",
            }
            for name in FILTERS
        ],
        "stateful_open_ns": found.open_ns,
        "stateful_flows": found.open_flows,
        "let_in_without_state": [
            {
                "source": source,
                "protocol": protocol,
                "source_ports": sorted(group.ports),
                "packets": group.packets,
                "kept_out_by_syn_test": group.kept_by_syn_test,
                "targets": sorted(group.targets),
                "first_frame": group.first_frame,
            }
            for (source, protocol), group in groups
        ],
        "groups_left_out": found.groups_left_out,
    }
