"""Fragments that overlap others of their datagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import ANOM_FRAGMENT_OVERLAP
from pcapaudit.findings.causes import Cause, Kind, Sightings, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["FragmentOverlap"]

_ADVICE = "Nothing of these datagrams got through a Linux firewall that tracks connections. Find out who makes them: it is a tool."
_OVERLAP = np.uint64(1 << ANOM_FRAGMENT_OVERLAP)


class FragmentOverlap:
    """Fragments that hold bytes which another fragment of the datagram holds already.

    ## What it does
    Counts fragments that overlap what waits of their datagram without lying wholly within it. Linux throws the whole datagram away, and
    so does the engine; an exact duplicate is none.

    ## Why it matters
    No IP stack makes them. Which of two contradicting copies counts differs from system to system, so that a filter and a host may read
    different packets: the classic way to carry a forbidden port or payload past an inspecting device.

    ## Example
    `captures/fragments-odd.pcap`: a second fragment that begins before the end of the first.

    ## Source
    RFC 5722 (IPv6: the datagram must be dropped); RFC 1858 section 4; RFC 8200 section 4.5; Linux net/ipv4/inet_fragment.c.
    """

    code: ClassVar[str] = "fragment-overlap"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("frags",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen = Sightings(Kind(self.code, self.severity, "RFC 5722; RFC 1858 section 4; Linux inet_fragment.c", _ADVICE), _tell)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count them."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["frags"]
        self._seen.add(view, rows[(view["anomalies"][rows] & _OVERLAP) != 0], claimed=True)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for all."""
        return self._seen.violations()


def _tell(cause: Cause) -> str:
    first = cause.first
    return (
        f"{plural(cause.count, 'fragment')} overlapped others of the same datagram, the first from {first['source']} to "
        f"{first['destination']} in frame {first['frame']}; the datagrams were thrown away."
    )
