"""``pcapaudit init``: write a first suite from captures."""

from __future__ import annotations

import click

from pcapaudit.api.options import EngineOptions
from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import engine_options

__all__ = ["init"]


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@click.option(
    "-o", "--output", metavar="FILE", help="The suite. Default: NAME.audit.yaml in the working directory, NAME as the first capture's."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def init(captures: tuple[str, ...], engine: EngineOptions, output: str | None, force: bool) -> int:
    """Write a first suite from captures: what is found today, as tests that pass.

    The options are those of audit; what is given is written into the suite. 'pcapaudit test' runs it.

    Exit code: 0 written, 2 the work could not be done.
    """
    from pcapaudit.cli.initing import run_init

    run_init(captures, engine, output, force)
    return Exit.CLEAN
