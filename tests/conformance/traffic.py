"""Random traffic, mostly legal and often just not: what the fuzzer shows to engine and kernel.

Every flow is a generator of (milliseconds to wait or None for the style's pause, packet). TCP keeps for each side what a firewall would
know of it (highest end, how far it may send, largest window, highest acknowledgement), so that numbers can be put on those edges.
"""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from raw_packets import ACK, FIN, PSH, RST, SYN, URG, checksum, echo, fragment, fragments, icmp, ip, sack, sctp, tcp, udp, write_pcap

INSIDE = [[f"10.0.0.{n}" for n in range(1, 9)], [f"2001:db8::{n:x}" for n in range(1, 5)]]
OUTSIDE = [[f"192.0.2.{n}" for n in range(1, 5)], [f"2001:db8:1::{n:x}" for n in range(1, 3)]]
Step = tuple[int | None, bytes]
#: Seconds that mean something to some timer; pauses lie just inside, on, and just outside.
EDGES = (2, 3, 10, 15, 30, 35, 45, 60, 61, 75, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 210, 300, 310, 400)
#: Pause styles, in milliseconds.
GAPS = {
    "none": lambda r: int(r.random() < 0.1),
    "short": lambda r: round(r.expovariate(1 / 200)),
    "long": lambda r: round(
        1000 * r.choice((0.05, 0.2, 1, 2.5, 8, 11, 25, 32, 55, 65, 115, 125, 170, 190, 290, 310)) * r.uniform(0.93, 1.07)
    ),
    "edges": lambda r: 1000 * r.choice(EDGES) + r.choice((-1, 0, 1)) if r.random() < 0.3 else r.choice((0, 1, 10, 400)),
    "days": lambda r: (
        r.choice((1, 50, 1000, 20_000, 200_000, 432_000_000, 431_999_999, 432_000_001)) if r.random() < 0.01 else r.choice((0, 1, 40))
    ),
}


@dataclass
class Style:
    """What a run of traffic is like."""

    seed: int = 1
    frames: int = 20000
    #: One of GAPS.
    gaps: str = "short"
    #: Share of IPv6.
    six: float = 0.3
    #: Flows at a time; few of them make long stories.
    flows: int = 30
    #: Whether checksums are right (they cost time), but for some that are not.
    sums: bool = False
    #: Share of steps that are not what a host would do.
    odd: float = 0.35
    #: Share of packets whose transport header is damaged.
    mangled: float = 0.02
    #: Kind of flow → weight.
    mix: dict[str, float] = field(default_factory=lambda: {"tcp": 66, "udp": 14, "icmp": 8, "other": 3, "sctp": 5, "pieces": 4})


class Side:
    """What a firewall knows of one side, as far as everything counted."""

    def __init__(self, r: random.Random, options: bytes, scale: int | None) -> None:
        self.next = r.choice((0, 1000, 0xFFFFFF00, 0x7FFFFF00, r.getrandbits(32)))
        self.first = self.next
        self.end = self.maxend = self.maxack = self.next
        self.maxwin = 0
        self.win = r.choice((65535, 29200, 8192, 1000, 512, 100, 0 if r.random() < 0.1 else 64240))
        self.options, self.offered, self.scale = options, scale, 0


