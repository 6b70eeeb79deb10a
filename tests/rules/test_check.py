"""What must hold in a ruleset as a whole."""

from __future__ import annotations

import pytest
from nft_texts import complaints

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.check import MAX_JUMPS, check, jump_targets

TABLE = """table inet t {
set ports { type inet_service; }
set pairs { type ipv4_addr . inet_service; }
set fixed { type ipv4_addr; flags interval; }
map ways { type inet_service : verdict; elements = { 22 : jump other }; }
map marks { type inet_service : mark; }
limit slow { rate 1/second; }
chain other { }
chain base { type filter hook input priority 0; }
chain c {
%s
}
}
"""
GOOD = [
    "jump other",
    "tcp dport @ports accept",
    "ip saddr . tcp dport @pairs accept",
    "tcp dport vmap @ways",
    "tcp dport @marks accept",
    "meta mark set tcp dport map @marks",
    "add @ports { tcp dport }",
    "limit name slow accept",
    "th dport @ports accept",
]
BAD = [
    ("jump othr", "table t has no chain othr", 'did you mean "other"?'),
    ("goto xyz", "table t has no chain xyz", "define the chain in the same table"),
    ("jump base", "chain base is a base chain: the kernel refuses to jump to it", "without a hook"),
    ("tcp dport vmap { 22 : jump xyz }", "table t has no chain xyz", ""),
    ("tcp dport @prts accept", "table t has no set prts", 'did you mean "ports"?'),
    ("tcp dport vmap @xyz", "table t has no set xyz", "define the set in the same table"),
    ("tcp dport vmap @ports", "ports is not a verdict map", ""),
    ("tcp dport vmap @marks", "marks is not a verdict map", ""),
    ("meta mark set tcp dport map @ways", "ways is not a map", ""),
    ("ip saddr @ports accept", "set ports holds inet_service, and is asked for ipv4_addr", "use a set of the right type"),
    ("tcp dport . ip saddr @pairs", "set pairs holds ipv4_addr . inet_service, and is asked for inet_service . ipv4_addr", ""),
    ("ip saddr @pairs", "and is asked for ipv4_addr", ""),
    ("add @xyz { tcp dport }", "table t has no set xyz", ""),
    ("update @ports { ip saddr }", "is asked for ipv4_addr", ""),
    ("add @fixed { ip saddr }", "set fixed is an interval set: the kernel lets no packet write to it", "remove: flags interval"),
    ("limit name sloww accept", "table t has no limit sloww", 'did you mean "slow"?'),
]


@pytest.mark.parametrize("text", GOOD)
def test_names_that_are_there(text):
    """Used as what they are."""
    assert list(check(parse_ruleset(TABLE % text))) == []


@pytest.mark.parametrize(("text", "message", "advice"), BAD, ids=[each[0] for each in BAD])
def test_names_that_do_not_fit(text, message, advice):
    """Where they are used, and what may have been meant."""
    (found,) = complaints(TABLE % text)
    assert message in found.message
    assert advice in found.advice
    assert (found.path, found.line, found.source) == ("x.nft", 11, text)


def test_names_of_another_table_do_not_count():
    """Each table stands alone."""
    found = complaints("table ip a { set s { type inet_service; }; chain x { }; }\ntable ip b { chain c { tcp dport @s jump x; }; }")
    assert [each.message for each in found] == ["table b has no set s", "table b has no chain x"]


@pytest.mark.parametrize(
    "chains",
    [
        {"a": "jump a"},
        {"a": "jump b", "b": "goto a"},
        {"a": "jump b", "b": "tcp dport vmap { 22 : jump c }", "c": "jump a"},
    ],
)
def test_loop(chains):
    """Told at the rule that closes it, once."""
    text = "table ip t {\n" + "".join(f"chain {name} {{\n{body}\n}}\n" for name, body in chains.items()) + "}\n"
    (found,) = complaints(text)
    assert found.message.startswith("a loop: chain ")
    assert found.advice == "remove one of the jumps"


def test_loop_through_a_named_map():
    """Elements of maps are jumps as well."""
    text = "table ip t { map m { type inet_service : verdict; elements = { 1 : jump a }; }; chain a { tcp dport vmap @m; }; }"
    assert complaints(text)[0].message.startswith("a loop: chain a ")


def deep(levels):
    """A base chain above so many chains that each jump to the next."""
    chains = [f"chain c{level} {{ jump c{level + 1}; }}" for level in range(1, levels)]
    return "\n".join(
        ["table ip t {", "chain base { type filter hook input priority 0; jump c1; }", *chains, f"chain c{levels} {{ accept; }}", "}"]
    )


def test_jumps_nest_as_deep_as_the_kernel_allows():
    """Fifteen below a base chain; one more is refused, at the base chain."""
    assert parse_ruleset(deep(MAX_JUMPS))
    (found,) = complaints(deep(MAX_JUMPS + 1))
    assert found.message == "jumps nest 16 deep below chain base; the kernel allows 15"
    assert found.line == 2


def test_many_ways_to_one_chain_are_no_loop():
    """And cost no more than the chains there are: each is looked at once."""
    chains = [f"chain c{level} {{ {f'jump c{level + 1}; ' * 2} }}" for level in range(14)]
    text = "\n".join(["table ip t {", *chains, "chain c14 { }", "}"])
    assert list(check(parse_ruleset(text))) == []


def test_jump_targets():
    """Of jumps, gotos and maps, written or named; other verdicts have none."""
    (table,) = parse_ruleset(TABLE % "tcp dport vmap @ways\njump other\ntcp dport vmap { 1 : goto other, 2 : drop }\naccept").tables
    sets = {each.name: each for each in table.sets}
    assert [list(jump_targets(rule, sets)) for rule in table.chains[-1].rules] == [["other"], ["other"], ["other"], []]
