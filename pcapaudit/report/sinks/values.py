"""From batches and flow rows to the columns of the tables: numbers only, texts are the writers' business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import (
    PROTO_DCCP,
    PROTO_GRE,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
    REASON_ICMP_OFF_PATH,
    REASON_TCP_ACK_OVER,
    REASON_TCP_ACK_UNDER,
    REASON_TCP_OVERSHOT,
    REASON_TCP_RST_SEQ,
    REASON_TCP_SEQ_OVER,
    REASON_TCP_SEQ_UNDER,
    VLAN_NONE,
)
from pcapaudit.report.sinks.names import STATE_SHIFTS
from pcapaudit.report.sinks.rows import NOTHING

__all__ = ["LETTER_WORDS", "Block", "flow_block", "verdict_block"]

#: Letters columns → words of eight bytes that hold their longest text: FLOW_DTYPE's history, and the 30 characters of a Community ID.
LETTER_WORDS = {"history": 3, "community_id": 4}
_NOTHING = np.uint64(NOTHING)
#: Protocols whose tuple has a source port (or identifier), and a destination port.
_HAS_SPORT = np.isin(np.arange(256), [PROTO_TCP, PROTO_UDP, PROTO_UDPLITE, PROTO_SCTP, PROTO_DCCP, PROTO_GRE, PROTO_ICMP, PROTO_ICMPV6])
_HAS_DPORT = _HAS_SPORT & ~np.isin(np.arange(256), [PROTO_ICMP, PROTO_ICMPV6])
_IS_ICMP = np.isin(np.arange(256), [PROTO_ICMP, PROTO_ICMPV6])
#: What is added to a protocol's state to find its name, as in ``names.STATE_SHIFTS``.
_STATE_SHIFT = np.zeros(256, np.uint8)
for _proto, _shift in STATE_SHIFTS.items():
    _STATE_SHIFT[_proto] = _shift
_HAS_BOUNDS = np.isin(
    np.arange(65536),
    [
        REASON_ICMP_OFF_PATH,
        REASON_TCP_SEQ_OVER,
        REASON_TCP_SEQ_UNDER,
        REASON_TCP_ACK_OVER,
        REASON_TCP_ACK_UNDER,
        REASON_TCP_RST_SEQ,
        REASON_TCP_OVERSHOT,
    ],
)


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a table."""

    #: Rows.
    count: int
    #: Column name to its cells: one array; three (upper half, lower half, family) for an address; an array of bytes for letters.
    #: ``NOTHING`` stands for no value; a code beyond its table of names has none either.
    values: dict[str, tuple[Any, ...]]


def _given(array: Any, given: Any) -> tuple[Any]:
    """The values where ``given`` holds, NOTHING elsewhere."""
    return (np.where(given, array.astype(np.uint64), _NOTHING),)


def _unless(array: Any, absent: int) -> tuple[Any]:
    """The values but for ``absent``, which means nothing."""
    return _given(array, array != absent)


def verdict_block(batch: PacketBatch, verdicts: VerdictBatch, place_of_chain: int) -> Block:
    """The rows of the verdicts table for a batch. ``place_of_chain``: as in ``Names``."""
    count = batch.count
    p: Callable[[str], Any] = lambda name: batch.arrays[name][:count]  # noqa: E731  # two dozen look-ups read better short
    v: Callable[[str], Any] = lambda name: verdicts.arrays[name][:count]  # noqa: E731
    proto, l3, rule, chain = p("proto"), p("l3"), v("rule"), v("chain")
    bounds = _HAS_BOUNDS[v("reason")]
    values = {
        "frame": (np.arange(batch.first_frame, batch.first_frame + count, dtype=np.uint64),),
        "file": (p("file_id") + 1,),
        "file_frame": (p("file_frame"),),
        "ts_ns": (p("ts_ns"),),
        "iif": (p("iif"),),
        "oif": (p("oif"),),
        "src": (p("src_hi"), p("src_lo"), l3),
        "sport": _given(p("sport"), _HAS_SPORT[proto] & (l3 != 0)),
        "dst": (p("dst_hi"), p("dst_lo"), l3),
        "dport": _given(p("dport"), _HAS_DPORT[proto] & (l3 != 0)),
        "proto": _given(proto, l3 != 0),
        "bytes": (p("origlen"),),
        "verdict": (v("verdict"),),
        "decided": (v("decided"),),
        "reason": (v("reason"),),
        "rule": _unless(rule, 0),
        "rule_at": _given(np.where(rule != 0, rule, chain + np.uint32(place_of_chain)), (rule != 0) | (chain != 0)),
        "chain": (chain,),
        "cause_at": (v("cause"),),
        "hook": (v("hook"),),
        "ct_state": (v("ct_state"),),
        "direction": (v("direction"),),
        "tcp_state": (v("tcp_state") + _STATE_SHIFT[proto],),
        "ct_status": (v("ct_status"),),
        "flow": _unless(v("flow"), 0),
        "parent": _unless(v("parent"), 0),
        "timeout_ns": _unless(v("timeout_ns"), 0),
        "seq_low": _given(v("bound_low"), bounds),
        "seq_high": _given(v("bound_high"), bounds),
        "seq_seen": _given(v("seen"), bounds),
        "anomalies": (p("anomalies"),),
        "datagram": _unless(v("datagram"), 0),
    }
    return Block(count, values)


