"""What rules and detectors cost a packet: rulesets of several shapes beside none, and the detectors beside the engine.

    python benchmarks/rules.py [--folder DIR] [--workload NAME]... [--rounds N] [--packets N]

CPU time of the engine's loop, start-up left out; medians, all taking turns. ``README.md`` beside this file says what each ruleset is for.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import workloads
from kernel_rules import kernel_ns
from run import _core, _engine, _warm

from pcapaudit.rules import compile_ruleset, parse_ruleset

HEAD = "table inet bench {{\n{sets}chain forward {{\ntype filter hook forward priority filter; policy {policy};\n{rules}\n}}\n}}\n"
STATE = "ct state invalid drop\nct state established,related accept\n"
CHAIN = "chain of 1000 rules"
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
    taken = kernel_ns(linear_chain())
    print(
        f"kernel, {CHAIN}: "
        + ("it cannot be asked here (root, nft)" if taken is None else f"{taken:.0f} ns a packet (goal: ours no slower)")
    )
    _load(options.rounds)


def rulesets() -> dict[str, str]:
    """The rulesets by what they are called in the table."""
    found = {"20 rules, state first": HEAD.format(sets="", policy="drop", rules=STATE + OPEN)}
    guards = "\n".join(f"ip saddr 192.0.2.{number} drop" for number in range(18))
    found["20 rules, addresses first"] = HEAD.format(sets="", policy="accept", rules=guards + "\n" + STATE)
    for count in (10, 1_000, 100_000):
        elements = ", ".join(f"{_address(4 * number)}-{_address(4 * number + 1)}" for number in range(count))
        sets = f"set s {{\ntype ipv4_addr\nflags interval\nelements = {{ {elements} }}\n}}\n"
        found[f"set of {count} intervals"] = HEAD.format(sets=sets, policy="accept", rules="ip daddr @s drop")
    found[CHAIN] = HEAD.format(sets="", policy="accept", rules=linear_chain())
    return found


def linear_chain() -> str:
    """A thousand rules, of which no packet meets any and none can be passed over."""
    return "\n".join(f"ip saddr {_address(number)} drop" for number in range(1_000))


def saved_rules(count: int) -> str:
    """What iptables-save writes of ``count`` rules of the usual kinds."""
    kinds = (
        "-A INPUT -s {address}/32 -j DROP",
        "-A INPUT -s {address}/32 -p tcp -m tcp --dport {port} -m conntrack --ctstate NEW -j ACCEPT",
        '-A FORWARD -i eth0 -p tcp -m multiport --dports 80,443,{port} -m comment --comment "rule {number}" -j ACCEPT',
        '-A FORWARD -p udp -m udp --dport {port} -m limit --limit 5/min -j LOG --log-prefix "drop "',
    )
    lines = [kinds[number % 4].format(address=_address(number), port=1024 + number % 60_000, number=number) for number in range(count)]
    head = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    return "\n".join([*head, *sorted(lines, key=lambda line: line.split()[1]), "COMMIT", ""])


def _load(rounds: int) -> None:
    """CPU time of reading and compiling a large iptables-save (goal: 2 s)."""
    text, times = saved_rules(10_000), []
    for _ in range(rounds):
        started = time.process_time()
        compile_ruleset(parse_ruleset(text, "rules.v4"), ("eth0", "eth1"))
        times.append(time.process_time() - started)
    print(f"load, iptables-save of 10 000 rules: {statistics.median(times):.2f} s (goal: 2)")


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
