"""Sends packets through a router with the rulesets that generators of firewalls make, and writes down which of them the kernel let by.

    for each in ufw shorewall ferm docker firewalld; do unshare -n python tests/conformance/make_generators.py $each; done

The rulesets in generators/ are the output of ufw 0.36.2, shorewall 5.2.8, ferm 2.5.1 and firewalld 1.3.3 for small configurations of ours,
and what Docker sets up for a published port. The router has two TAP devices, eth0 outside and eth1 inside, and says nothing by itself.
Packets come in one by one; a chain behind all others at input, and one at forward, tell whether a packet got there.
``generators/router.toml`` is the router for us.

Line: frame, 1 if it was let by, else 0. Times in the capture are those at which the packets were sent.
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "generators"
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1])]

from capture_files import block, option, padded, section  # noqa: E402
from capture_files import interface as interface_block  # noqa: E402
from make_fib import interface, run  # noqa: E402
from scenes import icmp, tcp, udp  # noqa: E402

FRAMES = 400
OUTSIDE, INSIDE = ("192.0.2.9", "198.51.100.7"), ("10.0.0.5", "10.2.0.9")
OWN = ("192.0.2.2", "10.0.0.1")
PORTS = (22, 23, 53, 80, 443, 2222, 8080, 8443)
PROBE = """table inet probe {
counter seen { }
chain i { type filter hook input priority 1000; counter name seen; }
chain f { type filter hook forward priority 1000; counter name seen; }
chain quiet { type filter hook output priority -400; policy drop; }
}
"""


def router(name):
    """Devices, addresses, neighbours, and the ruleset."""
    opened = [interface(each) for each in ("eth0", "eth1")]
    for each in ("all", "default", "eth0", "eth1"):
        run("sysctl", "-qw", f"net.ipv4.conf.{each}.rp_filter=0", f"net.ipv6.conf.{each}.disable_ipv6=1")
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for number, address in enumerate(("192.0.2.2/24", "10.0.0.1/8")):
        run("ip", "link", "set", f"eth{number}", "address", f"02:00:00:00:00:0{number}", "up")
        run("ip", "address", "add", address, "dev", f"eth{number}")
    run("ip", "route", "add", "default", "via", "192.0.2.1")
    for device, hosts in (("eth0", ("192.0.2.1", "192.0.2.9")), ("eth1", INSIDE)):
        for host in hosts:
            run("ip", "neigh", "add", host, "lladdr", "02:00:00:00:00:99", "dev", device)
    path = next(FOLDER.glob(f"{name}.[in]*"))
    if path.suffix == ".nft":
        run("nft", "-f", str(path))
    else:
        run("iptables-restore", text=path.read_text())
    run("nft", "-f", "-", text=PROBE)
    run("sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0")
    return opened


def packets(seed):
    """(device, packet): openings from either side, and what answers them; replies to translated sources come for the router's address."""
    r = random.Random(seed)
    flows = []
    for number in range(FRAMES):
        if flows and r.random() < 0.55:
            kind, device, flow, turn = r.choice(flows[-6:])
            _, sport, target, dport = flow
            turn[0] += 1
            if device and target in OUTSIDE and turn[0] % 2:
                yield 0, made(kind, (target, dport, OWN[0], sport), "S." if turn[0] == 1 else ".", turn[0])
            elif device and target in OUTSIDE:
                yield 1, made(kind, flow, ".", turn[0])
            else:
                yield device, made(kind, flow, "." if r.random() < 0.7 else "S", turn[0])
            continue
        device = r.randrange(2)
        kind = r.choice(("tcp", "tcp", "tcp", "udp", "icmp"))
        source = r.choice((OUTSIDE, INSIDE)[device])
        target = r.choice((*OWN, *INSIDE, "192.0.2.255") if device == 0 else (*OWN, *OUTSIDE, *OUTSIDE, "10.255.255.255"))
        flow = (source, 10000 + number, target, r.choice(PORTS))
        flows.append((kind, device, flow, [0]))
        yield device, made(kind, flow, "S", 0)


def made(kind, flow, flags, step):
    """One packet of a conversation."""
    source, sport, target, dport = flow
    if kind == "icmp":
        return icmp(source, target, 8 if flags == "S" or step % 2 == 0 else 0, ident=sport if sport >= 10000 else dport)
    if kind == "udp":
        return udp(f"{source}:{sport}", f"{target}:{dport}")
    mine = 1000 if sport >= 10000 else 5000
    return tcp(f"{source}:{sport}", f"{target}:{dport}", flags, mine + ("S" not in flags), 0 if flags == "S" else 6001 - mine)


def main() -> None:
    """One generator's ruleset."""
    name = sys.argv[1]
    opened = router(name)
    time.sleep(1)
    blocks = [section()] + [interface_block(options=option(2, each) + option(9, b"\x09")) for each in (b"eth0", b"eth1")]
    lines = []
    for number, (device, packet) in enumerate(packets(7), 1):
        frame = bytes([2, 0, 0, 0, 0, device]) + b"\x02\0\0\0\0\x99\x08\x00" + packet
        now = time.time_ns()
        os.write(opened[device], frame)
        entries = json.loads(run("nft", "-j", "reset", "counters", "table", "inet", "probe"))["nftables"]
        lines.append(f"{number} {int(any(each.get('counter', {}).get('packets') for each in entries))}")
        body = struct.pack("<IIIII", device, now >> 32, now & 0xFFFFFFFF, len(frame), len(frame)) + padded(frame)
        blocks.append(block(6, body + option(2, struct.pack("<I", 1)) + option(0, b"")))
    (FOLDER / f"{name}.pcapng").write_bytes(b"".join(blocks))
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