def flow_block(flows: Any, community_ids: Any) -> Block:
    """The rows of the flows table for FLOW_DTYPE rows and their Community IDs (an array of bytes)."""
    proto, l3 = flows["proto"], flows["l3"]
    src, dst = (flows["src_hi"], flows["src_lo"], l3), (flows["dst_hi"], flows["dst_lo"], l3)
    sport = _given(flows["sport"], _HAS_SPORT[proto])
    dport = _given(flows["dport"], _HAS_DPORT[proto])
    icmp = _IS_ICMP[proto]
    values = {
        "flow": (flows["flow"],),
        "parent": _unless(flows["parent"], 0),
        "helper": (flows["helper"],),
        "src": src,
        "sport": sport,
        "dst": dst,
        "dport": dport,
        "proto": (proto,),
        # No address is translated in a replay: the reply tuple is the original one turned round, an ICMP identifier stays.
        "reply_src": dst,
        "reply_sport": (np.where(icmp, sport[0], dport[0]),),
        "reply_dst": src,
        "reply_dport": (np.where(icmp, dport[0], sport[0]),),
        "icmp_type": _given(flows["icmp_type"], icmp),
        "icmp_code": _given(flows["icmp_code"], icmp),
        "from_zone": (flows["iif"],),
        "to_zone": (flows["oif"],),
        "iif": (flows["iif"],),
        "oif": (flows["oif"],),
        "ct_zone": (flows["zone"],),
        "vlan": _unless(flows["vlan"], VLAN_NONE),
        "first_frame": (flows["first_frame"],),
        "last_frame": (flows["last_frame"],),
        "start": (flows["first_ns"],),
        "first_ns": (flows["first_ns"],),
        "last_ns": (flows["last_ns"],),
        "duration_ns": (flows["last_ns"] - flows["first_ns"],),
        "end_ns": (flows["end_ns"],),
        "end_reason": (flows["end"],),
        "orig_packets": (flows["packets"][:, 0],),
        "reply_packets": (flows["packets"][:, 1],),
        "orig_bytes": (flows["bytes"][:, 0],),
        "reply_bytes": (flows["bytes"][:, 1],),
        "orig_flags": (flows["tcp_flags"][:, 0],),
        "reply_flags": (flows["tcp_flags"][:, 1],),
        "history": (flows["history"],),
        "tcp_state": (flows["tcp_state"] + _STATE_SHIFT[proto],),
        "ct_status": (flows["status"],),
        "blocked": (flows["blocked"],),
        "accepted": (flows["accepted"],),
        "dropped": (flows["dropped"],),
        "rejected": (flows["rejected"],),
        "undecided": (flows["undecided"],),
        "invalid": (flows["invalid"],),
        "rule": _unless(flows["rule"], 0),
        "rule_at": (flows["rule"],),
        "reason": (flows["reason"],),
        "first_blocked_frame": _unless(flows["first_blocked_frame"], 0),
        "blocked_before": (flows["blocked_before"],),
        "first_reply_ns": _unless(flows["first_reply_ns"], 0),
        "max_gap_ns": (flows["max_gap_ns"],),
        "community_id": (community_ids,),
    }
    return Block(len(flows), values)
