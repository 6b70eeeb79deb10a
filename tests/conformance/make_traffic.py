"""Writes rules/traffic.pcap: packets that ask every construct of the rules' language something.

    python tests/conformance/make_traffic.py

Raw IP, checksums of UDP and TCP zero (nobody looks at them), time stamps in whole milliseconds: the kernel counts jiffies. The addresses
of the inside are 10.0.0.0/8 and fd00::/8. The traffic runs over two days, so that clocks, days, limits, quotas and time-outs all matter:
a busy start, a burst, an idle hour, a midnight, a next day.
"""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parents[1])]

from scenes import dccp, icmp, ip, sctp, tcp, udp  # noqa: E402

#: 2023-11-14 22:13:20 UTC, a Tuesday.
START = 1_700_000_000
INSIDE4 = ["10.0.0.5", "10.0.0.6", "10.1.2.3", "10.200.0.9"]
OUTSIDE4 = ["192.0.2.1", "192.0.2.77", "198.51.100.9", "203.0.113.200"]
INSIDE6 = ["fd00::5", "fd00:0:0:1::6"]
OUTSIDE6 = ["2001:db8::1", "2001:db8:f::77"]
PORTS = [22, 25, 53, 80, 443, 993, 1024, 2049, 5060, 8080, 8443, 30000, 65535]
MSS, SACK_OK, SCALE = b"\2\4\5\xb4", b"\4\2", b"\3\3\7"
STAMP = b"\x08\x0a\0\0\0\1\0\0\0\2"
OPTIONS = [
    b"",
    MSS,
    MSS + SACK_OK + STAMP + b"\1" + SCALE,
    b"\2\4\2\x18" + b"\1\1" + SACK_OK,
    b"\x22\x0a" + bytes(8) + MSS,
    MSS + b"\1\1\x05\x0a" + struct.pack("!II", 1, 2),
    b"\x1e\x0c\0\0" + bytes(8) + MSS,
    SCALE + b"\0",
]


class Traffic:
    """Packets with their times in ms."""

    def __init__(self, seed):
        self.r, self.now, self.packets = random.Random(seed), 0, []

    def add(self, packet, pause=None):
        """A packet, ``pause`` ms after the last."""
        self.now += self.r.choice([1, 2, 5, 20, 90]) if pause is None else pause
        self.packets.append((self.now, packet))

    def end(self, host, port=None):
        """``address:port`` as the builders take it."""
        return f"{host}:{self.r.choice(PORTS) if port is None else port}"

    def pair(self, v6=None):
        """An inside and an outside address of one family."""
        six = self.r.random() < 0.3 if v6 is None else v6
        return (self.r.choice(INSIDE6), self.r.choice(OUTSIDE6)) if six else (self.r.choice(INSIDE4), self.r.choice(OUTSIDE4))


def field(packet, **changes):
    """The packet with bytes of its IP header changed and its checksum made anew: ``tos``, ``ttl``, ``ident``, ``frag``."""
    if packet[0] >> 4 == 6:
        head = struct.unpack("!I", packet[:4])[0] & ~(0xFF << 20) | changes.get("tos", 0) << 20 | changes.get("label", 0)
        return struct.pack("!I", head) + packet[4:7] + bytes([changes.get("ttl", packet[7])]) + packet[8:]
    size = (packet[0] & 15) * 4
    head = bytearray(packet[:size])
    head[1] = changes.get("tos", head[1])
    head[8] = changes.get("ttl", head[8])
    struct.pack_into("!HH", head, 4, changes.get("ident", 1), changes.get("frag", struct.unpack_from("!H", head, 6)[0]))
    return summed(head) + packet[size:]


def summed(head):
    """An IPv4 header with its checksum."""
    struct.pack_into("!H", head, 10, 0)
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", head, 10, ~total & 0xFFFF)
    return bytes(head)


def with_ip_options(packet, options):
    """An IPv4 packet with options."""
    head = bytearray(packet[:20]) + options
    head[0] = 0x40 | len(head) // 4
    struct.pack_into("!H", head, 2, len(packet) + len(options))
    return summed(head) + packet[20:]


def with_extensions(packet, *headers):
    """An IPv6 packet with extension headers (number, bytes without the first) in front of its payload."""
    chain, following = b"", packet[6]
    for number, body in reversed(headers):
        chain = bytes([following]) + body + chain
        following = number
    return packet[:4] + struct.pack("!HB", len(packet) - 40 + len(chain), following) + packet[7:40] + chain + packet[40:]


