"""An entry of the connection table as a value: what a row says at one moment, for whoever explains a packet.

The row is read from the table's memory and changed in nothing. ``Entry.words`` keeps the row itself, for ``window``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pcapaudit.conntrack import layout
from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, timer_number
from pcapaudit.core import consts, vocab

if TYPE_CHECKING:
    from pcapaudit.conntrack.config import ConntrackConfig

__all__ = ["Entry", "SideEntry", "read_entry"]

_ROW_BYTES = 4 * layout.ROW_WORDS
_STATES = {
    consts.PROTO_TCP: vocab.TCP_STATES,
    consts.PROTO_SCTP: vocab.SCTP_STATES,
    consts.PROTO_DCCP: vocab.DCCP_STATES,
}
_SIDE_FLAGS = {
    layout.SIDE_WSCALE: "window_scale",
    layout.SIDE_SACK_PERM: "sack_perm",
    layout.SIDE_CLOSE_INIT: "close_init",
    layout.SIDE_LIBERAL: "be_liberal",
    layout.SIDE_UNACKED: "data_unacknowledged",
    layout.SIDE_MAXACK_SET: "maxack_set",
    layout.SIDE_CHALLENGE: "challenge_ack",
    layout.SIDE_SIMULTANEOUS: "simultaneous_open",
}
#: Protocol → timers of entries without states: before and after the exchange is answered for long enough.
_PLAIN_TIMERS = {
    consts.PROTO_UDP: ("udp.unreplied", "udp.stream"),
    consts.PROTO_UDPLITE: ("udp.unreplied", "udp.stream"),
    consts.PROTO_GRE: ("gre.unreplied", "gre.stream"),
    consts.PROTO_ICMP: ("icmp", "icmp"),
    consts.PROTO_ICMPV6: ("icmpv6", "icmpv6"),
}


@dataclass(frozen=True, slots=True)
class SideEntry:
    """What TCP tracking knows of one side."""

    #: Highest sequence number sent, plus the length of its segment.
    end: int
    #: How far it may send: the highest end of a window that the other side announced.
    maxend: int
    #: Largest window that it announced, scaled.
    maxwin: int
    #: Highest acknowledgement that it sent; None before any.
    maxack: int | None
    #: Shift of its window field.
    scale: int
    #: Names of its flags.
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry at one moment."""

    #: Number of the flow; 0 before it is accounted.
    flow: int
    #: Protocol number and IP version.
    proto: int
    l3: int
    #: Conntrack zone.
    zone: int
    #: Source, destination (as integers) and their ports or, for ICMP, identifier and type | code << 8.
    source: int
    destination: int
    ports: tuple[int, int]
    #: State of the protocol, empty where it has none.
    state: str
    #: Names of the ct status bits.
    status: tuple[str, ...]
    #: Name of the timer that the state stands under, and its full length in ns.
    timer: str
    timer_ns: int
    #: Time left, ns; zero or less for an entry whose time is over and that nobody has looked for since.
    left_ns: int
    #: Mark of the connection.
    mark: int
    #: TCP: original and reply side; empty for other protocols.
    sides: tuple[SideEntry, ...]
    #: TCP: how often the last segment was repeated.
    repetitions: int
    #: The row.
    words: Sequence[int]


