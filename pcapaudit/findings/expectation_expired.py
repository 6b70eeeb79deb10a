"""Data connections that came when they were no longer expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["ExpectationExpired"]

MAX_HELPERS = 64


class ExpectationExpired:
    """An announced data connection came too late.

    ## What it does
    Counts packets that begin a connection which a helper had announced, up to an hour after the expectation's time was over (FTP and TFTP
    300 s, SIP media 180 s), and which therefore is NEW.

    ## Why it matters
    The helper works, and the connection is refused all the same. Slow servers, callers who wait, and clients that announce a port long
    before they use it do that.

    ## Example
    A PORT command, and the server's data connection six minutes later.

    ## Source
    Linux nf_conntrack_expect.c; nf_conntrack_ftp.c (300 s), nf_conntrack_sip.c (180 s).
    """

    code: ClassVar[str] = "expectation-expired"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups: Groups[str, Cause] = Groups(MAX_HELPERS, Cause)
        #: Seconds from the announcement to the latest of them, by helper.
        self._latest: dict[str, float] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect those that came late."""
        view = self._scene.view(batch, verdicts)
        for arrival in self._scene.channels.heard(view).arrivals:
            row = arrival.row
            if not arrival.late or view["ct_state"][row] != consts.CT_NEW or view.claimed[row]:
                continue
            if view["verdict"][row] >= consts.VERDICT_DROP:
                view.claimed[row] = True
            name = arrival.expectation.master.helper.name
            cause = self._groups.at(name)
            if cause is not None:
                cause.add(view, np.array([row]))
                cause.parent = cause.parent or arrival.expectation.master.row
                late = (int(view["ts_ns"][row]) - arrival.expectation.made_ns) / 1e9
                self._latest[name] = max(self._latest.get(name, 0.0), late)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a helper."""
        found = []
        for name, cause in self._groups.items():
            kind = Kind(
                self.code,
                self.severity if cause.accepted < cause.count else Severity.LOW,
                "Linux nf_conntrack_expect.c",
                "The helper's time-out is fixed in the kernel: find out why the data connection is late, or allow the ports by a rule "
                "(a passive range of the server, for instance).",
            )
            message = (
                f"{plural(cause.count, 'packet')} began connections that {name} had announced and that were no longer expected, up to "
                f"{self._latest[name]:.0f} s after the announcement; {cause.fate}."
            )
            found.append(cause.violation(kind, message, helper=name, latest_seconds=round(self._latest[name], 3)))
        return found
