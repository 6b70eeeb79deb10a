"""Fresh interpreters that import the same pcapaudit as the tests do, wherever it is installed (``conftest.py`` sees to it)."""

from __future__ import annotations

import os
import subprocess
import sys


def python(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS``; ``changes`` are environment variables. Terminal width and colours are fixed."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", **changes}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def pcapaudit_command(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``pcapaudit ARGUMENTS``."""
    return python("-m", "pcapaudit", *arguments, **changes)
