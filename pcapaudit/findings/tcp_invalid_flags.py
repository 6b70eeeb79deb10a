"""TCP packets with flags that no TCP sends together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.groups import Groups, split
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["TcpInvalidFlags"]

#: Senders remembered apart, and those that get a finding each; more become one finding.
MAX_SENDERS = 256
SINGLE_SENDERS = 3

#: What scanners call their probes, by the flags that count (PSH, ECE and CWR never do).
_NAMES = {0: "null", consts.TCP_FIN: "FIN", consts.TCP_FIN | consts.TCP_URG: "Xmas"}
_COUNTED = ~(consts.TCP_PSH | consts.TCP_ECE | consts.TCP_CWR) & 0xFF


class _Sender(Cause):
    """What one sender sent."""

    __slots__ = ("shapes",)

    def __init__(self) -> None:
        super().__init__()
        self.shapes: Counter[str] = Counter()


class TcpInvalidFlags:
    """TCP packets with an impossible combination of flags.

    ## What it does
    Counts, by sender, the packets whose flags no TCP sends together: none at all, FIN without ACK, SYN with FIN or RST, and so on, and
    names the known probes (null, FIN, Xmas). A finding is worse when the ruleset lets such packets through.

    ## Why it matters
    Nobody sends them by accident. They probe hosts past filters that only look at SYN, and tell operating systems apart; a filter with
    state calls them invalid, and a rule that drops invalid packets ends it.

    ## Example
    `nmap -sN -sF -sX` in `captures/scan.pcap`; every combination once in `captures/tcp-flags.pcap`.

    ## Source
    Linux nf_conntrack_proto_tcp.c, the table of valid flags; RFC 9293 section 3.10.7.
    """

    code: ClassVar[str] = "tcp-invalid-flags"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("reasoned",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._senders: Groups[str, _Sender] = Groups(MAX_SENDERS, _Sender)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect them by sender."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["reasoned"]
        if len(rows):
            rows = rows[(view["reason"][rows] == consts.REASON_TCP_FLAGS) & ~view.claimed[rows]]
        if not len(rows):
            return
        view.claimed[rows] = True
        parts, rest = split(view["src_hi"][rows] ^ view["src_lo"][rows], 64, 8)
        for at in parts:
            sender = self._senders.at(view.address(int(rows[at[0]]), "src"), len(at))
            if sender is not None:
                sender.add(view, rows[at])
                found = np.bincount(view["tcp_flags"][rows[at]] & _COUNTED)
                for flags in np.flatnonzero(found).tolist():
                    sender.shapes[_NAMES.get(flags, _letters(flags))] += int(found[flags])
        self._senders.missed += len(rest)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a sender, or one for all when there are many."""
        senders = dict(self._senders.items())
        if len(senders) <= SINGLE_SENDERS:
            return [self._violation(sender, cause, 0) for sender, cause in senders.items()]
        total: _Sender = merge(list(senders.values()), _Sender)
        total.shapes = sum((cause.shapes for cause in senders.values()), Counter())
        return [self._violation(f"{len(senders)} hosts", total, self._senders.missed)]

    def _violation(self, who: str, cause: _Sender, missed: int) -> Violation:
        kind = Kind(
            self.code,
            Severity.MEDIUM if cause.accepted else Severity.LOW,
            "Linux nf_conntrack_proto_tcp.c, valid flag combinations; RFC 9293 section 3.10.7",
            "Let the ruleset drop packets in ct state invalid before it accepts anything: some of these were accepted."
            if cause.accepted
            else "A probe, and refused: nothing to do. Look for what else the sender has tried.",
        )
        ranked = sorted(cause.shapes.items(), key=lambda item: (-item[1], item[0]))
        shapes = ", ".join(f"{count} {name}" for name, count in ranked[:4])
        more = f" and {len(cause.shapes) - 4} more combinations" if len(cause.shapes) > 4 else ""
        message = f"{who} sent {plural(cause.count, 'TCP packet')} with impossible flags ({shapes}{more}); {cause.fate}."
        return cause.violation(kind, message, flags=dict(sorted(cause.shapes.items())), not_told_apart=missed)


def _letters(flags: int) -> str:
    return "".join(letter for bit, letter in enumerate(vocab.TCP_FLAG_LETTERS) if flags >> bit & 1)
