"""Writes random traffic through NAT to nat/, and what the real Linux kernel makes of it under the rulesets there.

    python tests/conformance/make_nat.py ORACLE

Packets of both directions stand in the captures as they **come in** at the firewall, which is what a kernel sees: replies carry the
translated tuple. Where they go is worked out by the script from the rulesets' own words, so that a wrong choice of ours would leave the
kernel without an answer. ORACLE is that of make_goldens.py, with ``--hook forward -r RULES``.

Line: frame, verdict, ct state, direction, status letters (S seen reply, A assured, C confirmed, s source NAT, d destination NAT), comment
of the rule that decided. A packet that the hook forward accepted and postrouting did not is ``lost``.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1])]

from nat_channels import channels, others  # noqa: E402
from scenes import icmp, tcp, udp  # noqa: E402

from pcapaudit.replay.nat import Packet, Translation, translate  # noqa: E402
from pcapaudit.rules import compile_ruleset, load_ruleset  # noqa: E402

FRAMES = 1200
LETTERS = {"SEEN_REPLY": "S", "ASSURED": "A", "CONFIRMED": "C", "SRC_NAT": "s", "DST_NAT": "d"}
NOT_SEEN = ("kernel-drop", "non-ip", "truncated", "frag-queued")
INSIDE = [f"10.0.0.{host}" for host in range(9, 16)]
OUTSIDE = [f"198.51.100.{host}" for host in (7, 8, 9, 200)]
OWN = [f"203.0.113.{host}" for host in (1, 2, 3, 4, 5, 77)]
PORTS = {"tcp": (22, 80, 8080, 2222, 7000), "udp": (53, 5000, 5002, 9000)}
#: Address → translated address and port, for what maps say; ranges are left to ``replay.nat``.
TARGETS = {"static": {}, "maps": {}}
#: Control channels: ruleset → what makes its packets.
MAKERS = {"helpers": channels, "helpers-more": others}


class Flow:
    """A connection: its original tuple, and the tuple that replies come in with once that is known."""

    def __init__(self, r, number):
        self.r, self.proto = r, r.choice(["tcp", "tcp", "udp", "udp", "icmp"])
        self.sport = 2000 + number
        out = r.random() < 0.55
        self.source = r.choice(INSIDE if out else OUTSIDE)
        self.target = r.choice(OUTSIDE if out or r.random() < 0.1 else OWN)
        self.dport = r.choice(PORTS.get(self.proto, (0,)))
        self.back = None
        self.numbers, self.sent = [r.getrandbits(31), r.getrandbits(31)], 0

    def packet(self):
        """The next packet: mostly a handshake, then data from either side."""
        self.sent += 1
        reply = self.sent == 2 or (self.sent > 2 and self.r.random() < 0.5)
        source, sport, target, dport = self.source, self.sport, self.target, self.dport
        if reply:
            source, sport, target, dport = self.back
        if self.proto == "icmp":
            return icmp(source, target, 0 if reply else 8, ident=self.sport)
        ends = f"{source}:{sport}", f"{target}:{dport}"
        if self.proto == "udp":
            return udp(*ends)
        mine, other = self.numbers if not reply else self.numbers[::-1]
        flags = "S" if self.sent == 1 else "S." if self.sent == 2 else "."
        return tcp(*ends, flags, mine + (self.sent > 2), other + 1 if reply or self.sent > 2 else 0)


def reply_of(flow, program, chains):
    """The tuple with which a flow's replies come in, read off the ruleset by its first matching rules."""
    packet = Packet(4, {"tcp": 6, "udp": 17, "icmp": 1}[flow.proto], number(flow.source), number(flow.target), flow.sport, flow.dport)
    for hook in ("dnat", "snat"):
        found = chains(packet, hook)
        if found is None:
            continue
        plan, kept = found
        new: Translation = translate(plan, kept, packet, None, lambda _: False)
        if hook == "dnat":
            packet = Packet(4, packet.proto, packet.source, new.address, packet.sport, new.port)
        else:
            packet = Packet(4, packet.proto, new.address, packet.target, new.port, packet.dport)
    return text(packet.target), packet.dport, text(packet.source), packet.sport


def number(address):
    """An IPv4 address as a number."""
    return int.from_bytes(bytes(map(int, address.split("."))), "big")


def text(address):
    """A number as an IPv4 address."""
    return ".".join(map(str, address.to_bytes(4, "big")))