def connection(t, a, b, dport, steps=4):
    """A TCP connection from a to b, often orderly."""
    r = t.r
    client, server = t.end(a, r.randrange(1025, 60000)), t.end(b, dport)
    seq, ack = r.getrandbits(32), r.getrandbits(32)
    tos, ttl = r.choice([0, 0, 0x10, 0x28, 0xB8, 0x02]), r.choice([64, 64, 63, 128, 2, 255])
    t.add(field(tcp(client, server, "S", seq, options=r.choice(OPTIONS)), tos=tos, ttl=ttl))
    if r.random() < 0.15:
        t.add(tcp(server, client, "R.", 0, seq + 1))
        return
    t.add(tcp(server, client, "S.", ack, seq + 1, options=r.choice(OPTIONS)))
    seq, ack = seq + 1, ack + 1
    t.add(field(tcp(client, server, ".", seq, ack), tos=tos, ttl=ttl))
    for _ in range(r.randrange(steps)):
        size = r.choice([1, 40, 300, 900])
        if r.random() < 0.5:
            t.add(field(tcp(client, server, "P.", seq, ack, data=size), tos=tos, ttl=ttl))
            seq += size
            t.add(tcp(server, client, ".", ack, seq, win=r.choice([8192, 500])))
        else:
            t.add(tcp(server, client, r.choice(["P.", "."]), ack, seq, data=size))
            ack += size
            t.add(tcp(client, server, ".", seq, ack, options=r.choice([b"", b"\1\1" + STAMP])))
    if r.random() < 0.7:
        t.add(tcp(client, server, "F.", seq, ack))
        t.add(tcp(server, client, "F.", ack, seq + 1))
        t.add(tcp(client, server, ".", seq + 1, ack + 1))
    elif r.random() < 0.5:
        t.add(tcp(server, client, "R.", ack, seq))


def odd_tcp(t):
    """Segments that belong to no connection."""
    a, b = t.pair()
    flags = t.r.choice(["S", "S.", "F", "FPU", "", "SF", "SR", ".", "PU.", "R", "SEC", "F."])
    t.add(tcp(t.end(b), t.end(a), flags, t.r.getrandbits(32), 1, options=t.r.choice(OPTIONS)))


def datagrams(t):
    """UDP with and without an answer."""
    r = t.r
    a, b = t.pair()
    client, server = t.end(a, r.randrange(1025, 60000)), t.end(b)
    if r.random() < 0.3:
        client, server = server, client
    data = bytes(r.getrandbits(8) for _ in range(r.choice([1, 8, 40, 200])))
    t.add(field(udp(client, server, data), tos=r.choice([0, 0x20, 0xB8]), ttl=r.choice([64, 1, 255])))
    for _ in range(r.randrange(3)):
        t.add(udp(server, client, data[::-1] * r.choice([1, 3])))
        t.add(udp(client, server, data))


def pings(t):
    """Echo requests, answers and other messages."""
    r = t.r
    a, b = t.pair()
    six = ":" in a
    ident = r.randrange(5)
    t.add(icmp(a, b, 128 if six else 8, ident=ident, data=bytes(r.choice([8, 56]))))
    if r.random() < 0.7:
        t.add(icmp(b, a, 129 if six else 0, ident=ident, data=bytes(8)))
    if r.random() < 0.4:
        inner = udp(t.end(a, 4000 + ident), t.end(b, 53))
        t.add(inner)
        kind, code = r.choice([(1, 4), (2, 0), (3, 0)] if six else [(3, 3), (3, 4), (11, 0), (3, 1)])
        t.add(icmp(b, a, kind, code, ident=0, data=inner[:60]))
    if r.random() < 0.4:
        kind = r.choice([133, 134, 135, 136, 130, 143, 200] if six else [13, 14, 5, 10, 17, 40])
        t.add(field(icmp(a, b, kind, ident=0, data=bytes(24)), ttl=r.choice([255, 64])))


