"""Connections with two SYNs."""

from __future__ import annotations

from packets import flow_rows, packets
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.handshakes import BothSyn
from pcapaudit.findings.scene import Scene


def test_connections_wait_for_their_flow_row():
    """Once, with the first SYN of the answering side."""
    both = BothSyn(Scene(context()))
    second = {"flow": 4, "tcp_state": consts.TCPS_SYN_SENT2, "tcp_flags": consts.TCP_SYN}
    both.on_batch(*packets({"flow": 3}, second, second))
    rows = flow_rows({"flow": 3, "history": b"ShA"}, {"flow": 4, "history": b"SsHA"})
    ((cause, history),) = both.ended(rows)
    assert (cause.first["frame"], cause.count, history) == (2, 1, "SsHA")
    assert both.ended(rows) == []
