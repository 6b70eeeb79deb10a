"""``pcapaudit explain``: everything about one packet, or the whole story of a flow."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pcapaudit.cli.options import EngineOptions, FindingOptions, engine_options, finding_options

__all__ = ["ExplainOptions", "explain"]


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What is explained, and how it is told."""

    #: Frame, counted through the whole run from 1; None for a flow.
    frame: int | None
    #: A flow's number or its five-tuple; None for a frame.
    flow: str | None
    #: Which findings are reported.
    findings: FindingOptions
    #: ``layers``, ``full`` or ``none``.
    dissection: str
    #: Whether single changes are tried.
    changes: bool
    #: Nothing is left out: rules that did not match, packets in the middle of a flow.
    everything: bool
    #: ``text`` or ``json``.
    form: str
    #: Whether a progress bar is wanted (it appears on a terminal only).
    progress: bool
    #: ``auto``, ``always`` or ``never``.
    color: str


@click.command()
@click.argument("capture", metavar="CAPTURE")
@click.argument("frame", metavar="[FRAME]", type=click.IntRange(min=1), required=False)
@click.option("--flow", metavar="ID", help="A flow in place of a frame: its number, or '10.0.0.5:4000 > 192.0.2.1:443/tcp'.")
@engine_options
@finding_options
@click.option(
    "--dissection",
    type=click.Choice(["layers", "full", "none"]),
    default="layers",
    show_default=True,
    help="How much of tshark's dissection is shown.",
)
@click.option("--changes/--no-changes", default=True, show_default=True, help="Try what one change of rules or settings would do.")
@click.option("--all", "everything", is_flag=True, help="Leave nothing out: every rule, every packet of a flow.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form on stdout.")
@click.option("--no-progress", "progress", flag_value=False, default=True, help="No progress bar.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour on stdout.")
def explain(capture: str, engine: EngineOptions, **options: object) -> None:
    """Explain what was done to one packet and why, or tell a flow's story.

    FRAME is its number, from 1, as in verdicts.csv. Shown are its way through conntrack and rules in phases, the connection before and
    after it, tshark's dissection, the findings that name it, and what one change would alter, each change really tried.

    With --flow ID instead, a flow's whole story as a ladder: who sent what when, the states, what was refused, pauses and time-outs.

    Exit code: 0, or 2 when the work could not be done.
    """
    from pcapaudit.cli.explaining import run_explain

    wanted = ExplainOptions(**options)  # type: ignore[arg-type]  # click made the types
    if (wanted.frame is None) == (wanted.flow is None):
        raise click.UsageError("expected a FRAME or --flow ID, one of them: 'explain CAPTURE 7', 'explain --flow 3 CAPTURE'.")
    run_explain(capture, engine, wanted)
