"""The captures that the benchmarks read: made with NumPy, the same bytes every time, kept in a folder from run to run.

A workload is a set of flows and a way to number their packets. TCP flows shake hands, exchange requests and responses with sequence
numbers that fit, and close; so conntrack has its full work and calls none of it invalid. Addresses from 10/8 and fd00::/16 are inside.
Payload bytes are zero, checksums are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import frames
import numpy as np

__all__ = ["NAMES", "Flows", "Packets", "make", "path_of"]

Array = Any

CHUNK_PACKETS = 100_000
START_NS = 1_700_000_000_000_000_000
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
# Packets of a TCP flow that are not data: SYN, SYN-ACK, ACK; FIN, FIN, ACK.
HANDSHAKE, CLOSING = 3, 3


@dataclass(slots=True)
class Flows:
    """Flows, one array element each."""

    #: Packets in the flow.
    packets: Array
    #: IANA protocol number, ICMP for IPv6 too.
    proto: Array
    #: True for IPv6.
    v6: Array
    #: True for a VLAN tag (id 100).
    vlan: Array
    #: Numbers from which the addresses of client and server are made.
    client: Array
    server: Array
    sport: Array
    dport: Array
    #: Payload of a request and of a response.
    request: Array
    response: Array
    #: Time of the first packet and between two packets, ns.
    start_ns: Array
    gap_ns: Array
    #: Initial sequence numbers of client and server.
    isn_client: Array
    isn_server: Array


@dataclass(slots=True)
class Packets:
    """Packets in order of time, one array element each."""

    flow: Array
    #: Position in the flow, from 0.
    position: Array
    ts_ns: Array = field(default=None)


def _flows(count: int, packets: Array, rng: np.random.Generator, duration_s: float) -> Flows:
    """Flows of mixed protocols: 80 % TCP, 17 % UDP, 3 % ICMP; 10 % IPv6, 10 % VLAN, independently."""
    kind = rng.random(count)
    proto = np.where(kind < 0.80, TCP, np.where(kind < 0.97, UDP, ICMP)).astype(np.uint8)
    ports = np.array([443, 443, 443, 80, 22, 993, 8443, 5432])
    return Flows(
        packets=packets,
        proto=proto,
        v6=rng.random(count) < 0.1,
        vlan=rng.random(count) < 0.1,
        client=rng.integers(1, 20_000, count).astype(np.uint64),
        server=rng.integers(1, 60_000, count).astype(np.uint64),
        sport=(10_000 + np.arange(count) % 55_000).astype(np.uint16),
        dport=np.where(proto == UDP, np.where(kind < 0.9, 53, 443), ports[rng.integers(0, len(ports), count)]).astype(np.uint16),
        request=rng.integers(40, 500, count),
        response=rng.integers(100, 1400, count),
        start_ns=(rng.random(count) * duration_s * 1e9).astype(np.int64),
        gap_ns=rng.integers(1_000_000, 300_000_000, count),
        isn_client=rng.integers(0, 1 << 32, count).astype(np.uint64),
        isn_server=rng.integers(0, 1 << 32, count).astype(np.uint64),
    )


def _mixed(packets: int, rng: np.random.Generator) -> Flows:
    """About 11 packets a flow: what an office's uplink carries."""
    count = max(1, packets * 177 // 2000)
    sizes = 6 + rng.geometric(1 / 5.9, count)
    sizes = np.minimum(sizes, 400)
    flows = _flows(count, sizes, rng, duration_s=300)
    short = flows.proto != TCP
    flows.packets = np.where(short, 2 * (1 + sizes // 3), sizes)
    return flows


def _scan(packets: int, rng: np.random.Generator) -> Flows:
    """One SYN a flow, from inside to ever new hosts and ports: nothing but new entries."""
    flows = _flows(packets, np.ones(packets, np.int64), rng, duration_s=100)
    numbers = np.arange(packets)
    flows.proto[:] = TCP
    flows.server = (numbers // 64 + 1).astype(np.uint64)
    flows.client[:] = 7
    flows.dport = (1 + numbers % 64).astype(np.uint16)
    flows.start_ns = numbers * 50_000
    return flows


def _long(packets: int, rng: np.random.Generator) -> Flows:
    """Sixteen TCP flows: the table stays in the cache, the window check does the work."""
    count = 16
    flows = _flows(count, np.full(count, packets // count), rng, duration_s=1)
    flows.proto[:] = TCP
    flows.gap_ns = rng.integers(100_000, 200_000, count)
    return flows


@dataclass(frozen=True, slots=True)
class _Workload:
    """A named workload."""

    #: What makes its flows, from a number of packets and a generator.
    flows: Callable[[int, np.random.Generator], Flows]
    #: Packets of a full run.
    packets: int
    snaplen: int


_WORKLOADS = {
    "mixed": _Workload(_mixed, 2_000_000, 96),
    "scan": _Workload(_scan, 2_000_000, 96),
    "long": _Workload(_long, 2_000_000, 96),
    "full": _Workload(_mixed, 1_000_000, 65_535),
}
NAMES = tuple(_WORKLOADS)


def path_of(name: str, folder: Path, packets: int | None = None) -> Path:
    """Where a workload lies; its name tells the number of packets."""
    return folder / f"{name}-{packets or _WORKLOADS[name].packets}.pcap"


def make(name: str, folder: Path, packets: int | None = None) -> Path:
    """The capture of a workload, made unless it is there. ``packets`` is a goal, met within a few per cent."""
    path = path_of(name, folder, packets)
    if not path.exists():
        workload = _WORKLOADS[name]
        folder.mkdir(parents=True, exist_ok=True)
        flows = workload.flows(packets or workload.packets, np.random.default_rng(2026))
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as out:
            out.write(frames.file_header(workload.snaplen))
            for chunk in _records(flows, workload.snaplen):
                out.write(chunk)
        unfinished.rename(path)
    return path


def _in_time_order(flows: Flows) -> Packets:
    """The packets of all flows as a capture would hold them. A flow's own packets keep their order."""
    flow = np.repeat(np.arange(len(flows.packets)), flows.packets)
    first = np.cumsum(flows.packets) - flows.packets
    position = np.arange(len(flow)) - first[flow]
    ts_ns = START_NS + flows.start_ns[flow] + position * flows.gap_ns[flow]
    order = np.argsort(ts_ns, kind="stable")
    return Packets(flow[order], position[order], ts_ns[order])


def _records(flows: Flows, snaplen: int) -> Iterator[bytes]:
    packets = _in_time_order(flows)
    step = CHUNK_PACKETS if snaplen < 1000 else CHUNK_PACKETS // 8
    for start in range(0, len(packets.flow), step):
        part = slice(start, start + step)
        yield frames.records(_describe(flows, packets.flow[part], packets.position[part], packets.ts_ns[part]), snaplen)


def _describe(flows: Flows, flow: Array, position: Array, ts_ns: Array) -> frames.Fields:
    """What the headers of some packets say."""
    tcp = flows.proto[flow] == TCP
    from_client = np.where(tcp, _tcp_from_client(flows, flow, position), position % 2 == 0)
    fields = frames.Fields(
        ts_ns=ts_ns,
        v6=flows.v6[flow],
        vlan=flows.vlan[flow],
        proto=flows.proto[flow],
        from_client=from_client,
        client=flows.client[flow],
        server=flows.server[flow],
        sport=np.where(from_client, flows.sport[flow], flows.dport[flow]),
        dport=np.where(from_client, flows.dport[flow], flows.sport[flow]),
        payload=np.where(from_client, flows.request[flow], flows.response[flow]),
        identifier=flows.sport[flow],
        position=position,
    )
    _number_tcp(fields, flows, flow, position)
    return fields


def _tcp_from_client(flows: Flows, flow: Array, position: Array) -> Array:
    """SYN, SYN-ACK, ACK, then request, response, ACK in turn, then FIN, FIN, ACK."""
    closing = position - (flows.packets[flow] - CLOSING)
    data = (position - HANDSHAKE) % 3 != 1
    return np.where(position < HANDSHAKE, position != 1, np.where(closing >= 0, closing != 1, data))


def _number_tcp(fields: frames.Fields, flows: Flows, flow: Array, position: Array) -> None:
    """Sequence and acknowledgement numbers, flags and payload of the TCP packets among ``fields``, in closed form."""
    size = flows.packets[flow]
    opening = position < HANDSHAKE
    closing = (position >= size - CLOSING) & (size > HANDSHAKE)
    # How many requests and responses went before this packet.
    done = np.where(closing, size - CLOSING, position) - HANDSHAKE
    done = np.maximum(done, 0)
    requests, responses = (done + 2) // 3, (done + 1) // 3
    nth = position - (size - CLOSING)
    begun = (position > 0).astype(np.int64)
    answered = (position > 1).astype(np.int64)
    sent_client = begun + requests * flows.request[flow] + (closing & (nth > 0))
    sent_server = answered + responses * flows.response[flow] + (closing & (nth > 1))
    client = (flows.isn_client[flow] + sent_client.astype(np.uint64)) & np.uint64(0xFFFFFFFF)
    server = (flows.isn_server[flow] + sent_server.astype(np.uint64)) & np.uint64(0xFFFFFFFF)
    fields.seq = np.where(fields.from_client, client, server)
    fields.ack = np.where(position == 0, 0, np.where(fields.from_client, server, client))
    syn, fin = frames.SYN, frames.FIN
    flags = np.where(position == 0, syn, np.where(position == 1, syn | frames.ACK, frames.ACK))
    fields.flags = np.where(closing & (nth < 2), fin | frames.ACK, flags)
    silent = opening | closing | ((position - HANDSHAKE) % 3 == 2)
    fields.payload = np.where((fields.proto == TCP) & silent, 0, fields.payload)
