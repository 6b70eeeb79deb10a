"""Announced connections that nobody opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.conntrack.expectations import Death
from pcapaudit.core import vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["ExpectationUnused"]


class ExpectationUnused:
    """Connections that a helper announced and that nobody opened.

    ## What it does
    Counts expectations of channels with a helper that ended without a connection: their time was over, or their control channel ended.
    Those that the end of the capture cut short are left out.

    ## Why it matters
    Each is a way through the firewall that stood open for minutes. Many of them mean that data connections take another path (which the
    capture does not show), are refused further on, or that somebody opens ways on purpose. RTCP ports of SIP are often unused.

    ## Example
    A 227 answer, and a client that never connects.

    ## Source
    Linux nf_conntrack_expect.c.
    """

    code: ClassVar[str] = "expectation-unused"
    severity: ClassVar[Severity] = Severity.INFO
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By helper: count, first and last one by frame.
        self._found: dict[str, list[Any]] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Have the channels read."""
        self._scene.channels.heard(self._scene.view(batch, verdicts))
        self._collect()

    def on_flows(self, _: Any) -> None:
        """Channels that end take their expectations along."""
        self._collect()

    def on_end(self) -> None:
        """What is still pending is not unused."""
        self._scene.channels.finish()
        self._collect()

    def _collect(self) -> None:
        for gone, why in self._scene.channels.take_unused():
            if why == Death.LEFT:
                continue
            known = self._found.setdefault(gone.master.helper.name, [0, gone, gone])
            known[0] += 1
            known[1], known[2] = min(known[1], gone, key=_frame), max(known[2], gone, key=_frame)

    def violations(self) -> Sequence[Violation]:
        """One a helper."""
        found = []
        for name, (count, first, last) in sorted(self._found.items()):
            proto = vocab.PROTOCOLS[first.tuple.proto]
            found.append(
                Violation(
                    code=self.code,
                    severity=self.severity,
                    flow=first.master.row,
                    first_frame=first.frame,
                    last_frame=last.frame,
                    count=count,
                    message=(
                        f"{plural(count, 'connection')} announced by {name} and opened by nobody, the first to {proto} port "
                        f"{first.tuple.dport}."
                    ),
                    evidence={"helper": name, "protocol": proto, "first_port": first.tuple.dport},
                    source="Linux nf_conntrack_expect.c",
                    advice="Look whether the data connections pass the firewall by, or are refused behind it; if not, nothing is to do.",
                )
            )
        return found


def _frame(gone: Any) -> int:
    return int(gone.frame)
