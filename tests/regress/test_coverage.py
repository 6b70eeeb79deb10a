"""Coverage: what is counted for rules, and how runs add up."""

from __future__ import annotations

import pytest
from checkout import ROOT

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.regress.coverage import Coverage, RuleHits
from pcapaudit.replay.run import run

CAPTURES = ("office.pcapng", "fragments.pcap", "ping.pcap")
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


def covered(tmp_path, *captures, rules=RULES):
    """Coverage of runs over captures."""
    (tmp_path / "fw.nft").write_text(rules)
    coverage = Coverage()
    for capture in captures:
        with open_session([capture], EngineOptions(rules=(str(tmp_path / "fw.nft"),)), covered=True) as context:
            hits = RuleHits(context.program)
            totals = run(context, [hits], 1)
            coverage.add(hits, (totals.frames, totals.first_ns, totals.last_ns))
    return coverage


class Columns:
    """A consumer that keeps what was decided."""

    def __init__(self):
        self.found = []

    def on_batch(self, batch, verdicts):
        columns = [verdicts.arrays[name][: batch.count].tolist() for name in ("verdict", "rule", "reason", "ct_state", "decided", "flow")]
        self.found += zip(*columns, strict=True)

    def on_flows(self, rows):
        """Not looked at."""

    def on_end(self):
        """Nothing is held back."""


def by_line(coverage):
    return {rule.line: rule for rule in coverage.rules.values()}


def test_rules_that_do_not_decide_are_reached(tmp_path):
    """A counter and a jump; what a chain never saw is not."""
    rules = by_line(covered(tmp_path, OFFICE))
    assert rules[8].reached == rules[9].reached > 0
    assert rules[8].decided == 0
    assert rules[8].flows >= rules[3].flows
    assert rules[8].first_ns <= rules[3].first_ns
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


SETS = """\
table inet f {
	set peers { type ipv4_addr; flags interval; elements = { 10.9.0.0/16, 192.168.10.0/24 } }
	set pairs { type ipv4_addr . inet_service; elements = { 192.168.10.20 . 1, 198.51.100.53 . 53 } }
	set met { type ipv4_addr; flags dynamic; timeout 1h; elements = { 192.168.10.20, 192.168.99.99 } }
	map marks { type inet_service : mark; elements = { 53 : 1, 54 : 2 } }
	chain forward {
		type filter hook forward priority 0; policy accept;
		ip saddr @peers counter
		ip daddr . udp dport @pairs counter
		ip saddr @met counter
		udp dport { 53, 5060-5061, 9 } counter
		udp dport != { 53, 9 } counter
		meta mark set udp dport map @marks
		iifname { "inside", "dmz*" } counter
		meta l4proto vmap { tcp : accept, udp : continue, sctp : drop }
	}
}
"""


def test_elements_of_sets(tmp_path):
    """Named sets, sets in rules, concatenations, maps, verdict maps; a set that rules write to counts while it holds the element."""
    sets = {(each.line, each.name): each for each in covered(tmp_path, OFFICE, rules=SETS).sets.values()}
    assert {name: each.missed for (_, name), each in sets.items() if name.startswith("@")} == {
        "@peers": ["10.9.0.0/16"],
        "@pairs": ["192.168.10.20 . 1"],
        "@met": ["192.168.99.99"],
        "@marks": ["54"],
    }
    assert {key: each.missed for key, each in sets.items() if not key[1].startswith("@")} == {
        (11, "udp dport"): ["9"],
        (12, "udp dport"): ["9"],
        (14, "meta iifname"): ['"dmz*"'],
        (15, "meta l4proto"): ["sctp"],
    }
    names = sets[11, "udp dport"].elements["53"]
    assert names == sets[12, "udp dport"].elements["53"] == sets[2 + 1, "@pairs"].elements["198.51.100.53 . 53"] > 0


def test_elements_that_overlap(tmp_path):
    """auto-merge takes them; both hold the address, and who removes one must know of both."""
    rules = """table ip f {
	set nets { type ipv4_addr; flags interval; auto-merge; elements = { 192.168.0.0/16, 192.168.10.0/24, 192.168.11.0/24 } }
	chain forward { type filter hook forward priority 0; ip saddr @nets counter; }
}
"""
    (each,) = covered(tmp_path, OFFICE, rules=rules).sets.values()
    assert sum(each.elements.values()) > 0
    assert "192.168.11.0/24" in each.missed


@pytest.mark.parametrize("rules", [RULES, SETS], ids=["rules", "sets"])
def test_coverage_changes_no_verdict(tmp_path, rules):
    """A covered run looks at more rules one by one, and comes to the same; every rule's packets are those of the evaluator's counters."""
    (tmp_path / "fw.nft").write_text(rules)
    runs = []
    for wanted in (False, True):
        columns = Columns()
        with open_session(
            [str(ROOT / "captures" / each) for each in CAPTURES], EngineOptions(rules=(str(tmp_path / "fw.nft"),)), covered=wanted
        ) as context:
            hits = [RuleHits(context.program)] if wanted else []
            totals = run(context, [columns, *hits], 1)
        runs.append((columns.found, totals.rule_packets))
    assert runs[0] == runs[1]
    assert tuple(hits[0].reached.tolist()) == runs[1][1]


def test_fragments_reach_rules_as_a_datagram(tmp_path):
    """What is made whole reaches rules once, at the time and in the flow of the frame that completes it."""
    rules = "table inet f {\n chain c { type filter hook forward priority 0; udp dport 1-65535 counter; }\n}\n"
    coverage = covered(tmp_path, str(ROOT / "captures" / "fragments.pcap"), rules=rules)
    (rule,) = coverage.rules.values()
    assert rule.reached > 0
    assert rule.flows > 0
    assert coverage.first_ns <= rule.first_ns <= rule.last_ns <= coverage.last_ns


def test_only_a_covered_run_can_be_counted():
    """Everything would read as never reached."""
    with open_session([OFFICE], EngineOptions()) as context, pytest.raises(ValueError, match="covered run"):
        RuleHits(context.program)


def test_datagram_is_one_packet(tmp_path):
    """Whatever the number of its fragments: a rule's own counter counts it once, and so does what it decided."""
    rules = RULES.replace("udp counter", "udp counter accept")
    rule = by_line(covered(tmp_path, str(ROOT / "captures" / "fragments.pcap"), rules=rules))[8]
    assert (rule.reached, rule.decided) == (8, 8)
