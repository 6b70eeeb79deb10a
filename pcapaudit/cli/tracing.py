"""Frames that are traced: the option, what is said about frames that there are not, and the phases on stdout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from pcapaudit.replay.trace import Tracer

__all__ = ["MAX_TRACED", "missing_frames", "parse_frames", "render_traces", "trace_option"]

#: Frames of one run that can be traced: each is held until the end.
MAX_TRACED = 1000
_MAX_DIGITS = 18

Function = Callable[..., Any]


def parse_frames(text: str) -> tuple[int, ...]:
    """``7`` or ``7,9,12-15``: numbers of frames. Raises BadParameter."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        bounds = (first, last if dash else first)
        if not all(each.isascii() and each.isdigit() and len(each) <= _MAX_DIGITS and int(each) for each in bounds):
            raise click.BadParameter(f"{text!r}: expected frame numbers from 1 on, such as 7 or 7,9,12-15.")
        low, high = int(bounds[0]), int(bounds[1])
        if high < low or len(found) + high - low >= MAX_TRACED:
            why = "runs backwards" if high < low else f"names more than {MAX_TRACED} frames"
            raise click.BadParameter(f"{text!r}: {part.strip()} {why}.")
        found.extend(range(low, high + 1))
    return tuple(found)


def trace_option(function: Function) -> Function:
    """Give a command the option ``--trace``; its function gets the frames as ``trace``."""
    text = "Trace these frames: what decided each, step by step; shown behind the summary, or in trace.json with -o."
    read = lambda _ctx, _param, value: parse_frames(value) if value is not None else ()  # noqa: E731  # click's way, with its arguments
    option: Function = click.option("--trace", callback=read, metavar="N[,M...]", help=text)(function)
    return option


def missing_frames(tracer: Tracer, frames: int) -> str:
    """What is to be said when some traced frames did not come by; empty if all did."""
    missing = [each for each in tracer.frames if each > frames]
    if not missing:
        return ""
    shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    return f"--trace {shown}: the capture has {frames} frames"


def render_traces(records: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the phases of every traced frame."""
    from pcapaudit.report.phases import render_phases

    for record in records:
        console.print()
        render_phases(record, console)
