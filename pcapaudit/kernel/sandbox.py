"""A network of its own for the kernel's part of a comparison: a namespace with TUN devices, in which every address is local.

The calling thread enters a new network namespace, sets it up, opens the devices and sockets that it needs, and goes back. From then on the
namespace lives by these open files alone: when the process ends, however it ends, the kernel takes it away with all that is in it. What is
set up is set up only after a look that the namespace is not the one we came from; the host's rules and traffic are never touched.

    write to TUN → prerouting (reassembly, conntrack, rules) → input (the rules of the judging hook stand here) → confirmed

Rules that ask by which interface a packet leaves need hook forward; then the packets are routed by the zones' prefixes, and those that a
router forwards to nobody (multicast, link-local, TTL 1) never get there. So this is done for such rules only.

What the kernel itself sends (resets, ICMP errors, IPv6 housekeeping) ends at output, before conntrack sees it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel.observe import Observation, Observer, Tuple, observer_table

__all__ = ["Plan", "Sandbox", "check_machine", "moved_rules"]

_TUN = Path("/dev/net/tun")
_OWN_NAMESPACE = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_SIOCGIFINDEX = 0x8933
_TABLE = "100"
_PROGRAM_SECONDS = 60
#: Program → where it comes from.
_PROGRAMS = {"ip": "iproute2", "nft": "nftables"}

#: A host that takes in whatever comes, and says nothing by itself.
_PER_DEVICE_4 = {"rp_filter": 0, "accept_local": 1, "route_localnet": 1, "log_martians": 0, "accept_source_route": 1, "send_redirects": 0}
_PER_DEVICE_6 = {
    "disable_ipv6": 0,
    "accept_dad": 0,
    "dad_transmits": 0,
    "accept_ra": 0,
    "autoconf": 0,
    "router_solicitations": 0,
    "accept_source_route": 1,
    "addr_gen_mode": 1,
}
_OTHER = {"ipv4/igmp_max_memberships": 100000, "ipv4/icmp_ratelimit": 0, "ipv4/ip_early_demux": 0}


def check_machine() -> None:
    """Raise ConfigError, which says what to do, unless this machine can do it."""
    if not hasattr(os, "uname") or os.uname().sysname != "Linux":
        raise ConfigError("verify compares with the Linux kernel that runs here, and this is not Linux; use a Linux machine")
    if not _may(_CAP_NET_ADMIN) or not _may(_CAP_SYS_ADMIN):
        raise ConfigError(
            "verify needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) for a network namespace of its own; run it with sudo. "
            "Every other command works without."
        )
    if not _TUN.exists():
        raise ConfigError(f"{_TUN} is missing: load the module (modprobe tun), or give the container the device (--device {_TUN})")
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise ConfigError(f"verify needs the program {program}: install the package {package}")


def moved_rules(text: str, path: str, hook: str = "input") -> tuple[str, list[str]]:
    """A ruleset as ``nft list ruleset`` prints it, with the base chains of hook ``path`` moved to ``hook``.

    Chains of prerouting stay; those of other hooks, and of type nat, are kept but never entered. Returns also what has become of which.
    """
    notes: list[str] = []
    lines: list[str] = []
    chain = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["chain"]:
            chain = words[1]
        base = re.match(r"\s*type (\w+) hook (\w+) ", line)
        if not base:
            lines.append(line)
        elif base[1] == "nat" or base[2] not in {path, "prerouting"}:
            notes.append(f"chain {chain} ({base[1]}, {base[2]}) is left out: no packet of the comparison passes it")
        else:
            lines.append(line.replace(f" hook {path} ", f" hook {hook} "))
    return "\n".join(lines) + "\n", notes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sandbox is to be."""

    #: Names of the TUN devices.
    interfaces: tuple[str, ...]
    #: Ruleset in nftables syntax.
    rules: str
    #: Hook whose chains judge: forward or input.
    path: str
    #: Path below /proc/sys/net → value.
    sysctls: Mapping[str, int] = field(default_factory=dict)
    #: Network → interface behind which it lies.
    routes: Mapping[str, str] = field(default_factory=dict)
    #: Folder in which the ruleset's includes are looked for.
    folder: str = "."

    @property
    def hook(self) -> str:
        """Where the rules stand in the sandbox."""
        return "forward" if self.path == "forward" and re.search(r"\boif(name|group|type)?\b", self.rules) else "input"


