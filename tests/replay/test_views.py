"""Packets and flows as objects: the same as the tables say."""

from __future__ import annotations

import pytest
from office import flow_rows, office, packet_rows

from pcapaudit.replay.selector import parse_selector


def test_packets_say_what_the_table_says():
    """Field by field, for every packet."""
    for view, row in zip(office().select_packets("*"), packet_rows(), strict=True):
        for name in ("frame", "ts_ns", "verdict", "decided"):
            assert getattr(view, name) == row[name]
        for name in ("reason", "ct_state", "direction", "tcp_state", "src", "dst", "proto"):
            assert getattr(view, name) == (row[name] or "")
        assert view.rule == (row["rule_at"] or "")
        assert view.flow == (row["flow"] or 0)


def test_flows_say_what_the_table_says():
    """Likewise; a policy's place is more than the table knows."""
    for view, row in zip(office().select_flows("*"), flow_rows(), strict=True):
        for name in ("src", "dst", "proto", "accepted", "dropped", "rejected", "invalid", "end_reason", "first_frame", "last_frame"):
            assert getattr(view, name) == row[name]
        assert view.packets == (row["orig_packets"], row["reply_packets"])
        assert view.ct_status == tuple(row["ct_status"])
        assert view.rule == (row["rule_at"] or view.rule)
        assert view.rule or view.proto == "icmpv6"


@pytest.mark.parametrize("number", range(1, 40))
def test_text_of_a_flow_selects_it(number):
    """What is printed can be given back."""
    (flow,) = office().select_flows(f"flow {number}")
    assert flow in office().select_flows(flow.text)
    assert parse_selector(flow.text, "flow").has_tuple
