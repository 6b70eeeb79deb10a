"""Traffic through NAT for the fuzzer: random nat rules, and the traffic of ``traffic.py`` as it comes in at the firewall.

A kernel sees packets come in, replies with the translated tuple. So every packet is shown to an engine while the traffic is made: what it
makes of a connection's first packet is the tuple with which the replies are sent. Where it is wrong the kernel takes them for something
else, and says so.

Half of the runs are a router's (hook forward: dnat, snat, masquerade), half a host's (hook input: dnat, redirect, snat of what comes in).
Source ports are many, so that no port has to be chosen by chance.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import traffic
from kernel_facts import OWN, Setup
from raw_packets import checksum
from traffic import GAPS, Step, Style

from pcapaudit.conntrack.layout import (
    NOTE_INDEXED,
    Q_DST_LO,
    Q_SRC_LO,
    ROW_QUADS,
    ROW_TRANSLATED,
    ROW_WORDS,
    W_NAT_NOTES,
    W_PORTS,
    W_STATUS,
)
from pcapaudit.core import consts
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.run import Engine, Source
from pcapaudit.rules import compile_ruleset, parse_ruleset

__all__ = ["packets", "setup"]

START_NS = 1_700_000_000_000_000_000
#: Addresses that rules translate to and from.
FRONT = [f"203.0.113.{host}" for host in range(1, 9)]
INSIDE = [f"10.0.0.{host}" for host in range(1, 9)]
OUTSIDE = [f"192.0.2.{host}" for host in range(1, 5)]
DNAT = (
    "ip daddr 203.0.113.1 dnat to 10.0.0.1",
    "ip daddr 203.0.113.2 tcp dport 80 dnat to 10.0.0.2:8080",
    "ip daddr 203.0.113.2 udp dport 53 dnat to 10.0.0.3:5353",
    "ip daddr 203.0.113.3 dnat to 10.0.0.4-10.0.0.7",
    "ip daddr 203.0.113.4 dnat to 10.0.0.4-10.0.0.7 persistent",
    "meta l4proto { tcp, udp } ip daddr 203.0.113.5 dnat to 10.0.0.8:7000-7010",
    "tcp dport 443 ip daddr 203.0.113.6 dnat to :8443",
    "dnat to ip daddr map { 203.0.113.7 : 10.0.0.5, 203.0.113.8 : 10.0.0.6 }",
    "ip daddr 203.0.113.6 udp dport 53 dnat to 203.0.113.6:54",
)
SNAT = (
    "ip saddr 10.0.0.1 ip daddr 192.0.2.0/24 snat to 203.0.113.40",
    "ip saddr 10.0.0.2 ip daddr 192.0.2.0/24 snat to 203.0.113.64-203.0.113.95",
    "ip saddr 10.0.0.3 ip daddr 192.0.2.0/24 snat to 203.0.113.64-203.0.113.95 persistent",
    "ip saddr 10.0.0.4 udp sport 1-65535 snat to 203.0.113.9:1024-65535",
    "ip saddr 10.0.0.5-10.0.0.8 ip daddr 192.0.2.0/24 masquerade",
    "ip daddr 10.0.0.2 tcp dport 8080 snat to 10.0.0.254",
    "ct status dnat ip saddr 192.0.2.1 snat to 10.0.0.253",
)
REDIRECT = (
    "tcp dport 80 redirect to :8080",
    "udp dport 53 redirect to :5353",
    "ip daddr 203.0.113.2 redirect",
    "tcp dport 443 redirect to :9000-9005",
)
FILTERS = (
    "",
    "ct state invalid drop;",
    "ct state established,related accept; ct status dnat accept; ip saddr 10.0.0.0/8 accept; drop;",
    "ct state new ct original ip daddr 203.0.113.2 drop; ct direction reply ct status snat accept;",
    "tcp dport 8443 ct original proto-dst 443 reject with tcp reset; ct state new tcp dport 22 drop;",
    "ip daddr 203.0.113.0/24 drop; ct reply ip saddr 10.0.0.3 drop;",
)


def setup(style: Style, sysctls: tuple[str, ...] = ()) -> Setup:
    """What both sides are told in a run."""
    r = random.Random(f"nat {style.seed}")
    hook = r.choice(("forward", "input"))
    before = r.sample(DNAT, r.randint(1, len(DNAT)))
    behind = r.sample(SNAT, r.randint(0, len(SNAT)))
    if hook == "input":
        before = [*r.sample(REDIRECT, r.randint(0, 2)), *before]
        behind = [each for each in behind if "masquerade" not in each]
    after = "postrouting" if hook == "forward" else "input"
    rules = (
        f"table ip n {{ chain pre {{ type nat hook prerouting priority -100; {'; '.join(before)}; }}; "
        f"chain post {{ type nat hook {after} priority 100; {' '.join(f'{each};' for each in behind)} }}; }}; "
        f"table ip f {{ chain c {{ type filter hook {hook} priority 0; policy accept; {r.choice(FILTERS)} }}; }}"
    )
    return Setup(rules, ("checksum=0", *sysctls), hook=hook)


def packets(style: Style, setup: Setup) -> list[tuple[int, bytes]]:
    """Packets (milliseconds, bytes) of a run; the same for the same style."""
    r = random.Random(style.seed)
    pause, firewall = GAPS[style.gaps], _Firewall(setup)
    traffic._IDENT[0] = r.getrandbits(15)  # identifications of fragments count through a run
    heap: list[tuple[int, int, _Flow]] = []
    made: list[tuple[int, bytes]] = []
    count = now = 0
    while len(made) < style.frames:
        while len(heap) < style.flows:
            count += 1
            heapq.heappush(heap, (now + pause(r), count, _Flow(r, style, count)))
        now, number, flow = heapq.heappop(heap)
        step = next(flow.steps, None)
        if step is None:
            continue
        packet = flow.as_it_comes(step[1])
        if r.random() < style.mangled:
            packet = traffic.mangle(r, packet)
        if firewall.takes(now, packet):
            made.append((now, packet))
            flow.learn(packet, firewall.leaving())
        heapq.heappush(heap, (now + (pause(r) if step[0] is None else step[0]), number, flow))
    return made


class _Flow:
    """A flow of ``traffic.py`` between a client and whom it means to talk to, and how its replies come."""

    def __init__(self, r: random.Random, style: Style, number: int) -> None:
        out = r.random() < 0.5
        self.client = r.choice(INSIDE if out else OUTSIDE), 1024 + number % 60000
        self.server = r.choice(OUTSIDE if out else FRONT), r.choice((80, 443, 53, 22))
        kind = r.choices(("tcp", "udp", "icmp", "other"), (70, 20, 8, 2))[0]
        self.steps: Iterator[Step] = traffic.FLOWS[kind](r, (self.client, self.server), style)
        #: The tuple with which it leaves, as (address, port) of both ends.
        self.there: tuple[tuple[str, int], tuple[str, int]] | None = None
        self._r = r

    def as_it_comes(self, packet: bytes) -> bytes:
        """The packet as it comes in: a reply, and what quotes a packet that went out, with the tuple that those who send it know."""
        if self.there is None or packet[0] >> 4 != 4 or packet[16:20] != _packed(self.client[0]):
            return packet
        (client, sport), (server, dport) = self.there
        names = {_packed(self.client[0]): _packed(client), _packed(self.server[0]): _packed(server)}
        ports = {self.client[1]: sport, self.server[1]: dport}
        return _renamed(packet, names, ports)

    def learn(self, packet: bytes, leaving: tuple[tuple[str, int], tuple[str, int]] | None) -> None:
        """Note how a packet of the client left."""
        if (
            leaving is not None
            and packet[0] >> 4 == 4
            and packet[12:16] == _packed(self.client[0])
            and packet[16:20] == _packed(self.server[0])
        ):
            self.there = leaving


class _Firewall:
    """An engine that is shown packet for packet."""

    def __init__(self, setup: Setup) -> None:
        topology, ruleset = setup.topology(), parse_ruleset(setup.ruleset())
        program = compile_ruleset(ruleset, topology.interfaces, topology.assumed)
        self._stream = _OneByOne()
        self._is_router = setup.hook == "forward"
        context = Context(self._stream, ruleset, program, topology, setup.config(), "ignore")
        self._source = Source(context.stream, "ignore")
        self._engine = Engine(context, self._source, 1)

    def takes(self, now: int, packet: bytes) -> bool:
        """Show it a packet. False for one that a kernel takes otherwise, and is meant to (DIFFERENCES.md, docs/nat.md).

        That is a packet that looks like one which the firewall sent on, and what goes to a router's own address and is no reply.
        """
        self._stream.given = now, packet
        self._source.read()
        self._engine.judge(())
        verdicts = self._engine.verdicts.arrays
        is_reply = int(verdicts["direction"][0]) == consts.DIR_REPLY
        to_itself = packet[0] >> 4 == 4 and packet[16:20] == _packed(OWN)
        return int(verdicts["reason"][0]) != consts.REASON_SEEN_TRANSLATED and (is_reply or not to_itself or not self._is_router)

    def leaving(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """The tuple with which that packet's connection leaves; None where it has none that is known."""
        row = int(self._engine.verdicts.arrays["row"][0])
        direction = int(self._engine.verdicts.arrays["direction"][0])
        is_error = int(self._source.batch.arrays["proto"][0]) == consts.PROTO_ICMP and int(self._source.batch.arrays["icmp_type"][0]) in (
            3,
            4,
            5,
            11,
            12,
        )
        if row == 0 or direction != consts.DIR_ORIGINAL or is_error:
            return None
        tracker = self._engine.tracker
        view = memoryview(tracker.table.memory)
        words, quads, partners = view.cast("I"), view.cast("Q"), memoryview(tracker.aliases.memory).cast("I")
        if words[row * ROW_WORDS + W_STATUS] & ROW_TRANSLATED:
            row = partners[row]
            if not words[row * ROW_WORDS + W_NAT_NOTES] & NOTE_INDEXED:
                return None
        ports = words[row * ROW_WORDS + W_PORTS]
        return (
            (_text(quads[row * ROW_QUADS + Q_SRC_LO]), ports & 0xFFFF),
            (_text(quads[row * ROW_QUADS + Q_DST_LO]), ports >> 16),
        )


