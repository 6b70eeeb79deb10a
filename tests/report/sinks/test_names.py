"""Tables of texts by number."""

from __future__ import annotations

from dataclasses import fields

import pytest
from sample_run import names

from pcapaudit.core import consts, vocab
from pcapaudit.report.sinks.names import STATE_SHIFTS
from pcapaudit.report.sinks.schema import TABLES


def test_run_names():
    """What depends on the run."""
    run = names()
    assert run.places == [None, "of,fice.nft:11", "of,fice.nft:12", None, "of,fice.nft:4"]
    assert run.place_of_chain == 3
    assert run.chains == [None, "inet filter forward"]
    assert (list(run.interfaces), run.zones) == (["lan0", "wan0"], ["lan", "wan"])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_ask_for_tables_that_exist(table):
    """A code or mask without names would write nothing."""
    known = {field.name for field in fields(names())}
    for column in table.columns:
        assert (column.kind in {"code", "mask"}) == bool(column.names), column.name
        assert not column.names or (column.names in known and getattr(names(), column.names)), column.name


def test_vocabulary_is_by_number():
    """Names that mean nothing are None."""
    run = names()
    assert run.verdicts[consts.VERDICT_REJECT] == "reject"
    assert run.hooks[consts.HOOK_NONE] is None
    assert run.hooks[consts.HOOK_FORWARD] == "forward"
    assert run.ct_states[0] is None
    assert run.protocols[200] == "200"
    assert run.tcp_flags[consts.TCP_SYN | consts.TCP_ACK] == "SA"
    assert run.tcp_flags[0] is None
    assert run.ct_status[3] == "confirmed"


def test_every_anomaly_has_its_bit():
    """Masks are written bit by bit."""
    assert {bit: names().anomalies[bit] for bit in vocab.ANOMALIES} == vocab.ANOMALIES


@pytest.mark.parametrize(
    ("proto", "states"),
    [(consts.PROTO_TCP, vocab.TCP_STATES), (consts.PROTO_SCTP, vocab.SCTP_STATES), (consts.PROTO_DCCP, vocab.DCCP_STATES)],
)
def test_states_by_protocol(proto, states):
    """Every protocol's states have their own names, 16 places apart; what is no state has none."""
    shift = STATE_SHIFTS.get(proto, 0)
    texts = list(names().tcp_states[shift : shift + 16])
    assert texts[: len(states)] == [states[number] or None for number in range(len(states))]
    assert not any(texts[len(states) :])
