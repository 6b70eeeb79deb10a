"""The captures that are written by hand: what real programs do too rarely, or not on demand.

Each function makes one file of the folder and its docstring tells the story; the bytes are the same at every run.
"""

from __future__ import annotations

from collections.abc import Callable

import dpkt
from capfile import RAW, Frame, pcap_bytes
from segments import ACK, CLIENT, FIN, PSH, RST, SACK_OK, SERVER, SYN, URG, Conversation, Trace, ip_packet, mac, mss, wscale

INSIDE, INSIDE2 = "192.168.10.20", "192.168.10.21"
OUTSIDE, OUTSIDE2 = "198.51.100.10", "203.0.113.66"
INSIDE6, OUTSIDE6 = "fd00:10::20", "2001:db8:100::10"
WEB, OTHER_WEB = (OUTSIDE, 80), (OUTSIDE, 8080)

#: File name → maker.
CAPTURES: dict[str, Callable[[], bytes]] = {}


def capture(name: str) -> Callable[[Callable[[Trace], None]], Callable[[Trace], None]]:
    """Register a script that fills a Trace as the maker of the classic pcap file ``name``."""

    def register(script: Callable[[Trace], None]) -> Callable[[Trace], None]:
        def make() -> bytes:
            trace = Trace()
            script(trace)
            return pcap_bytes(trace.frames)

        CAPTURES[name] = make
        return script

    return register


@capture("tcp-simultaneous-open.pcap")
def simultaneous_open(trace: Trace) -> None:
    """Both sides send a SYN before either has seen the other's (RFC 9293, 3.5, figure 7), talk and close."""
    talk = Conversation(trace, (INSIDE, 40001), (OUTSIDE, 40002))
    talk.segment(CLIENT, SYN, options=mss())
    talk.segment(SERVER, SYN, options=mss())
    talk.segment(CLIENT, SYN | ACK, seq=1000, options=mss())
    talk.segment(SERVER, SYN | ACK, seq=5000, options=mss())
    talk.say(CLIENT, b"who began?\n")
    talk.say(SERVER, b"both of us\n")
    talk.close()


@capture("tcp-split-handshake.pcap")
def split_handshake(trace: Trace) -> None:
    """The server answers a SYN with a bare ACK and a SYN of its own, and the client falls for it (a "split handshake")."""
    talk = Conversation(trace, (INSIDE, 40011), WEB)
    talk.segment(CLIENT, SYN, options=mss())
    talk.segment(SERVER, ACK)
    talk.segment(SERVER, SYN, options=mss())
    talk.segment(CLIENT, SYN | ACK, seq=1000, options=mss())
    talk.segment(SERVER, ACK)
    talk.say(CLIENT, b"GET / HTTP/1.0\r\n\r\n")
    talk.say(SERVER, b"HTTP/1.0 200 OK\r\n\r\nhello")
    talk.close(SERVER)


@capture("tcp-sequence-wrap.pcap")
def sequence_wrap(trace: Trace) -> None:
    """Both sides' sequence numbers pass 2**32 in mid-stream, with window scaling."""
    talk = Conversation(trace, (INSIDE, 40021), WEB, isn=(2**32 - 600, 2**32 - 3000))
    talk.open(mss() + SACK_OK + wscale(7))
    talk.window = [502, 509]
    for _ in range(8):
        talk.say(CLIENT, b"q" * 200)
        talk.say(SERVER, b"a" * 1000)
    talk.close()


@capture("tcp-port-reuse.pcap")
def port_reuse(trace: Trace) -> None:
    """Three connections on one five-tuple: the second SYN comes in TIME_WAIT after an orderly close, the third after a reset."""
    for number, (isn, pause) in enumerate((((1000, 5000), 20.0), ((900_000, 700_000), 3.0), ((1_800_000, 1_400_000), 0.0))):
        talk = Conversation(trace, (INSIDE, 40031), WEB, isn=isn)
        talk.open()
        talk.say(CLIENT, b"GET /%d HTTP/1.0\r\n\r\n" % number)
        talk.say(SERVER, b"HTTP/1.0 204 No Content\r\n\r\n")
        if number == 1:
            talk.segment(CLIENT, RST | ACK)
        else:
            talk.close()
        trace.wait(pause)


