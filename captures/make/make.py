"""Make the captures of this folder again: ``python captures/make/make.py [NAME...]``, all of them without a name.

The synthesized captures need dpkt and nothing else. The captures of real programs need root, the programs that INDEX.md lists,
and a kernel with network namespaces, netem and what the script uses; with ``--kernel`` they run in a User Mode Linux guest in
virtual time (``lab_kernel.sh`` builds it), without it on the running kernel and in real time, which for some means days.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import sys
from pathlib import Path

import guest
from netlab import Lab
from stage import SCRIPTS
from synthesized import CAPTURES

FOLDER = Path(__file__).resolve().parent.parent

#: File name → the capture that it compresses.
DERIVED = {"web.pcap.gz": "web.pcap"}

#: Importing these registers their scripts.
for module in ("live_programs", "live_helpers", "live_paths", "live_tcp", "live_attacks", "live_firewall", "office"):
    importlib.import_module(module)


def synthesize(names: list[str], output: Path) -> None:
    """Write synthesized captures and say which bytes changed."""
    for name in names:
        path, data = output / name, CAPTURES[name]()
        same = path.exists() and path.read_bytes() == data
        path.write_bytes(data)
        print(f"{name}: {len(data)} bytes{', as before' if same else ''}")


def record(scripts: list[str], output: Path, kernel: Path | None) -> None:
    """Run scripts of real programs, each in a guest of its own when there is a ``kernel``."""
    for script in scripts:
        files, run = SCRIPTS[script]
        if kernel:
            guest.boot(kernel, [sys.executable, str(Path(__file__).resolve()), "-o", str(output), script])
        else:
            with Lab(output) as lab:
                run(lab)
        for file in files:
            (output / file).chmod(0o644)
            print(f"{file}: {(output / file).stat().st_size} bytes")


def derive(names: list[str], output: Path) -> None:
    """Write the captures that are another capture in another form."""
    for name in names:
        data = gzip.compress((output / DERIVED[name]).read_bytes(), mtime=0)
        (output / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="file names, or names of scripts in live.py; all when none is given")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="folder to write to")
    parser.add_argument("--kernel", type=Path, help="User Mode Linux kernel for the captures of real programs")
    arguments = parser.parse_args()
    makers = {file: script for script, (files, _) in SCRIPTS.items() for file in files} | {script: script for script in SCRIPTS}
    names = arguments.names or [*CAPTURES, *SCRIPTS, *DERIVED]
    if unknown := [name for name in names if name not in {*CAPTURES, *makers, *DERIVED}]:
        parser.error(f"no such capture: {', '.join(unknown)}; there are {', '.join([*CAPTURES, *makers, *DERIVED])}")
    synthesize([name for name in names if name in CAPTURES], arguments.output.resolve())
    scripts = dict.fromkeys(makers[name] for name in names if name in makers)
    record(list(scripts), arguments.output.resolve(), arguments.kernel)
    derive([name for name in names if name in DERIVED], arguments.output.resolve())


if __name__ == "__main__":
    main()
