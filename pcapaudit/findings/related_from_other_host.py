"""Strangers at a door that was opened for another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene, address_text
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["RelatedFromOtherHost"]

MAX_HOSTS = 256


class RelatedFromOtherHost:
    """A connection to an announced port from another host than the announced one.

    ## What it does
    Counts packets that begin a connection to a destination and port which a helper expects, while it expects it, from an address that the
    expectation does not allow.

    ## Why it matters
    Somebody tries to take the data connection before its owner does (RFC 2577 calls it port stealing), or a server answers from another
    of its addresses, which no helper allows: then the transfer fails.

    ## Example
    PORT 10,0,0,1,19,137 sent to 192.0.2.1, and 198.51.100.9 connects to port 5001.

    ## Source
    RFC 2577 section 5; Linux nf_conntrack_expect.c (the source address is part of the mask).
    """

    code: ClassVar[str] = "related-from-other-host"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups: Groups[str, Cause] = Groups(MAX_HOSTS, Cause)
        self._expected: dict[str, str] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect the strangers."""
        view = self._scene.view(batch, verdicts)
        for arrival in self._scene.channels.heard(view).arrivals:
            row = arrival.row
            if not arrival.other_host or view["ct_state"][row] != consts.CT_NEW or view.claimed[row]:
                continue
            if view["verdict"][row] >= consts.VERDICT_DROP:
                view.claimed[row] = True
            host = view.address(row, "src")
            cause = self._groups.at(host)
            if cause is not None:
                cause.add(view, np.array([row]))
                cause.parent = cause.parent or arrival.expectation.master.row
                wanted = arrival.expectation.tuple
                self._expected.setdefault(host, address_text(wanted.src >> 64, wanted.src & (1 << 64) - 1, wanted.l3))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a stranger."""
        found = []
        for host, cause in self._groups.items():
            kind = Kind(
                self.code,
                self.severity if cause.accepted else Severity.MEDIUM,
                "RFC 2577 section 5; Linux nf_conntrack_expect.c",
                "If the host is the server's other address, have the server use one; if not, somebody guesses data ports: prefer TLS or "
                "SFTP.",
            )
            message = (
                f"{host} began {plural(cause.count, 'connection')} to a port that was announced for {self._expected[host]}, the first to "
                f"{cause.first['destination']}; {cause.fate}."
            )
            found.append(cause.violation(kind, message, host=host, expected=self._expected[host]))
        return found
