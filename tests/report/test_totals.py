"""What the summary is made of."""

from __future__ import annotations

import numpy as np
import pytest
from packets import LAN, WAN, flow_rows, packets
from sample_run import batch, flows

from pcapaudit.core import consts
from pcapaudit.report.counts import NOT_IP
from pcapaudit.report.totals import RunCounts


def test_joint_lists_what_occurred():
    """One row a combination, with its packets."""
    counts = RunCounts(3)
    counts.on_batch(*batch(8))
    counts.on_batch(*batch(4))
    counts.on_end()
    rows = counts.joint().tolist()
    assert len(rows) == 4
    assert [consts.VERDICT_SKIP, consts.CT_NONE, consts.REASON_NOT_IP, NOT_IP, 3] in rows


def test_flows_are_counted_by_end():
    """Closed, blocked, and without a reply."""
    counts = RunCounts(3)
    counts.on_flows(flows())
    counts.on_flows(flows()[:1])
    assert counts.flow_ends == {consts.END_CLOSED: 2, consts.END_BLOCKED: 1}
    assert (counts.flows_blocked, counts.flows_unanswered) == (1, 0)


def test_no_packets():
    """An empty capture."""
    assert RunCounts(1).joint().tolist() == []


def test_busiest_network_while_nothing_is_inside():
    """Where most flows went, of either version; ties by address; none once a packet touched the inside."""
    counts = RunCounts(1, [LAN])
    six = {"src": "2001:db8::1", "dst": "2001:db8:1:2::3"}
    assert counts.busiest_network is None
    counts.on_batch(*packets({"iif": WAN, "oif": WAN}))
    counts.on_flows(flow_rows({"dst": "203.0.113.9"}, {"dst": "198.51.100.1"}, {"dst": "203.0.113.1"}, six))
    assert counts.busiest_network == "203.0.113.0/24"
    counts.on_flows(flow_rows(six, six))
    assert counts.busiest_network == "2001:db8:1:2::/64"
    counts.on_batch(*packets({"iif": WAN, "oif": LAN}))
    assert counts.busiest_network is None


def test_networks_are_bounded():
    """A flood to everywhere costs no memory."""
    counts = RunCounts(1, [LAN])
    rows = flow_rows(*[{"dst": "203.0.113.9"}] * 6000)
    rows["dst_lo"] = np.arange(6000) << 8
    counts.on_flows(rows)
    assert len(counts._networks) == 4096


@pytest.mark.parametrize("inside", [(), [LAN]])
def test_no_networks_where_the_inside_is_known(inside):
    """Nothing is counted where somebody has said what is inside, or has seen it."""
    counts = RunCounts(1, inside)
    counts.on_batch(*packets({"iif": LAN, "oif": WAN}))
    counts.on_flows(flow_rows({"dst": "203.0.113.9"}))
    assert (counts.busiest_network, len(counts._networks)) == (None, 0)
