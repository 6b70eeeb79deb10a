"""Reports on stdout, notes on stderr: with colour and as wide as a terminal allows, elsewhere plain text, the same bytes each time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from pcapaudit.report.terminal import PLAIN_WIDTH

if TYPE_CHECKING:
    from pcapaudit.replay.topology import Topology

__all__ = ["note", "plain_text", "print_report", "tell_place"]


def print_report(render: Callable[[Console], None], color: str) -> None:
    """Print what ``render`` draws; ``color`` is ``auto``, ``always`` or ``never``."""
    if color == "always" or (color == "auto" and sys.stdout.isatty()):
        render(Console(highlight=False, force_terminal=True if color == "always" else None, soft_wrap=False))
        return
    sys.stdout.write(plain_text(render, Console().width if sys.stdout.isatty() else PLAIN_WIDTH))


def plain_text(render: Callable[[Console], None], width: int = PLAIN_WIDTH) -> str:
    """What ``render`` draws without colours, whatever the environment says, and without blanks at the ends of lines."""
    text = io.StringIO()
    render(Console(file=text, width=width, color_system=None, force_terminal=False, highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def note(text: str) -> None:
    """A line for the person, beside the results."""
    sys.stderr.write(f"pcapaudit: {text}\n")


def tell_place(topology: Topology, lead: str = "") -> None:
    """A note on what was concluded from the first frames, if anything hangs on it, for commands whose report does not say it."""
    if topology.place == "unknown":
        note(f"{lead}not known where this was captured: {topology.evidence}; say --own, --path or --topology")
    elif topology.place:
        note(f"{lead}where this was captured is inferred: {topology.evidence}; --own, --path or --topology say otherwise")
    if topology.captured_evidence:
        note(f"{lead}captured on the link of {topology.captured}, inferred: {topology.captured_evidence}; --captured says otherwise")
