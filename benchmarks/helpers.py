"""What helpers and expectations cost: CPU time of the engine's loop in this process, medians over rounds that take turns.

    python benchmarks/helpers.py [--folder DIR] [--rounds N] [--commands N] [--packets N]

* *commands*: FTP control commands a second, one PORT in four, each with its answer, read by the helper, and the same frames without it.
* *pending*: nanoseconds of one look-up among so many pending expectations, of one that is there and of one that is not.
* *ordinary*: the workload ``mixed``, in which no connection has a helper: without helpers, and with every helper on its port.
"""

from __future__ import annotations

import argparse
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import workloads

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.expectations import Expectation, Expectations, Master, Tuple
from pcapaudit.conntrack.helpers.registry import BY_NAME
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import parse_ruleset

ACCEPT = "table inet bench { chain forward { type filter hook forward priority filter; policy accept; } }\n"
GOAL_COMMANDS = 100_000
CLIENT, SERVER = 0x0A000001, 0xC0000201
_LINKTYPE_RAW = 101


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pcapaudit-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--packets", type=int, default=500_000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    talk = options.folder / f"ftp-{options.commands}.pcap"
    if not talk.exists():
        write_talk(talk, options.commands)
    none = ConntrackConfig(checksum=0)
    ftp, every = none.with_helper("ftp"), none.with_switch("helper", 1)
    bare, read = compare(options.rounds, lambda: seconds(talk, none), lambda: seconds(talk, ftp))
    rate = options.commands / read
    print(f"commands: {rate:,.0f} a second with the helper (goal {GOAL_COMMANDS:,}), {options.commands / bare:,.0f} without")
    for count in (10, 100, 1000, 10_000):
        there, not_there = look_ups(count)
        print(f"pending: {count:6} expectations: {there:5.0f} ns to find one, {not_there:5.0f} ns to find none")
    mixed = workloads.make("mixed", options.folder, options.packets)
    bare, watched = compare(options.rounds, lambda: seconds(mixed, none), lambda: seconds(mixed, every))
    print(f"ordinary: {bare / options.packets * 1e9:.0f} ns a packet without helpers, {watched / bare:.3f} times that with all of them")


def compare(rounds: int, one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Medians of two measurements that take turns."""
    taken = [(one(), other()) for _ in range(rounds)]
    return statistics.median(first for first, _ in taken), statistics.median(second for _, second in taken)


def seconds(path: Path, config: ConntrackConfig) -> float:
    """CPU seconds of the engine's loop over a capture."""
    topology, ruleset = Topology.from_options(), parse_ruleset(ACCEPT)
    program = program_for(ruleset, topology)
    with open_stream([str(path)]) as stream:
        source = Source(stream, "ignore")
        engine = Engine(Context(stream, ruleset, program, topology, config, "ignore"), source, 1)
        started = time.process_time()
        while source.read():
            engine.judge([])
        engine.finish([])
        return time.process_time() - started


def look_ups(count: int) -> tuple[float, float]:
    """Nanoseconds of a look-up among so many pending expectations: one that is there, one that is not."""
    table, helper = Expectations(limit=count), BY_NAME["ftp"]
    for number in range(count):
        master = Master(number, helper, Tuple(4, 6, CLIENT + number, 1024, SERVER, 21))
        table.expect(Expectation(master, Tuple(4, 6, SERVER, 0, CLIENT + number, 1024 + number)), 0)
    there = [Tuple(4, 6, SERVER, 20, CLIENT + number, 1024 + number) for number in range(0, count, max(1, count // 1000))]
    strangers = [Tuple(4, 6, SERVER + 1, 20, each.dst, each.dport) for each in there]
    return per_call(table, there), per_call(table, strangers)


def per_call(table: Expectations, tuples: list[Tuple]) -> float:
    """Nanoseconds of one look-up."""
    turns = 200_000 // len(tuples)
    started = time.process_time_ns()
    for _ in range(turns):
        for each in tuples:
            table.find(each, 1)
    return (time.process_time_ns() - started) / (turns * len(tuples))


def write_talk(path: Path, commands: int) -> None:
    """A capture of one control channel that has said hello and then so many commands, each answered."""
    lines = (b"NOOP\r\n", b"TYPE I\r\n", b"PORT 10,0,0,1,19,137\r\n", b"SIZE file.txt\r\n")
    seqs = [1000, 5000]
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _LINKTYPE_RAW))
        steps = [(0, 0x02, b""), (1, 0x12, b""), (0, 0x10, b""), (1, 0x18, b"220 ready\r\n"), (0, 0x18, b"USER a\r\n")]
        steps += [step for k in range(commands) for step in ((0, 0x18, lines[k % 4]), (1, 0x18, b"200 ok\r\n"))]
        for number, (side, flags, data) in enumerate(steps):
            ends = ((CLIENT, 3000), (SERVER, 21))
            (source, sport), (target, dport) = ends[side], ends[1 - side]
            ack = seqs[1 - side] if flags & 0x10 else 0
            head = struct.pack("!HHIIBBHHH", sport, dport, seqs[side], ack, 0x50, flags, 60000, 0, 0)
            packet = struct.pack("!BBHHHBBHII", 0x45, 0, 40 + len(data), 1, 0, 64, 6, 0, source, target) + head + data
            out.write(struct.pack("<IIII", 1_700_000_000 + number // 1000, number % 1000 * 1000, len(packet), len(packet)) + packet)
            seqs[side] = (seqs[side] + len(data) + (flags & 0x02 != 0)) & 0xFFFFFFFF


if __name__ == "__main__":
    main()
