"""Stories of every other protocol: UDP, ICMP and its errors, fragments, SCTP, GRE, and a table that fills up."""

from __future__ import annotations

import random
import struct

from raw_packets import ACK, PSH, SYN, echo, fragment, fragments, icmp, ip, sctp, tcp, udp
from story import CLIENT, SERVER, STRICT, Story, Talk, story

A, B, C = "10.0.0.1", "192.0.2.1", "203.0.113.9"
A6, B6 = "2001:db8::1", "2001:db8:1::1"


@story()
def udp_timeouts(told: Story) -> None:
    """Unanswered and answered young exchanges live 30 s, streams 120 s; each just inside and just outside. The stream begins after 2 s."""
    for number, (a, b) in enumerate(((A, B), (A6, B6))):
        for late in (0, 1):
            port = 1000 + 100 * number + 10 * late
            left = 29_900 + 200 * late
            told.add(0, udp((a, port), (b, 53)))
            told.add(left, udp((a, port), (b, 53)))
            told.add(0, udp((a, port + 1), (b, 53)))
            told.add(50, udp((b, 53), (a, port + 1)))
            told.add(50 + left, udp((a, port + 1), (b, 53)))
            told.add(0, udp((a, port + 2), (b, 53)))
            told.add(50, udp((b, 53), (a, port + 2)))
            told.add(2000 + late, udp((a, port + 2), (b, 53)))
            told.add(2000 + late + 119_900 + 200 * late, udp((b, 53), (a, port + 2)))
            told.add(300_000, udp((a, port + 3), (b, 53)))
            told.add(302_001, udp((a, port + 3), (b, 53)))
            told.add(302_002, udp((b, 53), (a, port + 3)))
            told.add(302_002 + 119_999 + 2 * late, udp((a, port + 3), (b, 53)))


def _around(told: Story, seconds: tuple[int, ...]) -> None:
    """Packets around each time-out."""
    young, stream, four, six, generic, gre, gre_stream = (1000 * each for each in seconds)
    for late in (-1, 1):
        one = 1 + late
        told.add(0, udp((A, 2000 + one), (B, 53)))
        told.add(young + late, udp((A, 2000 + one), (B, 53)))
        told.add(0, udp((A, 2010 + one), (B, 53)))
        told.add(3000, udp((B, 53), (A, 2010 + one)))
        told.add(3001, udp((A, 2010 + one), (B, 53)))
        told.add(3001 + stream + late, udp((A, 2010 + one), (B, 53)))
        for at, reply in ((0, False), (four + late, True)):
            told.add(at, echo(A, B, 20 + one, reply=reply) if not reply else echo(B, A, 20 + one, reply=True))
        for at, reply in ((0, False), (six + late, True)):
            told.add(at, echo(A6, B6, 30 + one) if not reply else echo(B6, A6, 30 + one, reply=True))
        end = f"10.0.1.{10 + one}"
        told.add(0, ip(end, B, 50, bytes(20)))
        told.add(generic + late, ip(B, end, 50, bytes(20)))
        told.add(0, ip(end, B, 47, bytes(8)))
        told.add(gre + late, ip(end, B, 47, bytes(8)))
        end = f"10.0.2.{10 + one}"
        told.add(0, ip(end, B, 47, bytes(8)))
        told.add(10, ip(B, end, 47, bytes(8)))
        told.add(20, ip(end, B, 47, bytes(8)))
        told.add(20 + gre_stream + late, ip(end, B, 47, bytes(8)))


@story(
    STRICT,
    "udp_timeout=10",
    "udp_timeout_stream=50",
    "icmp_timeout=5",
    "icmpv6_timeout=7",
    "generic_timeout=20",
    "gre_timeout=11",
    "gre_timeout_stream=21",
)
def timeouts_sysctl(told: Story) -> None:
    """The time-outs of UDP, ICMP, GRE and of protocols without ports, set by sysctl, a millisecond inside and outside."""
    _around(told, (10, 50, 5, 7, 20, 11, 21))


@story()
def other_timeouts(told: Story) -> None:
    """The time-outs of UDP, ICMP, GRE and of protocols without ports, a millisecond inside and outside."""
    _around(told, (30, 120, 30, 30, 600, 30, 180))


