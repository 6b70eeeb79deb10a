"""Captures made to flood detectors, and what they cost: a million sources, a million ports, a million STUN requests, and more.

    python benchmarks/floods.py [--folder DIR] [--packets N] [NAME ...]

Each capture is audited twice in processes of their own: by the engine alone, and by `pcapaudit audit` with all detectors. Prints CPU time
a packet, the largest resident size of either, and the codes found. Memory of the detectors must not grow with the flood, and their time
must be that of other traffic, or less. ``tests/findings/test_registry_floods.py`` holds small editions of the same captures to it.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["FLOODS", "make"]

HERE = Path(__file__).parent
START_S = 1_700_000_000
#: Packets a second.
RATE = 100_000
CHUNK = 50_000
ETHERNET, IP, L4 = 14, 20, 34
INSIDE, OUTSIDE = 0x0A000000, 0x2D000000
#: An odd number: multiples of it go through all addresses and ports.
STRIDE = 0x9E3779B1

STUN = struct.pack("!HHI12s", 1, 40, 0x2112A442, b"x" * 12)
#: Attributes that lie: a user name longer than the message, a priority of three bytes, one that is longer than it says.
CRAFTED = struct.pack("!HH4s", 6, 0xFFFF, b"abcd") + struct.pack("!HH3sx", 0x24, 3, b"abc") + struct.pack("!HH20s", 0x802A, 1, b"y" * 20)
DNS = struct.pack("!HHHHHH", 7, 0x8180, 1, 0, 0, 0) + b"\3www\7example\3com\0" + struct.pack("!HH", 1, 1)


def _sources(n):
    """SYNs to one port of one host inside, each from another host."""
    return _tcp(2, OUTSIDE + _spread(n, 27), 1024 + n % 60_000, np.full_like(n, INSIDE + 1), np.full_like(n, 443))


def _ports(n):
    """One host tries all UDP ports of sixteen others."""
    return _udp(b"?", np.full_like(n, OUTSIDE + 1), np.full_like(n, 40_000), INSIDE + 1 + (n >> 16), n & 0xFFFF)


def _from_inside(n):
    """One host inside opens connections to ever new hosts and ports."""
    return _tcp(2, np.full_like(n, INSIDE + 7), 1024 + n % 60_000, OUTSIDE + _spread(n, 27), 1 + _spread(n, 16) % 65_535)


def _stun(n):
    """STUN requests with lying attributes, each from another socket to another peer."""
    return _udp(STUN + CRAFTED, INSIDE + _spread(n, 24), 1024 + n % 60_000, OUTSIDE + _spread(n, 27), 1024 + _spread(n, 15))


def _dns(n):
    """Every other packet a question; the others answers to it in the name of ever new servers."""
    asks = n % 2 == 0
    host, server = np.full_like(n, INSIDE + 9), OUTSIDE + _spread(n, 27)
    high, dns = 1024 + n // 2 % 60_000, np.full_like(n, 53)
    return _udp(DNS, np.where(asks, host, server), np.where(asks, high, dns), np.where(asks, server, host), np.where(asks, dns, high))


def _fragments(n):
    """First fragments of datagrams that never become whole, each of another source."""
    rows = _udp(b"z" * 16, OUTSIDE + _spread(n, 27), np.full_like(n, 4000), np.full_like(n, INSIDE + 1), np.full_like(n, 5000))
    rows[:, ETHERNET + 4 : ETHERNET + 6] = _bytes(n & 0xFFFF, ">u2")
    rows[:, ETHERNET + 6] = 0x20
    return _summed(rows)


def _late(n):
    """Connections that are reset as soon as they are open, and data for each of them afterwards: four packets a connection."""
    which, step = n // 4, n % 4
    client = np.full_like(n, INSIDE + 5), 1024 + which % 60_000
    server = OUTSIDE + _spread(which, 27), np.full_like(n, 443)
    asks, answers, resets, goes_on = (
        _tcp(2, *client, *server),
        _tcp(18, *server, *client),
        _tcp(20, *client, *server),
        _tcp(16, *client, *server),
    )
    return np.choose(step[:, None], [asks, answers, resets, goes_on])


#: Name → (what makes the frames of some numbers).
FLOODS = {
    "sources": _sources,
    "ports": _ports,
    "from-inside": _from_inside,
    "stun": _stun,
    "dns": _dns,
    "fragments": _fragments,
    "late": _late,
}


def make(name: str, folder: Path, packets: int) -> Path:
    """The capture of a flood, made unless it is there."""
    path = folder / f"flood-{name}-{packets}.pcap"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
            for start in range(0, packets, CHUNK):
                numbers = np.arange(start, min(start + CHUNK, packets))
                out.write(_records(FLOODS[name](numbers), numbers))
        unfinished.rename(path)
    return path


def _spread(n, bits):
    """Numbers as if drawn by lot, each once for as long as there are any."""
    return (n * STRIDE & 0xFFFFFFFF) >> (32 - bits) if bits < 20 else n * STRIDE & ((1 << bits) - 1)


def _frame(proto, payload_len, header_len, source, target):
    rows = np.zeros((len(source), L4 + header_len + payload_len), np.uint8)
    rows[:, 12] = 8
    rows[:, ETHERNET] = 0x45
    rows[:, ETHERNET + 2 : ETHERNET + 4] = _bytes(np.full(len(source), IP + header_len + payload_len), ">u2")
    rows[:, ETHERNET + 8], rows[:, ETHERNET + 9] = 60, proto
    rows[:, ETHERNET + 12 : ETHERNET + 16] = _bytes(source, ">u4")
    rows[:, ETHERNET + 16 : ETHERNET + 20] = _bytes(target, ">u4")
    return rows


def _udp(payload, source, sport, target, dport):
    rows = _frame(17, len(payload), 8, source, target)
    rows[:, L4 : L4 + 2], rows[:, L4 + 2 : L4 + 4] = _bytes(sport, ">u2"), _bytes(dport, ">u2")
    rows[:, L4 + 4 : L4 + 6] = _bytes(np.full(len(source), 8 + len(payload)), ">u2")
    rows[:, L4 + 8 :] = np.frombuffer(payload, np.uint8)
    return _summed(rows)


def _tcp(flags, source, sport, target, dport):
    """A segment without payload if it opens or resets, with some if it goes on; sequence numbers fit."""
    payload = b"data, late" if flags == 16 else bytes(10)
    rows = _frame(6, len(payload), 20, source, target)
    if flags != 16:
        # All frames of a flood are of one length: behind these, it is padding.
        rows[:, ETHERNET + 2 : ETHERNET + 4] = _bytes(np.full(len(source), IP + 20), ">u2")
    rows[:, L4 : L4 + 2], rows[:, L4 + 2 : L4 + 4] = _bytes(sport, ">u2"), _bytes(dport, ">u2")
    rows[:, L4 + 7], rows[:, L4 + 11] = flags in (16, 20), flags != 2
    rows[:, L4 + 12], rows[:, L4 + 13], rows[:, L4 + 14] = 0x50, flags, 0x20
    length = 20 + (len(payload) if flags == 16 else 0)
    rows[:, L4 + 20 :] = np.frombuffer(payload, np.uint8)
    whole = rows[:, L4 : L4 + length + length % 2].copy()
    whole[:, length:] = 0
    total = _words(whole) + _words(rows[:, ETHERNET + 12 : ETHERNET + 20]) + 6 + length
    rows[:, L4 + 16 : L4 + 18] = _bytes(_folded(total), ">u2")
    return _summed(rows)


def _summed(rows):
    """With the checksum of the IP header."""
    rows[:, ETHERNET + 10 : ETHERNET + 12] = 0
    rows[:, ETHERNET + 10 : ETHERNET + 12] = _bytes(_folded(_words(rows[:, ETHERNET : ETHERNET + IP])), ">u2")
    return rows


def _words(part):
    return np.ascontiguousarray(part).view(">u2").astype(np.int64).sum(axis=1)


def _folded(total):
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _bytes(values, kind):
    return values.astype(kind).view(np.uint8).reshape(len(values), -1)


def _records(rows, numbers):
    """The frames as pcap records."""
    heads = np.zeros((len(rows), 4), "<u4")
    heads[:, 0], heads[:, 1] = START_S + numbers // RATE, numbers % RATE * (1_000_000 // RATE)
    heads[:, 2:] = rows.shape[1]
    return np.hstack([heads.view(np.uint8), rows]).tobytes()


def main() -> None:
    """Make the captures, audit them, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(FLOODS), help=f"which: {', '.join(FLOODS)} (default: all)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pcapaudit-benchmarks", help="where captures are kept")
    parser.add_argument("--packets", type=int, default=1_000_000, help="packets a capture (default: 1 million)")
    options = parser.parse_args()
    for name in options.names:
        path = make(name, options.folder, options.packets)
        for rules in ("default.nft", "accept"):
            _measure(name, path, options.packets, rules)


