"""Small replays for tests: packets made by hand, run through the whole engine, with what it said of each as plain values."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from types import SimpleNamespace

import numpy as np
from wire_rows import RAW, fill

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import run
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import parse_ruleset

__all__ = [
    "ACCEPT_ALL",
    "DROP_ALL",
    "INSIDE_OUT",
    "Collector",
    "MemoryStream",
    "context_for",
    "dccp",
    "fragment",
    "fragments",
    "icmp",
    "ip",
    "replay",
    "sctp",
    "tcp",
    "udp",
]

ACCEPT_ALL = "table inet t { chain c { type filter hook forward priority 0; policy accept; } }"
DROP_ALL = "table inet t { chain c { type filter hook forward priority 0; policy drop; } }"
INSIDE_OUT = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "inside" ct state new accept } }"""
START_NS = 1_700_000_000_000_000_000
#: Names of the states of other protocols than TCP.
_STATES = {consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}
_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "A": 16, "U": 32, "E": 64, "C": 128}


def ip(src, dst, proto, payload, *, ttl=64, total=None):
    """An IP packet; the version is that of the addresses."""
    source, target = ip_address(src), ip_address(dst)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + source.packed + target.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, total or 20 + len(payload), 1, 0, ttl, proto, 0) + source.packed + target.packed
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + payload


def _sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(src, dst, flags, seq=0, ack=0, **more):
    """A TCP segment between ``"address:port"`` texts; flags as tcpdump writes them. ``win``, ``data`` (length), ``options`` (bytes)."""
    (source, sport), (target, dport) = _end(src), _end(dst)
    options = more.get("options", b"")
    bits = sum(_FLAGS[letter] for letter in flags)
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, bits, more.get("win", 8192), 0, 0)
    return ip(source, target, 6, head + options + bytes(more.get("data", 0)))


