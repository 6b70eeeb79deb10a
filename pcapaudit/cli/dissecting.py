"""The dissection of one frame by tshark: what each layer of it says.

Wireshark knows thousands of protocols that the engine never looks into. tshark is asked directly: one frame of one file needs no session
that pyshark would keep open.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

__all__ = ["ABSENT", "Dissection", "dissect"]

ABSENT = "tshark is not installed: no dissection (on Debian and Ubuntu: apt install tshark)"
#: Seconds that tshark may take to get to the frame.
_PATIENCE = 120
#: A line of a hex dump, which stands at the margin like a title.
_DUMP = re.compile(r"[0-9a-f]{4}  [0-9a-f]{2} ")


@dataclass(frozen=True, slots=True)
class Dissection:
    """What tshark says."""

    #: (title, lines below it, indented as tshark does) of each layer; empty when there is none.
    layers: tuple[tuple[str, tuple[str, ...]], ...]
    #: Why there is none; else empty.
    problem: str


def dissect(path: str, frame: int) -> Dissection:
    """Dissect frame ``frame`` (from 1) of a capture file."""
    program = shutil.which("tshark")
    if program is None:
        return Dissection((), ABSENT)
    if path == "-":
        return Dissection((), "standard input cannot be read twice: no dissection")
    command = [program, "-n", "-r", path, "-c", str(frame), "-Y", f"frame.number == {frame}", "-V"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL)  # noqa: S603 (a fixed program, no shell)
    except subprocess.TimeoutExpired:
        return Dissection((), f"tshark took more than {_PATIENCE} s to get to the frame: no dissection")
    layers = _layers(done.stdout.decode(errors="replace"))
    if layers:
        return Dissection(layers, "")
    complaint = done.stderr.decode(errors="replace").strip().splitlines()
    return Dissection((), f"tshark cannot read it: {complaint[-1] if complaint else 'it printed nothing'}")


def _layers(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The text by layer: titles begin at the margin."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line and not line.startswith(" ") and not _DUMP.match(line):
            found.append((line, []))
        elif line.strip() and found:
            found[-1][1].append(line)
    return tuple((title, tuple(lines)) for title, lines in found)