@capture("tcp-syn-on-live.pcap")
def syn_on_live(trace: Trace) -> None:
    """A client restarts and sends a SYN on its old, still living connection: challenge ACK, RST, new connection (RFC 5961, 4)."""
    talk = Conversation(trace, (INSIDE, 40041), WEB)
    talk.open()
    talk.say(CLIENT, b"GET /slow HTTP/1.1\r\n\r\n")
    trace.wait(5)
    again = Conversation(trace, (INSIDE, 40041), WEB, isn=(3_000_000, 9_000_000))
    again.segment(CLIENT, SYN, options=mss(), seq=3_000_000)
    talk.segment(SERVER, ACK)
    talk.segment(CLIENT, RST, seq=talk.next[CLIENT], ack=0)
    trace.wait(1)
    again.open()
    again.say(CLIENT, b"GET /again HTTP/1.1\r\n\r\n")
    again.close()


@capture("tcp-midstream.pcap")
def midstream(trace: Trace) -> None:
    """The capture begins in the middle of two connections: one seen both ways, one only from the server's side."""
    talk = Conversation(trace, (INSIDE, 40051), WEB, isn=(77_000, 99_000))
    lone = Conversation(trace, (INSIDE2, 40052), WEB, isn=(11_000, 22_000))
    for _ in range(3):
        talk.say(CLIENT, b"more\n")
        talk.say(SERVER, b"here you are\n" * 10)
        lone.segment(SERVER, PSH | ACK, b"unseen answers\n" * 10)
    talk.close()
    lone.segment(SERVER, FIN | ACK)


@capture("tcp-after-close.pcap")
def after_close(trace: Trace) -> None:
    """An orderly close and then, from the server, late data and a RST; a second connection gets data after a RST."""
    talk = Conversation(trace, (INSIDE, 40061), WEB)
    talk.open()
    talk.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    talk.say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    talk.close()
    trace.wait(2)
    talk.segment(SERVER, PSH | ACK, b"one thing more")
    trace.wait(1)
    talk.segment(SERVER, RST, ack=0)
    reset = Conversation(trace, (INSIDE, 40062), OTHER_WEB)
    reset.open()
    reset.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    reset.segment(SERVER, RST | ACK)
    trace.wait(0.5)
    reset.segment(CLIENT, PSH | ACK, b"are you there?")
    trace.wait(15)
    reset.segment(SERVER, PSH | ACK, b"no")


@capture("tcp-window.pcap")
def window_checks(trace: Trace) -> None:
    """One packet for each sequence check: data beyond the window, data long acknowledged, an ACK of data nobody sent, an old ACK."""
    talk = Conversation(trace, (INSIDE, 40071), WEB)
    talk.window = [8192, 8192]
    talk.open()
    for _ in range(20):
        talk.say(SERVER, b"d" * 1400)
    talk.say(CLIENT, b"c" * 100)
    due = talk.next[SERVER]
    talk.segment(SERVER, PSH | ACK, b"over", seq=due + 9000)
    talk.segment(SERVER, PSH | ACK, b"under", seq=due - 27_000)
    talk.segment(SERVER, ACK, ack=talk.next[CLIENT] + 5000)
    talk.segment(CLIENT, ACK, ack=due - 70_000 & 0xFFFFFFFF)
    talk.segment(SERVER, RST, seq=due + 100_000)
    talk.say(SERVER, b"undisturbed")
    talk.close()


@capture("tcp-flags.pcap")
def flag_sets(trace: Trace) -> None:
    """Every combination of SYN, FIN, RST, ACK, URG and PSH as the first packet of its own five-tuple."""
    for flags in range(64):
        Conversation(trace, (OUTSIDE2, 41000 + flags), (INSIDE, 22)).segment(CLIENT, flags, ack=0)


