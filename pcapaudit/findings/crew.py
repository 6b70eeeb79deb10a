"""The detectors of a run as one consumer: each batch goes only to those for whom it holds something.

Nearly every batch of a healthy network holds nothing for nearly all of them, and forty calls that find nothing cost as much as the few
that find something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pcapaudit.findings.marks import NAMES

if TYPE_CHECKING:
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.findings.scene import Scene
    from pcapaudit.findings.violation import Detector, Violation

__all__ = ["CHANNELS", "Crew"]

#: What a detector names among its ``reads`` that listens to control channels: it is called from the first batch on in which one speaks.
CHANNELS = "channels"
_BITS = {name: 1 << number for number, name in enumerate((*NAMES, CHANNELS))}


class Crew:
    """Detectors that share a scene, in the order in which they see a batch."""

    def __init__(self, scene: Scene, detectors: Sequence[Detector]) -> None:
        self._scene = scene
        self._detectors = tuple(detectors)
        #: Those that look at packets, each with the bits of the lists that it reads.
        self._readers = [(sum(_BITS[name] for name in each.reads), each.on_batch) for each in detectors if each.reads]

    def __iter__(self) -> Iterator[Detector]:
        return iter(self._detectors)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Sort the rows of the batch and call whom they concern."""
        scene = self._scene
        scene.view(batch, verdicts)
        live = scene.marks.live
        if live & _BITS["control"] or scene.channels.any:
            live |= _BITS[CHANNELS]
        for reads, on_batch in self._readers:
            if reads & live:
                on_batch(batch, verdicts)
        scene.past.keep(batch, verdicts)

    def on_flows(self, rows: Any) -> None:
        """All look at the flows that have ended."""
        for detector in self._detectors:
            detector.on_flows(rows)

    def on_end(self) -> None:
        """The capture is over."""
        for detector in self._detectors:
            detector.on_end()

    def violations(self) -> list[Violation]:
        """What was found, in the order of the detectors; called once, after ``on_end``."""
        return [each for detector in self._detectors for each in detector.violations()]
