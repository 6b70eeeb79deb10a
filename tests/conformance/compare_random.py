"""Random rulesets and random packets: our evaluator against the real Linux kernel's, verdict and deciding rule.

    python tests/conformance/compare_random.py ORACLE [COUNT] [SEED]

Rulesets are those of the property tests (tests/support/random_rules.py), with limits, quotas, counts of connections and a set that fades,
printed as nftables text with every base chain at the hook input; packets are drawn from the same small worlds. ORACLE is as
compare_rules.py describes it. Exit code 1: a difference.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1])]

from compare_rules import kernel_answers, say  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from random_rules import PORTS, V4, V6, rulesets  # noqa: E402
from rule_verdicts import NOT_SEEN, engine_answers, two_links  # noqa: E402
from scenes import icmp, tcp, udp  # noqa: E402

from pcapaudit.rules import parse_ruleset  # noqa: E402
from pcapaudit.rules.nft.printer import format_ruleset  # noqa: E402

PACKETS = 300
NAMES = ("inside", "outside")
#: Without loopback and link-local addresses, which routing drops before the rules, so that no limit would count them.
_WORLD6 = V6[:2]


def packets(r):
    """Packets among the addresses and ports that rules ask for."""
    for _ in range(PACKETS):
        six = r.random() < 0.4
        world = [_text(value, six) for value in (_WORLD6 if six else V4[:4])]
        a, b = r.sample(world, 2)
        one, other = f"{a}:{r.choice(PORTS)}", f"{b}:{r.choice(PORTS)}"
        kind = r.randrange(4)
        if kind == 0:
            yield icmp(a, b, r.choice([128, 129, 1, 135] if six else [8, 0, 3, 13]), ident=r.randrange(3), data=bytes(8))
        elif kind == 1:
            yield udp(one, other, bytes(r.randrange(60)))
        else:
            yield tcp(one, other, r.choice(["S", "S", "S.", ".", "F.", "R", "P.", "FPU"]), r.getrandbits(32), 1)


def _text(value, six):
    from ipaddress import IPv4Address, IPv6Address

    return str(IPv6Address(value) if six else IPv4Address(value))


def at_input(ruleset):
    """The ruleset with its base chains at the hook input, as nftables takes them."""

    def moved(chain):
        if chain.base is None:
            return chain
        return replace(chain, base=replace(chain.base, hook="input", type="filter", priority=max(chain.base.priority, -150), devices=()))

    tables = [replace(table, chains=tuple(map(moved, table.chains))) for table in ruleset.tables if table.family in ("ip", "ip6", "inet")]
    return replace(ruleset, tables=tuple(tables))


def main() -> int:
    """Compare as many as wanted."""
    oracle, count, start = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder = Path(tempfile.mkdtemp())
    capture, r, now = folder / "random.pcap", random.Random(start), 1_700_000_000_000
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for packet in packets(r):
        now += r.choice([1, 5, 40, 300])
        # Not on whole milliseconds: the kernel's clock is a microsecond late, which decides where a bucket is full that very moment.
        records.append(struct.pack("<IIII", now // 1000, now % 1000 * 1000 + r.randrange(100, 900), len(packet), len(packet)) + packet)
    capture.write_bytes(b"".join(records))
    totals = {"compared": 0, "refused": 0, "frames": 0, "differing": 0}

    @seed(start)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(rulesets(with_limits="counts"))
    def compare(ruleset):
        text = format_ruleset(at_input(ruleset))
        rules = folder / "random.nft"
        rules.write_text(text)
        engine = engine_answers(capture, parse_ruleset(text, "random.nft"), two_links("input", *NAMES))
        try:
            kernel = kernel_answers(oracle, capture, rules, "input", NAMES, engine.versions)
        except RuntimeError:
            # Stock nft refuses what our reader takes (meta nfproto in a table ip), or there is no table at all.
            totals["refused"] += 1
            return
        wrong = [n for n, said in kernel.items() if said not in NOT_SEEN and said != engine.answers[n - 1] and n not in engine.undecided]
        totals["compared"] += 1
        totals["frames"] += len(kernel)
        totals["differing"] += len(wrong)
        if wrong:
            say(text)
            for number in wrong[:5]:
                say(f"    frame {number}: kernel {kernel[number]}, engine {engine.answers[number - 1]}")

    compare()
    say(", ".join(f"{number} {name}" for name, number in totals.items()))
    return 1 if totals["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
