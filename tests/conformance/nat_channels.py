"""FTP, TFTP and others through NAT as a firewall sees them come in, for make_nat.py: replies are translated, payloads as sent.

A client behind source NAT and a server behind destination NAT, active and passive, plain and extended; who comes to what was announced:
the right one, another host, to the address that NAT hides.
"""

from __future__ import annotations

import random
from ipaddress import ip_address

from control_channels import Talk
from h323_messages import call, call_address, frame, open_channel
from scenes import tcp, udp

__all__ = ["channels", "others"]

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
    talk.send(side, text.encode("latin-1"), flags=flags)
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


# Other protocols ----------------------------------------------------------------------------------------------------------------------


def others(seed: int) -> list[tuple[int, bytes]]:
    """IRC, SIP and H.323 of a client behind source NAT, Amanda to a server behind destination NAT: (milliseconds, packet)."""
    r = random.Random(seed)
    packets: list[tuple[float, bytes]] = []
    for number in range(16):
        packets += (_irc, _sip, _amanda, _h323)[number % 4](number * 20.0, number, r.randrange(2000, 30000) * 2)
    return sorted(((round(at * 1000), packet) for at, packet in packets), key=lambda each: each[0])


def _irc(at: float, number: int, port: int) -> list[tuple[float, bytes]]:
    """A stranger fetches what was offered; the kernel shows him as the server."""
    ways = [(f"{INSIDE}:{3000 + number}", f"{FAR}:6667"), (f"{FAR}:6667", f"{SHOWN}:{3000 + number}")]
    talk = _talk(*ways[0], ways[1], at)
    _send(talk, ways, 0, f"PRIVMSG bob :\1DCC SEND f {int(ip_address(INSIDE))} {port}\1\r\n", 0x18)
    return talk.packets + _opened(
        at + 1, (f"{STRANGER}:{4000 + number}", f"{SHOWN}:{port}"), (f"{INSIDE}:{port}", f"{STRANGER}:{4000 + number}")
    )


def _sip(at: float, number: int, port: int) -> list[tuple[float, bytes]]:
    """A telephone registers, is called from another port of its registrar, and calls."""
    here, shown, registrar, caller = (f"{INSIDE}:{5060 + number}", f"{SHOWN}:{5060 + number}", f"{FAR}:5060", f"{FAR}:5070")
    said = [
        (here, registrar, _message(f"REGISTER sip:{FAR} SIP/2.0", "1 REGISTER", INSIDE, contact=here)),
        (registrar, shown, _message("SIP/2.0 200 OK", "1 REGISTER", SHOWN, contact=shown)),
        (caller, shown, _message(f"INVITE sip:a@{shown} SIP/2.0", "1 INVITE", FAR, media=(FAR, port + 100))),
        (here, caller, _message("SIP/2.0 200 OK", "1 INVITE", INSIDE, media=(INSIDE, port))),
        (f"{FAR}:{port + 100}", f"{SHOWN}:{port}", b"rtp"),
        (f"{INSIDE}:{port}", f"{FAR}:{port + 100}", b"rtp"),
        (here, registrar, _message(f"INVITE sip:b@{FAR} SIP/2.0", "5 INVITE", INSIDE, media=(INSIDE, port + 10))),
        (registrar, shown, _message("SIP/2.0 200 OK", "5 INVITE", FAR, media=(FAR, port + 110))),
        (f"{FAR}:{port + 110}", f"{SHOWN}:{port + 10}", b"rtp"),
        (f"{INSIDE}:{port + 10}", f"{FAR}:{port + 110}", b"rtp"),
    ]
    return [(at + k / 10, udp(source, target, data)) for k, (source, target, data) in enumerate(said)]


def _message(first: str, cseq: str, own: str, *, contact: str = "", media: tuple[str, int] | None = None) -> bytes:
    body = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\na=x\r\n".format(*media) if media else ""
    where = f"Contact: <sip:a@{contact}>;expires=60\r\n" if contact else ""
    head = f"{first}\r\nVia: SIP/2.0/UDP {own}:5060;branch=z9\r\nFrom: <sip:a@{own}>;tag=1\r\nTo: <sip:b@{FAR}>\r\nCall-ID: 1@a\r\n"
    return f"{head}CSeq: {cseq}\r\n{where}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _amanda(at: float, number: int, _port: int) -> list[tuple[float, bytes]]:
    """The same ports each time, while those before are still expected: the kernel announces others."""
    client = f"{FAR}:{700 + number}"
    talk = [(at, udp(client, f"{SERVER_SHOWN}:10080", b"REQ"))]
    talk.append((at + 0.1, udp(f"{SERVER}:10080", client, b"CONNECT DATA 5001 MESG 5002 INDEX 5003\nOPTIONS\n")))
    if number > 4:
        return talk
    return talk + _opened(at + 0.2, (f"{FAR}:{6000 + number}", f"{SERVER_SHOWN}:5001"), (f"{SERVER}:5001", f"{FAR}:{6000 + number}"))


def _h323(at: float, number: int, port: int) -> list[tuple[float, bytes]]:
    """A call's H.245 connection and its media come back."""
    ways = [(f"{INSIDE}:{3000 + number}", f"{FAR}:1720"), (f"{FAR}:1720", f"{SHOWN}:{3000 + number}")]
    talk = _talk(*ways[0], ways[1], at)
    setup = frame(call("setup", h245Address=call_address(INSIDE, port), fastStart=[open_channel(INSIDE, port + 4, port + 5)]))
    _send(talk, ways, 0, setup.decode("latin-1"), 0x18)
    packets = talk.packets + _opened(at + 1, (f"{FAR}:{9000 + number}", f"{SHOWN}:{port}"), (f"{INSIDE}:{port}", f"{FAR}:{9000 + number}"))
    media = (f"{FAR}:7000", f"{SHOWN}:{port + 4}"), (f"{INSIDE}:{port + 4}", f"{FAR}:7000")
    return packets + [(at + 2 + k / 10, udp(*ends, b"rtp")) for k, ends in enumerate(media)]
