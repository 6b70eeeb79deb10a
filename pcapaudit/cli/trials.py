"""Runs of the engine over parts of a capture, again and again: what ``reduce`` is built of. Imported when it is needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pcapaudit.api.session import open_sessions
from pcapaudit.capture.stream import open_stream
from pcapaudit.capture.write import Frame, PcapngWriter, frame_of
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.registry import make_detectors
from pcapaudit.regress.keep import Outcome, Recorder, Target, candidates
from pcapaudit.regress.reduce import Reduced, reduce_frames
from pcapaudit.replay.run import Engine, Source
from pcapaudit.report.summary import SEVERITIES

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.replay.consumer import Consumer
    from pcapaudit.replay.topology import Topology

__all__ = ["MOST_FRAMES", "Cut", "Trials", "read_cut", "write_pcapng"]

#: Frames that are held in memory at once.
MOST_FRAMES = 500_000


@dataclass(frozen=True, slots=True)
class Cut:
    """Some frames of a capture, in memory."""

    #: Link type and name of each interface, by the frames' ``interface``.
    interfaces: tuple[tuple[int, str], ...]
    #: Number (from 0) → frame, ascending.
    frames: dict[int, Frame]


class Trials:
    """Runs of one engine or two. ``sides``: the settings of each; ``path``: a file that may be overwritten."""

    def __init__(self, sides: Sequence[EngineOptions], path: Path) -> None:
        self.sides = sides
        self.path = path
        #: Where the capture of the last run was made, said or inferred; None before one.
        self.topology: Topology | None = None

    def run(self, captures: Sequence[str], *, findings: bool) -> Outcome:
        """A run over captures, with detectors if ``findings`` are asked for. Raises PcapauditError."""
        reading = self.sides[0]
        with open_sessions(captures, reading, self.sides) as (stream, contexts):
            self.topology = contexts[0].topology
            source = Source(stream, reading.checksum)
            engines = [Engine(context, source, reading.seed or 0) for context in contexts]
            records = [Recorder(context) for context in contexts]
            detectors = make_detectors(contexts[0]) if findings else None
            taking: list[list[Consumer]] = [[record] for record in records]
            if detectors is not None:
                taking[0].append(detectors)
            while source.read():
                for engine, consumers in zip(engines, taking, strict=True):
                    engine.judge(consumers)
            for engine, consumers in zip(engines, taking, strict=True):
                engine.finish(consumers)
        violations = [] if detectors is None else detectors.violations()
        found = [(each.code, str(each.severity), each.first_frame) for each in violations]
        return Outcome(tuple(records), tuple(sorted(found, key=lambda each: (SEVERITIES.index(each[1]), each))))

    def over(self, cut: Cut, numbers: Collection[int], *, findings: bool) -> Outcome:
        """A run over some frames of a cut."""
        with self.path.open("wb") as file:
            write_pcapng(file, cut, numbers)
        return self.run([str(self.path)], findings=findings)

    def reduce(self, captures: Sequence[str], whole: Outcome, target: Target, most_trials: int) -> Reduced | None:
        """The fewest frames that still show the target; None if that was not found in time. Raises PcapauditError."""
        findings = target.keep.kind == "finding"
        for tried, numbers in enumerate(candidates(target, whole)):
            cut = read_cut(captures, numbers)

            def shows(frames: Sequence[int], cut: Cut = cut) -> bool:
                return target.shown(self.over(cut, frames, findings=findings), frames)

            found = reduce_frames([numbers], shows, most_trials - tried)
            if found is not None:
                return replace(found, trials=found.trials + tried)
        return None


def read_cut(captures: Sequence[str], numbers: Collection[int] | None) -> Cut:
    """The frames of these numbers (from 0), or all. Raises CaptureError, and ConfigError if they are too many to be held in memory."""
    wanted = None if numbers is None else frozenset(numbers)
    frames: dict[int, Frame] = {}
    with open_stream(captures) as stream:
        batch = PacketBatch()
        while stream.read_into(batch):
            first = batch.first_frame - 1
            frames.update((first + i, frame_of(batch, i)) for i in range(batch.count) if wanted is None or first + i in wanted)
            if len(frames) > MOST_FRAMES:
                raise ConfigError(f"more than {MOST_FRAMES} frames would have to be held in memory: cut the capture first (editcap -A, -B)")
        return Cut(tuple((each.linktype, each.name) for each in stream.interfaces), frames)


def write_pcapng(file: BinaryIO, cut: Cut, numbers: Collection[int]) -> None:
    """Write some frames of a cut with the interfaces that they need, in the order of their first frame."""
    writer = PcapngWriter(file)
    known: dict[int, int] = {}
    for number in numbers:
        frame = cut.frames[number]
        if frame.interface not in known:
            known[frame.interface] = writer.add_interface(*cut.interfaces[frame.interface])
        writer.write(replace(frame, interface=known[frame.interface]))
