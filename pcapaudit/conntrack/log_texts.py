"""What Linux logs about a packet that it calls invalid, or lets through unbelieved (sysctl nf_conntrack_log_invalid), by reason.

Facts, so that a line of a real firewall's log and what is said here can be recognised as the same thing. Reasons that Linux passes over
in silence have no text.
"""

from __future__ import annotations

from dataclasses import dataclass

from pcapaudit.core import consts, vocab

__all__ = ["Facts", "log_text"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the texts are about."""

    #: Protocol number.
    proto: int
    #: Acceptable values, and the one that was seen: the verdict columns bound_low, bound_high, seen.
    low: int = 0
    high: int = 0
    seen: int = 0
    #: SEG_ kind of the TCP segment, its direction, TCPS_ before it.
    kind: int = 0
    direction: int = 0
    state: int = 0
    #: How far the segment reaches beyond its window.
    overshot: int = 0
    #: Destination of an ICMP error, and source of the packet it quotes.
    outer: str = ""
    inner: str = ""


_MASK = 0xFFFFFFFF
#: reason → text with Facts by name; ``above`` and ``below`` are the numbers just outside the bounds, which Linux names.
_TEXTS = {
    consts.REASON_TCP_FLAGS: "invalid tcp flag combination",
    consts.REASON_TCP_STATE: "packet (index {kind}) in dir {direction} invalid, state {state}",
    consts.REASON_TCP_IGNORED: "packet (index {kind}) in dir {direction} ignored, state {state}",
    consts.REASON_TCP_SYN_ON_LIVE: "packet (index {kind}) in dir {direction} ignored, state {state}",
    consts.REASON_TCP_SYNACK_IGNORED: "packet (index {kind}) in dir {direction} ignored, state {state}",
    consts.REASON_TCP_CHALLENGE_ACK: "challenge-ack ignored",
    consts.REASON_TCP_RST_SEQ: "invalid rst",
    consts.REASON_TCP_NOT_OPENING: "invalid new",
    consts.REASON_TCP_SEQ_OVER: "SEQ is over upper bound {above} (over the window of the receiver)",
    consts.REASON_TCP_SEQ_UNDER: "SEQ is under lower bound {below} (already ACKed data retransmitted)",
    consts.REASON_TCP_ACK_OVER: "ACK is over upper bound {above} (ACKed data not seen yet)",
    consts.REASON_TCP_ACK_UNDER: "ignored ACK under lower bound {below} (possible overly delayed)",
    consts.REASON_TCP_OVERSHOT: "{overshot} bytes more than expected",
    consts.REASON_ICMP_TYPE: "invalid icmp type",
    consts.REASON_ICMP_QUOTE_SHORT: "short packet",
    consts.REASON_ICMP_QUOTE_MISMATCH: "outer daddr {outer} != inner {inner}",
    consts.REASON_SCTP_VTAG: "verification tag check failed",
    consts.REASON_UDPLITE_COVERAGE: "invalid checksum coverage",
    consts.REASON_DCCP_TYPE: "reserved packet type",
    consts.REASON_DCCP_STATE: "invalid state transition",
    consts.REASON_DCCP_IGNORED: "invalid packet",
    consts.REASON_DCCP_NOT_OPENING: "invalid state transition",
}
_BY_PROTOCOL = {
    consts.REASON_BAD_CHECKSUM: {
        consts.PROTO_ICMP: "bad hw icmp checksum",
        consts.PROTO_ICMPV6: "ICMPv6 checksum failed",
        consts.PROTO_SCTP: "bad CRC",
        0: "bad checksum",
    },
    consts.REASON_SHORT_HEADER: {consts.PROTO_TCP: "truncated packet", 0: "short packet"},
    consts.REASON_BAD_LENGTH: {consts.PROTO_UDP: "truncated/malformed packet", consts.PROTO_TCP: "truncated packet", 0: ""},
}


def log_text(reason: int, facts: Facts) -> str:
    """The text for a reason; empty where Linux writes none."""
    if reason in _BY_PROTOCOL:
        texts = _BY_PROTOCOL[reason]
        return texts.get(facts.proto, texts[0])
    return _TEXTS.get(reason, "").format(
        kind=facts.kind,
        direction=facts.direction,
        state=vocab.TCP_STATES.get(facts.state, "").upper() or "NONE",
        above=facts.high + 1 & _MASK,
        below=facts.low - 1 & _MASK,
        overshot=facts.overshot,
        outer=facts.outer,
        inner=facts.inner,
    )
