"""``pcapaudit reduce``: the smallest capture that still shows a thing, fit to be shown to others."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, engine_options

__all__ = ["ReduceOptions", "reduce"]


@dataclass(frozen=True, slots=True)
class ReduceOptions:
    """What is kept, and how it is written."""

    #: What must still be shown; None for all frames.
    keep: str | None
    #: Ruleset files to compare with.
    against: tuple[str, ...]
    #: The file to write.
    output: str
    #: Whether addresses are replaced and payloads emptied.
    anonymize: bool
    #: Hexadecimal key of the substitutes; None for a random one.
    key: str | None
    #: Whether payloads stay as they are.
    keep_payload: bool
    #: Most runs of the engine.
    max_trials: int
    #: No notes.
    quiet: bool


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@click.option("--keep", metavar="WHAT", help="'frame N', 'flow N changes' or 'finding CODE'. Default: every frame stays.")
@click.option("--against", metavar="FILE", multiple=True, help="The other ruleset, for 'flow N changes'; 'default' is the built-in one.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The capture to write: pcapng, or pcap if it ends so.")
@click.option("--anonymize", is_flag=True, help="Replace addresses, keeping prefixes, and empty payloads.")
@click.option("--key", metavar="HEX", help="Key of the substitutes: the same key gives the same ones. Default: random.")
@click.option("--keep-payload", is_flag=True, help="With --anonymize: leave payloads as they are, whatever they hold.")
@click.option("--max-trials", type=click.IntRange(min=1), default=5000, show_default=True, metavar="N", help="Most runs of the engine.")
@click.option("-q", "--quiet", is_flag=True, help="No notes: only errors, the file and the exit code.")
def reduce(captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Write the smallest capture that still shows a verdict, a finding or a difference.

    Frames are left out as long as WHAT is still shown: what became of frame N (verdict, reason, ct state, the rule that decided); how two
    rulesets, --rules and --against, differ about flow N; a finding. Times stay as they are.

    --anonymize makes the capture fit to be shown to strangers. Addresses keep their prefixes, and stay inside or outside of every prefix
    that the rules and the topology name; payloads become zeroes; checksums stay as right or wrong as they were. It is proven by a
    run over the result: every frame has the verdict, the rule and the states that it had.

    Exit code: 0 written, 2 the work could not be done.
    """
    from pcapaudit.cli.reducing import run_reduce

    run_reduce(captures, engine, ReduceOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.CLEAN
