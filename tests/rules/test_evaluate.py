"""The compiled evaluator: what each construct does to a packet, and that it equals the slow and obvious one."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import INTERFACES, packets, rulesets
from reference_rules import Packet, Reference
from rules_bench import Bench

QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@QUICK
@given(rulesets(), st.lists(packets(), min_size=1, max_size=6))
def test_evaluator_equals_the_reference(ruleset, stream):
    """The main verdict is the one with every unknown match false; decided means that no answers give another."""
    bench = Bench(ruleset)
    reference = Reference(bench.ruleset, INTERFACES)
    for packet in stream:
        verdict, decided = bench.judge(packet)
        assert verdict == reference.verdict(packet)
        found = reference.all_verdicts(packet)
        if decided and found is not None:
            assert found == {verdict}
        if not decided:
            assert bench.cause == 0 or bench.program.rules[bench.cause] is not None


@QUICK
@given(rulesets(with_limits=True), st.lists(st.tuples(packets(unknown=False), st.integers(0, 10**9)), min_size=1, max_size=12))
def test_evaluator_with_limits_equals_the_reference(ruleset, stream):
    """Token buckets drain and fill as in the reference, as long as nothing is unknown."""
    bench = Bench(ruleset, assumed=False)
    reference = Reference(bench.ruleset, INTERFACES, assumed=False)
    now = 10**18
    for packet, pause in stream:
        now += pause
        timed = Packet(**{**vars(packet), "now": now})
        verdict, decided = bench.judge(timed)
        expected = reference.verdict(timed)
        if reference.asked or not decided:
            return
        assert verdict == expected
