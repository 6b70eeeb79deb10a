"""The engine's options as a command line gives them."""

from __future__ import annotations

import click

from pcapaudit.cli.options import EngineOptions, engine_options


def engine_defaults(*words: str) -> EngineOptions:
    """What a command takes from these words: ``engine_defaults("--seed", "1")``."""
    taken: list[EngineOptions] = []

    @click.command()
    @engine_options
    def probe(engine: EngineOptions) -> None:
        taken.append(engine)

    probe.main(list(words), standalone_mode=False)
    return taken[0]