class _OneByOne:
    """A stream of packets that are given one at a time."""

    def __init__(self) -> None:
        self.files: list[Any] = []
        self.interfaces: list[Any] = []
        self.warnings: list[str] = []
        self.given = 0, b""
        self._frames = 0

    def read_into(self, batch: Any) -> bool:
        """Fill the batch with the packet that was given."""
        now, packet = self.given
        self._frames += 1
        batch.buffer[: len(packet)] = np.frombuffer(packet, np.uint8)
        batch.count, batch.first_frame, batch.data_len = 1, self._frames, len(packet)
        values = {"caplen": len(packet), "origlen": len(packet), "linktype": 101, "file_frame": self._frames}
        for name in ("offset", "if_id", "file_id", "frame_flags", "anomalies"):
            batch.arrays[name][0] = 0
        for name, value in values.items():
            batch.arrays[name][0] = value
        batch.arrays["ts_ns"][0] = START_NS + now * 1_000_000
        return True


# Bytes ------------------------------------------------------------------------------------------------------------------------------------


def _packed(address: str) -> bytes:
    return bytes(map(int, address.split("."))) if ":" not in address else b""


def _text(number: int) -> str:
    return ".".join(map(str, number.to_bytes(4, "big")))


def _renamed(packet: bytes, names: dict[bytes, bytes], ports: dict[int, int]) -> bytes:
    """An IPv4 packet with other addresses and ports, also in what it quotes."""
    data = bytearray(packet)
    old = bytes(data[12:16]), bytes(data[16:20])
    for at, address in zip((12, 16), old, strict=True):
        data[at : at + 4] = names.get(address, address)
    proto = data[9]
    if proto in (6, 17) and len(data) >= 24:
        for at, address in zip((20, 22), old, strict=True):
            port = int.from_bytes(data[at : at + 2], "big")
            if address in names:
                data[at : at + 2] = ports.get(port, port).to_bytes(2, "big")
    elif proto == 1 and len(data) >= 28 and data[20] in (0, 8):
        port = int.from_bytes(data[24:26], "big")
        data[24:26] = ports.get(port, port).to_bytes(2, "big")
    elif proto == 1 and len(data) >= 48 and data[20] in (3, 4, 5, 11, 12) and data[28] >> 4 == 4:
        data[28:] = _renamed(bytes(data[28:]), names, ports)
        # NAT looks at the checksum of an error whatever conntrack is told about checksums.
        data[22:24] = b"\0\0"
        data[22:24] = checksum(bytes(data[20:])).to_bytes(2, "big")
    data[10:12] = b"\0\0"
    data[10:12] = checksum(bytes(data[:20])).to_bytes(2, "big")
    return bytes(data)
