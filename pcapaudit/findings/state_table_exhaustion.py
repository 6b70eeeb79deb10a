"""A connection table that is full, nearly full, or filled by those who never get an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, plural
from pcapaudit.findings.occupancy import Occupancy
from pcapaudit.findings.rates import Rates
from pcapaudit.findings.scene import Scene, flow_ends
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["DEFAULT_MAX", "StateTableExhaustion"]

#: nf_conntrack_max of Linux on a machine with more than 4 GB, taken where the run has no limit of its own.
DEFAULT_MAX = 262_144


class StateTableExhaustion:
    """A connection table at its limit, or on the way there.

    ## What it does
    Counts entries over time from the flows: the most at one time, how many of them had had no answer, and how many new ones came in the
    busiest second. Reported when packets were refused or entries thrown out because the table was full, when the most is near
    nf_conntrack_max (the run's, or Linux's 262 144), or when entries without an answer are the majority of many and would reach it at the
    rate seen.

    ## Why it matters
    When the table is full, Linux drops the first packets of new connections, whoever they are from: "nf_conntrack: table full,
    dropping packet". A rule says accept, and nobody gets through.

    ## Example
    `captures/syn-flood.pcap` with `--sysctl nf_conntrack_max=50`.

    ## Source
    Linux nf_conntrack_max, nf_conntrack_core.c (early drop); RFC 4732 section 2.2.
    """

    code: ClassVar[str] = "state-table-exhaustion"
    severity: ClassVar[Severity] = Severity.CRITICAL
    reads: ClassVar[tuple[str, ...]] = ("reasoned",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._full = Cause()
        self._entries, self._unreplied = Occupancy(), Occupancy()
        self._new = Rates()
        self._evicted = 0
        self._waiting_ns = self._waiting = 0
        self._first: Any = None

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count the packets for which there was no room."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["reasoned"]
        if len(rows):
            rows = rows[view["reason"][rows] == consts.REASON_TABLE_FULL]
        if len(rows):
            view.claimed[rows] = True
            self._full.add(view, rows)

    def on_flows(self, rows: Any) -> None:
        """Count entries over time."""
        flows = self._scene.flows(rows)
        at = flows.admitted
        begin, end, answer = flows["first_ns"][at], flows["end_ns"][at], flows["first_reply_ns"][at]
        if not len(begin):
            return
        end = np.maximum(begin, end)
        silent = ~flows.answered[at]
        replied = np.where(silent | (answer < begin), end, np.minimum(answer, end))
        # What is there at the end of the capture has not ended.
        ended = flows["end"][at] != consts.END_EOF
        self._entries.add(begin, end[ended])
        self._unreplied.add(begin, replied[ended | ~silent])
        self._new.add(begin)
        self._waiting += int(np.count_nonzero(silent))
        self._waiting_ns += int((end - begin)[silent].sum())
        self._evicted += int(np.count_nonzero(flows["end"][at] == consts.END_EVICTED))
        earliest = int(flows["first_frame"][at].argmin())
        row = flows.rows[earliest if isinstance(at, slice) else at[earliest]]
        if self._first is None or row["first_frame"] < self._first["first_frame"]:
            self._first = row.copy()

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for the run."""
        if self._first is None:
            return []
        limit = self._scene.context.conntrack.max
        most = limit or DEFAULT_MAX
        peak, peak_ns = self._entries.peak()
        unreplied = min(peak, self._unreplied.at(peak_ns))
        lost = self._full.count or self._evicted
        near, many, share = (self._scene.threshold(self.code, name) for name in ("share", "entries", "unreplied-share"))
        # At the busiest second's rate, each unanswered entry kept as long as they were here.
        kept = self._waiting_ns / 1e9 / self._waiting if self._waiting else 0.0
        forecast = round(self._new.peak * kept)
        filling = peak >= many and unreplied >= share * peak
        if not (lost or peak >= near * most or filling):
            return []
        severity = Severity.CRITICAL if lost else Severity.HIGH if max(peak, forecast) >= near * most else Severity.MEDIUM
        evidence = {
            "most_entries": peak,
            "limit": most,
            "limit_given": bool(limit),
            "share_of_the_limit": round(peak / most, 4),
            "unreplied_then": unreplied,
            "new_a_second_at_most": self._new.peak,
            "seconds_an_unanswered_entry_stayed": round(kept, 3),
            "forecast_entries": forecast,
            "refused_for_room": self._full.count,
            "thrown_out_early": self._evicted,
            "entries": self._entries.evidence(),
            "new": self._new.evidence(),
        }
        return [self._violation(severity, evidence)]

    def _violation(self, severity: Severity, evidence: dict[str, Any]) -> Violation:
        peak, most, refused, early = (evidence[name] for name in ("most_entries", "limit", "refused_for_room", "thrown_out_early"))
        name = f"{most} of nf_conntrack_max" if evidence["limit_given"] else f"the {most} of Linux's default"
        lost = f"{plural(refused, 'packet')} found no room, {early} entries were thrown out early" if refused or early else ""
        first = self._full.first["frame"] if refused else int(self._first["first_frame"])
        forecast = evidence["forecast_entries"]
        course = f"at {evidence['new_a_second_at_most']:.0f} new ones a second it would hold {forecast}" if forecast > peak else ""
        message = (
            f"The table held {peak} entries at most, of {name}, {evidence['unreplied_then']} of them without an answer"
            f"{''.join(f'; {part}' for part in (lost, course) if part)}."
        )
        return Violation(
            code=self.code,
            severity=severity,
            flow=self._full.flow if refused else int(self._first["flow"]),
            first_frame=first,
            last_frame=self._full.last_frame if refused else first,
            count=refused or early or peak,
            message=message,
            evidence={**evidence, "first": self._full.first if refused else flow_ends(self._first)[0]},
            source="Linux nf_conntrack_max; nf_conntrack_core.c",
            advice=(
                "Raise nf_conntrack_max (about 300 bytes an entry) and the hash size with it; shorten tcp.syn_sent and udp.unreplied if "
                "the unanswered fill it; notrack what needs no state; limit new connections by source. --sysctl and --timeout try it."
            ),
        )
