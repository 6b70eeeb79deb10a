"""Drives a run: frames in, verdicts and flows out to whoever takes part.

A ``Source`` reads and decodes batches. An ``Engine`` judges them by one ruleset and one set of time-outs; several engines may share one
source, each with its own state, which is how two rulesets are compared in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pcapaudit.conntrack.tracker import Tracker
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import (
    CT_ESTABLISHED,
    CT_INVALID,
    CT_UNTRACKED,
    DIR_NONE,
    DIR_ORIGINAL,
    STATUS_CONFIRMED,
    STATUS_SEEN_REPLY,
    VERDICT_ACCEPT,
)
from pcapaudit.replay.flow_rows import flow_rows
from pcapaudit.replay.flows import FlowTable
from pcapaudit.replay.hold import Hold, Judged
from pcapaudit.replay.loop import Loop
from pcapaudit.replay.reassembly import WHOLE, Reassembly
from pcapaudit.replay.translation import Translations
from pcapaudit.replay.vantage import Vantage
from pcapaudit.rules.evaluate import Evaluator
from pcapaudit.wire.decode import Decoder

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream
    from pcapaudit.replay.consumer import Consumer, Context
    from pcapaudit.replay.related import Related
    from pcapaudit.replay.trace import Tracer

__all__ = ["Batches", "Engine", "Source", "Totals", "run"]

#: Ended flows that are handed out together: what is done for each portion, whatever its size, would otherwise cost more than the rest.
_FLOWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run came to."""

    #: Frames read.
    frames: int
    #: Earliest and latest time stamp, ns since 1970; 0 without frames.
    first_ns: int
    last_ns: int
    #: Flows seen, blocked ones too.
    flows: int
    #: Most entries in the connection table at once, and when that was first so.
    high_water: int
    high_water_ns: int
    #: Packets that fulfilled all matches of each rule, by rule id.
    rule_packets: tuple[int, ...] = field(default=(), compare=False)


class Batches(Protocol):
    """Where the batches of an engine come from."""

    stream: Stream
    #: The batch that ``read`` fills, or shows; the same object always.
    batch: PacketBatch
    #: Decodes single rows of it.
    decoder: Decoder

    def read(self) -> bool:
        """Fill ``batch`` anew. Returns False at the end. Raises CaptureError."""


class Source:
    """Batches of decoded packets from a stream."""

    def __init__(self, stream: Stream, checksum: str = "auto") -> None:
        self.stream = stream
        self.batch = PacketBatch()
        self.decoder = Decoder(self.batch, checksum)

    def read(self) -> bool:
        """Fill ``batch`` anew. Returns False at the end. Raises CaptureError."""
        if not self.stream.read_into(self.batch):
            return False
        self.decoder.decode()
        return True


