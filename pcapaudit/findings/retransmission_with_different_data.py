"""Bytes of a TCP stream that come twice and are not the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, is_padding, plural
from pcapaudit.findings.groups import Groups, Quota
from pcapaudit.findings.past import Stretch
from pcapaudit.findings.scene import Scene, View, sides_of
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["RetransmissionWithDifferentData"]

#: Retransmissions of 4096 frames that are compared, and earlier segments that each is compared with.
MOST_COMPARED = 64
MAX_EARLIER = 16
#: Connections remembered; digests of segments sent again, for a later repetition.
MAX_FLOWS = 1024
DIGESTS = 4096
#: Connections that get a finding each; further ones are counted in the last.
SINGLE_FLOWS = 3
#: Bytes shown of either side.
SHOWN_BYTES = 16


class _Conflict(Cause):
    """Contradicting segments of one connection."""

    __slots__ = ("bytes", "example")

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.example: dict[str, Any] = {}


class RetransmissionWithDifferentData:
    """A retransmission whose bytes differ from those sent before.

    ## What it does
    Compares each segment that conntrack takes for a retransmission with earlier segments of the same side that hold the same sequence
    numbers, byte by byte, as far as they lie in the 512 frames before it and in their first 1536 bytes, and with the digest of an earlier
    repetition. Segments that are older cannot be compared, and are counted as such in the evidence.

    ## Why it matters
    TCP sends the same bytes again. Two versions mean that somebody answers in the server's place (an injected redirect races the true
    answer), or that a sender wants an inspecting device to read one thing and the host another; rarely a broken middlebox.

    ## Example
    Two answers to one HTTP request with the same sequence number: a redirect with another time to live, then the page.

    ## Source
    RFC 9293 section 3.10.7.4; Ptacek and Newsham, Insertion, Evasion and Denial of Service (1998).
    """

    code: ClassVar[str] = "retransmission-with-different-data"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("again", "reasoned")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._conflicts: Groups[int, _Conflict] = Groups(MAX_FLOWS, _Conflict)
        #: By place: flow and side, sequence number, length and hash of a repetition.
        self._digests: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)] * DIGESTS
        self._quota = Quota(MOST_COMPARED)
        self._compared = self._not_compared = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Compare what came again."""
        view = self._scene.view(batch, verdicts)
        rows, under = view.marked["again"], view.marked["reasoned"]
        if len(under):
            under = under[(view["reason"][under] == consts.REASON_TCP_SEQ_UNDER) & (view["payload_len"][under] > 1)]
            rows = np.union1d(rows, under) if len(under) else rows
        if not len(rows):
            return
        rows = np.array([row for row in rows.tolist() if self._quota.allows(view.frame(row))], np.int64)
        if not len(rows):
            return
        # All segments of the connections concerned, once for the batch.
        stretch = view.stretch
        near = np.flatnonzero(np.isin(stretch["flow"], np.unique(view["flow"][rows])) & (stretch["payload_len"] > 0))
        for row in rows.tolist():
            at = row + stretch.shift
            reach = stretch.before(at)
            earlier = near[(near >= reach.start) & (near < reach.stop)]
            earlier = earlier[(stretch["flow"][earlier] == view["flow"][row]) & (stretch["ct_state"][earlier] != consts.CT_INVALID)]
            self._compare(view, row, stretch.of_side(earlier, int(sides_of(view, np.array([row]))[0]))[-MAX_EARLIER:].tolist())

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a connection, the most contradictions first."""
        ranked = sorted(self._conflicts.values(), key=lambda each: (-each.count, int(each.first["frame"])))
        further = max(0, len(ranked) - SINGLE_FLOWS)
        return [self._violation(conflict, further) for conflict in ranked[:SINGLE_FLOWS]]

    def _compare(self, view: View, row: int, earlier: list[int]) -> None:
        """Hold a segment against earlier ones (rows of the stretch), and against the digest of its last repetition."""
        stretch = view.stretch
        start, data = _start(stretch, row + stretch.shift), stretch.payload(row + stretch.shift)
        found = 0
        for other in earlier:
            shift = (start - _start(stretch, other) + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            before = stretch.payload(other)
            if is_padding(before, int(stretch["payload_len"][other])):
                continue
            mine, theirs = data[max(0, -shift) :], before[max(0, shift) :]
            size = min(len(mine), len(theirs))
            found += size > 0
            if size > 0 and mine[:size] != theirs[:size]:
                self._note(view, row, (stretch.frame(other), theirs[:size], mine[:size], int(stretch["ttl"][other])))
                return
        key = int(view["flow"][row]) << 1 | int(sides_of(view, np.array([row]))[0])
        place = hash((key, start)) % DIGESTS
        known, digest = self._digests[place], (key, start, len(data), hash(data))
        if known[:3] == digest[:3] and known != digest:
            self._note(view, row, (0, b"", data, 0))
        elif found or known == digest:
            self._compared += 1
        else:
            self._not_compared += 1
        self._digests[place] = digest

    def _note(self, view: View, row: int, pair: tuple[int, bytes, bytes, int]) -> None:
        frame, before, now, ttl = pair
        conflict = self._conflicts.at(int(view["flow"][row]))
        if conflict is None:
            return
        if not conflict.count:
            at = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), 0)
            conflict.example = {
                "earlier_frame": frame or None,
                "earlier_bytes": before[at : at + SHOWN_BYTES].hex(),
                "bytes": now[at : at + SHOWN_BYTES].hex(),
                "earlier_ttl": ttl or None,
                "ttl": int(view["ttl"][row]),
            }
        conflict.add(view, np.array([row]))
        conflict.bytes += len(now)

    def _violation(self, conflict: _Conflict, further: int) -> Violation:
        kind = Kind(
            self.code,
            self.severity,
            "RFC 9293 section 3.10.7.4; Ptacek and Newsham (1998)",
            "Compare time to live, IP identification and timing of the two: an injected segment comes from somewhere else. TLS makes "
            "injection useless; an inspecting device should normalise the stream or drop the second version.",
        )
        first, example = conflict.first, conflict.example
        where = f"frame {example['earlier_frame']}" if example["earlier_frame"] else "an earlier repetition"
        ttls = f", with TTL {example['earlier_ttl']} and {example['ttl']}" if example["earlier_ttl"] not in {None, example["ttl"]} else ""
        more = f" {plural(further, 'more connection')} like it." if further else ""
        message = (
            f"{first['source']} sent {first['destination']} {plural(conflict.count, 'segment')} again with other bytes, the first in frame "
            f"{first['frame']} against {where}{ttls}; {conflict.fate}.{more}"
        )
        evidence = {
            "example": example,
            "bytes": conflict.bytes,
            "compared": self._compared,
            "not_compared": self._not_compared + self._quota.missed,
        }
        return conflict.violation(kind, message, **evidence, further_connections=further)


def _start(stretch: Stretch, row: int) -> int:
    """Sequence number of the first byte of data: behind a SYN."""
    return int(stretch["seq"][row]) + bool(stretch["tcp_flags"][row] & consts.TCP_SYN)
