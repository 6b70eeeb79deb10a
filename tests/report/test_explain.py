"""A frame explained, as a record and as text."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from scenes import tcp
from traced import trace_with

from pcapaudit.findings.violation import Severity, Violation
from pcapaudit.report.explain import EXPLAIN_VERSION, Explanation, explanation_record, findings_about, render_explanation
from pcapaudit.report.trace import trace_record

TRACES, CONTEXT = trace_with([(0, tcp("10.0.0.1:4000", "192.0.2.1:80", "S", 1))])
TRACE = trace_record(TRACES[0], CONTEXT)
LAYERS = (("Internet Protocol", ("    Version: 4", "    [Expert Info (Warning/Sequence): odd]")),)
CHANGE = {"text": "a rule is gone", "how": "without: accept", "verdict": "drop", "reason": "policy", "ct_state": "new", "at": "f:1"}


def lines(**more):
    """What is printed below the phases."""
    console = Console(width=100, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        render_explanation(Explanation(TRACE, **more), console)
    return [line.rstrip() for line in captured.get().splitlines()]


def violation(**more):
    """A finding."""
    return Violation(
        **{"code": "x-y", "severity": Severity.LOW, "flow": 0, "first_frame": 1, "last_frame": 1, "count": 1, "message": "m", **more}
    )


def test_record_is_json_with_a_version():
    """It holds the trace's keys beside its own."""
    found = json.loads(json.dumps(explanation_record(Explanation(TRACE, LAYERS, changes=[{**CHANGE, "alters": True}]))))
    assert (found["schema_version"], found["frame"], found["verdict"]["verdict"]) == (EXPLAIN_VERSION, 1, "accept")
    assert found["dissection"]["layers"][0]["title"] == "Internet Protocol"


@pytest.mark.parametrize(("how", "seen"), [("layers", (True, False, True)), ("full", (True, True, True)), ("none", (False, False, False))])
def test_dissection_as_wanted(how, seen):
    """Titles and expert lines; everything; nothing."""
    text = "\n".join(lines(layers=LAYERS, dissection=how))
    assert ("Internet Protocol" in text, "Version: 4" in text, "[Expert Info" in text) == seen


def test_changes_that_alter_something_come_first():
    """With the reason and the place; the others in short."""
    found = lines(changes=[{**CHANGE, "verdict": "accept", "alters": False}, {**CHANGE, "alters": True}])
    at = found.index("What one change would do")
    assert found[at + 1 :] == [
        "   → drop   a rule is gone  (without: accept)",
        "            ct state new, policy, decided at f:1",
        "   = accept a rule is gone  (without: accept)",
    ]


def test_nothing_alters_it():
    """That is said."""
    assert lines(changes=[{**CHANGE, "verdict": "accept", "alters": False}])[-1] == "   none of them alters the verdict: accept"


def test_connection_before_is_told():
    """When it timed out and how long nothing had come."""
    ended = {"flow": 7, "state": "established", "status": [], "pause_ns": 90 * 10**9, "late_ns": 5 * 10**9}
    text = " ".join(" ".join(lines(ended=ended)).split())
    assert "timed out flow 7 of the same endpoints, established, ended 5.000 s before this frame: nothing had come for 1 min 30 s" in text


def test_time_left_on_each_timer():
    """The one that runs is marked; those of a length share a line; what would be over says for how long."""
    packets = [(0, tcp("10.0.0.1:4000", "192.0.2.1:80", "S", 1)), (70, tcp("192.0.2.1:80", "10.0.0.1:4000", "S.", 5, 2))]
    traces, context = trace_with(packets)
    record = trace_record(traces[0], context)
    console = Console(width=100, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        render_explanation(Explanation(record), console)
    text = captured.get().partition("Time left on each timer\n")[2]
    assert text.splitlines()[0].strip() == "when the frame came, 1 min 10 s after the entry was refreshed"
    assert [line.split() for line in text.splitlines()[1:6] if "over" in line or "▸" in line] == [
        ["▸", "tcp.syn_sent,", "fin_wait,", "syn_sent2,", "time_wait", "2", "min", "█████", "50.000", "s", "left"],
        ["tcp.close_wait,", "syn_recv", "1", "min", "over", "for", "10.000", "s"],
        ["tcp.last_ack", "30", "s", "over", "for", "40.000", "s"],
    ]


def test_findings_about_a_frame_and_its_flow():
    """The frame's first; others not at all."""
    found = findings_about(
        [
            violation(code="flow", flow=3, first_frame=9, last_frame=9),
            violation(code="frame", first_frame=5),
            violation(code="other", flow=4, first_frame=2, last_frame=2),
            violation(code="listed", first_frame=2, last_frame=2, evidence={"flows": [1, 3]}),
        ],
        5,
        3,
    )
    assert [(each["code"], each["about"]) for each in found] == [("frame", "frame"), ("flow", "flow"), ("listed", "flow")]
