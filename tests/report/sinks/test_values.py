"""From batches to the cells of rows."""

from __future__ import annotations

import numpy as np
import pytest
from sample_run import batch, flows, names

from pcapaudit.core import consts
from pcapaudit.report.sinks.rows import KINDS, NOTHING
from pcapaudit.report.sinks.schema import FLOWS, VERDICTS
from pcapaudit.report.sinks.values import LETTER_WORDS, flow_block, verdict_block


def blocks():
    """A block of each table."""
    return {
        VERDICTS: verdict_block(*batch(8), place_of_chain=3),
        FLOWS: flow_block(flows(), np.array([b"1:aaaa", b"1:bbbb"])),
    }


@pytest.mark.parametrize("table", [VERDICTS, FLOWS], ids=lambda table: table.name)
def test_every_column_has_its_cells(table):
    """Names and order of the schema, and as many arrays as the kind has cells, each as long as the block."""
    block = blocks()[table]
    assert list(block.values) == [column.name for column in table.columns]
    for column in table.columns:
        arrays = block.values[column.name]
        assert len(arrays) == (1 if column.kind == "letters" else KINDS[column.kind][0]), column.name
        assert {len(array) for array in arrays} == {block.count}, column.name


def test_letters_have_room():
    """The words of a letters column hold its longest text."""
    for name, (array,) in ((name, blocks()[FLOWS].values[name]) for name in LETTER_WORDS):
        assert array.dtype.itemsize <= 8 * LETTER_WORDS[name]


def test_policy_has_a_place_behind_the_rules():
    """rule_at of a packet that a policy decided points at the chain."""
    values = blocks()[VERDICTS].values
    assert values["rule"][0][:4].tolist() == [1, NOTHING, 2, NOTHING]
    assert values["rule_at"][0][:4].tolist() == [1, 4, 2, NOTHING]


def test_bounds_only_where_a_sequence_check_failed():
    """Elsewhere the numbers mean nothing."""
    values = blocks()[VERDICTS].values
    assert values["seq_high"][0][:4].tolist() == [NOTHING, NOTHING, 4294967295, NOTHING]
    assert values["seq_seen"][0][:4].tolist() == [NOTHING, NOTHING, 0, NOTHING]


def test_ports_where_the_protocol_has_them():
    """Both for TCP and UDP, the identifier for an ICMP query, none without IP."""
    values = blocks()[VERDICTS].values
    assert values["sport"][0][:4].tolist() == [40000, 53, 77, NOTHING]
    assert values["dport"][0][:4].tolist() == [443, 5353, NOTHING, NOTHING]


def test_reply_tuple_is_the_original_turned_round():
    """Addresses and ports change places; an ICMP identifier stays where it is."""
    rows = flows()
    rows[1]["proto"], rows[1]["sport"], rows[1]["dport"] = consts.PROTO_ICMPV6, 99, 0
    values = flow_block(rows, np.zeros(2, "S30")).values
    assert (values["reply_sport"][0].tolist(), values["reply_dport"][0].tolist()) == ([443, 99], [40000, NOTHING])
    assert values["reply_src"] == values["dst"]
    assert values["icmp_type"][0].tolist() == [NOTHING, 0]


def test_states_are_named_by_protocol():
    """The number of an SCTP or DCCP state leads to that protocol's names; 0 and a protocol without states to none."""
    packets, verdicts = batch(8)
    packets.arrays["proto"][:4] = [consts.PROTO_TCP, consts.PROTO_SCTP, consts.PROTO_DCCP, consts.PROTO_SCTP]
    verdicts.arrays["tcp_state"][:4] = [consts.TCPS_SYN_SENT, consts.SCTPS_HEARTBEAT_SENT, consts.DCCPS_REQUEST, consts.SCTPS_NONE]
    codes = verdict_block(packets, verdicts, place_of_chain=3).values["tcp_state"][0][:4]
    assert [names().tcp_states[code] for code in codes] == ["syn_sent", "heartbeat_sent", "request", None]
    ended = flows()
    ended["proto"][0], ended["tcp_state"][0] = consts.PROTO_SCTP, consts.SCTPS_COOKIE_WAIT
    assert names().tcp_states[flow_block(ended, np.array([b"a", b"b"])).values["tcp_state"][0][0]] == "cookie_wait"
