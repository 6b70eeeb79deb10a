"""The compiled histograms count what NumPy counts."""

from __future__ import annotations

import numpy as np
import pytest
from sample_run import batch

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.report.counts import MAX_ZONE, NOT_IP, PacketCounts


def test_every_packet_is_in_the_joint_histogram_once():
    """Verdict, ct state, reason and protocol of each of the four sample frames."""
    counts = PacketCounts(3)
    counts.add(*batch(8))
    found = [(*(int(k) for k in cell), int(counts.packets[tuple(cell)])) for cell in np.argwhere(counts.packets)]
    assert found == [
        (consts.VERDICT_SKIP, consts.CT_NONE, consts.REASON_NOT_IP, NOT_IP, 2),
        (consts.VERDICT_ACCEPT, consts.CT_NEW, consts.REASON_NONE, consts.PROTO_TCP, 2),
        (consts.VERDICT_DROP, consts.CT_NEW, consts.REASON_POLICY, consts.PROTO_UDP, 2),
        (consts.VERDICT_DROP, consts.CT_INVALID, consts.REASON_TCP_SEQ_OVER, consts.PROTO_ICMP, 2),
    ]


def test_bytes_rules_causes_and_anomalies_are_summed():
    """What is not in the joint histogram."""
    counts = PacketCounts(3)
    counts.add(*batch(8))
    assert counts.frame_bytes == 2 * (60 + 61 + 62 + 63)
    assert counts.rules.tolist() == [[4, 140], [2, 88], [2, 168]]
    assert counts.undecided == 2
    assert counts.causes.tolist() == [0, 0, 2]
    assert np.flatnonzero(counts.anomalies).tolist() == [consts.ANOM_L4_CHECKSUM, consts.ANOM_PORT_ZERO]
    assert counts.anomalies.sum() == 4


def test_zones_count_both_ends():
    """From lan to wan, from wan to lan, from lan to nowhere known."""
    counts = PacketCounts(3)
    counts.add(*batch(4))
    assert counts.zones[0, 1, consts.VERDICT_ACCEPT].tolist() == [1, 44]
    assert counts.zones[1, 0, consts.VERDICT_DROP].tolist() == [1, 70]
    assert counts.zones[0, MAX_ZONE, consts.VERDICT_DROP].tolist() == [1, 84]
    assert counts.zones[MAX_ZONE, MAX_ZONE, consts.VERDICT_SKIP].tolist() == [1, 0]


def test_skipped_frames_are_not_undecided():
    """A frame that no rule saw hangs on no rule, though its column says 0."""
    counts = PacketCounts(3)
    packets, verdicts = batch(4)
    verdicts.arrays["decided"][:4] = 0
    counts.add(packets, verdicts)
    assert counts.undecided == 3


@pytest.mark.parametrize("column", ["rule", "cause"])
def test_rule_that_the_ruleset_does_not_have(column):
    """A broken verdict must not write outside the table."""
    packets, verdicts = batch(4)
    verdicts.arrays[column][2] = 3
    with pytest.raises(IndexError, match=column):
        PacketCounts(3).add(packets, verdicts)


def test_random_batch_agrees_with_numpy():
    """Any values that the columns can hold."""
    rng = np.random.default_rng(7)
    packets, verdicts = PacketBatch(), VerdictBatch()
    count = packets.count = 500
    for name, top in (("proto", 256), ("l3", 7), ("iif", 70), ("oif", 70), ("ip_len", 2000)):
        packets.arrays[name][:count] = rng.integers(0, top, count)
    packets.arrays["anomalies"][:count] = rng.integers(0, 2**63, count, dtype=np.uint64)
    for name, top in (("verdict", 4), ("ct_state", 6), ("reason", 90), ("rule", 9)):
        verdicts.arrays[name][:count] = rng.integers(0, top, count)
    counts = PacketCounts(9)
    counts.add(packets, verdicts)
    assert counts.packets.sum() == count
    proto = np.where(packets.arrays["l3"][:count] != 0, packets.arrays["proto"][:count].astype(int), NOT_IP)
    assert counts.packets.sum(axis=(0, 1, 2)).tolist() == np.bincount(proto, minlength=512).tolist()
    assert counts.rules[:, 0].tolist() == np.bincount(verdicts.arrays["rule"][:count], minlength=9).tolist()
    assert counts.zones[..., 0].sum() == count
    masks = packets.arrays["anomalies"][:count]
    assert counts.anomalies.tolist() == [int(((masks >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(64)]
