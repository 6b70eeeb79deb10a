"""Writes what the real Linux kernel makes of every capture in captures/: one line a frame, one file a capture.

    python tests/conformance/make_goldens.py ORACLE

ORACLE is a program that replays a capture through a kernel in virtual time and prints JSON lines (fields n, verdict, ctstate, dir,
timeout, status, tcp/sctp/dccp.state): ``ORACLE CAPTURE --tso -o OUT``. The lines kept here came from Linux 6.12.117 under User Mode Linux,
all addresses local, everything accepted; IP lengths that segmentation offload left at 0 were filled in. A frame that the kernel's
conntrack never saw has a line with the reason alone.

Line: frame, ct state, direction, state, seconds left, status letters (S seen reply, A assured, C confirmed); ``-`` for nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Captures whose packets the file does not hold whole: they cannot be shown to a kernel.
CUT_OFF = ("offload.pcap", "snaplen.pcap")
NOT_SEEN = ("kernel-drop", "non-ip", "truncated", "frag-queued")
LETTERS = {"SEEN_REPLY": "S", "ASSURED": "A", "CONFIRMED": "C"}


def line(entry: dict) -> str:
    """The golden line of one of the oracle's objects."""
    if entry["verdict"] in NOT_SEEN:
        return f"{entry['n']} {entry['verdict']}"
    state = next((entry[name]["state"].lower() for name in ("tcp", "sctp", "dccp") if isinstance(entry.get(name), dict)), "-")
    status = "".join(letter for name, letter in LETTERS.items() if name in entry.get("status", ())) or "-"
    direction = entry.get("dir", "-") if entry.get("ctstate") not in ("invalid", "untracked") else "-"
    return f"{entry['n']} {entry.get('ctstate', '-')} {direction} {state} {entry.get('timeout', '-')} {status}"


def main() -> None:
    """Replay every capture."""
    for capture in sorted((ROOT / "captures").glob("*.pcap*")):
        if capture.suffix == ".gz" or capture.name in CUT_OFF:
            continue
        with tempfile.NamedTemporaryFile("r") as out:
            subprocess.run([sys.executable, sys.argv[1], str(capture), "--tso", "-o", out.name], check=True)
            lines = [line(json.loads(text)) for text in out]
        (Path(__file__).parent / "kernel" / f"{capture.name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
