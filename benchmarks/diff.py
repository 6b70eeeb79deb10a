"""What ``pcapaudit diff`` costs beside one ``pcapaudit audit`` of the same capture: CPU time of whole processes, medians, taking turns.

    python benchmarks/diff.py [--folder DIR] [--workload NAME]... [--rounds N] [--packets N]

Three comparisons: a ruleset with itself (nothing changes), with the same under another time-out (little changes), and with one that drops
everything (every packet changes).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import workloads
from run import _command, _core, _run, _warm

GOAL_RATIO = 1.6
DROP_ALL = "table inet bench { chain forward { type filter hook forward priority filter; policy drop; } }\n"


def main() -> None:
    """Make the captures, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pcapaudit-bench")
    parser.add_argument("--workload", action="append", choices=workloads.NAMES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int)
    options = parser.parse_args()
    drop_all = options.folder / "drop-all.nft"
    options.folder.mkdir(parents=True, exist_ok=True)
    drop_all.write_text(DROP_ALL)
    print(f"core: {_core()}; goal: a diff costs at most {GOAL_RATIO} times one audit")
    for name in options.workload or workloads.NAMES:
        path = workloads.make(name, options.folder, options.packets)
        _warm(path)
        measure(name, path, drop_all, options.rounds)


def measure(name: str, path: Path, drop_all: Path, rounds: int) -> None:
    """Print a line for one capture."""
    audit = [*_command(), "audit", str(path)]
    diff = [*_command(), "diff", "--seed", "1", "default"]
    commands = {
        "audit": [*audit, "--seed", "1"],
        "same": [*diff, "default", str(path)],
        "time-out": [*diff, "default", str(path), "--new-timeout", "udp.stream=1"],
        "drop all": [*diff, str(drop_all), str(path)],
    }
    times: dict[str, list[int]] = {}
    for _ in range(rounds):
        for each, command in commands.items():
            times.setdefault(each, []).append(_run(command)[0])
    medians = {each: statistics.median(found) for each, found in times.items()}
    print(f"{name}: audit {medians['audit'] / 1e9:.2f} s", end="")
    for each in commands:
        if each != "audit":
            print(f"   {each} {medians[each] / 1e9:.2f} s, ratio {medians[each] / medians['audit']:.2f}", end="")
    print(flush=True)


if __name__ == "__main__":
    main()
