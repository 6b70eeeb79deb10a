"""Every frame of every capture, traced: the trace says what the engine decided, and tracing changes nothing."""

from __future__ import annotations

import pytest
from capture_frames import CAPTURES
from traced import MIXED_RULES, replay_capture

from pcapaudit.core import consts, vocab
from pcapaudit.rules.steps import ChainStep, Outcome, RuleStep, World

#: Reason of the engine → bound that the trace must say failed.
BOUNDS = {
    consts.REASON_TCP_SEQ_OVER: "I",
    consts.REASON_TCP_OVERSHOT: "I",
    consts.REASON_TCP_SEQ_UNDER: "II",
    consts.REASON_TCP_ACK_OVER: "III",
    consts.REASON_TCP_ACK_UNDER: "IV",
}


@pytest.fixture(scope="module", params=["built-in rules", "mixed rules"])
def rules(request, tmp_path_factory):
    """Ruleset files."""
    if request.param == "built-in rules":
        return ()
    path = tmp_path_factory.mktemp("rules") / "mixed.nft"
    path.write_text(MIXED_RULES)
    return (path,)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_trace_equals_verdict(path, rules):
    """Rule, policy, bound and time left, frame by frame; flows and verdicts are those of a run without a trace."""
    plain, _ = replay_capture(path.name, rules)
    traced, tracer = replay_capture(path.name, rules, range(1, len(plain.rows) + 1))
    assert traced.rows == plain.rows
    assert list(map(str, traced.flows)) == list(map(str, plain.flows))
    assert [each.frame for each in tracer.traces] == list(range(1, len(plain.rows) + 1))
    for row, each in zip(plain.rows, tracer.traces, strict=True):
        assert {**each.verdict, "row": row.row} == {name: getattr(row, name) for name in (*each.verdict, "row")}
        check_steps(row, each.steps)
        check_window(row, each)
        if row.state == "established":
            assert each.before is not None
        if row.timeout_ns:
            assert each.after.left_ns == row.timeout_ns
            assert each.quotes or each.after.state == row.stage


def check_steps(row, steps):
    """The step that decided is there and says so; every rule that did not match says why."""
    looked = [step for step in steps if isinstance(step, RuleStep)]
    if row.rule:
        decided = [step for step in looked if step.rule == row.rule and step.outcome != Outcome.NOT_MATCHED and step.world == World.MAIN]
        assert decided[-1].verdict.split()[0] in (row.said, "queue")
    elif row.chain:
        chain = [step for step in steps if isinstance(step, ChainStep) and step.chain == row.chain][-1]
        assert (chain.outcome, chain.policy) == (Outcome.POLICY, row.said)
    for step in looked:
        assert step.outcome == Outcome.MATCHED or step.seen.value or step.seen.why, step
    if not row.decided:
        assert row.cause == 0 or any(step.rule == row.cause and step.outcome == Outcome.UNKNOWN for step in looked)


def check_window(row, trace):
    """The bound that failed is the one of the engine's reason, with the engine's numbers."""
    wanted = BOUNDS.get(row.reason, "")
    assert (trace.window.failed if trace.window else "") == wanted, vocab.REASONS[row.reason]
    if wanted:
        bound = next(each for each in trace.window.bounds if each.name == wanted)
        assert (bound.value, bound.limit) == (row.seen, row.bound_high if wanted in ("I", "III") else row.bound_low)
        assert trace.log