def read_entry(memory: Any, row: int, now: int, config: ConntrackConfig) -> Entry | None:
    """The connection in a row of ``Table.memory`` at ``now`` (ns); None when the row holds none."""
    data = bytes(memoryview(memory)[row * _ROW_BYTES : (row + 1) * _ROW_BYTES])
    view = memoryview(data)
    words, quads = view.cast("I"), view.cast("Q")
    status = words[layout.W_STATUS]
    if status >> 24 != layout.KIND_CONNECTION:
        return None
    proto = words[layout.W_PROTO] & 0xFF
    left = view.cast("q")[layout.Q_EXPIRES] - now
    name = _timer(words, proto, config, left)
    ports = words[layout.W_PORTS]
    return Entry(
        flow=words[layout.W_FLOW],
        proto=proto,
        l3=words[layout.W_PROTO] >> 8 & 0xFF,
        zone=words[layout.W_PROTO] >> 16,
        source=quads[layout.Q_SRC_HI] << 64 | quads[layout.Q_SRC_LO],
        destination=quads[layout.Q_DST_HI] << 64 | quads[layout.Q_DST_LO],
        ports=(ports & 0xFFFF, ports >> 16),
        state=_STATES.get(proto, {}).get(status >> 16 & 15, ""),
        status=tuple(vocab.status_names(status & 0xFFFF)),
        timer=name,
        timer_ns=config.timeout_list()[timer_number(name)],
        left_ns=left,
        mark=words[layout.W_MARK],
        sides=tuple(_side(words, number) for number in (0, 1)) if proto == consts.PROTO_TCP else (),
        repetitions=words[layout.W_LAST] >> 16 if proto == consts.PROTO_TCP else 0,
        words=tuple(words),
    )


def _side(words: Sequence[int], number: int) -> SideEntry:
    at = layout.W_SIDE + number * layout.SIDE_WORDS
    flags = words[at + layout.SIDE_FLAGS]
    return SideEntry(
        end=words[at + layout.SIDE_END],
        maxend=words[at + layout.SIDE_MAXEND],
        maxwin=words[at + layout.SIDE_MAXWIN],
        maxack=words[at + layout.SIDE_MAXACK] if flags & layout.SIDE_MAXACK_SET else None,
        scale=flags >> 8 & 0xFF,
        flags=tuple(name for bit, name in _SIDE_FLAGS.items() if flags & bit),
    )


def _timer(words: Sequence[int], proto: int, config: ConntrackConfig, left: int) -> str:
    """Name of the timer that an entry stands under, told from its state as ``tcp``, ``sctp``, ``dccp`` and ``tracker`` choose it."""
    status = words[layout.W_STATUS]
    state = _STATES.get(proto, {}).get(status >> 16 & 15, "")
    if proto == consts.PROTO_TCP:
        return _tcp_timer(words, f"tcp.{state}", config, left)
    if proto in _STATES:
        name = f"{vocab.PROTOCOLS[proto]}.{state}"
        return name if name in DEFAULT_TIMEOUTS else "generic"
    unreplied, stream = _PLAIN_TIMERS.get(proto, ("generic", "generic"))
    return stream if status & consts.STATUS_ASSURED else unreplied


def _tcp_timer(words: Sequence[int], own: str, config: ConntrackConfig, left: int) -> str:
    """The timer of the state, or a shorter one where segments are repeated or unacknowledged, or a window is shut.

    What would have shortened it may have come with a packet that refreshed nothing: more time ``left`` than a timer has is not its.
    """
    timers = config.timeout_list()
    if own not in DEFAULT_TIMEOUTS:
        return "generic"
    full = timers[timer_number(own)]
    shorter = [name for name in ("tcp.max_retrans", "tcp.unacknowledged") if left <= timers[timer_number(name)] < full]
    flags = words[layout.W_SIDE + layout.SIDE_FLAGS] | words[layout.W_SIDE + layout.SIDE_WORDS + layout.SIDE_FLAGS]
    unanswered = not words[layout.W_STATUS] & consts.STATUS_SEEN_REPLY and own == "tcp.established"
    if words[layout.W_LAST] >> 16 >= config.tcp_max_retrans and "tcp.max_retrans" in shorter:
        return "tcp.max_retrans"
    if words[layout.W_LAST] & 0xFF == layout.SEG_RST and own == "tcp.established":
        own = "tcp.unacknowledged" if config.rst_keeps_unacknowledged else "tcp.close"
        return own if left <= timers[timer_number(own)] < full else "tcp.established"
    if (flags & layout.SIDE_UNACKED or unanswered) and "tcp.unacknowledged" in shorter:
        return "tcp.unacknowledged"
    if words[layout.W_LAST_WIN] & 0xFFFF == 0 and "tcp.max_retrans" in shorter:
        return "tcp.max_retrans"
    return own
