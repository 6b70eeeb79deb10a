"""How a chain can end for a packet of which only some things are known."""

from __future__ import annotations

import pytest

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints.regions import known_of
from pcapaudit.rules.lints.walks import Walk

TCP, NEW, ESTABLISHED, IPV4 = [(6, 6)], [(8, 8)], [(2, 2)], [(2, 2)]


def walk(rules, facts, policy="drop", more=""):
    """(how chain c can end, rules until it accepts for certain)."""
    text = f"table inet t {{ {more}\nchain c {{ type filter hook input priority 0; policy {policy};\n{rules}\n}}\n}}\n"
    ruleset = parse_ruleset(text)
    table = ruleset.tables[0]
    chains = {each.name: each for each in table.chains}
    found = Walk(chains, known_of(ruleset, table), facts)
    return found.ends(chains["c"]), found.until_accept(chains["c"])


CASES = [
    ("accept", {}, {"accept"}, 0),
    ("", {}, {"drop"}, -1),
    ("tcp dport 22 accept", {}, {"accept", "drop"}, -1),
    ("tcp dport 22 accept", {"meta l4proto": [(17, 17)]}, {"drop"}, -1),
    ("meta l4proto tcp accept", {"meta l4proto": TCP}, {"accept"}, 0),
    ("ct state established accept", {"ct state": NEW}, {"drop"}, -1),
    ("udp dport 1 drop\nct state established accept", {"ct state": ESTABLISHED}, {"accept", "drop"}, 1),
    ("udp dport 1 drop\nct state established accept", {"ct state": ESTABLISHED, "meta l4proto": TCP}, {"accept"}, 1),
    ("ct state vmap { established : accept, invalid : drop }", {"ct state": ESTABLISHED}, {"accept"}, 0),
    ("ct state vmap { established : accept, invalid : drop }", {"ct state": NEW}, {"drop"}, -1),
    ("ct state vmap { established : accept, invalid : drop }", {}, {"accept", "drop"}, -1),
    ("limit rate 1/second accept", {}, {"accept", "drop"}, -1),
    ("jump one\naccept", {}, {"accept", "drop"}, 3),
    ("goto one\naccept", {}, {"drop"}, -1),
    ("jump all\naccept", {}, {"accept"}, 0),
    ("jump back\naccept", {}, {"accept"}, 2),
    ("reject with icmpv6 type no-route\naccept", {"meta nfproto": IPV4}, {"accept"}, 1),
    ("reject with tcp reset", {"meta l4proto": TCP}, {"drop"}, -1),
    ("queue", {}, {"accept", "drop"}, -1),
    ("tcp dport vmap @m", {}, {"accept", "drop"}, -1),
]
MORE = (
    "map m { type inet_service : verdict; } chain one { tcp dport 1 drop; udp dport 1 drop; } chain all { accept; } "
    "chain back { return; drop; }"
)


@pytest.mark.parametrize(("rules", "facts", "ends", "until"), CASES)
def test_ends(rules, facts, ends, until):
    """What is possible, and when it is certain."""
    assert walk(rules, facts, more=MORE) == (ends, until)
