"""Packets that a person made up, run through the engine: frames from texts, a stream of them, and where they come and go.

The frames are raw IP, built with dpkt, checksums and all. Every packet is traced; the tracer is also where the interfaces and the way that
the text asks for are put in place of the topology's, before the engine looks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dpkt
import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology, Zone
from pcapaudit.replay.trace import FrameTrace, Tracer

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.packet_text import PacketText
    from pcapaudit.rules.compile import Program

__all__ = ["START_NS", "MadeStream", "frames_of", "topology_for", "trace_made"]

#: Time of the first packet: the start of 2024, a Monday, UTC.
START_NS = 1_704_067_200_000_000_000
_LINKTYPE_RAW = 101
_FIRST_SEQ = {True: 1000, False: 5000}
#: What opens an association: type, flags, length; tag, window, streams out and in, first number.
_SCTP_INIT = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)


class MadeStream:
    """A stream of frames in memory, one a batch."""

    def __init__(self, frames: Sequence[tuple[int, bytes]]) -> None:
        self.files: list[Any] = []
        self.interfaces: list[Any] = []
        self.warnings: list[str] = []
        self._frames = frames
        self._at = 0

    def read_into(self, batch: PacketBatch) -> bool:
        """Fill the batch with the next frame; False at the end."""
        if self._at == len(self._frames):
            batch.count = 0
            return False
        ts_ns, data = self._frames[self._at]
        self._at += 1
        batch.buffer[: len(data)] = np.frombuffer(data, np.uint8)
        batch.count, batch.first_frame, batch.data_len = 1, self._at, len(data)
        values = {"ts_ns": ts_ns, "caplen": len(data), "origlen": len(data), "linktype": _LINKTYPE_RAW, "file_frame": self._at}
        for name in ("offset", "if_id", "file_id", "frame_flags", "anomalies"):
            batch.arrays[name][0] = 0
        for name, value in values.items():
            batch.arrays[name][0] = value
        return True


def frames_of(packets: Sequence[PacketText]) -> list[tuple[int, bytes]]:
    """(time in ns, IP packet) of each."""
    talk, now, found = _Talk(), START_NS, []
    for number, packet in enumerate(packets):
        now += packet.after_ns if number else 0
        found.append((now, _ip(packet, talk.transport(packet))))
    return found


def topology_for(packets: Sequence[PacketText]) -> Topology:
    """Interfaces that the packets name, and nothing else: what each text says holds, and addresses tell nothing."""
    names = dict.fromkeys(name for packet in packets for name in (packet.come_by, packet.leave_by) if name)
    return Topology(tuple(Zone(name, name, (), inside=False) for name in names))


def trace_made(context: Context, packets: Sequence[PacketText], seed: int = 0) -> list[FrameTrace]:
    """Run the packets of ``context.stream`` (of a MadeStream) and trace them all. Raises ConfigError for a name that nothing has."""
    tracer = _Placer(packets, context)
    source = Source(context.stream, context.checksum)
    engine = Engine(context, source, seed, tracer)
    while source.read():
        packet = packets[source.batch.first_frame - 1]
        tracer.mark_next(engine, packet.mark)
        if packet.ct_state is None:
            engine.judge(())
        else:
            engine.judge_as(packet.ct_state)
    return tracer.traces


class _Placer(Tracer):
    """Traces every packet, and puts it where its text says."""

    def __init__(self, packets: Sequence[PacketText], context: Context) -> None:
        super().__init__(range(1, len(packets) + 1))
        self._packets = packets
        self._topology = context.topology
        self._program: Program = context.program
        # Where neither topology nor text tells the way, the chains do.
        self._placed = any(zone.prefixes for zone in context.topology.zones)

    def mark_next(self, engine: Engine, mark: int) -> None:
        """The next packet arrives with this mark."""
        engine.set_mark(mark)

    def before(self, row: int, now: int) -> None:
        """See Tracer."""
        array, packet = self._batch.arrays, self._packets[int(self._batch.first_frame + row) - 1]
        path = packet.path
        if path is None and packet.come_by and packet.leave_by:
            path = consts.PATH_FORWARD
        elif path is None and packet.leave_by and not packet.come_by:
            path = consts.PATH_OUTPUT
        elif path is None and not self._placed:
            path = self._program.main_path
        if path is not None:
            array["path"][row] = path
        if not self._placed:
            array["iif"][row] = array["oif"][row] = consts.IFACE_UNKNOWN
        if path == consts.PATH_OUTPUT:
            array["iif"][row] = consts.IFACE_NONE
        if path == consts.PATH_INPUT:
            array["oif"][row] = consts.IFACE_NONE
        if packet.come_by:
            array["iif"][row] = self._index(packet.come_by)
        if packet.leave_by:
            array["oif"][row] = self._index(packet.leave_by)
        super().before(row, now)

    def _index(self, name: str) -> int:
        """Index of an interface, or of a zone."""
        for by in ("iface", "name"):
            for index, zone in enumerate(self._topology.zones):
                if getattr(zone, by) == name:
                    return index
        known = ", ".join(dict.fromkeys(each for zone in self._topology.zones for each in (zone.iface, zone.name)))
        raise ConfigError(f"no interface and no zone is called {name!r}: there are {known}")


# Frames ---------------------------------------------------------------------------------------------------------------------------


class _Talk:
    """Where the conversations are: sequence numbers that the next segments have."""

    def __init__(self) -> None:
        self._next: dict[tuple[Any, ...], int] = {}

    def transport(self, packet: PacketText) -> bytes:
        """Transport header and payload."""
        room = packet.length - (20 if packet.source.version == 4 else 40) if packet.length else 0
        if packet.proto == consts.PROTO_TCP:
            return self._tcp(packet, bytes(max(0, room - 20)))
        if packet.proto == consts.PROTO_UDPLITE:
            payload = bytes(max(0, room - 8))
            return packet.sport.to_bytes(2) + packet.dport.to_bytes(2) + bytes(4) + payload
        if packet.proto == consts.PROTO_UDP:
            return bytes(dpkt.udp.UDP(sport=packet.sport, dport=packet.dport, ulen=8 + max(0, room - 8), data=bytes(max(0, room - 8))))
        if packet.proto == consts.PROTO_SCTP:
            return struct.pack("!HHII", packet.sport, packet.dport, 0, 0) + _SCTP_INIT
        if packet.proto in (consts.PROTO_ICMP, consts.PROTO_ICMPV6):
            rest = packet.icmp_id.to_bytes(2) + bytes(2) + bytes(max(0, room - 8))
            return bytes((packet.icmp_type, packet.icmp_code, 0, 0)) + rest
        return bytes(max(8, room))

    def _tcp(self, packet: PacketText, payload: bytes) -> bytes:
        mine, other = (packet.source, packet.sport, packet.target, packet.dport), (packet.target, packet.dport, packet.source, packet.sport)
        known = self._next.get(mine)
        flags = packet.flags
        if flags is None:
            flags = dpkt.tcp.TH_SYN if known is None and other not in self._next else dpkt.tcp.TH_ACK
        seq = packet.seq if packet.seq is not None else self._next.setdefault(mine, _FIRST_SEQ[other not in self._next])
        ack = packet.ack if packet.ack is not None else self._next.get(other, 0) if flags & dpkt.tcp.TH_ACK else 0
        length = len(payload) + bool(flags & dpkt.tcp.TH_SYN) + bool(flags & dpkt.tcp.TH_FIN)
        self._next[mine] = seq + length & 0xFFFFFFFF
        return bytes(dpkt.tcp.TCP(sport=packet.sport, dport=packet.dport, flags=flags, seq=seq, ack=ack, win=65535, data=payload))


def _ip(packet: PacketText, transport: bytes) -> bytes:
    """The IP packet, with the checksums that dpkt computes where the transport is one of its own."""
    made: Any
    if packet.source.version == 4:
        made = dpkt.ip.IP(src=packet.source.packed, dst=packet.target.packed, p=packet.proto, ttl=packet.ttl, id=1)
        made.len = 20 + len(transport)
    else:
        made = dpkt.ip6.IP6(src=packet.source.packed, dst=packet.target.packed, nxt=packet.proto, hlim=packet.ttl, plen=len(transport))
    made.data = transport
    return bytes(made)
