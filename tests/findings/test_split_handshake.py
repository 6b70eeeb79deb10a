"""Servers that answer a SYN with a SYN of their own instead of a SYN-ACK, told from the other kind."""

from __future__ import annotations

from packets import flow_rows, found, only, packets

from pcapaudit.core import consts
from pcapaudit.findings.split_handshake import SplitHandshake

SECOND = {"flow": 4, "tcp_state": consts.TCPS_SYN_SENT2, "tcp_flags": consts.TCP_SYN, "sport": 80, "dport": 4000}


def test_found():
    """By the history of the flow."""
    violation = only(found(SplitHandshake, packets({"flow": 4}, SECOND), flows=flow_rows({"flow": 4, "history": b"SsHA"})))
    assert violation.message.startswith("1 connection opened by ")
    assert violation.message.endswith(": 198.51.100.7:80 sent 192.168.10.20:4000 a SYN of its own in frame 2.")


def test_the_other_kind():
    """And a SYN that nobody answered."""
    for history in (b"SshHA", b"Ss"):
        assert not found(SplitHandshake, packets(SECOND), flows=flow_rows({"flow": 4, "history": history}))