class Tcp:
    """One connection and its odd packets."""

    def __init__(self, r: random.Random, ends: tuple[tuple[str, int], tuple[str, int]], style: Style) -> None:
        self.r, self.ends, self.style = r, ends, style
        self.sides = [self._side(), self._side()]
        if all(side.offered is not None for side in self.sides):
            for side in self.sides:
                side.scale = min(side.offered, 14)
        self.last = b""

    def _side(self) -> Side:
        r = self.r
        scale = r.choice((0, 1, 2, 7, 8, 14, 15)) if r.random() < 0.6 else None
        parts = [b"\2\4\5\xb4"] if r.random() < 0.8 else []
        parts += [b"\4\2"] if r.random() < 0.7 else []
        parts += [b"\3\3" + bytes([scale])] if scale is not None else []
        parts += [b"\x08\x0a" + bytes(8)] if r.random() < 0.3 else []
        r.shuffle(parts)
        return Side(r, b"".join(parts), scale)

    def make(self, who: int, flags: int, length: int = 0, **odd) -> bytes:
        """A segment of a side with the numbers that are due; ``odd`` ones (seq, ack, win, options) advance nothing."""
        me, peer = self.sides[who], self.sides[1 - who]
        seq = odd.get("seq", me.next) & 0xFFFFFFFF
        ack = odd.get("ack", peer.next if flags & ACK else 0) & 0xFFFFFFFF
        win = odd.get("win", me.win) & 0xFFFF
        end = (seq + length + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        if "seq" not in odd and not odd.get("still"):
            me.next = end
        if _after(end, me.end):
            me.end = end
        reach = win << (0 if flags & SYN else me.scale)
        me.maxwin = max(me.maxwin, reach)
        if flags & ACK:
            me.maxack = ack if _after(ack, me.maxack) else me.maxack
            peer.maxend = (ack + reach) & 0xFFFFFFFF if _after(ack + reach, peer.maxend) else peer.maxend
        more = {"bad": True} if odd.get("bad") else {}
        self.last = tcp(
            self.ends[who], self.ends[1 - who], flags, seq, ack, win=win, data=bytes(length), options=odd.get("options", b""), **more
        )
        return self.last

    # Stories --------------------------------------------------------------------------------------------------------------------------

    def story(self) -> Iterator[Step]:
        """Opening, exchange, end; perhaps the same ports again."""
        r = self.r
        yield from self._open()
        for _ in range(r.choice((0, 1, 3, 8, 20))):
            if r.random() < self.style.odd:
                yield from self._odd(r.randrange(2))
            else:
                yield from self._exchange(r.randrange(2))
        yield from self._close()
        for _ in range(r.choice((0, 0, 1, 3))):
            yield from self._odd(r.randrange(2))
        if r.random() < 0.5:
            yield from self._again()

    def _open(self) -> Iterator[Step]:
        r = self.r
        client, server = self.sides
        kind = r.random()
        if kind < 0.08:
            return
        yield None, self.make(0, SYN, options=client.options)
        if kind < 0.2:
            yield from self._odd_open()
            if r.random() < 0.5:
                return
        if kind < 0.25:
            yield None, self.make(1, SYN, options=server.options)
            yield None, self.make(0, SYN | ACK, seq=client.first, options=client.options)
            if r.random() < 0.7:
                yield None, self.make(1, SYN | ACK, seq=server.first, options=server.options)
        else:
            yield None, self.make(1, SYN | ACK, options=server.options)
            if r.random() < 0.1:
                yield None, self.make(1, SYN | ACK, seq=server.first, options=server.options)
        if r.random() < 0.93:
            yield None, self.make(0, ACK)

    def _odd_open(self) -> Iterator[Step]:
        """What may stand between SYN and SYN-ACK."""
        r = self.r
        client, server = self.sides
        for _ in range(r.randrange(1, 4)):
            odd = r.randrange(10)
            if odd == 0:
                yield None, self.make(0, SYN, seq=client.first, options=client.options)
            elif odd == 1:
                yield None, self.make(0, SYN, seq=client.first + self._near(), options=r.choice((b"", client.options)))
            elif odd == 2:
                yield None, self.make(1, RST | ACK, seq=r.choice((0, server.first)), ack=client.next + r.choice((0, 0, 0, 1, -1)))
            elif odd == 3:
                yield None, self.make(1, ACK, seq=r.getrandbits(32), ack=client.next + r.choice((0, -1, 77, 1 << 30)))
            elif odd == 4:
                yield None, self.make(0, RST, seq=r.choice((0, client.next, client.next + 1, r.getrandbits(32))))
            elif odd == 5:
                yield None, self.make(1, RST, seq=r.choice((0, server.first, client.next, r.getrandbits(32))), ack=0)
            elif odd == 6:
                yield (
                    None,
                    self.make(1, SYN | ACK, seq=r.getrandbits(32), ack=client.next + r.choice((0, -1, 1, 4000)), options=server.options),
                )
            elif odd == 7:
                yield None, self.make(1, ACK, ack=(stray := r.getrandbits(32)), seq=r.getrandbits(32))
                yield None, self.make(0, RST, seq=r.choice((stray, stray, stray + 1)))
            elif odd == 8:
                yield None, self.make(0, ACK, still=True)
            else:
                yield None, self.make(r.randrange(2), FIN | ACK, still=True)

    def _near(self) -> int:
        """A small step, or a large one."""
        return self.r.choice(
            (0, 1, -1, 2, 100, -100, 1460, 65535, 65536, -65535, 66000, 66001, -66001, 1 << 20, -(1 << 20), 1 << 31, (1 << 31) - 1)
        )

    def _exchange(self, who: int) -> Iterator[Step]:
        """Data that is acknowledged, in some honest way."""
        r = self.r
        me, peer = self.sides[who], self.sides[1 - who]
        length = r.choice((1, 2, 10, 100, 536, 1000, 1460))
        kind = r.random()
        if kind < 0.5:
            for _ in range(r.choice((1, 1, 2, 3))):
                yield None, self.make(who, PSH | ACK, length)
            yield None, self.make(1 - who, ACK)
        elif kind < 0.62:
            again = self.make(who, PSH | ACK, length)
            for _ in range(r.randrange(2, 6)):
                yield None, again
            if r.random() < 0.7:
                yield None, self.make(1 - who, ACK)
        elif kind < 0.75:
            low = me.next
            first = self.make(who, ACK, length)
            second = self.make(who, ACK, length)
            yield None, second
            yield None, self.make(1 - who, ACK, ack=low, options=sack((low + length, low + 2 * length)))
            if r.random() < 0.3:
                yield None, self.make(1 - who, ACK, ack=low, options=sack((low + length, low + 2 * length), (low + 9, low + 10)))
            yield None, first
            yield None, self.make(1 - who, ACK)
        elif kind < 0.83:
            for _ in range(r.randrange(1, 4)):
                yield None, self.make(who, ACK, r.choice((0, 1)), seq=me.next - 1)
                yield None, self.make(1 - who, ACK)
        elif kind < 0.93:
            yield None, self.make(1 - who, ACK, win=0)
            for _ in range(r.randrange(1, 4)):
                yield None, self.make(who, ACK, 1, still=True)
                yield None, self.make(1 - who, ACK, win=r.choice((0, 0, 0, 1)))
            yield None, self.make(1 - who, ACK)
        else:
            peer.win = r.choice((peer.win >> 1, peer.win, min(65535, peer.win * 2), 10, 0))
            yield None, self.make(1 - who, ACK)

    def _close(self) -> Iterator[Step]:
        r = self.r
        who = r.randrange(2)
        kind = r.random()
        if kind < 0.35:
            yield None, self.make(who, FIN | ACK, r.choice((0, 0, 100)))
            if r.random() < 0.6:
                yield None, self.make(1 - who, ACK)
            if r.random() < 0.2:
                yield None, self.make(1 - who, PSH | ACK, 300)
                yield None, self.make(who, ACK)
            yield None, self.make(1 - who, FIN | ACK)
            if r.random() < 0.8:
                yield None, self.make(who, ACK)
        elif kind < 0.5:
            one = self.make(who, FIN | ACK)
            other = self.make(1 - who, FIN | ACK, ack=self.sides[who].next - 1)
            yield None, one
            yield None, other
            yield None, self.make(who, ACK)
            yield None, self.make(1 - who, ACK)
        elif kind < 0.65:
            yield None, self.make(who, r.choice((RST, RST | ACK)))
        elif kind < 0.72:
            yield None, self.make(who, FIN | ACK)

    def _again(self) -> Iterator[Step]:
        """The same ports, in use anew by an honest host: perhaps too early, perhaps the other way round."""
        r = self.r
        old = self.sides
        fresh = Tcp(r, self.ends if r.random() < 0.85 else self.ends[::-1], self.style)
        if r.random() < 0.5:
            fresh.sides[0].next = fresh.sides[0].first = (old[0].end + r.choice((0, 1, -1, 1000, 70000, -70000))) & 0xFFFFFFFF
        if r.random() < 0.3:
            # The old side still thinks it is connected: its challenge ACK, and the RST that answers.
            yield None, fresh.make(0, SYN, options=fresh.sides[0].options)
            yield None, self.make(1, ACK)
            yield None, fresh.make(0, RST, seq=old[1].maxack, ack=0)
        yield from fresh.story()

    # Odd packets ----------------------------------------------------------------------------------------------------------------------

    def _odd(self, who: int) -> Iterator[Step]:
        """One thing that a host does not do, or not at that moment."""
        r = self.r
        me, peer = self.sides[who], self.sides[1 - who]
        length = r.choice((0, 0, 1, 10, 1000))
        low_seq = me.end - peer.maxwin
        low_ack = peer.end - max(me.maxwin, 66000)
        slip = r.choice((-2, -1, 0, 1, 2))
        kind = r.randrange(16)
        if kind == 0:
            yield None, self.make(who, ACK, length, seq=me.maxend + slip)
        elif kind == 1:
            yield None, self.make(who, ACK, length, seq=low_seq - length + slip)
        elif kind == 2:
            yield None, self.make(who, ACK, length, still=True, ack=peer.end + slip)
        elif kind == 3:
            yield None, self.make(who, ACK, length, still=True, ack=low_ack + slip)
        elif kind == 4:
            yield None, self.make(who, ACK, length, seq=me.maxend + peer.maxwin - length + slip)
        elif kind == 5:
            edge = r.choice((me.end + slip, me.maxend + slip, low_seq + slip, peer.end + 1))
            yield None, self.make(1 - who, ACK, options=sack((edge - 10, edge)))
        elif kind in (6, 7):
            yield from self._odd_reset(who, slip, low_seq)
        elif kind in (8, 9):
            yield from self._odd_syn(who, slip)
        elif kind == 10:
            yield None, self.make(who, FIN | ACK, seq=r.choice((me.maxend, me.end, low_seq)) + slip * r.choice((1, 50000)))
        elif kind == 11:
            yield (
                None,
                self.make(
                    who,
                    r.choice((0, PSH, URG, FIN, FIN | PSH | URG, SYN | FIN, SYN | RST, SYN | RST | ACK, RST | FIN | ACK, 0x3F, 0xC2, 0x52)),
                    still=True,
                ),
            )
        elif kind == 12:
            yield None, self.make(who, PSH | ACK, 10, still=True, bad=True)
        elif kind == 13:
            yield from self._error(who)
        elif kind == 14:
            yield None, self.make(who, ACK, length, seq=me.next + self._near(), ack=peer.next + self._near(), win=r.getrandbits(16))
        else:
            yield from self._cut_up(who)

    def _odd_reset(self, who: int, slip: int, low_seq: int) -> Iterator[Step]:
        """A RST on one of the edges that count for RSTs."""
        r = self.r
        me, peer = self.sides[who], self.sides[1 - who]
        seq = r.choice((peer.maxack, peer.maxack, me.next, me.end, me.maxend, low_seq, 0, me.first, me.next + self._near())) + r.choice(
            (0, slip)
        )
        flags = r.choice((RST, RST | ACK))
        ack = r.choice((peer.next, peer.end + slip, 0, self.sides[1 - who].first))
        yield None, self.make(who, flags, seq=seq, ack=ack if flags & ACK or r.random() < 0.2 else 0)
        if r.random() < 0.4:
            yield None, self.make(1 - who, ACK)
        if r.random() < 0.3:
            yield None, self.make(1 - who, r.choice((RST, RST | ACK, FIN | ACK)), seq=peer.next + r.choice((0, 0, 500_000)))

    def _odd_syn(self, who: int, slip: int) -> Iterator[Step]:
        """A SYN or SYN-ACK on a live connection, and what may follow: challenge ACK, RST, an answer that shows them in step."""
        r = self.r
        me, peer = self.sides[who], self.sides[1 - who]
        seq = (me.next + r.choice((0, slip, -1, self._near(), 5000, 1 << 30))) & 0xFFFFFFFF
        flags = r.choice((SYN, SYN, SYN, SYN | ACK))
        yield None, self.make(who, flags, seq=seq, options=r.choice((b"", me.options, b"\3\3\7", b"\4\2")))
        kind = r.randrange(6)
        if kind == 0:
            yield None, self.make(1 - who, ACK)
            yield None, self.make(who, RST, seq=r.choice((peer.maxack, me.maxack, peer.next)), ack=0)
        elif kind == 1:
            yield (
                None,
                self.make(
                    1 - who,
                    SYN | ACK,
                    seq=r.choice((r.getrandbits(32), peer.first)),
                    ack=seq + 1 + r.choice((0, 0, 0, 1)),
                    options=peer.options,
                ),
            )
            yield None, self.make(who, ACK, seq=seq + 1, ack=peer.end + 1)
        elif kind == 2:
            yield None, self.make(1 - who, RST | ACK, seq=r.choice((0, peer.next)), ack=seq + 1 + r.choice((0, 0, 1)))
        elif kind == 3:
            yield None, self.make(1 - who, ACK, ack=me.next + slip)

    def _error(self, who: int) -> Iterator[Step]:
        """An ICMP error about a packet of this connection: a right one, or not quite."""
        r = self.r
        packet = self.make(who, PSH | ACK, 20, still=True)
        if r.random() < 0.1:
            packet = tcp(self.ends[who], (self.ends[1 - who][0], self.ends[1 - who][1] + 1), ACK, 1, 1)
        yield None, error_about(r, packet, self.ends[who][0], self.ends[1 - who][0])

    def _cut_up(self, who: int) -> Iterator[Step]:
        """A segment in fragments."""
        yield from pieces(self.r, self.make(who, PSH | ACK, 600))


def _after(one: int, other: int) -> bool:
    return 0 < (one - other) & 0xFFFFFFFF < 1 << 31


def error_about(r: random.Random, packet: bytes, victim: str, other: str) -> bytes:
    """An ICMP error that quotes a packet from ``victim`` to ``other``."""
    six = ":" in victim
    target = r.choice((victim, victim, victim, victim, other, (INSIDE[six])[-1]))
    sender = r.choice((other, (OUTSIDE[six])[-1]))
    head = 40 if six else 20
    size = r.choice((len(packet), head + 8, head + 8, head + 4, head + 3, head, head - 1, 8, 0))
    kind = r.choice((1, 1, 2, 3, 4, 5, 100, 127) if six else (3, 3, 3, 11, 4, 12, 5))
    bad = r.random() < 0.05
    quote = packet[:size]
    if r.random() < 0.08:
        quote = _reversed(quote, six)
    return icmp(sender, target, kind, r.choice((0, 1, 3, 4)), data=quote, bad=bad)


def _reversed(quote: bytes, six: bool) -> bytes:
    """A quote with the addresses exchanged."""
    low, size = (8, 16) if six else (12, 4)
    return quote[:low] + quote[low + size : low + 2 * size] + quote[low : low + size] + quote[low + 2 * size :]


def mangle(r: random.Random, packet: bytes) -> bytes:
    """A packet with a damaged transport header: bytes changed, cut short with right IP lengths, a TCP header length or options that lie."""
    six = packet[0] >> 4 == 6
    head, proto = (40, packet[6]) if six else (20, packet[9])
    if proto not in (1, 6, 17, 33, 47, 58, 132, 136) or (not six and packet[6] & 0x3F):
        return packet
    body = bytearray(packet[head:])
    kind = r.randrange(5)
    if kind == 0:
        body = body[: r.choice((0, 3, 4, 7, 8, 11, 12, 19, 20, 21, len(body) - 1))]
    elif kind == 1 and proto == 6 and len(body) > 12:
        body[12] = r.getrandbits(8)
    elif kind == 2 and proto == 6 and len(body) > 20:
        body[20 : 20 + r.randrange(1, 9)] = r.randbytes(8)
    else:
        for _ in range(r.choice((1, 1, 3))):
            if body:
                body[r.randrange(min(len(body), 24))] = r.getrandbits(8)
    if six:
        return packet[:4] + struct.pack("!H", len(body)) + packet[6:head] + bytes(body)
    header = packet[:2] + struct.pack("!H", head + len(body)) + packet[4:10] + b"\0\0" + packet[12:head]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + bytes(body)


_IDENT = [0]


def pieces(r: random.Random, packet: bytes) -> Iterator[Step]:
    """A packet in fragments: in order or not, perhaps repeated, overlapping, with one missing or late."""
    six = packet[0] >> 4 == 6
    _IDENT[0] = (_IDENT[0] + 1) & 0xFFFF
    payload = len(packet) - (40 if six else 20)
    size = max(8, r.choice((payload // 2, payload // 3, payload // 5)) & ~7)
    made = fragments(packet, [size] * (payload // size), _IDENT[0])
    if r.random() < 0.5:
        r.shuffle(made)
    kind = r.randrange(8)
    if kind == 0:
        made.insert(r.randrange(len(made)), r.choice(made))
    elif kind == 1:
        of = (*_texts(packet, six), packet[6] if six else packet[9], _IDENT[0])
        start = 8 * r.randrange(1 + payload // 8)
        made.insert(r.randrange(len(made) + 1), fragment(of, start, bytes(r.choice((8, 16, size, 13))), more=r.random() < 0.7))
    elif kind == 2:
        made.pop(r.randrange(len(made)))
    late = r.randrange(len(made)) if kind == 3 and made else -1
    for number, each in enumerate(made):
        yield (r.choice((10_000, 25_000, 45_000, 85_000)) if number == late else r.choice((0, 1))), each


def _texts(packet: bytes, six: bool) -> tuple[str, str]:
    import socket

    family, low, size = (socket.AF_INET6, 8, 16) if six else (socket.AF_INET, 12, 4)
    return socket.inet_ntop(family, packet[low : low + size]), socket.inet_ntop(family, packet[low + size : low + 2 * size])


# Flows of other protocols ---------------------------------------------------------------------------------------------------------------


def tcp_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """TCP."""
    yield from Tcp(r, ends, style).story()


def udp_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """Datagrams either way; a stream begins two seconds after its first packet."""
    for _ in range(r.randrange(1, 12)):
        who = int(r.random() < 0.4)
        odd = r.random()
        more = {"bad": True} if odd < 0.03 else {"length": r.choice((0, 7, 9, 10, 65535))} if odd < 0.06 else {}
        yield r.choice((None, None, 1999, 2000, 2001, 29_999, 30_001, 119_999, 120_001)), udp(ends[who], ends[1 - who], b"12", **more)
        if r.random() < 0.1:
            yield None, error_about(r, udp(ends[who], ends[1 - who], b"12"), ends[who][0], ends[1 - who][0])


def icmp_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """Echoes, other queries, neighbour discovery, redirects, nonsense."""
    (a, ident), (b, _) = ends
    six = ":" in a
    for _ in range(r.randrange(1, 6)):
        kind = r.random()
        if kind < 0.5:
            yield None, echo(a, b, ident)
        elif kind < 0.8:
            yield None, echo(b, a, ident, reply=True)
        elif kind < 0.85:
            yield None, echo(a, b, ident, bad=True)
        elif kind < 0.92:
            yield None, error_about(r, echo(a, b, ident, reply=r.random() < 0.3), a, b)
        elif six:
            number = r.choice((130, 133, 134, 135, 136, 137, 139, 140, 141, 143, 151, 160, 200, 255, 0))
            yield None, icmp(a, b, number, r.choice((0, 0, 1)), rest=struct.pack("!HH", ident, 1), data=bytes(40), ttl=255)
        else:
            number = r.choice((13, 14, 15, 16, 17, 18, 9, 10, 1, 2, 19, 40, 255, 0))
            yield None, icmp(a, b, number, r.choice((0, 0, 1)), rest=struct.pack("!HH", ident, 1), data=bytes(12))


def other_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """Protocols without ports, and GRE."""
    proto = r.choice((50, 47, 89, 99, 51, 108, 136))
    for _ in range(r.randrange(1, 5)):
        who = int(r.random() < 0.4)
        body = (
            struct.pack("!HHHH", 0, 0x0800, 8, 0)
            if proto != 47
            else r.choice((bytes(4), b"\x30\x01\x88\x0b\0\4\0\7", b"\0\0\x08\0" + bytes(4)))
        )
        if proto == 136:
            body = struct.pack("!HHHH", ends[who][1], ends[1 - who][1], r.choice((0, 8, 9, 4)), r.choice((0, 7)))
        if proto == 51 and ":" in ends[0][0]:
            proto = 50
        yield None, ip(ends[who][0], ends[1 - who][0], proto, body + bytes(12))


def sctp_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """An association, collisions and strange tags included; its checksums are always right."""
    tags = [r.getrandbits(32) or 1, r.getrandbits(32) or 1]
    init = [struct.pack("!IIHHI", tag, 65536, 1, 1, 1) for tag in tags]
    normal = [(0, 1), (1, 2), (0, 10), (1, 11)]
    scripts = (normal, normal, [(0, 1), (1, 1), (0, 2), (1, 2), (0, 10), (1, 10), (0, 11), (1, 11)], [(0, 4), (1, 5)])
    talk = r.choices([(0, 0), (1, 3), (1, 0), (0, 3), (0, 4), (1, 5)], k=r.randrange(6))
    ends_ = r.choice(([(0, 7), (1, 8), (0, 14)], [(1, 7), (0, 8), (1, 14)], [(0, 6)], [(0, 7), (1, 7), (0, 8), (1, 8), (1, 14)], []))
    for who, kind in [*r.choice(scripts), *talk, *ends_]:
        if r.random() < 0.1:
            continue
        if r.random() < 0.06:
            who, kind = r.randrange(2), r.randrange(16)  # noqa: PLW2901
        tag = 0 if kind == 1 else tags[1 - who]
        if r.random() < 0.05:
            tag = r.choice((0, 5, *tags))
        body = {1: init[who], 2: init[who], 0: bytes(12), 4: b"\0\1\0\4", 5: b"\0\1\0\4", 7: bytes(4), 10: b"cook"}.get(kind, b"")
        yield None, sctp(ends[who], ends[1 - who], tag, [(kind, body, r.choice((0, 0, 1)) if kind in (6, 14) else 0)])
        if r.random() < 0.05:
            yield None, error_about(r, sctp(ends[who], ends[1 - who], tag, [(kind, body, 0)]), ends[who][0], ends[1 - who][0])


def pieces_flow(r: random.Random, ends, style: Style) -> Iterator[Step]:
    """Datagrams in fragments."""
    for _ in range(r.randrange(1, 4)):
        who = int(r.random() < 0.4)
        whole = (
            udp(ends[who], ends[1 - who], bytes(r.choice((100, 1000, 2992))))
            if r.random() < 0.8
            else echo(ends[0][0], ends[1][0], ends[0][1])
        )
        yield from pieces(r, whole)
        if r.random() < 0.3:
            yield None, udp(ends[1 - who], ends[who])


FLOWS = {"tcp": tcp_flow, "udp": udp_flow, "icmp": icmp_flow, "other": other_flow, "sctp": sctp_flow, "pieces": pieces_flow}


def packets(style: Style) -> list[tuple[int, bytes]]:
    """Packets (milliseconds, bytes) of a run; the same for the same style."""
    r = random.Random(style.seed)
    pause = GAPS[style.gaps]
    _IDENT[0] = r.getrandbits(15)
    heap: list[tuple[int, int, Iterator[Step]]] = []
    made: list[tuple[int, bytes]] = []
    count = now = 0
    while len(made) < style.frames:
        while len(heap) < style.flows:
            count += 1
            heapq.heappush(heap, (now + pause(r), count, _flow(r, style)))
        now, number, flow = heapq.heappop(heap)
        step = next(flow, None)
        if step is None:
            continue
        made.append((now, mangle(r, step[1]) if r.random() < style.mangled else step[1]))
        heapq.heappush(heap, (now + (pause(r) if step[0] is None else step[0]), number, flow))
    return made


def _flow(r: random.Random, style: Style) -> Iterator[Step]:
    """A new flow; ports are few, so that tuples meet again."""
    six = r.random() < style.six
    ends = (r.choice(INSIDE[six]), 1024 + r.randrange(400)), (r.choice(OUTSIDE[six]), r.choice((80, 443, 53, 22)))
    kind = r.choices(list(style.mix), list(style.mix.values()))[0]
    return FLOWS[kind](r, ends, style)


def write(path: Path, style: Style) -> int:
    """Write a run's capture; returns how long it lasts, in milliseconds."""
    made = packets(style)
    write_pcap(path, made)
    return made[-1][0]
