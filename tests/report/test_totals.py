"""What the summary is made of."""

from __future__ import annotations

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
