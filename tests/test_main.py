"""``python -m pcapaudit`` is the command."""

from __future__ import annotations

from interpreter import pcapaudit_command

import pcapaudit


def test_module_runs_the_command():
    """The version comes out on stdout."""
    done = pcapaudit_command("--version")
    assert done.returncode == 0, done.stderr
    assert pcapaudit.__version__ in done.stdout
