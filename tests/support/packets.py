"""Batches made by hand for detectors: one dictionary of columns a packet, addresses as text."""

from __future__ import annotations

import numpy as np
from sample_run import START_NS, address, context

from pcapaudit.core import consts
from pcapaudit.core.columns import FLOW_DTYPE, PACKET_COLUMNS, PacketBatch, VerdictBatch
from pcapaudit.findings.scene import Scene

LAN, WAN = 0, 1
#: What a packet is unless it says otherwise: accepted, of an established TCP connection, from outside to inside.
DEFAULTS = {
    "proto": consts.PROTO_TCP,
    "iif": WAN,
    "oif": LAN,
    "path": consts.PATH_FORWARD,
    "verdict": consts.VERDICT_ACCEPT,
    "decided": 1,
    "hook": consts.HOOK_FORWARD,
    "ct_state": consts.CT_ESTABLISHED,
    "ct_status": consts.STATUS_CONFIRMED,
    "tcp_flags": consts.TCP_ACK,
    "ip_len": 40,
    "origlen": 54,
    "ttl": 60,
}
_PACKET = {name for name, *_ in PACKET_COLUMNS}


def packets(*rows, first_frame=1):
    """A batch of packets: ``src``, ``dst`` and ``payload`` are understood, ``at`` is a time in seconds, the rest are columns."""
    batch, verdicts = PacketBatch(), VerdictBatch()
    batch.count, batch.first_frame = len(rows), first_frame
    used = 0
    for i, row in enumerate(rows):
        values = {**DEFAULTS, **_ends(row), **row}
        payload = values.pop("payload", b"")
        values.setdefault("ts_ns", START_NS + round(values.pop("at", (first_frame + i) * 0.001) * 1e9))
        if payload:
            batch.buffer[used + 40 : used + 40 + len(payload)] = np.frombuffer(payload, np.uint8)
            values |= {"payload_off": used + 40, "end_off": used + 40 + len(payload)}
            values.setdefault("payload_len", len(payload))
            used += 40 + len(payload)
        for name, value in values.items():
            if name not in {"src", "dst", "at"}:
                (batch if name in _PACKET else verdicts).arrays[name][i] = value
    batch.data_len = used
    return batch, verdicts


def flow_rows(*rows):
    """Ended flows: ``src`` and ``dst`` are understood, the rest are fields."""
    made = np.zeros(len(rows), FLOW_DTYPE)
    for made_row, row in zip(made, rows, strict=True):
        for name, value in {**DEFAULT_FLOW, **_ends(row), **row}.items():
            if name not in {"src", "dst"}:
                made_row[name] = value
    return made


DEFAULT_FLOW = {
    "proto": consts.PROTO_TCP,
    "iif": LAN,
    "oif": WAN,
    "end": consts.END_EOF,
    "first_ns": START_NS,
    "last_ns": START_NS,
    "vlan": consts.VLAN_NONE,
}


def found(detector, *batches, flows=None, **changes):
    """What a detector class finds in batches (pairs as ``packets`` makes them) and ended flows."""
    made = detector(Scene(context(**changes)))
    for batch, verdicts in batches:
        made.on_batch(batch, verdicts)
    if flows is not None:
        made.on_flows(flows)
    made.on_end()
    return made.violations()


def only(violations):
    """The one violation there is."""
    (violation,) = violations
    return violation


def _ends(row):
    (src_hi, src_lo, l3), (dst_hi, dst_lo, _) = address(row.get("src", "198.51.100.7")), address(row.get("dst", "192.168.10.20"))
    return {"src_hi": src_hi, "src_lo": src_lo, "dst_hi": dst_hi, "dst_lo": dst_lo, "l3": l3}
