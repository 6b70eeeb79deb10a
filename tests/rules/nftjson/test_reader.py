"""Rulesets as ``nft -j list ruleset`` prints them mean what ``nft list ruleset`` says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_rules import rulesets

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.kinds import looks_like_json
from pcapaudit.rules.model import Unsupported
from pcapaudit.rules.nft.printer import format_rule, format_ruleset
from pcapaudit.rules.nftjson.reader import JsonParser

TABLE = {"table": {"family": "inet", "name": "t"}}
CHAIN = {
    "chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"},
}
DPORT = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}


def rule(*statements, **more):
    return {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": list(statements), **more}}


def document(*things, indent=None):
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *things]}, indent=indent)


def printed(*things):
    return format_ruleset(parse_ruleset(document(*things), "x.json"))


def complaints(text):
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(text, "x.json")
    return [(each.line, each.column, each.message.partition(" (nftables[")[0]) for each in caught.value.diagnostics]


def test_tables_chains_rules():
    """The common case."""
    assert printed(TABLE, CHAIN, rule(DPORT, {"accept": None}, comment="a b")) == (
        "table inet t {\n\tchain c {\n\t\ttype filter hook forward priority 0; policy drop;\n"
        '\t\ttcp dport 22 accept comment "a b"\n\t}\n}\n'
    )


def test_sets_maps_and_objects():
    """Types, flags, times, elements."""
    named = {"family": "inet", "table": "t", "name": "s"}
    pool = {**named, "type": ["ipv4_addr", "inet_service"], "flags": ["interval"], "elem": [{"concat": ["10.0.0.1", {"range": [1, 9]}]}]}
    times = {**named, "name": "e", "type": "ipv4_addr", "flags": ["timeout"], "timeout": 60, "gc-interval": 5, "size": 9, "comment": "c"}
    verdicts = {**named, "name": "v", "type": "ifname", "map": "verdict", "elem": [["eth0", {"drop": None}]]}
    text = printed(
        TABLE,
        {"limit": {**named, "rate": 5, "per": "second", "burst": 5}},
        {"quota": {**named, "bytes": 5, "inv": True}},
        {"counter": {**named, "packets": 0, "bytes": 0}},
        {"ct helper": {**named, "type": "ftp", "protocol": "tcp"}},
        {"set": pool},
        {"set": times},
        {"map": verdicts},
        {"add": {"element": {**named, "name": "e", "elem": ["10.0.0.2"]}}},
    )
    for part in (
        "type ipv4_addr . inet_service\n\t\tflags interval\n\t\telements = { 10.0.0.1 . 1-9 }",
        "size 9\n\t\tflags timeout\n\t\ttimeout 1m\n\t\tgc-interval 5s",
        'elements = { "eth0" : drop }',
        "elements = { 10.0.0.2 }",
        "rate 5/second burst 5 packets",
        "over 5 bytes",
        'type "ftp" protocol tcp',
    ):
        assert part in text


def test_commands():
    """What nft -j -f takes."""
    assert printed({"add": TABLE}, {"flush": {"ruleset": None}}, {"add": {"table": {"family": "ip", "name": "u"}}}) == "table ip u {\n}\n"
    assert complaints(document({"flush": {"table": TABLE["table"]}}))[0][2] == "flush table is not supported in JSON"


def test_places_are_those_of_the_file():
    """Of rules, and of complaints."""
    text = document(TABLE, CHAIN, rule({"accept": None}), indent=1)
    (table,) = parse_ruleset(text, "x.json").tables
    place = table.chains[0].rules[0].place
    assert (place.path, text.splitlines()[place.line]) == ("x.json", '   "rule": {')
    text = document(TABLE, CHAIN, rule({"jump": {"target": "nowhere"}}), rule({"log": {"level": "loud"}}), indent=1)
    found = complaints(text)
    assert [text.splitlines()[line] for line, _, _ in found] == ['   "rule": {']
    assert found[0][2] == 'no log level is called "loud"'
    assert "no chain nowhere" in complaints(document(TABLE, CHAIN, rule({"jump": {"target": "nowhere"}})))[0][2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", 'JSON without a list called "nftables" at its beginning'),
        ('{"nftables": [{"table": }]}', "not JSON: expecting value"),
        ('{"nftables": [{"metainfo": 1} 5', "not JSON: expected a comma or the end of the list"),
        ('{"nftables": [5]}', "found 5, expected an object such as a table or a rule"),
        ('{"nftables": [{"nothing": {}}]}', 'nothing in a ruleset is called "nothing"'),
        ('{"nftables": [{"table": 1}]}', "table has no properties"),
        ('{"nftables": [{"table": {"family": "inet", "name": "a b"}}]}', "name: found 'a b', expected a name"),
        ('{"nftables": [' + '{"a":' * 100_000, "too deep"),
    ],
    ids=["other", "broken", "comma", "number", "unknown", "table", "name", "deep"],
)
def test_what_is_none(text, message):
    """Said in one line each."""
    assert complaints(text)[0][2] == message


def test_device_that_is_not_told():
    """nft 1.0.6 leaves it out: nothing silent."""
    chain = {"family": "netdev", "table": "n", "name": "i", "type": "filter", "hook": "ingress", "prio": 0}
    ruleset = parse_ruleset(document({"table": {"family": "netdev", "name": "n"}}, {"chain": chain}))
    assert "does not say which device" in ruleset.warnings[0].message
    told = parse_ruleset(document({"table": {"family": "netdev", "name": "n"}}, {"chain": {**chain, "dev": "eth0"}}))
    assert (told.warnings, told.tables[0].chains[0].base.devices) == ((), ("eth0",))


def test_recognised():
    """No other ruleset begins with a brace."""
    assert looks_like_json(' \n{"nftables": []}')
    assert not looks_like_json("table inet t {\n}")
    assert JsonParser().problems == []


# Stock nft ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both():
    """Loads text in a network namespace and lists it twice: as text and as JSON; None if nft does not take it."""
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft or unshare is not installed")
    if subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True, check=False).returncode:
        pytest.skip("no right to make a network namespace with nftables in it")

    def run(text):
        script = "nft -f - && nft list ruleset && echo @@@ && nft -j list ruleset"
        done = subprocess.run(["unshare", "-n", "sh", "-c", script], input=text, capture_output=True, text=True, check=False)
        return done.stdout.split("@@@\n") if not done.returncode else None

    return run


def same(both, text):
    """Text and JSON of one ruleset make the same program, and the same text but that JSON spells out what a bare reject means."""
    listed = both(text)
    if listed is None:
        return
    of_text, of_json = parse_ruleset(listed[0]), parse_ruleset(listed[1])
    texts = [re.sub(r"reject with icmp(x|v6)? port-unreachable", "reject", format_ruleset(each)) for each in (of_json, of_text)]
    assert texts[0].splitlines() == texts[1].splitlines()
    programs = [compile_ruleset(each, ("inside", "outside")) for each in (of_json, of_text)]
    for name in ("code", "pool", "loads", "ifaces", "plans"):
        assert list(getattr(programs[0], name)) == list(getattr(programs[1], name)), name


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(ruleset=rulesets(with_limits=True))
def test_random_rulesets_listed_both_ways(both, ruleset):
    """Whatever nft takes."""
    text = format_ruleset(ruleset)
    # Stock nft 1.0.6 lists this as "established | related", which it would read as another thing; its JSON keeps the operator.
    assume(not re.search(r"ct state == [a-z]+,", text))
    same(both, text)


MANY = """table inet t {
	limit l { rate 10/second }
	quota q { over 10 mbytes }
	counter cc { }
	synproxy sp { mss 1460; wscale 7; timestamp sack-perm; }
	ct helper ftp { type "ftp" protocol tcp; }
	set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 192.0.2.1-192.0.2.9 . 1-9 }; }
	set d { type ipv4_addr; flags dynamic; size 99; }
	map m { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1 }; }
	map v { type ifname : verdict; elements = { "eth0" : jump x }; }
	map o { type ipv4_addr : counter; elements = { 10.0.0.1 : "cc" }; }
	chain x { }
	chain c {
		type filter hook forward priority filter + 5; policy drop;
		ct state established,related accept
		ct state != invalid ct state { new, untracked } accept
		tcp flags & (fin|syn|rst) == syn accept
		tcp flags syn / fin,syn accept
		tcp flags { syn, ack } tcp flags syn drop
		ip saddr . tcp dport @s add @d { ip saddr limit rate 5/minute }
		iifname vmap @v
		meta mark set ct mark & 0xff | 0x100
		limit rate over 10 mbytes/second burst 5 kbytes limit name "l" quota name "q" counter name ip saddr map @o
		log prefix "a b" level info flags tcp sequence,options flags skuid
		log group 3 snaplen 5 queue-threshold 2
		reject with icmpx admin-prohibited
		tcp dport 1-5 reject with tcp reset
		ip daddr 10.0.0.0/8 udp dport { 1, 2-5 } drop
		fib saddr . iif oif missing drop
		fib daddr type local tcp option sack-perm exists exthdr hbh exists accept
		@th,16,16 80 meta hour "10:00"-"12:00" meta day "Monday" accept
		ct original ip saddr 10.0.0.1 ct status dnat ct direction reply accept
		tcp dport 21 ct helper set "ftp"
		numgen inc mod 2 0 drop
		tcp dport 5 meter mm { ip saddr limit rate 3/second } counter
		ip dscp cs1 icmp type { echo-request, 3 } icmp code 1 drop
		meta l4proto { tcp, udp } th dport 53 goto x
		ip6 saddr fe80::/10 ip6 nexthdr 58 meta iifname "ppp*" oif lo icmpv6 type nd-redirect accept comment "why not"
	}
}
"""


def test_constructs_listed_both_ways(both):
    """Line by line: a kernel that knows only some of them still tests those."""
    lines = MANY.splitlines()
    start = lines.index("\tchain c {") + 2
    taken = [line for line in lines[start:-2] if both("\n".join([*lines[:start], line, *lines[-2:]]) + "\n") is not None]
    assert len(taken) > 10
    same(both, "\n".join([*lines[:start], *taken, *lines[-2:]]) + "\n")


# What is not understood -------------------------------------------------------------------------------------------------------------------


MAGIC = [
    TABLE,
    {"set": {"family": "inet", "table": "t", "name": "s", "type": {"weird": 1}}},
    CHAIN,
    rule(DPORT, {"magic": None}, {"accept": None}),
    rule({"match": {"op": "==", "left": DPORT["match"]["left"], "right": "@s"}}, {"accept": None}),
    rule({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dporx"}}, "right": 1}}, {"accept": None}),
    rule({"drop": None}),
]


def test_complaints_name_the_object_and_its_part():
    """Line, column, and where in the JSON."""
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(document(*MAGIC, indent=1), "x.json")
    assert [each.message for each in caught.value.diagnostics] == [
        "found {'weird': 1}, expected a value (nftables[2].set)",
        'no statement is called "magic" (nftables[4].rule.expr[1])',
        'tcp has no field "dporx" (nftables[6].rule)',
    ]
    assert len({each.line for each in caught.value.diagnostics}) == 3


def test_rules_that_are_not_understood_become_undecidable():
    """Up to what is understood: packets that fail its first matches do not meet the rest."""
    ruleset = parse_ruleset(document(*MAGIC), "x.json", undecidable=True)
    rules = ruleset.tables[0].chains[0].rules
    assert [format_rule(each).partition(" [")[0] for each in rules] == [
        "tcp dport 22",
        "tcp dport @s accept",
        "tcp dporx == 1 accept",
        "drop",
    ]
    assert [any(isinstance(each, Unsupported) for each in rule.statements) for rule in rules] == [True, True, True, False]
    assert len(ruleset.warnings) == 4
    assert all("undecidable" in each.message for each in ruleset.warnings)


def test_broken_json_is_refused_all_the_same():
    """Half a file is no ruleset."""
    with pytest.raises(RulesetError):
        parse_ruleset(document(*MAGIC)[:-40], "x.json", undecidable=True)
