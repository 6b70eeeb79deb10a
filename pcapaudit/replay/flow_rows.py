"""Turns the engine's copies of ended flows into rows of FLOW_DTYPE, all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcapaudit.conntrack import layout as conn
from pcapaudit.core import consts
from pcapaudit.core.columns import FLOW_DTYPE
from pcapaudit.replay import flow_layout as flow

__all__ = ["flow_rows"]

#: Letters by HISTORY_ number, of the original side and (from 16 on) of the reply side; number 0 ends the history.
_LETTERS = np.frombuffer(b"\0SHADFRCTW\0\0\0\0\0\0\0shadfrctw\0\0\0\0\0\0", np.uint8)
#: Protocols whose ports word holds identifier, type and code.
_ICMP = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)


def flow_rows(taken: Any) -> Any:
    """Rows of FLOW_DTYPE from a (count, OUT_QUADS) array of uint64, as ``FlowTable.take`` gives it."""
    rows = np.zeros(len(taken), FLOW_DTYPE)
    if not len(taken):
        return rows
    words = taken.view(np.uint32)
    _tuples(rows, taken, words)
    _connection(rows, taken, words)
    _way(rows, words[:, 2 * flow.OUT_FLOW :])
    _counts(rows, taken[:, flow.OUT_FLOW :], words[:, 2 * flow.OUT_FLOW :])
    return rows


def _tuples(rows: Any, quads: Any, words: Any) -> None:
    """Addresses, ports, protocol."""
    for name, quad in (("src_hi", conn.Q_SRC_HI), ("src_lo", conn.Q_SRC_LO), ("dst_hi", conn.Q_DST_HI), ("dst_lo", conn.Q_DST_LO)):
        rows[name] = quads[:, quad]
    proto = words[:, conn.W_PROTO]
    rows["proto"], rows["l3"], rows["zone"] = proto & 0xFF, proto >> 8 & 0xFF, proto >> 16
    ports = words[:, conn.W_PORTS]
    icmp = np.isin(rows["proto"], _ICMP)
    rows["sport"] = ports & 0xFFFF
    rows["dport"] = np.where(icmp, 0, ports >> 16)
    rows["icmp_type"] = np.where(icmp, ports >> 16 & 0xFF, 0)
    rows["icmp_code"] = np.where(icmp, ports >> 24, 0)


def _connection(rows: Any, quads: Any, words: Any) -> None:
    """What conntrack knew at the end."""
    status = words[:, conn.W_STATUS]
    rows["flow"], rows["parent"] = words[:, conn.W_FLOW], words[:, conn.W_PARENT]
    rows["status"], rows["tcp_state"] = status & conn.STATUS_SHOWN, status >> 16 & 15
    rows["helper"] = status >> conn.HELPER_SHIFT & 15
    rows["blocked"] = status >> 24 == conn.KIND_BLOCKED
    rows["end"] = quads[:, flow.OUT_WHY]
    rows["end_ns"] = quads[:, flow.OUT_WHEN].view(np.int64)


def _way(rows: Any, words: Any) -> None:
    """Interfaces, VLAN, and the unions of TCP flags."""
    way = words[:, flow.W_WAY]
    for name, shift in (("iif", 0), ("oif", 8)):
        number = way >> shift & 0xFF
        rows[name] = np.where(number < flow.IFACE_LIMIT, number, number | 0xFF00)
    rows["tcp_flags"][:, 0], rows["tcp_flags"][:, 1] = way >> 16 & 0xFF, way >> 24
    reason = words[:, flow.W_REASON]
    rows["reason"], rows["ttl"], rows["vlan"] = reason & 0xFF, reason >> 8 & 0xFF, reason >> 16


def _counts(rows: Any, quads: Any, words: Any) -> None:
    """Times, packets, bytes, verdicts, history."""
    first = quads[:, flow.Q_FIRST_FRAME]
    rows["first_frame"] = first
    # The last frame is known by its lower 32 bits.
    rows["last_frame"] = first + ((words[:, flow.W_LAST_FRAME] - first) & np.uint64(0xFFFFFFFF))
    for name, quad in (
        ("first_ns", flow.Q_FIRST_NS),
        ("last_ns", flow.Q_LAST_NS),
        ("first_reply_ns", flow.Q_FIRST_REPLY_NS),
        ("max_gap_ns", flow.Q_MAX_GAP_NS),
    ):
        rows[name] = quads[:, quad].view(np.int64)
    rows["packets"] = words[:, flow.W_PACKETS : flow.W_PACKETS + 2]
    rows["bytes"] = quads[:, flow.Q_BYTES : flow.Q_BYTES + 2]
    for name, word in (
        ("dropped", flow.W_DROPPED),
        ("rejected", flow.W_REJECTED),
        ("undecided", flow.W_UNDECIDED),
        ("invalid", flow.W_INVALID),
        ("rule", flow.W_RULE),
        ("blocked_before", flow.W_BLOCKED_COUNT),
    ):
        rows[name] = words[:, word]
    rows["accepted"] = rows["packets"].sum(axis=1) - rows["dropped"] - rows["rejected"]
    before = words[:, flow.W_BLOCKED_COUNT] > 0
    rows["first_blocked_frame"] = np.where(before, first - words[:, flow.W_BLOCKED_FRAME], 0)
    rows["history"] = _histories(quads[:, flow.Q_HISTORY])


def _histories(packed: Any) -> Any:
    """Histories as texts of 24 bytes."""
    shifts = np.arange(flow.HISTORY_LETTERS, dtype=np.uint64) * np.uint64(5)
    letters = np.zeros((len(packed), 24), np.uint8)
    letters[:, : flow.HISTORY_LETTERS] = _LETTERS[(packed[:, None] >> shifts & np.uint64(31)).astype(np.intp)]
    return letters.view("S24")[:, 0]
