"""Community IDs of the published test vectors."""

from __future__ import annotations

import numpy as np
import pytest
from sample_run import address

from pcapaudit.core.columns import FLOW_DTYPE
from pcapaudit.report.community import community_ids

#: src, dst, protocol, source port, destination port, ICMP type, ICMP code, Community ID (from the specification's own examples)
VECTORS = [
    ("128.232.110.120", "66.35.250.204", 6, 34855, 80, 0, 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("66.35.250.204", "128.232.110.120", 6, 80, 34855, 0, 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("192.168.1.52", "8.8.8.8", 17, 54585, 53, 0, 0, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    ("192.168.0.89", "192.168.0.1", 1, 0, 0, 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    ("192.168.0.1", "192.168.0.89", 1, 0, 0, 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
]


def flow(*vector):
    """A flow row of the first seven values of a vector."""
    src, dst, proto, sport, dport, icmp_type, icmp_code = vector
    row = np.zeros(1, FLOW_DTYPE)
    row["src_hi"], row["src_lo"], row["l3"] = address(src)
    row["dst_hi"], row["dst_lo"], _ = address(dst)
    row["proto"], row["sport"], row["dport"], row["icmp_type"], row["icmp_code"] = proto, sport, dport, icmp_type, icmp_code
    return row


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector[0]}-{vector[2]}")
def test_vector(vector):
    """Both directions of a flow have the published id."""
    assert community_ids(flow(*vector[:-1])).tolist() == [vector[-1].encode()]


def test_both_directions_agree_over_ipv6_and_without_ports():
    """TCP over IPv6, and OSPF, which has no ports."""
    for proto, sport, dport in ((6, 1, 2), (89, 0, 0)):
        there = community_ids(flow("2001:db8::1", "2001:db8::2", proto, sport, dport, 0, 0))
        back = community_ids(flow("2001:db8::2", "2001:db8::1", proto, dport, sport, 0, 0))
        assert there == back


def test_one_way_icmp_is_not_turned_round():
    """A message without a counterpart keeps its direction."""
    there = community_ids(flow("10.0.0.1", "10.0.0.2", 1, 0, 0, 3, 1))
    back = community_ids(flow("10.0.0.2", "10.0.0.1", 1, 0, 0, 3, 1))
    assert there != back


def test_many_flows_keep_their_order():
    """Families and protocols are worked on apart, and put back in place."""
    rows = np.concatenate([flow(*vector[:-1]) for vector in VECTORS] + [flow("::1", "::2", 6, 1, 2, 0, 0)])
    assert community_ids(rows).tolist()[:-1] == [vector[-1].encode() for vector in VECTORS]