def _measure(name: str, path: Path, packets: int, rules: str) -> None:
    """One line: the engine alone, the whole audit, and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        accept = Path(folder) / "accept.nft"
        accept.write_text("table inet t { chain f { type filter hook forward priority 0; policy accept; } }\n")
        ruleset = str(accept) if rules == "accept" else str(HERE.parent / "rulesets" / rules)
        alone, _ = _run([str(HERE / "engine.py"), str(path), ruleset])
        audit, text = _run(["-m", "pcapaudit", "audit", str(path), "--rules", ruleset, "--report", "json-lines"])
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    codes = sorted({each["code"] for each in lines if "code" in each})
    figures = f"engine {alone[0] / packets:.0f} ns {alone[1] / 1024:.0f} MiB, audit {audit[0] / packets:.0f} ns {audit[1] / 1024:.0f} MiB"
    print(f"{name:12} {rules:12} {figures}; {len(lines)} findings: {', '.join(codes)}", flush=True)


def _run(command: list[str]) -> tuple[tuple[int, int], str]:
    """(CPU time in ns, largest resident size in KiB) of a process, and what it printed."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, *command], stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
        out.seek(0)
        return (int((usage.ru_utime + usage.ru_stime) * 1e9), usage.ru_maxrss), out.read()


if __name__ == "__main__":
    main()
