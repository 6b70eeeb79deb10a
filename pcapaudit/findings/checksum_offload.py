"""Checksums that the sender's network card was to finish, and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.consts import CSUM_BAD, CSUM_OFFLOADED, REASON_BAD_CHECKSUM
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["ChecksumOffload"]

#: Senders named, and batches in which they are looked for.
MAX_SENDERS = 16
LOOKED_AT = 64


class ChecksumOffload:
    """Checksums that were not finished, or are wrong.

    ## What it does
    Counts packets whose transport checksum is only the sum of the pseudo header (the sender's card was to finish it), with their
    senders, and apart from them those whose checksum is wrong.

    ## Why it matters
    A capture made on the sending host shows packets before the card has finished them. Tools that check sums throw half of the traffic
    away and then find unanswered connections everywhere; `--checksum auto` takes them for good. Wrong sums are another matter: Linux calls
    such packets invalid, and a packet that one device drops and another accepts is a way past the stricter one.

    ## Example
    `captures/offload.pcap`: captured on the sender with segmentation and checksum offload.

    ## Source
    Linux Documentation/networking/checksum-offloads; nf_conntrack_checksum.
    """

    code: ClassVar[str] = "checksum-offload"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("sums",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._causes = {CSUM_OFFLOADED: Cause(), CSUM_BAD: Cause()}
        self._senders: dict[int, dict[str, None]] = {CSUM_OFFLOADED: {}, CSUM_BAD: {}}
        self._looks = 0
        self._invalid = 0

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Count them."""
        view = self._scene.view(batch, verdicts)
        odd = view.marked["sums"]
        if not len(odd):
            return
        sums = view["l4_csum"][odd]
        for number, cause in self._causes.items():
            rows = odd[sums == number]
            if not len(rows):
                continue
            cause.add(view, rows)
            if number == CSUM_BAD:
                self._invalid += int(np.count_nonzero(view["reason"][rows] == REASON_BAD_CHECKSUM))
            if self._looks < LOOKED_AT and len(self._senders[number]) < MAX_SENDERS:
                self._looks += 1
                first = np.unique(view["src_hi"][rows] ^ view["src_lo"][rows], return_index=True)[1]
                for row in rows[np.sort(first)][:MAX_SENDERS].tolist():
                    self._senders[number].setdefault(view.address(row, "src"))

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One for unfinished sums, one for wrong ones."""
        source = "Linux Documentation/networking/checksum-offloads; nf_conntrack_checksum"
        unfinished, wrong = self._causes[CSUM_OFFLOADED], self._causes[CSUM_BAD]
        found = []
        if unfinished.count:
            advice = "Nothing, if the capture was made on that host. A capture elsewhere, or after ethtool -K IFACE tx off, shows the wire."
            message = (
                f"{plural(unfinished.count, 'packet')} from {self._who(CSUM_OFFLOADED)} left before the card had finished the checksum."
            )
            kind = Kind(self.code, Severity.INFO, source, advice)
            found.append(unfinished.violation(kind, message, kind="unfinished", senders=sorted(self._senders[CSUM_OFFLOADED])))
        if wrong.count:
            advice = (
                "If all are from one host that was captured on itself, its card was to compute them (--checksum ignore); else "
                "a broken card, cable or middlebox, or somebody who wants one device to see what another does not."
            )
            what = f"with a wrong checksum; conntrack calls {self._invalid} invalid"
            message = f"{plural(wrong.count, 'packet')} from {self._who(CSUM_BAD)} {what}."
            kind = Kind(self.code, Severity.LOW, source, advice)
            senders = sorted(self._senders[CSUM_BAD])
            found.append(wrong.violation(kind, message, kind="wrong", senders=senders, invalid=self._invalid))
        return found

    def _who(self, number: int) -> str:
        senders = list(self._senders[number])
        if len(senders) == 1:
            return senders[0]
        return f"{'at least ' if len(senders) >= MAX_SENDERS else ''}{len(senders)} hosts"
