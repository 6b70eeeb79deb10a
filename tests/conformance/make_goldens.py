"""Writes what the real Linux kernel makes of the captures here and in captures/: one line a frame, one file a capture.

    python tests/conformance/make_goldens.py ORACLE [PART ...]

ORACLE is a program that replays a capture through a kernel in virtual time and writes JSON lines (fields n, verdict, ctstate, dir,
timeout, status, flow, tcp/sctp/dccp.state): ``ORACLE CAPTURE -r RULES.nft -s SYSCTL=VALUE -o OUT``. README.md beside this file says which
kernel the lines come from. The parts (default: all):

* ``captures``: every capture of captures/ that holds whole packets; IP lengths that segmentation offload left at 0 are filled in;
* ``stories``: makes cases/*.pcap anew from stories_*.py, and asks;
* ``channels``: makes channels/*.pcap anew (make_channels.py), and asks, the helpers assigned;
* ``found``: asks again about found/*.pcap, which fuzz.py found and shortened;
* ``sequences``: makes sequences/*.pcap anew (make_sequences.py), and asks.

A frame that the kernel's conntrack never saw has a line with the reason alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(ROOT)]

import make_channels  # noqa: E402
import make_sequences  # noqa: E402
import stories_other  # noqa: E402, F401
import stories_tcp  # noqa: E402, F401
from kernel_facts import Setup, kernel_facts, read_golden, read_note, write_golden  # noqa: E402
from raw_packets import write_pcap  # noqa: E402
from story import STORIES  # noqa: E402

#: Captures whose packets the file does not hold whole: they cannot be shown to a kernel.
CUT_OFF = ("offload.pcap", "snaplen.pcap")


def captures(oracle: str) -> None:
    """The captures of captures/."""
    for capture in sorted((ROOT / "captures").glob("*.pcap*")):
        if capture.suffix != ".gz" and capture.name not in CUT_OFF:
            facts = kernel_facts(oracle, capture, Setup(), "--tso")
            write_golden(HERE / "kernel" / f"{capture.name}.txt", Setup(), facts, f"captures/{capture.name}")


def stories(oracle: str) -> None:
    """Stories told in stories_*.py."""
    for name, story in STORIES.items():
        path = HERE / "cases" / f"{name}.pcap"
        write_pcap(path, story.packets())
        write_golden(path.with_suffix(".pcap.txt"), story.setup, kernel_facts(oracle, path, story.setup), story.text)


def found(oracle: str) -> None:
    """What the fuzzer found."""
    for path in sorted((HERE / "found").glob("*.pcap")):
        golden = path.with_suffix(".pcap.txt")
        setup, note = read_golden(golden)[0], read_note(golden)
        write_golden(golden, setup, kernel_facts(oracle, path, setup), note)


def sequences(oracle: str) -> None:
    """Random SCTP and DCCP; checksums are 0 and not looked at."""
    setup = Setup(sysctls=("checksum=0",))
    for path in make_sequences.write():
        write_golden(path.with_suffix(".pcap.txt"), setup, kernel_facts(oracle, path, setup), "make_sequences.py")


def channels(oracle: str) -> None:
    """Control channels, each protocol with its helper; checksums are 0 and not looked at. And FTP and TFTP of real programs."""
    for path, helpers in make_channels.write():
        setup = Setup(sysctls=("checksum=0",), helpers=helpers)
        write_golden(path.with_suffix(".pcap.txt"), setup, kernel_facts(oracle, path, setup), "make_channels.py")
    for name, helper in make_channels.REAL.items():
        setup = Setup(helpers=(helper,))
        golden = HERE / "channels" / f"{name}.txt"
        write_golden(golden, setup, kernel_facts(oracle, ROOT / "captures" / name, setup), f"captures/{name} with the helper {helper}")


PARTS = {"captures": captures, "channels": channels, "stories": stories, "found": found, "sequences": sequences}


def main() -> None:
    """Ask about the parts that the command line names."""
    for part in sys.argv[2:] or PARTS:
        PARTS[part](sys.argv[1])


if __name__ == "__main__":
    main()
