"""Which DNS answers were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from packets import LAN, WAN, packets
from sample_run import START_NS, context

from pcapaudit.core import consts
from pcapaudit.findings import questions
from pcapaudit.findings.questions import WAIT_NS, WRONG_PORT, WRONG_SERVER, Questions
from pcapaudit.findings.scene import Scene

HOST, SERVER, FORGER = "192.168.10.20", "198.51.100.53", "203.0.113.66"
UDP = {"proto": consts.PROTO_UDP, "ct_state": consts.CT_NEW}
ASK = {**UDP, "src": HOST, "dst": SERVER, "sport": 40000, "dport": 53, "iif": LAN, "oif": WAN, "at": 1}
ANSWER = {**UDP, "verdict": consts.VERDICT_DROP, "src": SERVER, "dst": HOST, "sport": 53, "dport": 40000, "at": 1.1}


def odd(*rows, claimed=()):
    """What is odd, as (row, kind); each argument is a packet, or a list of packets of one batch."""
    asked = Questions(Scene(context()).inside)
    found = []
    for at, each in enumerate(rows if isinstance(rows[0], list) else [list(rows)]):
        batch, verdicts = packets(*each)
        mask = np.zeros(batch.count, np.bool_)
        mask[list(claimed)] = True
        some, kinds = asked.read(batch, verdicts, np.arange(batch.count, dtype=np.int64), mask)
        found += [(at, int(row), int(kind)) for row, kind in zip(some, kinds, strict=True)]
    return [(row, kind) for _, row, kind in found] if not isinstance(rows[0], list) else found


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({}, None),
        ({"src": FORGER}, WRONG_SERVER),
        ({"dport": 40001}, WRONG_PORT),
        ({"src": FORGER, "dport": 40001}, None),
        ({"src": FORGER, "ts_ns": START_NS + 1_000_000_000 + WAIT_NS}, WRONG_SERVER),
        ({"src": FORGER, "ts_ns": START_NS + 1_000_000_001 + WAIT_NS}, None),
        ({"src": FORGER, "at": 0.9}, None),
        ({"dport": 40001, "at": 0.9}, None),
        ({"src": FORGER, "oif": WAN}, None),
        ({"src": FORGER, "oif": WAN, "path": consts.PATH_INPUT}, WRONG_SERVER),
        ({"src": FORGER, "sport": 54}, None),
    ],
)
def test_answer(answer, kind):
    """In the batch of the question, and in a later one."""
    assert odd(ASK, {**ANSWER, **answer}) == ([] if kind is None else [(1, kind)])
    assert odd([ASK], [{**ANSWER, **answer}]) == ([] if kind is None else [(1, 0, kind)])


def test_question_that_nobody_heard():
    """Refused, or explained by another detector: nobody waits."""
    assert odd({**ASK, "verdict": consts.VERDICT_DROP}, {**ANSWER, "src": FORGER}) == []
    assert odd(ASK, {**ANSWER, "src": FORGER}, claimed=[0]) == []
    assert odd(ASK, {**ANSWER, "src": FORGER}, claimed=[1]) == []


def test_times_before_1970():
    """They are numbers as others."""
    ask, late = {**ASK, "ts_ns": -5}, {**ANSWER, "src": FORGER, "ts_ns": 5}
    assert odd(ask, late) == [(1, WRONG_SERVER)]
    assert odd({**ask, "ts_ns": 5}, {**late, "ts_ns": -5}) == []


def test_constants_of_the_loop():
    """The names for Python are those of the loop."""
    assert (WRONG_SERVER, WRONG_PORT) == (0, 1)
    assert questions.WAIT_NS == 10_000_000_000
