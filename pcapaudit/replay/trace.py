"""Everything that decided one packet, as a value: the packet, its connection before and after, the window check, its way through the rules.

A ``Tracer`` names the frames that are wanted. The engine stops in front of each, tells the tracer, judges the frame alone, and tells it
again; all other frames are judged as ever. What is read in between is read only, so a traced run ends with the same bytes.

A fragment that waits is told with the datagram that it became a part of: until that is whole all fragments are watched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.conntrack import layout
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.entry import Entry, read_entry
from pcapaudit.conntrack.log_texts import Facts, log_text
from pcapaudit.conntrack.seqnum import wrap
from pcapaudit.conntrack.tcp_states import FLAG_KINDS, TRANSITIONS
from pcapaudit.conntrack.window import Segment, Window, judge_window
from pcapaudit.core import consts
from pcapaudit.core.addresses import address_text
from pcapaudit.rules.steps import Step
from pcapaudit.rules.watch import Watcher
from pcapaudit.wire.quote import Quote, read_quote

if TYPE_CHECKING:
    from pcapaudit.conntrack.tracker import Tracker
    from pcapaudit.core.columns import PacketBatch, VerdictBatch
    from pcapaudit.rules.evaluate import Evaluator

__all__ = ["FrameTrace", "Tracer"]

#: ICMP types of errors and redirects, which belong to the connection that they quote.
_ERRORS4 = frozenset({3, 4, 5, 11, 12})
_REDIRECT6 = 137
#: Reasons that are none of conntrack's.
_WITHOUT_OBJECTION = frozenset({consts.REASON_NONE, consts.REASON_RULE, consts.REASON_POLICY})
#: Reasons of TCP packets that were held against the window.
_OF_THE_WINDOW = frozenset(
    {
        *_WITHOUT_OBJECTION,
        consts.REASON_TCP_SEQ_OVER,
        consts.REASON_TCP_SEQ_UNDER,
        consts.REASON_TCP_ACK_OVER,
        consts.REASON_TCP_ACK_UNDER,
        consts.REASON_TCP_OVERSHOT,
    }
)
#: Columns that say where bytes lie for a moment, and keys that differ from run to run.
_NOT_OF_THE_PACKET = frozenset({"offset", "l3_off", "l4_off", "payload_off", "end_off", "hash"})
_NOT_OF_THE_VERDICT = frozenset({"row"})
#: Columns of a datagram that are each fragment's own.
_OF_THE_FRAME = ("ts_ns", "caplen", "origlen", "if_id", "file_id", "file_frame", "frame_flags")


@dataclass(frozen=True, slots=True)
class FrameTrace:
    """One traced frame."""

    #: Number of the frame through the whole stream, from 1.
    frame: int
    #: What the clock showed: the time of the frame, or of a later one before it.
    now: int
    #: Columns of the packet and of the verdict, by name; of the whole datagram where the frame made one whole.
    packet: dict[str, int]
    verdict: dict[str, int]
    #: The frame was a fragment of a datagram that became whole, and was judged.
    reassembled: bool
    #: The connection that the packet (or what it quotes) belonged to before and after it; None for none.
    before: Entry | None
    after: Entry | None
    #: The entry before and after belongs to the packet that this ICMP error quotes.
    quotes: bool
    #: The check of a TCP segment of a known connection; None where none was made.
    window: Window | None
    #: What Linux writes to its log about it; empty for nothing.
    log: str
    #: The way through the rules; empty when no rule saw the packet.
    steps: tuple[Step, ...]
    #: The frame that made the datagram whole; 0 where none did.
    whole_at: int = 0


class Tracer:
    """Collects the traces of some frames of a run."""

    def __init__(self, frames: Iterable[int]) -> None:
        self.frames = sorted(set(frames))
        self._found: dict[int, FrameTrace] = {}
        #: First frame of a datagram that waits → frames of its fragments that are wanted.
        self._waiting: dict[int, list[int]] = {}
        self._next = 0
        self._is_wanted = False
        self._config = ConntrackConfig()

    def attach(self, batch: PacketBatch, verdicts: VerdictBatch, parts: tuple[Tracker, Evaluator], config: ConntrackConfig) -> None:
        """Called by the engine that is traced, once."""
        self._batch, self._verdicts, self._config = batch, verdicts, config
        self._tracker, evaluator = parts
        self._watcher = Watcher(evaluator)
        self._seen = _Before(0, None, quotes=False)
        self._at = (0, 0)

    @property
    def traces(self) -> list[FrameTrace]:
        """The traces of those that came by, in the order of the frames."""
        return [self._found[frame] for frame in sorted(self._found)]

    def rows(self) -> Iterator[int]:
        """Rows of the batch that are to be traced, ascending; each is traced before the next is asked for."""
        at = 0
        while (row := self._next_row(at)) is not None:
            yield row
            at = row + 1

    def _next_row(self, at: int) -> int | None:
        """The next row from ``at`` on: that of a wanted frame, or a fragment that may be what a wanted one waits for."""
        first, count = int(self._batch.first_frame), int(self._batch.count)
        wanted = self.frames[self._next] - first if self._next < len(self.frames) else count
        fragment = count
        if self._waiting:
            found = np.flatnonzero(self._batch.arrays["frag"][at:count])
            fragment = at + int(found[0]) if len(found) else count
        row = min(wanted, fragment)
        if row >= count:
            return None
        self._is_wanted = row == wanted
        self._next += self._is_wanted
        return row

    def before(self, row: int, now: int) -> None:
        """The packet in ``row`` is next, and the clock showed ``now`` before it."""
        now = max(now, int(self._batch.arrays["ts_ns"][row]))
        self._at = (row, now)
        self._look(row)
        self._watcher.start()

    def made_whole(self) -> None:
        """The frame made a datagram whole, which stands in the scratch row and is judged next."""
        self._look(consts.BATCH_FRAMES)

    def after(self) -> None:
        """The packet is judged."""
        row, now = self._at
        steps = self._watcher.stop()
        packet = _columns(self._batch.arrays, self._seen.row, _NOT_OF_THE_PACKET)
        verdict = _columns(self._verdicts.arrays, row, _NOT_OF_THE_VERDICT)
        entry = int(self._verdicts.arrays["row"][row])
        after = read_entry(self._tracker.table.memory, entry, now, self._config) if entry else None
        window = self._window(packet, verdict)
        trace = FrameTrace(
            frame=int(self._batch.first_frame + row),
            now=now,
            packet=packet,
            verdict=verdict,
            reassembled=self._seen.row != row,
            before=self._seen.entry,
            after=after,
            quotes=self._seen.quotes,
            window=window,
            log=self._log(packet, verdict, window),
            steps=steps,
            whole_at=int(self._batch.first_frame + row) if self._seen.row != row else 0,
        )
        datagram = verdict["datagram"]
        if self._is_wanted:
            self._found[trace.frame] = trace
            if verdict["reason"] == consts.REASON_FRAGMENT_QUEUED and datagram:
                self._waiting.setdefault(datagram, []).append(trace.frame)
        if trace.reassembled:
            for frame in self._waiting.pop(datagram, ()):
                own = {name: self._found[frame].packet[name] for name in _OF_THE_FRAME}
                self._found[frame] = replace(trace, frame=frame, packet=packet | own)

    def settled(self, frame: int, verdict: dict[str, int]) -> None:
        """A fragment's datagram was not made whole: these columns of its verdict say another thing now."""
        trace = self._found.get(frame)
        if trace is not None:
            self._found[frame] = replace(trace, verdict=trace.verdict | verdict)
            self._waiting.pop(trace.verdict["datagram"], None)

    def _look(self, row: int) -> None:
        """Read the packet's entry, or that of the packet it quotes."""
        array = self._batch.arrays
        proto, kind = int(array["proto"][row]), int(array["icmp_type"][row])
        quotes = (proto == consts.PROTO_ICMP and kind in _ERRORS4) or (proto == consts.PROTO_ICMPV6 and (kind < 128 or kind == _REDIRECT6))
        known = self._tracker.keys.peek(self._batch, row, quotes) if array["l3"][row] else 0
        entry = read_entry(self._tracker.table.memory, known, self._at[1], self._config) if known else None
        self._seen = _Before(row, entry, quotes)

    def _window(self, packet: dict[str, int], verdict: dict[str, int]) -> Window | None:
        """The check of a TCP segment of a connection that was known before it, as far as the engine came to make one."""
        entry, reason = self._seen.entry, verdict["reason"]
        if packet["proto"] != consts.PROTO_TCP or entry is None or entry.left_ns <= 0 or self._seen.quotes or reason not in _OF_THE_WINDOW:
            return None
        direction = _direction(packet, entry, verdict)
        window = judge_window(entry.words, direction, _segment(packet), liberal=bool(self._config.tcp_be_liberal))
        kind, state = FLAG_KINDS[packet["tcp_flags"]], entry.words[layout.W_STATUS] >> 16 & 15
        if reason in _WITHOUT_OBJECTION:
            if verdict["flow"] != entry.flow:
                return Window((), "", "it opens a new connection in place of the old one")
            if TRANSITIONS[(direction * 6 + kind) * 16 + state] == layout.GO_IGNORE:
                return Window((), "", "it answers the SYN that was let through before, and the window starts anew from both")
            if kind == layout.SEG_RST and window.failed:
                return Window(
                    window.bounds, "", f"bound {window.failed} fails and does not count: this RST is taken whatever the window says"
                )
        return window

    def _log(self, packet: dict[str, int], verdict: dict[str, int], window: Window | None) -> str:
        entry, segment = self._seen.entry, _segment(packet)
        outer = inner = ""
        if verdict["reason"] == consts.REASON_ICMP_QUOTE_MISMATCH:
            quote = Quote()
            read_quote(self._batch, self._seen.row, quote)
            outer = address_text(packet["dst_hi"], packet["dst_lo"], packet["l3"])
            inner = address_text(quote.src_hi, quote.src_lo, quote.l3)
        facts = Facts(
            proto=packet["proto"],
            low=verdict["bound_low"],
            high=verdict["bound_high"],
            kind=FLAG_KINDS[packet["tcp_flags"]],
            direction=_direction(packet, entry, verdict) if entry else 0,
            state=entry.words[layout.W_STATUS] >> 16 & 15 if entry else 0,
            overshot=wrap(segment.end - verdict["bound_high"] + 1) if window else 0,
            outer=outer,
            inner=inner,
        )
        return log_text(verdict["reason"], facts)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was read before the packet was judged."""

    #: Row of the packet; the scratch row for a datagram made whole.
    row: int
    entry: Entry | None
    quotes: bool


def _columns(arrays: dict[str, Any], row: int, left_out: frozenset[str]) -> dict[str, int]:
    return {name: int(array[row]) for name, array in arrays.items() if name not in left_out}


def _segment(packet: dict[str, int]) -> Segment:
    flags = packet["tcp_flags"]
    length = packet["payload_len"] + bool(flags & consts.TCP_SYN) + bool(flags & consts.TCP_FIN)
    end = wrap(packet["seq"] + length)
    return Segment(flags, packet["seq"], packet["ack"], packet["sack_max"], end, packet["win_raw"])


def _direction(packet: dict[str, int], entry: Entry, verdict: dict[str, int]) -> int:
    """How a packet lies to the entry of its tuple: as the engine says, or by its source where the engine calls it invalid."""
    if verdict["direction"] != consts.DIR_NONE:
        return verdict["direction"]
    source = packet["src_hi"] << 64 | packet["src_lo"]
    original = entry.source == source and entry.ports == (packet["sport"], packet["dport"])
    return consts.DIR_ORIGINAL if original else consts.DIR_REPLY
