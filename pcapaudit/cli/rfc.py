"""``pcapaudit rfc``: what the standards ask of firewalls and NATs, and whether this one does it."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, document_options, engine_options

__all__ = ["RfcOptions", "rfc"]

#: Those of ``regress.standards.catalogue``, which --help must not import.
_NUMBERS = ("4787", "5382", "5508", "7857", "6092")


@dataclass(frozen=True, slots=True)
class RfcOptions:
    """What is audited, and how it is told."""

    #: Numbers of RFCs; empty for all.
    standard: tuple[str, ...]
    #: Verdicts that are shown; empty for all.
    only: tuple[str, ...]
    #: ``never``, ``must`` or ``should``.
    fail_on: str
    #: ``text``, ``json``, ``markdown`` or ``html``.
    form: str
    #: No progress, no notes, no report.
    quiet: bool
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool
    #: ``auto``, ``always`` or ``never``.
    color: str


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@engine_options
@click.option("--standard", type=click.Choice(_NUMBERS), multiple=True, help="Only this RFC; repeat for several.")
@click.option(
    "--only",
    type=click.Choice(["violated", "met", "not-exercised", "not-applicable"]),
    multiple=True,
    help="Show only requirements that came to this; repeat for several.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "must", "should"]),
    default="never",
    show_default=True,
    help="Exit code 1 if a requirement of this strength or above is violated.",
)
@document_options(silent=True)
def rfc(captures: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Hold ruleset and settings against what RFCs ask of NATs and firewalls.

    RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP) with their updates in 7857, and RFC 6092 (IPv6): each requirement met, violated, not exercised
    or not applicable, with its evidence. The evidence is told apart: packets of the capture, made-up packets that were put to the ruleset
    (probe), and settings as they are written.

    Exit code: 0 the audit is made, 1 a requirement is violated and --fail-on asks for it, 2 the work could not be done.
    """
    from pcapaudit.cli.standards import run_standards

    return Exit.FOUND if run_standards(captures, engine, RfcOptions(**options)) else Exit.CLEAN  # type: ignore[arg-type]  # click made the types
