"""Which connections have helpers, and which were announced by one: what of it a new connection has to ask. Compiled.

The helpers themselves and the pending expectations are ordinary Python (``helpers/``, ``expectations.py``), kept by
``replay/related.py``. Here are the tables that tell, without the interpreter, that a packet is none of theirs: nearly every packet.
"""

from __future__ import annotations

from array import array
from typing import Any

import cython

from pcapaudit.conntrack.table import Table

if not cython.compiled:
    from pcapaudit.conntrack.layout import HELPER_IPV4, HELPER_IPV6, HELPER_SHIFT, ROW_WORDS, W_STATUS
    from pcapaudit.core.consts import PROTO_TCP, PROTO_UDP, STATUS_EXPECTED, STATUS_HELPER

__all__ = ["Relations"]


class Relations:
    """The tracker's side of helpers. ``watching`` 0: no connection of this run can have one, and nothing else is looked at."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.related: Any = None
        self.watching = 0
        #: Pending expectations by destination port; helper by port of TCP, then of UDP; whether these are assigned as before Linux 6.0.
        self.expected_ports = memoryview(array("H", [0]))
        self.helper_ports = memoryview(bytearray(1))
        self.by_tuple = 0
        #: Expectations pending, and pairs of hosts between which something may be that nobody could read.
        self.expecting = 0
        self.blind = 0
        #: The helper that rules before conntrack choose for the packet's connection. 1: the new connection may be an expected one.
        self.template = 0
        self.unsure = 0
        #: 1: the new connection is translated like the one that announced it, whatever the nat chains say.
        self.follows = 0
        #: 1: helpers know keys of GRE.
        self.keyed = 0

    def watch(self, related, expected_ports, helper_ports, by_tuple):
        """Have helpers: who is called back, and the tables of ports that it keeps."""
        self.related = related
        self.expected_ports = expected_ports
        self.helper_ports = helper_ports
        self.by_tuple = by_tuple
        self.watching = 1

    def arrive(self, b, i, row, now):
        """A new connection, unconfirmed in ``row``: was it announced, and which helper reads it?"""
        self.follows = 0
        if self.expecting and (self.blind or self.expected_ports[b.dport[i]]):
            with cython.gil:
                self.unsure = self.related.arrive(i, row, now)
        expected = self.table.w[row * ROW_WORDS + W_STATUS] & STATUS_EXPECTED
        if self.template and not expected:
            self.assign(b, i, row, self.template)
        if not (self.by_tuple and expected) and b.proto[i] in (PROTO_TCP, PROTO_UDP):
            self.assign(b, i, row, self.helper_ports[b.dport[i] + (65536 if b.proto[i] == PROTO_UDP else 0)])

    def spend(self, b, i, now):
        """A packet of no connection that opens none: what is expected with its tuple is used up by it."""
        if self.expecting and self.expected_ports[b.dport[i]]:
            with cython.gil:
                self.related.spend(i, now)

    def find_key(self, i):
        """A GRE packet, which names its receiver's key alone: its sender's, as a helper heard it agreed."""
        with cython.gil:
            self.related.find_key(i)

    def assign(self, b, i, row, helper):
        """Give the unconfirmed connection a helper, if it has none and the helper reads its IP version."""
        at = row * ROW_WORDS + W_STATUS
        status = self.table.w[at]
        if status & STATUS_HELPER or not helper & (HELPER_IPV6 if b.l3[i] == 6 else HELPER_IPV4):
            return
        if status & STATUS_EXPECTED:
            with cython.gil:
                self.related.announcers[row] = status >> HELPER_SHIFT & 15
        self.table.w[at] = status ^ (status & 15 << HELPER_SHIFT) | STATUS_HELPER | (helper & 15) << HELPER_SHIFT

    def forget(self, row, when):
        """A connection with a helper is no more."""
        with cython.gil:
            self.related.forget(row, when)
