"""Control channels of every kind, right, wrong and mutated, and who comes after them: what make_goldens.py writes to channels/.

Each capture holds many short channels of one protocol. What is said is drawn from the protocol's own lines and then edited at random, so
that most of it is nearly an announcement; knocks at the announced ports and their neighbours follow. Checksums are 0 and not looked at.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from control_channels import Talk
from h323_channels import calls, registrations
from raw_packets import write_pcap
from scenes import icmp, ip, sctp, tcp, udp

HERE = Path(__file__).parent
#: Client, server; and over IPv6.
C4, S4, C6, S6 = "10.0.0.1", "192.0.2.1", "[fd00::1]", "[2001:db8::1]"
FTP_CLIENT = (
    "PORT 10,0,0,1,19,137\r\n",
    "PORT 10,0,0,9,19,137\r\n",
    "PORT 10,0,0,1,0,0\r\n",
    "PORT 10,0,0,300,19,393\r\n",
    "EPRT |1|10.0.0.1|5001|\r\n",
    "EPRT |2|fd00::1|5001|\r\n",
    "EPRT |2|::ffff:10.0.0.1|5001|\r\n",
    "EPRT |1|10.0.0.1|65537|\r\n",
    "EPRT |1|10.0.0.1|65536|\r\n",
    "EPSV\r\n",
    "PASV\r\n",
    "P",
    "PORT",
)
FTP_SERVER = (
    "227 Entering Passive Mode (192,0,2,1,156,64).\r\n",
    "227 =192,0,2,1,156,64\r\n",
    "227 Logout.\r\n",
    "227 Entering Passive Mode (192,0,2,9,156,64).\r\n",
    "229 Entering Extended Passive Mode (|||40000|)\r\n",
    "229 no\r\n",
    "200 PORT ok\r\n",
    "2",
    "220-x\r\n229 (|||40000|)\r\n",
)
IRC = (
    "PRIVMSG bob :\1DCC SEND file.txt 167772161 5001\1\r\n",
    "  \r\nPRIVMSG bob :\1DCC CHAT chat 167772161 5001\1\r\n",
    "PRIVMSG bob :\1DCC TSEND f 167772169 5001\1 some more\r\n",
    "PRIVMSG #room :hello there, how are you today?\r\n",
)
AMANDA = ("CONNECT DATA 5001 MESG 5002 INDEX 5003\nOPTIONS\n", "x\nCONNECT STATE 5001 DATA 70537\n", "CONNECT DATA 0 MESG 5001\n")
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\nm=video {2} RTP/AVP 31\r\na=x\r\n"


def edited(r: random.Random, text: str, most: int = 3) -> str:
    """The text with up to so many random edits: a character lost, doubled, another one, two exchanged, or the rest cut off."""
    for _ in range(r.choice([0, 0, *range(1, most + 1)])):
        if not text:
            break
        at = r.randrange(len(text))
        edit = r.randrange(6)
        if edit == 0:
            text = text[:at] + text[at + 1 :]
        elif edit == 1:
            text = text[:at] + text[at] * 2 + text[at + 1 :]
        elif edit == 2:
            text = text[:at] + r.choice("0123456789 ,.|()\r\n:\t;=@[]xA<>") + text[at + 1 :]
        elif edit == 3:
            text = text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
        elif edit == 4:
            text = text[: at + 1]
        else:
            text = text[:at] + r.choice("0123456789") + text[at:]
    return text


def ftp(r: random.Random, count: int, six: bool) -> list[tuple[float, bytes]]:
    """FTP: an announcement, sometimes repeated, sometimes in two parts."""
    client, server, packets = (C6, S6, []) if six else (C4, S4, [])
    for number in range(count):
        talk = Talk(f"{client}:{3000 + number}", f"{server}:21", at=number).open().answers("220 ready\r\n").says("USER a\r\n")
        talk.answers("331 pw\r\n")
        for _ in range(r.choice([1, 1, 2, 3])):
            side = r.randrange(2)
            said = r.choice((FTP_CLIENT, FTP_SERVER)[side])
            if six and r.random() < 0.6:
                said = ("EPRT |2|fd00::1|5001|\r\n", "229 Extended Passive Mode (|||40000|)\r\n")[side]
            text = edited(r, said).encode("latin-1")
            how, place = r.randrange(6), talk.next[side]
            if how == 0 and len(text) > 2:
                cut = r.randrange(1, len(text))
                talk.send(side, text[:cut]).send(side, text[cut:])
            elif how == 1:
                talk.send(side, text).send(side, text, seq=place)
            else:
                talk.send(side, text)
        packets += talk.packets
        at = talk.at
        for port in (5001, r.choice([0, 1, 256, 5000, 50010])):
            packets.append((at := at + 0.001, tcp(f"{server}:20", f"{client}:{port}", "S", number)))
        packets.append((at + 0.001, tcp(f"{client}:{10000 + number}", f"{server}:{r.choice([40000, 40000, 1])}", "S", number)))
    return packets


def irc(r: random.Random, count: int) -> list[tuple[float, bytes]]:
    """IRC: messages of either side."""
    packets = []
    for number in range(count):
        talk = Talk(f"{C4}:{3000 + number}", f"{S4}:6667", at=number).open()
        port = 5001 + number
        talk.send(r.choice([0, 0, 0, 1]), edited(r, r.choice(IRC).replace("5001", str(port))).encode("latin-1"))
        packets += [*talk.packets, (talk.at, tcp("198.51.100.9:4444", f"{C4}:{port}", "S", number))]
    return packets


def small(r: random.Random, count: int) -> list[tuple[float, bytes]]:
    """TFTP, Amanda and SANE."""
    packets = []
    for number in range(count):
        at, port = number * 1.0, 3000 + number
        opcode = r.choice([b"\0\1", b"\0\2", b"\0\3", b"\1", b"", b"\0\1\0"])
        packets += [(at, udp(f"{C4}:{port}", f"{S4}:69", opcode + b"f")), (at + 0.1, udp(f"{S4}:5555", f"{C4}:{port}"))]
        answer = edited(r, r.choice(AMANDA)).encode("latin-1")
        packets += [(at + 0.2, udp(f"{C4}:{port}", f"{S4}:10080", b"REQ")), (at + 0.21, udp(f"{S4}:10080", f"{C4}:{port}", answer))]
        packets += [(at + 0.22 + k / 1000, tcp(f"{C4}:{9000 + number}", f"{S4}:{5001 + k}", "S", number)) for k in range(3)]
        talk = Talk(f"{C4}:{port}", f"{S4}:6566", at=at + 0.3).open()
        request = struct.pack("!II", r.choice([7, 7, 7, 8]), 0) + r.choice([b"", b"", b"x"])
        reply = struct.pack("!IHH", r.choice([0, 0, 0, 1]), r.choice([0, 0, 0, 1]), 45000)[: r.choice([8, 8, 7])] + r.choice([b"", b"more"])
        talk.send(0, request).send(1, reply)
        packets += [*talk.packets, (talk.at, tcp(f"{C4}:{9000 + number}", f"{S4}:45000", "S", number))]
    return packets


def sip(r: random.Random, count: int, proto: str) -> list[tuple[float, bytes]]:
    """SIP: calls, answers, registrations; a knock at the media ports and the contact."""
    packets = []
    for number in range(count):
        at, port = number * 1.0, 5070 + 2 * number
        client, server = f"{C4}:{port}", f"{S4}:5060"
        talk = Talk(client, server, at=at)
        if proto == "tcp":
            talk.open()
        cseq = 1
        for turn in range(r.choice([1, 2, 3, 4])):
            side = r.randrange(2) if turn else 0
            text = _sip_message(r, side, port, cseq, proto)
            cseq += r.random() < 0.3
            data = edited(r, text, 2).encode("latin-1")
            if proto == "tcp":
                talk.send(side, data)
            else:
                talk.packets.append((talk.at, udp(*((client, server) if side == 0 else (server, client)), data)))
                talk.at += 0.001
        packets += talk.packets
        media = 7000 + 20 * (port % 8)
        for k, (source, where) in enumerate(((8000, media), (8000, media + 1), (8000, media + 10), (5060, port + 1))):
            packets.append((talk.at + (k + 1) / 1000, udp(f"{S4}:{source + number * (source == 8000)}", f"{C4}:{where}", b"x" * 20)))
    return packets


def _sip_message(r: random.Random, side: int, port: int, cseq: int, proto: str) -> str:
    own = (C4, S4)[side]
    method = r.choice(["INVITE", "INVITE", "INVITE", "REGISTER", "REGISTER", "BYE", "ACK", "UPDATE", "PRACK", "OPTIONS"])
    media = 7000 + 20 * (port % 8)
    body = SDP.format(own, media, media + 10) if method not in ("BYE", "REGISTER", "OPTIONS") and r.random() < 0.8 else ""
    first = f"{method} sip:x@{S4} SIP/2.0" if r.random() < 0.6 else f"SIP/2.0 {r.choice([100, 180, 200, 200, 401, 486])} Whatever"
    transport, time = r.choice(["", ";transport=udp", ";transport=tcp"]), r.choice(["", ";expires=60", ";expires=0"])
    contact = f"Contact: <sip:a@{C4}:{port + 1}{transport}>{time}\r\n"
    expires = r.choice(["", "Expires: 120\r\n"])
    return (
        f"{first}\r\nVia: SIP/2.0/{proto.upper()} {own}:5060;branch=z9\r\nFrom: <sip:a@{C4}>;tag=1\r\nTo: <sip:b@{S4}>\r\nCall-ID: 1@a\r\n"
        f"CSeq: {cseq} {method}\r\n{contact}{expires}Content-Length: {len(body)}\r\n\r\n{body}"
    )


def pptp(r: random.Random, count: int) -> list[tuple[float, bytes]]:
    """PPTP: calls of either side, with steps left out, repeated or wrong; GRE of both."""
    packets = []
    for number in range(count):
        client, pns, pac = f"10.0.{number // 250}.{number % 250 + 1}", 100 + number, 700 + number
        talk = Talk(f"{client}:3000", f"{S4}:1723", at=number).open()
        steps = [(0, 1, b"", 156), (1, 2, b"\1\0\1", 156)]
        if r.random() < 0.6:
            steps += [(0, 7, struct.pack("!H", pns), 168), (1, 8, struct.pack("!HHB", pac, pns, r.choice([1, 1, 1, 4])), 32)]
        else:
            steps += [
                (1, 9, struct.pack("!H", pac), 220),
                (0, 10, struct.pack("!HHB", pns, pac, 1), 24),
                (1, 11, struct.pack("!H", pns), 28),
            ]
        if r.random() < 0.4:
            steps += [(0, 12, struct.pack("!H", pns), 16), (1, 13, struct.pack("!H", pac), 148)]
        for side, kind, body, size in steps:
            if r.random() < 0.08:
                continue
            data = (struct.pack("!HHIHH", size, 1, 0x1A2B3C4D, kind, 0) + body).ljust(size, b"\0")
            for _ in range(1 + (r.random() < 0.1)):
                talk.send(side, data[: r.choice([size, size, size, size, size, size, size - 1])])
            if kind in (8, 11) and r.random() < 0.7:
                talk.packets.append((talk.at, _gre(*r.choice([(client, S4, pac), (S4, client, pns)]))))
                talk.at += 0.001
        packets += talk.packets
        for k in range(3):
            packets.append((talk.at + (k + 1) / 1000, _gre(*r.choice([(client, S4, pac), (S4, client, pns), (S4, client, pac)]))))
    return packets


def _gre(source: str, target: str, key: int) -> bytes:
    return ip(source, target, 47, struct.pack("!HHHHI", 0x3001, 0x880B, 4, key, 1) + b"\xff\x03\x00\x21")


#: name → helpers, and the packets.
CHANNELS = {
    "ftp-said": ("ftp", lambda: ftp(random.Random(1), 60, six=False)),
    "ftp-said-ipv6": ("ftp", lambda: ftp(random.Random(2), 40, six=True)),
    "irc": ("irc", lambda: irc(random.Random(3), 40)),
    "tftp-amanda-sane": ("tftp,amanda,sane", lambda: small(random.Random(4), 20)),
    "sip": ("sip", lambda: sip(random.Random(5), 50, "udp")),
    "sip-tcp": ("sip=tcp:5060", lambda: sip(random.Random(6), 30, "tcp")),
    "icmp-errors": ("ftp", lambda: errors(random.Random(11), 12)),
    "h323": ("Q.931", lambda: calls(random.Random(8), 30)),
    "h323-ipv6": ("Q.931", lambda: calls(random.Random(9), 15, six=True)),
    "ras": ("RAS,Q.931", lambda: registrations(random.Random(15), 60)),
    "pptp": ("pptp", lambda: pptp(random.Random(7), 30)),
}

#: Captures of real programs in captures/ → helper.
REAL = {
    "ftp-active.pcap": "ftp",
    "ftp-passive.pcap": "ftp",
    "ftp-ipv6.pcap": "ftp",
    "office.pcapng": "ftp",
    "tftp.pcap": "tftp",
    "ftp-modes.pcap": "ftp",
    "tftp-both-ways.pcap": "tftp",
    "tftp-other-address.pcap": "tftp",
    "sip-calls.pcap": "sip",
}


def errors(r: random.Random, count: int) -> list[tuple[float, bytes]]:
    """ICMP errors about every kind of flow, announced ones too: of its other end, of a router, to a stranger; quoting more or less."""
    packets: list[tuple[float, bytes]] = []
    for number in range(count):
        at, own, six = number * 10.0, 3000 + number, number % 2 == 1
        near, far, router, other = (C6, S6, "2001:db8::99", "fd00::7") if six else (C4, S4, "198.51.100.99", "10.0.0.7")
        kinds = [
            tcp(f"{near}:{own}", f"{far}:80", "S", 7, options=b"\2\4\5\xb4"),
            udp(f"{near}:{own}", f"{far}:53", b"a question"),
            icmp(near.strip("[]"), far.strip("[]"), 128 if six else 8, ident=own, data=b"ping" * 5),
            sctp(f"{near}:{own}", f"{far}:9", 0, (1, bytes(16))),
            *(ip(near.strip("[]"), far.strip("[]"), proto, struct.pack("!HHHH", own, 9, 24, 0) + bytes(16)) for proto in (136, 99, 47)),
        ]
        if not six:
            said = Talk(f"{near}:{own}", f"{far}:21", at=at - 1).open().answers("220 x\r\n").says("USER a\r\n").answers("331 x\r\n")
            said.says(f"PORT 10,0,0,1,{own >> 8},{own & 255}\r\n")
            packets += said.packets
            kinds.append(tcp(f"{far}:20", f"{near}:{own}", "S", 9, options=b"\2\4\5\xb4"))
        for k, packet in enumerate(kinds):
            packets.append((at + k, packet))
            source, target = (far, near) if len(kinds) == k + 1 and not six else (near, far)
            for late in range(r.choice([1, 2, 3])):
                sender = r.choice([target, router]).strip("[]")
                to = r.choice([source, source, source, other]).strip("[]")
                kind = r.choice([(1, 4), (2, 0), (3, 0), (1, 0)] if six else [(3, 3), (3, 4), (11, 0), (12, 0), (3, 1)])
                quoted = packet[: r.choice([1280, 1280, 68 if six else 48, 48 if six else 28, 44 if six else 24])]
                packets.append((at + k + (late + 1) / 10, icmp(sender, to, *kind, data=quoted)))
    return packets


def in_ms(packets: list[tuple[float, bytes]]) -> list[tuple[int, bytes]]:
    """In order, times in milliseconds: the kernel's clock and ours agree on these."""
    return sorted(((round(at * 1000), packet) for at, packet in packets), key=lambda each: each[0])


def write() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Write every capture; its path and its helpers."""
    for name, (helpers, make) in CHANNELS.items():
        path = HERE / "channels" / f"{name}.pcap"
        path.parent.mkdir(exist_ok=True)
        write_pcap(path, in_ms(make()))
        yield path, tuple(helpers.split(","))
