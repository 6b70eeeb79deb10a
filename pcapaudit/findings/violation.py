"""What a finding is, and what finds one.

A finding is one cause: its flows are counted, its first packet is the example, its evidence are numbers, and its advice names what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pcapaudit.core.columns import PacketBatch, VerdictBatch

if TYPE_CHECKING:
    from pcapaudit.findings.scene import Scene

__all__ = ["Detector", "Severity", "Violation"]


class Severity(StrEnum):
    """How much it matters, from the worst to the mildest."""

    #: Somebody is getting through, or legitimate traffic is dying for many.
    CRITICAL = "critical"
    #: Looks like an attack that can succeed, or breaks an application.
    HIGH = "high"
    #: An engineer should look at it.
    MEDIUM = "medium"
    #: Ordinary trouble of the Internet or of the capture; good to know while searching for something.
    LOW = "low"
    #: A fact about the traffic, not a fault.
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding."""

    #: Stable kebab-case name of the kind of finding.
    code: str
    #: How much it matters.
    severity: Severity
    #: Flow of the first example, 0 for none.
    flow: int
    #: Frame of the first example, counted through the whole run from 1.
    first_frame: int
    #: Frame of the last occurrence.
    last_frame: int
    #: Occurrences, in the unit that the message names.
    count: int
    #: What happened, in a sentence.
    message: str
    #: The numbers behind it, by name; ready for JSON.
    evidence: Mapping[str, Any] = field(default_factory=dict)
    #: Id of the rule concerned, 0 for none.
    rule: int = 0
    #: RFC or kernel behaviour that it rests on.
    source: str = ""
    #: What to do.
    advice: str = ""
    #: Flow that announced that one, or would have with a helper; 0 for none.
    parent: int = 0


class Detector(Protocol):
    """A consumer of a run that ends with findings.

    Its class docstring has the sections *What it does*, *Why it matters*, *Example* and *Source*, as Markdown headings of level two; the
    documentation is made of them.
    """

    #: Code of its findings.
    code: ClassVar[str]
    #: Severity of its worst finding.
    severity: ClassVar[Severity]
    #: Lists of rows (``marks.NAMES``, or ``crew.CHANNELS``): a batch in which all of them are empty is not shown to it.
    reads: ClassVar[tuple[str, ...]]

    def __init__(self, scene: Scene) -> None: ...

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Take the packets of a batch; the batch is reused afterwards."""

    def on_flows(self, rows: Any) -> None:
        """Take the flows that have ended, an array of FLOW_DTYPE."""

    def on_end(self) -> None:
        """The capture is over."""

    def violations(self) -> Sequence[Violation]:
        """What was found; called once, after ``on_end``."""