def _error(about: bytes, to: str, source: str, **more) -> bytes:
    """An ICMP error (port unreachable) about a packet."""
    kind, code = (1, 4) if ":" in to else (3, 3)
    return icmp(source, to, more.pop("kind", kind), more.pop("code", code), data=about, **more)


@story()
def icmp_errors(told: Story) -> None:
    """Errors that quote right, wrong, truncated, reversed and changed packets; by the end host and by a router; they refresh nothing."""
    for a, b, router in ((A, B, C), (A6, B6, "2001:db8:ffff::9")):
        head = 40 if ":" in a else 20
        talk = Talk(told, 6000, six=":" in a).open()
        sent = talk.say(CLIENT, PSH | ACK, 100)
        answer = talk.say(SERVER, ACK)
        at = talk.now
        for number, packet in enumerate(
            (
                _error(sent, a, b),
                _error(sent, a, router, kind=3 if ":" in a else 11, code=0),
                _error(answer, b, router),
                _error(sent, b, router),
                _error(sent, C if ":" not in a else "2001:db8:ffff::8", router),
                *(_error(sent[: head + size], a, router) for size in (8, 7, 4, 3, 0, -1, -head)),
                _error(sent[:head] + b"\0\1\0\2" + sent[head + 4 :], a, router),
                _error(sent[: head - 8] + sent[head - 4 : head] + sent[head - 8 : head - 4] + sent[head:], a, router),
                _error(_error(sent, a, router), router, a),
                _error(sent, a, router, bad=True),
                _error(bytes([sent[0] ^ 0xF0]) + sent[1:], a, router),
                _error(echo(a, b, 7), a, b),
                _error(echo(b, a, 7, reply=True), b, a),
            )
        ):
            told.add(at + number, packet)
        told.add(at + 100, echo(a, b, 7))
        told.add(at + 101, _error(echo(a, b, 7), a, b))
        told.add(at + 102, _error(echo(b, a, 7, reply=True), b, a))
        told.add(at + 20_000, _error(sent, a, b))


@story()
def icmp_kinds(told: Story) -> None:
    """Every ICMP type, with and without a request before it."""
    for kind in range(256):
        told.add(kind, icmp(A, B, kind, 0, rest=struct.pack("!HH", kind, 1), data=bytes(40)))
        told.add(1000 + kind, icmp(B, A, kind, 0, rest=struct.pack("!HH", kind ^ 1, 1), data=bytes(40)))
        told.add(2000 + kind, icmp(A6, B6, kind, 0, rest=struct.pack("!HH", kind, 1), data=bytes(60), ttl=255))
        told.add(3000 + kind, icmp("fe80::1", A6, kind, 1, rest=struct.pack("!HH", kind ^ 1, 1), data=bytes(60), ttl=255))


