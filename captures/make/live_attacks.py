"""Attacks, small: scans, a flood, and segments injected into a living connection. Each docstring tells the story."""

from __future__ import annotations

import random
import socket
import time

import dpkt
from netlab import Host, Lab
from segments import ACK, CLIENT, PSH, RST, SYN, Conversation, Trace, mss
from segments import SERVER as SERVER_SIDE
from stage import FIREWALL, PC, SERVER, STRANGER, makes, serve_web, site

NMAP = ("nmap", "-n", "-Pn", "--max-retries", "1", "-S", STRANGER, "-e", "isp0")


def send_raw(host: Host, target: str, trace: Trace) -> None:
    """Send the IP packets of a trace from ``host`` as they are, whatever their source address."""
    raw = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for frame in trace.frames:
        raw.sendto(frame.data[14:], (target, 0))
        time.sleep(0.001)
    raw.close()


@makes("scan.pcap")
def scan(lab: Lab) -> None:
    """Nmap against a PC without a firewall in front: SYN scan, connect scan, then FIN and Xmas scans of a few ports."""
    here = site(lab)
    serve_web(lab, here.pc)
    capture = here.router.capture("wan0", "scan.pcap")
    here.world.run(*NMAP, "-sS", "-p", "20-40,80", PC)
    here.world.run("nmap", "-n", "-Pn", "-sT", "--max-retries", "1", "-p", "75-85", PC)
    for kind in ("-sF", "-sX", "-sN", "-sA"):
        here.world.run(*NMAP, kind, "-p", "79-81", PC)
    lab.stop(capture)


@makes("scan-refused.pcap")
def scan_refused(lab: Lab) -> None:
    """Nmap's SYN scan and UDP scan against a stateful firewall that answers nothing."""
    here = site(lab)
    here.router.nft(FIREWALL)
    capture = here.router.capture("wan0", "scan-refused.pcap")
    here.world.run(*NMAP, "-sS", "-p", "20-45", PC)
    here.world.run(*NMAP, "-sU", "-p", "53,123,161,500,1900", PC)
    lab.stop(capture)


@makes("syn-flood.pcap")
def syn_flood(lab: Lab) -> None:
    """A hundred and twenty SYNs from forged addresses to a web server inside, which answers them; one true client among them."""
    here = site(lab)
    serve_web(lab, here.pc)
    dice = random.Random(7)
    capture = here.router.capture("wan0", "syn-flood.pcap")
    for half in range(2):
        trace = Trace()
        for _ in range(60):
            source = (f"203.0.113.{dice.randrange(128, 255)}", dice.randrange(1024, 65536))
            Conversation(trace, source, (PC, 80), isn=(dice.getrandbits(32), 0)).segment(CLIENT, SYN, options=mss())
        send_raw(here.world, PC, trace)
        if not half:
            here.world.run("curl", "-s", "-o", "/dev/null", f"http://{PC}/")
    time.sleep(1)
    lab.stop(capture)


def overhear(sniffer: socket.socket, port: int) -> tuple[int, int]:
    """Next sequence number of the server on ``port`` and of its client, from what the packet socket ``sniffer`` saw last."""
    numbers = (0, 0)
    sniffer.setblocking(False)
    while True:
        try:
            frame = dpkt.ethernet.Ethernet(sniffer.recv(65535))
        except BlockingIOError:
            return numbers
        segment = getattr(frame.data, "data", None)
        if isinstance(segment, dpkt.tcp.TCP) and segment.sport == port:
            numbers = (segment.seq + len(segment.data), segment.ack)


@makes("injection.pcap")
def injection(lab: Lab) -> None:
    """A stranger injects into a living connection: data and RST far outside the window, RST and SYN inside it, a wild ACK."""
    here = site(lab)
    listener = here.world.listen(SERVER, 7500)
    sniffer = here.world.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    capture = here.router.capture("wan0", "injection.pcap")
    client = here.pc.connect(SERVER, 7500)
    accepted, _ = listener.accept()
    odd = (
        (PSH | ACK, b"rm -rf /\n", 200_000, 0),
        (RST, b"", 300_000, 0),
        (RST, b"", 100, 0),
        (SYN, b"", 50, 0),
        (PSH | ACK, b"ha", 0, 90_000),
    )
    for flags, data, seq, ack in odd:
        accepted.sendall(b"all is well\n")
        client.recv(100)
        time.sleep(0.05)
        due, acked = overhear(sniffer, 7500)
        trace = Trace()
        forged = Conversation(trace, client.getsockname(), (SERVER, 7500))
        forged.segment(SERVER_SIDE, flags, data, seq=due + seq, ack=acked + ack if flags & ACK else 0)
        send_raw(here.world, PC, trace)
        time.sleep(1)
    client.sendall(b"bye\n")
    accepted.recv(100)
    accepted.close()
    client.close()
    time.sleep(1)
    lab.stop(capture)
