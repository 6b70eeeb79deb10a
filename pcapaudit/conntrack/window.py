"""The window check of one TCP segment, with its numbers: what ``tcp`` held against which bound, for whoever explains a packet.

The engine's own check is in ``tcp`` and writes no more than which bound failed. Here the four bounds of its docstring are written
out from the entry as it was before the segment. They decide nothing; a test holds them against the engine's answer for every segment of
every capture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pcapaudit.conntrack import layout
from pcapaudit.conntrack.seqnum import after, before, wrap
from pcapaudit.core import consts

__all__ = ["Bound", "Segment", "Window", "judge_window"]

#: As in ``tcp``: how far an acknowledgement may lag behind, at least.
_ACK_WINDOW = 66000
_SIDE_WORDS = layout.SIDE_WORDS
_OPENING = (consts.TCPS_SYN_SENT, consts.TCPS_SYN_RECV)
_SIMULTANEOUS = "a SYN from each side: there is no window yet"


@dataclass(frozen=True, slots=True)
class Segment:
    """The numbers of a TCP segment; sequence numbers are of 32 bits."""

    flags: int
    seq: int
    ack: int
    #: Right edge of the highest SACK block, or ``ack``.
    sack: int
    #: ``seq`` plus the length, SYN and FIN counting one each.
    end: int
    #: Window field, not scaled.
    win: int


@dataclass(frozen=True, slots=True)
class Bound:
    """One of the four conditions."""

    #: ``I`` to ``IV``.
    name: str
    #: ``seq``, ``end`` or ``ack``, and its value.
    value_name: str
    value: int
    #: ``<=`` or ``>=``, and the number it is held against.
    relation: str
    limit: int
    #: Whether the segment keeps to it.
    holds: bool
    #: How the limit is made, in the words of ``tcp``.
    made_of: str


@dataclass(frozen=True, slots=True)
class Window:
    """The check of one segment."""

    #: The four bounds; empty when nothing was to be held against them.
    bounds: tuple[Bound, ...]
    #: Name of the bound that failed first in the engine's order, or empty.
    failed: str
    #: Why there are no bounds, or why a failed one does not count; else empty.
    remark: str


@dataclass(slots=True)
class _Side:
    end: int
    maxend: int
    maxwin: int
    flags: int


def judge_window(words: Sequence[int], direction: int, segment: Segment, *, liberal: bool) -> Window:
    """The check of a segment that runs in ``direction`` against a row as it was before. ``liberal``: nf_conntrack_tcp_be_liberal."""
    sender, receiver = (_side(words, number) for number in (direction, 1 - direction))
    state = words[layout.W_STATUS] >> 16 & 15
    sack = segment.sack if receiver.flags & layout.SIDE_SACK_PERM else segment.ack
    remark = _meet(sender, receiver, segment, sack, answers=direction == consts.DIR_REPLY, opening=state in _OPENING)
    if remark:
        return Window((), "", remark)
    seq, end = segment.seq, segment.end
    if not segment.flags & consts.TCP_ACK or (segment.flags & consts.TCP_RST and segment.ack == 0):
        sack = receiver.end
    if segment.flags & consts.TCP_RST and seq == 0 and state == consts.TCPS_SYN_SENT:
        seq = end = sender.end
    bounds = _bounds(sender, receiver, seq, end, sack)
    failed = next((bounds[number].name for number in (0, 2, 1, 3) if not bounds[number].holds), "")
    if failed and (liberal or sender.flags & layout.SIDE_LIBERAL):
        why = "nf_conntrack_tcp_be_liberal is on" if liberal else "the connection was picked up in the middle: its window is not known"
        return Window(bounds, "", f"bound {failed} fails and does not count: {why}")
    return Window(bounds, failed, "")


def _side(words: Sequence[int], number: int) -> _Side:
    at = layout.W_SIDE + number * _SIDE_WORDS
    return _Side(words[at + layout.SIDE_END], words[at + layout.SIDE_MAXEND], words[at + layout.SIDE_MAXWIN], words[at + layout.SIDE_FLAGS])


def _meet(sender: _Side, receiver: _Side, segment: Segment, sack: int, *, answers: bool, opening: bool) -> str:
    """First sight of the sender, or a SYN that starts it anew: what is known of both sides then. Returns why nothing is judged, if so."""
    is_syn, has_ack = segment.flags & consts.TCP_SYN, segment.flags & consts.TCP_ACK
    if sender.maxwin == 0:
        if is_syn:
            _start(sender, segment)
            return "" if has_ack else _SIMULTANEOUS
        win = wrap(segment.win << (sender.flags >> 8 & 0xFF)) or 1
        sender.end, sender.maxwin, sender.maxend = segment.end, win, wrap(segment.end + win)
        if receiver.maxwin == 0:
            receiver.end = receiver.maxend = sack
        elif sack == wrap(receiver.end + 1):
            receiver.end = sack
    elif is_syn and opening and after(segment.end, sender.end):
        _start(sender, segment)
        return _SIMULTANEOUS if answers and not has_ack else ""
    return ""


def _start(sender: _Side, segment: Segment) -> None:
    sender.end = sender.maxend = segment.end
    sender.maxwin = segment.win or 1


def _bounds(sender: _Side, receiver: _Side, seq: int, end: int, sack: int) -> tuple[Bound, ...]:
    lowest_end = wrap(sender.end - receiver.maxwin)
    lowest_ack = wrap(receiver.end - max(sender.maxwin, _ACK_WINDOW))
    return (
        Bound("I", "seq", seq, "<=", sender.maxend, bool(before(seq, wrap(sender.maxend + 1))), "sender's maxend"),
        Bound(
            "II",
            "end",
            end,
            ">=",
            lowest_end,
            receiver.maxwin == 0 or bool(after(end, wrap(lowest_end - 1))),
            f"sender's end {sender.end} - receiver's maxwin {receiver.maxwin}",
        ),
        Bound("III", "ack", sack, "<=", receiver.end, bool(before(sack, wrap(receiver.end + 1))), "receiver's end"),
        Bound(
            "IV",
            "ack",
            sack,
            ">=",
            lowest_ack,
            bool(after(sack, wrap(lowest_ack - 1))),
            f"receiver's end {receiver.end} - {max(sender.maxwin, _ACK_WINDOW)}",
        ),
    )
