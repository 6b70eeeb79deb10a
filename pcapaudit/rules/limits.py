"""Limits and quotas of rules: token buckets and byte counts, as the kernel keeps them. Compiled.

A limit loses tokens to packets of the main world (``evaluate``) alone. Where only other worlds meet it, the bucket might hold less than we
know: until it has been left alone long enough to be full in any world, its answers are unknown. A quota that other worlds used
stays unknown.
"""

from __future__ import annotations

from array import array

import cython

from pcapaudit.rules.compile import Program

if not cython.compiled:
    from pcapaudit.rules.ops import LIMIT_BYTES, LIMIT_OVER, NO, UNKNOWN, YES

__all__ = ["Limits"]


class Limits:
    """The buckets and counts of one run of a program; ``at`` is where one begins, as its rule's instruction says."""

    def __init__(self, program: Program) -> None:
        self.limits = memoryview(array("q", [*program.limits, 0]))
        self.quotas = memoryview(array("q", [*program.quotas, 0]))

    def take(self, now, at, size, is_main):
        """Take tokens for the packet, as nft_limit does: a token is a nanosecond, and they flow in with time."""
        last = self.limits[at + 1]
        largest = self.limits[at + 2]
        tokens = self.limits[at] if last < 0 else self.limits[at] + (now - last if now > last else 0)
        self.limits[at + 1] = now
        if tokens >= largest:
            tokens = largest
            if last >= 0 and now - last >= largest:
                self.limits[at + 7] = 0
        if not is_main:
            # In some other world this packet takes tokens: they count from here on as unsure.
            self.limits[at] = tokens
            self.limits[at + 7] = 1
            return UNKNOWN
        cost = self.limits[at + 3]
        if self.limits[at + 6] & LIMIT_BYTES:
            cost = self.limits[at + 4] * size // self.limits[at + 5]
        over = 1 if self.limits[at + 6] & LIMIT_OVER else 0
        answer = over
        if tokens >= cost:
            tokens -= cost
            answer = 1 - over
        self.limits[at] = tokens
        return UNKNOWN if self.limits[at + 7] else answer

    def use(self, at, size, is_main):
        """Use bytes up, as nft_quota does."""
        if not is_main:
            self.quotas[at + 3] = 1
            return UNKNOWN
        self.quotas[at] += size
        over = 1 if self.quotas[at] > self.quotas[at + 1] else 0
        if self.quotas[at + 3]:
            return UNKNOWN
        return YES if over == self.quotas[at + 2] else NO