@capture("icmp-errors.pcap")
def icmp_errors(trace: Trace) -> None:
    """Errors about a living flow from the host, from a router, to the wrong host, about nothing known, and quoting too little."""
    query = trace.udp((INSIDE, 40081), (OUTSIDE, 33434), b"anyone?")
    router = "198.51.100.1"
    trace.icmp_error(router, INSIDE, (11, 0), query)
    trace.icmp_error(OUTSIDE, INSIDE, (3, 3), query)
    trace.icmp_error(router, INSIDE2, (3, 3), query)
    stranger = bytes(ip_packet(INSIDE, OUTSIDE2, dpkt.ip.IP_PROTO_UDP, dpkt.udp.UDP(sport=5, dport=6, ulen=8)))
    trace.icmp_error(router, INSIDE, (3, 3), stranger)
    trace.icmp_error(router, INSIDE, (3, 3), query[:24])
    echo = trace.echo(INSIDE, OUTSIDE, 8, 77, 1)
    trace.icmp_error(router, INSIDE, (11, 0), echo)
    trace.echo(OUTSIDE, INSIDE, 0, 77, 1)
    trace.echo(OUTSIDE, INSIDE, 0, 78, 1)


@capture("dns-forged.pcap")
def dns_forged(trace: Trace) -> None:
    """A DNS query, a forged answer from a server that was not asked, one to a wrong port, and the true one."""
    query = dpkt.dns.DNS(id=4711, qd=[dpkt.dns.DNS.Q(name="www.example.com", type=1)])
    trace.udp((INSIDE, 40091), (OUTSIDE, 53), bytes(query))
    for source, port, address in ((OUTSIDE2, 40091, b"\xcb\0q\x42"), (OUTSIDE, 40092, b"\xcb\0q\x42"), (OUTSIDE, 40091, b"\xc6\x33d\n")):
        record = dpkt.dns.DNS.RR(name="www.example.com", type=1, ttl=60, rdata=address)
        answer = dpkt.dns.DNS(id=4711, op=0x8180, qd=query.qd, an=[record])
        trace.udp((source, 53), (INSIDE, port), bytes(answer))


@capture("fragments-odd.pcap")
def odd_fragments(trace: Trace) -> None:
    """UDP datagrams in fragments: in reverse order, one overlapping itself, one tiny, one never completed, and one after that."""
    datagrams = {  # identification: (start, end) of each fragment in units of 8 bytes; a datagram has 193
        1: ((128, 193), (64, 128), (0, 64)),
        2: ((0, 64), (60, 100), (64, 128), (128, 193)),
        3: ((0, 1), (1, 2), (2, 193)),
        4: ((0, 64), (64, 72)),
        5: ((0, 64), (64, 128), (128, 193)),
    }
    data = bytes(range(256)) * 6
    for ident, fragments in datagrams.items():
        datagram = dpkt.udp.UDP(sport=40100 + ident, dport=9000, ulen=8 + len(data), data=data)
        whole = bytes(ip_packet(INSIDE, OUTSIDE, dpkt.ip.IP_PROTO_UDP, datagram))[20:]
        for start, end in fragments:
            piece = whole[start * 8 : end * 8]
            trace.ip(INSIDE, OUTSIDE, dpkt.ip.IP_PROTO_UDP, piece, id=ident, offset=start, mf=int(end < 193))
        if ident == 4:
            trace.wait(60)


@capture("pppoe.pcap")
def pppoe(trace: Trace) -> None:
    """A ping and a web request inside a PPPoE session (RFC 2516), as on the line of a DSL router, IPv4 and IPv6."""

    def session(src: str, dst: str, packet: bytes) -> None:
        protocol = b"\x00\x57" if ":" in src else b"\x00\x21"
        head = b"\x11\x00" + (0x2A17).to_bytes(2, "big") + (len(packet) + 2).to_bytes(2, "big")
        trace.frame(mac(dst) + mac(src) + b"\x88\x64" + head + protocol + packet)

    plain = Trace()
    plain.echo(INSIDE, OUTSIDE, 8, 5, 1)
    plain.echo(OUTSIDE, INSIDE, 0, 5, 1)
    for client, server in ((INSIDE, OUTSIDE), (INSIDE6, OUTSIDE6)):
        talk = Conversation(plain, (client, 40111), (server, 80))
        talk.open(mss(1452))
        talk.say(CLIENT, b"GET / HTTP/1.0\r\n\r\n")
        talk.say(SERVER, b"HTTP/1.0 200 OK\r\n\r\nhello")
        talk.close(SERVER)
    for frame in plain.frames:
        packet = frame.data[14:]
        ends = (INSIDE6, OUTSIDE6) if packet[0] >> 4 == 6 else (INSIDE, OUTSIDE)
        outward = frame.data[6:12] == mac(ends[0])
        session(*(ends if outward else ends[::-1]), packet)


