"""Flags that no TCP sends together."""

from __future__ import annotations

from packets import found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.tcp_invalid_flags import TcpInvalidFlags
from pcapaudit.findings.violation import Severity

BAD = {"ct_state": consts.CT_INVALID, "reason": consts.REASON_TCP_FLAGS, "verdict": consts.VERDICT_DROP}


def test_probes_have_names():
    """PSH does not count."""
    rows = [{**BAD, "tcp_flags": flags} for flags in (0x00, 0x08, 0x01, 0x29, 0x03)]
    violation = only(found(TcpInvalidFlags, packets(*rows)))
    assert violation.message == ("198.51.100.7 sent 5 TCP packets with impossible flags (2 null, 1 FIN, 1 FS, 1 Xmas); refused.")
    assert violation.severity == Severity.LOW


def test_accepted_probes_are_worse():
    """The ruleset lets invalid packets through."""
    violation = only(found(TcpInvalidFlags, packets({**BAD, "tcp_flags": 0, "verdict": consts.VERDICT_ACCEPT})))
    assert violation.severity == Severity.MEDIUM
    assert "ct state invalid" in violation.advice


def test_many_senders_are_one_finding():
    """Four and more."""
    violation = only(found(TcpInvalidFlags, packets(*({**BAD, "src": f"198.51.100.{i}", "tcp_flags": i} for i in range(9)))))
    assert violation.message.startswith("9 hosts sent 9 TCP packets with impossible flags (")
    assert violation.message.endswith(" more combinations); refused.")


def test_good_flags():
    """Another reason."""
    assert not found(TcpInvalidFlags, packets({**BAD, "reason": consts.REASON_POLICY}))
