"""FTP and TFTP through NAT as a firewall sees them come in, for make_nat.py: replies carry the translated tuple, payloads are as sent.

A client behind source NAT and a server behind destination NAT, active and passive, plain and extended; who comes to what was announced:
the right one, another host, to the address that NAT hides.
"""

from __future__ import annotations

import random

from control_channels import Talk
from scenes import tcp, udp

__all__ = ["channels"]

INSIDE, SHOWN = "192.168.100.10", "203.113.100.10"
SERVER, SERVER_SHOWN = "192.168.100.20", "203.113.200.10"
FAR, STRANGER = "198.51.100.7", "198.51.100.9"


def _talk(near: str, far: str, back: tuple[str, str], at: float, *said: tuple[int, str]) -> Talk:
    """A control channel from near to far, whose answers come in as ``back``."""
    talk = Talk(near, far, at=at)
    talk.ends = [talk.ends[0], talk.ends[1]]
    ways = [(near, far), back]
    for side, text, flags in (
        (0, "", 0x02),
        (1, "", 0x12),
        (0, "", 0x10),
        (1, "220 hi\r\n", 0x18),
        (0, "USER a\r\n", 0x18),
        (1, "331 pw\r\n", 0x18),
    ):
        _send(talk, ways, side, text, flags)
    for side, text in said:
        _send(talk, ways, side, text, 0x18)
    return talk


def _send(talk: Talk, ways: list[tuple[str, str]], side: int, text: str, flags: int) -> None:
    source, target = ways[side]
    kept, talk.ends = talk.ends, [_end(source), _end(target)] if side == 0 else [_end(target), _end(source)]
    talk.send(side, text.encode(), flags=flags)
    talk.ends = kept


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port)


def _comma(address: str, port: int) -> str:
    return f"{address.replace('.', ',')},{port >> 8},{port & 255}"


def _opened(at: float, there: tuple[str, str], back: tuple[str, str]) -> list[tuple[float, bytes]]:
    """A handshake and a packet of data."""
    steps = ((there, "S", 7, 0), (back, "S.", 90, 8), (there, ".", 8, 91), (back, "P.", 91, 8))
    return [(at + k / 1000, tcp(*ends, flags, seq, ack, data=5 if flags == "P." else 0)) for k, (ends, flags, seq, ack) in enumerate(steps)]


def channels(seed: int) -> list[tuple[int, bytes]]:
    """Every story in turn, ports drawn: (milliseconds, packet)."""
    r = random.Random(seed)
    packets: list[tuple[float, bytes]] = []
    for number in range(30):
        at, own, port = number * 2.0, 3000 + number, r.randrange(256, 60000)
        packets += (_active, _passive, _server_passive, _server_active, _tftp)[number % 5](r, at, own, port)
    return sorted(((round(at * 1000), packet) for at, packet in packets), key=lambda each: each[0])


def _active(r: random.Random, at: float, own: int, port: int) -> list[tuple[float, bytes]]:
    """The client behind source NAT asks to be connected to."""
    near, far = f"{INSIDE}:{own}", f"{FAR}:21"
    said = r.choice([f"PORT {_comma(INSIDE, port)}\r\n", f"EPRT |1|{INSIDE}|{port}|\r\n"])
    talk = _talk(near, far, (far, f"{SHOWN}:{own}"), at, (0, said))
    packets = talk.packets
    packets.append((at + 0.4, tcp(f"{STRANGER}:20", f"{SHOWN}:{port}", "S")))
    packets += _opened(at + 0.5, (f"{FAR}:20", f"{SHOWN}:{port}"), (f"{INSIDE}:{port}", f"{FAR}:20"))
    return packets


def _passive(r: random.Random, at: float, own: int, port: int) -> list[tuple[float, bytes]]:
    """It connects itself."""
    near, far = f"{INSIDE}:{own}", f"{FAR}:21"
    answer = r.choice([f"227 Entering ({_comma(FAR, port)}).\r\n", f"229 Extended (|||{port}|)\r\n"])
    talk = _talk(near, far, (far, f"{SHOWN}:{own}"), at, (0, "PASV\r\n"), (1, answer))
    data = f"{INSIDE}:{own + 5000}", f"{FAR}:{port}"
    return talk.packets + _opened(at + 0.5, data, (f"{FAR}:{port}", f"{SHOWN}:{own + 5000}"))


def _server_passive(r: random.Random, at: float, own: int, port: int) -> list[tuple[float, bytes]]:
    """The server behind destination NAT waits to be connected to."""
    near, far = f"{FAR}:{own}", f"{SERVER_SHOWN}:21"
    answer = r.choice([f"227 Entering ({_comma(SERVER, port)}).\r\n", f"229 Extended (|||{port}|)\r\n"])
    talk = _talk(near, far, (f"{SERVER}:21", near), at, (0, "PASV\r\n"), (1, answer))
    packets = talk.packets
    packets.append((at + 0.4, tcp(f"{STRANGER}:{own}", f"{SERVER_SHOWN}:{port}", "S")))
    return packets + _opened(at + 0.5, (f"{FAR}:{own + 1}", f"{SERVER_SHOWN}:{port}"), (f"{SERVER}:{port}", f"{FAR}:{own + 1}"))


def _server_active(r: random.Random, at: float, own: int, port: int) -> list[tuple[float, bytes]]:
    """It connects to its client."""
    near, far = f"{FAR}:{own}", f"{SERVER_SHOWN}:21"
    said = r.choice([f"PORT {_comma(FAR, port)}\r\n", f"EPRT |1|{FAR}|{port}|\r\n"])
    talk = _talk(near, far, (f"{SERVER}:21", near), at, (0, said))
    return talk.packets + _opened(at + 0.5, (f"{SERVER}:20", f"{FAR}:{port}"), (f"{FAR}:{port}", f"{SERVER_SHOWN}:20"))


def _tftp(r: random.Random, at: float, own: int, port: int) -> list[tuple[float, bytes]]:
    """A read request either way: the server answers from another port."""
    request, answer = b"\0\1f\0octet\0", b"\0\3\0\1data"
    if r.random() < 0.5:
        ends = (f"{INSIDE}:{own}", f"{FAR}:69"), (f"{FAR}:{port}", f"{SHOWN}:{own}"), (f"{INSIDE}:{own}", f"{FAR}:{port}")
    else:
        ends = (f"{FAR}:{own}", f"{SERVER_SHOWN}:69"), (f"{SERVER}:{port}", f"{FAR}:{own}"), (f"{FAR}:{own}", f"{SERVER_SHOWN}:{port}")
    stranger = at + 0.05, udp(f"{STRANGER}:{port}", ends[1][1], answer)
    return [(at, udp(*ends[0], request)), stranger, (at + 0.1, udp(*ends[1], answer)), (at + 0.2, udp(*ends[2], b"\0\4\0\1"))]
