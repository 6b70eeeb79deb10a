"""What the way does to packets: routers that answer, small links, fragments, tags, tunnels, other transports."""

from __future__ import annotations

import socket
import time

from netlab import Lab
from stage import FAR, FAR6, PC, PC6, SERVER, SERVER6, far_host, makes, serve_web, site


@makes("traceroute.pcap")
def traceroute(lab: Lab) -> None:
    """Traceroute with UDP and with ICMP, and over IPv6, to a host behind three routers."""
    here = site(lab)
    far_host(lab, here.world)
    capture = here.router.capture("lan0", "traceroute.pcap")
    here.pc.run("traceroute", "-n", "-q", "1", "-N", "1", "-w", "1", FAR)
    here.pc.run("traceroute", "-n", "-q", "1", "-N", "1", "-w", "1", "-I", FAR)
    here.pc.run("traceroute", "-n", "-q", "1", "-N", "1", "-w", "1", FAR6)
    lab.stop(capture)


@makes("path-mtu.pcap")
def path_mtu(lab: Lab) -> None:
    """A link with a small MTU on the way: fragmentation needed and packet too big, for a ping and for TCP that then sends less."""
    here = site(lab)
    far = far_host(lab, here.world, mtu=1300)
    far.address("lo", "203.0.113.83/32")
    here.world.route("203.0.113.83/32", FAR)
    capture = here.router.capture("lan0", "path-mtu.pcap")
    for address in (FAR, FAR6):
        listener = far.listen(address, 5001)
        upload = here.pc.connect(address, 5001)
        accepted, _ = listener.accept()
        upload.sendall(b"u" * 6000)
        received = 0
        while received < 6000:
            received += len(accepted.recv(6000))
        upload.close()
        accepted.close()
        listener.close()
    here.pc.run("ping", "-c", "2", "-M", "do", "-s", "1400", "203.0.113.83", fails=True)
    time.sleep(1)
    lab.stop(capture)


@makes("fragments.pcap")
def fragments(lab: Lab) -> None:
    """Large pings and large UDP datagrams that IP cuts into fragments, IPv4 and IPv6, both ways."""
    here = site(lab)
    capture = here.router.capture("wan0", "fragments.pcap")
    here.pc.run("ping", "-c", "2", "-s", "3000", SERVER)
    here.pc.run("ping", "-c", "2", "-s", "3000", SERVER6)
    for client_address, server_address in ((PC, SERVER), (PC6, SERVER6)):
        client, server = here.pc.udp(client_address, 40200), here.world.udp(server_address, 9000)
        for size in (4000, 8000):
            client.sendto(b"q" * size, (server_address, 9000))
            data, peer = server.recvfrom(65535)
            server.sendto(data[::-1], peer)
            client.recvfrom(65535)
    time.sleep(0.1)
    lab.stop(capture)


@makes("ipv6.pcap")
def ipv6(lab: Lab) -> None:
    """Neighbour discovery, router and echo, then a web fetch over IPv6, seen from the PC."""
    here = site(lab)
    serve_web(lab, here.world, "::")
    capture = here.pc.capture("eth0", "ipv6.pcap")
    here.pc.run("ping", "-c", "2", SERVER6)
    here.pc.run("curl", "-s", "-o", "/dev/null", f"http://[{SERVER6}]/news.txt")
    here.pc.run("ping", "-c", "1", "-W", "2", "fd00:10::99", fails=True)
    time.sleep(6)
    lab.stop(capture)


@makes("vlan.pcap")
def vlan(lab: Lab) -> None:
    """A trunk with two VLANs: the same PC pings and fetches in both."""
    pc, switch = lab.host("pc"), lab.host("switch")
    lab.link((pc, "eth0", []), (switch, "trunk0", []), delay="200us")
    for number in (10, 20):
        for host, device, last in ((pc, "eth0", 20), (switch, "trunk0", 1)):
            host.ip("link", "add", "link", device, "name", f"{device}.{number}", "type", "vlan", "id", str(number))
            host.ip("link", "set", f"{device}.{number}", "up")
            host.address(f"{device}.{number}", f"192.168.{number}.{last}/24")
    serve_web(lab, switch)
    capture = switch.capture("trunk0", "vlan.pcap")
    for number in (10, 20):
        pc.run("ping", "-c", "1", f"192.168.{number}.1")
        pc.run("curl", "-s", "-o", "/dev/null", f"http://192.168.{number}.1/")
    time.sleep(0.5)
    lab.stop(capture)


@makes("gre.pcap")
def gre(lab: Lab) -> None:
    """A GRE tunnel (RFC 2784) with a key between the router and the world, and pings through it."""
    here = site(lab)
    for host, local, remote, inner in (
        (here.router, "198.51.100.2", "198.51.100.1", "10.99.0.1/30"),
        (here.world, "198.51.100.1", "198.51.100.2", "10.99.0.2/30"),
    ):
        host.ip("link", "add", "tun0", "type", "gre", "local", local, "remote", remote, "key", "7")
        host.address("tun0", inner)
        host.ip("link", "set", "tun0", "up")
    capture = here.router.capture("wan0", "gre.pcap", "ip proto 47")
    here.router.run("ping", "-c", "3", "10.99.0.2")
    lab.stop(capture)


@makes("sctp.pcap")
def sctp(lab: Lab) -> None:
    """An SCTP association: handshake with cookie, data both ways, heartbeats while idle, shutdown."""
    here = site(lab)
    listener = here.world.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    listener.bind((SERVER, 9899))
    listener.listen(1)
    capture = here.router.capture("lan0", "sctp.pcap")
    client = here.pc.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    client.connect((SERVER, 9899))
    accepted, _ = listener.accept()
    for line in (b"one\n", b"two\n"):
        client.sendall(line)
        accepted.sendall(accepted.recv(100).upper())
        client.recv(100)
    time.sleep(100)
    client.sendall(b"bye\n")
    accepted.recv(100)
    client.close()
    time.sleep(1)
    lab.stop(capture)


@makes("udplite.pcap")
def udplite(lab: Lab) -> None:
    """UDP-Lite (RFC 3828) with the whole datagram and with only the header under the checksum."""
    here = site(lab)
    client, server = (host.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) for host in (here.pc, here.world))
    client.bind((PC, 40300))
    server.bind((SERVER, 9100))
    capture = here.router.capture("lan0", "udplite.pcap")
    for coverage in (0, 8):
        client.setsockopt(136, 10, coverage)
        client.sendto(b"sound or sense", (SERVER, 9100))
        data, peer = server.recvfrom(100)
        server.sendto(data, peer)
        client.recvfrom(100)
    lab.stop(capture)
