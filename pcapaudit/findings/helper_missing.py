"""Announced data connections that were refused because no helper heard the announcement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts, vocab
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.channels import rule_to_add
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["HelperMissing"]

MAX_CHANNELS = 256
#: Refused connections that are remembered.
MAX_ENDS = 4096


class HelperMissing:
    """A data connection that a control channel announced, refused because no helper was assigned.

    ## What it does
    Reads FTP, TFTP, SIP, IRC, PPTP, SANE, Amanda and H.323 (Q.931, RAS) on their ports as the conntrack helpers do, whether the firewall
    gave the connection a helper or not. A packet that begins an announced connection and is refused as NEW, while the control channel had
    no helper, is counted. Channels on other ports are read where `--helper` or a rule (`tcp dport 2121 ct helper set …`) names the port.

    ## Why it matters
    Since Linux 6.0 a helper works only where a rule assigns it (before, the sysctl nf_conntrack_helper did it, off by default since 4.7).
    Without it the data connection is NEW instead of RELATED: the login works, the listing hangs.

    ## Example
    `captures/ftp-active.pcap`: the server's data connections to the client are refused; with `--helper ftp` they are RELATED.

    ## Source
    Linux nf_conntrack_helper.c; nft(8), "ct helper"; RFC 959 section 3.2.
    """

    code: ClassVar[str] = "helper-missing"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By helper, protocol and port of the control channel.
        self._groups: Groups[tuple[str, str, int], Cause] = Groups(MAX_CHANNELS, Cause)
        #: Refused connections → their cause.
        self._ends: dict[tuple[tuple[int, int, int], tuple[int, int, int]], tuple[str, str, int]] = {}
        self._announced: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._helpers: dict[tuple[str, str, int], Any] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Collect what was announced, not heard and refused."""
        view = self._scene.view(batch, verdicts)
        for arrival in self._scene.channels.heard(view).arrivals:
            row = arrival.row
            if not arrival.unheard or view["verdict"][row] < consts.VERDICT_DROP or view.claimed[row]:
                continue
            view.claimed[row] = True
            master = arrival.expectation.master
            key = master.helper.name, vocab.PROTOCOLS[master.original.proto], arrival.port
            cause = self._groups.at(key)
            if cause is not None:
                if len(self._ends) < MAX_ENDS:
                    self._ends[_ends(view, row)] = key
                cause.add(view, np.array([row]))
                cause.parent = cause.parent or master.row
                self._helpers.setdefault(key, master.helper)
                self._announced.setdefault(key, {"announced_by_flow": master.row, "announced_in_frame": arrival.expectation.frame})

        if self._ends:
            self._claim_the_rest(view)

    def _claim_the_rest(self, view: Any) -> None:
        """What else came of these connections belongs to the same cause."""
        rows = view.marked["uninvited"]
        for row in rows[~view.claimed[rows]].tolist() if len(rows) else ():
            key = self._ends.get(_ends(view, row)) or self._ends.get(_ends(view, row)[::-1])
            cause = None if key is None else self._groups.at(key)
            if cause is not None:
                view.claimed[row] = True
                cause.add(view, np.array([row]))

    def on_flows(self, rows: Any) -> None:
        """Control channels end."""
        flows = self._scene.flows(rows)
        self._scene.channels.ended(flows["flow"][flows["end"] != consts.END_EOF])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a helper and port."""
        found = []
        for key, cause in self._groups.items():
            name, proto, port = key
            rule = rule_to_add(self._helpers[key], proto, port)
            kind = Kind(
                self.code,
                self.severity,
                "Linux nf_conntrack_helper.c: no automatic assignment since 6.0; nft(8), ct helper",
                f"Assign the helper, and accept ct state related: {rule}. With iptables: "
                f"-t raw -A PREROUTING -p {proto} --dport {port} -j CT --helper {name}.",
            )
            message = (
                f"{plural(cause.count, 'packet')} refused of connections announced on {name} channels ({proto} port {port}), the "
                f"first {cause.first['source']} to {cause.first['destination']}: no helper was assigned."
            )
            found.append(cause.violation(kind, message, helper=name, port=port, rule_to_add=rule, **self._announced[key]))
        return found


def _ends(view: Any, row: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Source and destination of a packet."""
    source, target = ((int(view[f"{end}_hi"][row]), int(view[f"{end}_lo"][row]), int(view[f"{end[0]}port"][row])) for end in ("src", "dst"))
    return source, target