class Sandbox:
    """The namespace, as a context manager."""

    def __init__(self, plan: Plan) -> None:
        self.notes: list[str] = []
        self._plan = plan
        self._devices: list[int] = []
        self._numbers: list[int] = []
        self._groups: dict[int, socket.socket] = {}
        self._joined: set[tuple[int, bytes]] = set()
        self._observer: Observer | None = None

    def __enter__(self) -> Sandbox:
        check_machine()
        home = os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _unshare()
            try:
                if os.path.samestat(os.fstat(home), os.stat(_OWN_NAMESPACE)):  # noqa: PTH116  # beside fstat
                    raise ConfigError("the kernel gave no network namespace of its own; nothing was set up")
                self._set_up()
            finally:
                _enter(home)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(home)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close what keeps the namespace alive."""
        if self._observer is not None:
            self._observer.close()
            self._observer = None
        for each in self._groups.values():
            each.close()
        self._groups.clear()
        while self._devices:
            os.close(self._devices.pop())

    def inject(self, interface: int, packet: bytes) -> None:
        """Let a packet arrive by the interface with this index; it has gone its way when this returns."""
        # A packet that the device itself refuses (no IP version) leaves no trace in the log: that is the answer.
        with contextlib.suppress(OSError):
            os.write(self._devices[interface], packet)

    def observe(self, wanted: Tuple | None) -> Observation:
        """What became of what was injected since the last call. Raises ConfigError when the log was lost."""
        assert self._observer is not None  # noqa: S101  # between enter and close
        try:
            return self._observer.observe(wanted)
        except OSError as error:
            raise ConfigError(f"the kernel's log could not be read: {error.strerror}; try again with less load on the machine") from None

    def join(self, interface: int, group: bytes) -> None:
        """Take in a multicast group, so that its packets are routed to the rules."""
        if (interface, group) in self._joined:
            return
        self._joined.add((interface, group))
        number = self._numbers[interface]
        with contextlib.suppress(OSError):  # then its packets end in routing, which the log shows
            if len(group) == 4:
                request = group + bytes(4) + struct.pack("=i", number)
                self._groups[4].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            else:
                self._groups[6].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("=I", number))

    def _set_up(self) -> None:
        for name in self._plan.interfaces:
            self._devices.append(_open_device(name))
        self._groups = {
            4: socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC),
            6: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC),
        }
        for name in self._plan.interfaces:
            answer = fcntl.ioctl(self._groups[4], _SIOCGIFINDEX, struct.pack("16si20x", name.encode(), 0))
            self._numbers.append(struct.unpack_from("16si", answer)[1])
        for device in ("all", "default", *self._plan.interfaces):
            for version, values in ((4, _PER_DEVICE_4), (6, _PER_DEVICE_6)):
                for key, value in values.items():
                    _set(f"ipv{version}/conf/{device}/{key}", value)
                _set(f"ipv{version}/conf/{device}/forwarding", int(self._plan.hook == "forward"))
        for path, value in _OTHER.items():
            _set(path, value)
        self._set_routes()
        self._load_rules()
        for path, value in self._plan.sysctls.items():
            _set(path, value, needed=True)
        self._observer = Observer()
        self._observer.forget()

    def _set_routes(self) -> None:
        for family in ("-4", "-6"):
            commands = ["link set lo up"]
            for name in self._plan.interfaces:
                commands += [f"link set {name} mtu 65535 txqueuelen 16 up", f"rule add iif {name} lookup {_TABLE} pref 10"]
            if self._plan.hook == "input":
                commands.append(f"route add local default dev lo table {_TABLE}")
            else:
                here = {net: name for net, name in self._plan.routes.items() if (":" in net) == (family == "-6")}
                here.setdefault("::/0" if family == "-6" else "0.0.0.0/0", self._plan.interfaces[-1])
                commands += [f"route replace {net} dev {name} table {_TABLE}" for net, name in here.items()]
            # A reset that a rule sends must find a way before it changes the entry; it ends at output.
            commands.append(f"route add default dev {self._plan.interfaces[0]}")
            _program(["ip", family, "-batch", "-"], "\n".join(commands) + "\n", "setting up the sandbox")

    def _load_rules(self) -> None:
        """The rules as the kernel reads them, the chains that judge moved, and our table."""
        plan = self._plan
        _program(["nft", "-I", plan.folder, "-f", "-"], plan.rules, "loading the ruleset into the sandbox")
        listed = _program(["nft", "-s", "list", "ruleset"], "", "reading the ruleset back")
        moved, self.notes = moved_rules(listed, plan.path, plan.hook)
        _program(["nft", "-f", "-"], "flush ruleset\n" + moved + observer_table(plan.hook), "setting up the sandbox")


def _may(capability: int) -> bool:
    """Whether this process has a capability."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(found and int(found[1], 16) >> capability & 1)


def _unshare() -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        raise ConfigError(f"the kernel refuses a network namespace: {reason}; in a container, run it with --privileged")


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _CLONE_NEWNET):
        raise ConfigError(f"the kernel does not let us leave the sandbox: {os.strerror(ctypes.get_errno())}")


def _open_device(name: str) -> int:
    """A TUN device without packet information."""
    device = -1
    try:
        device = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        if device >= 0:
            os.close(device)
        raise ConfigError(
            f"no TUN device {name} can be made: {error.strerror}; give the zone another interface name, or check {_TUN}"
        ) from None
    return device


def _set(path: str, value: int, *, needed: bool = False) -> None:
    """One sysctl of the namespace; not every kernel has each."""
    try:
        Path("/proc/sys/net", path).write_text(f"{value}\n", encoding="ascii")
    except FileNotFoundError:
        pass
    except OSError as error:
        if needed:
            raise ConfigError(f"net.{path.replace('/', '.')} cannot be set to {value}: {error.strerror}; leave the option away") from None


def _program(command: list[str], text: str, doing: str) -> str:
    """Run a program in the namespace; returns its output. Raises ConfigError with its complaint."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed words and checked interface names
            command, input=text, capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{doing}: {command[0]} did not end within {_PROGRAM_SECONDS} s") from None
    if done.returncode:
        complaint = "\n    ".join(line for line in done.stderr.strip().splitlines()[:8])
        raise ConfigError(f"{doing}: {command[0]} says\n    {complaint}")
    return done.stdout
