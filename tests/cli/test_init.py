"""The options of ``pcapaudit init``."""

from __future__ import annotations

from pcapaudit.cli.main import run


def test_a_capture_is_needed(capsys):
    """A usage error."""
    assert run(["init"]) == 2
    assert "CAPTURE" in capsys.readouterr().err
