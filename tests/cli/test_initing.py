"""``pcapaudit init`` as a person runs it."""

from __future__ import annotations

from office import CAPTURE, RULES

from pcapaudit.cli.main import run


def test_written_suite_passes(tmp_path, monkeypatch, capsys):
    """In the working directory, named after the capture."""
    monkeypatch.chdir(tmp_path)
    assert run(["init", CAPTURE, "--rules", RULES]) == 0
    assert "wrote office.audit.yaml" in capsys.readouterr().err
    assert run(["test"]) == 0
    assert " passed" in capsys.readouterr().out


def test_nothing_is_overwritten(tmp_path, capsys):
    """Unless it is asked for."""
    path = tmp_path / "x.audit.yaml"
    path.write_text("mine")
    assert run(["init", CAPTURE, "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert run(["init", CAPTURE, "-o", str(path), "--force"]) == 0
    assert path.read_text() != "mine"


def test_standard_input_cannot_be_named(capsys):
    """A suite needs a file."""
    assert run(["init", "-"]) == 2
    assert "write what comes from standard input to a file" in capsys.readouterr().err
