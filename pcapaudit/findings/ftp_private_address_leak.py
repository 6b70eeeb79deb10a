"""Private addresses that leave in FTP announcements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.ftp_bounce import is_private
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene, address_text
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["FtpPrivateAddressLeak"]

MAX_HOSTS = 256


class FtpPrivateAddressLeak:
    """An FTP announcement names a private address, and its sender's is a public one.

    ## What it does
    Counts PORT, EPRT and 227 announcements whose address is private (RFC 1918, RFC 6598, RFC 4193, link-local) while the packet that
    carries them comes from a public address.

    ## Why it matters
    Some NAT on the way translated the packet's address and not the one inside it: it has no FTP helper, or cannot read the channel. The
    other end cannot connect there, and learns how the network inside is numbered. Linux's helper ignores such an announcement, as the
    address is not the sender's.

    ## Example
    A server at 203.0.113.5 answers PASV with "227 Entering Passive Mode (192,168,1,5,195,80)".

    ## Source
    RFC 2663 section 4; RFC 3027 section 3.1; Linux nf_conntrack_ftp.c.
    """

    code: ClassVar[str] = "ftp-private-address-leak"
    severity: ClassVar[Severity] = Severity.MEDIUM
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups: Groups[str, Cause] = Groups(MAX_HOSTS, Cause)
        self._named: dict[str, tuple[str, str]] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Look at the announcements."""
        view = self._scene.view(batch, verdicts)
        for said in self._scene.channels.heard(view).said:
            row, what = said.row, said.what
            if what.address is None:
                continue
            text = address_text(what.address >> 64, what.address & (1 << 64) - 1, int(view["l3"][row]))
            host = view.address(row, "src")
            if not is_private(text) or is_private(host):
                continue
            cause = self._groups.at(host)
            if cause is not None:
                cause.add(view, np.array([row]))
                self._named.setdefault(host, (text, "client" if said.direction == consts.DIR_ORIGINAL else "server"))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a sender."""
        kind = Kind(
            self.code,
            self.severity,
            "RFC 2663 section 4; RFC 3027 section 3.1; Linux nf_conntrack_ftp.c",
            "Assign the FTP helper on the NAT in front of this host (nf_nat_ftp then translates the address inside), or tell the server "
            "its public address (vsftpd pasv_address), or use EPSV, which names none.",
        )
        found = []
        for host, cause in self._groups.items():
            named, role = self._named[host]
            message = (
                f"FTP {role} {host} announced the private address {named} in {plural(cause.count, 'packet')}: nobody outside can connect "
                "there."
            )
            found.append(cause.violation(kind, message, announced=named, role=role))
        return found
