"""Statements of a rule, and rules as a whole."""

from __future__ import annotations

import pytest
from nft_texts import chain, complaints, match, rule, statements

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.model import Counter, Element, Key, Limit, Log, Match, Place, Reject, SetLiteral, SetRef, Verdict, VerdictMap
from pcapaudit.rules.selectors import SELECTORS

#: ``ct status``, two bits of it.
_STATUS = Key(SELECTORS["ct status"], mask=0x30)
SIMPLE = [
    ("ct status ! snat,dnat", Match((_STATUS,), "==", SetLiteral((Element(((0, 0),)),)))),
    ("accept", Verdict("accept")),
    ("drop", Verdict("drop")),
    ("continue", Verdict("continue")),
    ("return", Verdict("return")),
    ("counter", Counter()),
    ("counter packets 5 bytes 600", Counter(5, 600)),
    ("log", Log()),
    ('log prefix "a b" level warn', Log((("prefix", "a b"), ("level", "warn")))),
    ("log group 2 snaplen 100 queue-threshold 3", Log((("group", "2"), ("snaplen", "100"), ("queue-threshold", "3")))),
    (
        "log flags tcp sequence,options flags ip options flags all",
        Log((("flags", "tcp sequence,options"), ("flags", "ip options"), ("flags", "all"))),
    ),
    ("reject", Reject()),
    ("reject with tcp reset", Reject("tcp")),
    ("reject with icmp type host-unreachable", Reject("icmp", 1)),
    ("reject with icmp port-unreachable", Reject("icmp", 3)),
    ("reject with icmpv6 type no-route", Reject("icmpv6", 0)),
    ("reject with icmpx type admin-prohibited", Reject("icmpx", 3)),
]


@pytest.mark.parametrize(("text", "found"), SIMPLE, ids=[text for text, _ in SIMPLE])
def test_statement(text, found):
    """Alone in a rule."""
    assert statements(text) == (found,)


def test_jump_and_goto():
    """To chains of the same table, by name or variable."""
    text = "define to = x\ntable ip t { chain x { }; chain c { jump x; goto x; jump $to; }; }"
    rules = parse_ruleset(text).tables[0].chains[1].rules
    assert [each.statements for each in rules] == [(Verdict("jump", "x"),), (Verdict("goto", "x"),), (Verdict("jump", "x"),)]


def test_rule_keeps_order_comment_and_place():
    """A remark may stand anywhere in the rule."""
    found = rule('tcp dport 22 counter comment "why" limit rate 1/second accept')
    assert [type(each) for each in found.statements] == [Match, Counter, Limit, Verdict]
    assert (found.comment, found.place) == ("why", Place("x.nft", 4, 1))
    assert found.statements[0].place == Place("x.nft", 4, 1)
    assert found.statements[2].place == Place("x.nft", 4, 36)


def test_several_rules_on_a_line():
    """A semicolon ends a rule."""
    rules = parse_ruleset(chain("tcp dport 22 accept; udp dport 53 drop;")).tables[0].chains[0].rules
    assert [len(each.statements) for each in rules] == [2, 2]


def test_verdict_map():
    """Written out, or by the name of a map."""
    key = (Key(SELECTORS["tcp dport"]),)
    elements = (Element(((22, 22),), Verdict("accept")), Element(((80, 90),), Verdict("drop")))
    assert statements("tcp dport vmap { 22 : accept, 80-90 : drop }") == (VerdictMap(key, SetLiteral(elements, braces=True)),)
    text = "table ip t { map m { type inet_service : verdict; }; chain c { tcp dport vmap @m; }; }"
    assert parse_ruleset(text).tables[0].chains[0].rules[0].statements == (VerdictMap(key, SetRef("m")),)


@pytest.mark.parametrize(
    ("text", "op", "mask", "value"),
    [
        ("ct state new", "any", None, 8),
        ("ct state == new", "==", None, 8),
        ("ct state new,established", "any", None, 10),
        ("ct state new / new,established", "==", 10, 8),
        ("tcp flags syn / syn,ack", "==", 18, 2),
        ("tcp flags != syn / syn,ack", "!=", 18, 2),
        ("tcp flags & (syn | ack) syn", "==", 18, 2),
    ],
)
def test_masks(text, op, mask, value):
    """Without an operator one bit is enough; with one, or with a mask, all must be as said."""
    (found,) = statements(text)
    assert (found.op, found.keys[0].mask, found.right.elements[0].parts[0][0]) == (op, mask, value)


