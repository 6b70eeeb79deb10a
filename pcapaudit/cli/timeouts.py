"""``pcapaudit timeouts``: what longer and shorter time-outs would have done to recorded traffic."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, document_options, engine_options

__all__ = ["TimeoutOptions", "timeouts"]


@dataclass(frozen=True, slots=True)
class TimeoutOptions:
    """What is looked at, and how it is told."""

    #: NAME=TIME[,TIME...] texts.
    grid: tuple[str, ...]
    #: ``text``, ``json``, ``markdown`` or ``html``.
    form: str
    #: No notes.
    quiet: bool
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool
    #: ``auto``, ``always`` or ``never``.
    color: str


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@click.option(
    "--grid", metavar="NAME=TIME,...", multiple=True, help="Time-outs to look at, such as udp.stream=60,90,5m. Default: the usual ones."
)
@document_options()
def timeouts(captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Show what other time-outs would have done, timer by timer.

    One replay measures how long every connection was silent; from that follows, for each time-out of a timer, which connections it breaks
    (the other side speaks after the entry has gone), which are merely opened again, the most entries at once, and how long entries
    sit idle. Then the capture is replayed as set, and with time-outs that break nothing, to prove it.

    Exit code: 0 no connection is broken as things are set, 1 some are, 2 the work could not be done.
    """
    from pcapaudit.cli.timing import run_timeouts

    broken = run_timeouts(captures, engine, TimeoutOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.FOUND if broken else Exit.CLEAN
