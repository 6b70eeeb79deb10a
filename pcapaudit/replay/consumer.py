"""What a run is given, and what takes its results: the two values that every part above the engine shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream
    from pcapaudit.conntrack.config import ConntrackConfig
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.replay.topology import Topology
    from pcapaudit.rules.compile import Program
    from pcapaudit.rules.model import Ruleset

__all__ = ["Consumer", "Context"]


@dataclass(frozen=True, slots=True)
class Context:
    """What one run is given: all that a consumer may know about it besides the packets."""

    #: Frames in the order of the capture; read once.
    stream: Stream
    #: The ruleset as written.
    ruleset: Ruleset
    #: The ruleset compiled for the topology.
    program: Program
    #: Zones, interfaces, own addresses.
    topology: Topology
    #: Time-outs and switches of conntrack.
    conntrack: ConntrackConfig
    #: ``auto``, ``verify`` or ``ignore``.
    checksum: str = "auto"
    #: ``what-if`` or ``observed``.
    mode: str = "what-if"


class Consumer(Protocol):
    """Takes the results of a run, batch by batch: counts, detectors and files are consumers.

    Batches are reused: whoever keeps something of one copies it. Every call comes from the thread that runs the engine.
    """

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch, /) -> None:
        """The rows ``0..batch.count-1`` of both are decided; frames come in order, each once."""

    def on_flows(self, rows: Any, /) -> None:
        """Flows that ended, a structured array of FLOW_DTYPE, after the batch that ended them, in portions of some thousands."""

    def on_end(self) -> None:
        """Nothing more comes. Called once, and not when the run fails."""