@capture("vlan-qinq.pcap")
def qinq(trace: Trace) -> None:
    """The same addresses and ports in two customers' VLANs behind a provider tag (802.1ad): two connections that must not mix."""
    plain = Trace()
    for isn in ((1000, 5000), (880_000, 990_000)):
        talk = Conversation(plain, (INSIDE, 40121), WEB, isn=isn)
        talk.open()
        talk.say(CLIENT, b"GET / HTTP/1.0\r\n\r\n")
        talk.close()
    half = len(plain.frames) // 2
    for pair in zip(plain.frames[:half], plain.frames[half:], strict=True):
        for frame, customer in zip(pair, (101, 102), strict=True):
            tags = b"\x88\xa8" + (0x2000 | 300).to_bytes(2, "big") + b"\x81\x00" + customer.to_bytes(2, "big")
            trace.frame(frame.data[:12] + tags + frame.data[12:])


@capture("ip-oddities.pcap")
def ip_oddities(trace: Trace) -> None:
    """IP headers that a host drops before any rule, and one that it need not: each a ping that differs in one field."""
    good = bytes(ip_packet(INSIDE, OUTSIDE, 1, dpkt.icmp.ICMP(type=8, data=dpkt.icmp.ICMP.Echo(id=9, seq=1, data=b"odd?"))))
    link = mac(OUTSIDE) + mac(INSIDE) + b"\x08\x00"
    trace.frame(link + good)
    trace.frame(link + good[:10] + b"\x12\x34" + good[12:])  # wrong header checksum
    trace.frame(link + b"\x55" + good[1:])  # version 5 under an IPv4 ethertype
    trace.frame(link + b"\x44" + good[1:])  # header length 16
    trace.frame(link + good[:2] + b"\x01\xf4" + good[4:])  # total length beyond the frame
    trace.frame(link + good + b"\0" * 14)  # Ethernet padding: harmless
    trace.frame(mac(INSIDE) + mac(OUTSIDE) + b"\x08\x06" + b"\0\x01\x08\0\x06\x04\0\x01" + b"\0" * 20)  # ARP
    trace.frame(link + good[:16])  # cut inside the header


def _cut_off() -> bytes:
    """The capture of tcp-sequence-wrap.pcap, cut off in the middle of its last record as by a full disk."""
    return CAPTURES["tcp-sequence-wrap.pcap"]()[:-30]


def _raw_ip() -> bytes:
    """IPv4 and IPv6 without a link layer (LINKTYPE_RAW), as on a tunnel interface."""
    trace = Trace()
    for client, server in ((INSIDE, OUTSIDE), (INSIDE6, OUTSIDE6)):
        talk = Conversation(trace, (client, 40131), (server, 80))
        talk.open()
        talk.say(CLIENT, b"GET / HTTP/1.0\r\n\r\n")
        talk.segment(SERVER, RST | ACK)
    return pcap_bytes([Frame(each.ts_ns, each.data[14:], each.origlen - 14) for each in trace.frames], RAW)


def _urgent() -> bytes:
    """Big-endian: telnet with urgent data (interrupt key), written as by a big-endian machine."""
    trace = Trace()
    talk = Conversation(trace, (INSIDE, 40141), (OUTSIDE, 23))
    talk.open()
    talk.say(SERVER, b"login: ")
    talk.say(CLIENT, b"guest\r\n")
    talk.segment(CLIENT, PSH | ACK | URG, b"\xff\xf4\xff\xf2")
    talk.segment(SERVER, ACK)
    talk.close()
    return pcap_bytes(trace.frames, order=">")


CAPTURES["cut-off.pcap"] = _cut_off
CAPTURES["raw-ip.pcap"] = _raw_ip
CAPTURES["telnet-bigendian.pcap"] = _urgent
