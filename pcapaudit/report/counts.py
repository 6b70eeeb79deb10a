"""Counts of a run, packet by packet, in constant memory: what the summary's tables are made of. Compiled.

One joint histogram (verdict, ct state, reason, protocol) gives every table of the summary and any other cut; untouched parts of it cost
no memory.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch

__all__ = ["MAX_ZONE", "NOT_IP", "PacketCounts"]

#: Zones beyond this number, and addresses in no zone, are counted together under it.
MAX_ZONE = 63
#: In place of a protocol for frames without an IP packet.
NOT_IP = 256
#: Cells of the joint histogram: verdicts, ct states, reasons, protocols and NOT_IP; powers of two but for the last, which has room.
_JOINT = (4, 8, 256, 512)

# counts.pxd has the same as C constants.
if not cython.compiled:
    from pcapaudit.core.consts import VERDICT_SKIP

    LAST_ZONE = MAX_ZONE


def _flat(array: Any) -> memoryview:
    """A view of the same memory with one index."""
    return memoryview(array.ravel())


class PacketCounts:
    """Adds up batches. The arrays may be read at any time; they are indexed as their comments say."""

    def __init__(self, rule_count: int) -> None:
        #: packets[verdict, ct state, reason, protocol or NOT_IP]
        self.packets: Any = np.zeros(_JOINT, np.uint64)
        #: zones[from, to, verdict, packets or bytes]: interface indexes of the topology.
        self.zones: Any = np.zeros((MAX_ZONE + 1, MAX_ZONE + 1, 4, 2), np.uint64)
        #: rules[rule, packets or bytes]; rule 0 stands for policies and for packets that no rule saw.
        self.rules: Any = np.zeros((rule_count, 2), np.uint64)
        #: causes[rule]: packets that the rule's unknown match makes undecidable.
        self.causes: Any = np.zeros(rule_count, np.uint64)
        #: anomalies[bit].
        self.anomalies: Any = np.zeros(64, np.uint64)
        self.undecided = 0
        self.frame_bytes = 0
        self._packets = _flat(self.packets)
        self._zones = _flat(self.zones)
        self._rules = _flat(self.rules)
        self._causes = _flat(self.causes)
        self._anomalies = _flat(self.anomalies)

    def add(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Add the packets of a batch."""
        for name in ("rule", "cause"):
            if verdicts.arrays[name][: batch.count].max(initial=0) >= len(self.causes):
                raise IndexError(f"{name}: a verdict names a rule that the ruleset does not have")
        self.count(batch, verdicts)

    def count(self, b, v):
        """The loop."""
        with cython.nogil:
            for i in range(b.count):
                verdict = v.verdict[i] & 3
                cell = ((verdict * 8 + (v.ct_state[i] & 7)) * 256 + (v.reason[i] & 255)) * 512
                cell += b.proto[i] if b.l3[i] else 256
                self._packets[cell] += 1
                into = b.iif[i] if b.iif[i] < LAST_ZONE else LAST_ZONE
                out = b.oif[i] if b.oif[i] < LAST_ZONE else LAST_ZONE
                cell = ((into * (LAST_ZONE + 1) + out) * 4 + verdict) * 2
                self._zones[cell] += 1
                self._zones[cell + 1] += b.ip_len[i]
                self._rules[2 * v.rule[i]] += 1
                self._rules[2 * v.rule[i] + 1] += b.ip_len[i]
                self.frame_bytes += b.origlen[i]
                if not v.decided[i] and verdict != VERDICT_SKIP:
                    self.undecided += 1
                    self._causes[v.cause[i]] += 1
                mask = b.anomalies[i]
                bit = 0
                while mask:
                    if mask & 1:
                        self._anomalies[bit] += 1
                    mask >>= 1
                    bit += 1
