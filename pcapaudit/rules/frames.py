"""The frames of jumps: where to go on, and which worlds (``evaluate``) wait there or came back early. Compiled.

A frame is eight words: slot to go on at, its chain, worlds waiting there, worlds that came back early, the rules at which these two parted
from the main world, 1 for a goto, spare. ``top`` is the place of the innermost one; the frame at 0 is the base chain's.
"""

from __future__ import annotations

from array import array

import cython

if not cython.compiled:
    from pcapaudit.rules.ops import FRAME_WORDS, MAX_FRAMES

__all__ = ["Frames"]


class Frames:
    """The frames of one walk. ``parted_at`` is where the other worlds that ``pop`` let go on had parted from the main one."""

    def __init__(self) -> None:
        self.words = memoryview(array("I", bytes(4 * FRAME_WORDS * (MAX_FRAMES + 1))))
        self.parted_at = 0

    def push(self, top, slot, chain, waiting, parted_at, is_goto):
        """Remember where to go on after a jump, and the worlds that do not take it; returns the new top."""
        top += FRAME_WORDS
        self.words[top] = slot
        self.words[top + 1] = chain
        self.words[top + 2] = waiting
        self.words[top + 3] = 0
        self.words[top + 4] = parted_at
        self.words[top + 6] = is_goto
        return top

    def pop(self, top):
        """The worlds that go on behind the jump of a frame. Those that come back from a goto belong to the frame below."""
        back = self.words[top + 3]
        world = self.words[top + 2]
        self.parted_at = self.words[top + 4]
        if self.words[top + 6]:
            self.come_back(top - FRAME_WORDS, back, self.words[top + 5])
        elif back > world:
            world = back
            self.parted_at = self.words[top + 5]
        return world

    def come_back(self, top, worlds, parted_at):
        """Worlds that leave the chain of the frame at ``top`` without a verdict."""
        if worlds > self.words[top + 3]:
            self.words[top + 3] = worlds
            self.words[top + 5] = parted_at
