"""Files: commands in order, tables, chains, definitions, includes; and every error of a file in one run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nft_texts import chain, complaints, table

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.model import BaseChain, Place

BASE = """table inet t {
set s { type inet_service; elements = { 22, 80 }; }
chain x { }
chain c {
tcp dport 22 accept
udp dport 53 drop
}
}
"""
#: Words and signs that texts are shuffled of.
WORDS = [
    "9" * 30,
    *'{};,.:=@$!&|()\n"',
    *re.findall(
        r"\S+",
        """table ip t chain c set map type tcp dport 22 ct state new accept vmap elements define flags "a" add rule flush hook input
        priority limit rate 1/second 10.0.0.0/8 dnat to meta mark set fib include quota 9999999999999999999999999""",
    ),
]


def tables(text, **options):
    """family and name of each table."""
    return [(each.family, each.name) for each in parse_ruleset(text, "x.nft", **options).tables]


def rules_of(text):
    """Ports of the rules of the last chain of the first table."""
    return [rule.statements[0].right.elements[0].parts[0][0] for rule in parse_ruleset(text).tables[0].chains[-1].rules]


# Tables and chains -----------------------------------------------------------------------------------------------------------------


def test_shebang_comments_and_blank_lines():
    """A file as it stands in /etc."""
    assert tables("#!/usr/sbin/nft -f\n\n# why\nflush ruleset\n\ntable inet a { # b\n}\n") == [("inet", "a")]


@pytest.mark.parametrize("text", ["table a { }", "table a {\n}", "table ip a", "add table a", "create table ip a\n", 'table ip "a" { }'])
def test_family_of_a_table_is_ip(text):
    """Unless another is named; braces may be left out."""
    assert tables(text) == [("ip", "a")]


def test_table_opened_again_grows():
    """And keeps its place; one of another family is another table."""
    found = parse_ruleset("table ip a { chain x { } }\ntable ip6 a { }\ntable ip a { chain y { } }", "x.nft").tables
    assert [(each.family, [chain.name for chain in each.chains]) for each in found] == [("ip", ["x", "y"]), ("ip6", [])]
    assert found[0].place == Place("x.nft", 1, 1)


def test_table_properties():
    """Remark and sleep."""
    found = table('table ip a { comment "why"; flags dormant; }')
    assert (found.comment, found.dormant) == ("why", True)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("type filter hook input priority 0;", BaseChain("filter", "input", 0)),
        ("type filter hook input priority 0; policy drop;", BaseChain("filter", "input", 0, "drop")),
        ("type filter hook forward priority filter + 10; policy accept;", BaseChain("filter", "forward", 10)),
        ("type filter hook prerouting priority raw - 5;", BaseChain("filter", "prerouting", -305)),
        ("type filter hook prerouting priority -300\npolicy drop", BaseChain("filter", "prerouting", -300, "drop")),
        ("type nat hook postrouting priority srcnat;", BaseChain("nat", "postrouting", 100)),
        ("type route hook output priority mangle;", BaseChain("route", "output", -150)),
        ('type filter hook ingress device "eth0" priority 0;', BaseChain("filter", "ingress", 0, devices=("eth0",))),
        ("type filter hook ingress devices = { eth0, eth1 } priority 0;", BaseChain("filter", "ingress", 0, devices=("eth0", "eth1"))),
    ],
)
def test_base_chain(text, base):
    """Type, hook, priority by number or name with an offset, policy, devices."""
    found = table(f"table inet t {{\nchain c {{\n{text}\n}}\n}}").chains[0]
    assert found.base == base


def test_rule_on_the_line_of_the_hook():
    """With and without a policy between them."""
    text = "table ip t {{ chain c {{ type filter hook input priority 0; {} tcp dport 22 accept; }}; }}"
    assert rules_of(text.format("")) == rules_of(text.format("policy drop;")) == [22]


def test_bridge_has_its_own_priorities():
    """filter is -200 there."""
    assert table("table bridge t { chain c { type filter hook forward priority filter; } }").chains[0].base.priority == -200


def test_policy_is_placed():
    """Where it is written; else where the chain is."""
    found = table(
        "table ip t {\nchain a {\ntype filter hook input priority 0\n  policy drop\n}\nchain b { type filter hook input priority 0; }\n}"
    )
    assert [each.base.policy_place.line for each in found.chains] == [4, 6]


def test_chain_opened_again_grows():
    """Rules are added behind those that are there."""
    assert rules_of("table ip t { chain c { tcp dport 1; }; }\ntable ip t { chain c { tcp dport 2; }; }") == [1, 2]


# Commands --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "ports"),
    [
        ("add rule inet t c tcp dport 1", [22, 53, 1]),
        ("add inet t c tcp dport 1", [22, 53, 1]),
        ("insert rule inet t c tcp dport 1", [1, 22, 53]),
        ("add rule inet t c index 0 tcp dport 1", [22, 1, 53]),
        ("insert rule inet t c index 1 tcp dport 1", [22, 1, 53]),
        ("flush chain inet t c", []),
        ("flush table inet t", []),
        ("flush chain inet t x", [22, 53]),
    ],
)
def test_rules_come_and_go(command, ports):
    """As the kernel would hold them afterwards."""
    assert rules_of(BASE + command) == ports


@pytest.mark.parametrize(
    ("command", "elements"),
    [
        ("add element inet t s { 443 }", [22, 80, 443]),
        ("add element inet t s { 22, 443 }", [22, 80, 443]),
        ("delete element inet t s { 22 }", [80]),
        ("flush set inet t s", []),
        ("table inet t { set s { type inet_service; elements = { 1 }; }; }", [22, 80, 1]),
    ],
)
def test_elements_come_and_go(command, elements):
    """Each once, in the order in which they came."""
    (known,) = parse_ruleset(BASE + command).tables[0].sets
    assert [each.parts[0][0] for each in known.elements] == elements


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("flush ruleset", []),
        ("flush ruleset inet", [("ip", "u")]),
        ("flush ruleset ip", [("inet", "t")]),
        ("delete table inet t", [("ip", "u")]),
        ("destroy table inet t", [("ip", "u")]),
        ("destroy table inet nothing", [("inet", "t"), ("ip", "u")]),
    ],
)
def test_tables_go(command, left):
    """All, those of a family, one."""
    assert tables(BASE + "table ip u { }\n" + command) == left


def test_chains_and_sets_are_added_and_deleted():
    """In file order: what comes after counts."""
    text = BASE + "add chain inet t y { type filter hook input priority 0; }\ndelete chain inet t x\ndelete set inet t s\n"
    (found,) = parse_ruleset(text).tables
    assert ([each.name for each in found.chains], found.sets) == (["c", "y"], ())


def test_deleting_what_may_be_in_the_kernel_is_a_warning():
    """The idiom ``table x; delete table x; table x {…}`` makes none; a bare delete does, and so does a word of newer versions."""
    assert parse_ruleset("table ip t\ndelete table ip t\ntable ip t { }").warnings == ()
    (warning,) = parse_ruleset("delete table ip t", "x.nft").warnings
    assert "table ip t is not there yet" in warning.message
    (warning,) = parse_ruleset("destroy table ip t", "x.nft").warnings
    assert (warning.line, warning.column) == (1, 1)
    assert "1.0.7" in warning.message


# Definitions and includes ----------------------------------------------------------------------------------------------------------


def test_definitions_have_a_scope():
    """A block's definitions end with it; redefine changes, undefine takes away."""
    text = "define p = 1\ntable ip t {\ndefine p = 2\nchain c {\ntcp dport $p\n}\n}\ntable ip t { chain c { tcp dport $p; }; }\n"
    assert rules_of(text) == [2, 1]
    assert rules_of("define p = 1\nredefine p = 3\ntable ip t { chain c { tcp dport $p; }; }") == [3]
    assert complaints("define p = 1\nundefine p\ntable ip t { chain c { tcp dport $p; }; }")[0].message == "$p is not defined"


