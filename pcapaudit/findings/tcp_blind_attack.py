"""RST, SYN and data that somebody sends into a connection which they cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, is_padding, plural
from pcapaudit.findings.groups import Groups, Quota
from pcapaudit.findings.scene import Scene, View, flow_ends, sides_of
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TcpBlindAttack"]

#: Connections remembered, and packets of 4096 frames that are looked at one by one.
MAX_FLOWS = 1024
MOST_LOOKED_AT = 64
#: Sequence numbers remembered of one connection.
MAX_NUMBERS = 64
#: Connections that get a finding each; further ones are counted in the last.
SINGLE_FLOWS = 3
#: A connection that goes on so long after a RST did not believe it.
GOES_ON_NS = 1_000_000_000
#: So few odd data segments in a connection that then ends in good order are not those of a lossy capture.
FEW = 3

RESET, SYN, DATA = "reset", "syn", "data"
_OVER = (consts.REASON_TCP_SEQ_OVER, consts.REASON_TCP_ACK_OVER)
_WANTED = np.zeros(0x10000, np.bool_)
_WANTED[[*_OVER, consts.REASON_TCP_RST_SEQ, consts.REASON_TCP_SYN_ON_LIVE, consts.REASON_TCP_STATE, consts.REASON_TCP_IGNORED]] = True


class _Attack(Cause):
    """Attempts on one connection in the name of one of its ends."""

    __slots__ = ("foreign_ttl", "kinds", "numbers", "plain", "proven", "ttl", "usual_ttl")

    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[str] = Counter()
        self.numbers: set[int] = set()
        #: TTL of the first attempt, that of the connection's own packets near it, whether any attempt's differs.
        self.ttl = self.usual_ttl = 0
        self.foreign_ttl = False
        #: Whether data came without the time stamps that the connection's own packets have.
        self.plain = False
        #: What the flow's end told: the connection did not believe it.
        self.proven = False


class TcpBlindAttack:
    """Segments forged into a connection by somebody who does not see it.

    ## What it does
    Collects RSTs whose sequence number is not the expected one, SYNs on a live connection, and data far outside the window, by connection
    and by the end in whose name they came. Reported when the connection went on all the same, so that its end cannot have sent them: with
    the numbers tried, a time to live unlike that of the end's own packets, and missing time stamps.

    ## Why it matters
    Whoever knows the addresses and ports needs one number out of the window to break a connection (BGP, SSH, VPN) or to slip in data.
    RFC 5961 makes hosts answer near misses with a challenge; a firewall that drops what does not fit keeps them out, and one that passes a
    RST inside the window leaves it to the host.

    ## Example
    `captures/injection.pcap`: data and a RST outside the window, a RST and a SYN inside it, and the connection lives on.

    ## Source
    RFC 5961 sections 3 (RST), 4 (SYN) and 5 (data); RFC 4953; Linux nf_conntrack_proto_tcp.c.
    """

    code: ClassVar[str] = "tcp-blind-attack"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("reasoned", "kept_rst")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By flow and side (``sides_of``): an invalid packet has no direction.
        self._attacks: Groups[tuple[int, int], _Attack] = Groups(MAX_FLOWS, _Attack)
        self._quota = Quota(MOST_LOOKED_AT)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect what may be an attempt."""
        view = self._scene.view(batch, verdicts)
        rows, kept = view.marked["reasoned"], view.marked["kept_rst"]
        if len(rows):
            rows = rows[_WANTED[view["reason"][rows]]]
        if len(kept):
            rows = np.union1d(rows, kept)
        if not len(rows):
            return
        rows = rows[(view["proto"][rows] == consts.PROTO_TCP) & (view["flow"][rows] != 0) & ~view.claimed[rows]]
        for row in rows.tolist():
            kind = _kind(view, row)
            if not kind or not self._quota.allows(view.frame(row)):
                continue
            own = _own_before(view, row)
            if _is_live(view, own) and not (kind == SYN and _is_repeated(view, row)):
                self._take(view, row, kind, own)

    def on_flows(self, rows: Any) -> None:
        """See whether the connections concerned went on."""
        if not len(self._attacks):
            return
        flows = sorted({flow for flow, _ in dict(self._attacks.items())})
        for at in np.flatnonzero(np.isin(self._scene.flows(rows)["flow"], flows)).tolist():
            for side in (0, 1):
                key = (int(rows["flow"][at]), side)
                attack = self._attacks.get(key)
                if attack is not None and not attack.proven:
                    attack.proven = _is_proven(attack, rows[at])
                    if not attack.proven:
                        self._attacks.drop(key)

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a connection, the most attempts first."""
        proven = [(key, attack) for key, attack in self._attacks.items() if attack.proven]
        self._scene.attacked.update(flow for (flow, _), _ in proven)
        ranked = sorted((attack for _, attack in proven), key=lambda each: (-each.count, int(each.first["frame"])))
        further = max(0, len(ranked) - SINGLE_FLOWS)
        return [self._violation(attack, further) for attack in ranked[:SINGLE_FLOWS]]

    def _take(self, view: View, row: int, kind: str, own: Any) -> None:
        attack = self._attacks.at((int(view["flow"][row]), int(sides_of(view, np.array([row]))[0])))
        if attack is None:
            return
        ttl, usual, stamped = int(view["ttl"][row]), *_own(view, row, own)
        if not attack.count:
            attack.ttl, attack.usual_ttl = ttl, usual
        attack.usual_ttl = attack.usual_ttl or usual
        attack.foreign_ttl |= bool(usual) and usual != ttl
        attack.plain |= kind == DATA and stamped and not int(view["tcp_opts"][row]) & consts.OPT_TIMESTAMP
        attack.add(view, np.array([row]))
        attack.kinds[kind] += 1
        if len(attack.numbers) < MAX_NUMBERS:
            attack.numbers.add(int(view["seq"][row]))

    def _violation(self, attack: _Attack, further: int) -> Violation:
        kind = Kind(
            self.code,
            Severity.HIGH if attack.accepted else Severity.MEDIUM,
            "RFC 5961 sections 3, 4, 5; Linux nf_conntrack_proto_tcp.c",
            "Drop ct state invalid in both directions. Hosts should follow RFC 5961 (Linux since 3.6) and choose ports at random; for BGP "
            "use TCP-AO or TTL security (RFC 5082). Look for the sender by the time to live.",
        )
        tried = ", ".join(f"{count} {name}" for name, count in sorted(attack.kinds.items()))
        first = attack.first
        marks = [
            f"their time to live is {attack.ttl}, that of the connection's own packets {attack.usual_ttl}" if attack.foreign_ttl else "",
            "they lack the time stamps of the connection" if attack.plain else "",
        ]
        why = "".join(f"; {mark}" for mark in marks if mark)
        more = f" {plural(further, 'more connection')} like it." if further else ""
        message = (
            f"Somebody sent {first['destination']} {plural(attack.count, 'segment')} in the name of {first['source']} ({tried}), and the "
            f"connection went on; {attack.fate}{why}.{more}"
        )
        return attack.violation(
            kind,
            message,
            kinds=dict(sorted(attack.kinds.items())),
            sequence_numbers=sorted(attack.numbers)[:20],
            ttl=attack.ttl,
            usual_ttl=attack.usual_ttl or None,
            foreign_ttl=attack.foreign_ttl,
            without_time_stamps=attack.plain,
            further_connections=further,
            not_looked_at=self._quota.missed,
        )


def _kind(view: View, row: int) -> str:
    """What sort of attempt a packet may be; empty if it is none."""
    flags, reason = int(view["tcp_flags"][row]), int(view["reason"][row])
    if flags & consts.TCP_RST:
        return RESET
    if flags & consts.TCP_SYN:
        return "" if flags & consts.TCP_ACK else SYN
    size = int(view["payload_len"][row])
    return DATA if reason in _OVER and size and not is_padding(view.payload(row, size), size) else ""


def _own_before(view: View, row: int) -> Any:
    """The connection's own packets among the last frames before a packet, as rows of the stretch."""
    stretch = view.stretch
    near = stretch.before(row + stretch.shift)
    own = (stretch["flow"][near] == view["flow"][row]) & (stretch["reason"][near] == 0)
    return np.flatnonzero(own) + near.start