def _pieces(a: str, b: str, port: int, size: int, ident: int) -> list[bytes]:
    return fragments(udp((a, port), (b, 53), bytes(size - 8)), [size // 4 & ~7] * 3, ident)


@story()
def fragments_whole(told: Story) -> None:
    """Datagrams in four fragments: in order, reversed, shuffled, twice the same, sent again; the first small, the last small."""
    for a, b in ((A, B), (A6, B6)):
        for number, order in enumerate(
            ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (0, 1, 1, 2, 3), (0, 1, 2, 3, 3), (0, 1, 2, 3, 0, 1, 2, 3))
        ):
            made = _pieces(a, b, 7000 + number, 1600, 100 + number)
            for step, which in enumerate(order):
                told.add(100 * number + step, made[which])
        for number, sizes in enumerate(((8, 8), (16, 800), (1592,))):
            for step, piece in enumerate(fragments(udp((a, 7010 + number), (b, 53), bytes(1592)), sizes, 200 + number)):
                told.add(1000 + 100 * number + step, piece)


@story()
def fragments_overlap(told: Story) -> None:
    """A fragment that overlaps throws the datagram away; one that lies within another does not; one beyond the end is refused."""
    for a, b in ((A, B), (A6, B6)):
        for number, (start, size, more) in enumerate(
            ((392, 16, True), (408, 8, True), (0, 400, True), (1592, 16, False), (1600, 8, False), (800, 13, True), (0, 8, False))
        ):
            made = _pieces(a, b, 7100 + number, 1600, 300 + number)
            odd = fragment((a, b, 17, 300 + number), start, b"\xff" * size, more=more)
            for step, piece in enumerate((*made[:2], odd, *made[2:])):
                told.add(100 * number + step, piece)
            told.add(100 * number + 50, udp((b, 53), (a, 7100 + number)))


@story()
def fragments_late(told: Story) -> None:
    """The last fragment after 20 s makes the datagram whole, after 40 s (IPv4) or 80 s (IPv6) it does not; what is incomplete is none."""
    for a, b, late in ((A, B, 40), (A6, B6, 80)):
        for number, seconds in enumerate((20, late)):
            made = _pieces(a, b, 7200 + number, 1600, 400 + number)
            for step, piece in enumerate(made):
                told.add(step if step < 3 else 1000 * seconds, piece)
            told.add(1000 * seconds + 1, udp((b, 53), (a, 7200 + number)))
        for step, piece in enumerate(_pieces(a, b, 7210, 1600, 500)[:3]):
            told.add(step, piece)
        told.add(10, udp((b, 53), (a, 7210)))


@story()
def fragments_of_segments(told: Story) -> None:
    """A connection whose data comes in fragments; an echo in fragments; the tiny first fragment."""
    for number, (a, b) in enumerate(((A, B), (A6, B6))):
        talk = Talk(told, 7300, six=bool(number)).open()
        for ident in (1, 2):
            whole = talk.say(CLIENT, PSH | ACK, 1000)
            told.told.pop()
            for piece in fragments(whole, [400, 400], 600 + ident):
                talk.told.add(talk.now, piece)
                talk.now += 1
            talk.say(SERVER, ACK)
        whole = tcp((a, 7301), (b, 80), SYN, 1, options=bytes([2, 4, 5, 180]) + bytes(4))
        for piece in fragments(whole, [8, 8], 610):
            talk.told.add(talk.now, piece)
            talk.now += 1
        for piece in fragments(echo(a, b, 9) + b"", [8], 611):
            talk.told.add(talk.now, piece)
            talk.now += 1


_SCTP_A, _SCTP_B = (A, 4000), (B, 5000)
_INIT, _INIT_ACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _SHUTDOWN, _SHUTDOWN_ACK = 1, 2, 4, 5, 6, 7, 8
_COOKIE_ECHO, _COOKIE_ACK, _SHUTDOWN_COMPLETE, _DATA, _SACK = 10, 11, 14, 0, 3
_TAGS = (0x11111111, 0x22222222)


def _chunk(kind: int, tag: int) -> tuple[int, bytes, int]:
    body = {
        _INIT: struct.pack("!IIHHI", tag, 65536, 1, 1, 1),
        _INIT_ACK: struct.pack("!IIHHI", tag, 65536, 1, 1, 1),
        _DATA: bytes(12),
        _SACK: bytes(12),
        _HEARTBEAT: b"\0\1\0\4",
        _HEARTBEAT_ACK: b"\0\1\0\4",
        _COOKIE_ECHO: b"cook",
        _SHUTDOWN: bytes(4),
    }
    return kind, body.get(kind, b""), 0


def _associate(told: Story, at: int, steps: list[tuple[int, ...]], port: int = 0) -> int:
    """Packets (side, chunk, own tag if not the usual) a millisecond apart; returns when the last one was."""
    ends = ((A, 4000 + port), (B, 5000 + port))
    for number, (side, kind, *tag) in enumerate(steps):
        own = tag[0] if tag else _TAGS[side]
        told.add(at + number, sctp(ends[side], ends[1 - side], 0 if kind == _INIT else _TAGS[1 - side], [_chunk(kind, own)]))
    return at + len(steps) - 1


_UP = [(0, _INIT), (1, _INIT_ACK), (0, _COOKIE_ECHO), (1, _COOKIE_ACK)]


@story()
def sctp_collision(told: Story) -> None:
    """Both ends send INIT; the INIT ACK of the first one comes last, with a tag that nobody uses any more."""
    end = _associate(told, 0, [(0, _INIT), (1, _INIT), (0, _INIT_ACK), (1, _COOKIE_ECHO), (0, _COOKIE_ACK)])
    _associate(told, end + 500, [(1, _INIT_ACK, 0x33333333), (0, _DATA), (1, _SACK), (1, _DATA), (0, _SACK)])


@story()
def sctp_timeouts(told: Story) -> None:
    """The time-out of every state, a millisecond inside and outside."""
    ways = (
        ([(0, _INIT)], 10),
        ([(0, _INIT), (1, _INIT_ACK)], 3),
        (_UP[:3], 3),
        (_UP, 210),
        ([*_UP, (0, _SHUTDOWN)], 3),
        ([*_UP, (1, _SHUTDOWN)], 3),
        ([*_UP, (0, _SHUTDOWN), (1, _SHUTDOWN_ACK)], 3),
        ([*_UP, (0, _SHUTDOWN), (1, _SHUTDOWN_ACK), (0, _SHUTDOWN_COMPLETE)], 10),
        ([*_UP, (0, _ABORT)], 10),
        ([(0, _HEARTBEAT)], 30),
        ([(0, _HEARTBEAT), (1, _HEARTBEAT_ACK)], 210),
    )
    for number, (way, seconds) in enumerate(ways):
        for late in (-1, 1):
            port = 10 + 4 * number + 1 + late
            end = _associate(told, 0, way, port)
            _associate(told, end + 1000 * seconds + late, [(1, _DATA), (0, _DATA)], port)


@story()
def random_tuples(told: Story) -> None:
    """Five hundred packets between random tuples: each its own entry, none is dropped."""
    r = random.Random(1)
    for number in range(500):
        ends = [
            (f"{r.choice((10, 172, 192))}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}", r.randrange(1, 65536)) for _ in "ab"
        ]
        told.add(number, r.choice((udp(*ends), tcp(*ends, SYN, r.getrandbits(32)), echo(ends[0][0], ends[1][0], ends[0][1]))))


@story(STRICT, "max=20")
def table_full(told: Story) -> None:
    """Twenty assured connections fill the table: nothing new gets in until one of them is over; established traffic goes on."""
    talks = [Talk(told, 8000 + number, start=10 * number).open() for number in range(20)]
    for number in range(5):
        told.add(1000 + number, udp((A, 9000 + number), (B, 53)))
        told.add(1100 + number, tcp((A, 9100 + number), (B, 80), SYN, 1))
    talks[3].now = 1200
    talks[3].data(CLIENT)
    talks[4].now = 2000
    talks[4].rst(CLIENT)
    told.add(3000, udp((A, 9010), (B, 53)))
    told.add(13_000, udp((A, 9011), (B, 53)))
    told.add(13_001, udp((B, 53), (A, 9011)))
    told.add(13_002, echo(A, B, 77))


@story()
def same_instant(told: Story) -> None:
    """First packets of one connection in the same millisecond, from one end and from both: the second one finds the first one's entry."""
    for port, pair in ((9200, (0, 0)), (9201, (0, 1)), (9202, (1, 0))):
        ends = ((A, port), (B, 53))
        for who in pair:
            told.add(0, udp(ends[who], ends[1 - who]))
            told.add(0, tcp(ends[who], ends[1 - who], SYN, 1000 + who))
            told.add(0, sctp(ends[who], ends[1 - who], 0, [_chunk(_INIT, _TAGS[who])]))
        told.add(0, echo(A, B, port))
        told.add(0, echo(A, B, port))


@story("udp dport 53 drop; tcp dport 81 drop; ct state invalid drop")
def refused(told: Story) -> None:
    """What the rules refuse leaves no entry: the answer that comes all the same is new, a TCP answer invalid; an error about it, too."""
    for second in (0, 1, 40):
        packet = udp((A, 1000), (B, 53))
        told.add(1000 * second, packet)
        told.add(1000 * second + 10, _error(packet, A, B))
        told.add(1000 * second + 20, udp((B, 53), (A, 1000)))
        told.add(1000 * second + 30, udp((A, 1000), (B, 53)))
    syn = tcp((A, 1001), (B, 81), SYN, 1)
    told.add(60_000, syn)
    told.add(60_001, tcp((B, 81), (A, 1001), SYN | ACK, 1, 2))
    told.add(60_002, tcp((A, 1001), (B, 81), ACK, 2, 2))
    told.add(60_003, tcp((B, 81), (A, 1001), ACK, 2, 2))
