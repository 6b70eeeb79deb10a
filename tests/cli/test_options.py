"""Shared options arrive as one value."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from pcapaudit.cli.options import EngineOptions, FindingOptions, document_options, engine_options, engine_options_but, finding_options


def options_of(*arguments):
    """What a command with the options gets."""
    got = []

    @click.command()
    @engine_options
    @click.option("--other")
    def command(engine, other):
        got.append((engine, other))

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return got[0]


def test_defaults():
    """Nothing given."""
    engine, other = options_of()
    assert engine == EngineOptions(
        rules=(),
        local=(),
        zone=(),
        own=(),
        path="auto",
        profile="linux",
        kernel=None,
        sysctl_file=None,
        timeout=(),
        sysctl=(),
        checksum="auto",
        mode="what-if",
        seed=None,
        reorder_window=0.0,
        strict=False,
        topology=None,
        ct_zone="none",
    )
    assert other is None


def test_given_values():
    """Each option reaches its field; the command's own stay apart."""
    engine, other = options_of(
        *(
            "--rules",
            "x.nft",
            "--rules",
            "y",
            "--local",
            "10.0.0.0/8",
            "--local",
            "192.168.0.0/16",
            "--zone",
            "a=b:any",
            "--own",
            "10.0.0.1",
        ),
        *("--path", "input", "--timeout", "icmp=1s", "--sysctl", "a=0", "--checksum", "verify", "--mode", "observed", "--seed", "7"),
        *("--reorder-window", "0.5", "--strict", "--topology", "t.toml", "--ct-zone", "vlan", "--other", "o"),
    )
    assert (engine.rules, engine.local, engine.zone, engine.own) == (
        ("x.nft", "y"),
        ("10.0.0.0/8", "192.168.0.0/16"),
        ("a=b:any",),
        ("10.0.0.1",),
    )
    assert (engine.path, engine.timeout, engine.sysctl, engine.checksum) == ("input", ("icmp=1s",), ("a=0",), "verify")
    assert (engine.topology, engine.ct_zone) == ("t.toml", "vlan")
    assert (engine.mode, engine.seed, engine.reorder_window, engine.strict, other) == ("observed", 7, 0.5, True, "o")


def test_every_field_has_its_option():
    """A new field needs an option, and the other way round."""

    @click.command()
    @engine_options
    def command(engine):
        """Nothing."""

    assert {param.name for param in command.params} == {field.name for field in fields(EngineOptions)}


def test_options_that_are_fixed_are_not_offered():
    """Their values are the command's."""
    got = []

    @click.command()
    @engine_options_but(own=("192.0.2.1",), mode="observed")
    def command(engine):
        got.append(engine)

    assert CliRunner().invoke(command, ["--path", "input"]).exit_code == 0
    assert (got[0].own, got[0].mode, got[0].path) == (("192.0.2.1",), "observed", "input")
    assert CliRunner().invoke(command, ["--own", "192.0.2.2"]).exit_code == 2


def test_finding_options_reach_their_fields():
    """Repeated ones keep their order."""
    got = []

    @click.command()
    @finding_options
    def command(findings):
        got.append(findings)

    assert CliRunner().invoke(command, ["--select", "tcp,land", "--ignore", "a", "--ignore", "b", "--config", "c"]).exit_code == 0
    assert got == [FindingOptions(("tcp,land",), ("a", "b"), "c")]


@pytest.mark.parametrize(("silent", "said"), [(False, "only the report"), (True, "no report")])
def test_document_options(silent, said):
    """In the order of the help text; --quiet says what it leaves."""
    command = click.command()(document_options(silent=silent)(lambda **_: None))
    assert [param.name for param in command.params] == ["form", "quiet", "progress", "color"]
    assert said in command.params[1].help
