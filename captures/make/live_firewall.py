"""Traffic around a firewall or NAT: hole punching, idle flows, keepalives, both sides of a NAT. Each docstring tells the story."""

from __future__ import annotations

import socket
import time

from netlab import Host, Lab
from stage import FIREWALL, LAN_ROUTER, PC, SERVER, makes, serve_web, site

INTRODUCER = "203.0.113.10"
PEER, PEER_ROUTER = "192.168.77.30", "192.168.77.1"

#: A home router: masquerades, lets answers in and nothing else; {refusal} is what happens to a stranger's UDP datagram.
NAT = """
table inet nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat
        oifname "wan0" masquerade
    }}
}}
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "lan0" accept
        {refusal}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan0" accept
    }}
}}
"""


def nat_router(lab: Lab, name: str, lan: tuple[Host, str, str], wan: tuple[Host, str, str, str], *, refusal: str = "") -> Host:
    """A NAT between a LAN host (host, its address, the router's) and the world (host, device, its address, the router's)."""
    router = lab.host(name)
    router.forward()
    host, address, own = lan
    lab.link((host, "eth0", [f"{address}/24"]), (router, "lan0", [f"{own}/24"]), delay="300us")
    host.route("default", own)
    world, device, far, near = wan
    lab.link((router, "wan0", [f"{near}/30"]), (world, device, [f"{far}/30"]), delay="20ms")
    router.route("default", far)
    router.nft(NAT.format(refusal=refusal))
    return router


class Punch:
    """Two clients behind two NATs and a server that introduces them; captures run on both sides of the first client's NAT."""

    def __init__(self, lab: Lab, name: str, refusal: str = "") -> None:
        client, peer, world = lab.host("client"), lab.host("peer"), lab.host("world")
        world.forward()
        world.address("lo", f"{INTRODUCER}/32")
        near = nat_router(lab, "near", (client, PC, LAN_ROUTER), (world, "near0", "198.51.100.1", "198.51.100.2"))
        nat_router(lab, "far", (peer, PEER, PEER_ROUTER), (world, "far0", "203.0.113.129", "203.0.113.130"), refusal=refusal)
        time.sleep(3)
        self.lab = lab
        self.captures = [near.capture(f"{side}0", f"{name}-{side}.pcap") for side in ("wan", "lan")]
        self.client, self.peer, self.server = client.udp(PC, 40500), peer.udp(PEER, 40600), world.udp(INTRODUCER, 3478)

    def introduce(self, first: socket.socket, then: socket.socket, pause: float) -> None:
        """Both register, learn the other's public address and connect to it; ``first`` knocks, ``then`` hears ``pause`` seconds later."""
        public = {}
        for each in (first, then):
            each.sendto(b"register\n", (INTRODUCER, 3478))
            public[each] = self.server.recvfrom(100)[1]
        for each, other in ((first, then), (then, first)):
            host, port = public[other]
            self.server.sendto(f"peer {host} {port}\n".encode(), public[each])
            words = each.recv(100).split()
            each.connect((words[1].decode(), int(words[2])))
            if each is first:
                each.send(b"knock 1\n")
                time.sleep(pause)

    def finish(self) -> None:
        """Let what is under way arrive, and end the captures."""
        time.sleep(0.5)
        for capture in self.captures:
            self.lab.stop(capture)


@makes("punch-wan.pcap", "punch-lan.pcap")
def punch(lab: Lab) -> None:
    """A UDP hole punch: the peer's first knocks are refused by the client's NAT, the client's knock opens it, then they talk."""
    scene = Punch(lab, "punch")
    scene.introduce(scene.peer, scene.client, 0.2)
    scene.peer.send(b"knock 2\n")
    time.sleep(0.1)
    scene.client.send(b"knock 1\n")
    scene.peer.recv(100)
    for number in range(3):
        scene.peer.send(b"question %d\n" % number)
        scene.client.recv(100)
        scene.client.send(b"answer %d\n" % number)
        scene.peer.recv(100)
        time.sleep(20)
    scene.finish()


@makes("punch-rejected-wan.pcap", "punch-rejected-lan.pcap")
def punch_rejected(lab: Lab) -> None:
    """A hole punch that fails: the peer's NAT answers the client's early knock with port unreachable, and the client gives up."""
    scene = Punch(lab, "punch-rejected", "meta l4proto udp reject")
    scene.introduce(scene.client, scene.peer, 0.2)
    try:
        scene.client.recv(100)
    except ConnectionRefusedError as error:
        print(f"the client gives up: {error}")
        scene.client.close()
    for number in range(2, 5):
        try:
            scene.peer.send(b"knock %d\n" % number)
        except ConnectionRefusedError as error:
            print(f"the peer hears of it: {error}")
        time.sleep(0.5)
    scene.finish()


