"""The compiled evaluator: what each construct does to a packet, and that it equals the slow and obvious one."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import INTERFACES, packets, rulesets
from reference_rules import Packet, Reference, put

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.vocab import VERDICTS
from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.evaluate import Evaluator

BATCH, VERDICTS_OUT = PacketBatch(), VerdictBatch()
QUICK = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


class Bench:
    """A compiled ruleset, and packets to try on it."""

    def __init__(self, ruleset, interfaces=INTERFACES, *, assumed=True):
        text = ruleset if isinstance(ruleset, str) else None
        self.ruleset = parse_ruleset(text) if text is not None else ruleset
        self.program = compile_ruleset(self.ruleset, interfaces, assumed)
        self.interfaces = interfaces
        self.evaluator = Evaluator(self.program, BATCH, VERDICTS_OUT)

    def judge(self, packet):
        """(verdict, decided) of a packet."""
        put(packet, BATCH, VERDICTS_OUT, 0, self.interfaces)
        if self.program.has_raw:
            verdict = self.evaluator.evaluate_raw(0, packet.now)
            if verdict != consts.VERDICT_ACCEPT:
                return self.row()
        self.evaluator.evaluate(0, packet.now)
        return self.row()

    def row(self):
        columns = VERDICTS_OUT.arrays
        self.rule, self.cause = int(columns["rule"][0]), int(columns["cause"][0])
        self.hook, self.chain, self.reason = int(columns["hook"][0]), int(columns["chain"][0]), int(columns["reason"][0])
        return VERDICTS[int(columns["verdict"][0])], bool(columns["decided"][0])


def forward(rules, policy="drop", family="inet"):
    """A table with one forward chain."""
    return f"table {family} t {{\nchain c {{\ntype filter hook forward priority 0; policy {policy};\n{rules}\n}}\n}}\n"


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
