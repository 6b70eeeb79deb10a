"""The options of ``pcapaudit test``."""

from __future__ import annotations

from pcapaudit.cli.main import run


def test_nothing_there(tmp_path, capsys):
    """Exit code 2, and what to do."""
    assert run(["test", str(tmp_path)]) == 2
    assert "pcapaudit init" in capsys.readouterr().err


def test_unknown_format(capsys):
    """A usage error."""
    assert run(["test", "--format", "xml"]) == 2
    assert "concise" in capsys.readouterr().err