def _is_live(view: View, own: Any) -> bool:
    """Whether the connection was established when the packet came, as far as its own packets tell."""
    return not len(own) or int(view.stretch["tcp_state"][own[-1]]) == consts.TCPS_ESTABLISHED


def _is_repeated(view: View, row: int) -> bool:
    """Whether a SYN is that of the handshake again, late."""
    stretch = view.stretch
    near = stretch.before(row + stretch.shift)
    same = (stretch["tcp_flags"][near] & consts.TCP_SYN) != 0
    for name in ("flow", "seq"):
        same &= stretch[name][near] == view[name][row]
    return len(stretch.of_side(np.flatnonzero(same) + near.start, int(sides_of(view, np.array([row]))[0]))) > 0


def _own(view: View, row: int, own: Any) -> tuple[int, bool]:
    """TTL of the last of the connection's own packets from the same end, and whether it has a time stamp; 0 if there is none."""
    stretch = view.stretch
    rows = own[(stretch["tcp_flags"][own] & (consts.TCP_RST | consts.TCP_SYN)) == 0]
    rows = stretch.of_side(rows, int(sides_of(view, np.array([row]))[0]))
    if not len(rows):
        return 0, False
    return int(stretch["ttl"][rows[-1]]), bool(stretch["tcp_opts"][rows[-1]] & consts.OPT_TIMESTAMP)


def _is_proven(attack: _Attack, row: Any) -> bool:
    """Whether the rest of the connection's life shows that its end did not send this."""
    if int(row["last_frame"]) <= attack.last_frame:
        return False
    # Which side of the flow row it is in whose name they came.
    direction = 0 if flow_ends(row)[0] == attack.first["source"] else 1
    in_order = int(row["end"]) == consts.END_CLOSED or int(row["tcp_state"]) == consts.TCPS_TIME_WAIT
    if attack.kinds[RESET] or attack.kinds[SYN]:
        closed = in_order and bool(int(row["tcp_flags"][direction]) & consts.TCP_FIN)
        return closed or int(row["last_ns"]) - attack.last_ns > GOES_ON_NS
    return attack.foreign_ttl or attack.plain or (attack.count <= FEW and in_order)
