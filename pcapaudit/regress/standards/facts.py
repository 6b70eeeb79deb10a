"""What a capture shows of what the standards speak of: a consumer that counts, by fact, packets and the first frame, by verdict.

A fact is a condition on columns. Flows are counted by protocol and IP version, and remembered, a few of each, for the trials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.core import consts
from pcapaudit.regress.standards.packets import HIP, SHIM6

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.regress.standards.packets import Address
    from pcapaudit.replay.consumer import Context

__all__ = ["FACTS", "Count", "Facts"]

#: Flows of a protocol that are remembered for the trials; hosts of each side.
_SERVICES = 12
_HOSTS = 4
#: Flows with ICMP errors about them that are remembered.
_MOST_ERRORS = 100_000
_ULA = 0xFC
_ICMP_ERRORS4 = (3, 4, 5, 11, 12)
_WINDOW_REASONS = (consts.REASON_TCP_SEQ_OVER, consts.REASON_TCP_SEQ_UNDER, consts.REASON_TCP_ACK_OVER, consts.REASON_TCP_ACK_UNDER)


@dataclass(slots=True)
class Count:
    """Packets of a fact, by what became of them."""

    accepted: int = 0
    dropped: int = 0
    rejected: int = 0
    #: First frame of each, 0 for none.
    first: dict[str, int] = field(default_factory=dict)
    #: Ids of the rules that rejected.
    rejecting: set[int] = field(default_factory=set)

    @property
    def total(self) -> int:
        """All of them."""
        return self.accepted + self.dropped + self.rejected

    def add(self, name: str, count: int, frame: int) -> None:
        """Packets more, the first of them in a frame."""
        setattr(self, name, getattr(self, name) + count)
        if frame and (name not in self.first or frame < self.first[name]):
            self.first[name] = frame

    def merge(self, other: Count) -> None:
        """Those of another count."""
        for name in _VERDICTS.values():
            if getattr(other, name):
                self.add(name, getattr(other, name), other.first.get(name, 0))


_VERDICTS = {consts.VERDICT_ACCEPT: "accepted", consts.VERDICT_DROP: "dropped", consts.VERDICT_REJECT: "rejected"}
Columns = Mapping[str, Any]


def _tcp_syn(c: Columns) -> Any:
    return (c["proto"] == consts.PROTO_TCP) & (c["tcp_flags"] & (consts.TCP_SYN | consts.TCP_ACK) == consts.TCP_SYN)


def _unasked(c: Columns) -> Any:
    """From outside to the inside, and no connection was there."""
    return c["from_outside"] & (c["ct_state"] == consts.CT_NEW) & (c["direction"] == consts.DIR_ORIGINAL)


def _of(*protos: int) -> Callable[[Columns], Any]:
    return lambda c: np.isin(c["proto"], protos)


def _to_port(*ports: int) -> Callable[[Columns], Any]:
    return lambda c: np.isin(c["proto"], (consts.PROTO_UDP, consts.PROTO_TCP)) & np.isin(c["dport"], ports) & c["to_own"]


def _error(c: Columns) -> Any:
    return ((c["proto"] == consts.PROTO_ICMP) & np.isin(c["icmp_type"], _ICMP_ERRORS4)) | (
        (c["proto"] == consts.PROTO_ICMPV6) & (c["icmp_type"] < 128)
    )


#: Fact → (what is counted, its condition).
FACTS: dict[str, tuple[str, Callable[[Columns], Any]]] = {
    "unsolicited-syn": ("unasked SYNs from outside", lambda c: _tcp_syn(c) & _unasked(c)),
    "unsolicited-syn6": ("unasked SYNs from outside over IPv6", lambda c: _tcp_syn(c) & _unasked(c) & (c["l3"] == 6)),
    "unsolicited-init": ("unasked INITs from outside", lambda c: (c["proto"] == consts.PROTO_SCTP) & _unasked(c) & (c["l3"] == 6)),
    "unknown-error": ("ICMP errors about no known flow", lambda c: _error(c) & (c["ct_state"] == consts.CT_INVALID)),
    "unknown-error6": (
        "ICMPv6 errors about no known flow",
        lambda c: _error(c) & (c["ct_state"] == consts.CT_INVALID) & (c["l3"] == 6),
    ),
    "query-out": (
        "echo requests from inside",
        lambda c: (c["proto"] == consts.PROTO_ICMP) & (c["icmp_type"] == 8) & ~c["from_outside"],
    ),
    "outbound-refused": (
        "packets from inside that the rules refuse",
        lambda c: ~c["from_outside"] & (c["ct_state"] == consts.CT_NEW) & np.isin(c["reason"], (consts.REASON_RULE, consts.REASON_POLICY)),
    ),
    "fragment": ("fragments", lambda c: (c["frag"] != 0) & (c["frag"] != consts.FRAG_ATOMIC)),
    "multicast-source": ("IPv6 packets from multicast addresses", lambda c: (c["l3"] == 6) & (c["src_hi"] >> np.uint64(56) == 0xFF)),
    "unique-local": (
        "packets across the border from or to unique local addresses",
        lambda c: (c["l3"] == 6) & c["crossing"] & (_is_ula(c["src_hi"]) | _is_ula(c["dst_hi"])),
    ),
    "ah": ("AH packets", _of(consts.PROTO_AH)),
    "esp": ("ESP packets", _of(consts.PROTO_ESP)),
    "hip": ("HIP packets", _of(HIP)),
    "mobility": ("Mobility Header packets", _of(consts.PROTO_MOBILITY)),
    "shim6": ("Shim6 packets", _of(SHIM6)),
    "ike": ("datagrams to port 500", lambda c: (c["proto"] == consts.PROTO_UDP) & (c["dport"] == 500)),
    "own-dns": ("DNS queries from outside to the firewall", lambda c: _to_port(53)(c) & _unasked(c)),
    "own-dhcp": (
        "DHCPv6 packets from outside to the firewall",
        lambda c: (c["proto"] == consts.PROTO_UDP) & (c["dport"] == 547) & _unasked(c),
    ),
    "own-management": (
        "packets from outside to management ports of the firewall",
        lambda c: _to_port(22, 23, 80, 161, 443, 830, 8080, 8443)(c) & _unasked(c),
    ),
    "port-control": (
        "requests to map ports (PCP, NAT-PMP, UPnP)",
        lambda c: (c["proto"] == consts.PROTO_UDP) & np.isin(c["dport"], (5350, 5351, 1900)),
    ),
    "out-of-window": (
        "TCP segments that fit no window",
        lambda c: (c["proto"] == consts.PROTO_TCP) & np.isin(c["reason"], _WINDOW_REASONS),
    ),
    "midstream": (
        "connections taken up in their middle",
        lambda c: (c["proto"] == consts.PROTO_TCP) & (c["ct_state"] == consts.CT_NEW) & (c["tcp_flags"] & consts.TCP_SYN == 0),
    ),
    "too-big": (
        "fragmentation needed and packet too big",
        lambda c: (
            ((c["proto"] == consts.PROTO_ICMP) & (c["icmp_type"] == 3) & (c["icmp_code"] == 4))
            | ((c["proto"] == consts.PROTO_ICMPV6) & (c["icmp_type"] == 2))
        ),
    ),
}


def _is_ula(high: Any) -> Any:
    return high >> np.uint64(57) == _ULA >> 1


_PACKET = ("l3", "proto", "tcp_flags", "icmp_type", "icmp_code", "dport", "frag", "src_hi", "dst_hi", "iif", "oif", "path")
_VERDICT = ("verdict", "ct_state", "direction", "reason", "flow", "rule")


class Facts:
    """A consumer of a replay."""

    def __init__(self, context: Context) -> None:
        self.counts = {name: Count() for name in FACTS}
        #: (protocol, IP version) → connections, the first frame of the first one in it.
        self.flows: dict[tuple[int, int], tuple[int, int]] = {}
        #: (protocol, IP version) → errors about its flows.
        self.errors: dict[tuple[int, int], Count] = {}
        self.services: dict[tuple[int, int], list[tuple[Address, Address, int, int]]] = {}
        #: By IP version: hosts inside and outside that talked, the first ones.
        self.hosts: dict[tuple[int, bool], list[Address]] = {(version, side): [] for version in (4, 6) for side in (True, False)}
        self._outside = np.zeros(0x10000, np.bool_)
        for number, zone in enumerate(context.topology.zones):
            self._outside[number] = not zone.inside
        #: Flow → errors about it.
        self._errors: dict[int, Count] = {}
        #: Flows that errors are about, whose protocol nobody knows yet, are joined when they end.
        self.errors_left_out = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count the packets of every fact."""
        rows = np.flatnonzero((batch.arrays["l3"][: batch.count] != 0) & (verdicts.arrays["verdict"][: batch.count] != consts.VERDICT_SKIP))
        if not len(rows):
            return
        columns = {name: batch.arrays[name][rows] for name in _PACKET} | {name: verdicts.arrays[name][rows] for name in _VERDICT}
        columns["from_outside"] = self._outside[columns["iif"]]
        columns["crossing"] = self._outside[columns["iif"]] != self._outside[columns["oif"]]
        columns["to_own"] = columns["path"] == consts.PATH_INPUT
        for name, (_, holds) in FACTS.items():
            found = np.flatnonzero(holds(columns))
            if len(found):
                self._add(self.counts[name], columns["verdict"][found], batch.first_frame + rows[found])
                rejected = found[columns["verdict"][found] == consts.VERDICT_REJECT]
                self.counts[name].rejecting.update(np.unique(columns["rule"][rejected]).tolist())
        related = np.flatnonzero(_error(columns) & (columns["ct_state"] == consts.CT_RELATED))
        for k in related.tolist():
            self._note_error(int(columns["flow"][k]), int(columns["verdict"][k]), int(batch.first_frame + rows[k]))

    @staticmethod
    def _add(count: Count, verdicts: Any, frames: Any) -> None:
        for verdict, name in _VERDICTS.items():
            mine = frames[verdicts == verdict]
            if len(mine):
                count.add(name, len(mine), int(mine[0]))

    def _note_error(self, flow: int, verdict: int, frame: int) -> None:
        if flow not in self._errors and len(self._errors) == _MOST_ERRORS:
            self.errors_left_out += 1
            return
        self._errors.setdefault(flow, Count()).add(_VERDICTS[verdict], 1, frame)

    def on_flows(self, rows: Any) -> None:
        """Count connections, and remember some."""
        if self._errors:
            for row in rows[np.isin(rows["flow"], list(self._errors))]:
                key = int(row["proto"]), int(row["l3"])
                self.errors.setdefault(key, Count()).merge(self._errors.pop(int(row["flow"])))
        rows = rows[rows["blocked"] == 0]
        for proto, version in np.unique(np.stack([rows["proto"], rows["l3"]]), axis=1).T.tolist() if len(rows) else ():
            mine = rows[(rows["proto"] == proto) & (rows["l3"] == version)]
            known, first = self.flows.get((proto, version), (0, 0))
            earliest = int(mine["first_frame"].min())
            self.flows[proto, version] = known + len(mine), min(first or earliest, earliest)
            self._remember(proto, version, mine)

    def _remember(self, proto: int, version: int, rows: Any) -> None:
        """Flows from inside to outside, for the trials to be like."""
        found = self.services.setdefault((proto, version), [])
        out = rows[~self._outside[rows["iif"]] & self._outside[rows["oif"]]]
        seen = {(each[1], each[3]) for each in found}
        for row in out[: 4 * _SERVICES]:
            source, target = (_address(row[f"{end}_hi"], row[f"{end}_lo"], version) for end in ("src", "dst"))
            sport, dport = int(row["sport"]), int(row["dport"])
            if (target, dport) not in seen and len(found) < _SERVICES:
                seen.add((target, dport))
                found.append((source, target, sport, dport))
            for side, host in ((True, source), (False, target)):
                hosts = self.hosts[version, side]
                if host not in hosts and len(hosts) < _HOSTS and not host.is_multicast:
                    hosts.append(host)

    def on_end(self) -> None:
        """Nothing is held back."""


def _address(high: int, low: int, version: int) -> Address:
    return IPv4Address(int(low)) if version == 4 else IPv6Address(int(high) << 64 | int(low))
