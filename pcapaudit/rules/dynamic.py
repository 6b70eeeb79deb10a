"""Sets that packets write to: ``add``, ``update`` and ``delete`` in rules, meters, elements that live for a time. Compiled.

Every set is a hash table with chains, in one block of 64-bit words that is reserved at the start: a set has a largest number of
elements, as in the kernel. An element whose time is over is not found any more; it is taken out when a search meets it, or when the
set is full, at most once a second, which is how often the kernel sweeps.

An element's words: number of the next element in its chain, when it ends (ns; 0 for never), tokens or bytes used of its limit or quota,
when that was last looked at, the update (plus 1) that says what its statement is, then its key, two words a part. Element 0 is none.
The list of an element that counts connections is with ``counts``, under the place of the element's words.

What other worlds (see ``evaluate``) would have written, this one does not know: a set that only other worlds wrote to is tainted, and
from then on every answer about it is unknown.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pcapaudit.rules.compile import Program
from pcapaudit.rules.counts import ConnectionCounts

if not cython.compiled:
    from pcapaudit.rules.ops import (
        ELEMENT_HEAD,
        LIMIT_BYTES,
        LIMIT_OVER,
        MAX_PARTS,
        NO,
        NS_PER_SWEEP,
        SET_BUCKETS,
        SET_COUNT,
        SET_ELEMENTS,
        SET_FREE,
        SET_HEADS,
        SET_PARTS,
        SET_SIZE,
        SET_SWEPT,
        SET_TAINTED,
        SET_TIMEOUT,
        SET_WORDS,
        UNKNOWN,
        UPDATE_COUNT,
        UPDATE_DELETE,
        UPDATE_KIND,
        UPDATE_LIMIT,
        UPDATE_OP,
        UPDATE_QUOTA,
        UPDATE_SET,
        UPDATE_TIMEOUT,
        UPDATE_UPDATE,
        YES,
    )

__all__ = ["DynamicSets"]

_ALL_BITS = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)


class DynamicSets:
    """The sets of a program while it runs. ``parts`` holds the key that is asked for; the caller fills it."""

    def __init__(self, program: Program, counts: ConnectionCounts) -> None:
        self.counts = counts
        words = 0
        heads = 0
        table = np.zeros(SET_WORDS * (len(program.dynamic_sets) + 1), np.int64)
        for number, each in enumerate(program.dynamic_sets):
            buckets = 1 << max(4, (each.size - 1).bit_length())
            at = SET_WORDS * number
            table[at + SET_HEADS], table[at + SET_BUCKETS] = heads, buckets
            table[at + SET_ELEMENTS], table[at + SET_PARTS] = words, each.parts
            table[at + SET_SIZE], table[at + SET_TIMEOUT] = each.size, each.timeout_ns
            heads += buckets
            words += (each.size + 1) * (ELEMENT_HEAD + 2 * each.parts)
        elements: Any = np.zeros(words + 1, np.uint64)
        starts: Any = np.zeros(heads + 1, np.uint32)
        self.sets = memoryview(table)
        self.elements = memoryview(elements)
        self.heads = memoryview(starts)
        self.updates = memoryview(np.array([*program.updates, 0], np.int64))
        self.parts = memoryview(np.zeros(2 * MAX_PARTS, np.uint64))
        # Of each element that the ruleset lists: set, 1, lifetime, key.
        listed = [word for number, each in enumerate(program.dynamic_sets) for key, ns in each.elements for word in (number, 1, ns, *key)]
        self.own = memoryview(np.array([*(each.update for each in program.dynamic_sets), 0], np.uint64))
        self.listed = memoryview(np.array([*listed, 0, 0], np.uint64))
        #: These elements are in.
        self.started = 0 if listed else 1
        self.found_bucket = 0

    def start(self, now):
        """Put in the elements that the ruleset lists, when the first packet comes."""
        self.started = 1
        at = 0
        while self.listed[at + 1]:
            number = self.listed[at]
            words = 2 * self.sets[number * SET_WORDS + SET_PARTS]
            index = 0
            while index < words:
                self.parts[index] = self.listed[at + 3 + index]
                index += 1
            found = self.find(number * SET_WORDS, now)
            made = self._insert(number * SET_WORDS, found, now, self.listed[at + 2])
            if made:
                place = self._place(number * SET_WORDS, made)
                self.elements[place + 4] = self.own[number]
                if found == 0:
                    self._begin(place, now)
            at += 3 + words
        return 0

    def holds(self, matcher, pc, i, now, is_main):
        """Answer of the LOOKUP at ``pc``: whether a set holds the parts that the matcher read."""
        count = matcher.code[pc + 1]
        found = matcher.parts_known(count)
        if found != YES:
            return found
        self._take(matcher, count)
        answer = self.look_up(matcher, matcher.code[pc + 3], i, now, is_main)
        return 1 - answer if matcher.code[pc + 2] and answer < UNKNOWN else answer

    def write(self, matcher, which, i, now, is_main):
        """Answer of an ``add``, ``update`` or ``delete`` of the parts that the matcher read; with an unknown part, other worlds do it."""
        count = self.key_parts(which)
        found = matcher.parts_known(count)
        if found == NO:
            return NO
        self._take(matcher, count)
        return self.update(matcher, which, i, now, found == YES and is_main)

    def _take(self, matcher, count):
        """The parts that the matcher read become the key."""
        part = 0
        while part < 2 * count:
            self.parts[part] = matcher.parts[part]
            part += 1

    def key_parts(self, which):
        """Parts of the key that an update writes."""
        return self.sets[self.updates[which + UPDATE_SET] * SET_WORDS + SET_PARTS]

    # Looking up -------------------------------------------------------------------------------------------------------------------

    def look_up(self, matcher, number, i, now, is_main):
        """Whether the set holds ``parts``. An element that holds a statement of its own is asked too, as the kernel does.

        An element that counts connections and has none is thrown away by the kernel within a second: whether it was, nobody knows.
        """
        at = number * SET_WORDS
        if self.sets[at + SET_TAINTED]:
            return UNKNOWN
        found = self.find(at, now)
        if found == 0:
            return NO
        place = self._place(at, found)
        which = self.elements[place + 4]
        if which == 0 or self.updates[which - 1 + UPDATE_KIND] == 0:
            return YES
        if not is_main:
            self.sets[at + SET_TAINTED] = 1
            return UNKNOWN
        if self._is_idle(place, now):
            return UNKNOWN
        return self._element(matcher, which - 1, place, i, now)

    def _bucket(self, at):
        """Place in ``heads`` of the chain that the key belongs to."""
        words = 2 * self.sets[at + SET_PARTS]
        mixed = 0
        index = 0
        while index < words:
            mixed = ((mixed ^ self.parts[index]) * _MIX) & _ALL_BITS
            mixed ^= mixed >> 32
            index += 1
        return self.sets[at + SET_HEADS] + (mixed & (self.sets[at + SET_BUCKETS] - 1))

    def _place(self, at, number):
        """Where an element's words begin."""
        return self.sets[at + SET_ELEMENTS] + number * (ELEMENT_HEAD + 2 * self.sets[at + SET_PARTS])

    def find(self, at, now):
        """Number of the live element that holds ``parts``, 0 for none; leaves its chain in ``found_bucket``."""
        bucket = self._bucket(at)
        self.found_bucket = bucket
        number = self.heads[bucket]
        before = 0
        while number:
            place = self._place(at, number)
            following = self.elements[place]
            if self.elements[place + 1] and self.elements[place + 1] <= now:
                self._unlink(at, bucket, before, number)
            else:
                if self._holds(at, place):
                    return number
                before = number
            number = following
        return 0

    def _holds(self, at, place):
        words = 2 * self.sets[at + SET_PARTS]
        index = 0
        while index < words:
            if self.elements[place + ELEMENT_HEAD + index] != self.parts[index]:
                return 0
            index += 1
        return 1

    def _unlink(self, at, bucket, before, number):
        """Take an element out of its chain (``before``: the one in front of it, 0 for none) and keep it for later use."""
        place = self._place(at, number)
        if before:
            self.elements[self._place(at, before)] = self.elements[place]
        else:
            self.heads[bucket] = self.elements[place]
        self.elements[place] = self.sets[at + SET_FREE]
        self.sets[at + SET_FREE] = number
        self.sets[at + SET_COUNT] -= 1

    # Writing ----------------------------------------------------------------------------------------------------------------------

    def _insert(self, at, number, now, timeout_ns):
        """An element for ``parts``, unless ``number`` is one already; 0 when the set is full."""
        if number:
            return number
        if self.sets[at + SET_COUNT] >= self.sets[at + SET_SIZE]:
            self._sweep(at, now)
            if self.sets[at + SET_COUNT] >= self.sets[at + SET_SIZE]:
                return 0
        number = self.sets[at + SET_FREE]
        if number:
            self.sets[at + SET_FREE] = self.elements[self._place(at, number)]
        else:
            # None to use again: all numbers up to the count are in use.
            number = self.sets[at + SET_COUNT] + 1
        self.sets[at + SET_COUNT] += 1
        bucket = self._bucket(at)
        place = self._place(at, number)
        self.elements[place] = self.heads[bucket]
        self.heads[bucket] = number
        self.elements[place + 1] = now + timeout_ns if timeout_ns else 0
        self.elements[place + 2] = 0
        self.elements[place + 3] = 0
        self.elements[place + 4] = 0
        index = 0
        while index < 2 * self.sets[at + SET_PARTS]:
            self.elements[place + ELEMENT_HEAD + index] = self.parts[index]
            index += 1
        return number

    def _sweep(self, at, now):
        """Take out all elements whose time is over."""
        if self.sets[at + SET_SWEPT] and now - self.sets[at + SET_SWEPT] < NS_PER_SWEEP:
            return 0
        self.sets[at + SET_SWEPT] = now
        bucket = self.sets[at + SET_HEADS]
        stop = bucket + self.sets[at + SET_BUCKETS]
        while bucket < stop:
            before = 0
            number = self.heads[bucket]
            while number:
                place = self._place(at, number)
                following = self.elements[place]
                if (self.elements[place + 1] and self.elements[place + 1] <= now) or self._is_idle(place, now):
                    self._unlink(at, bucket, before, number)
                else:
                    before = number
                number = following
            bucket += 1
        return 0

    def update(self, matcher, which, i, now, is_main):
        """Run ``add``, ``update`` or ``delete`` for a packet, with the element's own statement; the answer as a match."""
        at = self.updates[which + UPDATE_SET] * SET_WORDS
        tainted = self.sets[at + SET_TAINTED]
        if not is_main:
            # Other worlds write what this one does not know.
            self.sets[at + SET_TAINTED] = 1
            return UNKNOWN
        number = self.find(at, now)
        op = self.updates[which + UPDATE_OP]
        if op == UPDATE_DELETE:
            if number:
                self._delete(at, number)
            return YES
        timeout_ns = self.updates[which + UPDATE_TIMEOUT]
        if timeout_ns == 0:
            timeout_ns = self.sets[at + SET_TIMEOUT]
        if number and op == UPDATE_UPDATE:
            place = self._place(at, number)
            if self.elements[place + 1]:
                self.elements[place + 1] = now + timeout_ns
        known = number
        number = self._insert(at, number, now, timeout_ns)
        if number == 0:
            return UNKNOWN if tainted else NO
        place = self._place(at, number)
        if not known:
            self.elements[place + 4] = which + 1
            self._begin(place, now)
        # An element keeps the statement that it was made with.
        answer = self._element(matcher, self.elements[place + 4] - 1, place, i, now) if self.elements[place + 4] else YES
        return UNKNOWN if tainted else answer

    def _delete(self, at, number):
        bucket = self.found_bucket
        before = 0
        here = self.heads[bucket]
        while here != number:
            before = here
            here = self.elements[self._place(at, here)]
        self._unlink(at, bucket, before, number)

    def _counts(self, place):
        """Whether the element counts connections."""
        which = self.elements[place + 4]
        return which != 0 and self.updates[which - 1 + UPDATE_KIND] == UPDATE_COUNT

    def _begin(self, place, now):
        """An element was made."""
        if self._counts(place):
            with cython.gil:
                self.counts.renew(place, now)
        return 0

    def _is_idle(self, place, now):
        """Whether the element counts connections and has none."""
        idle = 0
        if self._counts(place):
            with cython.gil:
                idle = self.counts.is_idle(place, now)
        return idle

    def _element(self, matcher, which, place, i, now):
        """The statement that the element holds: a limit, a quota, a count of connections."""
        kind = self.updates[which + UPDATE_KIND]
        if kind == UPDATE_LIMIT:
            return self._limit(which, place, now, matcher.batch.ip_len[i])
        if kind == UPDATE_COUNT:
            over = self.updates[which + UPDATE_KIND + 2]
            most = self.updates[which + UPDATE_KIND + 1]
            with cython.gil:
                return self.counts.judge_element(i, now, place, most, over)
        if kind == UPDATE_QUOTA:
            self.elements[place + 2] += matcher.batch.ip_len[i]
            over = 1 if self.elements[place + 2] > self.updates[which + UPDATE_KIND + 1] else 0
            return 1 if over == self.updates[which + UPDATE_KIND + 2] else 0
        return YES

    def _limit(self, which, place, now, size):
        """A token bucket as ``evaluate`` has them; full when the element is new."""
        largest = self.updates[which + UPDATE_KIND + 2]
        last = self.elements[place + 3]
        tokens = largest
        if last:
            tokens = self.elements[place + 2] + (now - last if now > last else 0)
            tokens = min(tokens, largest)
        self.elements[place + 3] = now
        flags = self.updates[which + UPDATE_KIND + 5]
        cost = self.updates[which + UPDATE_KIND + 1]
        if flags & LIMIT_BYTES:
            cost = self.updates[which + UPDATE_KIND + 3] * size // self.updates[which + UPDATE_KIND + 4]
        over = 1 if flags & LIMIT_OVER else 0
        answer = over
        if tokens >= cost:
            tokens -= cost
            answer = 1 - over
        self.elements[place + 2] = tokens
        return answer