def test_value_is_taken_when_it_is_defined():
    """A later change of what it was made of does not matter."""
    assert rules_of("define a = 1\ndefine b = $a\nredefine a = 2\ntable ip t { chain c { tcp dport $b; }; }") == [1]


def test_variables_in_chain_headers():
    """Priority and policy."""
    found = table("define p = 10\ndefine w = drop\ntable ip t { chain c { type filter hook input priority $p; policy $w; }; }")
    assert (found.chains[0].base.priority, found.chains[0].base.policy) == (10, "drop")


def reader(files):
    """Includes from a dictionary."""

    def read(including, pattern):
        if pattern not in files:
            raise FileNotFoundError(f"no {pattern}")
        return [(pattern, files[pattern])]

    return read


def test_include_works_wherever_an_item_stands():
    """Between commands, in a table, in a chain; definitions inside are seen afterwards; places name the included file."""
    files = {"d": "define p = 7\n", "r": "tcp dport $p\n", "c": "chain y { }\n"}
    text = 'include "d"\ntable ip t {\ninclude "c"\nchain c {\ninclude "r"\n}\n}\n'
    found = parse_ruleset(text, "x.nft", reader(files)).tables[0]
    assert [each.name for each in found.chains] == ["y", "c"]
    assert found.chains[1].rules[0].place == Place("r", 1, 1)


