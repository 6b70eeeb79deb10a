"""FTP clients that have the server connect to a third host."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.scene import Scene, address_text
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["FtpBounce", "is_private"]

MAX_CLIENTS = 256


class FtpBounce:
    """An FTP client asks the server to connect to a third host (PORT or EPRT).

    ## What it does
    Counts PORT and EPRT commands whose address is not the client's, leaving out private addresses from behind a NAT
    (`ftp-private-address-leak`). The finding says whether the named host was then connected to.

    ## Why it matters
    A server that obeys scans ports, or delivers a prepared file, in the client's place, from behind the firewall (the bounce attack).
    Linux's helper opens no way for such a connection unless nf_conntrack_ftp has loose=1.

    ## Example
    A client at 203.0.113.66 sends "PORT 192,168,10,1,0,25" to have the server talk to the mail server there.

    ## Source
    RFC 2577 section 3; CERT advisory CA-1997-27; Linux nf_conntrack_ftp.c, parameter loose.
    """

    code: ClassVar[str] = "ftp-bounce"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("channels",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._groups: Groups[str, Cause] = Groups(MAX_CLIENTS, Cause)
        #: By client: what it named, in order; a few.
        self._named: dict[str, dict[str, None]] = {}
        #: Named ends that were connected to: (destination, port) → client.
        self._watched: dict[tuple[int, int], str] = {}
        self._reached: dict[str, set[str]] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Look at the announcements."""
        view = self._scene.view(batch, verdicts)
        for said in self._scene.channels.heard(view).said:
            row, what = said.row, said.what
            own = int(view["src_hi"][row]) << 64 | int(view["src_lo"][row])
            if said.direction != consts.DIR_ORIGINAL or what.address in (None, own):
                continue
            l3 = int(view["l3"][row])
            assert what.address is not None  # noqa: S101 (the line above)
            text = address_text(what.address >> 64, what.address & (1 << 64) - 1, l3)
            if is_private(text) and not is_private(view.address(row, "src")):
                continue
            client = view.address(row, "src")
            cause = self._groups.at(client)
            if cause is None:
                continue
            cause.add(view, np.array([row]))
            named = self._named.setdefault(client, {})
            if len(named) < 20:
                named[f"{text}:{what.port}"] = None
                self._watched[what.address, what.port] = client
        if self._watched:
            self._watch(view)

    def _watch(self, view: Any) -> None:
        """Connections to the named ends that were let through."""
        for row in view.marked["newcomer"].tolist():
            end = int(view["dst_hi"][row]) << 64 | int(view["dst_lo"][row]), int(view["dport"][row])
            if end in self._watched and view["verdict"][row] == consts.VERDICT_ACCEPT:
                self._reached.setdefault(self._watched[end], set()).add(view.destination(row))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a client; a scan of many ports is one finding."""
        found = []
        for client, cause in self._groups.items():
            reached = sorted(self._reached.get(client, ()))
            named = list(self._named.get(client, ()))
            kind = Kind(
                self.code,
                self.severity if reached else Severity.MEDIUM,
                "RFC 2577 section 3; Linux nf_conntrack_ftp.c (loose)",
                "Have the server refuse PORT to other hosts and to ports below 1024 (RFC 2577), and leave nf_conntrack_ftp's loose off.",
            )
            outcome = f"connections to {', '.join(reached)} were let through" if reached else "no such connection was let through"
            message = (
                f"{client} told the FTP server {cause.first['destination']} {plural(cause.count, 'time')} to connect to another host, the "
                f"first {named[0]}; {outcome}."
            )
            found.append(cause.violation(kind, message, named=named, reached=reached))
        return found


def is_private(address: str) -> bool:
    """Whether an address belongs to no public network: RFC 1918, RFC 6598, RFC 4193, link-local."""
    return any(ip_address(address) in network for network in _PRIVATE)


_PRIVATE = [
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10")
]
