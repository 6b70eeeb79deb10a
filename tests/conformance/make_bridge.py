"""Writes frames that a bridge passes on to bridge/, and what the running kernel's rules of the family bridge say of each.

    unshare -n python tests/conformance/make_bridge.py

The bridge br0 has three TAP devices for ports, a host behind each. As in ``make_fib.py``: a frame is written into a device, then the
counters of rules at three hooks tell which of them matched. ``bridge/ports.toml`` is the same bridge for us.

Line: frame, then for each rule of ``bridge/rules.txt`` 1 or 0.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "bridge"
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1])]

from capture_files import block, option, padded, section  # noqa: E402
from capture_files import interface as interface_block  # noqa: E402
from make_fib import interface, run  # noqa: E402
from scenes import icmp, tcp, udp  # noqa: E402

PORTS = ("p1", "p2", "p3")


def rules():
    """(hook, what) of every rule of rules.txt."""
    return [tuple(line.split(" ", 1)) for line in (FOLDER / "rules.txt").read_text().splitlines() if line and not line.startswith("#")]


def nft_text(listed):
    """One chain a hook, a counter a rule."""
    text = "".join(f"counter c{number} {{ }}\n" for number in range(len(listed)))
    for hook in ("prerouting", "forward", "postrouting"):
        body = "\n".join(f"{what} counter name c{number}" for number, (each, what) in enumerate(listed) if each == hook)
        text += f"chain {hook} {{\ntype filter hook {hook} priority 0; policy accept;\n{body}\n}}\n"
    return f"table bridge t {{\n{text}}}\n"


def matched(listed):
    """Which rules counted the frame; counters start anew."""
    entries = json.loads(run("nft", "-j", "reset", "counters", "table", "bridge", "t"))["nftables"]
    found = {each["counter"]["name"] for each in entries if each.get("counter", {}).get("packets")}
    return "".join("1" if f"c{number}" in found else "0" for number in range(len(listed)))


def frame(source, target, packet, vlan=None):
    """An Ethernet frame between two hosts by number, or to a group by its address; ``vlan``: the tag's 16 bits."""
    kind = struct.pack("!H", 0x86DD if packet[0] >> 4 == 6 else 0x0800)
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    there = target if isinstance(target, bytes) else bytes([2, 0, 0, 0, 0, target])
    return there + bytes([2, 0, 0, 0, 0, source]) + tag + kind + packet


def frames():
    """(port, frame), each host having spoken before anybody talks to it."""
    all_, group4, group6 = b"\xff" * 6, b"\x01\0\x5e\0\0\xfb", b"\x33\x33\0\0\0\x01"
    for host in (1, 2, 3):
        yield host - 1, frame(host, all_, udp(f"10.1.0.{host}:68", "255.255.255.255:67"))
    yield 0, frame(1, 2, tcp("10.1.0.1:4000", "10.1.0.2:80", "S", 1, 0))
    yield 1, frame(2, 1, tcp("10.1.0.2:80", "10.1.0.1:4000", "S.", 9, 2))
    yield 0, frame(1, 2, tcp("10.1.0.1:4000", "10.1.0.2:80", ".", 2, 10))
    yield 2, frame(3, 2, tcp("10.1.0.3:4000", "10.1.0.2:80", ".", 2, 10))
    yield 2, frame(3, 1, tcp("10.1.0.3:80", "10.1.0.1:4000", "R", 2, 0))
    yield 0, frame(1, 3, udp("10.1.0.1:5000", "10.1.0.3:53"))
    yield 2, frame(3, 1, udp("10.1.0.3:53", "10.1.0.1:5000"))
    yield 0, frame(1, 3, udp("[fd00::1]:5000", "[fd00::3]:53"))
    yield 2, frame(3, 1, udp("[fd00::3]:53", "[fd00::1]:5000"))
    yield 1, frame(2, 3, icmp("10.1.0.2", "10.1.0.3", 8))
    yield 2, frame(3, 2, icmp("10.1.0.3", "10.1.0.2", 0))
    yield 1, frame(2, 1, udp("10.1.0.2:6000", "10.1.0.1:53"), vlan=0x2005)
    yield 0, frame(1, 2, udp("10.1.0.1:53", "10.1.0.2:6000"), vlan=0x2005)
    yield 1, frame(2, 3, udp("[fd00::2]:6000", "[fd00::3]:53"), vlan=0x0007)
    yield 0, frame(1, group4, udp("10.1.0.1:5353", "224.0.0.251:5353"))
    yield 2, frame(3, group6, udp("[fe80::3]:5353", "[ff02::1]:5353"))


def main() -> None:
    """Set the bridge up, send, and write what was counted."""
    listed = rules()
    opened = [interface(name) for name in PORTS]
    run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "stp_state", "0", "forward_delay", "0")
    for name in PORTS:
        run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
        run("ip", "link", "set", name, "master", "br0", "up")
    run("sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1")
    run("ip", "link", "set", "br0", "up")
    time.sleep(1)
    run("nft", "-f", "-", text=nft_text(listed))
    made, lines = [], []
    for port, data in frames():
        os.write(opened[port], data)
        made.append((port, data))
        lines.append(f"{len(made)} {matched(listed)}")
    blocks = [section()] + [interface_block(options=option(2, name.encode())) for name in PORTS]
    for number, (port, data) in enumerate(made):
        ticks = 1_700_000_000_000_000 + number * 1000
        body = struct.pack("<IIIII", port, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + padded(data)
        blocks.append(block(6, body + option(2, struct.pack("<I", 1)) + option(0, b"")))
    (FOLDER / "frames.pcapng").write_bytes(b"".join(blocks))
    (FOLDER / "frames.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
