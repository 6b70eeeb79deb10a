"""Control channels for the fuzzer: what make_channels.py says, said at once, damaged on the way, with data connections behind it.

A run takes some of the protocols, so that their expectations meet; helpers are assigned by port or by the ruleset. On its way a packet may
get lost, be repeated at once or later, overtake another, be cut into two segments, or lose a byte of what it says. Who knocks at a port
is answered, and goes on.
"""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Callable, Iterator

import make_channels
from h323_channels import calls, registrations
from kernel_facts import Setup
from scenes import icmp, ip
from traffic import GAPS, Style

__all__ = ["KINDS", "packets", "setup"]

Timed = list[tuple[float, bytes]]
#: Kind → (helper, protocol, port) of what it needs, and how many channels are made of how many packets.
KINDS: dict[str, tuple[tuple[tuple[str, str, int], ...], Callable[[random.Random, int], Timed]]] = {
    "ftp": ((("ftp", "tcp", 21),), lambda r, count: make_channels.ftp(r, count, six=False)),
    "ftp6": ((("ftp", "tcp", 21),), lambda r, count: make_channels.ftp(r, count, six=True)),
    "irc": ((("irc", "tcp", 6667),), make_channels.irc),
    "small": ((("tftp", "udp", 69), ("amanda", "udp", 10080), ("sane", "tcp", 6566)), make_channels.small),
    "sip": ((("sip", "tcp", 5060), ("sip", "udp", 5060)), lambda r, count: make_channels.sip(r, count, "udp")),
    "sip-tcp": ((("sip", "tcp", 5060), ("sip", "udp", 5060)), lambda r, count: make_channels.sip(r, count, "tcp")),
    "pptp": ((("pptp", "tcp", 1723),), make_channels.pptp),
    "calls": ((("Q.931", "tcp", 1720),), calls),
    "registrations": ((("RAS", "udp", 1719), ("Q.931", "tcp", 1720)), registrations),
}
#: What the ruleset does besides.
FILTERS = (
    "",
    "ct state established,related accept; ct state new ip saddr 192.0.2.1 drop",
    'ct helper "ftp" accept; ct state related drop',
    "ct state related tcp dport 5001 drop; ct state invalid drop",
    "ct state related meta l4proto { tcp, udp } th dport > 6000 reject",
)
#: A kernel forgets what a connection expects when it happens to see that the connection's time is over (DIFFERENCES.md): nothing expects
#: for so long.
PATIENT = tuple(
    f"{name}=200000"
    for name in (
        *(f"tcp_timeout_{state}" for state in ("syn_sent", "syn_recv", "fin_wait", "close_wait", "last_ack", "time_wait", "close")),
        *(
            "tcp_timeout_max_retrans",
            "tcp_timeout_unacknowledged",
            "udp_timeout",
            "udp_timeout_stream",
            "gre_timeout",
            "gre_timeout_stream",
        ),
    )
)
#: Channels of a kind that are said in one go.
BUNDLE = 4
#: Packets behind which a data connection says no more.
FOLLOWING = 6
_SYN, _ACK, _FIN, _RST, _PSH = 2, 16, 1, 4, 8


def kinds_of(style: Style) -> list[str]:
    """The protocols of a run."""
    r = random.Random(f"kinds {style.seed}")
    return sorted(r.sample(list(KINDS), r.choice((1, 2, 3, len(KINDS)))))


def setup(style: Style, sysctls: tuple[str, ...] = ()) -> Setup:
    """What both sides are told in a run: by port, or by rules at one of two hooks."""
    r = random.Random(f"setup {style.seed}")
    helpers = sorted({each for kind in kinds_of(style) for each in KINDS[kind][0]})
    rules = r.choice(FILTERS)
    ended = f"{rules};" if rules else ""
    sysctls = ("checksum=0", *PATIENT, *sysctls)
    if r.random() < 0.5:
        return Setup(rules, sysctls, tuple(f"{name}={proto}:{port}" for name, proto, port in helpers))
    objects = " ".join(f'ct helper h{number} {{ type "{name}" protocol {proto}; }};' for number, (name, proto, _) in enumerate(helpers))
    chosen = " ".join(f'{proto} dport {port} ct helper set "h{number}";' for number, (_, proto, port) in enumerate(helpers))
    hook = r.choice(("prerouting priority -100", "input priority -1"))
    chains = f"chain a {{ type filter hook {hook}; {chosen} }}; chain c {{ type filter hook input priority 0; policy accept; {ended} }};"
    return Setup(f"table inet t {{ {objects} {chains} }}", sysctls)


def packets(style: Style) -> list[tuple[int, bytes]]:
    """Packets (milliseconds, bytes) of a run; the same for the same style."""
    r = random.Random(style.seed)
    pause, kinds, made = GAPS[style.gaps], kinds_of(style), []
    heap: list[tuple[int, int, Iterator[bytes]]] = []
    count = now = 0
    while len(made) < style.frames:
        while len(heap) < max(2, min(style.flows, 12)):
            count += 1
            heapq.heappush(heap, (now + pause(r), count, _bundle(r, r.choice(kinds))))
        now, number, bundle = heapq.heappop(heap)
        packet = next(bundle, None)
        if packet is None:
            continue
        made.append((now, packet))
        heapq.heappush(heap, (now + (pause(r) if r.random() < 0.15 else r.choice((0, 1, 2))), number, bundle))
    return made


