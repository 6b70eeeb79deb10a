"""What rules and detectors cost a packet: rulesets of several shapes beside none, and the detectors beside the engine.

    python benchmarks/rules.py [--folder DIR] [--workload NAME]... [--rounds N] [--packets N]

CPU time of the engine's loop, start-up left out; medians, all taking turns. ``README.md`` beside this file says what each ruleset is for.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import workloads
from run import _core, _engine, _warm

HEAD = "table inet bench {{\n{sets}chain forward {{\ntype filter hook forward priority filter; policy {policy};\n{rules}\n}}\n}}\n"
STATE = "ct state invalid drop\nct state established,related accept\n"
SERVICES = [f"tcp dport {port} accept" for port in (22, 25, 53, 80, 110, 143, 443, 465, 587, 853, 993, 995, 5432, 8443)]
OPEN = "\n".join(
    [*SERVICES, "udp dport 53 accept", "udp dport 443 accept", "icmp type echo-request accept", "icmpv6 type echo-request accept"]
)


def main() -> None:
    """Make captures and rulesets, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pcapaudit-benchmarks")
    parser.add_argument("--workload", action="append", choices=workloads.NAMES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    stages = {"no rules": "track", **_written(options.folder), "default.nft": "default", "default.nft, detectors": "detectors"}
    print(f"core: {_core()}; goals: 20 rules at most 1.15 times no rules on long, detectors at most 1.25 times default.nft alone")
    for name in options.workload or ("long", "mixed"):
        path = workloads.make(name, options.folder, options.packets)
        _warm(path)
        _measure(name, path, stages, options.rounds)


def rulesets() -> dict[str, str]:
    """The rulesets by what they are called in the table."""
    found = {"20 rules, state first": HEAD.format(sets="", policy="drop", rules=STATE + OPEN)}
    guards = "\n".join(f"ip saddr 192.0.2.{number} drop" for number in range(18))
    found["20 rules, addresses first"] = HEAD.format(sets="", policy="accept", rules=guards + "\n" + STATE)
    for count in (10, 1_000, 100_000):
        elements = ", ".join(f"{_address(4 * number)}-{_address(4 * number + 1)}" for number in range(count))
        sets = f"set s {{\ntype ipv4_addr\nflags interval\nelements = {{ {elements} }}\n}}\n"
        found[f"set of {count} intervals"] = HEAD.format(sets=sets, policy="accept", rules="ip daddr @s drop")
    chain = "\n".join(f"ip saddr {_address(number)} drop" for number in range(1_000))
    found["chain of 1000 rules"] = HEAD.format(sets="", policy="accept", rules=chain)
    return found


def _address(number: int) -> str:
    """An address that no workload has."""
    return f"172.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _written(folder: Path) -> dict[str, str]:
    """The rulesets as files."""
    files = {}
    for name, text in rulesets().items():
        path = folder / (name.replace(",", "").replace(" ", "-") + ".nft")
        path.write_text(text)
        files[name] = str(path)
    return files


def _measure(name: str, path: Path, stages: dict[str, str], rounds: int) -> None:
    """Median loop time of each ruleset, beside none and the one before."""
    times: dict[str, list[float]] = {stage: [] for stage in stages}
    packets = 1
    for _ in range(rounds):
        for stage, argument in stages.items():
            _, answer = _engine(path, argument)
            packets = answer["packets"]
            times[stage].append(answer["cpu_ns"] / packets)
    medians = {stage: statistics.median(found) for stage, found in times.items()}
    print(f"{name}: {packets:,} packets")
    for stage, ns in medians.items():
        print(f"  {stage:26} {ns:6.0f} ns a packet   {ns / medians['no rules']:.2f} times no rules")
    print(f"  detectors / default.nft    {medians['default.nft, detectors'] / medians['default.nft']:.2f}", flush=True)


if __name__ == "__main__":
    main()
