"""A network laboratory for one capture: hosts (network namespaces), links (veth pairs with netem), programs, tcpdump.

Use as a context manager; leaving it, also by an exception or Ctrl-C, ends every program it started and removes every
namespace. A script drives all hosts from one process: ``Host.socket()`` opens a socket inside the host's namespace, and
``Host.run()`` and ``Host.start()`` run programs there.

Runs as root on any Linux with namespaces, nftables and netem; ``guest.py`` runs it in a User Mode Linux kernel whose clock
jumps over silence, so that idle days cost seconds.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
#: What a network card would do for the kernel; off, so that captures show packets as they are on the wire.
_OFFLOADS = ("tx", "tso", "gso", "gro", "sg")


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")


class Host:
    """A network namespace with its loopback up. Made by ``Lab.host``."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.name = name
        self.netns = f"{lab.prefix}{name}"
        _run("ip", "netns", "add", self.netns)
        self.ip("link", "set", "lo", "up")
        #: All links keep IPv6 addresses from the first packet on: no duplicate address detection.
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.router_solicitations", 0)

    def command(self, *command: str) -> list[str]:
        """The command line that runs ``command`` inside the namespace."""
        return ["ip", "netns", "exec", self.netns, *command]

    def ip(self, *arguments: str) -> None:
        """``ip ARGUMENTS`` inside the namespace."""
        _run("ip", "-n", self.netns, *arguments)

    def address(self, device: str, *addresses: str) -> None:
        """Give ``device`` addresses with prefix lengths."""
        for address in addresses:
            self.ip("addr", "add", address, "dev", device)

    def route(self, target: str, via: str) -> None:
        """A route; ``target`` may be "default"."""
        self.ip(*(["-6"] if ":" in via else []), "route", "add", target, "via", via)

    def sysctl(self, name: str, value: int) -> None:
        """Set a sysctl of the namespace."""
        self.run("sysctl", "-qw", f"{name}={value}")

    def forward(self) -> None:
        """Make the host a router for IPv4 and IPv6."""
        self.sysctl("net.ipv4.ip_forward", 1)
        self.sysctl("net.ipv6.conf.all.forwarding", 1)

    def nft(self, ruleset: str) -> None:
        """Load an nftables ruleset."""
        self.run("nft", "-f", "-", text=ruleset)

    def netem(self, device: str, *what: str) -> None:
        """Replace the queue of ``device`` by netem: ``"delay", "10ms"``, ``"loss", "5%"``."""
        self.run("tc", "qdisc", "replace", "dev", device, "root", "netem", *what)

    def run(self, *command: str, text: str = "", fails: bool = False) -> str:
        """Run a program to its end and return what it printed; an exit status other than 0 is an error unless ``fails``."""
        result = subprocess.run(self.command(*command), input=text, capture_output=True, text=True, check=False, cwd=self.lab.folder)
        if result.returncode and not fails:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
        return result.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program that the laboratory ends when it closes; its output goes to a log in the laboratory's folder."""
        log = (self.lab.folder / f"{self.name}-{Path(command[0]).name}.log").open("ab")
        process = subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.lab.folder)
        self.lab.processes.append(process)
        return process

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside the namespace; sockets made there stay there."""
        with (
            Path(f"/run/netns/{self.netns}").open() as inside,
            Path(f"/proc/self/task/{threading.get_native_id()}/ns/net").open() as outside,
        ):
            _setns(inside.fileno())
            try:
                yield
            finally:
                _setns(outside.fileno())

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, proto: int = 0) -> socket.socket:
        """A socket of this host, with a time-out of 30 s."""
        with self.entered():
            made = socket.socket(family, kind, proto)
        made.settimeout(30)
        self.lab.sockets.append(made)
        return made

    def udp(self, address: str, port: int) -> socket.socket:
        """A bound UDP socket."""
        made = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        return made

    def listen(self, address: str, port: int) -> socket.socket:
        """A listening TCP socket."""
        made = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(16)
        return made

    def connect(self, address: str, port: int, *, source: tuple[str, int] | None = None) -> socket.socket:
        """A connected TCP socket; ``source``: own address and port."""
        made = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if source:
            made.bind(source)
        made.connect((address, port))
        return made

    def wait_for_listener(self, port: int, kind: str = "-t") -> None:
        """Wait until something listens on ``port``; ``kind``: "-t" TCP, "-u" UDP."""
        self.lab.wait_until(lambda: f":{port} " in self.run("ss", "-Hln", kind), f"a listener on port {port} of {self.name}")

    def capture(self, device: str, file: str, *options: str) -> subprocess.Popen[bytes]:
        """Start tcpdump on ``device``; ``file`` appears in the laboratory's output folder when ``Lab.stop`` has ended it."""
        path = self.lab.output / file
        path.unlink(missing_ok=True)
        command = ("tcpdump", "-i", device, "-w", str(path), "-U", "--immediate-mode", "-n", "-Z", "root", *options)
        process = self.start(*command)
        self.lab.wait_until(lambda: path.exists() and path.stat().st_size > 0, f"tcpdump on {device} of {self.name}")
        return process


class Lab:
    """Hosts, links and programs of one capture. ``output``: folder for the captures."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.prefix = f"lab{os.getpid()}-"
        self.hosts: dict[str, Host] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sockets: list[socket.socket] = []

    def __enter__(self) -> Lab:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        self.folder = Path(tempfile.mkdtemp(prefix="netlab-"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for opened in self.sockets:
            opened.close()
        for process in reversed(self.processes):
            self.stop(process)
        if error:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')}")
        for host in self.hosts.values():
            subprocess.run(["ip", "netns", "del", host.netns], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def host(self, name: str) -> Host:
        """A new host."""
        self.hosts[name] = Host(self, name)
        return self.hosts[name]

    def link(
        self, one: tuple[Host, str, Sequence[str]], other: tuple[Host, str, Sequence[str]], *, delay: str = "", offload: bool = False
    ) -> None:
        """Join two hosts by a veth pair: (host, device name, addresses) for each end; ``delay`` (netem, as "5ms") in each direction."""
        (left, left_device, _), (right, right_device, _) = one, other
        _run("ip", "link", "add", left_device, "netns", left.netns, "type", "veth", "peer", "name", right_device, "netns", right.netns)
        for number, (host, device, addresses) in enumerate((one, other)):
            host.ip(
                "link", "set", device, "address", f"02:00:00:00:{len(self.hosts):02x}:{list(self.hosts).index(host.name) * 16 + number:02x}"
            )
            if not offload:
                host.run("ethtool", "-K", device, *(word for each in _OFFLOADS for word in (each, "off")), fails=True)
            host.ip("link", "set", device, "up")
            host.address(device, *addresses)
            if delay:
                host.netem(device, "delay", delay)

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """Wait for a condition; TimeoutError names ``what`` when it does not come."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds} s for {what}")
            time.sleep(0.05)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a program: politely, then not."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)


def _setns(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _interrupt(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(f"signal {number}")
