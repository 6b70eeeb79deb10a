"""What a reduced capture must still show."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import CLIENT, SERVER, WEB_ONLY, conversation
from scenes import context_for, udp

from pcapaudit.core import consts
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.keep import Outcome, Recorder, candidates, parse_keep, target_of
from pcapaudit.replay.run import run

INSIDE_OUT = WEB_ONLY.replace("tcp dport 80 ", "")
#: A connection, and then a stranger's datagram.
PACKETS = [*conversation(), (5.0, udp("203.0.113.9:1000", "10.0.0.1:2000", b"x"))]


def outcome(packets=PACKETS, rules=(INSIDE_OUT,), findings=()):
    """A run of each ruleset."""
    records = []
    for text in rules:
        context = context_for(packets, text, rows=4096)
        records.append(Recorder(context))
        run(context, [records[-1]], 1)
    return Outcome(tuple(records), tuple(findings))


@pytest.mark.parametrize(
    ("text", "kind", "number", "code"),
    [("frame 95", "frame", 95, ""), (" flow  12 changes", "flow", 12, ""), ("finding udp-hole-punch", "finding", 0, "udp-hole-punch")],
)
def test_text_is_read(text, kind, number, code):
    """Three forms."""
    keep = parse_keep(text)
    assert (keep.kind, keep.number, keep.code) == (kind, number, code)


@pytest.mark.parametrize("text", ["", "frame", "frame 0", "frame -1", "flow 3", "finding X", "frame 1 2"])
def test_nonsense_is_explained(text):
    """With the forms."""
    with pytest.raises(ConfigError, match="expected 'frame N', 'flow N changes' or 'finding CODE'"):
        parse_keep(text)


def test_frame_is_shown_while_its_fate_is_the_same():
    """Without the SYN the ACK is new, and no longer established."""
    whole = outcome()
    target = target_of(parse_keep("frame 3"), whole)
    assert target.frame == 2
    assert target.shown(outcome(PACKETS[:3]), [0, 1, 2])
    assert not target.shown(outcome(PACKETS[2:3]), [2])
    assert not target.shown(outcome(PACKETS[:2]), [0, 1])


def test_change_is_shown_while_a_packet_of_the_flow_changes_so():
    """The first packet that two rulesets judge differently, or any like it."""
    both = (INSIDE_OUT, WEB_ONLY)
    whole = outcome(rules=both)
    target = target_of(parse_keep("flow 1 changes"), whole)
    assert whole.records[0].columns["verdict"][target.frame] == consts.VERDICT_ACCEPT
    assert target.shown(outcome(PACKETS[:1], both), [0])
    assert not target.shown(outcome(PACKETS[8:], both), [8])


def test_finding_is_shown_while_code_and_severity_are_found():
    """Wherever."""
    whole = outcome(findings=[("land", "medium", 9), ("udp-hole-punch", "low", 1)])
    target = target_of(parse_keep("finding udp-hole-punch"), whole)
    assert target.frame == 0
    assert target.shown(outcome(findings=[("udp-hole-punch", "low", 3)]), [0])
    assert not target.shown(outcome(findings=[("udp-hole-punch", "medium", 3)]), [0])


@pytest.mark.parametrize(
    ("text", "rules", "complaint"),
    [
        ("frame 10", (INSIDE_OUT,), "the capture has 9 frames"),
        ("finding land", (INSIDE_OUT,), "the capture shows no such finding, but nothing"),
        ("flow 1 changes", (INSIDE_OUT,), "needs a second ruleset: --against FILE"),
        ("flow 1 changes", (INSIDE_OUT, INSIDE_OUT), "the capture changes no packet of it"),
        ("flow 9 changes", (INSIDE_OUT, WEB_ONLY), "knows no flow of that number; it has 2"),
    ],
)
def test_what_is_not_there_cannot_be_kept(text, rules, complaint):
    """And the person is told what there is."""
    with pytest.raises(ConfigError, match=complaint):
        target_of(parse_keep(text), outcome(rules=rules))


def test_candidates_grow():
    """The flow, its hosts, everything."""
    whole = outcome()
    found = list(candidates(target_of(parse_keep("frame 3"), whole), whole))
    assert found == [list(range(8)), list(range(9))]
    assert next(candidates(target_of(parse_keep("frame 9"), whole), whole)) == [8]


def test_ends_are_the_same_from_both_sides():
    """Whoever sent."""
    record = outcome().records[0]
    assert record.ends(0) == record.ends(1) != record.ends(8)
    assert {port for _, _, port in record.ends(0)} == {int(each.rpartition(":")[2]) for each in (CLIENT, SERVER)}


def test_recorder_of_nothing():
    """A capture without frames."""
    record = Recorder(context_for([], INSIDE_OUT, rows=4096))
    record.on_end()
    assert all(isinstance(column, np.ndarray) and len(column) == 0 for column in record.columns.values())
