"""Differential fuzzer: random traffic into the engine and into the real kernel, until the two say different things.

    python tests/conformance/fuzz.py ORACLE --seed 1 --runs 20 --frames 20000

ORACLE is the program of make_goldens.py. Each run has its own seed, pause style, sysctls and ruleset, all chosen by the seed (or given
by options). A difference is made as short as it gets: first the packets between the same addresses up to the frame, then delta
debugging over what is left. The shortest capture and the kernel's answer are written to --found as NAME.pcap and NAME.pcap.txt;
moved to tests/conformance/cases/ they are a test.

The engine's copy is the installed pcapaudit; the oracle is called once a run, and once for each step of the shortening.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1])]

import fuzz_channels  # noqa: E402
import fuzz_nat  # noqa: E402
from kernel_facts import Difference, Setup, compare, engine_facts, kernel_facts, write_golden  # noqa: E402
from minimise import minimise  # noqa: E402
from raw_packets import write_pcap  # noqa: E402
from traffic import GAPS, Style, packets  # noqa: E402

RULES = (
    "",
    "ct state invalid drop",
    "ct state invalid drop; tcp dport 22 ct state new drop; udp dport 53 ct state new drop",
    "ct state established,related accept; meta l4proto { tcp, udp } th sport < 1200 drop",
    "tcp dport 22 reject with tcp reset; udp dport 53 reject",
)
SWITCHES = {
    "tcp_loose": (0,),
    "tcp_be_liberal": (1,),
    "tcp_ignore_invalid_rst": (1,),
    "tcp_max_retrans": (0, 1, 5),
}
#: Time-outs in seconds that are all different, so that no timer can pass for another.
DISTINCT = {
    "tcp_timeout_syn_sent": 110,
    "tcp_timeout_syn_recv": 61,
    "tcp_timeout_established": 900,
    "tcp_timeout_fin_wait": 130,
    "tcp_timeout_close_wait": 75,
    "tcp_timeout_last_ack": 35,
    "tcp_timeout_time_wait": 140,
    "tcp_timeout_close": 15,
    "tcp_timeout_max_retrans": 310,
    "tcp_timeout_unacknowledged": 400,
    "udp_timeout": 45,
    "udp_timeout_stream": 150,
    "icmp_timeout": 20,
    "icmpv6_timeout": 25,
    "generic_timeout": 170,
}
#: A longer time-out, which a helper may be told, is over at once where a second has 1000 jiffies: what follows is not compared.
MOST_SECONDS = (1 << 31) // 1000
#: More than that a run does not try to explain.
EXAMPLES = 3


@dataclass(frozen=True)
class Run:
    """One run: what traffic, and what both sides are told."""

    style: Style
    setup: Setup
    mode: str = "traffic"

    def packets(self) -> list[tuple[int, bytes]]:
        """Its traffic, (milliseconds, bytes)."""
        return MODES[self.mode](self)


#: Mode → what makes the traffic of a run.
MODES = {
    "traffic": lambda run: packets(run.style),
    "channels": lambda run: fuzz_channels.packets(run.style),
    "nat": lambda run: fuzz_nat.packets(run.style, run.setup),
}


def chosen(seed: int, options: argparse.Namespace) -> Run:
    """The run of a seed."""
    r = random.Random(f"run {seed}")
    sysctls = {}
    if r.random() < 0.5:
        name = r.choice(list(SWITCHES))
        sysctls[name] = r.choice(SWITCHES[name])
    if r.random() < 0.5:
        sysctls |= DISTINCT
    sums = r.random() < 0.3
    if not sums:
        sysctls["checksum"] = 0
    texts = tuple(options.sysctl) or tuple(f"{name}={value}" for name, value in sysctls.items())
    days = 0 if options.mode == "channels" else 1
    gaps = options.gaps or r.choices(list(GAPS), (6, 8, 8, 8, days))[0]
    # A kernel takes its time for idle days, even virtual ones.
    style = Style(
        seed,
        min(options.frames, 4000) if gaps == "days" else options.frames,
        gaps,
        options.six,
        r.choice((3, 10, 40, 200)),
        odd=r.choice((0.1, 0.3, 0.5)),
    )
    if options.mode == "nat":
        return Run(style, fuzz_nat.setup(style), options.mode)
    if options.mode == "channels":
        return Run(style, fuzz_channels.setup(style), options.mode)
    return Run(style, Setup(options.rules if options.rules is not None else r.choice(RULES), texts))


class Fuzzer:
    """Runs, and what they found."""

    def __init__(self, oracle: str, found: Path) -> None:
        self.oracle, self.found = oracle, found
        self.kinds: Counter[tuple[str, str, str]] = Counter()
        self.packets = 0
        self.calls = 0

    def differences(self, stream: list[tuple[int, bytes]], setup: Setup) -> list[Difference]:
        """What engine and kernel disagree about."""
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder) / "run.pcap"
            write_pcap(capture, stream)
            self.calls += 1
            kernel, engine = kernel_facts(self.oracle, capture, setup), engine_facts(capture, setup)[0]
            stop = next((frame for frame, fact in enumerate(engine) if fact.left.isdigit() and int(fact.left) > MOST_SECONDS), len(engine))
            return list(compare(kernel[:stop], engine[:stop]))

    def run(self, run: Run) -> int:
        """One run; returns the count of frames that differ."""
        stream = run.packets()
        found = self.differences(stream, run.setup)
        self.packets += len(stream)
        new = [each for each in _firsts(found) if not self.kinds[each.kind()]]
        self.kinds.update(each.kind() for each in found)
        for each in new[:EXAMPLES]:
            self.keep(run, stream, each)
        return len(found)

    def keep(self, run: Run, stream: list[tuple[int, bytes]], difference: Difference) -> None:
        """Shorten a difference and write it down."""
        target, pair = difference.frame - 1, _pair(stream[difference.frame - 1][1])
        related = [item for number, item in enumerate(stream[: target + 1]) if _pair(item[1]) == pair or number == target]

        def shows(part: list[tuple[int, bytes]]) -> bool:
            return any(each.kind() == difference.kind() for each in self.differences(part, run.setup))

        if not shows(related):
            related = stream[: target + 1]
        short = minimise(related, shows)
        name = f"{run.mode}-{run.style.gaps}-{run.style.seed}-{difference.frame}"
        self.found.mkdir(parents=True, exist_ok=True)
        path = self.found / f"{name}.pcap"
        write_pcap(path, short)
        facts, (engine, reasons) = kernel_facts(self.oracle, path, run.setup), engine_facts(path, run.setup)
        write_golden(path.with_suffix(".pcap.txt"), run.setup, facts, f"fuzz.py, seed {run.style.seed}")
        print(f"  {name}: {len(short)} packets of {len(stream)}; {run.setup}")
        for number, ((now, _), one, other, why) in enumerate(zip(short, facts, engine, reasons, strict=True), 1):
            print(f"    {number} {(now - short[0][0]) / 1000:.3f}\n      kernel {' '.join(one)}\n      engine {' '.join(other)} {why}")


def _firsts(found: list[Difference]) -> list[Difference]:
    """The first difference of each kind: later ones often follow from it."""
    firsts: dict[tuple[str, str, str], Difference] = {}
    for each in found:
        firsts.setdefault(each.kind(), each)
    return list(firsts.values())


def _pair(packet: bytes) -> frozenset[bytes]:
    """The two addresses of a packet; of the quoted one, for an ICMP error that quotes addresses."""
    six = packet[0] >> 4 == 6
    head, proto = (40, packet[6]) if six else (20, packet[9])
    low, size = (8, 16) if six else (12, 4)
    inner = head + 8
    is_error = (proto == 58 and packet[head] < 128) if six else (proto == 1 and packet[head] in (3, 4, 5, 11, 12))
    if is_error and len(packet) >= inner + low + 2 * size:
        packet = packet[inner:]
    return frozenset((packet[low : low + size], packet[low + size : low + 2 * size]))


def main() -> int:
    """Run; exit code 1 if anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("oracle", help="program that replays a capture through a kernel")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next ones count up")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--frames", type=int, default=20000, help="packets a run")
    parser.add_argument("--mode", choices=list(MODES), default="traffic", help="plain traffic, control channels with helpers, or NAT")
    parser.add_argument("--gaps", choices=list(GAPS), help="pause style (default: chosen by the seed)")
    parser.add_argument("--six", type=float, default=0.3, help="share of IPv6")
    parser.add_argument("--sysctl", action="append", default=[], metavar="NAME=VALUE", help="instead of those that the seed chooses")
    parser.add_argument("--rules", help="nft rules instead of those that the seed chooses")
    parser.add_argument("--found", type=Path, default=Path("found"), metavar="DIR", help="where shortened captures go")
    options = parser.parse_args()
    fuzzer = Fuzzer(options.oracle, options.found)
    for seed in range(options.seed, options.seed + options.runs):
        run, start = chosen(seed, options), time.monotonic()
        count = fuzzer.run(run)
        print(f"seed {seed} {run.style.gaps}: {run.style.frames} packets, {count} differ, {time.monotonic() - start:.0f} s", flush=True)
    print(f"{fuzzer.packets} packets, {fuzzer.calls} questions to the kernel")
    for kind, count in fuzzer.kinds.most_common():
        print(f"{count:8} {' '.join(kind)}")
    return int(bool(fuzzer.kinds))


if __name__ == "__main__":
    sys.exit(main())