def udp(src, dst, data=b"x"):
    """A UDP datagram between ``"address:port"`` texts."""
    (source, sport), (target, dport) = _end(src), _end(dst)
    return ip(source, target, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def fragments(packet, *cuts, ident=7):
    """An IPv4 packet in fragments: its payload cut at these bytes (multiples of eight)."""
    data = packet[20:]
    parts = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        parts.append(fragment(packet, start, data[start:end], more=end < len(data), ident=ident))
    return parts


def fragment(packet, start, data, *, more, ident=7):
    """One fragment of an IPv4 packet: ``data`` of its payload from byte ``start`` on."""
    head = packet[:2] + struct.pack("!HHH", 20 + len(data), ident, start // 8 | more << 13) + packet[8:10]
    return head + struct.pack("!H", _sum(head + packet[12:20])) + packet[12:20] + data


def sctp(src, dst, tag, *chunks):
    """An SCTP packet between ``"address:port"`` texts. A chunk is bytes, or a tuple: type, body, flags."""
    (source, sport), (target, dport) = _end(src), _end(dst)
    parts = [chunk if isinstance(chunk, bytes) else _chunk(*chunk) for chunk in chunks]
    return ip(source, target, 132, struct.pack("!HHII", sport, dport, tag, 0) + b"".join(parts))


def _chunk(kind, body=b"", flags=0):
    return struct.pack("!BBH", kind, flags, 4 + len(body)) + body + bytes(-len(body) % 4)


def dccp(src, dst, kind, seq=0, ack=0, **more):
    """A DCCP packet between ``"address:port"`` texts, of a type's number. ``x`` (1: 48-bit sequence numbers), ``code`` of a Reset, ``data``
    (bytes), ``coverage``; ``offset``: a data offset that is not the header's own."""
    (source, sport), (target, dport) = _end(src), _end(dst)
    long = more.get("x", 1)
    numbers = struct.pack("!BHI", 0, seq >> 32, seq & 0xFFFFFFFF) if long else struct.pack("!I", seq & 0xFFFFFF)[1:]
    behind = struct.pack("!HHI", 0, ack >> 32, ack & 0xFFFFFFFF)
    behind = {0: b"svc0", 1: behind + b"svc0", 2: b"", 7: behind + bytes([more.get("code", 1), 0, 0, 0])}.get(kind, behind)
    offset = more.get("offset", (9 + len(numbers) + len(behind)) // 4)
    head = struct.pack("!HHBBHB", sport, dport, offset, more.get("coverage", 0), 0, kind << 1 | long)
    return ip(source, target, 33, head + numbers + behind + more.get("data", b""))


def icmp(src, dst, kind, code=0, *, ident=1, data=b""):
    """An ICMP or ICMPv6 message; ``data`` follows the eight bytes of header."""
    proto = 58 if ip_address(src).version == 6 else 1
    return ip(src, dst, proto, struct.pack("!BBHHH", kind, code, 0, ident, 1) + data)


def _end(text):
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


class MemoryStream:
    """A stream of (seconds, IP packet); at most ``rows`` frames a batch, and ``snaplen`` bytes a frame."""

    #: As a stream of files that grow would say it: what is behind is not known.
    live = True

    def __init__(self, packets, rows=consts.BATCH_FRAMES, snaplen=None):
        self.packets, self.rows, self.snaplen, self.frames = list(packets), rows, snaplen, 0
        self.files, self.interfaces, self.warnings = [], [], []

    def read_into(self, batch):
        """Fill the batch with the next frames."""
        part = self.packets[self.frames : self.frames + self.rows]
        if not part:
            return False
        lengths = [len(packet) for _, packet in part]
        fill(batch, [packet[: self.snaplen] for _, packet in part], linktype=RAW, origlens=lengths)
        batch.arrays["ts_ns"][: len(part)] = [START_NS + round(at * 1e9) for at, _ in part]
        batch.first_frame = self.frames + 1
        self.frames += len(part)
        return True


class Collector:
    """Keeps what the engine said: one object a packet (``state``, ``verdict``, ``reason``, …), and the flow rows.

    ``stage`` is the name of the protocol's state: TCP, SCTP or DCCP.
    """

    def __init__(self):
        self.rows, self.flows, self.ended = [], [], False

    def on_batch(self, batch, verdicts):
        """Keep the packets."""
        for i in range(batch.count):
            values = {name: int(array[i]) for name, array in verdicts.arrays.items()}
            self.rows.append(
                SimpleNamespace(
                    **values | {"anomalies": vocab.anomaly_names(int(batch.arrays["anomalies"][i]))},
                    state=vocab.CT_STATES[values["ct_state"]],
                    tcp=vocab.TCP_STATES[values["tcp_state"]],
                    stage=_STATES.get(int(batch.arrays["proto"][i]), vocab.TCP_STATES).get(values["tcp_state"]),
                    said=vocab.VERDICTS[values["verdict"]],
                    why=vocab.REASONS[values["reason"]],
                    way=vocab.DIRECTIONS[values["direction"]],
                    status=vocab.status_names(values["ct_status"]),
                    left=values["timeout_ns"] / 1e9,
                )
            )

    def on_flows(self, flows):
        """Keep the flows."""
        self.flows += list(flows)

    def on_end(self):
        """Note the end."""
        self.ended = True


def context_for(packets, rules=ACCEPT_ALL, *, config=None, mode="what-if", rows=consts.BATCH_FRAMES, snaplen=None, topology=None):
    """A context over packets in memory; without a topology 10/8 is inside; checksums are not looked at."""
    topology = topology or Topology.from_options(local=["10.0.0.0/8", "fd00::/8"])
    ruleset = parse_ruleset(rules, "test.nft")
    program = program_for(ruleset, topology)
    return Context(MemoryStream(packets, rows, snaplen), ruleset, program, topology, config or ConntrackConfig(), "ignore", mode)


def replay(packets, rules=ACCEPT_ALL, **options):
    """Run packets [(seconds, bytes)] through the engine: a Collector with ``rows``, ``flows`` (by number) and ``totals``."""
    collector = Collector()
    seed = options.pop("seed", 1)
    collector.totals = run(context_for(packets, rules, **options), [collector], seed)
    collector.flows = sorted(collector.flows, key=lambda flow: int(flow["flow"]))
    assert [int(each["flow"]) for each in collector.flows] == list(range(1, collector.totals.flows + 1))
    assert np.all([each["packets"].sum() for each in collector.flows])
    return collector
