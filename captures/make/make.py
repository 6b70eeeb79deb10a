"""Make the captures of this folder again: ``python captures/make/make.py [NAME...]``, all synthesized ones without a name.

Needs dpkt. Writes beside this folder and says what changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from synthesized import CAPTURES

FOLDER = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write the captures named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="file names; all when none is given")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="folder to write to")
    arguments = parser.parse_args()
    for name in arguments.names or CAPTURES:
        path = arguments.output / name
        data = CAPTURES[name]()
        same = path.exists() and path.read_bytes() == data
        path.write_bytes(data)
        print(f"{name}: {len(data)} bytes{', as before' if same else ''}")


if __name__ == "__main__":
    main()
