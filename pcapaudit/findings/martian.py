"""Packets with an address that no packet on a network has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import PROTO_UDP
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Distinct, Pool
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["Martian"]

#: Senders counted, all kinds together, and shown.
MAX_SENDERS = 20_000
SHOWN = 10

#: Kind → what such an address is.
_KINDS = {
    "loopback": "a loopback address beyond its host",
    "multicast-source": "a multicast address as the sender",
    "reserved": "an address of the reserved block 240.0.0.0/4",
    "broadcast-source": "the broadcast address as the sender",
    "this-network": "an address of 0.0.0.0/8",
    "unspecified": "the address :: where one is needed",
    "mapped": "an IPv4 address in the clothes of IPv6 (::ffff:0:0/96)",
}
_NAMES = tuple(_KINDS)


class Martian:
    """Packets with an address that does not exist on a network.

    ## What it does
    Counts first packets of connections, and packets of none, by what is wrong with an address: loopback on the wire, a multicast or
    broadcast address as the sender, reserved and unspecified addresses, IPv4-mapped ones in IPv6. What hosts do send before they have an
    address (DHCP, IPv6 address checks) is left out, and so is traffic of a host with itself.

    ## Why it matters
    No answer can come back: such a packet is broken software or forged on purpose, to slip past a filter that believes addresses, or
    as part of a flood whose sources were drawn by lot.

    ## Example
    A SYN from 127.0.0.1 that arrives at the outer interface.

    ## Source
    RFC 6890 (special-purpose addresses); RFC 1122 section 3.2.1.3; RFC 4291 section 2.5; RFC 3704.
    """

    code: ClassVar[str] = "martian"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("martian",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        pool = Pool(MAX_SENDERS)
        self._causes = [Cause() for _ in _NAMES]
        self._senders = [Distinct(pool) for _ in _NAMES]

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count them by kind."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["martian"]
        if not len(rows):
            return
        kinds = np.where(view["l3"][rows] == 4, _kinds4(view, rows), _kinds6(view, rows))
        for kind in np.unique(kinds[kinds >= 0]).tolist():
            some = rows[kinds == kind]
            view.claimed[some] = True
            self._causes[kind].add(view, some)
            self._senders[kind].update(view["src_hi"][some] ^ view["src_lo"][some])

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a kind."""
        return [
            self._violation(name, cause, senders)
            for name, cause, senders in zip(_NAMES, self._causes, self._senders, strict=True)
            if cause.count
        ]

    def _violation(self, name: str, cause: Cause, senders: Distinct) -> Violation:
        kind = Kind(
            self.code,
            Severity.MEDIUM if cause.accepted else Severity.LOW,
            "RFC 6890; RFC 3704",
            "Drop these at every interface: rp_filter, or 'fib saddr . iif oif missing drop' and a list of special-purpose addresses.",
        )
        first = cause.first
        who = f"the first from {first['source']} to {first['destination']}"
        message = f"{plural(cause.count, 'packet')} with {_KINDS[name]}, {who}; {cause.fate}."
        return cause.violation(kind, message, kind=name, senders=len(senders), more_senders=senders.full)


def _kinds4(view: View, rows: Any) -> Any:
    """Number of each packet's kind, -1 for none, as far as they are IPv4."""
    source, target = view["src_lo"][rows], view["dst_lo"][rows]
    upper, upper_target = source >> np.uint64(24), target >> np.uint64(24)
    # A host without an address asks for one, or tells a group that it is there (DHCP, IGMP).
    asking = (source == 0) & ((upper_target >= 224) | ((view["proto"][rows] == PROTO_UDP) & (view["dport"][rows] == 67)))
    conditions = [
        (upper == 127) != (upper_target == 127),
        (upper >= 224) & (upper < 240),
        source == 0xFFFFFFFF,
        ((upper >= 240) & (source != 0xFFFFFFFF)) | ((upper_target >= 240) & (target != 0xFFFFFFFF)),
        ((upper == 0) & ~asking) | (upper_target == 0),
    ]
    names = ("loopback", "multicast-source", "broadcast-source", "reserved", "this-network")
    return np.select(conditions, [_NAMES.index(name) for name in names], -1)


def _kinds6(view: View, rows: Any) -> Any:
    """The same for IPv6."""
    high, low, high_target, low_target = (view[name][rows] for name in ("src_hi", "src_lo", "dst_hi", "dst_lo"))
    to_group = high_target >> np.uint64(56) == 0xFF
    one, one_target = (high == 0) & (low == 1), (high_target == 0) & (low_target == 1)
    conditions = [
        one != one_target,
        high >> np.uint64(56) == 0xFF,
        ((high == 0) & (low == 0) & ~to_group) | ((high_target == 0) & (low_target == 0)),
        ((high == 0) & (low >> np.uint64(32) == 0xFFFF)) | ((high_target == 0) & (low_target >> np.uint64(32) == 0xFFFF)),
    ]
    names = ("loopback", "multicast-source", "unspecified", "mapped")
    return np.select(conditions, [_NAMES.index(name) for name in names], -1)