def test_errors_in_included_files_are_sorted_by_file():
    """Each with the name and line of its own file."""
    files = {"r": "tcp dprt 1\n"}
    found = complaints('table ip t {\nchain c {\nudp dprt 1\ninclude "r"\nip sadr 1\n}\n}\n', reader=reader(files))
    assert [(each.path, each.line) for each in found] == [("x.nft", 3), ("x.nft", 5), ("r", 1)]


def test_file_that_includes_itself():
    """Ends with an error, not with the stack."""
    found = complaints('include "a"\n', reader=reader({"a": 'include "a"\n'}))
    assert [each.message for each in found] == ["includes nest deeper than 16: does a file include itself?"]


def test_missing_include():
    """What the system says, and from where paths count."""
    (found,) = complaints('include "nothing"\n', reader=reader({}))
    assert (found.message, found.column, found.width) == ('cannot read "nothing": no nothing', 9, 9)
    assert "including file's folder" in found.advice


# Errors ----------------------------------------------------------------------------------------------------------------------------

BAD = [
    ("tabel ip t { }", 'found "tabel", expected a command', 'did you mean "table"?', (1, 1, 5)),
    ("table", "expected the name of a table", "", (1, 6, 1)),
    ("}", 'found "}" that closes nothing', "", (1, 1, 1)),
    ("table ip t {", 'the "{" of table t is never closed', "", (1, 12, 1)),
    ("table ip t {\nchain c {\n}", 'the "{" of table t is never closed', "", (1, 12, 1)),
    ("table ip t { chian c { } }", 'found "chian", expected chain, set or map in a table', 'did you mean "chain"?', (1, 14, 5)),
    ("table ip t { chain { } }", 'found "{", expected the name of a chain', "", (1, 20, 1)),
    (
        "table ip t { chain c { type filtr hook input priority 0; } }",
        'no chain type is called "filtr"',
        'did you mean "filter"?',
        (1, 29, 5),
    ),
    (
        "table ip t { chain c { type filter hook inputs priority 0; } }",
        'family ip has no hook "inputs"',
        'did you mean "input"?',
        (1, 41, 6),
    ),
    (
        "table ip t { chain c { type filter hook ingress priority 0; } }",
        'family ip has no hook "ingress"',
        "one of: prerouting",
        (1, 41, 7),
    ),
    ("table ip t { chain c { type nat hook forward priority 0; } }", 'nat chains of family ip have no hook "forward"', "", (1, 38, 7)),
    ("table ip t { chain c { type filter hook input; } }", 'found ";", expected "priority" after the hook', "", (1, 46, 1)),
    (
        "table ip t { chain c { type filter hook input priority high; } }",
        'no priority is called "high"',
        "a number, or one of: raw",
        (1, 56, 4),
    ),
    ("table ip t { chain c { policy drop; } }", "chain c is no base chain, so it has no policy", "", (1, 24, 6)),
    (
        "table ip t { chain c { type filter hook input priority 0; policy dorp; } }",
        'a policy is accept or drop, not "dorp"',
        'did you mean "drop"?',
        (1, 66, 4),
    ),
    ("define = 1", 'found "=", expected the name of a variable', "", (1, 8, 1)),
    ("define a", 'expected "=" after define a', "", (1, 9, 1)),
    ("define a =", "expected a value after a =", "", (1, 11, 1)),
    ("define a = { 1", 'the "{" of $a is never closed', "", (1, 12, 1)),
    ("define a = $b", "$b is not defined", "add: define NAME = value", (1, 12, 2)),
    ("undefine a", '"a" is not defined', "", (1, 10, 1)),
    ("include x", 'found "x", expected a quoted text after include', "", (1, 9, 1)),
    ("add rule ip t c accept", "there is no table ip t", "add the table first", (1, 10, 2)),
    ("table ip t\nadd rule ip t c accept", "table t has no chain c", "add the chain first", (2, 15, 1)),
    ("table ip t\nadd element ip t s { 1 }", "table t has no set s", "add the set first", (2, 18, 1)),
    ("table ip t\ndelete chain ip t c", "table t has no chain c", "", (2, 19, 1)),
    ("table ip t { chain c { accept; }; }\ndelete rule ip t c handle 5", "no rule of chain c has the handle 5", "", (2, 27, 1)),
    ("delete tabel ip t", 'cannot delete "tabel"', 'did you mean "table"?', (1, 8, 5)),
    ("flush everything", 'cannot flush "everything"', "", (1, 7, 10)),
    ("table ip t { } table ip u { }", "", "", None),
]