@makes("idle-udp.pcap")
def idle_udp(lab: Lab) -> None:
    """A UDP flow with pauses of 60, 110 and 150 seconds through a stateful firewall: the last one is too long (120 s)."""
    here = site(lab)
    here.router.nft(FIREWALL)
    client, server = here.pc.udp(PC, 40700), here.world.udp(SERVER, 5060)
    capture = here.router.capture("wan0", "idle-udp.pcap")
    for pause in (3, 60, 110):
        client.sendto(b"register\n", (SERVER, 5060))
        peer = server.recvfrom(100)[1]
        server.sendto(b"ok\n", peer)
        client.recv(100)
        time.sleep(pause)
        server.sendto(b"ring\n", peer)
        client.recv(100)
    time.sleep(150)
    for _ in range(3):
        server.sendto(b"ring\n", peer)
        time.sleep(2)
    client.sendto(b"register\n", (SERVER, 5060))
    server.sendto(b"ok\n", server.recvfrom(100)[1])
    client.recv(100)
    time.sleep(40)
    lone = here.pc.udp(PC, 40701)
    lone.sendto(b"register\n", (SERVER, 5060))
    peer = server.recvfrom(100)[1]
    time.sleep(31)
    server.sendto(b"sorry, busy\n", peer)
    time.sleep(1)
    lab.stop(capture)


@makes("idle-tcp.pcap")
def idle_tcp(lab: Lab) -> None:
    """A TCP connection that is silent for four days, speaks, is silent for six, and is then cut: the server repeats itself in vain."""
    here = site(lab)
    here.router.nft(FIREWALL)
    listener = here.world.listen(SERVER, 7600)
    capture = here.router.capture("wan0", "idle-tcp.pcap")
    client = here.pc.connect(SERVER, 7600)
    accepted, _ = listener.accept()
    for days in (4, 6):
        client.sendall(b"anything new?\n")
        accepted.recv(100)
        accepted.sendall(b"no\n")
        client.recv(100)
        time.sleep(days * 86400)
    accepted.sendall(b"now there is\n")
    time.sleep(30)
    client.sendall(b"anything new?\n")
    accepted.recv(100)
    print(client.recv(100))
    client.close()
    accepted.close()
    time.sleep(1)
    lab.stop(capture)


@makes("ssh-keepalive.pcap")
def ssh_keepalive(lab: Lab) -> None:
    """A real SSH session through a stateful firewall, ten minutes idle but for the client's keepalives every two minutes."""
    here = site(lab)
    here.router.nft(FIREWALL)
    for key in ("host", "user"):
        here.world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(lab.folder / key))
    settings = {
        "ListenAddress": SERVER,
        "HostKey": str(lab.folder / "host"),
        "AuthorizedKeysFile": str(lab.folder / "user.pub"),
        "PermitRootLogin": "yes",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
    }
    file = lab.folder / "sshd_config"
    file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    here.world.start("/usr/sbin/sshd", "-D", "-e", "-f", str(file))
    here.world.wait_for_listener(22)
    capture = here.router.capture("wan0", "ssh-keepalive.pcap")
    options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "ServerAliveInterval": "120", "LogLevel": "ERROR"}
    command = ["ssh", "-F", "/dev/null", "-i", str(lab.folder / "user")]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    here.pc.run(*command, f"root@{SERVER}", "echo hello; sleep 610; echo goodbye")
    time.sleep(1)
    lab.stop(capture)


@makes("two-interfaces.pcapng", "any.pcap")
def both_sides(lab: Lab) -> None:
    """A fetch and a ping through a NAT, by dumpcap on both of its interfaces; then a ping by tcpdump on the device "any" (SLL2)."""
    client, world = lab.host("client"), lab.host("world")
    router = nat_router(lab, "near", (client, PC, LAN_ROUTER), (world, "isp0", "198.51.100.1", "198.51.100.2"))
    world.address("lo", f"{SERVER}/32")
    serve_web(lab, world)
    time.sleep(3)
    file = lab.output / "two-interfaces.pcapng"
    file.unlink(missing_ok=True)
    capture = router.start("dumpcap", "-q", "-i", "lan0", "-i", "wan0", "-w", str(file))
    lab.wait_until(lambda: file.exists() and file.stat().st_size > 0, "dumpcap")
    time.sleep(1)
    client.run("curl", "-s", "-o", "/dev/null", f"http://{SERVER}/")
    client.run("ping", "-c", "2", SERVER)
    time.sleep(2)
    lab.stop(capture)
    capture = router.capture("any", "any.pcap")
    client.run("ping", "-c", "2", SERVER)
    time.sleep(0.5)
    lab.stop(capture)
