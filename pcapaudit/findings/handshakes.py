"""TCP handshakes in which both sides send a SYN of their own: what three detectors have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, merge, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Violation

__all__ = ["BothSyn", "is_punch", "is_simultaneous", "is_split"]

#: Connections remembered.
MAX_FLOWS = 1024
#: Neither end of a punched connection is a service's port.
LOWEST_PORT = 1024


def is_simultaneous(row: Any) -> bool:
    """Whether both sides answered with a SYN-ACK (history letters as Zeek's)."""
    return "h" in row["history"].decode("ascii")


def is_split(row: Any) -> bool:
    """Whether the side that was called never did, and the caller did."""
    history = row["history"].decode("ascii")
    return "h" not in history and "H" in history


def is_punch(scene: Scene, row: Any) -> bool:
    """Whether a connection that both sides opened goes from inside to outside, between two ports that belong to no service."""
    across = bool(scene.inside[row["iif"]] and scene.outside[row["oif"]])
    return across and min(int(row["sport"]), int(row["dport"])) >= LOWEST_PORT and is_simultaneous(row)


class BothSyn:
    """Collects connections whose answering side sent a SYN without ACK, until their flow rows say whether they are ``wanted``."""

    def __init__(self, scene: Scene, wanted: Callable[[Any], bool]) -> None:
        self._scene = scene
        self._wanted = wanted
        self._flows: Groups[int, Cause] = Groups(MAX_FLOWS, Cause)
        #: Those that were wanted, with their flow rows.
        self.found: list[tuple[Cause, Any]] = []

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note the second SYN."""
        view = self._scene.view(batch, verdicts)
        for row in view.marked["both_syn"][:MAX_FLOWS].tolist():
            cause = self._flows.at(int(view["flow"][row]))
            if cause is not None and not cause.count:
                cause.add(view, np.array([row]))

    def on_flows(self, rows: Any) -> None:
        """Keep those among ended flows that are wanted."""
        if not len(self._flows):
            return
        numbers = [number for number, _ in self._flows.items()]
        for at in np.flatnonzero(np.isin(rows["flow"], numbers)).tolist():
            cause = self._flows.get(int(rows["flow"][at]))
            self._flows.drop(int(rows["flow"][at]))
            if cause is not None and self._wanted(rows[at]):
                self.found.append((cause, rows[at].copy()))

    def violations(self, kind: Kind, how: str) -> list[Violation]:
        """One for all: ``how`` completes "3 connections opened ..."."""
        if not self.found:
            return []
        total = merge([cause for cause, _ in self.found])
        first = total.first
        who = f"{first['source']} sent {first['destination']} a SYN of its own in frame {first['frame']}"
        return [total.violation(kind, f"{plural(len(self.found), 'connection')} opened {how}: {who}.")]