@pytest.mark.parametrize(("text", "message", "advice", "where"), BAD, ids=[each[0] for each in BAD])
def test_bad_file(text, message, advice, where):
    """Message, advice, and what the caret line underlines."""
    if where is None:
        assert len(tables(text)) == 2
        return
    found = complaints(text)[0]
    assert message in found.message
    assert advice in found.advice
    assert (found.line, found.column, found.width) == where


def test_caret_stands_below_the_word():
    """As a person sees it."""
    (found,) = complaints("table ip t {\n\tchain c {\n\t\ttcp dprt 22 accept\n\t}\n}\n")
    assert str(found) == 'x.nft:3:7: tcp has no field "dprt"\n    \t\ttcp dprt 22 accept\n    \t\t    ^^^^\n    did you mean "dport"?'


def test_all_errors_of_a_file_are_found():
    """At any depth, in file order."""
    text = "tabel ip a { }\ntable ip t {\nchain c {\ntcp dprt 1\naccept drop\n}\nset s { type ipv4 }\n}\nflsh ruleset\n"
    assert sorted({each.line for each in complaints(text)}) == [1, 4, 5, 7, 9]


def test_what_is_no_ruleset_is_given_up():
    """After a hundred complaints."""
    assert len(complaints("nonsense\n" * 500)) == 100


def test_line_ends_of_windows():
    """Are read, and warned of: stock nft refuses them."""
    found = parse_ruleset(chain("accept").replace("\n", "\r\n"), "x.nft")
    assert "CR LF" in found.warnings[0].message
    assert found.tables == parse_ruleset(chain("accept"), "x.nft").tables


def test_byte_order_mark_is_passed_over():
    """An editor put it there."""
    assert tables("\ufefftable ip t { }") == [("ip", "t")]


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words_are_a_ruleset_or_refused(words):
    """No other exception comes out, whatever the text."""
    try:
        parse_ruleset(" ".join(words))
    except RulesetError as error:
        assert error.diagnostics


def test_files_that_include_each_other_twice_end():
    """Their number would double at each level."""
    reader = lambda _, pattern: [(pattern, 'include "b"\ninclude "b"\n' if pattern == "a" else 'include "a"\ninclude "a"\n')]  # noqa: E731
    with pytest.raises(RulesetError) as caught:
        parse_ruleset('include "a"\n', "x", reader)
    assert "more than 1000 files are included" in str(caught.value)


def test_variables_that_double_each_other_end():
    """Forty lines would make 2^40 elements."""
    lines = "".join(f"define a{n + 1} = {{ $a{n}, $a{n} }}\n" for n in range(40))
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(f"define a0 = 1\n{lines}table inet t {{\nchain c {{\ntcp dport $a40 accept\n}}\n}}\n")
    assert "variables are used more than 100000 times" in str(caught.value)
