"""A compiled ruleset with packets to try on it, and short ways of writing rulesets."""

from __future__ import annotations

from random_rules import INTERFACES
from reference_rules import put

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.vocab import VERDICTS
from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.evaluate import Evaluator

BATCH, VERDICTS_OUT = PacketBatch(), VerdictBatch()


class Bench:
    """A compiled ruleset, and packets to try on it."""

    def __init__(self, ruleset, interfaces=INTERFACES, *, assumed=True, machine=None):
        text = ruleset if isinstance(ruleset, str) else None
        self.ruleset = parse_ruleset(text) if text is not None else ruleset
        self.program = compile_ruleset(self.ruleset, interfaces, assumed, machine)
        self.interfaces = interfaces
        self.evaluator = Evaluator(self.program, BATCH, VERDICTS_OUT)

    def judge(self, packet):
        """(verdict, decided) of a packet."""
        put(packet, BATCH, VERDICTS_OUT, 0, self.interfaces)
        matcher = self.evaluator.matcher
        matcher.ct_mark, matcher.ct_mark_known = packet.ct_mark or 0, packet.ct_mark is not None
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
