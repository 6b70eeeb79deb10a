"""Connections with two SYNs."""

from __future__ import annotations

import pytest
from packets import LAN, WAN, flow_rows, packets
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.causes import Kind
from pcapaudit.findings.handshakes import BothSyn, is_punch, is_simultaneous, is_split
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.violation import Severity

SECOND = {"flow": 4, "tcp_state": consts.TCPS_SYN_SENT2, "tcp_flags": consts.TCP_SYN}


def test_connections_wait_for_their_flow_row():
    """Once, with the first SYN of the answering side."""
    both = BothSyn(Scene(context()), is_split)
    both.on_batch(*packets({"flow": 3}, SECOND, SECOND))
    rows = flow_rows({"flow": 3, "history": b"ShA"}, {"flow": 4, "history": b"SsHA"})
    both.on_flows(rows)
    both.on_flows(rows)
    ((cause, row),) = both.found
    assert (cause.first["frame"], cause.count, int(row["flow"])) == (2, 1, 4)
    (violation,) = both.violations(Kind("split-handshake", Severity.LOW, "", ""), "somehow")
    assert violation.message.startswith("1 connection opened somehow: 198.51.100.7 sent 192.168.10.20 a SYN of its own in frame 2")


def test_others_are_not_kept():
    """What is not wanted, and nothing at all."""
    both = BothSyn(Scene(context()), is_split)
    both.on_batch(*packets(SECOND))
    both.on_flows(flow_rows({"flow": 4, "history": b"SshHA"}))
    assert (both.found, both.violations(Kind("land", Severity.LOW, "", ""), "")) == ([], [])


@pytest.mark.parametrize(("history", "kinds"), [(b"SshHA", (True, False)), (b"SsHA", (False, True)), (b"Ss", (False, False))])
def test_kinds(history, kinds):
    """By who answered with a SYN-ACK."""
    (row,) = flow_rows({"history": history})
    assert (is_simultaneous(row), is_split(row)) == kinds


@pytest.mark.parametrize(
    ("changes", "punch"),
    [({}, True), ({"sport": 80}, False), ({"iif": WAN, "oif": LAN}, False), ({"oif": LAN}, False), ({"history": b"SsHA"}, False)],
)
def test_punch(changes, punch):
    """From inside to outside, between two high ports."""
    (row,) = flow_rows({"history": b"SshHA", "sport": 4000, "dport": 5000, **changes})
    assert is_punch(Scene(context()), row) is punch
