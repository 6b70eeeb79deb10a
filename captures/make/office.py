"""A morning in a small office, captured outside its firewall: the capture of the README's first example."""

from __future__ import annotations

import socket
import time

import dpkt
from capfile import Interface, pcapng_bytes, read_pcap
from live_attacks import NMAP, overhear, send_raw
from netlab import Lab
from segments import ACK, PSH, RST, Conversation, Trace
from segments import SERVER as SERVER_SIDE
from stage import (
    FAR,
    FIREWALL,
    FTP_SERVER,
    PC,
    PC2,
    PC6,
    RESOLVER,
    SERVER,
    SERVER6,
    STRANGER,
    Site,
    abort,
    far_host,
    makes,
    serve_dns,
    serve_ftp,
    serve_web,
    site,
)

INTRODUCER, PEER, PROVIDER = "203.0.113.10", "203.0.113.130", "203.0.113.40"


def browse(here: Site) -> None:
    """Names, then pages, over IPv4 and IPv6; a ping; a traceroute."""
    for kind in ("A", "AAAA"):
        here.pc.run("dig", f"@{RESOLVER}", "www.example.com", kind)
    here.pc.run("curl", "-s", "-o", "/dev/null", f"http://{SERVER}/", "-o", "/dev/null", f"http://{SERVER}/news.txt")
    here.pc.run("curl", "-s", "-o", "/dev/null", f"http://[{SERVER6}]/")
    here.pc.run("ping", "-c", "2", SERVER)
    here.pc.run("ping", "-c", "2", SERVER6)
    here.pc.run("traceroute", "-n", "-q", "1", "-N", "1", "-w", "1", FAR)


def strangers(here: Site) -> None:
    """From outside: pings, a scan, a forged DNS answer; the firewall lets none of it in."""
    here.world.run("ping", "-c", "2", "-W", "1", "-I", STRANGER, PC, fails=True)
    here.world.run("ping", "-c", "1", "-W", "1", "-I", SERVER6, PC6, fails=True)
    here.world.run(*NMAP, "-sS", "-p", "21-25,80,135,139,443,445,1433,3306,3389,5900,8080", PC)
    query = dpkt.dns.DNS(id=4711, qd=[dpkt.dns.DNS.Q(name="www.example.com", type=dpkt.dns.DNS_A)])
    answer = dpkt.dns.DNS(id=4711, op=0x8180, qd=query.qd)
    answer.an = [dpkt.dns.DNS.RR(name="www.example.com", type=dpkt.dns.DNS_A, ttl=60, rdata=b"\xcb\x00\x71\x42")]
    client, forger = here.pc.udp(PC, 40900), here.world.udp(STRANGER, 53)
    client.sendto(bytes(query), (RESOLVER, 53))
    time.sleep(0.002)
    forger.sendto(bytes(answer), (PC, 40900))
    client.recv(500)


def transfer(here: Site) -> None:
    """FTP: passive works; active does not, because no helper is assigned and the server's connection is refused."""
    url = f"ftp://{FTP_SERVER}/pub/readme.txt"
    here.pc.run("curl", "-s", "-o", "/dev/null", "--disable-epsv", url)
    here.pc.run("curl", "-s", "-o", "/dev/null", "--disable-eprt", "--ftp-port", "-", "--max-time", "5", url, fails=True)


def call(here: Site) -> None:
    """A hole punch: the second PC and a peer are introduced, the peer's first knocks are refused, then they talk."""
    client, peer, introducer = here.pc.udp(PC2, 40500), here.world.udp(PEER, 40600), here.world.udp(INTRODUCER, 3478)
    client.sendto(b"register\n", (INTRODUCER, 3478))
    introducer.recv(100)
    for number in (1, 2):
        peer.sendto(b"knock %d\n" % number, (PC2, 40500))
        time.sleep(0.2)
    introducer.sendto(f"peer {PEER} 40600\n".encode(), (PC2, 40500))
    client.recv(100)
    client.sendto(b"knock 1\n", (PEER, 40600))
    peer.recv(100)
    for number in range(4):
        peer.sendto(b"question %d\n" % number, (PC2, 40500))
        client.recv(100)
        client.sendto(b"answer %d\n" % number, (PEER, 40600))
        peer.recv(100)
        time.sleep(0.5)


def telephone(here: Site) -> None:
    """An IP telephone that sends no keepalives: after 150 idle seconds the provider's call does not reach it."""
    phone, provider = here.pc.udp(PC2, 5060), here.world.udp(PROVIDER, 5060)
    phone.sendto(b"register\n", (PROVIDER, 5060))
    provider.recv(100)
    provider.sendto(b"ok\n", (PC2, 5060))
    phone.recv(100)
    time.sleep(3)
    provider.sendto(b"options\n", (PC2, 5060))
    phone.recv(100)
    time.sleep(150)
    for _ in range(2):
        provider.sendto(b"invite\n", (PC2, 5060))
        time.sleep(2)
    phone.sendto(b"register\n", (PROVIDER, 5060))
    provider.recv(100)
    provider.sendto(b"ok\n", (PC2, 5060))
    phone.recv(100)


def terminal(here: Site) -> None:
    """A long session into which a stranger injects data and a RST, both far outside the window."""
    listener = here.world.listen(SERVER, 7500)
    sniffer = here.world.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    client = here.pc.connect(SERVER, 7500)
    accepted, _ = listener.accept()
    for flags, data, distance in ((PSH | ACK, b"rm -rf /\n", 200_000), (RST, b"", 300_000)):
        client.sendall(b"status\n")
        accepted.recv(100)
        accepted.sendall(b"all is well\n")
        client.recv(100)
        time.sleep(0.1)
        due, acked = overhear(sniffer, 7500)
        trace = Trace()
        forged = Conversation(trace, client.getsockname(), (SERVER, 7500))
        forged.segment(SERVER_SIDE, flags, data, seq=due + distance, ack=acked if flags & ACK else 0)
        send_raw(here.world, PC, trace)
        time.sleep(30)
    client.sendall(b"exit\n")
    accepted.recv(100)
    client.close()
    accepted.close()


def aborted_download(here: Site) -> None:
    """The client aborts a download; what was in flight arrives after the RST."""
    listener = here.world.listen(SERVER, 8080)
    client = here.pc.connect(SERVER, 8080)
    accepted, _ = listener.accept()
    accepted.setblocking(False)
    accepted.send(b"d" * 20_000)
    client.recv(2000)
    abort(client)


@makes("office.pcapng")
def office(lab: Lab) -> None:
    """All of the above, one after the other."""
    here = site(lab)
    far_host(lab, here.world)
    here.router.nft(FIREWALL)
    here.pc.address("eth0", f"{PC2}/24")
    here.world.address("lo", f"{INTRODUCER}/32", f"{PEER}/32", f"{PROVIDER}/32")
    serve_web(lab, here.world, "::")
    serve_dns(here.world)
    serve_ftp(lab, here.world)
    capture = here.router.capture("wan0", "office.tmp")
    for scene in (browse, strangers, call, transfer, terminal, aborted_download, telephone):
        time.sleep(5)
        scene(here)
    time.sleep(2)
    lab.stop(capture)
    raw = lab.output / "office.tmp"
    linktype, frames = read_pcap(raw)
    raw.unlink()
    story = "A morning in a small office, captured outside its firewall (captures/make/office.py)"
    (lab.output / "office.pcapng").write_bytes(pcapng_bytes([Interface("wan0", linktype, frames)], comment=story))
