"""Rules that are not understood: refused, or taken as rules of which nothing is known."""

from __future__ import annotations

import pytest
from reference_rules import Packet
from rules_bench import Bench

from pcapaudit.core import consts
from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.model import Match, Unsupported

NFT = """table inet t {
	set strange {
		type ipv4_addr
		flags quux
	}
	chain c {
		type filter hook forward priority 0; policy drop;
		ct state established accept
		udp dport 53 frobnicate 7 accept
		ip saddr @strange accept
		tcp dport 22 jump nowhere
		tcp dport 80 accept
	}
}
"""
SAVED = """*filter
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m u32 --u32 "0=1" -j ACCEPT
-A FORWARD -p tcp --dport 80 -j ACCEPT
-I FORWARD -m conntrack --ctstate NEW -j FROB
COMMIT
"""


def rules(text):
    """The rules of the one chain, and what is warned about, by line."""
    ruleset = parse_ruleset(text, "x", undecidable=True)
    return ruleset.tables[0].chains[0].rules, [each.line for each in ruleset.warnings]


@pytest.mark.parametrize(("text", "lines"), [(NFT, [4, 9]), (SAVED, [3, 5])])
def test_refused_with_all_errors_at_once(text, lines):
    """That is the default."""
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(text, "x")
    assert [each.line for each in caught.value.diagnostics] == lines


def test_nft_rules_keep_what_was_understood():
    """The matches that stand in front; the rest is one unknown. Rules that ask for what was left out are unknown, too."""
    found, lines = rules(NFT)
    assert lines == [4, 9, 10, 11]
    shapes = [[type(each).__name__ for each in rule.statements] for rule in found]
    assert shapes == [["Match", "Verdict"], ["Match", "Unsupported"], ["Unsupported"], ["Match", "Unsupported"], ["Match", "Verdict"]]
    assert found[1].statements[1].text == "udp dport 53 frobnicate 7 accept"


def test_iptables_rules_are_unknown_at_their_place():
    """-I puts it first."""
    found, lines = rules(SAVED)
    assert lines == [3, 5]
    assert [type(rule.statements[0]) for rule in found] == [Unsupported, Unsupported, Match]
    assert found[0].statements[0].text.startswith("-I FORWARD")


def test_what_depends_on_it_is_undecidable():
    """With the rule as the cause; what does not, is decided."""
    bench = Bench(parse_ruleset(NFT, "x", undecidable=True), assumed=False)
    assert bench.judge(Packet(proto=17, dport=53)) == ("drop", False)
    assert bench.program.location(bench.cause) in ("x:9", "x:10")
    assert bench.judge(Packet(proto=6, dport=22, l3=6)) == ("drop", False)
    assert bench.program.location(bench.cause) in ("x:10", "x:11")
    assert bench.judge(Packet(ct_state=consts.CT_ESTABLISHED)) == ("accept", True)
    assert any(note.startswith("a rule that is not understood (x:9 and 2 more)") for note in bench.program.notes)


def test_what_is_no_rule_is_still_refused():
    """A hook that there is not, a table without an end."""
    for text in (NFT.replace("hook forward", "hook backward"), SAVED.replace("COMMIT", "")):
        with pytest.raises(RulesetError):
            parse_ruleset(text, "x", undecidable=True)
