"""FTP channels that a helper cannot read."""

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

__all__ = ["EncryptedControlChannel"]

MAX_SERVERS = 256


class EncryptedControlChannel:
    """An FTP control channel goes on over TLS: no helper can read what it announces.

    ## What it does
    Finds FTP channels on which the client sent AUTH and the server agreed (234 or 334), and counts the packets refused afterwards that
    began a connection between the same two hosts.

    ## Why it matters
    What the channel announces is hidden from the firewall: the data connections are NEW, not RELATED, helper or not. With a policy that
    relies on the helper, FTP over TLS logs in and then hangs.

    ## Example
    "AUTH TLS" and "234 Proceed with negotiation", and a passive data connection that is refused.

    ## Source
    RFC 4217 section 12 and its appendix on firewalls; Linux nf_conntrack_ftp.c.
    """

    code: ClassVar[str] = "encrypted-control-channel"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By server.
        self._groups: Groups[str, Cause] = Groups(MAX_SERVERS, Cause)
        self._helped: set[str] = set()
        self._servers: dict[int, str] = {}
        self._refused: dict[str, Cause] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect the channels, and what was refused behind them."""
        view = self._scene.view(batch, verdicts)
        heard = self._scene.channels.heard(view)
        for secret in heard.secrets:
            server = view.source(secret.row)
            cause = self._groups.at(server)
            if cause is None:
                continue
            cause.add(view, np.array([secret.row]))
            self._servers[secret.flow] = server
            if secret.helped:
                self._helped.add(server)
        for row, flow in heard.behind_secrets:
            if flow in self._servers and view["verdict"][row] >= consts.VERDICT_DROP and not view.claimed[row]:
                view.claimed[row] = True
                self._refused.setdefault(self._servers[flow], Cause()).add(view, np.array([row]))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a server."""
        found = []
        for server, cause in self._groups.items():
            refused = self._refused.get(server)
            kind = Kind(
                self.code,
                self.severity if refused is not None else Severity.INFO,
                "RFC 4217 section 12; Linux nf_conntrack_ftp.c",
                "Give the server a fixed passive port range (vsftpd pasv_min_port and pasv_max_port) and allow it by a rule; CCC (RFC 4217 "
                "section 10) would show the commands again, few use it.",
            )
            helped = "; the helper that it has cannot read it" if server in self._helped else ""
            outcome = f"; {plural(refused.count, 'packet')} that began connections behind it refused" if refused is not None else ""
            message = f"{plural(cause.count, 'FTP channel')} of {server} went on over TLS{helped}{outcome}."
            evidence = {"server": server, "helper_assigned": server in self._helped, "refused_afterwards": refused.count if refused else 0}
            if refused is not None:
                evidence["first_refused"] = refused.first
            found.append(cause.violation(kind, message, **evidence))
        return found
