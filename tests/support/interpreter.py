"""Fresh interpreters that import the same pcapaudit as the tests do, wherever it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pcapaudit

#: Folder from which pcapaudit is imported.
HOME = Path(pcapaudit.__file__).parents[1]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, so that a child imports the same package; terminal width and colours fixed."""
    path = os.pathsep.join(each for each in (str(HOME), os.environ.get("PYTHONPATH", "")) if each)
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", **changes}


def python(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS``; ``changes`` are environment variables."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment(**changes), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def pcapaudit_command(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``pcapaudit ARGUMENTS``."""
    return python("-m", "pcapaudit", *arguments, **changes)
