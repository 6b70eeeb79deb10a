"""What a run can be told is the same for commands and library."""

from __future__ import annotations

from dataclasses import fields

import click

from pcapaudit.api.library import Options
from pcapaudit.api.options import EngineOptions, FindingOptions
from pcapaudit.cli.options import engine_options


def test_library_has_every_option():
    """A new option of the engine is a keyword, too."""
    assert {each.name for kind in (EngineOptions, FindingOptions) for each in fields(kind)} == set(Options.__annotations__)


def test_defaults_are_those_of_the_command():
    """A run without options is the same run."""
    seen = []

    @click.command()
    @engine_options
    def probe(engine):
        seen.append(engine)

    probe.main([], standalone_mode=False)
    assert seen == [EngineOptions()]
