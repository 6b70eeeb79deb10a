"""First fragments too short for the transport header, and fragments that would write over one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import ANOM_FRAGMENT_TINY, PROTO_TCP
from pcapaudit.findings.causes import Cause, Kind, Sightings, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TinyFragment"]

_ADVICE = (
    "Let nothing in front of this firewall filter by ports without putting datagrams together; drop 'ip frag-off & 0x1fff == 1' for TCP. "
    "Find out who makes them: it is a tool."
)
_TINY = np.uint64(1 << ANOM_FRAGMENT_TINY)


class TinyFragment:
    """Fragments cut so small that the transport header is in several of them.

    ## What it does
    Counts first fragments that do not hold the whole transport header, and TCP fragments with offset 1 (eight bytes), which hold
    a part of the header: the flags.

    ## Why it matters
    A filter that looks at single fragments sees no ports or no flags in them and must guess. No path has an MTU that small; the cut is
    made on purpose. A firewall that puts datagrams together first, as Linux does with connection tracking, is not fooled.

    ## Example
    A SYN whose first fragment ends behind the ports and whose second begins with the flags.

    ## Source
    RFC 1858 section 3; RFC 3128; RFC 8200 section 4.5; RFC 7112.
    """

    code: ClassVar[str] = "tiny-fragment"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("frags",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen = Sightings(Kind(self.code, self.severity, "RFC 1858 section 3; RFC 3128; RFC 8200 section 4.5", _ADVICE), _tell)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count them; what the datagram is belongs to others."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["frags"]
        second = ((view["frag"][rows] & 0x1FFF) == 1) & (view["proto"][rows] == PROTO_TCP)
        self._seen.add(view, rows[((view["anomalies"][rows] & _TINY) != 0) | second], claimed=False)

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
        f"{plural(cause.count, 'fragment')} cut through the transport header, the first from {first['source']} to "
        f"{first['destination']} in frame {first['frame']}."
    )