def _bundle(r: random.Random, kind: str) -> Iterator[bytes]:
    """Some channels of a kind, one after the other, with what happens to them on the way."""
    said = [packet for _, packet in sorted(KINDS[kind][1](r, r.randint(1, BUNDLE)), key=lambda each: each[0])]
    kept: list[bytes] = []
    for packet in said:
        for part in _on_the_way(r, packet):
            yield part
            kept.append(part)
            if r.random() < 0.01:
                yield r.choice(kept)
            yield from _followed(r, part)


def _on_the_way(r: random.Random, packet: bytes) -> list[bytes]:
    """What arrives of a packet."""
    chance = r.random()
    if chance < 0.02:
        return []
    if chance < 0.05:
        return [packet, packet]
    head, data = _halves(packet)
    if chance < 0.10 and len(data) > 1 and _proto(packet) == 6:
        cut = r.randrange(1, len(data))
        seq = struct.unpack_from("!I", packet, len(head) - _transport(packet) + 4)[0]
        parts = [_with(packet, data[:cut]), _with(packet, data[cut:], seq + cut)]
        return parts[::-1] if chance < 0.07 else parts
    if chance < 0.13 and data:
        at = r.randrange(len(data))
        return [_with(packet, data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1 :])]
    if chance < 0.15 and data:
        return [_with(packet, data[: r.randrange(len(data))])]
    return [packet]


def _followed(r: random.Random, packet: bytes) -> Iterator[bytes]:
    """A knock is answered, or refused, and then something is said."""
    if r.random() < 0.4:
        return
    head, data = _halves(packet)
    at = len(head) - _transport(packet)
    if _proto(packet) == 6 and packet[at + 13] == _SYN:
        seq, mine = struct.unpack_from("!I", packet, at + 4)[0] + 1, r.getrandbits(32)
        if r.random() < 0.1:
            yield _segment(packet, (0, seq), _RST | _ACK, back=True)
            return
        yield _segment(packet, (mine, seq), _SYN | _ACK, back=True)
        yield _segment(packet, (seq, mine + 1), _ACK)
        for _ in range(r.randrange(FOLLOWING)):
            back = r.random() < 0.5
            ends = (mine + 1, seq) if back else (seq, mine + 1)
            yield _segment(packet, ends, r.choice((_PSH | _ACK, _ACK, _FIN | _ACK)), bytes(r.choice((0, 1, 50))), back=back)
    elif _proto(packet) == 17 and data and r.random() < 0.4:
        if r.random() < 0.1:
            yield icmp(_text(packet, 1), _text(packet, 0), *((1, 4) if packet[0] >> 4 == 6 else (3, 3)), ident=0, data=packet[: at + 8])
        else:
            source, target = struct.unpack_from("!HH", packet, at)
            yield ip(_text(packet, 1), _text(packet, 0), 17, struct.pack("!HHHH", target, source, 8 + len(b"back"), 0) + b"back")


# Bytes ------------------------------------------------------------------------------------------------------------------------------------


def _proto(packet: bytes) -> int:
    return packet[6] if packet[0] >> 4 == 6 else packet[9]


def _transport(packet: bytes) -> int:
    """Bytes of the transport header."""
    at = 40 if packet[0] >> 4 == 6 else 20
    if _proto(packet) == 6:
        return (packet[at + 12] >> 4) * 4
    return 8 if _proto(packet) == 17 else len(packet) - at


def _halves(packet: bytes) -> tuple[bytes, bytes]:
    """Headers, and what is said."""
    at = (40 if packet[0] >> 4 == 6 else 20) + _transport(packet)
    return packet[:at], packet[at:]


def _text(packet: bytes, which: int) -> str:
    """The source (0) or destination (1) address."""
    if packet[0] >> 4 == 6:
        return ":".join(packet[8 + 16 * which + k : 10 + 16 * which + k].hex() for k in range(0, 16, 2))
    return ".".join(map(str, packet[12 + 4 * which : 16 + 4 * which]))


def _with(packet: bytes, data: bytes, seq: int | None = None) -> bytes:
    """The packet saying something else."""
    at = 40 if packet[0] >> 4 == 6 else 20
    head = bytearray(packet[at : at + _transport(packet)])
    if _proto(packet) == 17:
        head[4:6] = struct.pack("!H", 8 + len(data))
    elif seq is not None:
        head[4:8] = struct.pack("!I", seq & 0xFFFFFFFF)
    return ip(_text(packet, 0), _text(packet, 1), _proto(packet), bytes(head) + data)


def _segment(syn: bytes, numbers: tuple[int, int], flags: int, data: bytes = b"", *, back: bool = False) -> bytes:
    """A segment of the connection that a SYN opens, of whoever sent it or (``back``) of the other."""
    at = 40 if syn[0] >> 4 == 6 else 20
    ports = struct.unpack_from("!HH", syn, at)
    source, target = ports[::-1] if back else ports
    seq, ack = numbers
    head = struct.pack("!HHIIBBHHH", source, target, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 60000, 0, 0)
    return ip(_text(syn, int(back)), _text(syn, int(not back)), 6, head + data)
