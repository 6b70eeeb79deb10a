"""``pcapaudit verify``: the engine against this machine's own kernel, on a capture."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, engine_options_but

__all__ = ["VerifyOptions", "verify"]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How a comparison is made and told."""

    #: ``forward`` or ``input``: the chains that judge.
    hook: str
    #: Whether packets wait for each other as in the capture.
    realtime: bool
    #: Most packets that are shown.
    max_shown: int
    #: ``text`` or ``json``.
    form: str
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options_but(own=(), path="auto", mode="what-if", profile="linux", kernel=None, helper=(), helpers="rules", helper_param=())
@click.option("--hook", type=click.Choice(["forward", "input"]), default="forward", show_default=True, help="Chains that judge.")
@click.option("--realtime", is_flag=True, help="Wait between packets as the capture did. Default: all at once.")
@click.option("--max-shown", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="Most packets to show.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the report.")
@click.option("--no-progress", "progress", flag_value=False, default=True, help="No progress bar.")
def verify(captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Compare the engine with this machine's kernel, packet by packet.

    Replays the captures through Linux's own conntrack and nftables, in a network namespace that vanishes with the command, and shows where
    engine and kernel differ. Needs Linux, root, and the programs ip and nft; the host's own rules and traffic are not touched.

    Exit code: 0 no difference, 1 differences, 2 the work could not be done.
    """
    from pcapaudit.cli.verifying import run_verify

    report = run_verify(captures, engine, VerifyOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.FOUND if report.different else Exit.CLEAN
