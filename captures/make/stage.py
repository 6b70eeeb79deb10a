"""What the captures of real programs share: the register of scripts, the usual site, and servers with something to serve."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from netlab import Host, Lab

PC, PC2, LAN_ROUTER = "192.168.10.20", "192.168.10.21", "192.168.10.1"
PC6, LAN_ROUTER6 = "fd00:10::20", "fd00:10::1"
SERVER, SERVER6 = "198.51.100.10", "2001:db8:100::10"
FAR, FAR6 = "203.0.113.82", "2001:db8:113::82"
RESOLVER, STRANGER, FTP_SERVER = "198.51.100.53", "203.0.113.66", "203.0.113.21"

#: The classic stateful policy, as in rulesets/default.nft.
FIREWALL = """
table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        ct state established,related accept
        iifname "lan0" accept
    }
}
"""

#: Script name → (files it makes, script).
SCRIPTS: dict[str, tuple[tuple[str, ...], Callable[[Lab], None]]] = {}


def makes(*files: str) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Register a script as the maker of capture files."""

    def register(script: Callable[[Lab], None]) -> Callable[[Lab], None]:
        SCRIPTS[script.__name__] = (files, script)
        return script

    return register


class Site(NamedTuple):
    """A PC, its router, and the world: one host that holds every outside address."""

    pc: Host
    router: Host
    world: Host


def site(lab: Lab, *, delay: str = "4ms", mtu: int = 1500, offload: bool = False) -> Site:
    """PC ── lan0 router wan0 ── world, IPv4 and IPv6, routed without translation."""
    pc, router, world = lab.host("pc"), lab.host("router"), lab.host("world")
    router.forward()
    lab.link(
        (pc, "eth0", [f"{PC}/24", f"{PC6}/64"]), (router, "lan0", [f"{LAN_ROUTER}/24", f"{LAN_ROUTER6}/64"]), delay="300us", offload=offload
    )
    lab.link(
        (router, "wan0", ["198.51.100.2/30", "2001:db8:ffff::2/64"]),
        (world, "isp0", ["198.51.100.1/30", "2001:db8:ffff::1/64"]),
        delay=delay,
    )
    for host in (pc, router):
        up, up6 = (LAN_ROUTER, LAN_ROUTER6) if host is pc else ("198.51.100.1", "2001:db8:ffff::1")
        host.route("default", up)
        host.route("default", up6)
    world.route("192.168.10.0/24", "198.51.100.2")
    world.route("fd00:10::/64", "2001:db8:ffff::2")
    world.address("lo", f"{SERVER}/32", f"{SERVER6}/128", f"{RESOLVER}/32", f"{STRANGER}/32", f"{FTP_SERVER}/32")
    if mtu != 1500:
        router.ip("link", "set", "wan0", "mtu", str(mtu))
        world.ip("link", "set", "isp0", "mtu", str(mtu))
    time.sleep(3)  # what IPv6 says on a new link is over then
    return Site(pc, router, world)


def serve_web(lab: Lab, host: Host, address: str = "0.0.0.0", port: int = 80) -> None:
    """Python's web server with keep-alive, and a few pages."""
    root = lab.folder / "www"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text("<html><body>hello from outside</body></html>\n")
    (root / "news.txt").write_text("".join(f"{line:04d} all quiet on the firewall\n" for line in range(200)))
    host.start("python3", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", address, "--directory", str(root), str(port))
    host.wait_for_listener(port)


def serve_dns(host: Host) -> None:
    """dnsmasq, which knows www.example.com."""
    names = ("--no-resolv", "--no-hosts", "--local=/example.com/", f"--host-record=www.example.com,{SERVER},{SERVER6}")
    host.start(
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--pid-file=",
        f"--listen-address={RESOLVER}",
        "--bind-interfaces",
        *names,
    )
    host.wait_for_listener(53, "-u")


def serve_ftp(lab: Lab, host: Host) -> None:
    """Vsftpd for anonymous users, IPv4 and IPv6, with one file."""
    root = lab.folder / "ftp"
    (root / "pub").mkdir(parents=True)
    (root / "pub" / "readme.txt").write_text("read me\n" * 100)
    lab.folder.chmod(0o755)
    settings = {
        "listen": "NO",
        "listen_ipv6": "YES",
        "background": "NO",
        "anonymous_enable": "YES",
        "local_enable": "NO",
        "anon_root": str(root),
        "connect_from_port_20": "YES",
        "pasv_min_port": "50000",
        "pasv_max_port": "50100",
        "seccomp_sandbox": "NO",
        "xferlog_enable": "NO",
    }
    file = lab.folder / "vsftpd.conf"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    host.start("vsftpd", str(file))
    host.wait_for_listener(21)


def far_host(lab: Lab, world: Host, mtu: int = 1500) -> Host:
    """One host more, FAR and FAR6, behind the world, over a link of ``mtu``."""
    far = lab.host("far")
    world.forward()
    lab.link((world, "far0", ["203.0.113.81/29", "2001:db8:113::1/64"]), (far, "eth0", [f"{FAR}/29", f"{FAR6}/64"]), delay="5ms")
    far.route("default", "203.0.113.81")
    far.route("default", "2001:db8:113::1")
    world.ip("link", "set", "far0", "mtu", str(mtu))
    return far


def abort(connection: socket.socket) -> None:
    """Close a TCP connection with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
