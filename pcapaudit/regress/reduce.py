"""The fewest frames of a capture that still show something: delta debugging (Zeller, Hildebrandt, "Simplifying and isolating
failure-inducing input", 2002) over frames, from candidates that grow until they show it at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Reduced", "reduce_frames"]


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is left."""

    #: Numbers of the frames, ascending.
    frames: tuple[int, ...]
    #: Whether no single frame can be left out; False when the trials were used up before that was known.
    minimal: bool
    #: How often the frames were tried.
    trials: int


def reduce_frames(candidates: Iterable[Sequence[int]], shows: Callable[[Sequence[int]], bool], most_trials: int) -> Reduced | None:
    """Reduce the first of the candidates that ``shows`` it; None when none does.

    ``candidates``: ascending numbers of frames, the likeliest and smallest first. ``shows`` is called at most ``most_trials`` times.
    """
    for trials, each in enumerate(candidates, start=1):
        if trials > most_trials:
            return None
        if shows(each):
            return _shrink(list(each), shows, trials, most_trials)
    return None


def _shrink(frames: list[int], shows: Callable[[Sequence[int]], bool], trials: int, most_trials: int) -> Reduced:
    """Leave out parts, halves first, single frames last, until a whole round of single frames leaves nothing out."""
    size = max(1, len(frames) // 2)
    while True:
        left_out = False
        start = 0
        while start < len(frames) > size:
            if trials == most_trials:
                return Reduced(tuple(frames), False, trials)
            trials += 1
            rest = frames[:start] + frames[start + size :]
            if shows(rest):
                frames, left_out = rest, True
            else:
                start += size
        if size == 1 and not left_out:
            return Reduced(tuple(frames), True, trials)
        size = max(1, size // 2)
