"""The command itself: help, version, usage."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner
from interpreter import pcapaudit_command, python

import pcapaudit
from pcapaudit.cli import main as module
from pcapaudit.cli.exits import Exit


def test_help_loads_nothing_heavy():
    """What takes longer than all of --help: NumPy, rich, lark, and whatever needs them."""
    script = (
        "import sys; from pcapaudit.cli.main import run; run(['--help']); run(['audit', '--help']);"
        "print(sorted({'numpy', 'rich', 'lark', 'dpkt', 'pyarrow', 'cython'} & set(sys.modules)), file=sys.stderr)"
    )
    done = python("-c", script)
    assert done.stderr.strip() == "[]"
    assert "audit" in done.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_clean(option):
    """Exit code 0, nothing on stderr."""
    done = pcapaudit_command(option)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_says_which_core_runs():
    """Version, core, Python; a pure run says what that costs."""
    done = pcapaudit_command("--version", PCAPAUDIT_BUILD="pure")
    assert done.stdout.startswith(f"pcapaudit {pcapaudit.__version__}\ncore: pure Python: same results, some hundred times slower")
    assert re.search(r"^Python 3\.\d+\.\d+", done.stdout, re.M)


@pytest.mark.parametrize(
    ("state", "text"),
    [("compiled", "compiled (2 modules)"), ("mixed", "partly compiled; as Python: pcapaudit.a")],
)
def test_version_of_other_builds(state, text, monkeypatch):
    """Compiled, and the state that a careless checkout is in."""
    from pcapaudit import builds

    monkeypatch.setattr(builds, "core_in_use", lambda: state)
    monkeypatch.setattr(builds, "hot_modules", lambda: ["pcapaudit.a", "pcapaudit.b"])
    monkeypatch.setattr(builds, "uncompiled", lambda: ["pcapaudit.a"])
    assert f"core: {text}\n" in CliRunner().invoke(module.cli, ["--version"]).output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["audit"], "pcapaudit audit: Missing argument 'CAPTURE...'. Try 'pcapaudit audit --help'.\n"),
        (["--bogus"], "pcapaudit: No such option '--bogus'. Try 'pcapaudit --help'.\n"),
        (["nonsense"], "pcapaudit: No such command 'nonsense'. Try 'pcapaudit --help'.\n"),
        (["audit", "x", "--seed", "a"], "'a' is not a valid integer range. Try 'pcapaudit audit --help'.\n"),
    ],
)
def test_usage_error_is_one_line(arguments, line, capsys):
    """What is wrong and where to look; exit code 2."""
    assert module.run(arguments) == Exit.FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(line)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (RuntimeError("x"), Exit.FAILED),
        (click.FileError("x"), Exit.FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_command_raises_has_its_code(error, code, monkeypatch, capsys):
    """Click's own exit code 1 never comes out: here it means findings."""

    @click.command()
    def failing():
        raise error

    monkeypatch.setitem(module.cli.commands, "failing", failing)
    assert module.run(["failing"]) == code
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_traceback_on_request(monkeypatch):
    """For whoever reports the bug."""

    @click.command()
    def failing():
        raise RuntimeError("x")

    monkeypatch.setitem(module.cli.commands, "failing", failing)
    monkeypatch.setenv("PCAPAUDIT_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        module.run(["failing"])


def test_main_ends_the_process_with_the_code(monkeypatch):
    """What the console script calls."""
    monkeypatch.setattr("sys.argv", ["pcapaudit", "--bogus"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == Exit.FAILED