def by_hand(name, nats):
    """A function that finds the NAT statement for a packet as a person reads the ruleset: (statement, what its map yields)."""
    outside, web = range(number("198.51.100.0"), number("198.51.101.0")), number("10.0.0.5")

    def static(packet, hook):
        source, target = packet.source, packet.target
        if hook == "dnat":
            rules = (
                target == number("203.0.113.1") and packet.proto == 6 and packet.dport == 8080,
                target == number("203.0.113.1") and packet.proto == 17 and 5000 <= packet.dport <= 5003,
                target == number("203.0.113.2"),
                target == number("203.0.113.3"),
                target == number("203.0.113.4") and packet.proto == 6 and packet.dport == 7000,
                target == number("203.0.113.5") and packet.proto == 17 and packet.dport == 9000,
            )
            return next(((nats[k], (0, 0)) for k, held in enumerate(rules) if held), None)
        rules = (
            source == number("10.0.0.9") and target in outside,
            source == number("10.0.0.10") and target in outside,
            source == number("10.0.0.11") and target in outside,
            source == number("10.0.0.12") and packet.proto == 17,
            target == web and packet.proto == 6 and packet.dport == 80,
        )
        return next(((nats[6 + k], (0, 0)) for k, held in enumerate(rules) if held), None)

    def maps(packet, hook):
        source, target = packet.source, packet.target
        if hook == "dnat":
            ports = {8080: 0, 2222: 1, 5000: 2}
            if target == number("203.0.113.1") and packet.proto in (6, 17) and packet.dport in ports:
                wanted = next(k for k, each in enumerate(nats[0].addresses) if each[1][0] == {0: 80, 1: 22, 2: 5060}[ports[packet.dport]])
                return nats[0], (wanted, 0)
            clients = {"198.51.100.7": "10.0.0.20", "198.51.100.8": "10.0.0.21"}
            if target == number("203.0.113.2") and packet.proto == 6 and packet.dport == 7000 and text(source) in clients:
                return nats[2], (next(k for k, each in enumerate(nats[2].addresses) if text(each[0][0]) == clients[text(source)]), 0)
            if target == number("203.0.113.5") and packet.proto == 17 and packet.dport == 9000:
                return nats[3], (0, 0)
            return None
        if target not in outside or not number("10.0.0.9") <= source <= number("10.0.0.15"):
            return None
        if source >= number("10.0.0.12"):
            return nats[5], (0, 0)
        wanted = "203.0.113.9" if source == number("10.0.0.9") else "203.0.113.10"
        return nats[4], (next(k for k, each in enumerate(nats[4].addresses) if text(each[0][0]) == wanted), 0)

    return {"static": static, "maps": maps}[name]


def packets(name, seed):
    """FRAMES packets as (milliseconds, bytes)."""
    r = random.Random(seed)
    program = compile_ruleset(load_ruleset(str(HERE / "nat" / f"{name}.nft")), ("one",), assumed=False)
    chains = by_hand(name, program.nats)
    flows, now, made = [], 0, 0
    for _ in range(FRAMES):
        now += r.randrange(1, 40)
        if not flows or r.random() < 0.25:
            flow = Flow(r, made)
            made += 1
            flow.back = reply_of(flow, program, chains)
            flows.append(flow)
        else:
            flow = r.choice(flows[-12:])
        yield now, flow.packet()


def line(entry):
    """The golden line of one of the oracle's objects."""
    if entry["verdict"] in NOT_SEEN:
        return f"{entry['n']} {entry['verdict']}"
    direction = entry.get("dir", "-") if entry.get("ctstate") not in ("invalid", "untracked") else "-"
    status = "".join(letter for name, letter in LETTERS.items() if name in entry.get("status", ())) or "-"
    rule = entry.get("rule") or {}
    if entry["verdict"] == "accept" and entry.get("unconfirmed"):
        return f"{entry['n']} lost {entry.get('ctstate', '-')} {direction} - -"
    return f"{entry['n']} {entry['verdict']} {entry.get('ctstate', '-')} {direction} {status} {rule.get('comment') or '-'}"


def main() -> None:
    """Write every capture and its golden lines."""
    for seed, name in enumerate([*sorted(TARGETS), *MAKERS]):
        path = HERE / "nat" / f"{name}.pcap"
        records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
        for now, packet in MAKERS[name](seed) if name in MAKERS else packets(name, seed):
            records.append(struct.pack("<IIII", 1_700_000_000 + now // 1000, now % 1000 * 1000, len(packet), len(packet)) + packet)
        path.write_bytes(b"".join(records))
        with tempfile.NamedTemporaryFile("r") as out:
            rules = str(path.with_suffix(".nft"))
            command = [sys.executable, sys.argv[1], str(path), "-r", rules, "--hook", "forward", "-s", "checksum=0", "-o", out.name]
            subprocess.run(command, check=True)
            lines = [line(json.loads(each)) for each in out]
        path.with_suffix(".pcap.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