def others(t):
    """Other protocols, options and extension headers."""
    r = t.r
    a, b = t.pair()
    six = ":" in a
    choice = r.randrange(9)
    if choice == 0:
        t.add(sctp(t.end(a, 5000), t.end(b, 36412), 0, (1, struct.pack("!IIHHI", 7, 65536, 1, 1, 1))))
        t.add(sctp(t.end(b, 36412), t.end(a, 5000), 7, (2, struct.pack("!IIHHI", 9, 65536, 1, 1, 1))))
    elif choice == 1:
        t.add(ip(a, b, 47, struct.pack("!HH", 0x2000, 0x0800) + bytes(4 + r.randrange(30))))
    elif choice == 2:
        t.add(ip(a, b, 50, struct.pack("!II", 0x1234 + r.randrange(2), 5) + bytes(20)))
    elif choice == 3 and not six:
        t.add(ip(a, b, 51, struct.pack("!BBHII", 17, 4, 0, 0x99, 5) + bytes(12) + struct.pack("!HHHH", 500, 500, 8, 0)))
    elif choice == 4:
        t.add(dccp(t.end(a, 5001), t.end(b, 5002), 0, 1))
    elif choice == 5:
        t.add(ip(a, b, 136, struct.pack("!HHHH", 7000, r.choice(PORTS), 8, 0) + bytes(4)))
    elif choice == 6 and not six:
        t.add(with_ip_options(udp(t.end(a, 9), t.end(b, 53)), r.choice([b"\x94\4\0\0", b"\1\1\1\0", b"\x44\x04\x05\0"])))
    elif choice == 7 and not six:
        t.add(ip(a, b, 2, struct.pack("!BBH4B", 0x16, 0, 0, 224, 0, 0, 9)))
    else:
        extended(t)


def extended(t):
    """IPv6 with extension headers, and fragments of both families."""
    r = t.r
    a, b = t.pair(v6=True)
    inner = r.choice([tcp(t.end(a, 3000), t.end(b, 80), "S", 5), udp(t.end(a, 3001), t.end(b, 53)), icmp(a, b, 128, ident=9)])
    pad = b"\0\1\4\0\0\0\0"
    routing = bytes([0, 4, 0]) + bytes(4)
    chains = [[(0, pad)], [(60, pad)], [(0, pad), (60, pad)], [(43, routing)], [(60, b"\1\1\x0c" + bytes(12))], [(135, b"\0\0\0\0\0\0\0")]]
    t.add(with_extensions(inner, *r.choice(chains)))
    ident = r.getrandbits(16)
    t.add(with_extensions(inner, (44, struct.pack("!BHI", 0, 0, ident))))
    a, b = t.pair(v6=False)
    whole = udp(t.end(a, 3002), t.end(b, 2049), bytes(range(48)))
    first, second = ip(a, b, 17, whole[20:52]), ip(a, b, 17, whole[52:])
    t.add(field(first, frag=0x2000, ident=ident))
    t.add(field(second, frag=4, ident=ident))


def burst(t, count, pause):
    """Many new connections and datagrams in little time, most from one host."""
    for number in range(count):
        host = "198.51.100.9" if t.r.random() < 0.7 else t.r.choice(OUTSIDE4)
        if number % 3:
            t.add(tcp(t.end(host, 20000 + number), t.end("10.0.0.5", t.r.choice([22, 80])), "S", number), pause)
        else:
            t.add(udp(t.end(host, 20000 + number), t.end("10.0.0.6", 53), bytes(t.r.choice([10, 400]))), pause)


def mixture(t, count):
    """So many pieces of traffic of any kind."""
    for _ in range(count):
        kind = t.r.random()
        if kind < 0.35:
            a, b = t.pair()
            connection(t, *((a, b) if t.r.random() < 0.7 else (b, a)), t.r.choice(PORTS))
        else:
            t.r.choice([odd_tcp, datagrams, pings, others])(t)


def main() -> None:
    """Write the capture."""
    t = Traffic(4)
    mixture(t, 40)
    burst(t, 60, 30)
    mixture(t, 15)
    t.add(udp("10.0.0.5:4000", "192.0.2.1:53"), 3_600_000)
    burst(t, 20, 700)
    mixture(t, 15)
    t.add(udp("10.0.0.5:4000", "192.0.2.1:53"), 40_000_000)
    mixture(t, 12)
    burst(t, 30, 20)
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for now, packet in t.packets:
        records.append(struct.pack("<IIII", START + now // 1000, now % 1000 * 1000, len(packet), len(packet)) + packet)
    (HERE / "rules" / "traffic.pcap").write_bytes(b"".join(records))


if __name__ == "__main__":
    main()
