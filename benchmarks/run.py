"""How fast the engine is, and how much memory it takes, beside tcpdump and a plain dpkt loop on the same captures in the same run.

    python benchmarks/run.py [--folder DIR] [--workload NAME]... [--rounds N] [--packets N] [--json FILE]

Captures are made once and kept in DIR. Figures are medians of CPU time; the programs take turns (A B C, A B C, ...), so that a noisy
machine is noisy for all of them. ``README.md`` beside this file says how to read the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import workloads

HERE = Path(__file__).parent
STAGES = ("read", "decode", "track", "default", "rules")
#: dpkt is some hundred times slower: this many packets are enough to know its pace.
DPKT_PACKETS = 60_000
GOAL_PACKETS_PER_S = 5_000_000


def main() -> None:
    """Make the captures, measure, print."""
    options = _options()
    report = {"core": _core(), "help_ms": help_time(options.rounds)}
    print(f"core: {report['core']}    pcapaudit --help: {report['help_ms']:.0f} ms (goal 150)\n")
    report["workloads"] = {}
    for name in options.workload or workloads.NAMES:
        path = workloads.make(name, options.folder, options.packets)
        _warm(path)
        report["workloads"][name] = measured = measure(path, options.rounds)
        _print_workload(name, path, measured)
    report["memory"] = memory_per_connection(options.folder)
    print(f"memory: {report['memory']['bytes']:.0f} bytes a connection at {report['memory']['live']:,} live entries (goal 256)")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def measure(path: Path, rounds: int) -> dict:
    """Medians for one capture: ``stage_ns`` (loop, ns a packet), ``process_ns`` and ``wall_ns`` (whole processes), ``peak_mib``."""
    loops: dict[str, list[float]] = {stage: [] for stage in STAGES}
    processes: dict[str, list[float]] = {}
    walls: dict[str, list[float]] = {}
    peak = packets = flows = 0
    for _ in range(rounds):
        for stage in STAGES:
            cpu_ns, answer = _engine(path, stage)
            packets, flows = answer["packets"], answer.get("flows", flows)
            peak = max(peak, answer["peak_kib"])
            loops[stage].append(answer["cpu_ns"] / packets)
            if stage == "rules":
                processes.setdefault("engine", []).append(cpu_ns / packets)
        for program, command in _others(path).items():
            cpu_ns, wall_ns, _ = _timed(command)
            walls.setdefault(program, []).append(wall_ns / packets)
            if program != "engine":
                processes.setdefault(program, []).append(cpu_ns / packets)
        pace = _flowcount(path)
        processes.setdefault("dpkt", []).append(pace)
    return {
        "packets": packets,
        "flows": flows,
        "stage_ns": {stage: statistics.median(values) for stage, values in loops.items()},
        "process_ns": {program: statistics.median(values) for program, values in processes.items()},
        "wall_ns": {program: statistics.median(values) for program, values in walls.items()},
        "peak_mib": peak / 1024,
    }


def memory_per_connection(folder: Path) -> dict:
    """Growth of resident memory from few entries to a million, divided by the entries."""
    path = workloads.make("scan", folder)
    _, answer = _engine(path, "memory")
    (few, before), (many, after) = answer["few"], answer["many"]
    return {"live": many, "bytes": (after - before) / (many - few)}


def help_time(rounds: int) -> float:
    """Milliseconds from start to end of ``pcapaudit --help``, median."""
    times = []
    for _ in range(2 * rounds + 1):
        started = time.perf_counter()
        subprocess.run([*_command(), "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pcapaudit-benchmarks", help="where captures are kept")
    parser.add_argument("--workload", action="append", choices=workloads.NAMES, help="only this one (may be repeated)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each program (default 3)")
    parser.add_argument("--packets", type=int, help="packets a capture (default: 2 million, 1 million with full frames)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


def _command() -> list[str]:
    """The installed command, or the module of a checkout."""
    script = Path(sys.executable).with_name("pcapaudit")
    return [str(script)] if script.exists() else [sys.executable, "-m", "pcapaudit"]


def _core() -> str:
    """The core that the engine will use: ``-P``, for the folder at hand may hold another pcapaudit, which ``-c`` would prefer."""
    return subprocess.run(
        [sys.executable, "-P", "-c", "from pcapaudit import builds; print(builds.core_in_use())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def _warm(path: Path) -> None:
    """Bring the capture into the page cache: disks are not what is measured."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def _run(command: list[str]) -> tuple[int, str]:
    """CPU time of a whole process (user and system, ns), and what it printed."""
    cpu_ns, _, text = _timed(command)
    return cpu_ns, text


