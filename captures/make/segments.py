"""Packets written by hand, one call each, on a clock that the script advances: the shorthand of the synthesized captures.

A ``Trace`` collects frames; a ``Conversation`` speaks TCP on it and keeps both sides' sequence numbers, so that a script names
only what is odd. Nothing is random and no clock is read: the same script gives the same bytes.
"""

from __future__ import annotations

import ipaddress

import dpkt
from capfile import Frame

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
CLIENT, SERVER = 0, 1
#: 2026-03-02 09:00:00 UTC, a Monday morning.
START_NS = 1_772_442_000 * 10**9

Endpoint = tuple[str, int]


def mss(value: int = 1460) -> bytes:
    """TCP option: maximum segment size."""
    return b"\x02\x04" + value.to_bytes(2, "big")


def wscale(shift: int) -> bytes:
    """TCP option: window scale."""
    return b"\x01\x03\x03" + bytes([shift])


SACK_OK = b"\x01\x01\x04\x02"


def mac(address: str) -> bytes:
    """A locally administered Ethernet address made from an IP address."""
    return b"\x02\x00" + ipaddress.ip_address(address).packed[-4:]


def ip_packet(src: str, dst: str, proto: int, payload: dpkt.Packet | bytes, **fields: int) -> dpkt.Packet:
    """An IPv4 or IPv6 packet around ``payload``; ``fields`` set header fields (``ttl``, ``id``, ``mf``, ``offset`` in units of 8)."""
    source, target = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if len(source) == 4:
        packet = dpkt.ip.IP(src=source, dst=target, p=proto, ttl=fields.pop("ttl", 64), data=payload, **fields)
        packet.len = 20 + len(payload)
        return packet
    packet = dpkt.ip6.IP6(src=source, dst=target, nxt=proto, hlim=fields.pop("ttl", 64), data=payload, **fields)
    packet.plen = len(payload)
    packet.extension_hdrs = {}
    return packet


class Trace:
    """Frames of one capture, and the time of the next one."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.now_ns = start_ns
        self.frames: list[Frame] = []

    def wait(self, seconds: float) -> None:
        """Let time pass before the next frame."""
        self.now_ns += round(seconds * 10**9)

    def frame(self, data: bytes, origlen: int | None = None) -> None:
        """A frame as it is; afterwards a millisecond has passed."""
        self.frames.append(Frame(self.now_ns, data, len(data) if origlen is None else origlen))
        self.wait(0.001)

    def ip(self, src: str, dst: str, proto: int, payload: dpkt.Packet | bytes, **fields: int) -> bytes:
        """An IP packet in an Ethernet frame; returns the IP packet's bytes, for ICMP errors to quote."""
        packet = bytes(ip_packet(src, dst, proto, payload, **fields))
        self.frame(mac(dst) + mac(src) + (b"\x86\xdd" if ":" in src else b"\x08\x00") + packet)
        return packet

    def udp(self, src: Endpoint, dst: Endpoint, data: bytes, **fields: int) -> bytes:
        """A UDP datagram."""
        datagram = dpkt.udp.UDP(sport=src[1], dport=dst[1], data=data)
        datagram.ulen = 8 + len(data)
        return self.ip(src[0], dst[0], dpkt.ip.IP_PROTO_UDP, datagram, **fields)

    def echo(self, src: str, dst: str, kind: int, ident: int, number: int) -> bytes:
        """An ICMP echo (IPv4); ``kind``: 8 request, 0 reply."""
        echo = dpkt.icmp.ICMP.Echo(id=ident, seq=number, data=b"pcapaudit echo payload.")
        return self.ip(src, dst, dpkt.ip.IP_PROTO_ICMP, dpkt.icmp.ICMP(type=kind, code=0, data=echo))

    def icmp_error(self, src: str, dst: str, kind: tuple[int, int], quoted: bytes) -> bytes:
        """An ICMP error (IPv4) of type and code ``kind`` that quotes header and 8 bytes of ``quoted``."""
        error = dpkt.icmp.ICMP(type=kind[0], code=kind[1], data=b"\0\0\0\0" + quoted[:28])
        return self.ip(src, dst, dpkt.ip.IP_PROTO_ICMP, error)


class Conversation:
    """One TCP connection. ``side`` is CLIENT or SERVER: who sends."""

    def __init__(self, trace: Trace, client: Endpoint, server: Endpoint, isn: tuple[int, int] = (1000, 5000)) -> None:
        self.trace = trace
        self.ends = (client, server)
        #: Next sequence number of each side.
        self.next = list(isn)
        #: Window field of each side's segments.
        self.window = [64240, 65160]

    def segment(self, side: int, flags: int, data: bytes = b"", *, options: bytes = b"", **odd: int) -> bytes:
        """One segment with the numbers that are due; ``odd``: other values of ``seq``, ``ack`` or ``win``, which advance nothing."""
        (src, sport), (dst, dport) = self.ends[side], self.ends[1 - side]
        seq = odd.get("seq", self.next[side]) & 0xFFFFFFFF
        ack = odd.get("ack", self.next[1 - side] if flags & ACK else 0) & 0xFFFFFFFF
        options += b"\x01" * (-len(options) % 4)
        tcp = dpkt.tcp.TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, win=odd.get("win", self.window[side]), data=data)
        tcp.opts = options
        tcp.off = (20 + len(options)) // 4
        if "seq" not in odd:
            self.next[side] = (seq + len(data) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        return self.trace.ip(src, dst, dpkt.ip.IP_PROTO_TCP, tcp)

    def open(self, options: bytes = mss() + SACK_OK) -> None:
        """The three-way handshake."""
        self.segment(CLIENT, SYN, options=options)
        self.segment(SERVER, SYN | ACK, options=options)
        self.segment(CLIENT, ACK)

    def say(self, side: int, data: bytes) -> None:
        """Data, acknowledged by the other side."""
        self.segment(side, PSH | ACK, data)
        self.segment(1 - side, ACK)

    def close(self, side: int = CLIENT) -> None:
        """Both FINs, ``side`` first, and the last ACK."""
        self.segment(side, FIN | ACK)
        self.segment(1 - side, FIN | ACK)
        self.segment(side, ACK)
