"""The explain command: its arguments."""

from __future__ import annotations

import pytest
from checkout import ROOT
from click.testing import CliRunner
from interpreter import pcapaudit_command

from pcapaudit.cli import explaining
from pcapaudit.cli.explain import ExplainOptions
from pcapaudit.cli.main import cli
from pcapaudit.cli.options import FindingOptions

WEB = str(ROOT / "captures" / "web.pcap")


def options_of(monkeypatch, *arguments):
    """What reaches the work."""
    got = []
    monkeypatch.setattr(explaining, "run_explain", lambda *given: got.extend(given))
    CliRunner().invoke(cli, ["explain", *arguments], standalone_mode=False, catch_exceptions=False)
    return got


def test_frame(monkeypatch):
    """Defaults."""
    capture, engine, options = options_of(monkeypatch, "a.pcap", "7")
    assert (capture, engine.rules) == ("a.pcap", ())
    assert options == ExplainOptions(
        7, None, FindingOptions(), "layers", changes=True, everything=False, form="text", progress=True, color="auto"
    )


def test_flow(monkeypatch):
    """Its number or five-tuple, with the engine's options."""
    more = ("--rules", "f.nft", "--all", "--no-changes", "--format", "json", "--dissection", "none")
    _, engine, options = options_of(monkeypatch, "--flow", "10.0.0.5 > 192.0.2.1:443/tcp", "a.pcap", *more)
    assert (options.frame, options.flow, engine.rules) == (None, "10.0.0.5 > 192.0.2.1:443/tcp", ("f.nft",))
    assert (options.everything, options.changes, options.form, options.dissection) == (True, False, "json", "none")


@pytest.mark.parametrize("arguments", [(WEB,), (WEB, "1", "--flow", "1"), (WEB, "0"), (WEB, "x"), ()])
def test_wrong_arguments(arguments):
    """Exit code 2, and a hint."""
    done = pcapaudit_command("explain", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--help" in done.stderr
