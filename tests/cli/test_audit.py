"""The audit command: its options, and how it ends."""

from __future__ import annotations

from types import SimpleNamespace

import click
import pytest
from checkout import ROOT
from click.testing import CliRunner
from interpreter import pcapaudit_command

from pcapaudit.cli import auditing
from pcapaudit.cli.audit import SEVERITY_CHOICES, AuditOptions, audit
from pcapaudit.cli.exits import Exit
from pcapaudit.cli.main import cli
from pcapaudit.cli.options import CoverageOptions, FindingOptions
from pcapaudit.report.summary import SEVERITIES

OFFICE = str(ROOT / "captures" / "office.pcapng")  # holds findings of several severities
WEB = str(ROOT / "captures" / "web.pcap")  # nothing is found


def options_of(monkeypatch, *arguments, severities=(), uncovered=False):
    """(captures, EngineOptions, AuditOptions) that reach the work, and the code; the work finds these severities, or rules not reached."""
    got = []

    def work(captures, engine, options):
        got.extend((captures, engine, options))
        return SimpleNamespace(violations=[SimpleNamespace(severity=each) for each in severities]), uncovered

    monkeypatch.setattr(auditing, "run_audit", work)
    done = CliRunner().invoke(cli, ["audit", *arguments], standalone_mode=False, catch_exceptions=False)
    return (*got, done.return_value)


def test_defaults(monkeypatch):
    """Nothing but a capture given."""
    captures, engine, options, code = options_of(monkeypatch, "a.pcap")
    assert captures == ("a.pcap",)
    assert (engine.rules, engine.seed, engine.strict) == ((), None, False)
    assert options == AuditOptions(
        None, (), "text", (), FindingOptions(), CoverageOptions(), "low", quiet=False, progress=True, color="auto"
    )
    assert code == Exit.CLEAN


def test_given_values(monkeypatch):
    """Each option reaches its field; several captures and formats keep their order."""
    captures, engine, options, _ = options_of(
        monkeypatch,
        *("b.pcap", "a.pcap", "-o", "out", "--format", "parquet", "--format", "csv", "--summary", "json", "--fail-on", "high", "-q"),
        *("--no-progress", "--color", "never", "--rules", "x.nft", "--seed", "7"),
        *("--select", "tcp", "--ignore", "land", "--ignore", "syn-flood", "--config", "x.toml"),
        *("--coverage", "lcov=x.info", "--fail-under", "90", "--trace", "3,5"),
    )
    assert captures == ("b.pcap", "a.pcap")
    assert (engine.rules, engine.seed) == (("x.nft",), 7)
    assert options == AuditOptions(
        "out",
        ("parquet", "csv"),
        "json",
        (),
        FindingOptions(("tcp",), ("land", "syn-flood"), "x.toml"),
        CoverageOptions(("lcov=x.info",), 90.0),
        "high",
        quiet=True,
        progress=False,
        color="never",
        trace=(3, 5),
    )


def test_rules_not_reached_fail_the_run(monkeypatch):
    """Whatever was found."""
    *_, code = options_of(monkeypatch, "a.pcap", "--fail-on", "never", uncovered=True)
    assert code == Exit.FOUND


@pytest.mark.parametrize("fail_on", SEVERITY_CHOICES)
@pytest.mark.parametrize("found", SEVERITIES)
def test_findings_fail_the_run(monkeypatch, found, fail_on):
    """At least as severe as --fail-on, of several the worst counts; ``never`` never fails."""
    expected = fail_on != "never" and SEVERITIES.index(found) <= SEVERITIES.index(fail_on)
    *_, code = options_of(monkeypatch, "a.pcap", "--fail-on", fail_on, severities=["info", found])
    assert code == (Exit.FOUND if expected or fail_on == "info" else Exit.CLEAN)


def test_choices_are_the_severities():
    """And ``never``."""
    assert (*SEVERITIES, "never") == SEVERITY_CHOICES


@pytest.mark.parametrize(
    "arguments",
    [[], ["x", "--format", "xml"], ["x", "--fail-on", "bad"], ["x", "--seed", "-1"], ["x", "--mode", "y"], ["x", "--reorder-window", "-1"]],
    ids=lambda value: " ".join(value) or "nothing",
)
def test_usage_errors(arguments):
    """Are found before any work is done."""
    with pytest.raises(click.UsageError):
        CliRunner().invoke(audit, arguments, standalone_mode=False, catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([WEB], 0, ""),
        ([OFFICE], 1, ""),
        ([OFFICE, "--fail-on", "never"], 0, ""),
        ([WEB, OFFICE], 1, ""),
        (["no-such.pcap"], 2, "no-such.pcap: "),
        ([str(ROOT / "README.md")], 2, "README.md: "),
        ([WEB, "--rules", "no-such.nft"], 2, "no-such.nft: "),
        ([WEB, "--own", "x"], 2, "--own x: "),
        ([str(ROOT / "captures" / "cut-off.pcap")], 0, ""),
        ([str(ROOT / "captures" / "cut-off.pcap"), "--strict"], 2, "cut-off.pcap: "),
    ],
    ids=lambda value: " ".join(each.rpartition("/")[2] for each in value) if isinstance(value, list) else None,
)
def test_exit_codes_of_the_command(arguments, code, message):
    """0 nothing found, 1 findings, 2 could not be done: then one line on stderr and nothing on stdout."""
    done = pcapaudit_command("audit", "-q", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (code == Exit.FAILED)