def _timed(command: list[str]) -> tuple[int, int, str]:
    """CPU time of a whole process (ns, all its threads together), the time it took, and what it printed. Exit code 1 means findings."""
    started = time.perf_counter_ns()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        wall_ns = time.perf_counter_ns() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
        out.seek(0)
        return int((usage.ru_utime + usage.ru_stime) * 1e9), wall_ns, out.read()


def _environment() -> dict[str, str]:
    """With bytecode kept, as an installed package has it: a checkout that is compiled at every start would measure Python's parser."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _engine(path: Path, stage: str) -> tuple[int, dict]:
    cpu_ns, text = _run([sys.executable, str(HERE / "engine.py"), str(path), stage])
    return cpu_ns, json.loads(text)


def _others(path: Path) -> dict[str, list[str]]:
    """Whole programs to compare with, by name; the engine as the command runs it."""
    commands = {"engine": [sys.executable, str(HERE / "engine.py"), str(path), "ahead"], "audit": [*_command(), "audit", str(path)]}
    if shutil.which("tcpdump"):
        commands["tcpdump"] = ["tcpdump", "-r", str(path), "-w", "/dev/null"]
    return commands


def _flowcount(path: Path) -> float:
    """Loop time of the dpkt program, ns a packet."""
    _, text = _run([sys.executable, str(HERE / "flowcount.py"), str(path), str(DPKT_PACKETS)])
    answer = json.loads(text)
    return answer["cpu_ns"] / answer["packets"]


def _processors() -> str:
    count = len(os.sched_getaffinity(0))
    return "one processor" if count == 1 else f"{count} processors"


def _print_workload(name: str, path: Path, measured: dict) -> None:
    stages, processes = measured["stage_ns"], measured["process_ns"]
    size = path.stat().st_size / 1e6
    print(
        f"{name}: {measured['packets']:,} packets, {measured['flows']:,} flows, {size:.0f} MB; peak memory {measured['peak_mib']:.0f} MiB"
    )
    steps = {
        "read": stages["read"],
        "decode": stages["decode"] - stages["read"],
        "track": stages["track"] - stages["decode"],
        "default.nft": stages["default"] - stages["track"],
        "32 rules": stages["rules"] - stages["track"],
        "all (32 rules)": stages["rules"],
    }
    print("  loop, ns a packet      " + "   ".join(f"{step} {value:.0f}" for step, value in steps.items()))
    print(f"  packets a second       {1e9 / stages['rules']:,.0f} (goal {GOAL_PACKETS_PER_S:,})")
    walls = measured["wall_ns"]
    print("  process, CPU ns        " + "   ".join(f"{program} {value:.0f}" for program, value in processes.items()))
    print(f"  process, time ns       {'   '.join(f'{program} {value:.0f}' for program, value in walls.items())}   ({_processors()})")
    ratios = [f"{processes['dpkt'] / stages['rules']:.0f} times as fast as dpkt (goal 40)"]
    if "tcpdump" in processes:
        for program in ("engine", "audit"):
            cpu, wall = (times[program] / times["tcpdump"] for times in (processes, walls))
            ratios.append(f"{program} / tcpdump CPU {cpu:.2f}, time {wall:.2f}" + " (goal 2)" * (program == "engine"))
    print("  ratios                 " + "   ".join(ratios) + "\n", flush=True)


if __name__ == "__main__":
    main()