def test_not_equal_to_several_bits_is_warned_of():
    """It is hardly ever meant; what was meant is shown."""
    (warning,) = parse_ruleset(chain("ct state != new,established drop")).warnings
    assert warning.message == "ct state != with several values is true unless all of them are set at once"
    assert warning.advice == "to exclude each of them write: ct state != { established, new }"
    assert parse_ruleset(chain("ct state != new drop")).warnings == ()


@pytest.mark.parametrize(
    ("text", "family", "needs"),
    [
        ("ip saddr 1.2.3.4 ip6 daddr ::1", "inet", "ip6 daddr in a rule for ip packets"),
        ("ip6 saddr ::1", "ip", "ip6 saddr in a rule for ip packets"),
        ("tcp dport 22 udp sport 53", "inet", "udp sport in a rule for tcp packets"),
        ("meta l4proto tcp udp dport 53", "inet", "udp dport in a rule for tcp packets"),
        ("ip protocol icmp tcp dport 1", "ip", "tcp dport in a rule for icmp packets"),
        ("meta nfproto ipv6 ip saddr 1.2.3.4", "inet", "ip saddr in a rule for ip6 packets"),
    ],
)
def test_conflicting_protocols(text, family, needs):
    """What nft refuses, because it can never match."""
    (found,) = complaints(chain(text, family=family))
    assert found.message == f"conflicting protocols: {needs}"
    assert found.advice == "such a rule can never match"


@pytest.mark.parametrize(
    "text", ["meta l4proto { tcp, udp } th dport 53", "meta l4proto != tcp udp dport 53", "meta l4proto tcp tcp dport 53"]
)
def test_what_settles_no_protocol(text):
    """A set, a negation, the same one again."""
    assert len(statements(text)) == 2


def test_no_operator_is_equal():
    """For values and sets alike."""
    assert match("tcp dport 22")[1] == match("tcp dport { 22 }")[1] == "=="


BAD = [
    ("accept drop", "a statement after the verdict is never reached", "move it before the verdict", (8, 4)),
    ("reject counter", "a statement after the verdict is never reached", "", (8, 7)),
    ("tcp dport ! 22", 'found "!", expected an operator', "write != for not equal", (11, 1)),
    ("tcp dport < { 22 }", '"<" does not go with a set', "use == or !=", (13, 1)),
    ("tcp dport vmap { 22 : acept }", 'found "acept", expected a verdict', 'did you mean "accept"?', (23, 5)),
    ("tcp dport vmap { 22 }", 'found "}", expected ":" between key and value', "", (21, 1)),
    ("jump", "found the end of the line, expected the name of a chain", "", (5, 1)),
    ("log prefix x", 'found "x", expected a quoted text after prefix', 'write: log prefix "text"', (12, 1)),
    ("log level loud", 'no log level is called "loud"', "one of: emerg", (11, 4)),
    ("log level warning", 'no log level is called "warning"', "", (11, 7)),
    ("log flags x", 'found "x", expected all, skuid', "", (11, 1)),
    ("reject with tpc reset", 'found "tpc", expected icmp, icmpv6, icmpx or tcp reset', "", (13, 3)),
    ("reject with tcp rest", 'found "rest", expected "reset" after reject with tcp', "", (17, 4)),
    ("reject with icmp type hst-unreachable", '"hst-unreachable" is no code of icmp', 'did you mean "host-unreachable"?', (23, 15)),
    ("counter packets x", 'found "x", expected a number of packets', "", (17, 1)),
]


@pytest.mark.parametrize(("text", "message", "advice", "where"), BAD, ids=[each[0] for each in BAD])
def test_bad_statement(text, message, advice, where):
    """Message, advice, and what the caret line underlines."""
    (found,) = complaints(chain(text))
    assert message in found.message
    assert advice in found.advice
    assert (found.line, found.column, found.width) == (4, *where)


def test_every_bad_rule_is_named():
    """One run finds them all; good rules between them make no complaint."""
    found = complaints(chain("tcp dprt 1 accept\naccept\nct state nwe { a; b } drop\nip saddr x\n"))
    assert [(each.line, each.column) for each in found] == [(4, 5), (6, 10), (7, 10)]
