"""Writes packets of every kind of address to fib/, and what the running kernel's rules with ``fib``, rpfilter and addrtype say of each.

    unshare -n python tests/conformance/make_fib.py

The router has the interfaces and routes of ``fib/router.sh`` (TAP devices). A packet is written into a device; then the counters of rules
that stand in prerouting, and in forward and input, tell which of them matched. ``fib/router.toml`` is the same router for us.

Line: frame, then for each rule of ``fib/rules.txt`` 1 or 0; ``-`` where the packet never reached the hook.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "fib"
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parents[1])]

from capture_files import block, option, padded, section  # noqa: E402
from capture_files import interface as interface_block  # noqa: E402
from scenes import icmp, tcp, udp  # noqa: E402

DEVICES = ("eth0", "eth1", "eth2", "eth3")
ROUTER = "02:00:00:00:00:0"
FOUR = [
    *("192.168.1.1", "192.168.1.20", "192.168.1.255", "192.168.1.0", "192.168.2.1", "192.168.2.9", "192.168.2.255", "192.168.2.127"),
    *(
        "203.0.113.7",
        "203.0.113.1",
        "203.0.113.255",
        "198.51.100.9",
        "8.8.8.8",
        "10.1.2.3",
        "10.2.0.1",
        "10.3.0.1",
        "10.4.0.1",
        "172.16.0.5",
    ),
    *(
        "172.16.9.9",
        "224.0.0.1",
        "239.1.2.3",
        "255.255.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "0.0.0.0",
        "0.1.2.3",
        "240.0.0.1",
        "198.18.1.255",
    ),
]
SIX = [
    *(
        "fd00:1::1",
        "fd00:1::20",
        "fd00:1::",
        "fd00:2::1",
        "fd00:2::9",
        "fd00:9::1",
        "2001:db8::1",
        "2001:db8::7",
        "2001:db8::",
        "2001:db8:5::",
    ),
    *(
        "2001:db8:5::1",
        "2001:4860::8888",
        "fe80::1",
        "fe80::1234",
        "ff02::1",
        "ff05::2",
        "::1",
        "::",
        "fc00:6::1",
        "fc00:7::1",
        "fc00:8::1",
    ),
]


def interface(name):
    """A TAP device of that name."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH", name.encode(), 0x1002))
    return fd


def run(*words, text=None):
    """A program that has to succeed."""
    return subprocess.run(words, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout


def rules():
    """(hook, family, what) of every rule of rules.txt."""
    for line in (FOLDER / "rules.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            hook, family, what = line.split(" ", 2)
            yield hook, family, what


def nft_text(listed):
    """One chain a hook, a counter a rule; the packets of a hook are counted too."""
    chains = {"prerouting": [], "input": [], "forward": []}
    counters = [f"counter c{number} {{ }}" for number in range(len(listed))]
    for number, (hook, family, what) in enumerate(listed):
        if family == "inet":
            chains[hook].append(f"{what} counter name c{number}")
    text = "\n".join(counters + [f"counter {hook} {{ }}" for hook in chains])
    for hook, lines in chains.items():
        body = "\n".join([f"counter name {hook}", *lines])
        text += f"\nchain {hook} {{\ntype filter hook {hook} priority -300; policy accept;\n{body}\n}}"
    # What the router itself would say is not said: it comes back by the loopback interface where a source is its own.
    quiet = "chain quiet {\ntype filter hook output priority -400; policy drop;\n}"
    return f"table inet t {{\n{text}\n{quiet}\n}}\n"


def xtables_text(listed, family):
    """The iptables rules of one family, in the table raw."""
    lines = [
        f'-A PREROUTING {what} -m comment --comment "c{number}"'
        for number, (_, rule_family, what) in enumerate(listed)
        if rule_family == family
    ]
    return "*raw\n:PREROUTING ACCEPT [0:0]\n" + "\n".join(lines) + "\nCOMMIT\n"


def matched(listed):
    """Which rules counted the packet, and which hooks it met; counters start anew."""
    found = set()
    for entry in json.loads(run("nft", "-j", "reset", "counters", "table", "inet", "t"))["nftables"]:
        if entry.get("counter", {}).get("packets"):
            found.add(entry["counter"]["name"])
    for program in ("iptables", "ip6tables"):
        for line in run(program, "-t", "raw", "-vnxL", "PREROUTING", "-Z").splitlines():
            number = re.search(r"/\* (c\d+) \*/", line)
            if number and line.split()[0] != "0":
                found.add(number[1])
    for number, (hook, _, _) in enumerate(listed):
        seen = hook in found
        yield "-" if not seen else "1" if f"c{number}" in found else "0"


def packets(seed):
    """(device, packet): each address as source and as destination with some partner, by every device."""
    r = random.Random(seed)
    for pool, mixed in ((FOUR, "192.168.1.20 8.8.8.8 203.0.113.7 192.168.2.9"), (SIX, "fd00:1::20 2001:4860::8888 2001:db8::7 fd00:2::9")):
        for address in pool:
            for device in range(len(DEVICES)):
                partner = r.choice(mixed.split())
                one = udp if pool is FOUR or r.random() < 0.8 else icmp
                for source, target in ((address, partner), (partner, address)):
                    if target in ("fe80::1234", "172.16.0.5") or target.startswith("127."):
                        # A router takes link-local addresses for its own, or never sees them (see vantage), and never sees the last ones;
                        # of several next hops the kernel chooses one by a secret.
                        continue
                    if one is udp:
                        ends = (f"[{source}]:4000", f"[{target}]:4001") if pool is SIX else (f"{source}:4000", f"{target}:4001")
                        yield device, (udp if r.random() < 0.5 else lambda a, b: tcp(a, b, "S", 1, 0))(*ends)
                    else:
                        yield device, icmp(source, target, 128)
    yield 0, udp("0.0.0.0:68", "255.255.255.255:67")
    yield 0, icmp("::", "ff02::1:ff00:1", 135)


def capture(made):
    """The packets as a pcapng file that says by which interface each came in."""
    blocks = [section()] + [interface_block(options=option(2, name.encode())) for name in DEVICES]
    for number, (device, packet) in enumerate(made):
        ticks = 1_700_000_000_000_000 + number * 1000
        body = struct.pack("<IIIII", device, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet)) + padded(packet)
        blocks.append(block(6, body + option(2, struct.pack("<I", 1)) + option(0, b"")))
    return b"".join(blocks)


def main() -> None:
    """Set the router up, send, and write what was counted."""
    listed = list(rules())
    opened = [interface(name) for name in DEVICES]
    run("sh", str(FOLDER / "router.sh"))
    run("nft", "-f", "-", text=nft_text(listed))
    run("iptables-restore", text=xtables_text(listed, "iptables"))
    run("ip6tables-restore", text=xtables_text(listed, "ip6tables"))
    time.sleep(2)
    list(matched(listed))
    made, lines = [], []
    for device, packet in packets(1):
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        frame = bytes.fromhex((ROUTER + str(device)).replace(":", "")) + b"\x02\0\0\0\0\x99" + kind + packet
        os.write(opened[device], frame)
        made.append((device, frame))
        lines.append(f"{len(made)} {''.join(matched(listed))}")
    (FOLDER / "addresses.pcapng").write_bytes(capture(made))
    (FOLDER / "addresses.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
