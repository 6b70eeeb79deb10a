"""Connections that both ends open at once, told from the other kind."""

from __future__ import annotations

from packets import flow_rows, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.simultaneous_open import SimultaneousOpen

SECOND = {"flow": 4, "tcp_state": consts.TCPS_SYN_SENT2, "tcp_flags": consts.TCP_SYN, "sport": 80, "dport": 4000}


def test_found():
    """By the history of the flow."""
    violation = only(found(SimultaneousOpen, packets({"flow": 4}, SECOND), flows=flow_rows({"flow": 4, "history": b"SshHA"})))
    assert violation.message.startswith("1 connection opened by ")
    assert violation.message.endswith(": 198.51.100.7:80 sent 192.168.10.20:4000 a SYN of its own in frame 2.")


def test_the_other_kind():
    """And a SYN that nobody answered."""
    for history in (b"SsHA", b"Ss"):
        assert not found(SimultaneousOpen, packets(SECOND), flows=flow_rows({"flow": 4, "history": history}))


def test_punch_is_another_finding():
    """Through the firewall, between two high ports."""
    high = {"flow": 4, "history": b"SshHA", "sport": 4000, "dport": 5000}
    assert not found(SimultaneousOpen, packets(SECOND), flows=flow_rows(high))
