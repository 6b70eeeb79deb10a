"""What is kept of how flows began."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import FLOW_DTYPE
from pcapaudit.replay.openings import MIXED, Openings


def batch(flows, states, start=5):
    """Packets of flows, with a ct state each."""
    count = len(flows)
    columns = {
        "flow": np.array(flows, np.uint32),
        "ct_state": np.array(states, np.uint8),
        "chain": np.full(count, 1, np.uint16),
        "verdict": np.full(count, consts.VERDICT_ACCEPT, np.uint8),
    }
    return SimpleNamespace(count=count, arrays={"ts_ns": np.arange(start, start + count)}), SimpleNamespace(arrays=columns)


def rows(*numbers, accepted=0, dropped=0, rejected=0):
    """Rows of ended flows."""
    found = np.zeros(len(numbers), FLOW_DTYPE)
    found["flow"], found["accepted"], found["dropped"], found["rejected"] = numbers, accepted, dropped, rejected
    return found


def test_first_packet_counts():
    """The ct state is that of the first packet, across batches, whatever the order in which flows end."""
    openings = Openings()
    openings.on_batch(*batch([1, 2, 1, 0], [consts.CT_NEW, consts.CT_RELATED, consts.CT_ESTABLISHED, consts.CT_INVALID]))
    openings.on_batch(*batch([2, 5000, 3], [consts.CT_ESTABLISHED, consts.CT_UNTRACKED, consts.CT_INVALID], start=99))
    openings.on_flows(rows(5000, 2))
    openings.on_flows(rows(1))
    openings.on_end()
    flows = openings.flows()
    assert flows["flow"].tolist() == [1, 2, 5000]
    assert flows["ct_state"].tolist() == [consts.CT_NEW, consts.CT_RELATED, consts.CT_UNTRACKED]
    assert len(flows) == 3
    assert openings.start_ns == 5


def test_verdict_of_a_flow_is_that_of_all_its_packets():
    """Otherwise it is mixed; without any, that of the first."""
    openings = Openings()
    openings.on_batch(*batch([1, 2, 3, 4, 5], [1] * 5))
    for each in (rows(1, accepted=2), rows(2, dropped=2), rows(3, rejected=1), rows(4, accepted=1, dropped=1), rows(5)):
        openings.on_flows(each)
    expected = [consts.VERDICT_ACCEPT, consts.VERDICT_DROP, consts.VERDICT_REJECT, MIXED, consts.VERDICT_ACCEPT]
    assert openings.flows()["verdict"].tolist() == expected


def test_no_flows():
    """A capture without any."""
    assert len(Openings().flows()) == 0


def test_flow_of_a_fragment_before_older_flows():
    """A fragment's row has the number of a flow that began later: those between are not lost."""
    openings = Openings()
    openings.on_batch(*batch([3, 1, 2, 3], [consts.CT_NEW, consts.CT_RELATED, consts.CT_UNTRACKED, consts.CT_ESTABLISHED]))
    openings.on_flows(rows(1, 2, 3))
    assert openings.flows()["ct_state"].tolist() == [consts.CT_RELATED, consts.CT_UNTRACKED, consts.CT_NEW]