class Engine:
    """The firewall: judges the batches of a source. ``judge`` after every ``Source.read``, ``finish`` at the end.

    ``verdicts`` holds the verdicts of the source's batch as they are when it has been judged; of a fragment that waits for the rest of its
    datagram they come to be known later, so a batch may be handed out some batches after it was judged.
    """

    def __init__(self, context: Context, source: Batches, seed: int = 0, tracer: Tracer | None = None) -> None:
        self.batch = source.batch
        self.verdicts = VerdictBatch()
        self._vantage = Vantage(context.topology, self.batch, source.stream.interfaces)
        self.tracker = Tracker(context.conntrack, seed)
        self._flows = FlowTable(self.tracker)
        config = context.conntrack
        #: Helpers and expectations; None where no connection can have a helper, and nothing is spent on them.
        self.related: Related | None = None
        if config.helper or config.helper_ports or context.program.sets_helpers:
            from pcapaudit.replay.related import Related

            networks = (
                [] if context.topology.assumed else [net for zone in context.topology.zones for net in zone.prefixes if net.prefixlen]
            )
            self.related = Related(config, self.batch, self.verdicts, self.tracker, networks)
        evaluator = Evaluator(context.program, self.batch, self.verdicts)
        self.reassembly = Reassembly(context.conntrack, (self.batch, self.verdicts), self._flows, source.decoder, self._vantage)
        self._translations = Translations(self.tracker, evaluator, self._vantage, context.topology, (self.batch, self.verdicts))
        if self.related is not None:
            self.related.sides = self._translations.sides
        self._reached = evaluator.reached
        evaluator.view.chooser = self._translations
        if context.program.counts or context.program.updates:
            from pcapaudit.replay.standing import Standing

            evaluator.memory.counts.connections = Standing(self.tracker, self.batch)
        self.tracker.aliases.on = bool(context.program.nat_l3)
        self._tracer = tracer
        self._hold = Hold(self.batch, ((self.verdicts, self.reassembly),), tracer)
        take = self.reassembly.take
        if tracer is not None:
            tracer.attach(self.batch, self.verdicts, (self.tracker, evaluator), context.conntrack)
            take = self._take
        self._loop = Loop(self.tracker, self._translations, self._flows, take, context.mode == "observed")
        self._frames = 0

    @property
    def rule_packets(self) -> Any:
        """Packets that reached each rule's end so far, by rule id."""
        return self._loop.evaluator.rule_packets

    def judge(self, consumers: Sequence[Consumer]) -> None:
        """Judge the batch and hand out what is settled: batches, each with the flows that ended in it."""
        for judged in self.decide():
            _deliver(judged, consumers)

    def decide(self) -> Iterator[Judged]:
        """The same for whoever takes the batches one by one: each is valid until the next is asked for, and all must be taken."""
        return self._hold.take(self.judge_alone())

    def rest(self) -> Iterator[Judged]:
        """After the last batch: those that were held back."""
        return self._hold.rest()

    def judge_alone(self) -> list[Any]:
        """Judge the batch, and leave it to the caller to hold it back. Returns the flows that ended, if they are many already."""
        self._frames += self.batch.count
        self._vantage.place()
        self.reassembly.begin(self._loop.now)
        ended: list[Any] = []
        at = 0
        if self._tracer is not None:
            for row in self._tracer.rows():
                self._run_to(row, at, ended)
                self._tracer.before(row, self._loop.now)
                self._run_to(row + 1, row, ended)
                self._tracer.after()
                at = row + 1
        self._run_to(self.batch.count, at, ended)
        if self._reached.on:
            self._reached.settle(self.batch.arrays["ts_ns"], self.verdicts.arrays["flow"])
        if ended or self._flows.waiting >= _FLOWS_AT_ONCE:
            ended.append(self._flows.take())
        return ended

    def set_mark(self, mark: int) -> None:
        """Packets arrive with this mark from now on."""
        self._loop.evaluator.matcher.given_mark = mark

    def judge_as(self, ct_state: int) -> None:
        """Let the rules alone judge the traced packets of the batch, as if conntrack had said ``ct_state`` of them. No entry changes."""
        self._vantage.place()
        evaluator, arrays = self._loop.evaluator, self.verdicts.arrays
        for row in self._tracer.rows() if self._tracer is not None else ():
            assert self._tracer is not None  # noqa: S101 (there are rows)
            now = self._loop.now = max(self._loop.now, int(self.batch.arrays["ts_ns"][row]))
            for array in arrays.values():
                array[row] = 0
            arrays["ct_state"][row] = ct_state
            arrays["direction"][row] = DIR_NONE if ct_state in (CT_INVALID, CT_UNTRACKED) else DIR_ORIGINAL
            arrays["ct_status"][row] = STATUS_CONFIRMED | STATUS_SEEN_REPLY if ct_state == CT_ESTABLISHED else 0
            self._tracer.before(row, now)
            if not evaluator.has_raw or evaluator.evaluate_raw(row, now) == VERDICT_ACCEPT:
                evaluator.evaluate(row, now)
            self._tracer.after()

    def _run_to(self, stop: int, at: int, ended: list[Any]) -> None:
        """Judge the rows from ``at`` to ``stop`` - 1; flows that must be taken meanwhile are added to ``ended``."""
        at = self._loop.run(self.batch, self.verdicts, at, stop)
        while at < stop:
            ended.append(self._flows.take())
            at = self._loop.run(self.batch, self.verdicts, at, stop)

    def _take(self, i: int, now: int) -> int:
        """``Reassembly.take``, for a run that is traced."""
        answer = self.reassembly.take(i, now)
        if answer == WHOLE and self._tracer is not None:
            self._tracer.made_whole()
        return answer

    def finish(self, consumers: Sequence[Consumer]) -> Totals:
        """Hand out what was held back, end every flow that is left and tell the consumers that nothing more comes."""
        for judged in self.rest():
            _deliver(judged, consumers)
        done = False
        while not done:
            done = self._loop.finish()
            _hand_out([self._flows.take()], consumers)
        for consumer in consumers:
            consumer.on_end()
        tracker = self.tracker
        times: tuple[int, int] = (self._loop.earliest, self._loop.now) if self._frames else (0, 0)
        marks = tracker.high_water, tracker.high_water_ns
        return Totals(self._frames, *times, self._flows.seen, *marks, tuple(self.rule_packets.tolist()))


def _deliver(judged: Judged, consumers: Sequence[Consumer]) -> None:
    """Give a batch to the consumers, then the flows that ended in it."""
    for consumer in consumers:
        consumer.on_batch(judged.batch, judged.verdicts[0])
    _hand_out([flows for ended in judged.extras for flows in ended], consumers)


def _hand_out(taken: list[Any], consumers: Sequence[Consumer]) -> None:
    """Give ended flows to the consumers."""
    if consumers and any(map(len, taken)):
        rows = flow_rows(taken[0] if len(taken) == 1 else np.concatenate(taken))
        for consumer in consumers:
            consumer.on_flows(rows)


def run(
    context: Context,
    consumers: Sequence[Consumer],
    seed: int = 0,
    progress: Callable[[], None] | None = None,
    tracer: Tracer | None = None,
    source: Batches | None = None,
) -> Totals:
    """Replay a context's stream to its end; ``progress`` is called after every batch, ``tracer`` for its frames. Raises CaptureError.

    ``source``: what reads the stream, if it is not to be read here.
    """
    source = source or Source(context.stream, context.checksum)
    engine = Engine(context, source, seed, tracer)
    while source.read():
        engine.judge(consumers)
        if progress is not None:
            progress()
    return engine.finish(consumers)
