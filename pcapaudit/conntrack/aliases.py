"""Second tuples of connections: what NAT makes of them, kept in rows of the table beside the connection's own. Compiled.

A *translation* is a row whose key is the tuple that the connection's first packet leaves with; ``partner`` leads from the connection's
row to it, its W_PARENT back. While the tuple is known it is in the index, so that packets with it find their connection.
"""

from __future__ import annotations

import cython

from pcapaudit.conntrack.table import Table, reserve

if not cython.compiled:
    from pcapaudit.conntrack.layout import (
        NOTE_INDEXED,
        NOTE_KEY_LEAVES,
        NOTE_SEEN_BEHIND,
        ROW_TRANSLATED,
        ROW_WORDS,
        W_NAT_NOTES,
        W_STATUS,
    )
    from pcapaudit.core.consts import DIR_ORIGINAL, DIR_REPLY

__all__ = ["Aliases"]


class Aliases:
    """The translations of a table's connections. ``on`` 0: there are none, and nobody asks."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.on = 0
        self.memory = reserve((table.capacity + 1) * 4)
        self.partner = memoryview(self.memory).cast("I")
        #: The translation that led to the connection of the packet at hand; 0 when its own key did.
        self.found = 0
        #: The connection of the packet that was seen before.
        self.again = 0

    def direction(self, row):
        """How the looked-up tuple lies to the connection that it led to."""
        return self.table.direction_of(self.found if self.found else row)

    def seen_before(self, row):
        """Whether a frame shows, behind the firewall, a packet that an earlier frame showed before it.

        Packets of the original direction always come in untranslated, as their connection's first one did. Whether those of the reply
        direction were seen coming in, too, is noted.
        """
        if not self.table.w[row * ROW_WORDS + W_STATUS] & ROW_TRANSLATED:
            return 0
        at = self.partner[row] * ROW_WORDS + W_NAT_NOTES
        notes = self.table.w[at]
        if notes & NOTE_KEY_LEAVES:
            return 0
        self.again = row
        direction = self.direction(row)
        if self.found:
            self.table.w[at] = notes | NOTE_SEEN_BEHIND
            return direction != DIR_REPLY
        return direction != DIR_ORIGINAL and notes & NOTE_SEEN_BEHIND != 0

    def forget(self, row):
        """An ending connection takes its translation along."""
        if not self.table.w[row * ROW_WORDS + W_STATUS] & ROW_TRANSLATED:
            return
        translation = self.partner[row]
        if self.table.w[translation * ROW_WORDS + W_NAT_NOTES] & NOTE_INDEXED:
            self.table.remove(translation)
        self.table.release(translation)
        self.table.w[row * ROW_WORDS + W_STATUS] ^= ROW_TRANSLATED
