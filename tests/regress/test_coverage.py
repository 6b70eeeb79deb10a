"""Coverage: what is counted for rules, and how runs add up."""

from __future__ import annotations

from checkout import ROOT

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.regress.coverage import Coverage, RuleHits
from pcapaudit.replay.run import run

OFFICE = str(ROOT / "captures" / "office.pcapng")
RULES = """\
table inet f {
	chain names {
		udp dport 53 accept comment "names"
		udp dport 9999 drop
	}
	chain forward {
		type filter hook forward priority 0; policy accept;
		meta l4proto udp counter
		meta l4proto udp jump names
		ip saddr 10.99.0.0/16 drop
	}
}
"""


def covered(tmp_path, *captures):
    """Coverage of runs over captures."""
    (tmp_path / "fw.nft").write_text(RULES)
    coverage = Coverage()
    for capture in captures:
        with open_session([capture], EngineOptions(rules=(str(tmp_path / "fw.nft"),))) as context:
            hits = RuleHits(context.program)
            totals = run(context, [hits], 1)
            coverage.add(hits, totals.rule_packets, (totals.frames, totals.first_ns, totals.last_ns))
    return coverage


def by_line(coverage):
    return {rule.line: rule for rule in coverage.rules.values()}


def test_rules_that_do_not_decide_are_reached(tmp_path):
    """A counter and a jump; what a chain never saw is not."""
    rules = by_line(covered(tmp_path, OFFICE))
    assert rules[8].reached == rules[9].reached > 0
    assert (rules[8].decided, rules[8].flows, rules[8].first_ns) == (0, 0, None)
    assert 0 < rules[3].reached == rules[3].decided < rules[9].reached
    assert rules[3].flows == 3
    assert rules[3].first_ns < rules[3].last_ns
    assert (rules[4].reached, rules[10].reached) == (0, 0)


def test_runs_add_up(tmp_path):
    """Twice the capture: twice the counts, the same window."""
    one, two = covered(tmp_path, OFFICE), covered(tmp_path, OFFICE, OFFICE)
    assert by_line(two)[3].reached == 2 * by_line(one)[3].reached
    assert (two.first_ns, two.last_ns) == (one.first_ns, one.last_ns)
    assert (one.percent, one.record()["reached"], two.record()["runs"]) == (60.0, 3, 2)


def test_no_rules():
    """Nothing is missing."""
    assert Coverage().percent == 100.0
