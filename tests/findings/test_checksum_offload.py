"""Unfinished and wrong checksums."""

from __future__ import annotations

from packets import found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.checksum_offload import ChecksumOffload
from pcapaudit.findings.violation import Severity


def test_unfinished():
    """A fact about the capture, with the host it was made on."""
    violation = only(found(ChecksumOffload, packets({"l4_csum": consts.CSUM_OFFLOADED}, {"l4_csum": consts.CSUM_GOOD})))
    assert violation.message == "1 packet from 198.51.100.7 left before the card had finished the checksum."
    assert (violation.severity, violation.evidence["kind"]) == (Severity.INFO, "unfinished")


def test_wrong():
    """From two hosts; one of them was called invalid."""
    bad = {"l4_csum": consts.CSUM_BAD, "ct_state": consts.CT_INVALID, "reason": consts.REASON_BAD_CHECKSUM, "verdict": consts.VERDICT_DROP}
    violation = only(found(ChecksumOffload, packets(bad, {"l4_csum": consts.CSUM_BAD, "src": "198.51.100.8"})))
    assert violation.message == "2 packets from 2 hosts with a wrong checksum; conntrack calls 1 invalid."
    assert (violation.severity, violation.evidence["senders"]) == (Severity.LOW, ["198.51.100.7", "198.51.100.8"])


def test_good():
    """Unchecked, absent, not IP."""
    rows = [{"l4_csum": consts.CSUM_ABSENT}, {"l4_csum": consts.CSUM_UNCHECKED}, {"l4_csum": consts.CSUM_GOOD}]
    assert not found(ChecksumOffload, packets(*rows))
